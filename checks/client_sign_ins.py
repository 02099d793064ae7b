"""What the sign-in log shows of each client of an account: how often it got in, and by what it was refused. Pure.

A client is the protocol for legacy ones, otherwise the application (docs/verdicts.md, "Refused sign-ins").
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.sign_in_codes import Ending, ending_of
from tenant.model import Account, SignInOutcome
from tenant.sign_in_outcomes import client_of

SECURITY_DEFAULTS = "securitydefaults"
"""The id that Security Defaults have as a policy in the sign-in log, lower-cased."""


@dataclass(frozen=True, slots=True)
class ClientSignIns:
    """The sign-ins of an account with one client."""

    key: str
    name: str
    """What the log calls the protocol, or the application's name; the application's id where it has none."""
    legacy: bool
    let_in: tuple[SignInOutcome, ...]
    refused: tuple[SignInOutcome, ...]
    """Newest first, as are the others."""
    neither: tuple[SignInOutcome, ...]

    @property
    def last_in(self) -> SignInOutcome | None:
        """The newest that got in."""
        return self.let_in[0] if self.let_in else None

    @property
    def last_refused(self) -> datetime | None:
        """When the newest refusal was."""
        return self.refused[0].last_seen if self.refused else None

    @property
    def only_refused(self) -> bool:
        """Whether none got in, and some were refused."""
        return bool(self.refused) and not self.let_in

    @property
    def run(self) -> tuple[SignInOutcome, ...]:
        """The refusals after the last sign-in that got in; empty where the newest that counts did."""
        return tuple(one for one in self.refused if one.since_last_in)

    @property
    def words(self) -> str:
        """The client in a sentence, after *with* or *by*."""
        if self.legacy:
            return self.name
        return f'the application "{self.name}"' if self.name else "an application that the log doesn't name"


def clients_of(account: Account) -> tuple[ClientSignIns, ...]:
    """The clients of an account, the one that was seen last first; none where the sign-in log wasn't read."""
    groups: dict[str, list[SignInOutcome]] = {}
    for one in sorted(account.outcomes, key=lambda one: one.last_seen, reverse=True):
        groups.setdefault(client_of(one.client_app, one.app_id, one.app_name, one.how), []).append(one)
    return tuple(_client(key, group) for key, group in groups.items())


def legacy_client(account: Account, client_app: str) -> ClientSignIns | None:
    """The legacy client of an account that the log calls ``client_app``, or by another name of the same protocol."""
    key = client_of(client_app, "", "", "legacy")
    return next((one for one in clients_of(account) if one.legacy and one.key == key), None)


def total(outcomes: Iterable[SignInOutcome]) -> int:
    """How many sign-ins these are."""
    return sum(one.count for one in outcomes)


def policies_of(outcomes: Iterable[SignInOutcome]) -> tuple[tuple[str, str], ...]:
    """Id and name of every policy that the log names for these, each once, by name."""
    named: dict[str, tuple[str, str]] = {}
    for one in outcomes:
        for id, name in one.policies or ():
            named.setdefault(id or name, (id, "Security Defaults" if id == SECURITY_DEFAULTS else name or id))
    return tuple(sorted(named.values(), key=lambda one: (one[1].casefold(), one[0])))


def _client(key: str, outcomes: Sequence[SignInOutcome]) -> ClientSignIns:
    newest = outcomes[0]
    legacy = newest.how == "legacy"
    name = newest.client_app if legacy else next((one.app_name for one in outcomes if one.app_name), newest.app_id)
    ended = {ending: tuple(one for one in outcomes if ending_of(one) is ending) for ending in Ending}
    return ClientSignIns(key, name, legacy, ended[Ending.LET_IN], ended[Ending.REFUSED], ended[Ending.NEITHER])
