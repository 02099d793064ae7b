"""Policies that keep an account from signing in by device code, the way in which most printers get an OAuth token of their own account.

Such a policy changes no verdict: legacy clients don't use the flow. It bars a way out: that by OAuth of every account
(``DeviceCode``), and that of a product which needs the flow (``checks/obstacles.py``). Source: Microsoft Entra documentation,
"Conditional Access: Authentication flows".
"""

from collections.abc import Hashable
from dataclasses import replace
from datetime import date

from checks.policy import ENABLED, REPORT_ONLY, can_reach_users, circumstances, covers_mail
from checks.scoped import ScopedPolicies
from tenant.locations import EVERYWHERE
from tenant.model import Account, Policy, Tenant

_FLOW = "devicecodeflow"


class DeviceCode:
    """The policies of a tenant that refuse device code for mail and are in force, as far as their state is understood."""

    def __init__(self, tenant: Tenant, today: date) -> None:
        """Takes the tenant and the day of judging."""
        refusing = (one for one in tenant.known_policies if blocks_device_code(one) and one.state != REPORT_ONLY)
        self._tenant, self._policies = tenant, ScopedPolicies(tenant, refusing, today)

    def position(self, account: Account) -> Hashable:
        """Equal for accounts that the same of these policies reach."""
        return self._policies.position(account)

    def steps(self, account: Account) -> tuple[str, ...]:
        """What is to be done about them, a sentence for each policy that reaches the account, or may."""
        return tuple(
            _step(policy, certain=certain and policy.state == ENABLED and not _limited(policy, self._tenant))
            for policy, certain in self._policies.reaching(account)
        )


def blocks_device_code(policy: Policy) -> bool:
    """Whether a policy keeps whoever signs in by device code from mail, or would once it is on."""
    flows = {method.lower() for method in policy.transfer_methods}
    return (
        can_reach_users(policy)
        and _FLOW in flows
        and policy.grant is not None
        and policy.grant.blocks
        and covers_mail(policy)
    )


def _limited(policy: Policy, tenant: Tenant) -> bool:
    """Whether the policy applies in some circumstances only, beside the flow."""
    places = policy.exclude_locations or {one.lower() for one in policy.include_locations} - {EVERYWHERE}
    return bool(places or circumstances(replace(policy, transfer_methods=()), tenant.named_locations))


def _step(policy: Policy, *, certain: bool) -> str:
    name = f'the policy "{policy.display_name}"'
    if not certain:
        return f"By device code this may not work: {name} blocks that flow in some circumstances, or may reach the account."
    return f"By device code this works only once the account is excluded from {name}, which blocks that flow."
