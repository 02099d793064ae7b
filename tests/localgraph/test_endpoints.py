"""What the endpoints say about a small tenant."""

from typing import Any
from urllib.parse import quote

import pytest

from localgraph.builder import TenantBuilder
from localgraph.ids import ROLES
from localgraph.tenant import ABSENT
from tests.localgraph.kit import EVENTUAL, Talk, talking

GUEST = "partner_example.org#EXT#@contoso.onmicrosoft.com"


def small() -> TenantBuilder:
    return (
        TenantBuilder()
        .user("svc-a@contoso.com", groups=["Inner"], methods=["phone", "email"])
        .user("svc-b@contoso.com", mfa="enabled", enabled=False, mailbox="shared")
        .user("o'brien@contoso.com", mfa=ABSENT, mailbox=None)
        .user("バックアップ@contoso.com", mfa=None)
        .user(GUEST, user_type="Guest")
        .group("Outer", members=["Inner"])
        .group("Inner", members=["Circle"], eligible_roles=["Security Reader"])
        .group("Circle", members=["Outer"])
        .group("Operators", members=["svc-b@contoso.com"], roles=["Exchange Administrator"])
    )


async def names(talk: Talk, path: str) -> list[str]:
    return sorted(str(item["displayName"]) for item in await talk.value(path))


@pytest.mark.parametrize("upn", ["svc-a@contoso.com", "o'brien@contoso.com", "バックアップ@contoso.com", GUEST])
@pytest.mark.parametrize("form", ["/users/{}", "/users('{}')"])
async def test_a_user_is_found_by_any_user_principal_name_once_it_is_encoded(upn: str, form: str) -> None:
    key = upn.replace("'", "''") if "(" in form else upn
    async with talking(small()) as talk:
        found = await talk.get("/v1.0" + form.format(quote(key, safe="")))
        assert found["userPrincipalName"] == upn
        assert (await talk.get(f"/v1.0/users/{found['id'].upper()}"))["id"] == found["id"]


async def test_an_unencoded_hash_cuts_the_path_as_everywhere() -> None:
    async with talking(small()) as talk:
        answer = await talk.post("/v1.0/$batch", {"requests": [{"id": "1", "method": "GET", "url": f"/users/{GUEST}"}]})
        assert answer["responses"][0]["status"] == 404


async def test_without_a_selection_a_user_has_its_default_properties() -> None:
    async with talking(small()) as talk:
        found = await talk.get("/v1.0/users/svc-a@contoso.com")
    assert set(found) == {
        "@odata.context", "id", "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
        "officeLocation", "preferredLanguage", "surname", "userPrincipalName",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("upn", "documented", "bulk"),
    [
        ("svc-a@contoso.com", {"perUserMfaState": "disabled"}, {"perUserMfaState": "disabled"}),
        ("svc-b@contoso.com", {"perUserMfaState": "enabled"}, {"perUserMfaState": "enabled"}),
        ("o'brien@contoso.com", {}, {}),
        ("バックアップ@contoso.com", {"perUserMfaState": None}, {"perUserMfaState": None}),
    ],
)
async def test_the_per_user_mfa_state_is_said_null_or_absent(
    upn: str, documented: dict[str, Any], bulk: dict[str, Any]
) -> None:
    async with talking(small()) as talk:
        found = await talk.get(f"/beta/users/{quote(upn)}/authentication/requirements")
        assert {name: value for name, value in found.items() if "@" not in name} == documented
        selected = await talk.get(f"/v1.0/users/{quote(upn)}?$select=perUserMfaState")
        assert {name: value for name, value in selected.items() if "@" not in name} == bulk
        assert "perUserMfaState" not in await talk.get(f"/v1.0/users/{quote(upn)}")


async def test_a_tenant_may_not_know_the_bulk_state_or_contradict_the_documented_one() -> None:
    build = TenantBuilder(bulk_mfa_state="absent").user("a@contoso.com", mfa="enforced")
    async with talking(build) as talk:
        assert "perUserMfaState" not in (await talk.value("/v1.0/users?$select=id,perUserMfaState"))[0]
    async with talking(TenantBuilder().user("a@contoso.com", mfa="enforced", mfa_bulk="disabled")) as talk:
        assert (await talk.value("/v1.0/users?$select=perUserMfaState")) == [{"perUserMfaState": "disabled"}]
        assert (await talk.get("/beta/users/a@contoso.com/authentication/requirements"))[
            "perUserMfaState"
        ] == "enforced"


