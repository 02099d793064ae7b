"""Who is looked at again because of an event of the audit log."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.relevance import Scope, accounts_of, reach_of
from tenant.log_events import LogEvent, Target
from tenant.selection import Selection

WATCHED, OTHER = "a1", "b2"
COUNTS, SELECTS, NESTED, ELSE = "group-of-a-policy", "group-that-selects", "group-in-that", "group-of-nobody"
SCOPE = Scope(
    frozenset({WATCHED, "a2"}),
    frozenset({COUNTS}),
    Selection(accounts=("svc-1@contoso.com",), groups=(SELECTS.upper(),), patterns=("*-backup@*",)),
    frozenset({NESTED}),
)
EVERYBODY = None
NOBODY: frozenset[str] = frozenset()


def event(activity: str, *targets: Target, service: str = "Core Directory", **more: Any) -> LogEvent:
    return LogEvent("1", datetime(2026, 11, 26, tzinfo=UTC), activity, service, "ada@contoso.com", targets, **more)


def user(id: str, name: str = "somebody@contoso.com", **changed: str) -> Target:
    return Target(id, "user", name, changed)


def group(id: str) -> Target:
    return Target(id, "group", "A group")


CASES = {
    "a policy is changed": (event("Update policy", service="Conditional Access"), EVERYBODY),
    "a named location is changed": (event("Update named location", service="Conditional Access"), EVERYBODY),
    "Conditional Access logs something new": (event("Xyz", service="conditional access"), EVERYBODY),
    "another service logs a policy": (event("Xyz", Target("p", "policy", "P"), service="New"), EVERYBODY),
    "the tenant's switch": (event("MFA Service Policy Update", about_tenant=True), EVERYBODY),
    "a watched account is updated": (event("Update user", user(WATCHED)), {WATCHED}),
    "a watched account is deleted": (event("Delete user", user(WATCHED)), {WATCHED}),
    "its app password is deleted": (event("Delete application password for user", user(WATCHED)), {WATCHED}),
    "it registers a method": (
        event("User registered security info", user(WATCHED), service="Authentication Methods"),
        {WATCHED},
    ),
    "somebody else is updated": (event("Update user", user(OTHER)), NOBODY),
    "a watched account joins any group": (
        event("Add member to group", user(WATCHED), group(ELSE), container=ELSE),
        {WATCHED},
    ),
    "somebody else joins a group that counts": (
        event("Add member to group", user(OTHER), group(COUNTS), container=COUNTS),
        NOBODY,
    ),
    "somebody else joins a group in one that selects": (
        event("Add member to group", user(OTHER), group(NESTED), container=NESTED),
        EVERYBODY,
    ),
    "a group joins a group in one that selects": (
        event("Add member to group", group(ELSE), group(NESTED), container=NESTED),
        EVERYBODY,
    ),
    "a group in one that selects is deleted": (event("Delete group", group(NESTED)), EVERYBODY),
    "somebody else joins a group that selects": (
        event("Add member to group", user(OTHER), group(SELECTS), container=SELECTS),
        EVERYBODY,
    ),
    "a watched account leaves a group that selects": (
        event("Remove member from group", user(WATCHED), group(SELECTS), container=SELECTS),
        EVERYBODY,
    ),
    "something without a type joins a group that counts": (
        event("Add member to group", Target("what", "", "What?"), group(COUNTS), container=COUNTS),
        EVERYBODY,
    ),
    "a group joins a group that counts": (
        event("Add member to group", group("nested"), group(COUNTS), container=COUNTS),
        EVERYBODY,
    ),
    "a group joins a group that selects": (
        event("Add member to group", group("nested"), group(SELECTS), container=SELECTS),
        EVERYBODY,
    ),
    "a group joins another group": (event("Add member to group", group("nested"), group(ELSE), container=ELSE), NOBODY),
    "a group is given a role": (event("Add member to role", group("nested"), container="role"), EVERYBODY),
    "a watched account is given a role": (event("Add member to role", user(WATCHED), container="role"), {WATCHED}),
    "somebody else is given a role": (event("Add member to role", user(OTHER), container="role"), NOBODY),
    "a group that counts is deleted": (event("Delete group", group(COUNTS)), EVERYBODY),
    "a group that selects is deleted": (event("Delete group", group(SELECTS)), EVERYBODY),
    "another group is deleted": (event("Delete group", group(ELSE)), NOBODY),
    "an account is made that the list names": (event("Add user", user(OTHER, "SVC-1@contoso.com")), EVERYBODY),
    "an account is made that a pattern means": (event("Add user", user(OTHER, "sql-backup@contoso.com")), EVERYBODY),
    "an account is renamed to what a pattern means": (
        event("Update user", user(OTHER, userprincipalname="sql-backup@contoso.com")),
        EVERYBODY,
    ),
    "a stranger is restored: the log shows neither its groups nor its properties": (
        event("Restore user", user(OTHER)),
        EVERYBODY,
    ),
    "nobody is named": (event("Update user"), NOBODY),
}


@pytest.mark.parametrize("case", CASES)
def test_an_event_concerns(case: str) -> None:
    happened, concerned = CASES[case]
    assert accounts_of(happened, SCOPE) == concerned


@pytest.mark.parametrize(
    ("attribute", "changed", "to", "concerned"),
    [
        ("employeeType", "employeetype", "Service", EVERYBODY),
        ("employeeType", "employeetype", "", EVERYBODY),
        ("employeeType", "employeetype", "Contractor", NOBODY),
        ("extensionAttribute7", "extensionattribute7", "service", EVERYBODY),
        ("extensionAttribute7", "onpremisesextensionattributes", "{'extensionAttribute7': 'service'}", EVERYBODY),
        ("extensionAttribute7", "onpremisesextensionattributes", "{'extensionAttribute7': 'person'}", NOBODY),
        ("employeeType", "displayname", "service", NOBODY),
    ],
)
def test_a_property_that_selects_may_select_whoever_gets_it_and_not_who_gets_another_value(
    attribute: str, changed: str, to: str, concerned: frozenset[str] | None
) -> None:
    class Match:
        name, value = attribute, "service"

    scope = Scope(SCOPE.accounts, SCOPE.groups, Selection(attribute=Match()))
    assert accounts_of(event("Update user", user(OTHER, **{changed: to})), scope) == concerned


@pytest.mark.parametrize(("changed", "concerned"), [("employeetype", EVERYBODY), ("displayname", {WATCHED})])
def test_a_service_account_whose_selecting_property_is_set_may_be_one_no_longer(
    changed: str, concerned: frozenset[str] | None
) -> None:
    class Match:
        name, value = "employeeType", "service"

    scope = Scope(SCOPE.accounts, SCOPE.groups, Selection(attribute=Match()))
    assert accounts_of(event("Update user", user(WATCHED, **{changed: "person"})), scope) == concerned


def test_a_restored_stranger_concerns_nobody_where_names_alone_select() -> None:
    scope = Scope(SCOPE.accounts, SCOPE.groups, Selection(patterns=("svc-*",)))
    assert accounts_of(event("Restore user", user(OTHER)), scope) == NOBODY
    assert accounts_of(event("Restore user", user(OTHER, "svc-2@contoso.com")), scope) is EVERYBODY


def test_several_events_concern_all_of_theirs_and_only_these_events_are_named() -> None:
    events = [event("Update user", user(id)) for id in (WATCHED, OTHER, "a2")]
    reach = reach_of(events, SCOPE)
    assert not reach.everybody
    assert reach.accounts == {WATCHED, "a2"}
    assert [one.targets[0].id for one in reach.events] == [WATCHED, "a2"]
    everybody = reach_of([*events, event("Update policy", service="Conditional Access")], SCOPE)
    assert everybody.everybody
    assert len(everybody.events) == 3
