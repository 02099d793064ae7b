"""What came out of a scan, in the forms in which it is kept, counted and shown. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checks.model import JudgedAccount, Severity, Visibility
from checks.policy import DISABLED
from checks.tenant_switch import TenantSwitch
from findings.model import Comparison, FindingState
from findings.run_record import RunRecord, RunStatus
from jobs.look import Seen
from reports.document import FindingStatus, Json, RunSummary, gap_object, switch_object
from reports.plan import TOP, plan_object
from reports.standing import Groups, Tally
from tenant.model import Tenant

_NAMED = 5
"""Plans that a note names."""


def summary_of(
    run_id: str,
    started: datetime,
    finished: datetime,
    seen: Seen,
    *,
    app_passwords_allowed: str,
    notes: tuple[str, ...] = (),
) -> RunSummary:
    """What the public document says of a run that has seen this. ``app_passwords_allowed``: the tenant switch as attested."""
    tenant = seen.reading.tenant
    return RunSummary(
        run_id,
        started,
        finished,
        tenant.id,
        tenant.display_name,
        seen.reading.gaps,
        seen.graph_requests,
        (*notes, *_policy_plans(tenant)),
        TenantSwitch.of(tenant.mfa_service, app_passwords_allowed),
    )


def _policy_plans(tenant: Tenant) -> list[str]:
    """That there are policy plans, which nobody here understands."""
    plans = [one for one in tenant.known_policies if one.plan and not one.deleted]
    if not plans:
        return []
    named = ", ".join(f'"{one.display_name}"{" (off)" if one.state == DISABLED else ""}' for one in plans[:_NAMED])
    more = f" and {len(plans) - _NAMED} more" if len(plans) > _NAMED else ""
    return [
        f"The tenant has Conditional Access policy plans, whose rules this version doesn't read: {named}{more}. One that is on "
        "is taken to hide the option, and to block legacy authentication, of any account in some circumstances."
    ]


def open_findings(outcomes: Iterable[Comparison]) -> dict[str, list[FindingStatus]]:
    """What the public document says of the findings that are kept of each account, as they stand now."""
    found: dict[str, list[FindingStatus]] = {}
    for outcome in outcomes:
        for state in outcome.states:
            if state.open:
                found.setdefault(state.account_id, []).append(_status(state))
    return found


@dataclass(frozen=True, slots=True)
class Overview:
    """What the public document says of all accounts together."""

    where: Groups
    steps: tuple[Json, ...]
    """The first steps of the plan."""

    @classmethod
    def of(cls, accounts: Iterable[Json]) -> "Overview":
        """Of the accounts of a document, counted as every report counts them: one pass, so that nobody need hold them all."""
        tally = Tally()
        plan = plan_object(tally.counting(accounts))
        return cls(tally.groups, tuple(short_step(one) for one in plan["steps"][:TOP]))


def finished_record(
    record: RunRecord,
    summary: RunSummary,
    judged: Sequence[JudgedAccount],
    outcomes: Sequence[Comparison],
    alert_id: str,
    overview: Overview,
    simulations: Sequence[Json],
) -> RunRecord:
    """The record of a run that is done: what it saw, and how much changed. ``alert_id``: the group of its changes."""
    states = [state for outcome in outcomes for state in outcome.states if state.open]
    changes = [change for outcome in outcomes for change in outcome.changes]
    names = {one.account.id: one.account.user_principal_name for one in judged}
    return replace(
        record,
        status=RunStatus.COMPLETE if summary.complete else RunStatus.INCOMPLETE,
        finished=summary.finished,
        tenant_id=summary.tenant_id,
        tenant_name=summary.tenant_name,
        accounts_total=len(judged),
        accounts_done=len(judged),
        graph_requests=summary.graph_requests,
        alert_id=alert_id if changes else None,
        visibility=Counter(one.verdict.visibility.value for one in judged),
        usability=Counter(one.verdict.usability.value for one in judged),
        severities=Counter(state.severity for state in states),
        urgency=dict(overview.where.accounts),
        next_break=overview.where.next,
        steps=overview.steps,
        changes=Counter(change.kind.value for change in changes),
        gaps=tuple(_with_name(gap_object(gap), names) for gap in summary.gaps),
        simulations=tuple(simulations),
        notes=summary.notes,
        app_passwords=switch_object(summary.switch),
    )


def short_step(step: Json) -> Json:
    """A step of the plan for whoever has the run and not the accounts."""
    return {name: step[name] for name in ("title", "minutes", "findings", "broken_now", "count")}


def _with_name(gap: Json, names: Mapping[str, str]) -> Json:
    """A gap of an account as it is called, for whoever has the run and not the accounts."""
    return {**gap, "user_principal_name": names[gap["account"]]} if gap["account"] in names else gap


def gauges(run: RunRecord) -> tuple[dict[str, int], dict[str, int]]:
    """Accounts by verdict and open findings by severity, zeros included: a gauge keeps what it isn't told."""
    verdicts = {one.value: run.visibility.get(one.value, 0) for one in Visibility}
    return verdicts, {one.value: run.severities.get(one.value, 0) for one in Severity}


def _status(state: FindingState) -> FindingStatus:
    return FindingStatus(
        check_id=state.check_id,
        severity=state.severity,
        status=state.status.value,
        first_seen=state.first_seen,
        title=state.title,
        summary=state.summary,
        exception={**state.exception.public()} if state.exception else None,
    )