async def test_a_state_that_nobody_knows_yet_needs_the_prefer_header() -> None:
    path = "/beta/users/a@contoso.com/authentication/requirements"
    async with talking(TenantBuilder().user("a@contoso.com", mfa="paused")) as talk:
        assert (await talk.get(path))["perUserMfaState"] == "unknownFutureValue"
        prefer = {"Prefer": "include-unknown-enum-members"}
        assert (await talk.get(path, headers=prefer))["perUserMfaState"] == "paused"


async def test_memberships_reach_through_circles_and_roles_come_with_them() -> None:
    async with talking(small()) as talk:
        a, b = "/v1.0/users/svc-a@contoso.com", "/v1.0/users/svc-b@contoso.com"
        assert await names(talk, f"{a}/memberOf") == ["Inner"]
        assert await names(talk, f"{a}/transitiveMemberOf") == ["Circle", "Inner", "Outer"]
        assert await names(talk, f"{b}/transitiveMemberOf") == ["Exchange Administrator", "Operators"]
        assert await names(talk, f"{b}/transitiveMemberOf/microsoft.graph.group") == ["Operators"]
        (role,) = await talk.value(f"{b}/transitiveMemberOf/microsoft.graph.directoryRole")
        assert role["roleTemplateId"] == ROLES["Exchange Administrator"] != role["id"]
        assert "@odata.type" not in role
        types = {item["@odata.type"] for item in await talk.value(f"{b}/transitiveMemberOf?$select=id")}
        assert types == {"#microsoft.graph.group", "#microsoft.graph.directoryRole"}


async def test_a_group_knows_its_members_and_what_it_is_in() -> None:
    build = small()
    async with talking(build) as talk:
        groups = {group.name: f"/v1.0/groups/{group.id}" for group in talk.graph.tenant.groups.values()}
        assert await names(talk, f"{groups['Outer']}/members") == ["Inner"]
        assert await names(talk, f"{groups['Outer']}/transitiveMembers") == ["Circle", "Inner", "svc-a"]
        assert await names(talk, f"{groups['Outer']}/transitiveMembers/microsoft.graph.user") == ["svc-a"]
        assert await names(talk, f"{groups['Inner']}/memberOf") == ["Outer"]
        assert await names(talk, f"{groups['Inner']}/transitiveMemberOf") == ["Circle", "Outer"]
        assert (await talk.get(f"{groups['Operators']}?$select=isAssignableToRole"))["isAssignableToRole"] is True
        assert await names(talk, "/v1.0/groups?$filter=displayName eq 'Inner'") == ["Inner"]


async def test_hidden_membership_shows_only_to_those_who_may_see_it() -> None:
    def build(*, readable: bool) -> TenantBuilder:
        made = TenantBuilder(hidden_members_readable=readable)
        return made.user("a@contoso.com").group("Secret", hidden=True, members=["a@contoso.com"])

    for readable in (True, False):
        async with talking(build(readable=readable)) as talk:
            group = talk.graph.tenant.group("Secret")
            assert (await talk.get(f"/v1.0/groups/{group.id}"))["visibility"] == "HiddenMembership"
            assert await names(talk, "/v1.0/users/a@contoso.com/transitiveMemberOf") == (["Secret"] if readable else [])
            answer = await talk.client.get(f"/v1.0/groups/{group.id}/members")
            assert answer.status_code == (200 if readable else 403)


