"""What a tenant's scopes answer when they are asked directly: roles, gaps, ways in and out, positions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.policy import effect_of
from checks.scope import Roles, Scopes
from tenant.model import Account, Gap, Group, RoleAssignment
from tests.checks.kit import (
    ELIGIBILITIES_GAP,
    GLOBAL_ADMINISTRATOR,
    GROUPS,
    GROUPS_GAP,
    NOW,
    PROPERTIES_GAP,
    ROLES_GAP,
    SERVICE,
    Json,
    holds,
    make_tenant,
    policy,
)

GA = GLOBAL_ADMINISTRATOR
UNIT = "/administrativeUnits/au1"
BROKEN = Gap("groups", "500", account_id=None)
SECRET = {**GROUPS, "g4": Group("g4", "Secret", hidden_membership=True), "g5": Group("g5", "Broken", gap=BROKEN)}
GONE = {**GROUPS, "g9": Group("g9", "Gone", deleted=True)}
ALL_ROLES = {GA: "Global Administrator", "r2": "Helpdesk"}
IN_G1 = replace(SERVICE, groups=frozenset({"g1"}))
DEFINITIONS_GAP = Gap("role_definitions", "403")
UNSEEN = replace(SERVICE, properties=PROPERTIES_GAP)
UNREAD = replace(SERVICE, groups=GROUPS_GAP)


def asked(*policies: Json, **tenant: Any) -> Scopes:
    built = make_tenant(policies, **{"role_names": ALL_ROLES, **tenant})
    assert isinstance(built.policies, tuple)
    return Scopes(built, tuple(effect_of(one, built, NOW.date()) for one in built.policies))


def targeting(*roles: str, **members: Any) -> Json:
    return policy(users=(), roles=roles, **members)


# --- roles -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "tenant", "roles"),
    [
        (SERVICE, {"role_assignments": (holds(GA),)}, Roles(frozenset({GA}), frozenset())),
        (IN_G1, {"role_assignments": (holds(GA, by="g1"),)}, Roles(frozenset({GA}), frozenset())),
        (SERVICE, {"role_assignments": (holds(GA, by="g1"),)}, Roles(frozenset(), frozenset())),
        (SERVICE, {"role_assignments": (holds(GA, scope=UNIT),)}, Roles(frozenset(), frozenset())),
        (SERVICE, {"role_assignments": (holds(GA, built_in=False),)}, Roles(frozenset(), frozenset())),
        # over an application only
        (SERVICE, {"role_assignments": (holds(GA, scope=""),)}, Roles(frozenset(), frozenset())),
        (
            SERVICE,
            {"role_assignments": (holds(GA, built_in=None),)},
            Roles(frozenset(), frozenset(), unsure=frozenset({GA})),
        ),
        (SERVICE, {"role_eligibilities": (holds(GA),)}, Roles(frozenset(), frozenset({GA}))),
        (SERVICE, {"role_assignments": ROLES_GAP}, Roles(frozenset(), frozenset(), active_gaps=(ROLES_GAP,))),
        (
            SERVICE,
            {"role_eligibilities": ELIGIBILITIES_GAP},
            Roles(frozenset(), frozenset(), eligible_gaps=(ELIGIBILITIES_GAP,)),
        ),
        (
            UNREAD,
            {"role_assignments": (holds("r2"), holds(GA, by="g1"))},
            Roles(frozenset({"r2"}), frozenset(), (GROUPS_GAP,), (GROUPS_GAP,)),
        ),
        (
            UNREAD,
            {"role_assignments": ROLES_GAP, "role_eligibilities": ELIGIBILITIES_GAP},
            Roles(frozenset(), frozenset(), (ROLES_GAP, GROUPS_GAP), (ELIGIBILITIES_GAP, GROUPS_GAP)),
        ),
    ],
)
def test_roles_that_count_are_built_in_and_held_over_the_tenant(
    account: Account, tenant: Mapping[str, Any], roles: Roles
) -> None:
    assert asked(**tenant).roles_of(account) == roles


def test_an_eligible_role_of_which_nobody_could_read_what_it_is_is_unsure() -> None:
    roles = asked(role_eligibilities=(holds(GA, built_in=None),)).roles_of(SERVICE)
    assert not roles.eligible
    assert roles.eligible_unsure == {GA}
    assert roles.eligible_gaps == ()


@pytest.mark.parametrize(
    ("account", "assignments", "names"),
    [
        (SERVICE, (holds(GA),), ("Role " + GA,)),
        (SERVICE, (holds("r2"), holds("r1"), holds("r1")), ("Role r1", "Role r2")),
        (SERVICE, (holds(GA, scope=UNIT),), ("Role " + GA,)),
        (SERVICE, (holds("own", built_in=False),), ("Role own",)),
        (SERVICE, (RoleAssignment("svc", "r9", ""),), ("r9",)),
        (IN_G1, (holds(GA, by="g1"),), ("Role " + GA,)),
        (UNREAD, (holds(GA, by="g1"),), ()),
        (SERVICE, ROLES_GAP, ()),
    ],
)
def test_every_active_role_is_named(
    account: Account, assignments: tuple[RoleAssignment, ...] | Gap, names: tuple[str, ...]
) -> None:
    assert asked(role_assignments=assignments).role_names(account) == names


@pytest.mark.parametrize(
    ("account", "assignments", "may", "unnamed"),
    [
        (SERVICE, (), False, False),
        (SERVICE, ROLES_GAP, True, False),
        (SERVICE, (holds(GA, by="g1"),), False, False),
        (UNREAD, (holds(GA, by="g1"),), True, False),
        (UNREAD, (holds(GA),), False, False),
        (UNREAD, (), False, False),
        (SERVICE, (holds(GA, built_in=None),), False, True),
        (SERVICE, (holds(GA), holds(GA, by="g1", built_in=None)), False, False),
        (IN_G1, (holds(GA), holds(GA, by="g1", built_in=None)), False, True),
    ],
)
def test_roles_that_may_be_held_unseen_and_roles_without_a_name(
    account: Account, assignments: tuple[RoleAssignment, ...] | Gap, may: bool, unnamed: bool
) -> None:
    scopes = asked(role_assignments=assignments)
    assert (scopes.may_hold_roles(account), scopes.holds_unnamed_roles(account)) == (may, unnamed)


# --- gaps --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "raw", "tenant", "inputs"),
    [
        (SERVICE, policy(users=(), groups=("g1",)), {}, []),
        (UNREAD, policy(users=(), groups=("g1",)), {}, ["group_memberships"]),
        (UNREAD, policy(not_groups=("g1",)), {}, ["group_memberships"]),
        (UNREAD, policy(), {}, []),
        (UNREAD, policy(users=("svc",), groups=("g1",), not_groups=("g1",)), {}, ["group_memberships"]),
        (IN_G1, policy(users=(), groups=("g1",)), {}, []),
        (
            SERVICE,
            policy(users=("svc",), roles=(GA,), not_roles=(GA,)),
            {"role_assignments": ROLES_GAP},
            ["role_assignments"],
        ),
        (UNREAD, policy(users=(), groups=("g9",)), {"groups": GONE}, []),
        (SERVICE, policy(users=(), groups=("g4",)), {"groups": SECRET}, ["groups"]),
        (SERVICE, policy(not_groups=("g5",)), {"groups": SECRET}, ["groups"]),
        (SERVICE, policy(users=(), groups=("g1",)), {"groups": SECRET}, []),
        (replace(SERVICE, groups=frozenset({"g4"})), policy(users=(), groups=("g4",)), {"groups": SECRET}, []),
        (SERVICE, targeting(GA), {"role_assignments": ROLES_GAP}, ["role_assignments"]),
        (SERVICE, policy(not_roles=(GA,)), {"role_assignments": ROLES_GAP}, ["role_assignments"]),
        (SERVICE, policy(), {"role_assignments": ROLES_GAP}, []),
        (UNREAD, targeting(GA), {"role_assignments": (holds(GA, by="g1"),)}, ["group_memberships"]),
        (UNREAD, policy(not_groups=("g5",)), {"groups": SECRET}, ["group_memberships", "groups"]),
        (UNREAD, policy(not_groups=("g1", "g4")), {"groups": SECRET}, ["group_memberships", "groups"]),
        (
            UNREAD,
            targeting(GA),
            {"groups": SECRET, "role_assignments": (holds(GA, by="g4"),)},
            ["groups", "group_memberships"],
        ),
        (SERVICE, targeting(GA), {"role_assignments": (holds(GA, built_in=None),)}, ["role_definitions"]),
        (
            SERVICE,
            targeting(GA, not_roles=(GA,)),
            {"role_assignments": (holds(GA, built_in=None),)},
            ["role_definitions"],
        ),
        (SERVICE, targeting("r2"), {"role_assignments": (holds(GA, built_in=None),)}, []),
        (SERVICE, targeting(GA), {"role_definitions": DEFINITIONS_GAP}, []),
        (UNREAD, targeting(GA), {"role_definitions": DEFINITIONS_GAP}, ["group_memberships", "role_definitions"]),
        (UNSEEN, targeting(GA), {"role_definitions": DEFINITIONS_GAP}, ["role_definitions"]),
        (SERVICE, targeting(GA), {"groups": SECRET, "role_assignments": (holds(GA, by="g4"),)}, ["groups"]),
        (SERVICE, targeting("r2"), {"groups": SECRET, "role_assignments": (holds(GA, by="g4"),)}, []),
        (
            replace(SERVICE, groups=frozenset({"g4"})),
            targeting(GA),
            {"groups": SECRET, "role_assignments": (holds(GA, by="g4"),)},
            [],
        ),
    ],
)
def test_what_leaves_a_scope_open_is_named(
    account: Account, raw: Json, tenant: Mapping[str, Any], inputs: list[str]
) -> None:
    built = make_tenant([raw], **tenant)
    assert isinstance(built.policies, tuple)
    effect = effect_of(built.policies[0], built, NOW.date())
    scopes = Scopes(built, (effect,))
    gaps = list(scopes.gaps_behind(account, scopes.roles_of(account), effect))
    assert [gap.input for gap in gaps] == inputs
    for gap in gaps:
        assert gap != Gap("groups", "", None)


@pytest.mark.parametrize(
    ("account", "raw", "tenant", "inputs"),
    [
        (SERVICE, targeting(GA), {"role_eligibilities": ELIGIBILITIES_GAP}, ["role_eligibilities"]),
        (UNREAD, targeting(GA), {"role_eligibilities": (holds(GA, by="g1"),)}, ["group_memberships"]),
        (
            UNREAD,
            targeting(GA),
            {"groups": SECRET, "role_eligibilities": (holds(GA, by="g4"),)},
            ["group_memberships", "groups"],
        ),
        (
            SERVICE,
            targeting(GA, not_roles=(GA,)),
            {"groups": SECRET, "role_eligibilities": (holds(GA, by="g4"),)},
            [],
        ),
        (SERVICE, targeting(GA), {"role_eligibilities": (holds(GA, built_in=None),)}, ["role_definitions"]),
        (SERVICE, targeting(GA), {"groups": SECRET, "role_eligibilities": (holds(GA, by="g4"),)}, ["groups"]),
        (SERVICE, targeting("r2"), {"groups": SECRET, "role_eligibilities": (holds(GA, by="g4"),)}, []),
        (SERVICE, targeting(GA), {"groups": SECRET, "role_assignments": (holds(GA, by="g4"),)}, []),
        (SERVICE, policy(not_roles=(GA,)), {"groups": SECRET, "role_eligibilities": (holds(GA, by="g4"),)}, []),
    ],
)
def test_what_leaves_open_an_eligible_role_is_named(
    account: Account, raw: Json, tenant: Mapping[str, Any], inputs: list[str]
) -> None:
    built = make_tenant([raw], **tenant)
    assert isinstance(built.policies, tuple)
    effect = effect_of(built.policies[0], built, NOW.date())
    scopes = Scopes(built, (effect,))
    gaps = scopes.gaps_behind_eligibility(account, scopes.roles_of(account), effect)
    assert [gap.input for gap in gaps] == inputs


def test_a_group_that_hides_its_members_says_which_permission_opens_it() -> None:
    built = make_tenant([policy(users=(), groups=("g4", "g5"))], groups=SECRET)
    assert isinstance(built.policies, tuple)
    effect = effect_of(built.policies[0], built, NOW.date())
    scopes = Scopes(built, (effect,))
    gaps = set(scopes.gaps_behind(SERVICE, scopes.roles_of(SERVICE), effect))
    assert gaps == {BROKEN, Gap("groups", 'the group "Secret" hides its members', permission="Member.Read.Hidden")}


# --- the least and the most ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "policies", "tenant", "masks"),
    [
        # least, most, eligible at least, eligible at most, excluded
        (SERVICE, [policy(), policy(users=("x",)), policy(not_users=("svc",))], {}, (0b001, 0b001, 0, 0, 0b100)),
        (SERVICE, [policy(users=("x",), not_users=("svc",))], {}, (0, 0, 0, 0, 0)),
        (UNREAD, [policy(users=(), groups=("g1",)), policy(not_groups=("g1",))], {}, (0, 0b11, 0, 0, 0)),
        (UNREAD, [policy(users=(), groups=("g1",), not_users=("svc",))], {}, (0, 0, 0, 0, 1)),
        (UNREAD, [policy(users=(), groups=("g9",))], {"groups": GONE}, (0, 0, 0, 0, 0)),
        (SERVICE, [policy(users=(), groups=("g4",)), policy(not_groups=("g4",))], {"groups": SECRET}, (0, 0b11, 0, 0, 0)),
        (SERVICE, [targeting(GA), targeting("r2")], {"role_assignments": ROLES_GAP}, (0, 0b11, 0, 0, 0)),
        (SERVICE, [targeting(GA)], {"role_assignments": (holds(GA, built_in=None),)}, (0, 1, 0, 0, 0)),
        (SERVICE, [policy(not_roles=(GA,))], {"role_assignments": (holds(GA, built_in=None),)}, (0, 1, 0, 0, 0)),
        (UNREAD, [targeting(GA), targeting("r2")], {"role_assignments": (holds(GA, by="g1"),)}, (0, 0b01, 0, 0, 0)),
        (UNREAD, [targeting(GA)], {"role_assignments": (holds(GA, by="u"),), "role_holding_users": frozenset({"u"})},
         (0, 0, 0, 0, 0)),
        (SERVICE, [targeting(GA)], {"groups": SECRET, "role_assignments": (holds(GA, by="g4"),)}, (0, 1, 0, 0, 0)),
        (SERVICE, [targeting(GA)], {"role_eligibilities": (holds(GA),)}, (0, 0, 1, 1, 0)),
        (SERVICE, [targeting(GA, not_users=("svc",))], {"role_eligibilities": (holds(GA),)}, (0, 0, 0, 0, 0)),
        (SERVICE, [targeting(GA)], {"role_eligibilities": ELIGIBILITIES_GAP}, (0, 0, 0, 1, 0)),
        (SERVICE, [targeting(GA)], {"role_eligibilities": (holds(GA, built_in=None),)}, (0, 0, 0, 1, 0)),
        (SERVICE, [targeting(GA)], {"role_assignments": (holds(GA),), "role_eligibilities": (holds(GA),)},
         (1, 1, 0, 0, 0)),
        (UNREAD, [targeting(GA, not_groups=("g1",))], {"role_eligibilities": (holds(GA),)}, (0, 0, 0, 1, 0)),
        # what brings the account out of one policy says nothing about the others
        (UNREAD, [policy(not_groups=("g2",)), policy()], {}, (0b10, 0b11, 0, 0, 0)),
        (UNREAD, [policy(not_groups=("g1",)), policy(users=(), groups=("g1",))], {}, (0, 0b11, 0, 0, 0)),
        (UNREAD, [policy(not_groups=("g1",)), policy(users=(), groups=("g1",)), policy()], {},
         (0b100, 0b111, 0, 0, 0)),
        (UNREAD, [targeting(GA, not_groups=("g2",)), targeting(GA)], {"role_eligibilities": (holds(GA),)},
         (0, 0, 0b10, 0b11, 0)),
        (UNREAD, [targeting(GA, not_groups=("g1",)), policy(users=(), groups=("g1",)), targeting(GA)],
         {"role_eligibilities": (holds(GA),)}, (0, 0b10, 0b100, 0b101, 0)),
        # what is so for certain stays so, whatever else may bring it about
        (UNREAD, [policy(users=("svc",), groups=("g1",)), policy(not_groups=("g1",))], {}, (0b01, 0b11, 0, 0, 0)),
        (UNREAD, [policy(not_users=("svc",), not_groups=("g1",)), policy(users=(), groups=("g1",))], {},
         (0, 0b10, 0, 0, 0b01)),
        (UNREAD, [policy(users=("svc",), groups=("g2",))], {}, (1, 1, 0, 0, 0)),
        (UNREAD, [policy(not_users=("svc",), not_groups=("g2",))], {}, (0, 0, 0, 0, 1)),
        (UNREAD, [policy(users=("svc",), groups=("g2",), not_users=("svc",))], {}, (0, 0, 0, 0, 1)),
        (UNREAD, [targeting(GA, not_users=("svc",), not_groups=("g2",))], {"role_eligibilities": (holds(GA),)},
         (0, 0, 0, 0, 0)),
        (SERVICE, [targeting(GA)],
         {"groups": SECRET, "role_assignments": (holds(GA, built_in=None), holds(GA, by="g4"))}, (0, 1, 0, 0, 0)),
        (SERVICE, [targeting(GA)],
         {"groups": SECRET, "role_eligibilities": (holds(GA, built_in=None), holds(GA, by="g4"))}, (0, 0, 0, 1, 0)),
        (replace(SERVICE, groups=frozenset({"g4"})), [policy(users=(), groups=("g4",)), policy(not_groups=("g4",))],
         {"groups": SECRET}, (0b01, 0b01, 0, 0, 0b10)),
        (SERVICE, [policy(users=(), groups=("g9",))],
         {"groups": {"g9": Group("g9", "", deleted=True, hidden_membership=True)}}, (0, 0, 0, 0, 0)),
        # whoever is named keeps a member that nobody knows from meaning everybody
        (SERVICE, [policy(users=("x",), user_members={"includeNew": ["x"]})], {}, (0, 0, 0, 0, 0)),
        (SERVICE, [policy(users=(), groups=("g1",), user_members={"includeNew": ["x"]})], {}, (0, 0, 0, 0, 0)),
        (SERVICE, [targeting(GA, user_members={"includeNew": ["x"]})], {}, (0, 0, 0, 0, 0)),
        (SERVICE, [policy(users=(), user_members={"includeNew": ["x"], "includeGuestsOrExternalUsers": {
            "guestOrExternalUserTypes": "internalGuest"}})], {}, (0, 0, 0, 0, 0)),
        (SERVICE, [policy(users=(), user_members={"includeNew": ["x"]})], {}, (1, 1, 0, 0, 0)),
    ],
)  # fmt: skip
def test_a_policy_is_reached_at_the_least_and_at_the_most(
    account: Account, policies: list[Json], tenant: Mapping[str, Any], masks: tuple[int, ...]
) -> None:
    scopes = asked(*policies, **tenant)
    reach = scopes.reach(account, scopes.roles_of(account))
    assert (reach.least, reach.most, reach.eligible_least, reach.eligible_most, reach.excluded) == masks


@pytest.mark.parametrize(("groups", "worlds"), [(1, 2), (2, 4), (8, 256), (9, 1)])
def test_up_to_eight_unread_groups_are_tried_both_ways(groups: int, worlds: int) -> None:
    names = [f"n{number}" for number in range(groups)]
    scopes = asked(
        *(policy(users=(), groups=(name,)) for name in names), *(policy(not_groups=(name,)) for name in names)
    )
    reach = scopes.reach(UNREAD, scopes.roles_of(UNREAD))
    assert len(reach.worlds) == worlds
    assert (reach.least, reach.most) == (0, (1 << 2 * groups) - 1)


def test_an_unread_group_that_only_includes_is_not_tried_both_ways() -> None:
    scopes = asked(policy(users=(), groups=("g1",)), policy(not_groups=("g2",)))
    assert len(scopes.reach(UNREAD, scopes.roles_of(UNREAD)).worlds) == 1


# --- the ways in and out -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "raw", "tenant", "way"),
    [
        (SERVICE, policy(users=("svc",), groups=("g1",)), {}, "named directly"),
        (SERVICE, policy(users=("All", "svc")), {}, "all users"),
        (
            replace(SERVICE, groups=frozenset({"g1", "g2"})),
            policy(users=(), groups=("g1", "g2")),
            {},
            "group All service accounts",
        ),
        (
            replace(SERVICE, groups=frozenset({"g7"})),
            policy(users=(), groups=("g7",)),
            {"groups": {"g7": Group("g7", "")}},
            "group g7",
        ),
        (IN_G1, targeting(GA), {"role_assignments": (holds(GA), holds(GA, by="g1"))}, "role Global Administrator"),
        (
            replace(SERVICE, groups=frozenset({"g1", "g2"})),
            targeting(GA),
            {"role_assignments": (holds(GA, by="g1"), holds("r2", by="g2"), holds(GA, by="g2"))},
            "role Global Administrator through group All service accounts",
        ),
        (SERVICE, targeting("r3"), {"role_assignments": (holds("r3"),)}, "role r3"),
        (SERVICE, targeting("r3"), {"role_assignments": (holds("r3"), holds("r3", built_in=None))}, "role r3"),
        (
            replace(SERVICE, groups=frozenset({"g1", "g2"})),
            targeting(GA),
            {
                "role_assignments": (
                    holds("r2"),
                    holds("00"),
                    holds("r2", by="g2"),
                    holds("00", by="g2"),
                    holds(GA, by="g1"),
                )
            },
            "role Global Administrator through group Backup apps",
        ),
        (IN_G1, policy(users=(), groups=("g1",)), {"groups": {}}, "group g1"),
        (
            replace(SERVICE, groups=frozenset({"g1", "g2", "g3"})),
            policy(users=(), groups=("g3",)),
            {"nesting": {"g3": frozenset({"g1", "g2"})}},
            "group Backup apps > Everything technical",
        ),
        (
            replace(SERVICE, groups=frozenset({"g2", "g3"})),
            policy(users=(), groups=("g3",)),
            {"nesting": {"g3": frozenset({"g1", "g2"})}},
            "group All service accounts > Everything technical",
        ),
        (SERVICE, targeting(GA), {"role_assignments": (holds(GA, built_in=None),)}, "role Global Administrator"),
        (SERVICE, targeting(GA), {"role_eligibilities": (holds(GA),)}, "eligible role Global Administrator"),
        (
            IN_G1,
            targeting(GA),
            {"role_eligibilities": (holds(GA, by="g1"),)},
            "eligible role Global Administrator through group Backup apps",
        ),
        (UNREAD, policy(users=(), groups=("g1",)), {}, "could not be read"),
        (SERVICE, targeting(GA), {"role_assignments": ROLES_GAP}, "could not be read"),
    ],
)
def test_the_way_into_a_policy(account: Account, raw: Json, tenant: Mapping[str, Any], way: str) -> None:
    built = make_tenant([raw], **{"role_names": ALL_ROLES, **tenant})
    assert isinstance(built.policies, tuple)
    effect = effect_of(built.policies[0], built, NOW.date())
    scopes = Scopes(built, (effect,))
    assert scopes.way_in(account, scopes.roles_of(account), effect) == way


@pytest.mark.parametrize(
    ("account", "raw", "tenant", "way"),
    [
        (IN_G1, policy(not_users=("svc",), not_groups=("g1",)), {}, "named directly"),
        (IN_G1, policy(not_groups=("g1",), not_roles=(GA,)), {"role_assignments": (holds(GA),)}, "group Backup apps"),
        (SERVICE, policy(not_roles=(GA,)), {"role_assignments": (holds(GA),)}, "role Global Administrator"),
        (SERVICE, policy(not_users=("All",)), {}, "all users"),
    ],
)
def test_the_way_out_of_a_policy(account: Account, raw: Json, tenant: Mapping[str, Any], way: str) -> None:
    built = make_tenant([raw], **{"role_names": ALL_ROLES, **tenant})
    assert isinstance(built.policies, tuple)
    effect = effect_of(built.policies[0], built, NOW.date())
    scopes = Scopes(built, (effect,))
    assert scopes.way_out(account, scopes.roles_of(account), effect) == way


# --- positions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"id": "a"}, {"id": "b"}, True),
        ({"id": "named"}, {"id": "b"}, False),
        ({"id": "out"}, {"id": "b"}, False),
        ({"id": "holder"}, {"id": "b"}, False),
        ({"id": "eligible"}, {"id": "b"}, False),
        ({"groups": frozenset({"gx"})}, {}, True),
        ({"groups": frozenset({"g1"})}, {}, False),
        ({"groups": frozenset({"g2"})}, {}, False),
        ({"groups": frozenset({"nested"})}, {}, False),
        ({"groups": frozenset({"gh"})}, {}, False),
        ({"groups": frozenset({"ge"})}, {}, False),
        # told apart in two ways
        ({"groups": frozenset({"g3"})}, {}, False),
        ({"groups": frozenset({"g4"})}, {}, False),
        ({"groups": frozenset({"g5"})}, {}, False),
        ({"groups": GROUPS_GAP}, {}, False),
        ({"groups": GROUPS_GAP}, {"groups": GROUPS_GAP}, True),
    ],
)
def test_accounts_that_no_policy_can_tell_apart_are_in_one_position(
    one: dict[str, Any], other: dict[str, Any], equal: bool
) -> None:
    scopes = asked(
        policy(users=("named",), groups=("g1", "g3", "g4"), not_users=("out",), not_groups=("g2",), roles=(GA,)),
        role_assignments=tuple(holds(GA, by=holder) for holder in ("holder", "gh", "g4", "g5")),
        role_eligibilities=tuple(holds(GA, by=holder) for holder in ("eligible", "ge", "g5")),
        nesting={"g1": frozenset({"nested", "g3"})},
    )
    assert (scopes.position(replace(SERVICE, **one)) == scopes.position(replace(SERVICE, **other))) is equal


def test_groups_that_no_longer_exist_are_told_of_a_policy_that_includes_them() -> None:
    built = make_tenant([policy(users=(), groups=("g9", "g1", "gy"), not_groups=("gz",))],
                        groups={name: Group(name, "", deleted=True) for name in ("g9", "gy", "gz")})  # fmt: skip
    assert isinstance(built.policies, tuple)
    effect = effect_of(built.policies[0], built, NOW.date())
    assert Scopes(built, (effect,)).deleted_groups(effect) == ("g9", "gy")
