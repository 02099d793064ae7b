"""What each condition of a Conditional Access policy does to both answers of an account whose per-user MFA is disabled."""

import pytest

from tests.checks.kit import BLOCK_LEGACY, EXCHANGE, MFA_MODERN, MODERN, SHAREPOINT, Case, judge_case, policy

RULE = {"mode": "include", "rule": 'device.trustType -eq "AzureAD"'}
APP_FILTER = {"mode": "include", "rule": "CustomSecurityAttribute.Apps_Mail -eq true"}
NOT_APP_FILTER = {**APP_FILTER, "mode": "exclude"}


def on(visibility: str, usability: str, name: str, **members: object) -> Case:
    """MFA for everybody under the given conditions."""
    return Case(name, visibility, usability, (policy(conditions=members),))


def apps(
    visibility: str, usability: str, name: str, *included: str, exclude: tuple[str, ...] = (), **members: object
) -> Case:
    return Case(name, visibility, usability, (policy(apps=included, not_apps=exclude, app_members=members),))


def clients(visibility: str, usability: str, *types: str) -> Case:
    return Case(f"client apps {', '.join(types)}", visibility, usability, (policy(clients=types),))


HIDDEN = ("hidden", "blocked_by_policy")
SOMETIMES = ("conditional", "conditional")
NOTHING = ("not_offered", "usable")

UNCONDITIONAL = [
    on(*HIDDEN, "no condition at all"),
    Case(
        "several policies, the strongest decides",
        *HIDDEN,
        (policy("A", conditions={"userRiskLevels": ["high"]}), policy("B")),
    ),
    Case("no policy", *NOTHING),
    Case("disabled policy", *NOTHING, (policy(state="disabled"),)),
    Case("state in another case", *HIDDEN, (policy(state="Enabled"),)),
    Case("state that nobody knows", *SOMETIMES, (policy(state="enabledForTests"),)),
    Case("state null", *SOMETIMES, (policy(state=None),)),
    Case("unknown state beside a certain policy", *HIDDEN, (policy("A", state="new"), policy("B"))),
    Case("deleted policy", *NOTHING, (policy(deletedDateTime="2026-11-01T00:00:00Z"),)),
    Case("conditions null", *SOMETIMES, (policy() | {"conditions": None},)),
    Case("conditions a list", *SOMETIMES, (policy() | {"conditions": ["x"]},)),
    Case("users a list", *SOMETIMES, (policy(conditions={"users": ["x"]}),)),
    Case("users null", *SOMETIMES, (policy(conditions={"users": None}),)),
    Case("users a list, of a policy without grant", *NOTHING, (policy(conditions={"users": ["x"]}, grant=None),)),
    Case("users a list, of a disabled policy", *NOTHING, (policy(conditions={"users": ["x"]}, state="disabled"),)),
    Case("users a list, for another application", *NOTHING, (policy(conditions={"users": ["x"]}, apps=(SHAREPOINT,)),)),
    Case("included users a number", *SOMETIMES, (policy(user_members={"includeUsers": 5}),)),
    Case("included users with null", *SOMETIMES, (policy(user_members={"includeUsers": [None]}),)),
    Case("excluded users a number", *SOMETIMES, (policy(users=("someone",), user_members={"excludeUsers": 5}),)),
    Case("applications a list", *SOMETIMES, (policy(conditions={"applications": ["x"]}),)),
    Case("excluded applications a text", *SOMETIMES, (policy(app_members={"excludeApplications": "x"}),)),
    Case("client apps with a number", *SOMETIMES, (policy(conditions={"clientAppTypes": ["browser", 5]}),)),
    Case("client apps a text", *SOMETIMES, (policy(conditions={"clientAppTypes": "other"}),)),
    Case("risk levels of workloads a number", *SOMETIMES, (policy(conditions={"servicePrincipalRiskLevels": 5}),)),
    Case("client applications a list", *SOMETIMES, (policy(conditions={"clientApplications": ["x"]}),)),
    Case("authentication flows a number", *SOMETIMES, (policy(conditions={"authenticationFlows": 5}),)),
    Case("locations a text", *SOMETIMES, (policy(conditions={"locations": "x"}),)),
    Case("deleted at a number", *SOMETIMES, (policy(deletedDateTime=5),)),
    Case("built-in controls an object", *SOMETIMES, (policy(grant_members={"builtInControls": {"a": 1}}),)),
    Case("built-in controls null beside lists", *SOMETIMES, (policy(grant_members={"builtInControls": None}),)),
    Case("grant controls an empty list", *SOMETIMES, (policy() | {"grantControls": []},)),
    Case(
        "authentication strength a list", *SOMETIMES, (policy(grant=(), grant_members={"authenticationStrength": [1]}),)
    ),
    Case("terms of use a number beside MFA", *SOMETIMES, (policy(grant_members={"termsOfUse": 5}),)),
    Case("report-only", "predicted", "usable", (policy(state="enabledForReportingButNotEnforced"),)),
    Case(
        "report-only for some platforms",
        "predicted",
        "usable",
        (policy(state="enabledForReportingButNotEnforced", conditions={"platforms": {"includePlatforms": ["iOS"]}}),),
    ),
    Case(
        "report-only beside enabled risk policy",
        *SOMETIMES,
        (policy("A", state="enabledForReportingButNotEnforced"), policy("B", conditions={"userRiskLevels": ["high"]})),
    ),
]