async def test_membership_can_be_asked_for_by_ids() -> None:
    async with talking(small()) as talk:
        tenant = talk.graph.tenant
        ids = {group.name: group.id for group in tenant.groups.values()}
        me = "/v1.0/users/svc-a@contoso.com"
        asked = {"groupIds": [ids["Outer"], ids["Operators"]]}
        assert (await talk.post(f"{me}/checkMemberGroups", asked))["value"] == [ids["Outer"]]
        all_of_them = (await talk.post(f"{me}/getMemberGroups", {"securityEnabledOnly": True}))["value"]
        assert sorted(all_of_them) == sorted([ids["Outer"], ids["Inner"], ids["Circle"]])
        await talk.post(f"{me}/checkMemberGroups", {"groupIds": [ids["Outer"]] * 21}, 400)
        await talk.post(f"{me}/getMemberGroups", {}, 400)
        unknown = "00000000-0000-0000-0000-000000000009"
        body = {"ids": [ids["Outer"], unknown, tenant.user("svc-a@contoso.com").id], "types": ["user", "group"]}
        found = (await talk.post("/v1.0/directoryObjects/getByIds", body))["value"]
        assert {item["id"] for item in found} == {ids["Outer"], tenant.user("svc-a@contoso.com").id}
        only_users = (await talk.post("/v1.0/directoryObjects/getByIds", {**body, "types": ["user"]}))["value"]
        assert len(only_users) == 1
        await talk.post("/v1.0/directoryObjects/getByIds", {"ids": []}, 400)


async def test_roles_are_definitions_assignments_and_eligibilities() -> None:
    build = small().role("Own role").assign("Own role", "svc-a@contoso.com", scope="/administrativeUnits/1")
    prefix = "/v1.0/roleManagement/directory"
    async with talking(build) as talk:
        tenant = talk.graph.tenant
        definitions = {item["displayName"]: item for item in await talk.value(f"{prefix}/roleDefinitions?$top=999")}
        assert definitions["Exchange Administrator"]["id"] == ROLES["Exchange Administrator"]
        assert definitions["Own role"]["isBuiltIn"] is False
        assignments = await talk.value(f"{prefix}/roleAssignments?$expand=principal")
        held = {(item["principal"]["displayName"], item["directoryScopeId"]) for item in assignments}
        assert held == {("Operators", "/"), ("svc-a", "/administrativeUnits/1")}
        mine = f"{prefix}/roleAssignments?$filter=principalId eq '{tenant.user('svc-a@contoso.com').id}'"
        assert [item["roleDefinitionId"] for item in await talk.value(mine)] == [definitions["Own role"]["id"]]
        (eligible,) = await talk.value(f"{prefix}/roleEligibilityScheduleInstances")
        assert eligible["principalId"] == tenant.group("Inner").id
        active = await talk.value(f"{prefix}/roleAssignmentScheduleInstances")
        assert {item["assignmentType"] for item in active} == {"Assigned"}


async def test_without_premium_licences_reports_and_schedules_are_refused() -> None:
    prefix = "/v1.0/roleManagement/directory"
    report = "/v1.0/reports/authenticationMethods/userRegistrationDetails"
    async with talking(TenantBuilder(skus=["O365_BUSINESS_PREMIUM"]).user("a@contoso.com")) as talk:
        assert await talk.code(f"{prefix}/roleEligibilityScheduleInstances") == "AadPremiumLicenseRequired"
        assert await talk.code(f"{prefix}/roleAssignmentScheduleInstances") == "AadPremiumLicenseRequired"
        for path in (report, "/v1.0/auditLogs/signIns", "/beta/auditLogs/signIns"):
            assert await talk.code(path, 403) == "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
        await talk.code("/v1.0/users?$select=id,signInActivity", 403)
        assert await talk.value("/v1.0/auditLogs/directoryAudits") == []


async def test_methods_and_the_report_say_the_same_in_their_own_words() -> None:
    async with talking(small()) as talk:
        tenant = talk.graph.tenant
        own = await talk.value("/v1.0/users/svc-a@contoso.com/authentication/methods")
        assert [item["@odata.type"].split(".")[-1] for item in own] == [
            "passwordAuthenticationMethod", "phoneAuthenticationMethod", "emailAuthenticationMethod",
        ]  # fmt: skip
        report = "/v1.0/reports/authenticationMethods/userRegistrationDetails"
        details = await talk.get(f"{report}/{tenant.user('svc-a@contoso.com').id}")
        assert details["methodsRegistered"] == ["mobilePhone", "email"]
        assert details["isMfaRegistered"] is True
        assert "svc-b@contoso.com" not in {item["userPrincipalName"] for item in await talk.value(report)}, "disabled"
        await talk.code(f"{report}/{tenant.user('svc-b@contoso.com').id}", 404)


