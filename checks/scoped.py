"""Some policies of a tenant, and which of them reach an account: for what policies mean besides a verdict. Pure."""

from collections.abc import Hashable, Iterable, Iterator
from datetime import date

from checks.policy import effect_of
from checks.scope import Scopes
from tenant.model import Account, Policy, Tenant


class ScopedPolicies:
    """Policies by name, ready to be asked for one account after the other."""

    def __init__(self, tenant: Tenant, policies: Iterable[Policy], today: date) -> None:
        """Takes the tenant, some of its policies in any order, and the day of judging."""
        self._policies = sorted(policies, key=lambda policy: (policy.display_name.casefold(), policy.id))
        self._scopes = Scopes(tenant, tuple(effect_of(policy, tenant, today) for policy in self._policies))

    def position(self, account: Account) -> Hashable:
        """Equal for accounts that the same of these policies reach."""
        return self._scopes.position(account) if self._policies else None

    def reaching(self, account: Account) -> Iterator[tuple[Policy, bool]]:
        """Those that reach the account or may, and whether it is certain."""
        if not self._policies:
            return
        reach = self._scopes.reach(account, self._scopes.roles_of(account))
        for bit, policy in enumerate(self._policies):
            if reach.most >> bit & 1:
                yield policy, bool(reach.least >> bit & 1)
