"""What a change of a tenant leaves in the audit log, and what the product's reader makes of it."""

import copy
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localgraph.audit_events import events_between
from localgraph.audit_log import AuditLog
from localgraph.builder import Kind, TenantBuilder
from localgraph.ids import ROLES
from localgraph.methods import make_method
from localgraph.schema import schema
from localgraph.tenant import ABSENT, LocalGroup, LocalRoleAssignment, LocalTenant, LocalUser, mfa_service_json
from tenant.audits import parse_event, reduced
from tenant.model import AuditEvent
from tests.localgraph.conformity import problems
from tests.localgraph.kit import talking

AT = datetime(2026, 11, 20, 9, 30, 0, 250, tzinfo=UTC)
ADA, SVC, BOB = "ada@contoso.com", "svc-backup@contoso.com", "bob@contoso.com"
EXCHANGE = ROLES["Exchange Administrator"]
Json = dict[str, Any]
Doing = Callable[[LocalTenant], None]


def tenant() -> LocalTenant:
    return (
        TenantBuilder(now=AT)
        .user(ADA, name="Ada")
        .user(SVC, name="Backup", methods=["phone"], department="IT", groups=["Backup apps"], roles=["Global Reader"])
        .user(BOB, name="Bob", mfa="enabled", methods=["authenticator", "windows hello", "temporary access pass"])
        .group("Backup apps")
        .group("Everybody", rule="user.accountEnabled -eq true", members=[ADA])
        .group("Nested", members=["Backup apps"])
        .role("Report reader")
        .location("Office", ranges=["203.0.113.0/24"])
        .strength("Keys only")
        .policy("Require MFA", exclude_groups=["Backup apps"], grant=["mfa"])
        .policy("Keys", state="off", strength="Keys only")
        .service_principal("Connector")
        .build()
    )


def changed(doing: Doing, *, back: bool = False, **how: Any) -> list[Json]:
    """The rows of what is done to the tenant, or of undoing it."""
    before, after = tenant(), tenant()
    doing(after)
    after.changed()
    return events_between(after, before, at=AT, **how) if back else events_between(before, after, at=AT, **how)


def set_user(upn: str = SVC, **values: Any) -> Doing:
    def do(here: LocalTenant) -> None:
        for name, value in values.items():
            setattr(here.user(upn), name, value)

    return do


def set_tenant(**values: Any) -> Doing:
    def do(here: LocalTenant) -> None:
        for name, value in values.items():
            setattr(here, name, value)

    return do


def set_policy(name: str = "Require MFA", **values: Any) -> Doing:
    return lambda here: here.policy(name).update(values)


def give(
    kind: Kind = "assigned", *, role: str = EXCHANGE, to: str = SVC, scope: str = "/", end: str | None = None
) -> Doing:
    def do(here: LocalTenant) -> None:
        known = next((id for id, one in here.roles.items() if one.name == role), role)
        holder = here.find_user(to)
        principal = holder.id if holder else to
        here.role_assignments.append(LocalRoleAssignment("new", principal, known, scope, kind, None, end))

    return do


def new_user(here: LocalTenant) -> None:
    here.users["u-new"] = LocalUser(
        "u-new", "new@contoso.com", "New", mfa="enforced", methods=(make_method("u-new", "fido2"),)
    )


def new_group(here: LocalTenant) -> None:
    here.groups["g-new"] = LocalGroup("g-new", "New ones", [here.user(SVC).id, here.group("Backup apps").id])


def drop_group(here: LocalTenant) -> None:
    del here.groups[here.group("Nested").id]


def drop(collection: str, name: str) -> Doing:
    def do(here: LocalTenant) -> None:
        items = getattr(here, collection)
        items[:] = [item for item in items if item["displayName"] != name]

    return do


def drop_methods(here: LocalTenant) -> None:
    here.user(BOB).methods = ()


def rename_strength(here: LocalTenant) -> None:
    strength = next(one for one in here.strengths if one["displayName"] == "Keys only")
    strength["allowedCombinations"] = ["fido2", "deviceBasedPush"]
    here.policy("Keys")["grantControls"]["authenticationStrength"] = copy.deepcopy(strength)