async def test_a_mailbox_has_a_purpose_or_there_is_none() -> None:
    async with talking(small()) as talk:
        path = "/v1.0/users/{}/mailboxSettings/userPurpose"
        assert (await talk.get(path.format("svc-a@contoso.com")))["value"] == "user"
        assert (await talk.get(path.format("svc-b@contoso.com")))["value"] == "shared"
        assert await talk.code(path.format("o'brien@contoso.com"), 404) == "MailboxNotEnabledForRESTAPI"


@pytest.mark.parametrize("state", [True, False, None])
async def test_security_defaults_are_on_off_or_unsaid(state: bool | None) -> None:
    async with talking(TenantBuilder(security_defaults=state)) as talk:
        found = await talk.get("/v1.0/policies/identitySecurityDefaultsEnforcementPolicy")
    assert found.get("isEnabled") is state


async def test_the_service_settings_of_per_user_mfa_are_in_beta_alone() -> None:
    path = "/policies/mfaServicePolicy"
    async with talking(TenantBuilder().mfa_service(app_passwords=False, trusted_ips=["192.0.2.0/24"])) as talk:
        found = await talk.get(f"/beta{path}")
        assert await talk.code(f"/v1.0{path}", 404) == "ResourceNotFound"
        assert await talk.code(f"/beta{path}?$select=id", 400) == "BadRequest"
    assert (found["allowAppPasswords"], found["trustedIps"]["ipRanges"]) == (False, ["192.0.2.0/24"])
    async with talking(TenantBuilder().without_mfa_service()) as talk:
        assert await talk.code(f"/beta{path}", 404) == "ResourceNotFound"


async def test_locations_strengths_licences_and_the_organization_are_served() -> None:
    build = TenantBuilder(skus=["SPE_E3"]).location("Office", ranges=["192.0.2.0/24"], trusted=True)
    build.location("Abroad", countries=["FR"]).strength("Keys", requirements="none")
    async with talking(build) as talk:
        locations = await talk.value("/v1.0/identity/conditionalAccess/namedLocations")
        assert [item["@odata.type"] for item in locations] == [
            "#microsoft.graph.ipNamedLocation", "#microsoft.graph.countryNamedLocation",
        ]  # fmt: skip
        for path in (
            "/policies/authenticationStrengthPolicies",
            "/identity/conditionalAccess/authenticationStrength/policies",
        ):
            strengths = {item["displayName"]: item for item in await talk.value(f"/v1.0{path}")}
            assert strengths["Keys"]["requirementsSatisfied"] == "none"
            assert strengths["Phishing-resistant MFA"]["policyType"] == "builtIn"
        (sku,) = await talk.value("/v1.0/subscribedSkus?$select=skuPartNumber,capabilityStatus,servicePlans")
        assert sku["skuPartNumber"] == "SPE_E3"
        (organization,) = await talk.value("/v1.0/organization")
        assert organization["id"] == talk.graph.tenant.id


async def test_applications_can_be_looked_up_by_ids() -> None:
    build = TenantBuilder().user("a@contoso.com").service_principal("Microsoft Graph").service_principal("Backup tool")
    build.consent("Backup tool", "Mail.Read", user="a@contoso.com").app_role("a@contoso.com", "Backup tool")
    async with talking(build) as talk:
        tool = next(
            item for item in talk.graph.tenant.service_principals.values() if item["displayName"] == "Backup tool"
        )
        by_id = await talk.value(f"/v1.0/servicePrincipals?$filter=id in ('{tool['id']}')&$select=displayName,appId")
        assert by_id == [{"displayName": "Backup tool", "appId": tool["appId"]}]
        assert len(await talk.value(f"/v1.0/servicePrincipals?$filter=appId eq '{tool['appId']}'")) == 1
        assert (await talk.get(f"/v1.0/servicePrincipals/{tool['id']}"))["displayName"] == "Backup tool"
        (grant,) = await talk.value("/v1.0/oauth2PermissionGrants")
        assert (grant["clientId"], grant["consentType"]) == (tool["id"], "Principal")
        (assignment,) = await talk.value("/v1.0/users/a@contoso.com/appRoleAssignments")
        assert assignment["resourceId"] == tool["id"]
        path = f"/v1.0/servicePrincipals/{tool['id']}/appRoleAssignedTo"
        assert await talk.value(path) == [assignment]
        (selected,) = await talk.value(f"{path}?$select=principalId,principalType&$top=100")
        assert selected == {"principalId": assignment["principalId"], "principalType": "User"}
        assert await talk.code(f"{path}?$top=1000") == "Request_UnsupportedQuery"
        await talk.get(f"/v1.0/servicePrincipals/{assignment['principalId']}/appRoleAssignedTo", 404)


