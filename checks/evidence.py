"""What the sign-in log proves about MFA demands that no readable policy explains.

Some demands have no policy object that Graph shows (the Identity Protection registration policy, partner rules), and a
demand may come from something that this product misread. The log says which mechanism asked (``requirementProvider``).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from checks.policy import demands_mfa_somewhere
from tenant.model import MfaDemand, Policy, Tenant

_LOG_AGE = timedelta(days=30)
"""Older evidence says nothing about today (verdicts.md section 1, ``conditional``)."""

# requirementProvider values (Graph beta) of demands that Conditional Access policies explain when they reach the account.
_CONDITIONAL_ACCESS = frozenset(
    {
        "v1conditionalaccess",
        "multiconditionalaccess",
        "v1conditionalaccessdependency",
        "v1conditionalaccesspolicyidrequested",
        "mfaregistrationrequiredbymulticonditionalaccess",
        "tenantsessionriskpolicy",
        "accountcompromisepolicies",
        "riskbasedpolicy",
        "gpslocationcondition",
    }
)
# Demands that no policy in Graph ever explains.
_NEVER_EXPLAINED = frozenset(
    {"mfaregistrationrequiredbyidentityprotectionpolicy", "enforcedforcspadmins", "crosstenantoutboundrule"}
)


def unexplained_demand(
    demands: Iterable[MfaDemand],
    reaching: Iterable[Policy],
    policies: Iterable[Policy],
    tenant: Tenant,
    now: datetime,
) -> MfaDemand | None:
    """The newest MFA demand of the last 30 days that nothing readable explains, or None.

    Takes the demands seen for an account, the enforced policies that reach it, all policies of the tenant, and the time
    of judging. A demand that is older than the last change of a policy that could have made it is explained by the past.
    """
    recent = [demand for demand in demands if now - demand.seen <= _LOG_AGE]
    if not recent:
        return None
    explained = any(demands_mfa_somewhere(policy, tenant) for policy in reaching)
    changed = [policy.modified for policy in policies if policy.modified and demands_mfa_somewhere(policy, tenant)]
    last_change = max(changed, default=None)

    def unexplained(demand: MfaDemand) -> bool:
        provider = demand.provider.lower()
        if provider in _NEVER_EXPLAINED:
            return True
        return (
            provider in _CONDITIONAL_ACCESS
            and not explained
            and (last_change is None or demand.seen > last_change)
        )

    return max(filter(unexplained, recent), key=lambda demand: demand.seen, default=None)
