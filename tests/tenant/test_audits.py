"""Reading the audit log: what is asked, what an entry means, and what happens where Graph doesn't play along."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from demo.company import company
from localgraph.ids import make_id
from localgraph.server import LocalGraph
from localgraph.tenant import LocalTenant
from tenant.audits import AuditQuestion, AuditReader, parse_event, reduced, without_repeats
from tenant.graph import GraphRefused
from tenant.model import AuditEvent
from tenant.turns import OutOfTurns, Turns
from tests.tenant.reading import Naps, connect

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
START = NOW - timedelta(days=30)
Json = dict[str, Any]


def entry(activity: str, *targets: Json, **more: Any) -> Json:
    return {
        "id": "1",
        "activityDisplayName": activity,
        "activityDateTime": "2026-11-03T14:12:00.1234567Z",
        "result": "success",
        "initiatedBy": {"user": {"userPrincipalName": "ada@contoso.com", "id": "A", "ipAddress": "192.0.2.1"}},
        "targetResources": list(targets),
        **more,
    }


def target(id: str, name: str | None = None, kind: str = "User", **changed: tuple[Any, Any]) -> Json:
    return {
        "id": id,
        "displayName": name,
        "type": kind,
        "userPrincipalName": f"{id}@contoso.com" if kind == "User" else None,
        "modifiedProperties": [
            {"displayName": property, "oldValue": old, "newValue": new}
            for property, (old, new) in ((property.replace("_", "."), values) for property, values in changed.items())
        ],
    }


ON, REPORTING = json.dumps({"state": "enabled"}), json.dumps({"state": "enabledForReportingButNotEnforced"})
POLICY = target("P", "Require MFA", "Policy", ConditionalAccessPolicy=(REPORTING, ON))
IN_GROUP = target("U", Group_ObjectID=(None, '"G"'), Group_DisplayName=(None, '"Backup apps"'))
GROUP_IN_GROUP = {**IN_GROUP, "type": "Group", "userPrincipalName": None}
IN_LIST = target("U", Group_ObjectID=(None, '["G"]'), Group_DisplayName=(None, '["Backup apps"]'))
OUT_OF_GROUP = target("U", Group_ObjectID=('"G"', None), Group_DisplayName=('"Backup apps"', None))
IN_ROLE = target("U", Role_TemplateId=(None, '"T"'), Role_DisplayName=(None, '"Reader"'))


@pytest.mark.parametrize(
    ("row", "kind", "target_id", "container"),
    [
        (entry("Update Conditional Access policy", POLICY), "policy_updated", "p", ""),
        (entry("update conditional access policy", POLICY), "policy_updated", "p", ""),
        (entry("Delete conditional access policy", POLICY), "policy_deleted", "p", ""),
        (entry("Enable Strong Authentication", target("U")), "mfa_enabled", "u", ""),
        (entry("Create application password for user", target("U")), "app_password_created", "u", ""),
        (entry("Add member to group", IN_GROUP, target("G", None, "Group")), "group_added", "u", "g"),
        (entry("Add member to group", target("G", None, "Group"), IN_GROUP), "group_added", "u", "g"),
        (entry("Add member to group", target("U"), target("G", "Backup apps", "Group")), "group_added", "u", "g"),
        (entry("Add member to group", GROUP_IN_GROUP, target("G", None, "Group")), "group_added", "u", "g"),
        (entry("Add member to group", target("G", None, "Group"), GROUP_IN_GROUP), "group_added", "u", "g"),
        (
            entry("Add member to group", target("U", kind="Group"), target("G", "Backup apps", "Group")),
            "group_added",
            "u",
            "g",
        ),
        (entry("Add member to group", IN_LIST), "group_added", "u", "g"),
        (entry("Remove member from group", OUT_OF_GROUP), "group_removed", "u", "g"),
        (entry("Add member to role", IN_ROLE, target("R", "Reader", "Role")), "role_added", "u", "t"),
    ],
)
def test_what_an_entry_means(row: Json, kind: str, target_id: str, container: str) -> None:
    for given in (row, reduced(row)):
        event = parse_event(given)
        assert event is not None
        assert (event.kind, event.target_id, event.container_id) == (kind, target_id, container)
        assert (event.actor, event.time.isoformat()[:16]) == ("ada@contoso.com", "2026-11-03T14:12")
        assert event.container_name == {"g": "Backup apps", "t": "Reader", "": ""}[container]


def test_a_change_of_a_policy_says_what_it_was_and_what_it_became() -> None:
    event = parse_event(entry("Update Conditional Access policy", POLICY))
    assert event is not None
    assert event.before is not None
    assert event.after is not None
    assert (event.before.state, event.after.state) == ("enabledforreportingbutnotenforced", "enabled")


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "null", "[" * 100_000])
def test_a_change_that_nobody_can_read_is_still_a_change(text: str) -> None:
    changed = target("P", "Require MFA", "Policy", ConditionalAccessPolicy=(text, text))
    event = parse_event(entry("Update Conditional Access policy", changed))
    assert event is not None
    assert (event.before, event.after) == (None, None)


@pytest.mark.parametrize(
    ("value", "detail"), [('{"isEnabled": true}', "on"), ("false", "off"), ("True", "on"), ("", ""), ("[]", "")]
)
def test_security_defaults_are_on_or_off_where_the_log_says_so(value: str, detail: str) -> None:
    event = parse_event(entry("Update security defaults", target("S", None, "Policy", isEnabled=(None, value))))
    assert event is not None
    assert (event.kind, event.detail) == ("security_defaults", detail)


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [("true", "true", None), ('{"isEnabled": false}', "false", None), ("false", "true", "on"), ("", "true", "on")],
)
def test_whoever_sets_security_defaults_to_what_they_are_changes_nothing(
    before: str, after: str, detail: str | None
) -> None:
    row = entry("Update security defaults", target("S", None, "Policy", isEnabled=(before, after)))
    for given in (row, reduced(row)):
        event = parse_event(given)
        assert (event and event.detail) == detail


def requirement(*states: object) -> str:
    return json.dumps([{"RelyingParty": "*", "State": state} for state in states])


def of_user(old: object, new: object, property: str = "StrongAuthenticationRequirement") -> Json:
    return target("U", None, "User", **{property: (old, new)})


PER_USER = "Update per-user multifactor authentication state"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (entry("Update user", of_user("[]", requirement(1))), ("mfa_enabled", "enabled")),
        (entry("Update user", of_user(requirement(1), requirement(2))), ("mfa_enabled", "enforced")),
        (entry("Update user", of_user(requirement(1), requirement("Enforced"))), ("mfa_enabled", "enforced")),
        (entry("Update user", of_user(requirement(2), "[]")), ("mfa_disabled", "disabled")),
        (entry("Update user", of_user(requirement(2), requirement(0))), ("mfa_disabled", "disabled")),
        (entry("Update user", of_user(None, requirement(1))), ("mfa_enabled", "enabled")),
        (entry("Update user", of_user('"[]"', json.dumps(requirement(1)))), ("mfa_enabled", "enabled")),
        # Only since when remembered devices count has changed.
        (entry("Update user", of_user(requirement(2), requirement(2))), None),
        (entry("Update user", of_user("[]", "[]")), None),
        # Nothing that anybody could rely on.
        (entry("Update user", of_user(requirement(2), None)), None),
        (entry("Update user", of_user(requirement(2), "")), None),
        (entry("Update user", of_user(requirement(2), '[{"RelyingParty":"*","Sta')), None),
        (entry("Update user", of_user("[]", requirement(7))), None),
        (entry("Update user", of_user("[]", requirement(True))), None),
        (entry("Update user", of_user("[]", requirement(1, 2))), None),
        (entry("Update user", of_user("[]", '[{"RelyingParty":"contoso","State":1}]')), None),
        (entry("Update user", of_user("[]", '["x"]')), None),
        (entry("Update user", of_user("[]", "{}")), None),
        (entry("Update user", of_user('"disabled"', '"enforced"', "PerUserMfaState")), None),
        (entry("Update user", target("U", Department=('"A"', '"B"'))), None),
        (entry("Enable Strong Authentication", of_user("[]", requirement(1))), ("mfa_enabled", "enabled")),
        (entry("Enable Strong Authentication", of_user(requirement(1), "[]")), ("mfa_enabled", "")),
        (entry("Disable Strong Authentication", of_user(requirement(1), "[]")), ("mfa_disabled", "disabled")),
        (entry(PER_USER, of_user('"disabled"', '"enforced"', "PerUserMfaState")), ("mfa_enabled", "enforced")),
        (entry(PER_USER, of_user("enabled", "Disabled", "State")), ("mfa_disabled", "disabled")),
        (entry(PER_USER, of_user(None, '{"perUserMfaState":"enabled"}', "x")), ("mfa_enabled", "enabled")),
        (entry(PER_USER, of_user("[]", requirement(2))), ("mfa_enabled", "enforced")),
        # Somebody set the state that there was already.
        (entry(PER_USER, of_user('"enforced"', '"enforced"', "PerUserMfaState")), None),
        (entry("Enable Strong Authentication", of_user(requirement(2), requirement(2))), None),
        (entry("Disable Strong Authentication", of_user("[]", "[]")), None),
        (entry(PER_USER, target("U")), ("mfa_changed", "")),
        (entry(PER_USER, target("D", None, "Directory"), target("U")), ("mfa_changed", "")),
    ],
)
def test_per_user_mfa_is_read_from_every_name_that_the_log_has_for_it(
    row: Json, expected: tuple[str, str] | None
) -> None:
    for given in (row, reduced(row)):
        event = parse_event(given)
        assert (event and (event.kind, event.detail)) == expected
        assert event is None or event.target_id == "u"


SETTINGS, COMPANY = "MFA Service Policy Update", "Set Company Information"
ALLOWED, FORBIDDEN = '{"allowAppPasswords": true}', '{"allowAppPasswords": false, "trustedIps": []}'
BLOCKED = '[{"IsApplicationPasswordBlocked": true}]'


def of_tenant(old: object, new: object, property: str = "MfaServicePolicy") -> Json:
    return target("T", None, "Directory", **{property: (old, new)})


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (entry(SETTINGS, of_tenant(ALLOWED, FORBIDDEN)), "off"),
        (entry(SETTINGS, of_tenant(FORBIDDEN, ALLOWED)), "on"),
        (entry(SETTINGS, of_tenant("true", "false", "AllowAppPasswords")), "off"),
        (entry(SETTINGS, of_tenant(None, FORBIDDEN)), "off"),
        (entry(SETTINGS, of_tenant(None, None)), ""),
        (entry(SETTINGS), ""),
        (entry(SETTINGS, of_tenant(None, '{"a":' * 900 + "{}" + "}" * 900)), ""),
        (entry(SETTINGS, of_tenant(None, "[" * 100_000)), ""),
        # The trusted addresses have changed.
        (entry(SETTINGS, of_tenant('{"allowAppPasswords": false}', FORBIDDEN)), None),
        (entry(COMPANY, of_tenant("[]", BLOCKED, "StrongAuthenticationDetails")), "off"),
        (entry(COMPANY, of_tenant(BLOCKED, BLOCKED, "StrongAuthenticationDetails")), None),
        (entry(COMPANY, of_tenant('"Contoso"', '"Fabrikam"', "DisplayName")), None),
        (entry(COMPANY, of_tenant("[]", '[{"IsApplicationPasswordBlocked": "maybe"}]')), None),
        (entry(COMPANY), None),
    ],
)
def test_the_tenant_switch_is_told_from_the_other_settings_where_the_log_says_so(row: Json, detail: str | None) -> None:
    for given in (row, reduced(row)):
        event = parse_event(given)
        assert (event and event.detail) == detail
        assert event is None or event.kind == "tenant_switch"


@pytest.mark.parametrize(
    "name", ["Update User Risk and MFA Registration Policy", "update user risk and mfa registration policy"]
)
def test_the_registration_policy_of_identity_protection_was_changed(name: str) -> None:
    for row in (entry(name), entry(name, target("R", "Policy", "Policy"))):
        event = parse_event(row)
        assert event is not None
        assert (event.kind, event.actor) == ("mfa_registration_policy", "ada@contoso.com")


def told(
    second: float, kind: str, detail: str = "", who: str = "u", actor: str | None = "ada@contoso.com"
) -> AuditEvent:
    return AuditEvent(NOW - timedelta(seconds=second), kind, actor, who, who, detail)


@pytest.mark.parametrize(
    ("events", "left"),
    [
        ((told(0, "mfa_enabled"), told(1, "mfa_enabled", "enabled")), [("mfa_enabled", "enabled")]),
        ((told(0, "mfa_enabled", "enabled"), told(1, "mfa_changed")), [("mfa_enabled", "enabled")]),
        ((told(0, "mfa_changed"), told(1, "mfa_disabled", "disabled")), [("mfa_disabled", "disabled")]),
        (
            (told(0, "mfa_changed"), told(1, "mfa_enabled"), told(2, "mfa_enabled", "enforced")),
            [("mfa_enabled", "enforced")],
        ),
        ((told(0, "tenant_switch"), told(1, "tenant_switch", "off", "t")), [("tenant_switch", "off")]),
        # Two changes.
        ((told(0, "mfa_disabled"), told(1, "mfa_enabled")), [("mfa_disabled", ""), ("mfa_enabled", "")]),
        (
            (told(0, "mfa_enabled", "enforced"), told(1, "mfa_enabled", "enabled")),
            [("mfa_enabled", "enforced"), ("mfa_enabled", "enabled")],
        ),
        ((told(0, "mfa_enabled"), told(121, "mfa_enabled")), [("mfa_enabled", ""), ("mfa_enabled", "")]),
        ((told(0, "mfa_enabled"), told(1, "mfa_enabled", who="v")), [("mfa_enabled", ""), ("mfa_enabled", "")]),
        ((told(0, "policy_updated"), told(1, "policy_updated")), [("policy_updated", ""), ("policy_updated", "")]),
        (
            (told(0, "app_password_created"), told(1, "app_password_created")),
            [("app_password_created", ""), ("app_password_created", "")],
        ),
    ],
)
def test_a_change_that_the_log_tells_under_two_names_happened_once(
    events: tuple[AuditEvent, ...], left: list[tuple[str, str]]
) -> None:
    found = without_repeats(events)
    assert [(event.kind, event.detail) for event in found] == left
    assert found[0].time == NOW


def test_of_a_change_with_two_names_somebody_did_it() -> None:
    (event,) = without_repeats((told(0, "mfa_enabled", "enabled", actor=None), told(1, "mfa_enabled")))
    assert (event.detail, event.actor) == ("enabled", "ada@contoso.com")


@pytest.mark.parametrize(
    "row",
    [
        {},
        entry("Update user", target("U")),
        entry("Enable Strong Authentication"),
        entry("Enable Strong Authentication", target("U"), result="failure"),
        entry("Enable Strong Authentication", target("U"), activityDateTime="yesterday"),
        entry("Add member to group", target("U")),
        {"activityDisplayName": 7, "targetResources": "x", "initiatedBy": []},
    ],
)
def test_what_is_about_something_else_is_no_event(row: Json) -> None:
    assert parse_event(row) is None


@pytest.mark.parametrize(
    ("initiated", "actor"),
    [
        (
            {"user": None, "app": {"displayName": "Microsoft Managed Policy Manager"}},
            "Microsoft Managed Policy Manager",
        ),
        ({"user": None, "app": {"displayName": None, "servicePrincipalId": "5f1c"}}, "5f1c"),
        ({"user": {"id": "a7", "userPrincipalName": None}, "app": None}, "a7"),
        ({"user": {"id": "a7", "userPrincipalName": "", "displayName": "Ada"}, "app": None}, "Ada"),
        ({"user": None, "app": None}, None),
    ],
)
def test_who_or_what_did_it_is_told_by_the_best_name_there_is(initiated: Json, actor: str | None) -> None:
    row = entry("Add conditional access policy", POLICY, initiatedBy=initiated)
    for given in (row, reduced(row)):
        event = parse_event(given)
        assert event is not None
        assert event.actor == actor


def test_addresses_are_not_kept() -> None:
    assert "192.0.2.1" not in json.dumps(reduced(entry("Add member to group", IN_GROUP)))


@pytest.fixture(scope="module")
def tenant() -> LocalTenant:
    return company(NOW)


@pytest.fixture
def graph(tenant: LocalTenant) -> Iterator[LocalGraph]:
    with LocalGraph(tenant, limits=True).in_thread() as running:
        yield running


async def read(graph: LocalGraph, question: AuditQuestion, turns: Turns | None = None) -> list[Json]:
    async with connect(graph.url) as client:
        return await AuditReader(client, turns or Turns(sleep=Naps())).read(question, START, NOW)


def asked(graph: LocalGraph) -> list[str]:
    return [unquote(one.query) for one in graph.requests]


EXCEPTIONS = make_id("alderleafinstruments.onmicrosoft.com", "group", "Legacy authentication exceptions")


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        (AuditQuestion("policies"), {"policy_added", "policy_updated"}),
        (
            AuditQuestion("activities"),
            {"mfa_enabled", "mfa_disabled", "app_password_created", "app_password_deleted", "mfa_registration_policy"},
        ),
        (AuditQuestion("groups", (EXCEPTIONS,)), {"group_removed"}),
        (AuditQuestion("groups", ("00000000-0000-0000-0000-000000000001",)), set()),
    ],
)
async def test_each_question_is_filtered_by_time_and_by_what_matters(
    graph: LocalGraph, question: AuditQuestion, kinds: set[str]
) -> None:
    rows = await read(graph, question)
    assert {event.kind for row in rows if (event := parse_event(row))} == kinds
    (query,) = asked(graph)
    assert "activityDateTime ge 2026-10-23T07:00:00Z and activityDateTime lt 2026-11-22T07:00:00Z and " in query


async def test_of_the_updates_of_users_only_those_of_per_user_mfa_are_kept(
    graph: LocalGraph, tenant: LocalTenant
) -> None:
    backup = tenant.user("svc-codetwo-backup@alderleaf.example").id
    rows = await read(graph, AuditQuestion("users"))
    events = [event for row in rows if (event := parse_event(row))]
    assert {event.kind for event in events} == {"mfa_enabled", "mfa_disabled"}
    assert len(events) > 1
    (row,) = await read(graph, AuditQuestion("users", accounts=(backup,)))
    assert [event.target_id for event in (parse_event(row),) if event] == [backup]
    assert "t/id eq" in asked(graph)[-1]


async def test_where_groups_cannot_be_filtered_all_memberships_are_read_and_the_others_dropped(
    graph: LocalGraph,
) -> None:
    graph.fail(r"any\(", 400)
    rows = await read(graph, AuditQuestion("groups", (EXCEPTIONS,)))
    assert [event.container_id for row in rows if (event := parse_event(row))] == [EXCEPTIONS]


async def test_a_refusal_is_raised(graph: LocalGraph) -> None:
    graph.deny("AuditLog.Read.All")
    with pytest.raises(GraphRefused):
        await read(graph, AuditQuestion("groups", (EXCEPTIONS,)))
    assert len(asked(graph)) == 1


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.usefixtures("limits_of_microsoft")
async def test_a_long_answer_is_asked_for_in_halves_and_never_throttled(
    tenant: LocalTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    with LocalGraph(tenant, limits=True, clock=clock).in_thread() as graph:
        turns = Turns(60, clock=clock, sleep=clock.sleep)
        whole = await read(graph, AuditQuestion("policies"), turns)
        graph.page_sizes["directoryAudits"] = 1
        monkeypatch.setattr("tenant.audits.MOST_PAGES", 2)
        async with connect(graph.url) as client:
            rows = await AuditReader(client, turns).read(AuditQuestion("policies"), START, NOW)
            assert client.throttled == 0
        spans = {query.partition(" and loggedBy")[0] for query in asked(graph) if "loggedBy" in query}
    assert sorted(row["id"] for row in rows) == sorted(row["id"] for row in whole)
    assert len(spans) > 2
    assert clock.now >= 20


async def test_no_more_is_asked_than_the_scan_may_spend(graph: LocalGraph) -> None:
    graph.page_sizes["directoryAudits"] = 1
    with pytest.raises(OutOfTurns):
        await read(graph, AuditQuestion("policies"), Turns(3, sleep=Naps()))
    assert len(asked(graph)) == 3


@pytest.mark.usefixtures("limits_of_microsoft")
async def test_where_users_are_updated_all_the_time_only_the_newest_updates_are_read(
    tenant: LocalTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("tenant.audits.MOST_PAGES", 3)
    with LocalGraph(tenant, limits=True, clock=clock).in_thread() as graph:
        graph.page_sizes["directoryAudits"] = 2
        await read(graph, AuditQuestion("users"), Turns(60, clock=clock, sleep=clock.sleep))
        spans = {query.partition(" and (")[0] for query in asked(graph) if "activityDateTime ge" in query}
    assert len(spans) > 2
    assert all(span.endswith("lt 2026-11-22T07:00:00Z") for span in spans)


@pytest.mark.parametrize(
    ("number", "words"),
    [(63, None), (2, "b2bCollaborationGuest"), (6, "b2bCollaborationGuest,b2bCollaborationMember"), (0, "none")],
)
def test_kinds_of_guests_as_a_number_are_read_as_the_words_that_graph_has(number: int, words: str | None) -> None:
    words = words or (
        "internalGuest,b2bCollaborationGuest,b2bCollaborationMember,b2bDirectConnectUser,otherExternalUser,serviceProvider"
    )

    def event(kinds: object) -> AuditEvent | None:
        guests = {"guestOrExternalUserTypes": kinds, "externalTenants": {"membershipKind": "all"}}
        users = {"includeUsers": ["None"], "includeGuestsOrExternalUsers": guests, "excludeGroups": ["G"]}
        was = json.dumps(
            {"state": "enabled", "conditions": {"users": users, "applications": {"includeApplications": ["All"]}}}
        )
        return parse_event(entry("Delete Conditional Access policy", target("P", "P", "Policy", Policy=(was, None))))

    found = event(number)
    assert found is not None
    assert found.before is not None
    assert found.before.exclude_groups == {"g"}
    assert found == event(words)
