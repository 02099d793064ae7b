"""Simulations: which accounts of a reading would be judged differently if one thing in the tenant changed."""

import json
from collections.abc import Sequence
from datetime import datetime

from checks.simulate import (
    CannotSimulate,
    Shift,
    shifts,
    waiting_shifts,
    with_account_excluded,
    with_policy_added,
    with_policy_enabled,
)
from reports.document import Json, shift_object
from tenant.model import Account, AuditTrail, Gap, Tenant
from tenant.policies import parse_policy
from tenant.reader import Reading

SHOWN = 100
"""Accounts that a scan's own simulations name; the rest is counted."""

Case = tuple[str, str | None, Tenant]
"""What is simulated in words, the id of its policy, and the tenant after it."""


def case(
    reading: Reading, *, enable: str | None = None, policy_text: str | None = None, exclude: str | None = None
) -> Case:
    """What is to be simulated: exactly one of these changes.

    ``policy_text`` is a policy as Microsoft Graph writes it; ``exclude`` is ``ACCOUNT=POLICY``, each by id or name.
    Raises ``CannotSimulate``.
    """
    tenant = reading.tenant
    if enable:
        policy_id = _policy_id(tenant, enable)
        return _enabled(_name(tenant, policy_id)), policy_id, with_policy_enabled(tenant, policy_id)
    if policy_text is not None:
        policy = parse_policy(_json_object(policy_text))
        return f'If "{policy.display_name}" is added', policy.id or None, with_policy_added(tenant, policy)
    name, sign, policy_name = (exclude or "").rpartition("=")
    if not sign:
        raise CannotSimulate(f'Write --exclude as ACCOUNT=POLICY, not "{exclude}".')
    account, policy_id = _account(reading, name), _policy_id(tenant, policy_name)
    words = f'If {account.user_principal_name} is excluded from "{_name(tenant, policy_id)}"'
    return words, policy_id, with_account_excluded(tenant, account, policy_id)


def run(reading: Reading, wanted: Case, app_passwords_allowed: str, now: datetime) -> Json:
    """The accounts whose answers would change."""
    title, policy_id, after = wanted
    found = shifts(reading.tenant, after, reading.accounts, app_passwords_allowed=app_passwords_allowed, now=now)
    return _outcome(title, policy_id, len(found), found)


def waiting(
    reading: Reading,
    app_passwords_allowed: str,
    now: datetime,
    at_most: int | None = None,
    trail: AuditTrail | None = None,
) -> list[Json]:
    """For every report-only policy the accounts whose answers would change: ``at_most`` by name, and how many there are."""
    found = waiting_shifts(
        reading.tenant,
        reading.accounts,
        app_passwords_allowed=app_passwords_allowed,
        now=now,
        at_most=at_most,
        trail=trail,
    )
    return [_outcome(_enabled(one.policy.display_name), one.policy.id, one.count, one.shifts) for one in found]


def _outcome(title: str, policy_id: str | None, count: int, found: Sequence[Shift]) -> Json:
    accounts = [shift_object(shift) for shift in found]
    return {"title": title, "policy_id": policy_id, "count": count, "accounts": accounts}


def waiting_changes(
    reading: Reading, app_passwords_allowed: str, now: datetime, trail: AuditTrail | None = None
) -> list[Json]:
    """For every report-only policy that would change something: the accounts, at most ``SHOWN`` of them by name."""
    return [one for one in waiting(reading, app_passwords_allowed, now, SHOWN, trail) if one["accounts"]]


def _enabled(name: str) -> str:
    return f'If "{name}" is switched on'


def _policy_id(tenant: Tenant, name: str) -> str:
    """The id of a policy that is given by id or by display name; unreadable policies are the simulation's to refuse."""
    policies = () if isinstance(tenant.policies, Gap) else tenant.policies
    named = [policy.id for policy in policies if policy.display_name.casefold() == name.strip().casefold()]
    if len(named) > 1:
        raise CannotSimulate(f'{len(named)} policies are named "{name}": give the id of one.')
    policy_id = named[0] if named else name.strip().lower()
    if policies and policy_id not in {policy.id for policy in policies}:
        raise CannotSimulate(f'There is no Conditional Access policy with the id or name "{name.strip()}".')
    return policy_id


def _name(tenant: Tenant, policy_id: str) -> str:
    policies = () if isinstance(tenant.policies, Gap) else tenant.policies
    return next((policy.display_name for policy in policies if policy.id == policy_id), policy_id)


def _account(reading: Reading, name: str) -> Account:
    wanted = name.strip().lower()
    for account in reading.accounts:
        if wanted in (account.id, account.user_principal_name.lower()):
            return account
    raise CannotSimulate(f'"{name}" is not among the selected service accounts.')


def _json_object(text: str) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or "conditions" not in value:
        raise CannotSimulate("The file holds no Conditional Access policy as Microsoft Graph writes it in JSON.")
    return value
