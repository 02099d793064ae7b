"""Which policies reach an account, and through what. Exclusions win; what can't be read counts both ways.

Every policy is one bit of an integer. For each token that a policy can name (everybody, a user, a group, a role) there is
one mask of the policies that include it and one of those that exclude it, so that an account's policies are a handful of
ORs over its own tokens instead of a walk over all policies: the cost of judging follows the account, not the tenant.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import and_, or_

from checks.policy import PolicyEffect
from tenant.model import Account, Gap, Group, RoleAssignment, Tenant

DIRECTORY_SYNCHRONIZATION_ACCOUNTS = "d29b2b05-8046-44ba-8758-1e26182fcf32"

Token = tuple[str, str]
_UNDEFINED_ROLES = Gap("role_definitions", "the definition of a role that the account holds is missing")
_EVERYBODY = ("all", "")
_MOST_TRIED = 8
"""Unread groups and roles that are tried both ways together; with more of them they only count at their extremes."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The directory roles of an account as far as Conditional Access looks at them."""

    active: frozenset[str]
    eligible: frozenset[str]
    active_gaps: tuple[Gap, ...] = ()
    """The unread inputs because of which roles may be missing from ``active``."""
    eligible_gaps: tuple[Gap, ...] = ()
    unsure: frozenset[str] = frozenset()
    """Roles that are held by id, but of which nobody could read whether they are built-in."""
    eligible_unsure: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class World:
    """Masks of policies, for one way in which the unread groups and roles may be: reached at least and at most."""

    least: int
    most: int
    eligible_least: int
    """Once eligible roles are activated."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Masks of policies: reached for certain, reached at most, reached once eligible roles are activated, excluded."""

    least: int
    most: int
    eligible_least: int
    eligible_most: int
    excluded: int
    """Policies that include the account, and exclude it for certain."""
    included: int
    """Policies that include the account for certain, whether or not they exclude it."""
    included_most: int
    """Policies that may include the account, whether or not they exclude it."""
    worlds: tuple[World, ...]
    """More than one where an unread group or role brings the account into one policy and out of another."""


