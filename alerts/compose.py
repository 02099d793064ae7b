"""Alerts made from what happened: the headline, the order, the counts. Pure; the same input makes the same alert."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from alerts.groups import Group, grouped, said_of, statement
from alerts.model import About, Alert, AlertGap, AlertItem, AlertStep, Kind, Purpose, Totals
from alerts.text import clean
from alerts.wording import CAUGHT_UP, FIRST_SCAN, MISSING, NAME, count, listed, service_accounts, user_principal_name
from basics.text import well_formed

NAMESPACE = UUID("0e6f0a5c-3d0e-4c1a-8f43-6d5f8a4b7c21")
"""Never changes: the ids of notices that are on their way are made from it."""
CANNOT_TELL = "APW-008"
STUCK = "APW-003"
HEADLINE = 220
"""Characters of a headline."""
NAMED_POLICY = 10
"""From this many accounts on, the one policy behind it is the news, and not the accounts."""


def compose(
    *,
    alert_id: str,
    tenant_id: str,
    tenant_name: str,
    created: datetime,
    items: Iterable[AlertItem],
    run_id: str | None = None,
    gaps: Iterable[AlertGap] = (),
    totals: Totals = Totals(),  # noqa: B008 -- frozen
    report_url: str | None = None,
    baseline: bool = False,
    late: bool = False,
    steps: Iterable[AlertStep] = (),
) -> Alert:
    """The alert that tells what one scan changed.

    Args:
        alert_id: The id of the group of changes; stable across retries.
        tenant_id: Of the organization.
        tenant_name: Its display name.
        created: When the scan found the changes.
        items: The changes, in any order.
        run_id: The scan.
        gaps: What the scan could not read.
        totals: How things stand after it.
        report_url: Where the report is.
        baseline: Whether this is the first scan of the tenant, so that everything that is open is told.
        late: With ``baseline``: it was not the first, but nobody could be told before.
        steps: What to do first; shown where everything that is open is told, which is after the first scan.
    """
    groups = grouped(items)
    ordered = tuple(item for group in groups for item in group.items)
    gaps = tuple(gaps)
    return Alert(
        id=alert_id,
        tenant_id=tenant_id,
        tenant_name=well_formed(tenant_name),
        created=created,
        headline=headline(groups, gaps, totals, baseline=baseline, late=late),
        run_id=run_id,
        baseline=baseline,
        items=ordered,
        counts=counts_of(ordered),
        gaps=gaps,
        totals=totals,
        steps=tuple(steps) if baseline else (),
        notes=(CAUGHT_UP if late else FIRST_SCAN,) if baseline and ordered else (),
        report_url=report_url,
    )


def compose_failure(
    *,
    tenant_id: str,
    tenant_name: str,
    created: datetime,
    failed_id: str,
    why: str,
    report_url: str | None = None,
) -> Alert:
    """The notice that an alert could not be delivered.

    Its id is made from ``failed_id``, so that it is told once however often the failure is noticed.

    Args:
        tenant_id: Of the organization; empty where it isn't known.
        tenant_name: Its display name; empty where it isn't known.
        created: When the failure was noticed.
        failed_id: The id of the alert.
        why: What went wrong and what to do, in a sentence.
        report_url: Where the report is.
    """
    return Alert(
        id=failure_id(failed_id),
        tenant_id=tenant_id,
        tenant_name=well_formed(tenant_name),
        created=created,
        headline="An alert about your service accounts could not be delivered",
        purpose=Purpose.FAILURE,
        notes=(
            well_formed(why),
            "What it says is kept and shown in the report. It is tried again with every scan.",
            f"For support: alert {clean(failed_id, 100)}.",
        ),
        report_url=report_url,
        about=About(alert_id=failed_id),
    )


def catch_up_id(alert_id: str) -> str:
    """The id of the alert that tells what is open in place of what waited for a channel, from the oldest group of it."""
    return str(uuid5(NAMESPACE, f"open/alert/{well_formed(alert_id)}"))


def failure_id(failed_id: str) -> str:
    """The id of the notice that the alert with this id could not be delivered."""
    return str(uuid5(NAMESPACE, f"failed/alert/{well_formed(failed_id)}"))


def compose_sight(
    *,
    alert_id: str,
    tenant_id: str,
    tenant_name: str,
    created: datetime,
    headline: str,
    notes: Iterable[str],
    ended: bool,
    report_url: str | None = None,
) -> Alert:
    """What the product can't see any more, or sees again.

    Args:
        alert_id: Stable across retries.
        tenant_id: Of the organization; empty where it isn't known.
        tenant_name: Its display name; empty where it isn't known.
        created: When it was noticed.
        headline: What it is, in a line.
        notes: Each thing in a few sentences: what, since when, and what to do.
        ended: Whether all of it is over.
        report_url: Where the report is.
    """
    return Alert(
        id=alert_id,
        tenant_id=tenant_id,
        tenant_name=well_formed(tenant_name),
        created=created,
        headline=clean(headline, HEADLINE),
        purpose=Purpose.RECOVERED if ended else Purpose.SIGHT,
        notes=tuple(well_formed(note) for note in notes),
        report_url=report_url,
    )


def compose_prediction(
    *,
    policy_id: str,
    version: datetime,
    tenant_id: str,
    tenant_name: str,
    created: datetime,
    headline: str,
    notes: Iterable[str],
    run_id: str,
    report_url: str | None = None,
) -> Alert:
    """What a policy that is switched off would do.

    Its id is made from the policy and the ``version``, which is when it was changed last: so each version is told once.

    Args:
        policy_id: Of the policy.
        version: When it became what it is.
        tenant_id: Of the organization.
        tenant_name: Its display name.
        created: When the scan found it.
        headline: What would happen, in a line.
        notes: Who made or changed it, whom it would reach, and what to do, in a few sentences.
        run_id: The scan.
        report_url: Where the report is.
    """
    return Alert(
        id=str(uuid5(NAMESPACE, f"predicted/{well_formed(policy_id)}/{version.isoformat()}")),
        tenant_id=tenant_id,
        tenant_name=well_formed(tenant_name),
        created=created,
        headline=clean(headline, HEADLINE),
        run_id=run_id,
        purpose=Purpose.PREDICTION,
        notes=tuple(clean(note) for note in notes),
        report_url=report_url,
    )


def late_id(alert_id: str, change_ids: Iterable[str]) -> str:
    """The id of the alert that tells changes of a group which were found when the group had been told."""
    return str(uuid5(NAMESPACE, "/".join(("late", alert_id, *sorted(change_ids)))))


def compose_test(
    *, alert_id: str, tenant_id: str, tenant_name: str, created: datetime, report_url: str | None = None
) -> Alert:
    """The message that tests the channels."""
    return Alert(
        id=alert_id,
        tenant_id=tenant_id,
        tenant_name=well_formed(tenant_name),
        created=created,
        headline="Test: alerts about your service accounts arrive here",
        purpose=Purpose.TEST,
        notes=("Somebody asked for this test message. Nothing has changed, and there is nothing to do.",),
        report_url=report_url,
    )


def counts_of(items: Iterable[AlertItem]) -> Mapping[str, int]:
    """Kind -> how many items."""
    return dict(Counter(item.kind.value for item in items))


def headline(
    groups: tuple[Group, ...],
    gaps: tuple[AlertGap, ...],
    totals: Totals,
    *,
    baseline: bool = False,
    late: bool = False,
) -> str:
    """One line that says it all: the worst thing, of how many, and how much else there is."""
    problems = [group for group in groups if group.kind is not Kind.RESOLVED]
    resolved = [item for group in groups if group.kind is Kind.RESOLVED for item in group.items]
    if problems:
        beginning = f"{'Open now' if late else 'First scan'}: " if baseline else ""
        return clean(f"{beginning}{_worst(problems, resolved, totals, baseline=baseline)}", HEADLINE)
    if resolved:
        return clean(_good_news(resolved) if not any(item.closing for item in resolved) else _ended(resolved), HEADLINE)
    if gaps:
        labels = list(dict.fromkeys(clean(gap.label, NAME) for gap in gaps))
        return clean(f"The scan could not read {listed(labels[:2], len(labels))}", HEADLINE)
    return "Nothing has changed"


def _worst(problems: list[Group], resolved: list[AlertItem], totals: Totals, *, baseline: bool) -> str:
    first = problems[0]
    # Several policies may do the same to different accounts: one statement about all of them.
    alike = [group for group in problems if said_of(group) == said_of(first)]
    told = first
    if len(alike) > 1 or first.accounts < NAMED_POLICY:
        told = Group(tuple(replace(item, reasons=()) for group in alike for item in group.items))
    said, items = statement(told, total=totals.accounts, baseline=baseline), len(told.items)
    option = _OptionNews.of(problems, totals, baseline=baseline)
    if option is not None and (option.mixed or not option.is_about(told) or first.first.check_id == STUCK):
        said, items = option.text, option.items
    others = sum(len(group.items) for group in problems) - items
    more = [count(others, "other finding" if baseline else "other change")] if others else []
    ended = sum(item.closing for item in resolved)
    more += [f"{len(resolved) - ended:,} resolved"] if len(resolved) > ended else []
    more += [f"{ended:,} ended with the account"] if ended else []
    return "; ".join([said, *([", ".join(more)] if more else [])])


@dataclass(frozen=True, slots=True)
class _OptionNews:
    """Who is without the option, over all causes: the numbers that the report of the same scan shows."""

    text: str
    whom: frozenset[str]
    """Account ids; empty where the alert's items aren't all of them."""
    items: int
    """How many of the alert's items it says."""
    mixed: bool = False
    """Whether some of them lost it and others are newly affected."""

    @classmethod
    def of(cls, problems: Iterable[Group], totals: Totals, *, baseline: bool) -> "_OptionNews | None":
        """The news; None where there is none."""
        news = (Kind.OPENED, Kind.REOPENED)
        items = [item for group in problems for item in group.items if item.kind in news and item.check_id in MISSING]
        if baseline:
            missing = totals.missing or 0
            are = "is" if missing == 1 else "are"
            text = f"{service_accounts(missing, totals.accounts)} {are} missing the app-password option"
            whom = frozenset(item.account_id for item in items)
            return cls(text, whom if len(whom) == missing else frozenset(), len(items)) if missing else None
        lost = {item.account_id: item for item in items if item.lost}
        newly = {item.account_id: item for item in items if item.newly and item.account_id not in lost}
        said = sum(item.account_id in lost or item.account_id in newly for item in items)
        are = "is" if len(newly) == 1 else "are"
        if lost:
            more = f", and {len(newly):,} more {are} newly affected" if newly else ""
            text = f"{_who(lost.values(), totals)} lost the app-password option{more}"
        else:
            text = f"{_who(newly.values(), totals)} {are} newly affected: the app-password option is missing"
        whom = frozenset((*lost, *newly))
        return cls(text, whom, said, mixed=bool(lost and newly)) if whom else None

    def is_about(self, group: Group) -> bool:
        """Whether a group has just these accounts, so that its own statement counts the same."""
        return self.whom == {item.account_id for item in group.items}


