"""Simulations: which accounts of a reading would be judged differently if something in the tenant were different."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from checks.exclusion import ExclusionGroup
from checks.missing import with_missing
from checks.model import JudgedAccount
from checks.simulate import Shift, judged_both, waiting_policies, waiting_shifts, with_policy_enabled
from jobs.assumptions import Assumptions, assume, public_id
from jobs.wishes import Wishes
from reports.document import Json, gap_object, shift_object
from tenant.lookups import Lookups
from tenant.model import Account, AuditTrail, Gap, Policy
from tenant.reader import Reading
from tenant.references import Reference, Unresolved, unresolved

SHOWN = 100
"""Accounts that a scan's own simulations name; the rest is counted."""


async def simulate(
    reading: Reading, wishes: Wishes, lookups: Lookups, app_passwords_allowed: str, now: datetime
) -> Json:
    """What the wishes would change, as a document: one simulation, or one for each report-only policy.

    Raises ``CannotSimulate`` where a wish doesn't fit the tenant.
    """
    assumed = await assume(reading, wishes, lookups)
    cases = _each_waiting(assumed) if wishes.waiting else [(assumed, assumed.simulated)]
    outcomes, open_questions = [], list[JudgedAccount]()
    for case, policies in cases:
        both = judged_both(
            assumed.reading.tenant,
            case.tenant,
            assumed.reading.accounts,
            assumed=case.accounts,
            unsure=case.unsure,
            app_passwords_allowed=app_passwords_allowed,
            now=now,
        )
        open_questions += [one.after for one in both if one.undecided]
        outcomes.append(_outcome(case, both, unresolved(case.tenant, assumed.users, policies)))
    read = assumed.reading
    return {
        "schema": 1,
        "gaps": [gap_object(gap) for gap in with_missing(read.gaps, open_questions)],
        "judged": [_account(account) for account in read.accounts],
        "simulations": outcomes,
    }


def waiting_changes(
    reading: Reading, app_passwords_allowed: str, now: datetime, trail: AuditTrail | None = None
) -> list[Json]:
    """For every report-only policy that would change something: the accounts, at most ``SHOWN`` of them by name."""
    found = waiting_shifts(
        reading.tenant,
        reading.accounts,
        app_passwords_allowed=app_passwords_allowed,
        now=now,
        at_most=SHOWN,
        trail=trail,
    )
    return [_changes(_switched_on(one.policy), one.policy.id, one.count, one.shifts) for one in found if one.shifts]


def _each_waiting(assumed: Assumptions) -> list[tuple[Assumptions, Sequence[Policy]]]:
    """Every report-only policy in turn, beside everything else that is assumed."""
    return [
        (
            assumed.and_also(
                f'"{policy.display_name}" is switched on', with_policy_enabled(assumed.tenant, policy.id), policy
            ),
            (*assumed.simulated, policy),
        )
        for policy in waiting_policies(assumed.tenant)
    ]


def _switched_on(policy: Policy) -> str:
    return f'If "{policy.display_name}" is switched on'


def _changes(title: str, policy_id: str | None, count: int, found: Sequence[Shift]) -> Json:
    return {
        "title": title,
        "policy_id": policy_id,
        "count": count,
        "accounts": [shift_object(shift) for shift in found],
    }


def _outcome(assumed: Assumptions, both: Sequence[Shift], names: Unresolved) -> Json:
    changed = [one for one in both if one.differs]
    return {
        **_changes(assumed.title, assumed.policy_id, len(changed), changed),
        "undecided": [_account(one.after.account) for one in both if one.undecided and not one.differs],
        "not_in_tenant": [_reference(one) for one in names.missing],
        "not_looked_up": [{**_reference(one), **_why(gap)} for one, gap in names.unknown],
        "reaching_nobody": [_policy(one) for one in names.reaching_nobody],
        "cautions": list(assumed.cautions),
        "notes": list(assumed.notes),
        "exclusion_groups": [
            _exclusion(account, policy, group, used=used) for account, policy, group, used in assumed.exclusions
        ],
    }


def _account(account: Account) -> Json:
    return {"id": account.id, "user_principal_name": account.user_principal_name}


def _policy(policy: Policy) -> Json:
    return {"id": public_id(policy), "name": policy.display_name}


def _reference(reference: Reference) -> Json:
    return {
        "kind": reference.kind,
        "id": reference.id,
        "use": reference.use,
        "policies": [_policy(one) for one in reference.policies],
    }


def _why(gap: Gap) -> Mapping[str, str | None]:
    return {"error": gap.error, "permission": gap.permission}


def _exclusion(account: str, policy: Policy, one: ExclusionGroup, *, used: bool) -> Json:
    group = one.group
    return {
        "account": account,
        "policy": _policy(policy),
        "id": group.id,
        "name": group.display_name,
        "used": used,
        "members": [member for member in group.members if member.lower() != account.lower()],
        "more_members": group.more_members,
        "members_unread": group.members_gap.error if group.members_gap else None,
        "also_excluded_from": [_policy(other) for other in one.also_excluded_from],
        "included_by": [_policy(other) for other in one.included_by],
        "cautions": list(one.cautions),
    }
