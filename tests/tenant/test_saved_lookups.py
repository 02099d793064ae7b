"""A saved reading answers from what it holds, and says of everything else that it is unknown."""

from dataclasses import replace
from typing import Any

from tenant.lookups import Lookups
from tenant.model import Account, Gap, Group, GroupDetails, Policy, Registration, Tenant
from tenant.policies import parse_policy
from tenant.reader import Reading
from tenant.saved_lookups import SavedLookups

APPS, ABOVE, TOP, OTHER, GONE = (f"{digit * 8}-aaaa-4aaa-8aaa-{digit * 12}" for digit in "12345")
SVC = Account("svc", "svc@contoso.com", groups=frozenset({APPS, ABOVE, TOP}))
TENANT = Tenant(
    groups={
        APPS: Group(APPS, "Apps"),
        ABOVE: Group(ABOVE, "Above"),
        TOP: Group(TOP, "Top"),
        GONE: Group(GONE, "Gone", deleted=True),
    },
    nesting={TOP: frozenset({ABOVE}), ABOVE: frozenset({APPS, TOP})},
)
READING = Reading(TENANT, (SVC,), ())
ALL = {"includeApplications": ["All"]}


def policy(strength: str = "", locations: Any = None, **users: Any) -> Policy:
    grant = {"operator": "OR", "authenticationStrength": {"id": strength}} if strength else None
    return parse_policy(
        {"conditions": {"applications": ALL, "users": users, "locations": locations}, "grantControls": grant}
    )


def lookups(reading: Reading = READING) -> Lookups:
    return SavedLookups(reading)


async def test_what_the_snapshot_holds_is_there_and_everything_else_is_unknown() -> None:
    more = policy(includeGroups=[APPS, OTHER, "placeholder"], includeUsers=["svc", OTHER])
    found = await lookups().named_by(READING, [more])
    groups = found.reading.tenant.groups
    assert groups[APPS].gap is None
    assert groups[OTHER].gap is not None
    assert groups["placeholder"].deleted
    assert found.users["svc"] is True
    assert isinstance(found.users[OTHER], Gap)


async def test_strengths_and_locations_that_no_policy_of_its_own_needed_are_unknown() -> None:
    needy = policy(strength=OTHER, locations={"includeLocations": [OTHER]})
    tenant = (await lookups().named_by(READING, [needy])).reading.tenant
    assert isinstance(tenant.strengths, Gap)
    assert isinstance(tenant.named_locations, Gap)
    own = replace(READING, tenant=replace(TENANT, policies=(needy,), named_locations={OTHER: "Office"}))
    tenant = (await lookups(own).named_by(own, [needy])).reading.tenant
    assert (tenant.strengths, tenant.named_locations) == ({}, {OTHER: "Office"})


async def test_groups_are_found_by_the_names_that_it_holds() -> None:
    assert await lookups().ids_of(["apps", "Gone", "Nobody"]) == {"apps": (APPS,), "Gone": (), "Nobody": ()}


async def test_a_group_is_known_as_far_as_the_snapshot_shows_it() -> None:
    found = (await lookups().groups([APPS]))[APPS]
    assert isinstance(found, GroupDetails)
    assert (found.display_name, found.members) == ("Apps", ("svc@contoso.com",))
    assert found.containers == {ABOVE: "Above", TOP: "Top"}
    assert found.containers_gap is not None
    assert found.members_gap is not None


async def test_a_group_that_is_gone_is_none_and_one_that_it_does_not_hold_a_gap() -> None:
    found = await lookups().groups([GONE, OTHER])
    assert found[GONE] is None
    assert isinstance(found[OTHER], Gap)


async def test_a_registration_that_was_not_read_is_unknown() -> None:
    (found,) = (await lookups().registrations(["svc"])).values()
    assert found != Registration()
    assert isinstance(found.own, Gap)
