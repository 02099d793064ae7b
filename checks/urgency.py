"""How urgent a finding is, beside how bad: broken now, going to break, or a matter of order. Pure.

Severity says how bad a finding is, and its meaning is fixed; it doesn't say when. So each finding, and each account by its most
urgent one, stands in exactly one group, and severity orders inside it. What can't be told has a place of its own: it may be broken
now, so it is no matter of order, and it may be well, so it isn't called broken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from checks.ahead import ending_methods
from checks.catalog import CANNOT_TELL, METHODS_END, OFF_FOR_THE_TENANT, SWITCHED_OFF
from checks.client_sign_ins import legacy_client
from checks.model import JudgedAccount, Severity
from checks.phrases import joined
from checks.usage import RETIRED, retired_uses
from tenant.model import Account


class Urgency(StrEnum):
    """When something breaks; the most urgent first."""

    NOW = "now"
    """It is broken: the option is missing, an app password is refused, or the protocol is gone."""
    UNKNOWN = "unknown"
    """What decides could not be read: it may be broken now."""
    LATER = "later"
    """It works, and will not: on a day that is known, or when a policy is switched on."""
    TIDY = "tidy"
    """It works, nothing is known to end it, and it should be put in order."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """What Microsoft takes away from an account."""

    what: str
    """What people call it in a sentence."""
    on: date | None
    """The next day on which something ends; None where none lies ahead."""
    ended: bool
    """Whether some of it has ended, and nothing shows that it still gets in."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a finding or an account stands."""

    urgency: Urgency
    on: date | None = None
    """The day on which it breaks, where one is known; only for what will break."""


_BROKEN = frozenset(
    {"APW-001", "APW-002", "APW-003", "APW-004", "APW-007", SWITCHED_OFF, OFF_FOR_THE_TENANT},
)
"""Checks that say that something is missing or refused today."""
_WAITING = frozenset({"APW-006", "APW-013"})
"""Checks of policies that aren't in force yet: nobody knows the day."""
_DATED = frozenset({RETIRED, METHODS_END})
"""Checks of what Microsoft ends on a day."""
_IN_ORDER = frozenset({"APW-005", "APW-011", "APW-012", "APW-017"})


def standing_of(check_id: str, severity: str, deadline: Deadline | None = None) -> Standing:
    """Where an open finding stands. ``deadline``: what is known of the days that it speaks of.

    A check that isn't known here, because another version found it, is broken where it is severe.
    """
    if check_id in _DATED:
        if deadline is None:
            return Standing(Urgency.LATER)
        return Standing(Urgency.NOW) if deadline.ended else Standing(Urgency.LATER, deadline.on)
    if check_id in _BROKEN:
        return Standing(Urgency.NOW)
    if check_id == CANNOT_TELL:
        return Standing(Urgency.UNKNOWN)
    if check_id in _WAITING:
        return Standing(Urgency.LATER)
    if check_id in _IN_ORDER:
        return Standing(Urgency.TIDY)
    # Refused sign-ins of a client that gets in again are over, and less severe.
    return Standing(Urgency.NOW if severity == Severity.HIGH else Urgency.TIDY)


def most_urgent(standings: Iterable[Standing]) -> Standing | None:
    """Where an account with these findings stands, with the next day that is known; None without any."""
    known = list(standings)
    if not known:
        return None
    urgency = min((one.urgency for one in known), key=tuple(Urgency).index)
    days = [one.on for one in known if one.on and one.urgency is urgency]
    return Standing(urgency, min(days, default=None))


def deadlines_of(judged: JudgedAccount, today: date) -> Mapping[str, Deadline]:
    """Check id -> what ends, for the findings of an account that speak of days."""
    failed = {finding.check_id for finding in judged.findings}
    found = {}
    if RETIRED in failed and (retired := _protocols(judged.account, today)):
        found[RETIRED] = retired
    if METHODS_END in failed and (ending := ending_methods(judged.account)):
        on = min(method.on for method in ending)
        found[METHODS_END] = Deadline(joined([one.name for one in ending]), on if on > today else None, on <= today)
    return found


def _protocols(account: Account, today: date) -> Deadline | None:
    """What ends of the protocols that the account uses; one that has ended and still lets it in hasn't ended for it."""
    uses = retired_uses(account)
    if not uses:
        return None
    ended = [one for one in uses if one.on <= today and not _got_in_since(account, uses[one].client_app, one.on)]
    ahead = sorted((one for one in uses if one.on > today), key=lambda one: one.on)
    named = ended or ahead[:1] or list(uses)
    return Deadline(joined([one.name for one in named]), ahead[0].on if ahead else None, bool(ended))


def _got_in_since(account: Account, client_app: str, day: date) -> bool:
    client = legacy_client(account, client_app)
    if client is None or client.last_in is None or client.run:
        return False  # nothing got in, or what came after it was refused
    return client.last_in.last_seen.date() >= day