MFA_ROW = "Update per-user multifactor authentication state"
ON, OFF = "Enable Strong Authentication", "Disable Strong Authentication"
PIM_ON, PIM_OFF = "Add member to role completed (PIM activation)", "Remove member from role completed (PIM deactivate)"
YESTERDAY, TOMORROW = "2026-11-19T00:00:00Z", "2026-11-21T00:00:00Z"
CLASSIC: Json = {"classic": True}
NEITHER: list[str] = []

# What is done; the activities that it leaves, and those that undoing it leaves; what the product reads in both (kind, detail).
CASES: list[tuple[str, Doing, Json, list[str], list[str], list[tuple[str, str]], list[tuple[str, str]]]] = [
    (
        "a policy",
        drop("policies", "Require MFA"),
        {},
        ["Delete conditional access policy"],
        ["Add conditional access policy"],
        [("policy_deleted", "")],
        [("policy_added", "")],
    ),
    (
        "a policy's state",
        set_policy(state="disabled"),
        {},
        ["Update conditional access policy"],
        ["Update conditional access policy"],
        [("policy_updated", "")],
        [("policy_updated", "")],
    ),
    (
        "Security Defaults",
        set_tenant(security_defaults=True),
        {},
        ["Update security defaults"],
        ["Update security defaults"],
        [("security_defaults", "on")],
        [("security_defaults", "off")],
    ),
    ("Security Defaults that an answer leaves out", set_tenant(security_defaults=None), {}, NEITHER, NEITHER, [], []),
    ("a location", drop("named_locations", "Office"), {}, ["Delete named location"], ["Add named location"], [], []),
    (
        "a location's trust",
        lambda here: here.named_locations[0].update(isTrusted=True),
        {},
        ["Update named location"],
        ["Update named location"],
        [],
        [],
    ),
    (
        "a strength",
        drop("strengths", "Keys only"),
        {},
        ["Authentication Strength Policy Delete"],
        ["Authentication Strength Policy Create"],
        [],
        [],
    ),
    (
        "what a strength asks for, and with it what Graph shows of a policy",
        rename_strength,
        {},
        ["Authentication Strength Policy Update"],
        ["Authentication Strength Policy Update"],
        [],
        [],
    ),
    ("Microsoft's strengths", drop("strengths", "Passwordless MFA"), {}, NEITHER, NEITHER, [], []),
    (
        "the switch for app passwords",
        set_tenant(mfa_service=mfa_service_json(app_passwords=False)),
        {},
        ["MFA Service Policy Update"],
        ["MFA Service Policy Update"],
        [("tenant_switch", "off")],
        [("tenant_switch", "on")],
    ),
    (
        "trusted addresses",
        set_tenant(mfa_service=mfa_service_json(trusted_ips=["203.0.113.0/24"])),
        {},
        ["MFA Service Policy Update"],
        ["MFA Service Policy Update"],
        [],
        [],
    ),
    ("settings that Graph doesn't know", set_tenant(mfa_service=None), {}, NEITHER, NEITHER, [], []),
    (
        "a membership",
        lambda here: here.add_member("Nested", SVC),
        {},
        ["Add member to group"],
        ["Remove member from group"],
        [("group_added", "")],
        [("group_removed", "")],
    ),
    (
        "a membership of a group",
        lambda here: here.remove_member("Nested", "Backup apps"),
        {},
        ["Remove member from group"],
        ["Add member to group"],
        [("group_removed", "")],
        [("group_added", "")],
    ),
    (
        "a membership that stands twice",
        lambda here: here.add_member("Backup apps", SVC),
        {},
        NEITHER,
        NEITHER,
        [],
        [],
    ),
    (
        "a group with members",
        new_group,
        {},
        ["Add group", "Add member to group", "Add member to group"],
        ["Delete group"],
        [("group_added", ""), ("group_added", "")],
        [],
    ),
    ("a group that was restored", new_group, {"deleted": ["g-new"]}, ["Restore group"], ["Delete group"], [], []),
    (
        "the name of a group",
        lambda here: setattr(here.group("Nested"), "name", "Renamed"),
        {},
        ["Update group"],
        ["Update group"],
        [],
        [],
    ),
    (
        "a role",
        give(),
        {},
        ["Add member to role"],
        ["Remove member from role"],
        [("role_added", "")],
        [("role_removed", "")],
    ),
    (
        "a role for a part of the tenant",
        give(scope="/administrativeUnits/1"),
        {},
        ["Add scoped member to role"],
        ["Remove scoped member from role"],
        [],
        [],
    ),
    (
        "a custom role",
        give(role="Report reader"),
        {},
        ["Add role assignment to role definition"],
        ["Remove role assignment from role definition"],
        [],
        [],
    ),
    (
        "a role for some time",
        give(end=TOMORROW),
        {},
        ["Add member to role", "Add member to role in PIM completed (timebound)"],
        ["Remove member from role", "Remove member from role in PIM completed (timebound)"],
        [("role_added", "")],
        [("role_removed", "")],
    ),
    (
        "a role that is activated",
        give("activated", end=TOMORROW),
        {},
        ["Add member to role", PIM_ON],
        ["Remove member from role", PIM_OFF],
        [("role_added", "")],
        [("role_removed", "")],
    ),
    (
        "an activation that is over",
        give("activated", end=YESTERDAY),
        {},
        ["Add member to role", PIM_ON],
        ["Remove member from role", "Remove member from role (PIM activation expired)"],
        [("role_added", "")],
        [("role_removed", "")],
    ),
    (
        "eligibility",
        give("eligible"),
        {},
        ["Add eligible member to role in PIM completed (permanent)"],
        ["Remove eligible member from role in PIM completed (permanent)"],
        [],
        [],
    ),
    (
        "a user",
        new_user,
        {},
        ["Add user", MFA_ROW, "User registered security info"],
        ["Delete user"],
        [("mfa_enabled", "enforced")],
        [],
    ),
    ("a user that was restored", new_user, {"deleted": ["u-new"]}, ["Restore user"], ["Delete user"], [], []),
    (
        "a user in groups and roles: restored without the old memberships, but added with them",
        lambda here: here.remove_user(SVC),
        {},
        ["Delete user"],
        ["Add user", "User registered security info", "Add member to group", "Add member to role"],
        [],
        [("group_added", ""), ("role_added", "")],
    ),
    ("a user's name", set_user(name="Copier"), {}, ["Update user"], ["Update user"], [], []),
    ("a user's department", set_user(extra={"department": "Sales"}), {}, ["Update user"], ["Update user"], [], []),
    (
        "what the log leaves out",
        set_user(extra={"department": "IT", "usageLocation": "IE"}),
        {},
        NEITHER,
        NEITHER,
        [],
        [],
    ),
    (
        "an account that is switched off",
        set_user(enabled=False),
        {},
        ["Update user", "Disable account"],
        ["Update user", "Enable account"],
        [],
        [],
    ),
    (
        "an account that doesn't say",
        set_user(extra={"accountEnabled": ABSENT, "department": "IT"}),
        {},
        NEITHER,
        NEITHER,
        [],
        [],
    ),
    (
        "per-user MFA",
        set_user(mfa="enforced"),
        {},
        [MFA_ROW],
        [MFA_ROW],
        [("mfa_enabled", "enforced")],
        [("mfa_disabled", "disabled")],
    ),
    (
        "per-user MFA, as the directory has it",
        set_user(mfa="enabled"),
        CLASSIC,
        [ON],
        [OFF],
        [("mfa_enabled", "enabled")],
        [("mfa_disabled", "disabled")],
    ),
    (
        "per-user MFA, enforced after it was enabled, as the directory has it",
        set_user(BOB, mfa="enforced"),
        CLASSIC,
        ["Update user"],
        ["Update user"],
        [("mfa_enabled", "enforced")],
        [("mfa_enabled", "enabled")],
    ),
    ("a state that Graph leaves out", set_user(mfa=ABSENT), {}, NEITHER, NEITHER, [], []),
    ("a state that nobody knows", set_user(mfa="unknownFutureValue"), CLASSIC, NEITHER, NEITHER, [], []),
    (
        "methods",
        drop_methods,
        {},
        ["User deleted security info", "Delete Windows Hello for Business credential", "Admin deleted security info"],
        [
            "User registered security info",
            "Add Windows Hello for Business credential",
            "Admin registered security info",
        ],
        [],
        [],
    ),
    (
        "a phone number",
        lambda here: here.user(SVC).methods[0].update(phoneNumber="+44 1632960199"),
        {},
        ["User updated security info"],
        ["User updated security info"],
        [],
        [],
    ),
]


