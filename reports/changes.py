"""What changed since the scan before, grouped so that a thousand alike changes are one line."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.extras import Json
from reports.text import readable
from reports.words import CHANGE, SEVERITY, say

_NAMES = 8
_BESIDE = frozenset({"APW-010", "APW-011", "APW-012", "APW-016", "APW-017"})
"""Checks of how an account is used: of changes that are equally bad, those of the option itself are told first."""
_SILENCE = {"exception": "accepted", "flapping": "keeps coming and going"}


@dataclass(frozen=True, slots=True)
class ChangedAccount:
    """An account that changed: its id, for a link, and its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """The same thing that happened to one or more accounts at a scan."""

    kind: str
    label: str
    """The kind in a word, e.g. ``New``."""
    check_id: str
    title: str
    severity: str
    text: str
    """Why, in a sentence."""
    note: str
    """Why nobody was told, or that it keeps coming and going; mostly empty."""
    cause: str
    """Since when and through whom, in a sentence, where known."""
    accounts: tuple[ChangedAccount, ...]
    """The first of them."""
    others: int
    """How many more there are."""


def grouped(changes: Sequence[Json]) -> list[ChangeGroup]:
    """The changes as groups: what got worse first, then by severity, then the option itself, then the larger group."""
    groups: dict[tuple[str, ...], list[Json]] = {}
    for change in changes:
        groups.setdefault(_key(change), []).append(change)
    kinds, severities = tuple(CHANGE), tuple(SEVERITY)

    def place(group: ChangeGroup) -> tuple[int, int, bool, int, str]:
        kind = kinds.index(group.kind) if group.kind in kinds else len(kinds)
        severity = severities.index(group.severity) if group.severity in severities else len(severities)
        return kind, severity, group.check_id in _BESIDE, -len(group.accounts) - group.others, group.check_id

    return sorted((_group(key, members) for key, members in groups.items()), key=place)


def _key(change: Json) -> tuple[str, ...]:
    text = change.get("resolution") if change["kind"] == "resolved" else change.get("summary")
    note = _SILENCE.get(change.get("silence") or "", "")
    if change.get("flapping") and not note:
        note = _SILENCE["flapping"] if change["flapping"] == "started" else "stable again"
    names = ("kind", "check_id", "title", "severity")
    return (*(change[name] for name in names), text or "", note, change.get("cause") or "")


def _group(key: tuple[str, ...], members: Sequence[Json]) -> ChangeGroup:
    kind, check_id, title, severity, text, note, cause = key
    accounts = sorted(
        (ChangedAccount(readable(one["account"]), one["user_principal_name"]) for one in members),
        key=lambda account: account.name.casefold(),
    )
    return ChangeGroup(
        kind,
        say(CHANGE, kind),
        check_id,
        title,
        severity,
        text,
        note,
        cause,
        tuple(accounts[:_NAMES]),
        len(accounts[_NAMES:]),
    )
