"""What a policy that somebody has just made or changed, and that is switched off, would do if it were switched on: told while whoever did it
is still at the portal, once for each version of the policy. What a report-only policy would do is a finding of the accounts. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from alerts.compose import compose_prediction
from alerts.model import Alert
from alerts.text import clean
from alerts.wording import NAME, count, listed
from basics.times import moment
from checks.exclusion import groups_to_join
from checks.model import Usability, Visibility
from checks.policy import DISABLED, REPORT_ONLY
from checks.simulate import Shift, Waiting, waiting_shifts
from evidence.audit_log import LATE
from jobs.look import Seen
from settings import Settings
from tenant.model import AuditEvent, Policy, Tenant

SHOWN = 10
"""Accounts that are named."""
_MADE = frozenset({"policy_added", "policy_updated"})
_HIDDEN = (Visibility.HIDDEN, Visibility.CONDITIONAL)
"""What is told of the option, the worse first."""
_BLOCKED = (Usability.BLOCKED_BY_POLICY, Usability.CONDITIONAL)
"""What is told of legacy authentication, the worse first."""


def predictions(settings: Settings, seen: Seen, since: datetime, run_id: str, now: datetime) -> list[Alert]:
    """The alerts about policies that were made or changed since a time, are switched off, and would cut accounts off."""
    events = _newly_made(seen, since)
    tenant = seen.reading.tenant
    made = [one for one in tenant.known_policies if one.id in events and one.state == DISABLED and not one.deleted]
    if not made:
        return []
    found = waiting_shifts(
        _as_if_waiting(tenant, made),
        seen.reading.accounts,
        app_passwords_allowed=settings.app_passwords_allowed,
        now=now,
        trail=seen.trail,
    )
    ids = {one.id for one in made}
    return [
        _alert(settings, tenant, one, hurt, events[one.policy.id], run_id, now)
        for one in found
        if one.policy.id in ids and (hurt := [shift for shift in one.shifts if _lost(shift) or _blocked(shift)])
    ]


def _newly_made(seen: Seen, since: datetime) -> dict[str, AuditEvent]:
    """Policy id -> the newest event, of those with which somebody made a policy that is switched off, or changed it while it was."""
    newest: dict[str, AuditEvent] = {}
    for event in seen.trail.events if seen.trail else ():
        if event.kind in _MADE and event.time > since - LATE:
            newest.setdefault(event.target_id, event)
    return {id: event for id, event in newest.items() if event.before is None or event.before.state == DISABLED}


def _as_if_waiting(tenant: Tenant, made: Sequence[Policy]) -> Tenant:
    ids = {one.id for one in made}
    policies = tuple(replace(one, state=REPORT_ONLY) if one.id in ids else one for one in tenant.known_policies)
    return replace(tenant, policies=policies)


def _lost(shift: Shift) -> bool:
    """Whether the account would lose the option, or would surely; what may only be so afterwards is no prediction."""
    return _worse(_HIDDEN, shift.before.verdict.visibility, shift.after.verdict.visibility)


def _blocked(shift: Shift) -> bool:
    before, after = shift.before.verdict.usability, shift.after.verdict.usability
    return before is not Usability.BLOCKED_BY_SECURITY_DEFAULTS and _worse(_BLOCKED, before, after)


def _worse(worst_first: Sequence[str], before: str, after: str) -> bool:
    """Whether an answer becomes one of these, and not from a worse one of them: what holds in some circumstances may come to hold always."""
    return after in worst_first and before not in worst_first[: worst_first.index(after) + 1]


def _options(shifts: Sequence[Shift]) -> list[str]:
    return [one.after.verdict.visibility for one in shifts]


def _logins(shifts: Sequence[Shift]) -> list[str]:
    return [one.after.verdict.usability for one in shifts]


def _sometimes(answers: Sequence[str]) -> str:
    """For how many of some accounts it would be so in some circumstances only, as the end of a sentence."""
    some = answers.count("conditional")
    if some == len(answers):
        return " in some circumstances"
    return f", for {some:,} of them in some circumstances only" if some else ""


def _alert(
    settings: Settings,
    tenant: Tenant,
    waiting: Waiting,
    hurt: Sequence[Shift],
    event: AuditEvent,
    run_id: str,
    now: datetime,
) -> Alert:
    policy, lost = waiting.policy, [one for one in hurt if _lost(one)]
    accounts = count(len(lost or hurt), "service account")
    if lost:
        does = f"hides the app-password option from {accounts}{_sometimes(_options(lost))}"
    else:
        does = f"blocks legacy authentication for {accounts}{_sometimes(_logins(hurt))}"
    return compose_prediction(
        policy_id=policy.id,
        version=event.time,
        tenant_id=tenant.id,
        tenant_name=tenant.display_name,
        created=now,
        headline=f'If "{clean(policy.display_name, NAME)}" is switched on, it {does}',
        notes=_notes(tenant, policy, hurt, event),
        run_id=run_id,
        report_url=settings.report_url,
    )


def _notes(tenant: Tenant, policy: Policy, hurt: Sequence[Shift], event: AuditEvent) -> Iterator[str]:
    name = f'"{clean(policy.display_name, NAME)}"'
    made = "created" if event.kind == "policy_added" else "changed"
    by = f" by {clean(event.actor, NAME)}" if event.actor else ""
    yield f"The policy {name} was {made} on {moment(event.time)}{by}, and is switched off: nothing has happened yet."
    for affected, what, answers in (
        ([one for one in hurt if _lost(one)], "The app-password option would be hidden from", _options),
        (
            [one for one in hurt if _blocked(one)],
            "Legacy authentication, and with it app passwords, would be blocked for",
            _logins,
        ),
    ):
        if affected:
            names = [clean(one.after.account.user_principal_name, NAME) for one in affected[:SHOWN]]
            yield f"{what} {listed(names, len(affected))}{_sometimes(answers(affected))}."
    excluded = groups_to_join(policy, tenant.groups)
    where = f'its excluded group "{clean(excluded[0], NAME)}"' if excluded else "a group that it excludes"
    yield (
        f"Before it is switched on: put them into {where}, or move their products to a sign-in without passwords. "
        f"What it would do to each: cli.py simulate --enable-policy {clean(policy.id, NAME)}"
    )