def read(rows: Iterable[Json]) -> list[AuditEvent]:
    """What the product reads; it keeps rows without what it doesn't need, and must read those alike."""
    found = [(parse_event(row), parse_event(reduced(row))) for row in rows]
    assert all(whole == kept for whole, kept in found)
    return [whole for whole, _ in found if whole is not None]


@pytest.mark.parametrize(
    ("doing", "how", "done", "undone", "read_done", "read_undone"),
    [pytest.param(*case[1:], id=case[0]) for case in CASES],
)
def test_a_change_leaves_its_rows(
    doing: Doing,
    how: Json,
    done: list[str],
    undone: list[str],
    read_done: list[tuple[str, str]],
    read_undone: list[tuple[str, str]],
) -> None:
    for back, activities, events in ((False, done, read_done), (True, undone, read_undone)):
        rows = changed(doing, back=back, **how)
        assert [row["activityDisplayName"] for row in rows] == activities
        assert [(event.kind, event.detail) for event in read(rows)] == events
        assert [problem for row in rows for problem in problems(schema("v1.0"), "directoryAudit", row)] == []
        assert len({row["id"] for row in rows}) == len(rows)
        assert all(event.time == AT.replace(microsecond=event.time.microsecond) for event in read(rows))


def test_a_policys_row_holds_the_policy_before_and_after() -> None:
    (event,) = read(changed(set_policy(state="enabledForReportingButNotEnforced")))
    assert event.before is not None
    assert event.after is not None
    assert (event.target_id, event.target_name) == (tenant().policy("Require MFA")["id"], "Require MFA")
    assert (event.before.state, event.after.state) == ("enabled", "enabledforreportingbutnotenforced")
    assert event.before.exclude_groups == {tenant().group("Backup apps").id}
    assert not event.before.malformed
    assert not event.before.unknown_members
    (gone,) = read(changed(drop("policies", "Keys")))
    assert gone.before is not None
    assert (gone.before.display_name, gone.after) == ("Keys", None)


