"""What changed about one account: pure, no I/O. The whole life of a finding as a table: docs/lifecycle.md.

A finding's identity is (account id, check id). What could not be read changes nothing, and that is a matter of each check:
a check that is *undecided* is neither resolved nor found unmoved, whatever else was readable; what was seen does open. A
finding that is seen again after it was resolved is reopened: ``first_seen`` starts anew, ``first_ever`` stays. Where it
takes two scans in a row to be news, the first one keeps the finding as *pending*, and the second one tells it.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from findings.accepted import exception_for
from findings.flapping import damp
from findings.model import (
    AcceptedException,
    AccountRecord,
    Change,
    ChangeKind,
    Comparison,
    FindingState,
    Flap,
    Observation,
    Silence,
    Status,
)
from findings.run_record import ANY_TIME

CHANGE_NAMESPACE = UUID("5b0a2f5e-9d2c-4a52-9a39-0f3c5a6f3d11")
"""Never changes: the ids of changes that are on their way are made from it."""


def no_longer_found(_check_id: str) -> str:
    """Why any finding is gone, where nothing more is known."""
    return "The last scan no longer found it."


@dataclass(frozen=True, slots=True)
class Scan:
    """What all findings of an account have in common while they are compared."""

    record: AccountRecord
    alert_id: str
    closing: str | None
    resolution: Callable[[str], str]
    undecided: Collection[str]
    confirmed: Collection[str]
    apart: timedelta
    channels: tuple[str, ...]
    previous_visibility: str | None
    unread_exceptions: frozenset[str]
    """Ids of exceptions of which nobody can say whether they ended."""

    @property
    def now(self) -> datetime:
        """When the account was read."""
        return self.record.judged_at

    def decided(self, check_id: str) -> bool:
        """Whether it is known that the account passes a check which it wasn't seen to fail."""
        return bool(self.closing) or check_id not in self.undecided

    def confirms(self, pending: FindingState) -> bool:
        """Whether a scan that sees a pending finding again is apart from the one that saw it first.

        A run that was repeated is the same scan.
        """
        if self.record.run_id == pending.run_id:
            return False
        return not self.apart or self.now - pending.first_seen >= self.apart


def compare(
    record: AccountRecord,
    previous: Iterable[FindingState],
    observations: Iterable[Observation],
    *,
    alert_id: str,
    closing: str | None = None,
    resolution: Callable[[str], str] = no_longer_found,
    undecided: Collection[str] = (),
    confirmed: Collection[str] = (),
    apart: timedelta = ANY_TIME,
    channels: tuple[str, ...] = (),
    exceptions: Iterable[AcceptedException] = (),
    known: AccountRecord | None = None,
) -> Comparison:
    """Compare what was known of an account with what a scan saw.

    Args:
        record: The account as it was judged now: gives the time and the run.
        previous: The account's findings, open and resolved, as they were kept.
        observations: The checks that the account fails now, each once.
        alert_id: The group that the changes are told in.
        closing: Why the account has no findings any more (deleted, disabled, no longer selected), in a sentence;
            resolves all of them, undecided or not. Observations are ignored then.
        resolution: Why a finding that is gone is gone, in a sentence: takes the id of its check.
        undecided: The checks of which the scan couldn't tell whether the account fails them.
        confirmed: The checks of which what this scan sees may be a hiccup: told by the second scan in a row that sees them.
        apart: How long ago a hiccup must have been seen first for this scan to confirm it. Scheduled scans are apart by
            themselves; one of some accounts, or one that the audit log called for, may follow another within minutes.
        channels: The alert channels that the changes are to be told through.
        exceptions: Accepted findings; those of other accounts and those out of date are ignored. One that is unread silences
            nothing, and stays with the finding that has it.
        known: The account as it was judged before; None where it never was.

    Raises:
        ValueError: An observation appears twice, or a time has no zone.
    """
    if record.judged_at.tzinfo is None:
        raise ValueError("The time of a judgement needs a time zone.")
    before = {state.check_id: state for state in previous}
    seen = {} if closing else _by_check(observations)
    previous_visibility = known.last_visibility if known and known.selected else None
    accepted = tuple(exceptions)
    unread = frozenset(one.id for one in accepted if one.unread)
    scan = Scan(
        record, alert_id, closing, resolution, undecided, confirmed, apart, channels, previous_visibility, unread
    )
    states: list[FindingState] = []
    changes: list[Change] = []
    for check_id in sorted(before.keys() | seen.keys()):
        old = before.get(check_id)
        exception = exception_for(accepted, record.account_id, check_id, scan.now)
        state, happened = _compare_one(scan, old, seen.get(check_id), exception)
        states.append(state)
        changes.extend(happened)
    touched = tuple(state for state in states if state != before.get(state.check_id))
    return Comparison(tuple(states), tuple(changes), touched)