class Scopes:
    """The scopes of a tenant's policies, ready to be asked for one account after the other."""

    def __init__(self, tenant: Tenant, effects: tuple[PolicyEffect, ...]) -> None:
        """Takes the tenant and its policies' effects; bit *i* of every mask is ``effects[i]``."""
        self._tenant = tenant
        self._include: dict[Token, int] = {}
        self._exclude: dict[Token, int] = {}
        for bit, effect in enumerate(effects):
            for token in _included(effect):
                self._include[token] = self._include.get(token, 0) | 1 << bit
            for token in _excluded(effect):
                self._exclude[token] = self._exclude.get(token, 0) | 1 << bit
        self._all_active = _by_principal(tenant.role_assignments, everything=True)
        self._some_unnamed = any(role.built_in is None for held in self._all_active.values() for role in held)
        self._active = _by_principal(tenant.role_assignments)
        self._eligible = _by_principal(tenant.role_eligibilities)
        named: dict[str, set[str]] = defaultdict(set)
        for kind, id in (*self._include, *self._exclude):
            named[kind].add(id)
        self._named_users, self._named_groups, self._named_roles = named["user"], named["group"], named["role"]
        self._unproven = {id for id, group in tenant.groups.items() if proves_nothing(group)}
        self._unproven_groups = self._unproven & self._named_groups
        self._nested: frozenset[str] = frozenset().union(*tenant.nesting.values())
        self._telling_groups = (
            frozenset(self._named_groups) | self._nested | self._all_active.keys() | self._eligible.keys()
        )
        self._chains: dict[tuple[str, frozenset[str]], tuple[str, ...]] = {}

    def position(self, account: Account) -> Hashable:
        """What all policies see of the account: two accounts with equal positions are in the same scopes by the same ways."""
        named = account.id if account.id in self._named_users or account.id in self._telling_groups else ""
        groups = account.groups
        return named, groups if isinstance(groups, Gap) else groups & self._telling_groups

    def roles_of(self, account: Account) -> Roles:
        """The roles that count for the account: built-in, tenant scope, its own or through its groups."""
        groups = account.groups
        principals = {account.id} if isinstance(groups, Gap) else {account.id, *groups}
        active = [role for principal in self._active.keys() & principals for role in self._active[principal]]
        eligible = [role for principal in self._eligible.keys() & principals for role in self._eligible[principal]]
        return Roles(
            active=frozenset(role.template_id for role in active if role.built_in),
            eligible=frozenset(role.template_id for role in eligible if role.built_in),
            active_gaps=_gaps(self._tenant.role_assignments, groups),
            eligible_gaps=_gaps(self._tenant.role_eligibilities, groups),
            unsure=frozenset(role.template_id for role in active if role.built_in is None),
            eligible_unsure=frozenset(role.template_id for role in eligible if role.built_in is None),
        )

    def reach(self, account: Account, roles: Roles) -> Reach:
        """Which policies reach the account at least and at most (verdicts.md section 3, Scope)."""
        sure = [_EVERYBODY, ("user", account.id), *(("role", role) for role in roles.active)]
        if not isinstance(account.groups, Gap):
            named = self._named_groups & account.groups
            sure += [("group", group) for group in named]
        maybe = [("group", group) for group in self._unsure_groups(account)]
        held = self._perhaps_held(account, self._tenant.role_assignments, self._active) | roles.unsure
        maybe += [("role", role) for role in held - roles.active]
        eligible = [("role", role) for role in roles.eligible - roles.active]
        perhaps = self._perhaps_held(account, self._tenant.role_eligibilities, self._eligible) | roles.eligible_unsure
        eligible_maybe = [*eligible, *(("role", role) for role in perhaps - roles.active)]
        included, excluded = _mask(self._include, sure), _mask(self._exclude, sure)
        included_most = included | _mask(self._include, maybe)
        once, once_maybe = self._reached_by_activating(eligible), self._reached_by_activating(eligible_maybe)
        worlds = tuple(
            World(
                least=(included | into) & ~(excluded | out | out_maybe),
                most=(included | into | into_maybe) & ~(excluded | out),
                eligible_least=once & ~(excluded | out | out_maybe),
            )
            for into, into_maybe, out, out_maybe in self._ways_to_be(maybe)
        )
        return Reach(
            least=reduce(and_, (world.least for world in worlds)),
            most=reduce(or_, (world.most for world in worlds)),
            eligible_least=reduce(and_, (world.eligible_least for world in worlds)),
            eligible_most=once_maybe & ~excluded,  # in the world in which nothing unread excludes the account
            excluded=included_most & excluded,
            included=included,
            included_most=included_most,
            worlds=worlds,
        )

    def _reached_by_activating(self, roles: Iterable[Token]) -> int:
        """The policies into which one of the roles brings its holder once it is activated, and doesn't bring out again."""
        return reduce(or_, (self._include.get(role, 0) & ~self._exclude.get(role, 0) for role in roles), 0)

    def _ways_to_be(self, maybe: Sequence[Token]) -> Iterator[tuple[int, int, int, int]]:
        """For each way in which the unread tokens may be: the policies that they bring the account into, and may bring it
        into, then those that they bring it out of, and may.

        Most tokens only include or only exclude, and then the least and the most are enough. One that does both is tried
        both ways: whoever is outside "everybody but these" is inside "these".
        """
        both = [token for token in maybe if token in self._include and token in self._exclude]
        if len(both) > _MOST_TRIED:
            both = []
        rest = [token for token in maybe if token not in both]
        into_maybe, out_maybe = _mask(self._include, rest), _mask(self._exclude, rest)
        for size in range(len(both) + 1):
            for tokens in combinations(both, size):
                yield _mask(self._include, tokens), into_maybe, _mask(self._exclude, tokens), out_maybe

    def gaps_behind(self, account: Account, roles: Roles, effect: PolicyEffect) -> Iterator[Gap]:
        """The unread inputs that leave open whether the policy reaches the account, or could once a role is activated."""
        policy = effect.policy
        groups = {id for id in policy.include_groups | policy.exclude_groups if not self._is_deleted(id)}
        if isinstance(account.groups, Gap) and groups:
            yield account.groups
        known = account.known_groups
        yield from (self._gap_of(id) for id in sorted(groups & self._unproven_groups - known))
        if named_roles := policy.include_roles | policy.exclude_roles:
            yield from self._gaps_of_holders(self._active, known, named_roles)
            yield from roles.active_gaps
            yield from self._gaps_of_definitions(account, self._tenant.role_assignments, roles.unsure & named_roles)

    def gaps_behind_eligibility(self, account: Account, roles: Roles, effect: PolicyEffect) -> Iterator[Gap]:
        """The unread inputs that leave open whether an eligible role would bring the account into the policy."""
        yield from roles.eligible_gaps
        leading_in = effect.policy.include_roles - effect.policy.exclude_roles
        yield from self._gaps_of_holders(self._eligible, account.known_groups, leading_in)
        unsure = roles.eligible_unsure & leading_in
        yield from self._gaps_of_definitions(account, self._tenant.role_eligibilities, unsure)

    def _gaps_of_definitions(
        self, account: Account, held: tuple[RoleAssignment, ...] | Gap, unsure: frozenset[str]
    ) -> Iterator[Gap]:
        """Why nobody knows whether roles are built-in: those that the account holds, or may, where that can't be read."""
        may_hold_any = isinstance(held, Gap) or isinstance(account.groups, Gap) or account.properties is not None
        if self._tenant.role_definitions and (unsure or may_hold_any):
            yield self._tenant.role_definitions
        elif unsure:
            yield _UNDEFINED_ROLES

    def way_in(self, account: Account, roles: Roles, effect: PolicyEffect) -> str:
        """How the account came into the policy's scope, e.g. ``group Backup apps > All service accounts``."""
        policy = effect.policy
        if "all" in policy.include_users:
            return "all users"
        if account.id in policy.include_users:
            return "named directly"
        return (
            self._through_group(account, policy.include_groups)
            or self._through_role(account, roles.active | roles.unsure, policy.include_roles, self._active)
            or self._through_role(
                account, roles.eligible, policy.include_roles - policy.exclude_roles, self._eligible, "eligible role"
            )
            or "could not be read"
        )

    def way_out(self, account: Account, roles: Roles, effect: PolicyEffect) -> str:
        """How the account is excluded from the policy, in the same form as :meth:`way_in`."""
        policy = effect.policy
        if account.id in policy.exclude_users:
            return "named directly"
        return (
            self._through_group(account, policy.exclude_groups)
            or self._through_role(account, roles.active, policy.exclude_roles, self._active)
            or "all users"
        )

    def shaky_groups(self, account: Account, effect: PolicyEffect) -> tuple[str, ...]:
        """Names of the groups that exclude the account from the policy and are filled by a rule that Microsoft has retired."""
        groups = (self._tenant.groups.get(id) for id in effect.policy.exclude_groups & account.known_groups)
        return tuple(sorted(group.display_name for group in groups if group and group.by_member_of))

    def role_names(self, account: Account) -> tuple[str, ...]:
        """Names of all active roles, sorted: those that Conditional Access doesn't look at (custom, scoped) included."""
        assignments = self._tenant.role_assignments
        if isinstance(assignments, Gap):
            return ()
        return tuple(sorted({role.role_name or role.template_id for role in self._held(account)}))

    def may_hold_roles(self, account: Account) -> bool:
        """Whether the account may hold roles that can't be seen: through a group that hides its members, or any where its memberships
        are unread.
        """
        if isinstance(self._tenant.role_assignments, Gap):
            return True
        if isinstance(account.groups, Gap):
            return bool(self._all_active.keys() - {account.id})
        return bool((self._all_active.keys() & self._unproven) - account.groups)

    def holds_unnamed_roles(self, account: Account) -> bool:
        """Whether it holds a role whose definition, and so its name, is unread."""
        return self._some_unnamed and any(role.built_in is None for role in self._held(account))

    def deleted_groups(self, effect: PolicyEffect) -> tuple[str, ...]:
        """Ids of groups that the policy includes and that no longer exist."""
        return tuple(sorted(id for id in effect.policy.include_groups if self._is_deleted(id)))

    def _held(self, account: Account) -> Iterator[RoleAssignment]:
        for principal in self._all_active.keys() & {account.id, *account.known_groups}:
            yield from self._all_active[principal]

    def _unsure_groups(self, account: Account) -> set[str]:
        if isinstance(account.groups, Gap):
            return {id for id in self._named_groups if not self._is_deleted(id)}
        return self._unproven_groups - account.groups

    def _perhaps_held(
        self,
        account: Account,
        assignments: tuple[RoleAssignment, ...] | Gap,
        by_principal: dict[str, list[RoleAssignment]],
    ) -> set[str]:
        """Roles that the account may hold unseen: any, or, where its groups are unread, those that others hold."""
        if isinstance(assignments, Gap):
            return set(self._named_roles)
        others: Iterable[str] = by_principal.keys() - {account.id} - self._tenant.role_holding_users
        if not isinstance(account.groups, Gap):
            others = (by_principal.keys() & self._unproven) - account.groups
        return {role.template_id for principal in others for role in by_principal[principal]}

    def _is_deleted(self, group: str) -> bool:
        known = self._tenant.groups.get(group)
        return known is not None and known.deleted

    def _gap_of(self, group: str) -> Gap:
        known = self._tenant.groups[group]
        return known.gap or Gap(
            "groups",
            f'the group "{known.display_name}" hides its members',
            permission="Member.Read.Hidden",
            objects=(group,),
        )

    def _gaps_of_holders(
        self, by_principal: Mapping[str, list[RoleAssignment]], groups: frozenset[str], named_roles: frozenset[str]
    ) -> Iterator[Gap]:
        """The unread groups that hold one of the roles, apart from those that the account is known to be in."""
        for group in sorted((by_principal.keys() & self._unproven) - groups):
            if any(role.template_id in named_roles for role in by_principal[group]):
                yield self._gap_of(group)

    def _through_group(self, account: Account, wanted: frozenset[str]) -> str | None:
        if isinstance(account.groups, Gap):
            return None
        found = wanted & account.groups
        if not found:
            return None
        first = min(found, key=lambda id: (self._group_name(id), id))
        return f"group {' > '.join(self._chain(first, account.groups))}"

    def _through_role(
        self,
        account: Account,
        held: frozenset[str],
        wanted: frozenset[str],
        source: Mapping[str, list[RoleAssignment]],
        word: str = "role",
    ) -> str | None:
        for role in sorted(wanted & held):
            name = self._role_name(role)
            own = any(assignment.template_id == role for assignment in source.get(account.id, ()))
            via = sorted(
                self._group_name(id)
                for id in account.known_groups
                for assignment in source.get(id, ())
                if assignment.template_id == role
            )
            return f"{word} {name}" if own or not via else f"{word} {name} through group {via[0]}"
        return None

    def _chain(self, group: str, memberships: frozenset[str]) -> tuple[str, ...]:
        """Names from the group that the account is a direct member of up to ``group``."""
        if group not in self._tenant.nesting:
            return (self._group_name(group),)
        nested = memberships & self._nested
        key = (group, nested)
        if key not in self._chains:
            path = [group]
            while children := (self._tenant.nesting.get(path[-1], frozenset()) & nested).difference(path):
                path.append(min(children))
            self._chains[key] = tuple(self._group_name(id) for id in reversed(path))
        return self._chains[key]

    def _role_name(self, role: str) -> str:
        return self._tenant.role_names.get(role) or role

    def _group_name(self, group: str) -> str:
        known = self._tenant.groups.get(group)
        return known.display_name if known and known.display_name else group


