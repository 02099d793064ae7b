"""A malformed answer is an input that can't be read, and never "nothing there"."""

from typing import Any

import pytest

from localgraph.server import LocalGraph
from tenant.shapes import FOUND, ROLE_ASSIGNMENT, USER, Shape, fault
from tests.tenant.reading import inputs, read
from tests.tenant.test_inputs import SVC, contoso, strength_by_id_only

LISTS = [
    (r"/conditionalAccess/policies$", "conditional_access_policies"),
    (r"/conditionalAccess/namedLocations$", "named_locations"),
    (r"[sS]trengthPolicies$|authenticationStrength/policies$", "authentication_strengths"),
    (r"/roleAssignments$", "role_assignments"),
    (r"/roleEligibilityScheduleInstances$", "role_eligibilities"),
    (r"/roleDefinitions$", "role_definitions"),
    (r"/transitiveMemberOf$", "group_memberships"),
]
OBJECTS: list[tuple[str, dict[str, Any], str]] = [
    (r"/identitySecurityDefaultsEnforcementPolicy$", {}, "security_defaults"),
    (r"/identitySecurityDefaultsEnforcementPolicy$", {"isEnabled": "false"}, "security_defaults"),
    (r"/authentication/requirements$", {}, "per_user_mfa"),
    (r"/authentication/requirements$", {"perUserMfaState": 5}, "per_user_mfa"),
    (rf"/users/{SVC}$", {}, "account_properties"),
    (rf"/users/{SVC}$", {"id": 5}, "account_properties"),
    (rf"/users/{SVC}$", {"id": "u", "accountEnabled": "false"}, "account_properties"),
    (rf"/users/{SVC}$", {"id": "u", "userType": ["Guest"]}, "account_properties"),
    (r"GET /v1\.0/groups/[^/]+$", {}, "groups"),
    (r"GET /v1\.0/groups/[^/]+$", {"id": "g", "visibility": 5}, "groups"),
]


@pytest.mark.parametrize("items", [[None], ["x"], [{}], [["x"]], [{"id": 5}], {}, "x", None])
@pytest.mark.parametrize(("pattern", "name"), LISTS, ids=[name for _, name in LISTS])
async def test_a_list_with_something_odd_in_it_is_unreadable(pattern: str, name: str, items: object) -> None:
    async with LocalGraph(strength_by_id_only(contoso()).build()) as graph:
        graph.fail(pattern, 200, body={"value": items})
        assert inputs(await read(graph, SVC)) == [name]


@pytest.mark.parametrize(("pattern", "body", "name"), OBJECTS, ids=[f"{name} {body}" for _, body, name in OBJECTS])
async def test_an_object_without_what_it_should_say_is_unreadable(
    pattern: str, body: dict[str, Any], name: str
) -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail(pattern, 200, body=body)
        assert name in inputs(await read(graph, SVC))


@pytest.mark.parametrize("row", [{"methodsRegistered": 5}, {"methodsRegistered": ["mobilePhone", 5]}, {}])
async def test_a_malformed_row_of_the_registration_report_leaves_the_word_to_the_own_methods(
    row: dict[str, Any],
) -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail("/userRegistrationDetails/", 200, body=row)
        reading = await read(graph, SVC)
    assert reading.gaps == ()
    assert isinstance(reading.accounts[0].registration.own, tuple)


@pytest.mark.parametrize(
    ("name", "value"),
    [("principalId", None), ("principalId", " "), ("roleDefinitionId", 5), ("directoryScopeId", 5), ("appScopeId", {})],
)
def test_a_role_assignment_says_who_holds_what_and_where(name: str, value: object) -> None:
    whole = {"principalId": "p", "roleDefinitionId": "r", "directoryScopeId": "/"}
    assert fault(whole, ROLE_ASSIGNMENT) is None
    garbled = fault({**whole, name: value}, ROLE_ASSIGNMENT)
    assert garbled is not None
    assert name in str(garbled)


def test_unknown_and_missing_members_are_no_fault() -> None:
    user = {"id": "u", "userPrincipalName": "svc@contoso.com", "brandNew": {"x": 1}, "userType": None}
    assert fault(user, USER) is None


@pytest.mark.parametrize("more", [{}, {"userPrincipalName": None}, {"userPrincipalName": " "}], ids=str)
@pytest.mark.parametrize("shape", [USER, FOUND], ids=["looked up", "found"])
def test_a_user_without_a_name_is_not_one_with_another_name(shape: Shape, more: dict[str, object]) -> None:
    assert fault({"id": "u", **more}, shape) is not None
