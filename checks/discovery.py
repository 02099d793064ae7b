"""Proposes accounts that nobody listed and that look like service accounts, each with its reasons.

Precision comes first: an account is proposed when several independent signs agree. Emergency access accounts and directory
synchronization accounts look like service accounts and are none for this product: they are named and left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from checks.policy import ENABLED, can_reach_users, effect_of
from checks.product_files import Product
from checks.scope import DIRECTORY_SYNCHRONIZATION_ACCOUNTS, Scopes
from checks.signals import Signal, days_used, has_emergency_name, service_name, signals_of
from tenant.model import Account, Candidate, Gap, Tenant

ENOUGH = 4
"""The score from which on an account is proposed: two strong signs, or more weaker ones."""
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
"""Template id of the role."""
_RARELY = 2
"""Days with sign-ins in a month that an emergency account may have: it is tested now and then."""
_SYNCHRONIZATION_ROLES = frozenset({DIRECTORY_SYNCHRONIZATION_ACCOUNTS, "a92aed5d-d78a-4d16-b381-09adb37eb3b0"})
"""Template ids of the roles Directory Synchronization Accounts and, newer, On Premises Directory Sync Account."""
_SYNCHRONIZATION = ("sync_", "adtoaadsyncserviceaccount")


@dataclass(frozen=True, slots=True)
class Proposal:
    """An account that may be a service account."""

    account: Account
    score: int
    signals: tuple[Signal, ...]
    """Strongest first."""
    left_out_because: str | None = None
    """Why it isn't proposed after all; None for a proposal."""


def propose(
    tenant: Tenant,
    candidates: Iterable[Candidate],
    third_party: frozenset[str],
    products: Iterable[Product],
    *,
    today: date,
    log_read: bool = True,
) -> tuple[Proposal, ...]:
    """The proposals, best first, then what was recognised and left out.

    Takes the accounts that something points to, the ids of the applications that aren't Microsoft's, the known products
    and the day; ``log_read``: whether no sign-ins means that there were none. Disabled accounts, guests and accounts that look like
    people's are in neither.
    """
    products = tuple(products)
    exclusions = _Exclusions(tenant, today, log_read)
    found = []
    for candidate in candidates:
        account = candidate.account
        if not may_be_proposed(account):
            continue
        signals = tuple(sorted(signals_of(candidate, third_party, products), key=lambda signal: -signal.weight))
        score = sum(signal.weight for signal in signals)
        why = exclusions.left_out(account)
        if why or score >= ENOUGH:
            found.append(Proposal(account, score, signals, why))
    return tuple(
        sorted(
            found,
            key=lambda one: (one.left_out_because is not None, -one.score, one.account.user_principal_name.casefold()),
        )
    )


def may_be_proposed(account: Account) -> bool:
    """Whether an account is worth asking about: it is no guest, and it isn't disabled."""
    return account.enabled is not False and (account.user_type or "").lower() != "guest"


class _Exclusions:
    """Tells the accounts that are left out."""

    def __init__(self, tenant: Tenant, today: date, log_read: bool) -> None:
        enforced = [one for one in tenant.known_policies if one.state == ENABLED and can_reach_users(one)]
        effects = [effect for one in enforced if (effect := effect_of(one, tenant, today)).matters]
        self._log_read = log_read
        self._scopes = Scopes(tenant, tuple(effects))

    def left_out(self, account: Account) -> str | None:
        roles = self._scopes.roles_of(account)
        name = account.user_principal_name.casefold()
        if _SYNCHRONIZATION_ROLES & (roles.active | roles.unsure) or (
            name.startswith(_SYNCHRONIZATION) and name.endswith(".onmicrosoft.com")
        ):
            return "It is a directory synchronization account."
        reach = self._scopes.reach(account, roles)
        spared = bool(reach.excluded) and not reach.most
        administrator = GLOBAL_ADMINISTRATOR in roles.active
        named = has_emergency_name(account)
        if days_used(account) > _RARELY or [named, spared, administrator].count(True) < 2:
            return None
        unused = self._log_read and not (account.sign_ins or account.consents)
        if not (named or unused) and service_name(account):
            return None  # a service account with too many rights, rather than a key under the mat
        signs = [
            text
            for true, text in (
                (named, "its name says so"),
                (administrator, "it is a Global Administrator"),
                (spared, "every enforced policy excludes it"),
            )
            if true
        ]
        rarely = ", and it rarely signs in" if self._log_read else ""
        return f"It looks like an emergency access account: {' and '.join(signs)}{rarely}."


def watched_principals(tenant: Tenant) -> frozenset[str]:
    """Ids of the principals to look at because of what the tenant says of them: Global Administrators, holders of a
    synchronization role, and accounts that a policy excludes by name. Groups and deleted accounts may be among them.
    """
    enforced = (one for one in tenant.known_policies if one.state == ENABLED and not one.deleted)
    named = set[str]().union(*(policy.exclude_users for policy in enforced))
    if not isinstance(tenant.role_assignments, Gap):
        wanted = {GLOBAL_ADMINISTRATOR, *_SYNCHRONIZATION_ROLES}
        named |= {one.principal_id for one in tenant.role_assignments if one.template_id in wanted}
    return frozenset(named - {"all", "none", "guestsorexternalusers"})