def test_a_membership_names_member_and_group_as_the_log_does() -> None:
    joined: Doing = lambda here: here.add_member("Nested", SVC)  # noqa: E731
    group, user = tenant().group("Nested"), tenant().user(SVC)
    for back, old, new in ((False, None, json.dumps(group.id)), (True, json.dumps(group.id), None)):
        (row,) = changed(joined, back=back)
        member, other = row["targetResources"]
        assert (member["id"], member["type"], member["userPrincipalName"]) == (user.id, "User", SVC)
        assert (other["id"], other["type"]) == (group.id, "Group")
        assert member["modifiedProperties"][0] == {"displayName": "Group.ObjectID", "oldValue": old, "newValue": new}
        (event,) = read([row])
        assert (event.actor, event.target_id, event.target_name) == (ADA, user.id, SVC)
        assert (event.container_id, event.container_name) == (group.id, "Nested")


def test_a_nested_group_is_the_member_and_not_the_group() -> None:
    (event,) = read(changed(lambda here: here.remove_member("Nested", "Backup apps")))
    inner, outer = tenant().group("Backup apps"), tenant().group("Nested")
    assert (event.target_id, event.target_name, event.container_id) == (inner.id, "Backup apps", outer.id)


def test_a_role_is_named_by_its_template() -> None:
    (event,) = read(changed(give()))
    assert (event.container_id, event.container_name) == (EXCHANGE, "Exchange Administrator")


def test_what_is_done_by_others_is_theirs() -> None:
    def actors(rows: Iterable[Json]) -> list[str | None]:
        found = (row["initiatedBy"] for row in rows)
        return [
            (one["user"] or {}).get("userPrincipalName") or (one["user"] or one["app"] or {}).get("displayName")
            for one in found
        ]

    assert actors(changed(give("activated", end=TOMORROW))) == ["MS-PIM", SVC]
    assert actors(changed(give("activated", end=YESTERDAY), back=True)) == ["MS-PIM", "Azure AD PIM"]
    assert actors(changed(lambda here: here.add_member("Everybody", SVC))) == ["Microsoft Approval Management"]
    assert actors(changed(drop_methods)) == [BOB, ADA, ADA]
    assert actors(changed(set_user(name="x"), by=None)) == [None]
    (row,) = changed(set_user(name="x"), by="Connector")
    assert row["initiatedBy"]["app"]["servicePrincipalId"] in tenant().service_principals
    (row,) = changed(set_user(name="x"), by="nobody@contoso.com")
    assert (row["initiatedBy"]["user"]["id"], row["initiatedBy"]["user"]["userPrincipalName"]) == (
        None,
        "nobody@contoso.com",
    )