LOCATIONS = [
    on(*HIDDEN, "locations All", locations={"includeLocations": ["All"], "excludeLocations": []}),
    on(*HIDDEN, "locations all in another case", locations={"includeLocations": ["ALL"]}),
    on(*HIDDEN, "locations empty", locations={"includeLocations": [], "excludeLocations": []}),
    on(
        "hidden",
        "conditional",
        "everywhere except trusted",
        locations={"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]},
    ),
    on(
        "hidden",
        "conditional",
        "everywhere except a location that no longer exists",
        locations={"includeLocations": ["All"], "excludeLocations": ["gone"]},
    ),
    on("hidden", "conditional", "only exclusions", locations={"includeLocations": [], "excludeLocations": ["office"]}),
    on(*SOMETIMES, "only one location", locations={"includeLocations": ["office"]}),
    on(*SOMETIMES, "only trusted locations", locations={"includeLocations": ["AllTrusted"]}),
    on(*SOMETIMES, "one location except another", locations={"includeLocations": ["a"], "excludeLocations": ["b"]}),
    on(*SOMETIMES, "unknown member of locations", locations={"includeLocations": ["All"], "includeNetworks": ["x"]}),
    Case(
        "exempted somewhere, and everywhere by another",
        *HIDDEN,
        (
            policy("A", conditions={"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}}),
            policy("B"),
        ),
    ),
]

PLATFORMS = [
    on(*HIDDEN, "platforms all", platforms={"includePlatforms": ["all"], "excludePlatforms": []}),
    on(*HIDDEN, "platforms All in another case", platforms={"includePlatforms": ["All"]}),
    on(*SOMETIMES, "a list of platforms", platforms={"includePlatforms": ["windows", "macOS"]}),
    on(*SOMETIMES, "all platforms except some", platforms={"includePlatforms": ["all"], "excludePlatforms": ["iOS"]}),
    on(*SOMETIMES, "only excluded platforms", platforms={"includePlatforms": [], "excludePlatforms": ["linux"]}),
    on(*SOMETIMES, "a platform that nobody knows", platforms={"includePlatforms": ["visionOS"]}),
]

RISK_AND_DEVICES = [
    on(*SOMETIMES, "sign-in risk", signInRiskLevels=["high"]),
    on(*SOMETIMES, "every sign-in risk is still a risk list", signInRiskLevels=["low", "medium", "high"]),
    on(*SOMETIMES, "unknown risk level", signInRiskLevels=["unknownFutureValue"]),
    on(*SOMETIMES, "user risk", userRiskLevels=["medium"]),
    on(*SOMETIMES, "insider risk as flags", insiderRiskLevels="minor,moderate"),
    on(*SOMETIMES, "insider risk as one flag", insiderRiskLevels="elevated"),
    on(*SOMETIMES, "insider risk as a list", insiderRiskLevels=["elevated"]),
    on(*HIDDEN, "risks null or empty", signInRiskLevels=[], userRiskLevels=None, insiderRiskLevels=""),
    on(*SOMETIMES, "device filter", devices={"deviceFilter": RULE}),
    on(*SOMETIMES, "device filter that excludes", devices={"deviceFilter": {**RULE, "mode": "exclude"}}),
    on(*HIDDEN, "no device filter", devices={"deviceFilter": None}),
    on(*SOMETIMES, "device filter without a rule", devices={"deviceFilter": {"mode": "include", "rule": None}}),
]

FLOWS = [
    on("conditional", "usable", "device code flow", authenticationFlows={"transferMethods": "deviceCodeFlow"}),
    on(
        "conditional",
        "usable",
        "both flows as flags",
        authenticationFlows={"transferMethods": "deviceCodeFlow,authenticationTransfer"},
    ),
    on("conditional", "usable", "flow in another case", authenticationFlows={"transferMethods": "DeviceCodeFlow"}),
    on(*SOMETIMES, "flow that nobody knows", authenticationFlows={"transferMethods": "unknownFutureValue"}),
    on(*SOMETIMES, "known flow and another", authenticationFlows={"transferMethods": "deviceCodeFlow,newFlow"}),
    Case(
        "block of a flow that nobody knows",
        "not_offered",
        "conditional",
        (policy(grant=("block",), conditions={"authenticationFlows": {"transferMethods": "newFlow"}}),),
    ),
    on(*HIDDEN, "flow none", authenticationFlows={"transferMethods": "none"}),
    on(*HIDDEN, "flow None in another case", authenticationFlows={"transferMethods": "None"}),
    on(*HIDDEN, "flow null", authenticationFlows={"transferMethods": None}),
    on(*SOMETIMES, "unknown member of the flows", authenticationFlows={"transferMethods": "none", "newFlow": True}),
    Case(
        "block of a flow touches neither answer",
        *NOTHING,
        (policy(grant=("block",), conditions={"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}),),
    ),
]

APPLICATIONS = [
    apps(*HIDDEN, "Exchange Online", EXCHANGE),
    apps(*HIDDEN, "Exchange Online in upper case", EXCHANGE.upper()),
    apps(*HIDDEN, "Office 365", "Office365"),
    apps(*HIDDEN, "office365 in another case", "OFFICE365"),
    apps(*HIDDEN, "all in another case", "all"),
    apps(*HIDDEN, "Exchange among others", SHAREPOINT, EXCHANGE),
    apps(*NOTHING, "SharePoint only", SHAREPOINT),
    apps(*NOTHING, "admin portals", "MicrosoftAdminPortals"),
    apps(*NOTHING, "None", "None"),
    apps(*NOTHING, "no application"),
    apps(*NOTHING, "all but Exchange", "All", exclude=(EXCHANGE.upper(),)),
    apps(*NOTHING, "all but Office 365", "All", exclude=("office365",)),
    apps(*NOTHING, "Office 365 but not Exchange", "Office365", exclude=(EXCHANGE,)),
    apps(*NOTHING, "Exchange, but not Office 365", EXCHANGE, exclude=("Office365",)),
    apps(*HIDDEN, "all but SharePoint", "All", exclude=(SHAREPOINT,)),
    apps(*NOTHING, "user action", includeUserActions=["urn:user:registersecurityinfo"]),
    apps(*NOTHING, "user action beside a new selection", includeUserActions=["urn:user:new"], newSelection={"x": 1}),
    apps(
        *NOTHING,
        "authentication context beside a new selection",
        includeAuthenticationContextClassReferences=["c1"],
        newSelection={"x": 1},
    ),
    apps(*NOTHING, "user action that nobody knows", includeUserActions=["urn:user:new"]),
    apps(*NOTHING, "authentication context", includeAuthenticationContextClassReferences=["c1"]),
    apps(*SOMETIMES, "filter with All", "All", applicationFilter=APP_FILTER),
    apps(*SOMETIMES, "excluding filter with All", "All", applicationFilter=NOT_APP_FILTER),
    apps(*SOMETIMES, "filter alone", applicationFilter=APP_FILTER),
    apps(*SOMETIMES, "excluding filter alone", applicationFilter=NOT_APP_FILTER),
    apps(*SOMETIMES, "filter beside None", "None", applicationFilter=APP_FILTER),
    apps(*SOMETIMES, "excluding filter beside None", "None", applicationFilter=NOT_APP_FILTER),
    apps(*HIDDEN, "including filter beside Exchange", EXCHANGE, applicationFilter=APP_FILTER),
    apps(
        *HIDDEN, "including filter beside Office 365", "Office365", applicationFilter={**APP_FILTER, "mode": "Include"}
    ),
    apps(*SOMETIMES, "excluding filter beside Exchange", EXCHANGE, applicationFilter=NOT_APP_FILTER),
    apps(
        *SOMETIMES,
        "filter with an unknown mode beside Exchange",
        EXCHANGE,
        applicationFilter={**APP_FILTER, "mode": "maybe"},
    ),
    apps(*SOMETIMES, "including filter beside another application", SHAREPOINT, applicationFilter=APP_FILTER),
    apps(*NOTHING, "excluding filter beside another application", SHAREPOINT, applicationFilter=NOT_APP_FILTER),
    apps(*NOTHING, "filter, but Exchange is excluded", exclude=(EXCHANGE,), applicationFilter=APP_FILTER),
    apps(*SOMETIMES, "unknown member of a filter", EXCHANGE, applicationFilter={**APP_FILTER, "version": 2}),
    apps(*SOMETIMES, "unknown member of the applications", "All", includeAgents=["x"]),
]

CLIENTS = [
    Case("client apps absent", *HIDDEN, (policy(clients=None),)),
    Case("client apps empty", *HIDDEN, (policy(clients=()),)),
    clients(*HIDDEN, "all"),
    clients(*HIDDEN, "All"),
    clients(*HIDDEN, "browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "other"),
    clients("hidden", "usable", "browser"),
    clients("hidden", "usable", "mobileAppsAndDesktopClients"),
    clients("hidden", "usable", *MODERN),
    clients("hidden", "conditional", *MODERN, "exchangeActiveSync"),
    clients("hidden", "blocked_by_policy", "BROWSER", "OTHER"),
    clients("not_offered", "blocked_by_policy", "other"),
    clients("not_offered", "blocked_by_policy", "exchangeActiveSync", "other"),
    clients("not_offered", "conditional", "exchangeActiveSync"),
    clients("not_offered", "conditional", "easSupported"),
    clients(*SOMETIMES, "unknownFutureValue"),
    clients("hidden", "conditional", "browser", "unknownFutureValue"),
    clients("conditional", "blocked_by_policy", "other", "unknownFutureValue"),
    clients("conditional", "conditional", "exchangeActiveSync", "unknownFutureValue"),
    clients(*HIDDEN, "browser", "other", "unknownFutureValue"),
    Case("modern MFA and a legacy block", *HIDDEN, (MFA_MODERN, BLOCK_LEGACY)),
    Case("legacy block alone", "not_offered", "blocked_by_policy", (BLOCK_LEGACY,)),
    Case(
        "block ActiveSync only",
        "not_offered",
        "conditional",
        (policy(clients=("exchangeActiveSync",), grant=("block",)),),
    ),
    Case(
        "block legacy outside of the office",
        "not_offered",
        "conditional",
        (
            policy(
                clients=("other",),
                grant=("block",),
                conditions={"locations": {"includeLocations": ["All"], "excludeLocations": ["office"]}},
            ),
        ),
    ),
]

UNKNOWN_MEMBERS = [
    on(*SOMETIMES, "a new condition", newCondition={"includeThings": ["x"]}),
    on(*SOMETIMES, "a new condition that is false", newCondition=False),
    on(*SOMETIMES, "a new condition that is zero", newCondition=0),
    on(*SOMETIMES, "times", times={"includedRanges": ["mornings"]}),
    on(*SOMETIMES, "deep in devices", devices={"deviceFilter": None, "includeDeviceStates": ["x"]}),
    on(*SOMETIMES, "a string where an object belongs", platforms="windows"),
    on(*SOMETIMES, "an object where a list belongs", signInRiskLevels={"high": True}),
    on(*SOMETIMES, "agent risk", agentIdRiskLevels="high"),
    on(*HIDDEN, "null, empty text, list and object", a=None, b="", c=[], d={}),
    on(*HIDDEN, "annotation", **{"newCondition@odata.type": "#x", "@odata.context": "https://x"}),
    Case("partial enablement", *SOMETIMES, (policy(partialEnablementStrategy={"percentage": 10}),)),
    Case("partial enablement as text", *SOMETIMES, (policy(partialEnablementStrategy="pilot"),)),
    Case("no partial enablement", *HIDDEN, (policy(partialEnablementStrategy=None),)),
    Case("unknown top-level object", *SOMETIMES, (policy(newMember={"x": 1}, templateId="t"),)),
    Case("unknown top-level list", *SOMETIMES, (policy(newMember=["x"]),)),
    Case("unknown top-level text", *HIDDEN, (policy(newMember="x", number=1),)),
    Case("unknown top-level members that are empty", *HIDDEN, (policy(newMember={"x": None}, other=[], third=None),)),
    Case("annotation at the top", *HIDDEN, (policy() | {"newMember@odata.type": {"x": 1}},)),
    Case("unknown session control", *HIDDEN, (policy() | {"sessionControls": {"newControl": {"isEnabled": True}}},)),
    Case("unknown member of the users", *SOMETIMES, (policy(user_members={"excludeAgents": ["x"]}),)),
    Case("unknown member for another application", *NOTHING, (policy(apps=(SHAREPOINT,), conditions={"new": 1}),)),
    Case("unknown member in a disabled policy", *NOTHING, (policy(state="disabled", conditions={"new": 1}),)),
    Case(
        "unknown member in report-only",
        "predicted",
        "usable",
        (policy(state="enabledForReportingButNotEnforced", conditions={"new": 1}),),
    ),
    Case("unknown member does not weaken another policy", *HIDDEN, (policy("A", conditions={"new": 1}), policy("B"))),
]

WORKLOADS = [
    on(
        *NOTHING, "service principals", clientApplications={"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}
    ),
    on(*NOTHING, "service principal risk", servicePrincipalRiskLevels=["high"]),
    on(*NOTHING, "service principal filter", clientApplications={"servicePrincipalFilter": RULE}),
    on(
        *HIDDEN,
        "service principals empty",
        clientApplications={"includeServicePrincipals": [], "excludeServicePrincipals": []},
    ),
    Case(
        "agents only, users None",
        *NOTHING,
        (policy(users=("None",), grant=("block",), conditions={"agents": {"includeAgentUsers": ["All"]}}),),
    ),
]

CASES = [
    *UNCONDITIONAL,
    *LOCATIONS,
    *PLATFORMS,
    *RISK_AND_DEVICES,
    *FLOWS,
    *APPLICATIONS,
    *CLIENTS,
    *UNKNOWN_MEMBERS,
    *WORKLOADS,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_condition_decides_both_answers(case: Case) -> None:
    assert judge_case(case) == (case.visibility, case.usability)
