"""The small tenant of the stories, and which checks fail in it: docs/verdicts.md in the few words that it takes. Pure.

What a scan can know where something is unread follows from the worlds that would look the same to it: a check that fails in
all of them is seen, one that fails in none is passed, and any other is undecided.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

STATES = ("disabled", "enabled", "enforced")
RULE_STATES = ("off", "on", "report-only")
CANNOT_TELL, SWITCHED_OFF = "APW-008", "APW-009"
BY_POLICY, BY_DEFAULTS, STUCK, PENDING, PREDICTED = "APW-001", "APW-002", "APW-003", "APW-004", "APW-006"
UNUSABLE, HOLDS_ROLE, ABOUT_TO_BE_BLOCKED = "APW-007", "APW-011", "APW-013"
JUDGED = (BY_POLICY, BY_DEFAULTS, STUCK, PENDING, PREDICTED, UNUSABLE, HOLDS_ROLE, ABOUT_TO_BE_BLOCKED)
"""The checks that a look at one moment decides; ``SWITCHED_OFF`` takes two."""
ROLE = "Exchange Administrator"
DEFAULTS = "Security Defaults"

Causes = frozenset[str]


@dataclass(frozen=True, slots=True)
class Person:
    """An account."""

    id: str
    upn: str
    mfa: str = "disabled"
    """Its per-user MFA state."""
    registered: bool = False
    """Whether it has an MFA method."""
    enabled: bool = True
    member: bool = False
    """Whether it is in the group that some policies are for."""
    role: bool = False
    """Whether it holds ``ROLE``."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A Conditional Access policy: demands MFA in browsers, or blocks legacy clients."""

    name: str
    demands: str
    """``mfa`` or ``block``."""
    for_group: bool = False
    state: str = "off"
    excluded: frozenset[str] = frozenset()
    """Ids of accounts."""

    def reaches(self, person: Person) -> bool:
        """Whether the account is in its scope."""
        return person.id not in self.excluded and (person.member or not self.for_group)


@dataclass(frozen=True, slots=True)
class Tenant:
    """All of it."""

    people: tuple[Person, ...] = ()
    rules: tuple[Rule, ...] = ()
    defaults: bool = False

    def person(self, id: str) -> Person | None:
        """The account with this id, if it exists."""
        return next((one for one in self.people if one.id == id), None)

    def named(self, upn: str) -> Person | None:
        """The account with this user principal name, if it exists."""
        return next((one for one in self.people if one.upn == upn), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both answers for an enabled account, and the checks that it fails, each with its causes."""

    visibility: str
    usability: str
    failing: dict[str, Causes]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scan can know of one account."""

    failing: dict[str, Causes | None] = field(default_factory=dict)
    """Check -> its causes; None where what is unread may add one."""
    undecided: frozenset[str] = frozenset()
    applicable: bool = True


def judge(person: Person, tenant: Tenant) -> Verdict:
    """The verdict where everything is known."""
    reaching = [rule for rule in tenant.rules if rule.reaches(person)]

    def names(demands: str, state: str) -> Causes:
        return frozenset(rule.name for rule in reaching if (rule.demands, rule.state) == (demands, state))

    by_defaults: Causes = frozenset({DEFAULTS} if tenant.defaults else ())
    demanding, blocking = by_defaults | names("mfa", "on"), by_defaults | names("block", "on")
    failing: dict[str, Causes] = {}
    if person.mfa == "enforced":
        visibility = "visible"
    elif person.mfa == "enabled":
        visibility = "stuck" if person.registered else "pending"
        failing[STUCK if person.registered else PENDING] = frozenset()
    elif demanding:
        visibility = "hidden"
        failing[BY_DEFAULTS if tenant.defaults else BY_POLICY] = demanding
    elif predicting := names("mfa", "report-only"):
        visibility = "predicted"
        failing[PREDICTED] = predicting
    else:
        visibility = "not offered"
    if blocking and visibility in ("visible", "stuck", "pending"):
        failing[UNUSABLE] = blocking
    if not blocking and (would_block := names("block", "report-only")):
        failing[ABOUT_TO_BE_BLOCKED] = would_block
    if person.role:
        failing[HOLDS_ROLE] = frozenset({ROLE})
    return Verdict(visibility, "blocked" if blocking else "usable", failing)


def seen(person: Person, tenant: Tenant, unread: frozenset[str]) -> Seen:
    """What a scan can know that couldn't read these inputs of the account."""
    if "account" in unread:
        return Seen({CANNOT_TELL: frozenset()}, frozenset({*JUDGED, SWITCHED_OFF}))
    if not person.enabled:
        return Seen(applicable=False)
    worlds = [judge(*world) for world in _worlds(person, tenant, unread)]
    failing: dict[str, Causes | None] = {}
    undecided = {SWITCHED_OFF} if "per_user_mfa" in unread else set[str]()
    for check in JUDGED:
        causes = [world.failing[check] for world in worlds if check in world.failing]
        if len(causes) == len(worlds):
            failing[check] = (
                causes[0] if len(set(causes)) == 1 and not _nameless(check, person, tenant, unread) else None
            )
        elif causes:
            undecided.add(check)
    visibilities = {world.visibility for world in worlds}
    if visibilities == {"hidden"} and BY_POLICY in undecided:
        # Hidden either way, and by policy for all that is known: Security Defaults would only be one cause more.
        undecided.discard(BY_POLICY)
        failing[BY_POLICY] = None
    if len(visibilities) > 1 or len({world.usability for world in worlds}) > 1:
        failing[CANNOT_TELL] = frozenset()
    return Seen(failing, frozenset(undecided))


def _nameless(check: str, person: Person, tenant: Tenant, unread: frozenset[str]) -> bool:
    """Whether roles are held of which not all, or not their names, are known."""
    return check == HOLDS_ROLE and ("role_definitions" in unread or _may_hold_more(person, tenant, unread))


def _may_hold_more(person: Person, tenant: Tenant, unread: frozenset[str]) -> bool:
    """Whether somebody else who holds a role may be a group that the account is in."""
    return "group_memberships" in unread and any(one.role for one in tenant.people if one.id != person.id)


def _worlds(person: Person, tenant: Tenant, unread: frozenset[str]) -> Iterator[tuple[Person, Tenant]]:
    """Every way in which the unread inputs may be."""
    states = STATES if "per_user_mfa" in unread else (person.mfa,)
    registered = (True, False) if "mfa_registration" in unread else (person.registered,)
    members = (True, False) if unread & {"group_memberships", "groups"} else (person.member,)
    roles = (True, False) if "role_assignments" in unread else (person.role,)
    if _may_hold_more(person, tenant, unread) and not person.role:
        roles = (True, False)
    defaults = (False, True) if "security_defaults" in unread else (tenant.defaults,)
    rules = list(_any_rules()) if "conditional_access_policies" in unread else [tenant.rules]
    for mfa, method, member, role, on, some in product(states, registered, members, roles, defaults, rules):
        one = replace(person, mfa=mfa, registered=method, member=member, role=role)
        yield one, replace(tenant, defaults=on, rules=some)


def _any_rules() -> Iterator[tuple[Rule, ...]]:
    for mfa, block in product(RULE_STATES, RULE_STATES):
        yield Rule("unread MFA", "mfa", state=mfa), Rule("unread block", "block", state=block)
