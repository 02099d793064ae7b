"""The digest: what is still open, sent when a reminder is due. Pure.

Reminders come at growing distances, because a finding that nobody acted on within a month won't be helped by daily mail:
1, 3, 7, 14 and 30 days after it was opened, then every 30 days.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import uuid5

from alerts.compose import HEADLINE, NAMESPACE, counts_of
from alerts.groups import Group, grouped, statement
from alerts.model import Alert, AlertGap, AlertItem, AlertStep, Kind, Purpose, Totals
from alerts.text import clean
from alerts.wording import MISSING, count
from basics.text import well_formed

REMINDERS = (1, 3, 7, 14, 30)
"""Days after a finding was opened."""
THEN_EVERY = 30
"""Days between later reminders."""
ASKED_FOR = "You receive this because you asked to hear also when nothing is open."


def reminder_due(first_seen: datetime, since: datetime, until: datetime) -> int | None:
    """The number of days after which a reminder falls into the time after ``since``, up to and including ``until``.

    None where none does; the latest where several do.
    """
    age = (until - first_seen) // timedelta(days=1)
    if age < REMINDERS[0]:
        return None
    last = REMINDERS[-1]
    days = age - (age - last) % THEN_EVERY if age >= last else max(day for day in REMINDERS if day <= age)
    return days if first_seen + timedelta(days=days) > since else None


def compose_digest(
    *,
    tenant_id: str,
    tenant_name: str,
    items: Iterable[AlertItem],
    since: datetime,
    now: datetime,
    totals: Totals = Totals(),  # noqa: B008 -- frozen
    all_clear: bool = False,
    complete: bool = True,
    gaps: Iterable[AlertGap] = (),
    report_url: str | None = None,
    steps: Iterable[AlertStep] = (),
) -> Alert | None:
    """The digest of everything that is open, or None where there is no reason to send one.

    Args:
        tenant_id: Of the organization.
        tenant_name: Its display name.
        items: The open findings that no exception covers, of kind ``still_open``.
        since: When the last digest was made (a day or a week ago).
        now: The time of this one. A second digest of the same day has the same id.
        totals: How things stand.
        all_clear: Whether to say so when nothing is open. Otherwise silence means all clear.
        complete: Whether the last scan could read all that its verdicts depend on. Where not, nothing is called clear.
        gaps: What that scan could not read; told where nothing is open.
        report_url: Where the report is.
        steps: What to do first.

    Raises:
        ValueError: An item is of another kind.
    """
    items = tuple(items)
    if any(item.kind is not Kind.STILL_OPEN for item in items):
        raise ValueError("A digest tells what is still open; changes are told by an alert of their own.")
    due = any(reminder_due(item.first_seen, since, now) is not None for item in items)
    if not due and (items or not all_clear):
        return None
    groups = grouped(items)
    ordered = tuple(item for group in groups for item in group.items)
    return Alert(
        id=str(uuid5(NAMESPACE, f"digest/{tenant_id}/{now.date().isoformat()}")),
        tenant_id=tenant_id,
        tenant_name=well_formed(tenant_name),
        created=now,
        headline=clean(_headline(groups, totals) if groups else _nothing_open(totals, complete=complete), HEADLINE),
        purpose=Purpose.DIGEST,
        items=ordered,
        counts=counts_of(ordered),
        gaps=() if ordered else tuple(gaps),
        totals=totals,
        steps=tuple(steps),
        notes=_notes(ordered, now) if ordered else (ASKED_FOR,),
        report_url=report_url,
    )


def _nothing_open(totals: Totals, *, complete: bool) -> str:
    """What is said where nothing is open: that all is clear only where a scan looked at accounts, and could read what decides."""
    if not totals.accounts:
        return "Nothing is watched: the last scan found no service account"
    of = f" for {count(totals.accounts, 'service account')}"
    if not complete:
        return f"Nothing is known to be open{of}, but the last scan could not read everything"
    return f"All clear: nothing is open{of}{', but what somebody accepted' if totals.open else ''}"


def _headline(groups: tuple[Group, ...], totals: Totals) -> str:
    items = [item for group in groups for item in group.items]
    without = sorted((item for item in items if item.check_id in MISSING), key=lambda item: item.check_id)
    worst = groups[0].first
    first = without if worst.check_id in MISSING else [item for item in items if _kind_of(item) == _kind_of(worst)]
    said = statement(Group(tuple(replace(item, reasons=()) for item in first)), total=totals.accounts)
    others = len(items) - len(first)
    more = f"; {count(others, 'other finding')} {'is' if others == 1 else 'are'} open" if others else ""
    return f"Reminder: {said}{more}"


def _kind_of(item: AlertItem) -> tuple[str, str, str, date | None]:
    return item.check_id, item.title, item.urgency, item.breaks_on


def _notes(items: tuple[AlertItem, ...], now: datetime) -> tuple[str, ...]:
    oldest = min(item.first_seen for item in items)
    days = (now - oldest) // timedelta(days=1)
    return (
        f"{count(len(items), 'finding')} {'is' if len(items) == 1 else 'are'} open, the oldest was found {count(days, 'day')} ago. "
        "Reminders come 1, 3, 7, 14 and 30 days after a finding was opened, then every 30 days.",
    )
