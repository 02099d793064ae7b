"""What the sign-in log proves about MFA demands that no readable policy explains.

Some demands have no policy object that Graph shows (the Identity Protection registration policy, partner rules), and a
demand may come from something that this product misread. The log says which mechanism asked (``requirementProvider``).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tenant.model import MfaDemand, Policy, Tenant

_LOG_AGE = timedelta(days=30)
"""Older evidence says nothing about today (verdicts.md section 1, ``conditional``)."""

# requirementProvider values (Graph beta) that are no demand of the organization on the account: the per-user MFA state, which
# is read by itself; what the application or the client asked for; what an administrator started.
_NO_DEMAND = frozenset({"user", "request", "serviceprincipal", "proofupcoderequest", "unknownfuturevalue", ""})
# Security Defaults and their ancestor, which had the same switch.
_SECURITY_DEFAULTS = frozenset(
    {
        "securitydefaults",
        "mfaregistrationrequiredbysecuritydefaults",
        "baselineprotection",
        "mfaregistrationrequiredbybaselineprotection",
    }
)
# Demands that no policy in Graph ever explains.
_NEVER_EXPLAINED = frozenset(
    {"mfaregistrationrequiredbyidentityprotectionpolicy", "enforcedforcspadmins", "crosstenantoutboundrule"}
)
# Everything else comes from Conditional Access, or from something new: a policy that reaches the account explains it.


def unexplained_demand(
    demands: Iterable[MfaDemand], explained: bool, could_have: Iterable[Policy], tenant: Tenant, now: datetime
) -> MfaDemand | None:
    """The newest MFA demand of the last 30 days that nothing readable explains, or None.

    Takes the demands seen for an account, whether an enforced policy that reaches it can explain them, the policies that
    could have made them at all (whatever their state), the tenant and the time of judging. A demand that is older than the
    last change of a policy that could have made it is explained by the past.
    """
    recent = [demand for demand in demands if now - demand.seen <= _LOG_AGE]
    last_change = max((policy.modified for policy in could_have if policy.modified), default=None)

    def unexplained(demand: MfaDemand) -> bool:
        provider = demand.provider.lower()
        if provider in _NEVER_EXPLAINED:
            return True
        if provider in _NO_DEMAND:
            return False
        if provider in _SECURITY_DEFAULTS:
            return tenant.security_defaults is False
        return not explained and (last_change is None or demand.seen > last_change)

    return max(filter(unexplained, recent), key=lambda demand: demand.seen, default=None)
