"""What is wrong with settings, in words: one error that lists everything. No message repeats a secret."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from settings import values

CHANNEL_FIELDS: Mapping[str, tuple[str, ...]] = {
    "teams": ("teams_webhook_url",),
    "webhook": ("webhook_url", "webhook_secret"),
    "email": ("alert_email_from", "alert_email_to"),
}
"""Alert channel -> the fields of ``Settings`` that are its own. What is wrong with them breaks this channel, and nothing else."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    field: str
    """The field of ``Settings`` that it is about."""
    sentence: str
    """What is wrong and what to do, starting with the setting's name; without a full stop."""

    @property
    def channel(self) -> str | None:
        """The only channel that it breaks; None where it breaks everything."""
        return next((channel for channel, fields in CHANNEL_FIELDS.items() if self.field in fields), None)


class SettingsError(Exception):
    """Settings are missing or wrong. ``problems`` holds one sentence each; the message lists them all."""

    def __init__(self, problems: list[str], given: frozenset[str] = frozenset()) -> None:
        self.problems = tuple(problems)
        self.given = given
        """Names of the fields that were set at all."""
        count = "One setting needs" if len(problems) == 1 else f"{len(problems)} settings need"
        super().__init__("\n".join([f"{count} your attention:", *(f"- {problem}." for problem in problems)]))


def is_blank(value: object) -> bool:
    """Whether a value counts as not set."""
    return value is None or (isinstance(value, str) and not value.replace(",", "").strip())


def is_key_vault_reference(value: object) -> bool:
    """Whether App Service has left the reference standing where the secret should be."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return isinstance(text, str) and text.strip().lower().startswith("@microsoft.keyvault(")


def expected_secrets(value: object) -> frozenset[str] | None:
    """The names of the settings that must come from the vault, as ``EXPECTED_SECRETS`` says; None where it isn't set.

    A deployment refers to every secret that the vault may hold: only so can one that forgets a secret not lose a channel.
    """
    if not isinstance(value, str) or is_blank(value):
        return None
    return frozenset(name.upper() for name in values.split_list(value))


def unresolved(name: str) -> str:
    """The sentence for a Key Vault reference that was not resolved."""
    return (
        f"{name} is a Key Vault reference that was not resolved: check in the Azure portal under Environment variables "
        "that its status is green, that the secret exists (one that was deleted has to be recovered before it is set again) and that the app's identity "
        "has the role Key Vault Secrets User; once that is right, have the app fetch it (docs/deploy.md, step 6), or wait a day"
    )


def between(given: Set[str], env_name: Callable[[str], str]) -> list[Problem]:
    """What is wrong with settings that belong together; ``given`` holds the names of the fields that are set."""
    found = []
    for names, why in (
        (CHANNEL_FIELDS["email"], "alerts by mail need both"),
        (CHANNEL_FIELDS["webhook"], "alerts are always signed"),
    ):
        missing = [name for name in names if name not in given]
        if len(missing) == 1:
            other = next(env_name(name) for name in names if name in given)
            sentence = f"{env_name(missing[0])} is not set although {other} is: set both or neither, {why}"
            found.append(Problem(missing[0], sentence))
    uris = ("storage_table_uri", "storage_queue_uri")
    if len(given & set(uris)) == 1 and not given & {"storage_connection_string", "storage_account_name"}:
        missing_uri, other = sorted(uris, key=lambda name: name in given)
        sentence = f"{env_name(missing_uri)} is not set although {env_name(other)} is: set both"
        found.append(Problem(missing_uri, sentence))
    return found


def by_channel(found: Iterable[Problem]) -> dict[str, str]:
    """Channel -> everything that is wrong with its own settings, as sentences."""
    sentences: dict[str, list[str]] = {}
    for problem in found:
        if problem.channel:
            sentences.setdefault(problem.channel, []).append(f"{problem.sentence}.")
    return {channel: " ".join(dict.fromkeys(lines)) for channel, lines in sentences.items()}


def in_words(detail: Any, name: str) -> str:
    """One problem that pydantic found with the setting ``name``."""
    if detail["type"] == "value_error":
        return f"{name} {detail['ctx']['error']}"
    if detail["type"] == "literal_error":
        return f"{name} is {values.shown(str(detail['input']))}: use {detail['ctx']['expected'].replace(chr(39), '')}"
    return f"{name} is not understood: write it as text"
