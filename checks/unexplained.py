"""What the sign-in log proves about MFA demands that no readable policy explains.

Some demands have no policy object that Graph shows (the Identity Protection registration policy, partner rules), and a
demand may come from something that this product misread. The log says which mechanism asked (``requirementProvider``).
"""

from collections.abc import Hashable, Iterable
from datetime import date, datetime, timedelta

from checks.policy import REPORT_ONLY, can_reach_users, demands_mfa_somewhere, effect_of
from checks.scope import Reach, Scopes
from tenant.model import Account, Gap, MfaDemand, Policy, Tenant

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


class Explaining:
    """All enforced policies of a tenant, whatever they are about: those that may explain what the log shows."""

    def __init__(self, tenant: Tenant, today: date) -> None:
        self._tenant = tenant
        policies = () if isinstance(tenant.policies, Gap) else tenant.policies
        enforced = [policy for policy in policies if can_reach_users(policy) and policy.state != REPORT_ONLY]
        self._effects = tuple(effect_of(policy, tenant, today) for policy in enforced)
        self._scopes = Scopes(tenant, self._effects)
        demands = [demands_mfa_somewhere(policy, tenant) for policy in enforced]
        # Those that demand MFA for something, for certain and at most; whatever the state: those that could have.
        self._least = sum(1 << bit for bit, (least, _) in enumerate(demands) if least)
        self._most = sum(1 << bit for bit, (_, most) in enumerate(demands) if most)
        self._could_have_least = tuple(policy for policy in policies if demands_mfa_somewhere(policy, tenant)[0])
        self._could_have_most = tuple(policy for policy in policies if demands_mfa_somewhere(policy, tenant)[1])

    def position(self, account: Account) -> Hashable:
        """Equal for accounts that the same policies reach."""
        return self._scopes.position(account)

    def unexplained(self, account: Account, now: datetime) -> tuple[MfaDemand | None, MfaDemand | None]:
        """The MFA demand in the sign-in log that surely, and the one that possibly, no readable policy explains."""
        reach, tenant = self._reach(account), self._tenant
        surely_explained = bool(reach.least & self._least)
        perhaps_explained = bool(reach.most & self._most) or isinstance(tenant.policies, Gap)
        return (
            unexplained_demand(account.mfa_demands, perhaps_explained, self._could_have_most, tenant, now),
            unexplained_demand(account.mfa_demands, surely_explained, self._could_have_least, tenant, now),
        )

    def gaps(self, account: Account) -> list[Gap]:
        """What is missing to tell whether a policy explains a demand."""
        roles, reach = self._scopes.roles_of(account), self._reach(account)
        unsure = (reach.most & self._most) & ~(reach.least & self._least)
        open_effects = [effect for bit, effect in enumerate(self._effects) if unsure >> bit & 1]
        strengths = [self._tenant.strengths] if isinstance(self._tenant.strengths, Gap) else []
        return strengths + [gap for effect in open_effects for gap in self._scopes.gaps_behind(account, roles, effect)]

    def _reach(self, account: Account) -> Reach:
        return self._scopes.reach(account, self._scopes.roles_of(account))


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