async def test_raw_policies_are_served_as_they_are_and_changes_show_at_once() -> None:
    raw = {"displayName": "Raw", "state": "brandNew", "conditions": {"somethingNew": {"a": [1]}}, "grantControls": None}
    async with talking(TenantBuilder().policy(raw=raw).user("a@contoso.com").group("G")) as talk:
        (found,) = await talk.value("/v1.0/identity/conditionalAccess/policies")
        assert found["conditions"] == raw["conditions"]
        assert found["state"] == "brandNew"
        tenant = talk.graph.tenant
        tenant.policies.clear()
        tenant.add_member("G", "a@contoso.com")
        tenant.user("a@contoso.com").mfa = "enforced"
        assert await talk.value("/v1.0/identity/conditionalAccess/policies") == []
        assert await names(talk, "/v1.0/users/a@contoso.com/transitiveMemberOf") == ["G"]
        tenant.remove_user("a@contoso.com")
        await talk.code("/v1.0/users/a@contoso.com", 404)
        assert await talk.value(f"/v1.0/groups/{tenant.group('G').id}/members", EVENTUAL) == []


async def test_policies_that_use_preview_features_show_only_in_beta() -> None:
    path = "identity/conditionalAccess/policies"
    async with talking(TenantBuilder().policy("Old").policy("New", preview=True)) as talk:
        assert await names(talk, f"/v1.0/{path}") == ["Old"]
        assert await names(talk, f"/beta/{path}") == ["New", "Old"]
        new = talk.graph.tenant.policy("New")["id"]
        assert await talk.code(f"/v1.0/{path}/{new}") == "BadRequest"
        assert (await talk.get(f"/beta/{path}/{new}"))["displayName"] == "New"


async def test_policy_plans_are_served_by_beta_where_they_have_come_to_the_tenant() -> None:
    async with talking(TenantBuilder().plan("Zero trust", state="disabled")) as talk:
        (plan,) = await talk.value("/beta/identity/conditionalAccess/plans")
        assert (plan["displayName"], plan["state"]) == ("Zero trust", "disabled")
        await talk.get("/v1.0/identity/conditionalAccess/plans", 404)
    async with talking(TenantBuilder()) as talk:
        await talk.get("/beta/identity/conditionalAccess/plans", 404)


async def test_a_mail_is_accepted_and_kept() -> None:
    mail = {"message": {"subject": "Hi", "toRecipients": [{"emailAddress": {"address": "to@contoso.com"}}]}}
    async with talking(small()) as talk:
        assert await talk.post("/v1.0/users/svc-a@contoso.com/sendMail", mail, 202) is None
        assert talk.graph.mails == [{"from": "svc-a@contoso.com", **mail}]
        await talk.post("/v1.0/users/o'brien@contoso.com/sendMail", mail, 404)
        for broken in (
            {},
            {"message": {"subject": "Hi"}},
            {"message": {"toRecipients": [{"emailAddress": {"address": "nobody"}}]}},
            {"message": {**mail["message"], "body": {"contentType": "Word", "content": "x"}}},
            {**mail, "saveToSentItems": "no"},
        ):
            await talk.post("/v1.0/users/svc-a@contoso.com/sendMail", broken, 400)
        assert len(talk.graph.mails) == 1