def test_a_deleted_user_has_the_name_of_the_recycle_bin() -> None:
    (row,) = changed(lambda here: here.remove_user(SVC))
    assert row["targetResources"][0]["userPrincipalName"] == tenant().user(SVC).id.replace("-", "") + SVC


def test_an_account_is_updated_and_switched_off_by_one_request() -> None:
    update, disable = changed(set_user(enabled=False, name="Copier"))
    assert update["correlationId"] == disable["correlationId"]
    names = {one["displayName"]: one for one in update["targetResources"][0]["modifiedProperties"]}
    assert (names["AccountEnabled"]["oldValue"], names["AccountEnabled"]["newValue"]) == ("[true]", "[false]")
    assert names["Included Updated Properties"]["newValue"] == '"AccountEnabled, DisplayName"'
    assert update["activityDateTime"] < disable["activityDateTime"]


def test_the_requirement_is_json_as_text() -> None:
    (row,) = changed(set_user(mfa="enabled"), classic=True)
    requirement = row["targetResources"][0]["modifiedProperties"][0]
    assert (requirement["displayName"], requirement["oldValue"]) == ("StrongAuthenticationRequirement", "[]")
    since = "2026-11-20T09:30:00Z"
    assert json.loads(requirement["newValue"]) == [
        {"RelyingParty": "*", "State": 1, "RememberDevicesNotIssuedBefore": since}
    ]


def test_the_same_change_has_the_same_rows_and_another_time_others() -> None:
    renames = [set_user(name=name) for name in ("copier", "Copier")]
    first, again, other = changed(renames[0]), changed(renames[0]), changed(renames[1])
    assert first == again
    assert first[0]["id"] != other[0]["id"], "names that differ by case"
    before, after = tenant(), tenant()
    renames[0](after)
    later = events_between(before, after, at=AT + timedelta(seconds=1))
    assert later[0]["id"] != first[0]["id"]


def test_a_tenant_that_was_not_copied_and_a_time_without_a_zone_are_refused() -> None:
    here = tenant()
    with pytest.raises(ValueError, match="copy"):
        events_between(here, here, at=AT)
    with pytest.raises(ValueError, match="zone"):
        events_between(here, tenant(), at=AT.replace(tzinfo=None))


READ = {
    "Add conditional access policy",
    "Update conditional access policy",
    "Delete conditional access policy",
    "Update security defaults",
    "MFA Service Policy Update",
    "Add member to group",
    "Remove member from group",
    "Add member to role",
    "Remove member from role",
    MFA_ROW,
    ON,
    OFF,
}
"""What the product looks for, as far as the local tenant has it."""


def is_requirement(row: Json) -> bool:
    """Whether the update of a user is one of per-user MFA."""
    first: Json = row["targetResources"][0]["modifiedProperties"][0]
    return bool(first["displayName"] == "StrongAuthenticationRequirement")


NAMES = ("a", "b", "c")
KINDS: tuple[Kind, ...] = ("assigned", "activated", "eligible")
UPNS = st.sampled_from([f"{name}@contoso.com" for name in NAMES])
STATES = st.sampled_from(["disabled", "enabled", "enforced", ABSENT, None])


