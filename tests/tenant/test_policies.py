"""Graph's JSON of a Conditional Access policy: read whole, nothing unknown lost, nothing mistaken for "no condition"."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenant.model import AuthenticationStrength
from tenant.policies import parse_plan, parse_policy, parse_strength
from tenant.shapes import parse_time

# The shape that Graph's beta endpoint answers with: annotations, OData actions, and members that v1.0 doesn't have.
FULL: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.conditionalAccessPolicy",
    "#microsoft.graph.restore": {"title": "microsoft.graph.restore", "target": "https://graph.microsoft.com/x"},
    "id": "6B4D2C1E-0000-4000-8000-00000000000A",
    "displayName": "Require MFA outside of the office",
    "state": "enabledForReportingButNotEnforced",
    "createdDateTime": "2026-01-02T03:04:05Z",
    "modifiedDateTime": "2026-11-03T14:12:00.1234567Z",
    "deletedDateTime": None,
    "partialEnablementStrategy": None,
    "conditions": {
        "users": {
            "includeUsers": ["All"],
            "excludeUsers": ["AAAA"],
            "includeGroups": ["BBBB"],
            "excludeGroups": ["CCCC"],
            "includeRoles": ["DDDD"],
            "excludeRoles": ["EEEE"],
            "includeGuestsOrExternalUsers": None,
            "excludeGuestsOrExternalUsers": {
                "guestOrExternalUserTypes": "serviceProvider",
                "externalTenants": {
                    "@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
                    "membershipKind": "all",
                },
            },
        },
        "applications": {
            "includeApplications": ["Office365"],
            "excludeApplications": ["FFFF"],
            "includeUserActions": ["urn:user:registersecurityinfo"],
            "includeAuthenticationContextClassReferences": ["c1"],
            "applicationFilter": {"mode": "Exclude", "rule": "CustomSecurityAttribute.A_B -eq 1"},
            "networkAccess": None,
            "globalSecureAccess": None,
        },
        "clientAppTypes": ["browser", "mobileAppsAndDesktopClients"],
        "clientApplications": None,
        "locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]},
        "platforms": {"includePlatforms": ["all"], "excludePlatforms": ["iOS"]},
        "devices": {
            "includeDevices": [],
            "excludeDevices": [],
            "deviceFilter": {"mode": "exclude", "rule": "device.isCompliant -eq True"},
        },
        "deviceStates": None,
        "times": None,
        "signInRiskLevels": ["high"],
        "userRiskLevels": ["medium"],
        "servicePrincipalRiskLevels": [],
        "insiderRiskLevels": "minor,moderate",
        "authenticationFlows": {"transferMethods": "deviceCodeFlow,authenticationTransfer"},
    },
    "grantControls": {
        "operator": "or",
        "builtInControls": ["mfa", "compliantDevice"],
        "customAuthenticationFactors": ["duo"],
        "termsOfUse": ["t1"],
        "authenticationStrength@odata.context": "https://graph.microsoft.com/beta/$metadata",
        "authenticationStrength": {
            "id": "S1",
            "displayName": "Strong",
            "requirementsSatisfied": "mfa",
            "allowedCombinations": ["fido2"],
        },
    },
    "sessionControls": {
        "signInFrequency": {"value": 1, "type": "hours", "isEnabled": True},
        "newControl": {"isEnabled": True},
    },
}


WHOLE: dict[str, Any] = {
    "users": {"includeUsers": ["All"]},
    "applications": {"includeApplications": ["All"]},
}
"""The conditions of a policy for everybody and everything."""


def test_a_whole_policy_is_read() -> None:
    policy = parse_policy(FULL)
    assert policy.id == "6b4d2c1e-0000-4000-8000-00000000000a"
    assert policy.display_name == "Require MFA outside of the office"
    assert policy.state == "enabledforreportingbutnotenforced"
    assert policy.created == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert policy.modified == datetime(2026, 11, 3, 14, 12, 0, 123456, tzinfo=UTC)
    assert not policy.deleted
    assert not policy.workload_identities
    assert policy.include_users == {"all"}
    assert policy.exclude_users == {"aaaa"}
    assert policy.include_groups == {"bbbb"}
    assert policy.exclude_groups == {"cccc"}
    assert policy.include_roles == {"dddd"}
    assert policy.exclude_roles == {"eeee"}
    assert not policy.names_guests
    assert policy.include_applications == {"office365"}
    assert policy.exclude_applications == {"ffff"}
    assert policy.application_filter is not None
    assert policy.application_filter.mode == "exclude"
    assert policy.user_actions == ("urn:user:registersecurityinfo",)
    assert policy.authentication_contexts == ("c1",)
    assert policy.client_app_types == {"browser", "mobileappsanddesktopclients"}
    assert (policy.include_locations, policy.exclude_locations) == (("All",), ("AllTrusted",))
    assert (policy.include_platforms, policy.exclude_platforms) == (("all",), ("iOS",))
    assert policy.device_filter == "device.isCompliant -eq True"
    assert (policy.sign_in_risk_levels, policy.user_risk_levels) == (("high",), ("medium",))
    assert policy.insider_risk_levels == ("minor", "moderate")
    assert policy.transfer_methods == ("deviceCodeFlow", "authenticationTransfer")
    assert policy.unknown_members == ()
    assert not policy.unknown_user_members
    assert not policy.unknown_application_members


def test_a_whole_grant_is_read() -> None:
    grant = parse_policy(FULL).grant
    assert grant is not None
    assert grant.operator == "OR"
    assert grant.built_in == ("mfa", "compliantDevice")
    assert grant.custom_factors == ("duo",)
    assert grant.terms_of_use == ("t1",)
    assert grant.strength == AuthenticationStrength("s1", "Strong", "mfa")
    assert grant.unknown_members == ()


@pytest.mark.parametrize(
    ("conditions", "paths"),
    [
        ({"newCondition": ["x"]}, {"conditions.newCondition"}),
        ({"newCondition": False}, {"conditions.newCondition"}),
        ({"newCondition": 0}, {"conditions.newCondition"}),
        ({"users": {"includeAgents": ["x"]}}, {"conditions.users.includeAgents"}),
        (
            {"users": {"excludeGuestsOrExternalUsers": {"kinds": "x"}}},
            {"conditions.users.excludeGuestsOrExternalUsers.kinds"},
        ),
        ({"applications": {"networkAccess": {"x": 1}}}, {"conditions.applications.networkAccess"}),
        (
            {"applications": {"applicationFilter": {"mode": "include", "rule": "x", "version": 2}}},
            {"conditions.applications.applicationFilter.version"},
        ),
        (
            {"devices": {"includeDeviceStates": ["x"], "deviceFilter": {"kind": "y"}}},
            {"conditions.devices.includeDeviceStates", "conditions.devices.deviceFilter.kind"},
        ),
        (
            {"clientApplications": {"includeAgentIdServicePrincipals": ["All"]}},
            {"conditions.clientApplications.includeAgentIdServicePrincipals"},
        ),
        ({"platforms": "windows"}, {"conditions.platforms"}),
        ({"signInRiskLevels": {"high": True}}, {"conditions.signInRiskLevels"}),
        ({"locations": {"includeLocations": 7}}, {"conditions.locations.includeLocations"}),
        ({"clientAppTypes": True}, {"conditions.clientAppTypes"}),
        ({"a": None, "b": [], "c": {}, "d": "", "e@odata.type": "#x", "@odata.context": "y"}, set()),
        ({"locations": None, "devices": {"deviceFilter": None}, "insiderRiskLevels": None}, set()),
    ],
)
def test_unknown_conditions_are_remembered_by_their_path(conditions: dict[str, Any], paths: set[str]) -> None:
    parsed = parse_policy({"id": "p", "conditions": _within(conditions)})
    assert set(parsed.unknown_members) == paths


def _within(conditions: dict[str, Any]) -> dict[str, Any]:
    """The conditions of a whole policy with these members; those of ``users`` and ``applications`` are added to its own."""
    inner = {name: {**members, **conditions.get(name, {})} for name, members in WHOLE.items()}
    return {**conditions, **inner}


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"conditions": None}, "conditions"),
    ({"conditions": ["x"]}, "conditions"),
    ({"conditions": "All"}, "conditions"),
    ({"conditions": {}}, "conditions.users"),
    *(
        ({"conditions": {**WHOLE, name: value}}, f"conditions.{name}")
        for name in ("users", "applications")
        for value in (None, ["x"], [], "All", 5, True, {}, {"other@odata.type": "x"})
    ),
    *(
        ({"conditions": {**WHOLE, "users": {"includeUsers": value}}}, "conditions.users")
        for value in (5, True, "All", {}, {"a": 1}, [None], ["All", 5], [["All"]], [""], [" "], None)
    ),
    ({"conditions": {**WHOLE, "users": {"includeUsers": ["u"], "excludeUsers": 5}}}, "conditions.users.excludeUsers"),
    ({"conditions": {**WHOLE, "applications": {"includeApplications": [7]}}}, "conditions.applications"),
    ({"conditions": {**WHOLE, "clientAppTypes": ["browser", None]}}, "conditions.clientAppTypes"),
    ({"conditions": {**WHOLE, "clientAppTypes": "browser"}}, "conditions.clientAppTypes"),
    ({"conditions": {**WHOLE, "signInRiskLevels": {}}}, "conditions.signInRiskLevels"),
    ({"conditions": {**WHOLE, "servicePrincipalRiskLevels": 5}}, "conditions.servicePrincipalRiskLevels"),
    ({"conditions": {**WHOLE, "clientApplications": ["x"]}}, "conditions.clientApplications"),
    (
        {"conditions": {**WHOLE, "clientApplications": {"servicePrincipalFilter": 5}}},
        "conditions.clientApplications.servicePrincipalFilter",
    ),
    ({"conditions": {**WHOLE, "locations": []}}, "conditions.locations"),
    ({"conditions": {**WHOLE, "devices": {"deviceFilter": []}}}, "conditions.devices.deviceFilter"),
    ({"conditions": {**WHOLE, "authenticationFlows": 5}}, "conditions.authenticationFlows"),
    (
        {"conditions": {**WHOLE, "authenticationFlows": {"transferMethods": 5}}},
        "conditions.authenticationFlows.transferMethods",
    ),
    ({"grantControls": []}, "grantControls"),
    ({"grantControls": "mfa"}, "grantControls"),
    ({"grantControls": {"builtInControls": {"a": 1}}}, "grantControls.builtInControls"),
    ({"grantControls": {"builtInControls": {}}}, "grantControls.builtInControls"),
    ({"grantControls": {"builtInControls": ["mfa", 5]}}, "grantControls.builtInControls"),
    ({"grantControls": {"builtInControls": None, "termsOfUse": []}}, "grantControls.builtInControls"),
    ({"grantControls": {"termsOfUse": "x", "builtInControls": ["mfa"]}}, "grantControls.termsOfUse"),
    ({"grantControls": {"authenticationStrength": ["x"]}}, "grantControls.authenticationStrength"),
    ({"grantControls": {"authenticationStrength": {"id": 5}}}, "grantControls.authenticationStrength.id"),
    (
        {"grantControls": {"operator": "OR", "builtInControls": [], "authenticationStrength": {"id": None}}},
        "grantControls.authenticationStrength",
    ),
    ({"conditions": {**WHOLE, "users": {"includeUsers": [], "includeGroups": None}}}, "conditions.users"),
    ({"conditions": {**WHOLE, "users": {"includeUsers": [], "includeRoles": None}}}, "conditions.users"),
    ({"grantControls": {"operator": 5, "builtInControls": ["mfa"]}}, "grantControls.operator"),
    ({"deletedDateTime": 5}, "deletedDateTime"),
    ({"deletedDateTime": "soon"}, "deletedDateTime"),
]


@pytest.mark.parametrize(("members", "path"), MALFORMED, ids=[f"{path} {one}" for one, path in MALFORMED])
def test_a_malformed_policy_is_not_understood_and_reaches_everybody(members: dict[str, Any], path: str) -> None:
    """Verdicts section 3: a container of the wrong type."""
    policy = parse_policy({"id": "p", "state": "enabled", "conditions": WHOLE, **members})
    assert any(one.startswith(path) for one in policy.unknown_members)
    assert policy.include_users == {"all"}
    assert policy.exclude_users | policy.exclude_groups | policy.exclude_roles == frozenset()
    assert not policy.workload_identities
    assert not policy.deleted
    assert policy.malformed
    if path.startswith("grantControls"):
        assert policy.grant is not None
        assert policy.grant.unknown_members


def test_what_is_malformed_limits_a_policy_no_more() -> None:
    """Neither the applications that could be read, nor the clients, nor who is excluded."""
    policy = parse_policy(
        {
            "id": "p",
            "conditions": {
                "users": {"includeGroups": ["g"], "excludeUsers": ["u"]},
                "applications": {"includeApplications": ["x"], "excludeApplications": 5},
                "clientAppTypes": ["browser", 5],
                "authenticationFlows": {"transferMethods": ["deviceCodeFlow", 5]},
                "clientApplications": {"includeServicePrincipals": ["s"]},
            },
        }
    )
    everybody: frozenset[str] = frozenset({"all"})
    assert (policy.include_users, policy.include_groups) == (everybody, frozenset())
    assert (policy.include_applications, policy.exclude_applications) == (everybody, frozenset())
    assert (policy.client_app_types, policy.transfer_methods) == (frozenset(), ())


def test_a_policy_that_does_not_say_what_it_is_for_may_be_for_everything() -> None:
    """Whom it reaches is said all the same."""
    policy = parse_policy({"id": "p", "conditions": {"users": {"includeGroups": ["g"], "excludeUsers": ["u"]}}})
    assert policy.include_applications == {"all"}
    assert policy.unknown_members == ("conditions.applications",)
    assert policy.include_groups == {"g"}
    assert policy.exclude_users == {"u"}
    assert policy.malformed


@pytest.mark.parametrize(
    ("state", "malformed"),
    [("enabled", False), ("disabled", False), ("later", False), (None, True), ("", True), (5, True), ({"a": 1}, True)],
)
def test_a_state_that_is_no_text_is_malformed_and_a_new_one_is_not(state: object, malformed: bool) -> None:
    assert parse_policy({"id": "p", "state": state, "conditions": WHOLE}).malformed is malformed
    assert parse_plan({"id": "p", "state": state}).malformed is malformed


@pytest.mark.parametrize(
    "conditions",
    [
        {"users": {"includeUsers": []}, "applications": {"includeApplications": []}},
        {"users": {"includeGroups": ["g"]}, "applications": {"includeUserActions": ["a"]}},
        {"users": {"includeRoles": ["r"]}, "applications": {"applicationFilter": {"mode": "include", "rule": "r"}}},
        {
            "users": {"includeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "internalGuest"}},
            "applications": {"includeAuthenticationContextClassReferences": ["c1"]},
        },
        {"users": None, "applications": None, "clientApplications": {"includeServicePrincipals": ["s"]}},
        {
            **WHOLE,
            "locations": None,
            "platforms": {"includePlatforms": None, "excludePlatforms": None},
            "devices": {"deviceFilter": {"mode": None, "rule": None}},
            "signInRiskLevels": None,
            "insiderRiskLevels": ["minor"],
        },
    ],
)
def test_what_is_only_empty_is_not_malformed(conditions: dict[str, Any]) -> None:
    """Null where something may be missing, and empty lists; some tools write every member that is null."""
    assert parse_policy({"id": "p", "conditions": conditions}).unknown_members == ()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("enabled", "enabled"),
        ("disabled", "disabled"),
        ("Disabled", "disabled"),
        ("enabledForReportingButNotEnforced", "enabledforreportingbutnotenforced"),
        ("draft", "enabled"),
        (None, "enabled"),
        (5, "enabled"),
        (["disabled"], "enabled"),
    ],
)
def test_a_plan_that_is_not_known_to_be_off_is_on(state: object, expected: str) -> None:
    plan = parse_plan({"id": "PLAN", "displayName": "Zero trust", "state": state, "rules": [1]})
    assert (plan.id, plan.display_name, plan.state, plan.plan) == ("plan", "Zero trust", expected, True)
    assert plan.unknown_members
    assert plan.grant is not None
    assert plan.grant.unknown_members


@pytest.mark.parametrize(
    ("members", "unknown"),
    [
        ({"partialEnablementStrategy": {"percentage": 5}}, ("partialEnablementStrategy",)),
        ({"partialEnablementStrategy": "pilot"}, ("partialEnablementStrategy",)),
        ({"partialEnablementStrategy": {}}, ()),
        ({"partialEnablementStrategy": None}, ()),
        ({"newMember": {"x": 1}}, ("newMember",)),
        ({"newMember": ["x"]}, ("newMember",)),
        ({"newMember": {"x": None}, "other": [], "third": {}, "fourth": [None]}, ()),
        ({"newMember": "x", "number": 1, "truth": True, "nothing": None}, ()),
        ({"newMember@odata.context": {"x": 1}, "#microsoft.graph.restore": {"x": 1}}, ()),
        ({"sessionControls": {"newControl": 1}, "templateId": "t", "description": "d"}, ()),
    ],
)
def test_an_unknown_member_of_the_policy_counts_where_it_holds_an_object_or_a_list(
    members: dict[str, Any], unknown: tuple[str, ...]
) -> None:
    assert parse_policy({"id": "p", "conditions": WHOLE, **members}).unknown_members == unknown


@pytest.mark.parametrize(
    ("grant", "unknown"),
    [
        ({"newControl": ["x"]}, ("newControl",)),
        ({"newControl": False}, ("newControl",)),
        ({"newControl": None, "other": []}, ()),
        ({"newControl@odata.type": "#x"}, ()),
    ],
)
def test_unknown_members_of_the_grant_are_remembered(grant: dict[str, Any], unknown: tuple[str, ...]) -> None:
    parsed = parse_policy({"id": "p", "grantControls": {"operator": "AND", "builtInControls": ["mfa"], **grant}}).grant
    assert parsed is not None
    assert parsed.unknown_members == unknown


@pytest.mark.parametrize("grant", [["mfa"], "mfa", 7, True])
def test_a_grant_of_an_unknown_shape_is_not_taken_for_none(grant: object) -> None:
    policy = parse_policy({"id": "p", "grantControls": grant})
    assert policy.grant is not None or policy.unknown_members


@pytest.mark.parametrize("members", [{}, {"grantControls": None}])
def test_no_grant_is_none(members: dict[str, Any]) -> None:
    assert parse_policy({"id": "p", **members}).grant is None


@pytest.mark.parametrize(
    ("conditions", "workload"),
    [
        ({"clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}}, True),
        ({"clientApplications": {"includeServicePrincipals": ["a1"], "excludeServicePrincipals": ["a2"]}}, True),
        ({"clientApplications": {"servicePrincipalFilter": {"mode": "include", "rule": "x"}}}, True),
        ({"servicePrincipalRiskLevels": ["high"]}, True),
        (
            {
                "clientApplications": {
                    "includeServicePrincipals": [],
                    "excludeServicePrincipals": [],
                    "servicePrincipalFilter": None,
                }
            },
            False,
        ),
        ({"clientApplications": None, "servicePrincipalRiskLevels": []}, False),
        ({}, False),
    ],
)
def test_workload_identity_policies_are_recognised(conditions: dict[str, Any], workload: bool) -> None:
    assert parse_policy({"id": "p", "conditions": conditions}).workload_identities is workload


@pytest.mark.parametrize(
    ("flows", "methods"),
    [
        ({"transferMethods": "none"}, ()),
        ({"transferMethods": "None"}, ()),
        ({"transferMethods": None}, ()),
        ({"transferMethods": ""}, ()),
        (None, ()),
        ({"transferMethods": "deviceCodeFlow"}, ("deviceCodeFlow",)),
        ({"transferMethods": "none,deviceCodeFlow"}, ("deviceCodeFlow",)),
        ({"transferMethods": "deviceCodeFlow, authenticationTransfer"}, ("deviceCodeFlow", "authenticationTransfer")),
        ({"transferMethods": ["deviceCodeFlow"]}, ("deviceCodeFlow",)),
        ({"transferMethods": "unknownFutureValue"}, ("unknownFutureValue",)),
    ],
)
def test_authentication_flows_are_flags(flows: object, methods: tuple[str, ...]) -> None:
    assert parse_policy({"id": "p", "conditions": {"authenticationFlows": flows}}).transfer_methods == methods


def test_a_policy_without_a_name_is_still_named() -> None:
    assert parse_policy({"id": "P1", "displayName": None}).display_name
    assert parse_policy({}).display_name


@pytest.mark.parametrize(("deleted", "expected"), [(None, False), ("", False), ("2026-11-01T00:00:00Z", True)])
def test_a_deleted_policy_is_marked(deleted: str | None, expected: bool) -> None:
    assert parse_policy({"id": "p", "conditions": WHOLE, "deletedDateTime": deleted}).deleted is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"id": "S1", "displayName": "A", "requirementsSatisfied": "mfa"}, AuthenticationStrength("s1", "A", "mfa")),
        ({"id": "s1"}, AuthenticationStrength("s1", "", None)),
        ({"id": "s1", "requirementsSatisfied": None}, AuthenticationStrength("s1", "", None)),
        ({"id": "s1", "requirementsSatisfied": ""}, AuthenticationStrength("s1", "", None)),
    ],
)
def test_a_strength_is_read_with_or_without_what_it_satisfies(
    raw: dict[str, Any], expected: AuthenticationStrength
) -> None:
    assert parse_strength(raw) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-03T14:12:00Z", datetime(2026, 11, 3, 14, 12, tzinfo=UTC)),
        ("2026-11-03T14:12:00.1234567Z", datetime(2026, 11, 3, 14, 12, 0, 123456, tzinfo=UTC)),
        ("2026-11-03T14:12:00.1Z", datetime(2026, 11, 3, 14, 12, 0, 100000, tzinfo=UTC)),
        ("2026-11-03T16:12:00+02:00", datetime(2026, 11, 3, 14, 12, tzinfo=UTC)),
        ("2026-11-03T14:12:00", datetime(2026, 11, 3, 14, 12, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1762178400, None),
        ("0001-01-01T00:00:00+14:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("0001-02-01T00:00:00Z", datetime(1, 2, 1, tzinfo=UTC)),
    ],
)
def test_times_are_aware_and_in_utc(text: object, expected: datetime | None) -> None:
    assert parse_time(text) == expected


@given(st.text(max_size=30) | st.datetimes(timezones=st.timezones()).map(datetime.isoformat))
def test_no_time_makes_the_parser_fail(text: str) -> None:
    parsed = parse_time(text)
    assert parsed is None or parsed.tzinfo is UTC
