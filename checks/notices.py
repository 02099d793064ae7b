"""What Exchange Online itself switches off, with dates, to be shown beside a verdict. The dates are data: they move."""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from checks.model import Usability, Verdict, Visibility

_WITHOUT_APP_PASSWORD = (Visibility.NOT_APPLICABLE, Visibility.NOT_OFFERED)
_BLOCKED = (Usability.BLOCKED_BY_POLICY, Usability.BLOCKED_BY_SECURITY_DEFAULTS)


@dataclass(frozen=True, slots=True)
class Notice:
    """A date on which a protocol that app passwords serve goes away, or went."""

    protocol: str
    date: date
    text: str
    url: str
    clients: frozenset[str] = frozenset()
    """How the sign-in log names it (``clientAppUsed``), lower-cased."""


@cache
def retirements() -> tuple[Notice, ...]:
    """All known retirements, from ``retirements.json`` beside this module (sources are named in it)."""
    data = json.loads(Path(__file__).with_name("retirements.json").read_text(encoding="utf-8"))
    return tuple(
        Notice(
            entry["protocol"],
            date.fromisoformat(entry["date"]),
            entry["text"],
            entry["url"],
            frozenset(client.casefold() for client in entry["clients"]),
        )
        for entry in data["retirements"]
    )


def notices_for(verdict: Verdict, today: date) -> tuple[Notice, ...]:
    """The notices that concern an account: none where no app password comes into question or none would be let in."""
    if verdict.visibility in _WITHOUT_APP_PASSWORD or verdict.usability in _BLOCKED:
        return ()
    return tuple(sorted(retirements(), key=lambda notice: abs((notice.date - today).days)))