def is_synchronization_account(account: Account, roles: Roles, tenant: Tenant) -> bool:
    """Whether it is a directory synchronization account: by its role; by its name only where roles are unreadable."""
    if DIRECTORY_SYNCHRONIZATION_ACCOUNTS in roles.active | roles.unsure:
        return True
    if not isinstance(tenant.role_assignments, Gap):
        return False
    local, _, domain = account.user_principal_name.lower().partition("@")
    return local.startswith(("sync_", "adtoaadsyncserviceaccount")) and domain.endswith(".onmicrosoft.com")


def _included(effect: PolicyEffect) -> Iterator[Token]:
    policy = effect.policy
    if "all" in policy.include_users:
        yield _EVERYBODY
    named = policy.include_users or policy.include_groups or policy.include_roles or policy.names_guests
    if not named and policy.unknown_user_members:
        yield _EVERYBODY  # it targets somebody in a way that nobody here understands; its effect is limited elsewhere
    yield from (("user", id) for id in policy.include_users)
    yield from (("group", id) for id in policy.include_groups)
    yield from (("role", id) for id in policy.include_roles)


def _excluded(effect: PolicyEffect) -> Iterator[Token]:
    policy = effect.policy
    if "all" in policy.exclude_users:
        yield _EVERYBODY
    yield from (("user", id) for id in policy.exclude_users)
    yield from (("group", id) for id in policy.exclude_groups)
    yield from (("role", id) for id in policy.exclude_roles)


def _by_principal(
    assignments: tuple[RoleAssignment, ...] | Gap, *, everything: bool = False
) -> dict[str, list[RoleAssignment]]:
    """Assignments that Conditional Access looks at: at tenant scope, of roles that aren't known to be custom."""
    found: dict[str, list[RoleAssignment]] = {}
    if not isinstance(assignments, Gap):
        for assignment in assignments:
            if everything or (assignment.scope == "/" and assignment.built_in is not False):
                found.setdefault(assignment.principal_id, []).append(assignment)
    return found


def proves_nothing(group: Group) -> bool:
    """Whether an account may be in the group although its memberships don't show it."""
    return not group.deleted and (group.gap is not None or group.hidden_membership)


def _gaps(*values: object) -> tuple[Gap, ...]:
    return tuple(value for value in values if isinstance(value, Gap))


def _mask(masks: dict[Token, int], tokens: Iterable[Token]) -> int:
    found = 0
    for token in tokens:
        found |= masks.get(token, 0)
    return found