def change_id(alert_id: str, account_id: str, check_id: str, kind: ChangeKind) -> str:
    """The id of a change: equal for equal arguments, on every machine and in every version."""
    return str(uuid5(CHANGE_NAMESPACE, json.dumps([alert_id, account_id, check_id, kind.value])))


def _by_check(observations: Iterable[Observation]) -> dict[str, Observation]:
    seen: dict[str, Observation] = {}
    for observation in observations:
        if observation.check_id in seen:
            raise ValueError(f"The check {observation.check_id} was observed twice for one account.")
        seen[observation.check_id] = observation
    return seen


def _fingerprint(seen: Observation) -> str:
    """The fingerprint in a form that storage gives back unaltered, whatever it is made of; empty where it isn't exact."""
    if not seen.exact:
        return ""
    return hashlib.sha256(seen.fingerprint.encode("utf-8", "surrogatepass")).hexdigest()


def _compare_one(
    scan: Scan, old: FindingState | None, seen: Observation | None, exception: AcceptedException | None
) -> tuple[FindingState, list[Change]]:
    event = _event(scan, old, seen)
    state = _after(scan, old, seen, event)
    state, event, silence = _confirmed(scan, old, seen, state, event)
    kind, flap = event, None
    if not scan.record.selected:
        # Nobody looks at the account any more, so this is said now or never.
        kind = ChangeKind.RESOLVED if state.flapping_since else kind
        state = replace(state, flapping_since=None, transitions=())
    elif not silence and (event or (seen.exact if seen else scan.decided(state.check_id))):
        state, kind, flap, silence = damp(state, event, scan.now)
    if exception:
        state, silence = replace(state, pending=False), Silence.EXCEPTION
    before = old.exception if old and old.open else None
    held = exception or (before if before and before.id in scan.unread_exceptions else None)
    expired = before if state.open and not held else None
    state = replace(state, exception=held if state.open else None)
    changes = []
    if kind:
        changes.append(_change(scan, old, state, kind, flap=flap, silence=silence, exception=exception))
    if expired:
        # If it began to flap in silence, this is the moment to say so: its further changes won't be told.
        flap = Flap.STARTED if state.flapping_since else None
        changes.append(_change(scan, old, state, ChangeKind.EXCEPTION_EXPIRED, flap=flap, exception=expired))
    return state, changes


def _confirmed(
    scan: Scan, old: FindingState | None, seen: Observation | None, state: FindingState, event: ChangeKind | None
) -> tuple[FindingState, ChangeKind | None, Silence | None]:
    """A finding that takes two scans to be news: pending after the first, told by the second, and not told if it was one.

    A scan that didn't look at the account confirms nothing.

    A hiccup doesn't count among the occurrences: nobody was told of it, so nothing can be told to come back. What flaps is
    silent anyway.
    """
    if state.flapping_since is not None:
        return replace(state, pending=False), event, None
    if event in (ChangeKind.OPENED, ChangeKind.REOPENED) and state.check_id in scan.confirmed:
        return replace(state, pending=True), event, Silence.HICCUP
    if old is None or not old.pending:
        return state, event, None
    if not state.open:
        return replace(state, pending=False, occurrences=max(state.occurrences - 1, 0)), event, Silence.HICCUP
    if seen is None or (state.check_id in scan.confirmed and not scan.confirms(old)):
        return state, None, None
    news = ChangeKind.OPENED if state.occurrences <= 1 else ChangeKind.REOPENED
    return replace(state, pending=False, changed_at=scan.now), news, None