@st.composite
def tenants(draw: st.DrawFn) -> LocalTenant:
    builder = TenantBuilder(now=AT, security_defaults=draw(st.sampled_from([True, False, None])))
    builder.mfa_service(app_passwords=draw(st.booleans()))
    upns = sorted(draw(st.sets(UPNS)))
    for upn in upns:
        groups = draw(st.lists(st.sampled_from(["G", "H"]), unique=True))
        methods = draw(st.lists(st.sampled_from(["phone", "fido2", "windows hello"]), unique=True))
        name, enabled = draw(st.text(max_size=4)), draw(st.booleans())
        builder.user(upn, name=name, mfa=draw(STATES), enabled=enabled, groups=groups, methods=methods)
        for kind in draw(st.sets(st.sampled_from(KINDS))):
            builder.assign("Global Reader", upn, kind=kind, end=draw(st.sampled_from([None, YESTERDAY, TOMORROW])))
    for name in sorted(draw(st.sets(st.sampled_from(NAMES)))):
        builder.policy(name, state=draw(st.sampled_from(["on", "off"])), grant=draw(st.sampled_from([[], ["mfa"]])))
    return builder.build()


@given(tenants())
@settings(max_examples=30, deadline=None)
def test_equal_tenants_leave_nothing(here: LocalTenant) -> None:
    assert events_between(here, copy.deepcopy(here), at=AT) == []


@given(st.lists(tenants(), min_size=2, max_size=3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_rows_of_a_history_are_whole_and_each_stands_once(states: list[LocalTenant], classic: bool) -> None:
    rows = [
        row
        for number, (before, after) in enumerate(pairwise(states))
        for row in events_between(before, after, at=AT + timedelta(hours=number), classic=classic)
    ]
    assert len({row["id"] for row in rows}) == len(rows)
    times = [row["activityDateTime"] for row in rows]
    assert times == sorted(times)
    assert [problem for row in rows for problem in problems(schema("v1.0"), "directoryAudit", row)] == []
    for row in rows:
        wanted = row["activityDisplayName"] in READ or (
            row["activityDisplayName"] == "Update user" and is_requirement(row)
        )
        assert (parse_event(row) is not None) == wanted
        for changes in (one["modifiedProperties"] for one in row["targetResources"]):
            for value in (
                one[which] for one in changes for which in ("oldValue", "newValue") if one[which] is not None
            ):
                json.loads(value)


async def test_graph_serves_the_rows_and_filters_them() -> None:
    before, after = tenant(), tenant()
    for doing in (set_policy(state="disabled"), set_user(mfa="enforced"), give(), new_group, new_user):
        doing(after)
    after.changed()
    rows = events_between(before, after, at=AT)
    after.audits = rows[::-1]
    async with talking(after) as talk:
        path = "/v1.0/auditLogs/directoryAudits"
        span = "activityDateTime ge 2026-11-20T09:30:00Z and activityDateTime lt 2026-11-20T09:31:00Z"
        assert await talk.value(f"{path}?$filter={span}") == after.audits
        policies = await talk.value(f"{path}?$filter={span} and loggedByService eq 'Conditional Access'")
        assert [row["activityDisplayName"] for row in policies] == ["Update conditional access policy"]
        target = (
            f"activityDisplayName eq 'Add member to role' and targetResources/any(t: t/id eq '{after.user(SVC).id}')"
        )
        assert len(await talk.value(f"{path}?$filter={target}")) == 1
        assert await talk.value(f"{path}?$filter=activityDateTime lt 2026-11-20T09:30:00Z") == []


def one_row(minutes: int) -> Json:
    before, after = tenant(), tenant()
    set_user(name="Copier")(after)
    return events_between(before, after, at=AT + timedelta(minutes=minutes))[0]


def test_rows_turn_up_late_and_not_in_order() -> None:
    log, first, second = AuditLog(), one_row(0), one_row(1)
    log.record([first], delay=timedelta(minutes=20))
    log.record([second], delay=timedelta(minutes=2))
    seen = {minutes: log.visible(AT + timedelta(minutes=minutes)) for minutes in (0, 2, 3, 19, 20, 60)}
    assert seen == {0: [], 2: [], 3: [second], 19: [second], 20: [second, first], 60: [second, first]}


def test_the_log_forgets_and_holds_a_row_once() -> None:
    log, row = AuditLog(), one_row(0)
    log.record([row])
    assert log.visible(AT + timedelta(days=29)) == [row]
    assert log.visible(AT + timedelta(days=30)) == []
    with pytest.raises(ValueError, match="already"):
        log.record([row])
    with pytest.raises(ValueError, match="happened"):
        log.record([one_row(1)], delay=timedelta(seconds=-1))