def _who(items: Collection[AlertItem], totals: Totals) -> str:
    return user_principal_name(next(iter(items))) if len(items) == 1 else service_accounts(len(items), totals.accounts)


def _ended(resolved: list[AlertItem]) -> str:
    """For findings of which some or all ended with the account: it is gone, deselected, disabled, or no service account."""
    closed = [item for item in resolved if item.closing]
    accounts, reasons = len({item.account_id for item in closed}), {clean(item.resolution or "") for item in closed}
    whose = user_principal_name(closed[0]) if accounts == 1 else count(accounts, "service account")
    why = f": {reasons.pop().rstrip('.')}" if accounts == 1 and len(reasons) == 1 else ", none of them by being solved"
    said = f"{count(len(closed), 'finding')} of {whose} ended{why}"
    others = len(resolved) - len(closed)
    return f"{said}; {others:,} resolved" if others else said


def _good_news(resolved: list[AlertItem]) -> str:
    accounts = len({item.account_id for item in resolved})
    if all(item.check_id == CANNOT_TELL for item in resolved):  # nothing is solved by being seen again
        return f"{count(accounts, 'service account')} can be checked completely again"
    # A problem can end without anything coming back: nothing demands MFA any more, and there is no option either.
    good = "Good news: " if any(item.came_back for item in resolved) else ""
    if len(resolved) == 1:
        return f"{good}{'a' if good else 'A'} problem with {user_principal_name(resolved[0])} is resolved"
    return f"{good}{len(resolved):,} problems with {count(accounts, 'service account')} are resolved"