def _event(scan: Scan, old: FindingState | None, seen: Observation | None) -> ChangeKind | None:
    if seen is None:
        gone = old is not None and old.open and scan.decided(old.check_id)
        return ChangeKind.RESOLVED if gone else None
    if old is None:
        return ChangeKind.OPENED
    if not old.open:
        return ChangeKind.REOPENED if old.occurrences else ChangeKind.OPENED
    if not seen.exact or not old.fingerprint:
        # One of the two isn't whole: other causes or a lower severity may only be what is known of it.
        risen = _rank(seen.severity) > _rank(old.severity) and (seen.exact or seen.check_id not in scan.confirmed)
        return ChangeKind.CHANGED if risen else None
    differs = (old.fingerprint, old.severity) != (_fingerprint(seen), seen.severity)
    return ChangeKind.CHANGED if differs else None


def _rank(severity: str) -> int:
    """For comparing; a severity of another version is below all."""
    order = ("low", "medium", "high")
    return order.index(severity) if severity in order else -1


def _after(scan: Scan, old: FindingState | None, seen: Observation | None, event: ChangeKind | None) -> FindingState:
    """The finding after the event, before flapping and exceptions are looked at."""
    record, now = scan.record, scan.now
    if old is None:
        if seen is None:
            raise AssertionError("a finding that is neither known nor seen")
        return FindingState(
            account_id=record.account_id,
            user_principal_name=record.user_principal_name,
            display_name=record.display_name,
            check_id=seen.check_id,
            title=seen.title,
            severity=seen.severity,
            status=Status.OPEN,
            first_ever=now,
            first_seen=now,
            last_seen=now,
            changed_at=now,
            fingerprint=_fingerprint(seen),
            summary=seen.summary,
            cause=seen.cause,
            run_id=record.run_id,
        )
    if seen is None:
        if event is None:
            return old
        return replace(
            old,
            status=Status.RESOLVED,
            changed_at=now,
            resolved_at=now,
            resolution=scan.closing or scan.resolution(old.check_id),
            run_id=record.run_id,
        )
    state = replace(
        old,
        user_principal_name=record.user_principal_name,
        display_name=record.display_name,
        last_seen=now,
        run_id=record.run_id,
    )
    if seen.exact or event:
        # What isn't all there must not replace the words either: they'd no longer belong to the fingerprint.
        state = replace(
            state,
            title=seen.title,
            severity=seen.severity,
            fingerprint=_fingerprint(seen),
            summary=seen.summary,
            cause=seen.cause,
        )
    if event:
        state = replace(state, changed_at=now)
    if event in (ChangeKind.OPENED, ChangeKind.REOPENED):
        state = replace(
            state,
            status=Status.OPEN,
            first_seen=now,
            resolved_at=None,
            resolution=None,
            occurrences=old.occurrences + 1,
        )
    return state


def _change(
    scan: Scan,
    old: FindingState | None,
    state: FindingState,
    kind: ChangeKind,
    *,
    flap: Flap | None = None,
    silence: Silence | None = None,
    exception: AcceptedException | None = None,
) -> Change:
    return Change(
        id=change_id(scan.alert_id, state.account_id, state.check_id, kind),
        alert_id=scan.alert_id,
        kind=kind,
        status=state.status,
        account_id=state.account_id,
        user_principal_name=state.user_principal_name,
        display_name=state.display_name,
        check_id=state.check_id,
        title=state.title,
        severity=state.severity,
        summary=state.summary,
        cause=state.cause if kind is not ChangeKind.RESOLVED else None,
        at=scan.now,
        first_seen=state.first_seen,
        run_id=scan.record.run_id,
        previous_severity=old.severity if old and old.severity != state.severity else None,
        previous_visibility=scan.previous_visibility,
        resolution=state.resolution,
        flapping=flap,
        silence=silence,
        exception=exception,
        closing=bool(scan.closing) and kind is ChangeKind.RESOLVED,
        channels=scan.channels,
        detail=scan.record.document or {},
    )
