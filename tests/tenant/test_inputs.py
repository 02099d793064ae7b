"""What is read once per scan, and what becomes of an input that Graph refuses."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from localgraph.builder import TenantBuilder
from localgraph.faults import Spoilt
from localgraph.ids import ROLES
from localgraph.server import LocalGraph
from tenant.graph import GraphRefused, GraphUnreachable
from tenant.model import Gap
from tenant.reader import read_tenant
from tenant.selection import Selection
from tests.tenant.reading import account, connect, gap_of, inputs, read
from tests.tenant.scripted import scripted

SVC = "svc@contoso.com"
GLOBAL_READER = ROLES["Global Reader"]


def contoso(**options: object) -> TenantBuilder:
    """A tenant in which every input is needed."""
    return (
        TenantBuilder("Contoso", **options)  # type: ignore[arg-type]
        .user(SVC, mfa="enabled", groups=["Apps"], roles=["Global Reader"], eligible_roles=["Security Reader"])
        .location("Office", ranges=["203.0.113.0/24"])
        .strength("Our own", requirements="mfa")
        .policy("MFA", include_groups=["Apps"], grant=["mfa"], exclude_locations=["Office"], locations=["All"])
        .policy("Strength", strength="Our own")
    )


def strength_by_id_only(build: TenantBuilder) -> TenantBuilder:
    grant = {
        "operator": "OR",
        "builtInControls": [],
        "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000002"},
    }
    return build.policy(raw={"displayName": "By id", "state": "enabled", "conditions": {}, "grantControls": grant})


@pytest.mark.parametrize("items", [[], [{}], [{"id": ""}], [{"id": 5}]], ids=str)
async def test_an_answer_without_an_organization_is_a_gap(items: list[object]) -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail("/organization", 200, body={"value": items})
        reading = await read(graph, SVC)
    assert (reading.tenant.id, inputs(reading)) == ("", ["organization"])


async def test_a_readable_tenant_has_no_gaps() -> None:
    async with LocalGraph(contoso().build()) as graph:
        reading = await read(graph, SVC)
    assert reading.gaps == ()
    tenant = reading.tenant
    assert (tenant.id, tenant.display_name, tenant.security_defaults) == (graph.tenant.id, "Contoso", False)
    assert not isinstance(tenant.policies, Gap)
    assert sorted(policy.display_name for policy in tenant.policies) == ["MFA", "Strength"]
    assert not isinstance(tenant.named_locations, Gap)
    assert list(tenant.named_locations.values()) == ["Office"]
    assert not isinstance(tenant.role_assignments, Gap)
    assert [(role.role_name, role.template_id, role.built_in, role.scope) for role in tenant.role_assignments] == [
        ("Global Reader", GLOBAL_READER, True, "/")
    ]
    assert not isinstance(tenant.role_eligibilities, Gap)
    assert [role.role_name for role in tenant.role_eligibilities] == ["Security Reader"]
    assert tenant.role_names[GLOBAL_READER] == "Global Reader"


UNREADABLE = [
    # what fails, the input that is a gap then, the permission that opens it
    (r"/organization$", "organization", "Organization.Read.All"),
    (r"/identitySecurityDefaultsEnforcementPolicy$", "security_defaults", "Policy.Read.All"),
    (r"/conditionalAccess/policies$", "conditional_access_policies", "Policy.Read.All"),
    (r"/conditionalAccess/namedLocations$", "named_locations", "Policy.Read.All"),
    (r"/authenticationStrengthPolicies$", "authentication_strengths", "Policy.Read.All"),
    (r"/roleAssignments$", "role_assignments", "RoleManagement.Read.Directory"),
    (r"/roleEligibilityScheduleInstances$", "role_eligibilities", "RoleManagement.Read.Directory"),
    (r"/roleDefinitions$", "role_definitions", "RoleManagement.Read.Directory"),
    (rf"/users/{SVC}$", "account_properties", "User.Read.All"),
    (r"/authentication/requirements$", "per_user_mfa", "Policy.Read.All"),
    (r"/transitiveMemberOf$", "group_memberships", "GroupMember.Read.All"),
    (
        r"(/authentication/methods|/userRegistrationDetails/[^/]+)$",
        "mfa_registration",
        "UserAuthenticationMethod.Read.All",
    ),
    (r"GET /v1\.0/groups/[^/]+$", "groups", "GroupMember.Read.All"),
]


@pytest.mark.parametrize(("pattern", "name", "permission"), UNREADABLE, ids=[name for _, name, _ in UNREADABLE])
async def test_a_refused_input_is_one_gap_with_the_permission_that_opens_it(
    pattern: str, name: str, permission: str
) -> None:
    async with LocalGraph(strength_by_id_only(contoso()).build()) as graph:
        refused = graph.fail(pattern, 403, message="Insufficient privileges to complete the operation.")
        reading = await read(graph, SVC)
    assert refused.hits
    assert inputs(reading) == [name]
    gap = reading.gaps[0]
    assert gap.error == "403 Authorization_RequestDenied: Insufficient privileges to complete the operation."
    assert gap.permission == permission


@pytest.mark.parametrize(("pattern", "name", "permission"), UNREADABLE, ids=[name for _, name, _ in UNREADABLE])
@pytest.mark.parametrize("status", [500, 503])
async def test_a_failing_input_is_one_gap_that_no_permission_opens(
    pattern: str, name: str, permission: str, status: int
) -> None:
    async with LocalGraph(strength_by_id_only(contoso()).build()) as graph:
        graph.fail(pattern, status)
        reading = await read(graph, SVC)
    assert inputs(reading) == [name]
    assert reading.gaps[0].error.startswith(f"{status} ")
    assert reading.gaps[0].permission is None


async def test_inputs_that_nothing_asks_for_are_not_read() -> None:
    tenant = TenantBuilder().user(SVC).policy("MFA", grant=["mfa"], strength="Phishing-resistant MFA").build()
    async with LocalGraph(tenant) as graph:
        for pattern in (
            "namedLocations",
            "[sS]trengthPolicies",
            "subscribedSkus",
            "/authentication/methods",
            "/groups/",
        ):
            graph.fail(pattern, 403)
        assert (await read(graph, SVC)).gaps == ()


@pytest.mark.parametrize(
    "place", ["All", "AllTrusted", "00000000-0000-0000-0000-000000000000", "3D46DBDA-8382-466A-856D-EB00CBC6B910"]
)
async def test_places_that_are_the_same_in_every_tenant_are_not_asked_for(place: str) -> None:
    tenant = (
        TenantBuilder().user(SVC).policy("MFA", grant=["mfa"], locations=["All"], exclude_locations=[place]).build()
    )
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
        asked = [request for request in graph.requests if "namedLocations" in request.path]
    assert (reading.gaps, asked) == ((), [])


async def test_security_defaults_without_a_value_are_a_gap() -> None:
    async with LocalGraph(TenantBuilder(security_defaults=None).user(SVC).build()) as graph:
        reading = await read(graph, SVC)
    assert reading.tenant.security_defaults == gap_of(reading, "security_defaults")
    assert gap_of(reading, "security_defaults").permission is None


async def test_all_pages_of_policies_are_read_with_members_that_are_new_to_the_version() -> None:
    build = TenantBuilder().user(SVC)
    for number in range(7):
        build.policy(f"CA{number}", grant=["mfa"])
    async with LocalGraph(build.build(), page_sizes={"policies": 3}) as graph:
        reading = await read(graph, SVC)
        asked = [request for request in graph.requests if "conditionalAccess/policies" in request.path]
    assert not isinstance(reading.tenant.policies, Gap)
    assert len(reading.tenant.policies) == 7
    assert len(asked) == 3
    assert {request.headers["prefer"] for request in asked} == {"include-unknown-enum-members"}


async def test_a_second_page_of_policies_that_fails_leaves_no_half_of_them() -> None:
    build = TenantBuilder().user(SVC).policy("One").policy("Two")
    async with LocalGraph(build.build(), page_sizes={"policies": 1}) as graph:
        graph.fail("policies.*skiptoken", 500)
        reading = await read(graph, SVC)
    assert isinstance(reading.tenant.policies, Gap)


async def test_strengths_are_found_at_their_other_address() -> None:
    async with LocalGraph(strength_by_id_only(TenantBuilder().user(SVC)).build()) as graph:
        graph.fail("/policies/authenticationStrengthPolicies", 404)
        reading = await read(graph, SVC)
    assert reading.gaps == ()
    assert not isinstance(reading.tenant.strengths, Gap)
    assert reading.tenant.strengths["00000000-0000-0000-0000-000000000002"].requirements_satisfied == "mfa"


@pytest.mark.parametrize(
    "refinement",
    [
        r"/organization\?.*select",
        r"/roleDefinitions\?.*select",
        r"/groups/[^/?]+\?.*select",
        r"/transitiveMemberOf\?.*top",
        r"/transitiveMemberOf\?.+",
        r"/members/microsoft\.graph\.group",
    ],
)
@pytest.mark.parametrize("status", [400, 501])
async def test_nothing_is_lost_where_graph_refuses_a_refinement_of_a_query(refinement: str, status: int) -> None:
    build = contoso().group("All", members=["Apps", SVC]).policy("Nested", include_groups=["All"])
    async with LocalGraph(build.build()) as graph:
        expected = await read(graph, SVC)
        refused = graph.fail(refinement, status)
        reading = await read(graph, SVC)
    assert refused.hits
    assert expected.gaps == ()
    assert reading == expected


# Licences


@pytest.mark.parametrize(
    ("skus", "policies_readable"),
    [
        ([("O365_BUSINESS_PREMIUM", "Enabled", None)], True),
        ([], True),
        ([("SPE_E3", "Enabled", None)], False),
        ([("SPE_E3", "warning", None)], False),
        ([("SPE_E3", "SUSPENDED", None)], False),
        ([("SPE_E3", "Deleted", None)], True),
        ([("SPE_E3", "LockedOut", None)], True),
        ([("Own", "Enabled", ["AAD_PREMIUM_P2"])], False),
        ([("Own", "Enabled", ["EXCHANGE_S_STANDARD"])], True),
    ],
)
async def test_refused_policies_are_none_only_without_a_licence_for_them(
    skus: list[tuple[str, str, list[str] | None]], policies_readable: bool
) -> None:
    build = TenantBuilder(skus=()).user(SVC)
    for name, status, plans in skus:
        build.sku(name, status=status, plans=plans)
    async with LocalGraph(build.build()) as graph:
        graph.fail("/conditionalAccess/", 403)
        reading = await read(graph, SVC)
    assert (reading.tenant.policies == ()) is policies_readable
    assert inputs(reading) == ([] if policies_readable else ["conditional_access_policies"])


@pytest.mark.parametrize(
    ("beta", "body", "readable"),
    [
        (403, None, True),
        (404, None, True),
        (400, None, True),
        (200, {"value": [None]}, False),
        (200, {"value": 5}, False),
        (500, None, False),
    ],
)
async def test_a_list_that_was_answered_is_no_sign_that_there_are_no_policies_whatever_the_licence(
    beta: int, body: object, readable: bool
) -> None:
    async with LocalGraph(TenantBuilder(skus=()).user(SVC).policy("MFA", grant=["mfa"]).build()) as graph:
        graph.fail("/v1.0/identity/conditionalAccess/policies", 403)
        graph.fail("/beta/identity/conditionalAccess/policies", beta, body=body)
        reading = await read(graph, SVC)
    assert (reading.tenant.policies == ()) is readable
    assert inputs(reading) == ([] if readable else ["conditional_access_policies"])


@pytest.mark.parametrize(
    ("sku", "maybe"),
    [
        ({"capabilityStatus": "Enabled"}, True),
        ({"servicePlans": [{"servicePlanName": "AAD_PREMIUM"}]}, True),
        (
            {
                "capabilityStatus": "Enabled",
                "servicePlans": [{"servicePlanId": "41781FB2-BC02-4B7C-BD55-B576C07BB09D"}],
            },
            True,
        ),
        ({"capabilityStatus": "Enabled", "servicePlans": [{"servicePlanName": None}]}, True),
        ({"capabilityStatus": "Enabled", "servicePlans": [None]}, True),
        ({"capabilityStatus": "Enabled", "servicePlans": [{"servicePlanName": "EXCHANGE_S_STANDARD"}]}, False),
        ({"capabilityStatus": "Enabled", "servicePlans": []}, False),
    ],
)
async def test_what_a_subscription_does_not_say_never_counts_as_no_licence(sku: dict[str, object], maybe: bool) -> None:
    async with LocalGraph(TenantBuilder(skus=()).user(SVC).build()) as graph:
        graph.fail("/conditionalAccess/", 403)
        graph.fail("/subscribedSkus", 200, body={"value": [sku]})
        reading = await read(graph, SVC)
    assert isinstance(reading.tenant.policies, Gap) is maybe


async def test_refused_policies_with_unreadable_licences_are_two_gaps() -> None:
    async with LocalGraph(TenantBuilder(skus=()).user(SVC).build()) as graph:
        graph.fail("/conditionalAccess/|/subscribedSkus", 403)
        reading = await read(graph, SVC)
    assert inputs(reading) == ["conditional_access_policies", "subscribed_skus"]
    assert gap_of(reading, "subscribed_skus").permission == "Organization.Read.All"
    assert reading.tenant.licences == gap_of(reading, "subscribed_skus")


@pytest.mark.parametrize(
    ("status", "code", "message", "readable"),
    [
        (400, "AadPremiumLicenseRequired", "The tenant needs Microsoft Entra ID P2.", True),
        (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "No.", True),
        (403, "Forbidden", "The tenant has no licence for this.", True),
        (403, "Authorization_RequestDenied", "Insufficient privileges.", False),
        (400, "BadRequest", "Bad.", False),
        (500, "AadPremiumLicenseRequired", "Broken.", False),
    ],
)
async def test_eligible_roles_are_none_only_where_the_licence_is_missing(
    status: int, code: str, message: str, readable: bool
) -> None:
    async with LocalGraph(TenantBuilder().user(SVC).build()) as graph:
        graph.fail("/roleEligibilityScheduleInstances", status, code=code, message=message)
        reading = await read(graph, SVC)
    assert (reading.tenant.role_eligibilities == ()) is readable
    assert inputs(reading) == ([] if readable else ["role_eligibilities"])


async def test_a_tenant_without_premium_licence_is_read_without_gaps() -> None:
    tenant = TenantBuilder(skus=("O365_BUSINESS_PREMIUM",)).user(SVC, mfa="enabled", methods=["phone"]).build()
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
    assert reading.gaps == ()
    own = account(reading, SVC).registration.own
    assert isinstance(own, tuple)
    assert "#microsoft.graph.phoneAuthenticationMethod" in own


# Roles


async def test_roles_keep_their_scope_their_kind_and_their_template() -> None:
    template = "11111111-1111-4111-8111-111111111111"
    tenant = (
        TenantBuilder()
        .user(SVC, roles=["Own role", "New built-in"])
        .role("Own role")
        .role("New built-in", built_in=True, template_id=template.upper())
        .assign("Global Reader", SVC, scope="/administrativeUnits/1")
        .build()
    )
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
    assert not isinstance(reading.tenant.role_assignments, Gap)
    found = {role.role_name: role for role in reading.tenant.role_assignments}
    assert found["Own role"].built_in is False
    assert found["New built-in"].template_id == template
    assert found["Global Reader"].scope == "/administrativeUnits/1"


@pytest.mark.parametrize("readable", [True, False], ids=["readable memberships", "unread memberships"])
async def test_users_among_the_holders_of_named_roles_are_told_apart_where_memberships_are_unread(
    readable: bool,
) -> None:
    tenant = (
        TenantBuilder()
        .user(SVC)
        .user("other@contoso.com", roles=["Global Reader"])
        .user("admin@contoso.com", roles=["Global Reader"])
        .user("reader@contoso.com", roles=["Security Reader"])
        .group("Admins", roles=["Global Reader"])
        .policy("MFA", include_roles=["Global Reader"], grant=["mfa"])
        .build()
    )
    async with LocalGraph(tenant) as graph:
        if not readable:
            graph.fail("/transitiveMemberOf", 403)
        reading = await read(graph, SVC, "other@contoso.com")
    ids = {user.upn: user.id for user in tenant.users.values()}
    told = set() if readable else {ids["other@contoso.com"], ids["admin@contoso.com"]}
    assert reading.tenant.role_holding_users == told


async def test_an_answer_about_something_else_makes_no_user_of_a_group_that_holds_a_role() -> None:
    tenant = (
        TenantBuilder()
        .user(SVC)
        .group("Admins", roles=["Global Reader"])
        .policy("MFA", include_roles=["Global Reader"], grant=["mfa"])
        .build()
    )
    group = next(iter(tenant.groups))
    for body in ({"error": {"code": "InternalServerError"}}, {"id": "somebody"}, {}):
        async with LocalGraph(tenant) as graph:
            graph.fail("/transitiveMemberOf", 403)
            graph.fail(rf"/users/{group}", 200, body=body)
            assert (await read(graph, SVC)).tenant.role_holding_users == set()


async def test_eligible_roles_count_only_while_they_run() -> None:
    tenant = (
        TenantBuilder()
        .user(SVC)
        .assign("Global Reader", SVC, kind="eligible", end="2020-01-01T00:00:00Z")
        .assign("Security Reader", SVC, kind="eligible", start="2199-01-01T00:00:00Z")
        .assign("Reports Reader", SVC, kind="eligible", end="2199-01-01T00:00:00Z")
        .build()
    )
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
    assert not isinstance(reading.tenant.role_eligibilities, Gap)
    assert [role.role_name for role in reading.tenant.role_eligibilities] == ["Reports Reader"]


@pytest.mark.parametrize("skew", [timedelta(days=3), -timedelta(days=3)])
async def test_eligible_roles_run_by_graphs_clock(skew: timedelta) -> None:
    here, there = datetime.now(UTC), datetime.now(UTC) + skew
    hour, build = timedelta(hours=1), TenantBuilder().user(SVC)
    for role, time in (("Global Reader", here), ("Reports Reader", there)):
        build.assign(role, SVC, kind="eligible", start=(time - hour).isoformat(), end=(time + hour).isoformat())
    async with LocalGraph(build.build(), date_skew=skew) as graph:
        reading = await read(graph, SVC)
    assert not isinstance(reading.tenant.role_eligibilities, Gap)
    assert [role.role_name for role in reading.tenant.role_eligibilities] == ["Reports Reader"]


async def test_an_activated_role_is_active() -> None:
    tenant = TenantBuilder().user(SVC).assign("Global Reader", SVC, kind="activated").build()
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
    assert not isinstance(reading.tenant.role_assignments, Gap)
    assert [role.role_name for role in reading.tenant.role_assignments] == ["Global Reader"]


async def test_schedules_that_cannot_be_read_take_nothing_from_the_assignments() -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail("/roleAssignmentScheduleInstances", 403)
        reading = await read(graph, SVC)
    assert reading.gaps == ()
    assert not isinstance(reading.tenant.role_assignments, Gap)
    assert len(reading.tenant.role_assignments) == 1


async def test_roles_without_readable_definitions_are_not_known_to_be_built_in() -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail("/roleDefinitions", 403)
        reading = await read(graph, SVC)
    assert not isinstance(reading.tenant.role_assignments, Gap)
    (role,) = reading.tenant.role_assignments
    assert (role.template_id, role.built_in) == (GLOBAL_READER, None)


async def test_definitions_that_nobody_needs_are_no_gap() -> None:
    async with LocalGraph(TenantBuilder().user(SVC).build()) as graph:
        graph.fail("/roleDefinitions", 403)
        assert (await read(graph, SVC)).gaps == ()


# Nothing at all


async def test_a_graph_that_answers_nothing_is_one_error_and_no_reading() -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail(r"/\$batch", 401, code="InvalidAuthenticationToken", message="Expired.")
        with pytest.raises(GraphRefused, match=r"^401 InvalidAuthenticationToken: Expired\.$"):
            await read(graph, SVC)


async def test_a_graph_that_goes_away_is_one_error_and_no_reading() -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail(".", 0)
        with pytest.raises(GraphUnreachable, match="can't be reached"):
            await read(graph, SVC)


async def test_answers_of_something_that_is_no_graph_are_gaps_and_nothing_else() -> None:
    async with scripted(lambda request: web.Response(text="<html>", content_type="text/html")) as server:
        client = connect(server.url)
        async with client:
            reading = await read_tenant(client, Selection(accounts=(SVC,), patterns=("svc-*",)))
    assert {gap.error.rpartition(": ")[2] for gap in reading.gaps} == {"the answer is not JSON"}
    assert {"organization", "conditional_access_policies", "account_properties", "selection"} <= set(inputs(reading))
    assert isinstance(account(reading, SVC).properties, Gap)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_first_request_that_graph_stumbles_over_is_a_gap_of_what_it_asked_for(status: int) -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail(r"v1\.0/\$batch", status, times=3 if status == 500 else 20)
        reading = await read(graph, SVC)
    assert {"organization", "security_defaults", "role_assignments"} <= set(inputs(reading))
    assert not isinstance(reading.tenant.policies, Gap)


@pytest.mark.parametrize("how", list(Spoilt))
@pytest.mark.parametrize(("pattern", "name", "permission"), UNREADABLE, ids=[name for _, name, _ in UNREADABLE])
async def test_an_input_whose_answer_is_spoilt_once_is_read_all_the_same(
    pattern: str, name: str, permission: str, how: Spoilt
) -> None:
    async with LocalGraph(strength_by_id_only(contoso()).build()) as graph:
        whole = await read(graph, SVC)
        spoilt = graph.spoil(pattern, how, times=1)
        assert await read(graph, SVC) == whole
    assert spoilt.hits == 1


@pytest.mark.parametrize("how", [Spoilt.CUT, Spoilt.BARE, Spoilt.BROKEN, Spoilt.LOST])
@pytest.mark.parametrize(("pattern", "name", "permission"), UNREADABLE, ids=[name for _, name, _ in UNREADABLE])
async def test_an_input_whose_answer_stays_spoilt_is_one_gap(
    pattern: str, name: str, permission: str, how: Spoilt
) -> None:
    async with LocalGraph(strength_by_id_only(contoso()).build()) as graph:
        graph.spoil(pattern, how)
        reading = await read(graph, SVC)
    assert inputs(reading) == [name]
    assert reading.gaps[0].permission is None


async def test_lists_that_repeat_items_from_page_to_page_are_read_as_if_they_did_not() -> None:
    sizes = dict.fromkeys(("policies", "roleAssignments", "roleDefinitions", "members", "users", "namedLocations"), 1)
    build = contoso().user("svc-2@contoso.com", groups=["Apps", "More"], roles=["Global Reader", "Security Reader"])
    selection = Selection(patterns=("svc*",), groups=(build.build().group("Apps").id,))
    async with LocalGraph(build.build(), page_sizes=sizes) as graph:
        whole = await read(graph, selection=selection)
        repeated = graph.spoil(".", Spoilt.REPEATED)
        assert await read(graph, selection=selection) == whole
    assert repeated.hits


@pytest.mark.parametrize("path", ["/conditionalAccess/policies", "/authenticationStrengthPolicies"])
async def test_a_connection_that_breaks_for_one_input_is_a_gap_of_that_input(path: str) -> None:
    async with LocalGraph(strength_by_id_only(contoso()).build()) as graph:
        graph.fail(path, 0)
        reading = await read(graph, SVC)
    (gap,) = reading.gaps
    assert "can't be reached" in gap.error
    assert gap.permission is None


async def test_a_search_that_the_connection_breaks_off_is_no_selection() -> None:
    async with LocalGraph(contoso().build()) as graph:
        graph.fail("/users$|/transitiveMembers", 0)
        for selection in (Selection(patterns=("svc*",)), Selection(patterns=("*v*",)), Selection(groups=("g",))):
            with pytest.raises(GraphUnreachable):
                await read(graph, selection=selection)
