"""What an administrator is told over time where reads fail, accounts change and settings get lost: never a false "good news",
never silence.
"""

import json
from typing import Any

import pytest

from demo.company import company, demo_settings
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from localgraph.tenant import mfa_service_json
from tests.e2e.conftest import BACKUP, MAILER, VISIBLE, Installation

LOST = ("Policy.Read.All", "Policy.Read.ConditionalAccess", "User.Read.All")
Told = tuple[str, str, str]


def sight(installation: Installation) -> list[str]:
    """The notes of everything that was told about what can be seen, repeats by id dropped."""
    by_id = {call.id: json.loads(call.body) for call in installation.receiver.calls if call.path == "/webhook"}
    return [
        note
        for body in by_id.values()
        if body["type"] in ("app_password_scan.sight", "app_password_scan.recovered")
        for note in body["data"]["notes"]
    ]


def headlines(installation: Installation) -> list[str]:
    return [json.loads(call.body)["data"]["headline"] for call in installation.receiver.calls]


def findings(installation: Installation, status: str = "open") -> dict[tuple[str, str], dict[str, Any]]:
    listed = json.loads(installation.run("findings", "--status", status, "--format", "json").out)["findings"]
    return {(one["user_principal_name"], one["check_id"]): one for one in listed}


def resolved(installation: Installation) -> list[Told]:
    return [told for told in installation.told() if told[0] == "resolved"]


def test_a_failed_read_closes_no_finding_of_an_account_listed_by_name(installation: Installation) -> None:
    installation.scan()
    before = findings(installation)
    installation.graph.deny(*LOST)
    installation.scan()
    installation.graph.heal()
    installation.scan()
    assert resolved(installation) == []
    after = findings(installation)
    assert {key: one["first_seen"] for key, one in after.items()} == {
        key: one["first_seen"] for key, one in before.items()
    }
    assert len(installation.told()) == 2


def spoilt_policies(installation: Installation, members: dict[str, Any]) -> dict[str, Any]:
    """Graph's list of policies in which some members of each one, or of its conditions, are malformed."""
    inner = members.get("conditions")
    return {
        "value": [
            {**one, **members, **({"conditions": {**one["conditions"], **inner}} if isinstance(inner, dict) else {})}
            for one in installation.graph.tenant.policies
        ]
    }


@pytest.fixture
def with_an_account_that_no_policy_reaches(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Beside one from which a policy hides the option, and which alone has a severe finding."""
    monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join((BACKUP, VISIBLE)))
    installation.graph.tenant.user(VISIBLE).mfa = "disabled"
    installation.graph.tenant.changed()
    return installation


@pytest.mark.parametrize(
    "members",
    [
        {"conditions": None},
        {"conditions": "x"},
        *({"conditions": {name: value}} for name in ("users", "applications") for value in (None, "x")),
        {"grantControls": "x"},
        {"state": None},
    ],
    ids=str,
)
def test_a_policy_that_is_malformed_in_one_scan_closes_and_tells_nothing(
    with_an_account_that_no_policy_reaches: Installation, members: dict[str, Any]
) -> None:
    installation = with_an_account_that_no_policy_reaches
    assert installation.scan().code == 1
    before, told = findings(installation), installation.told()
    assert (BACKUP, "APW-001") in before
    installation.graph.fail("conditionalAccess/policies", 200, body=spoilt_policies(installation, members))
    malformed = installation.scan()
    assert malformed.account(BACKUP)["visibility"] == "conditional"
    assert malformed.code == 1
    assert findings(installation).keys() >= before.keys()
    installation.graph.heal()
    installation.scan()
    after = findings(installation)
    assert {key: one["first_seen"] for key, one in after.items()} == {
        key: one["first_seen"] for key, one in before.items()
    }
    assert installation.told() == told
    assert len(headlines(installation)) == 1


def test_a_policy_that_stays_malformed_is_told_by_the_second_scan_and_closes_nothing(
    with_an_account_that_no_policy_reaches: Installation,
) -> None:
    installation = with_an_account_that_no_policy_reaches
    installation.scan()
    told = installation.told()
    installation.graph.fail(
        "conditionalAccess/policies", 200, body=spoilt_policies(installation, {"conditions": {"users": None}})
    )
    for _ in range(3):
        installation.scan()
    assert (BACKUP, "APW-001") in findings(installation)
    assert sorted(installation.told()) == sorted([*told, ("opened", BACKUP, "APW-005"), ("opened", VISIBLE, "APW-005")])


@pytest.mark.parametrize("then", [BACKUP, "svc-copies@contoso.com"])
def test_an_account_that_is_renamed_again_gets_one_note_for_each_rename(installation: Installation, then: str) -> None:
    installation.scan()
    user = installation.graph.tenant.user(BACKUP)
    for upn in ("svc-archive@contoso.com", then):
        user.upn = upn
        installation.graph.tenant.changed()
        installation.scan()
    first, second = (note.splitlines()[0] for note in sight(installation))
    assert first.startswith(f"{BACKUP} was renamed to svc-archive@contoso.com.")
    assert second.startswith(f"svc-archive@contoso.com was renamed to {then}.")


def test_a_setting_that_names_a_renamed_account_by_its_new_name_is_told_as_put_right(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    installation.graph.tenant.user(BACKUP).upn = "svc-archive@contoso.com"
    installation.graph.tenant.changed()
    installation.scan()
    monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join(("svc-archive@contoso.com", MAILER, VISIBLE)))
    installation.scan()
    assert len(sight(installation)) == 2
    assert sight(installation)[1].startswith("The settings no longer select svc-archive@contoso.com by its old name")


def test_a_name_that_is_not_found_for_once_ends_nothing_where_the_account_is_found_under_it(
    installation: Installation,
) -> None:
    installation.scan()
    before = findings(installation)
    installation.graph.fail(f"/users/{BACKUP}", 404, code="Request_ResourceNotFound")
    answer = installation.scan()
    assert answer.account(BACKUP)["selected_by"] == ["list"]
    assert [gap["input"] for gap in answer.document["run"]["gaps"]] == []
    assert findings(installation).keys() == before.keys()
    assert (resolved(installation), sight(installation)) == ([], [])


def test_an_account_that_the_search_leaves_out_is_watched_on_where_its_name_matches(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SERVICE_ACCOUNTS")
    monkeypatch.setenv("SERVICE_ACCOUNT_PATTERNS", "svc-*")
    installation.scan()
    before = findings(installation)
    kept = [installation.graph.tenant.user(name) for name in (MAILER, VISIBLE)]
    page = [{"id": one.id, "userPrincipalName": one.upn, "displayName": one.upn} for one in kept]
    installation.graph.fail(r"/users\?.*startswith", 200, body={"value": page})
    answer = installation.scan()
    assert answer.account(BACKUP)["selected_by"] == ["pattern: svc-*"]
    assert findings(installation).keys() == before.keys()
    assert (resolved(installation), sight(installation)) == ([], [])


def test_a_setting_that_names_an_account_by_an_old_name_was_not_put_right_when_the_account_is_deleted(
    installation: Installation,
) -> None:
    installation.scan()
    user = installation.graph.tenant.user(BACKUP)
    user.upn = "svc-archive@contoso.com"
    installation.graph.tenant.changed()
    installation.scan()
    del installation.graph.tenant.users[user.id]
    installation.graph.tenant.changed()
    for _ in range(3):
        installation.scan()
    first, *then = sight(installation)
    assert first.startswith(f"{BACKUP} was renamed")
    assert [note.partition(",")[0] for note in then] == [f"SERVICE_ACCOUNTS names {BACKUP}"]


def test_what_cannot_be_read_of_new_accounts_is_their_own_trouble_from_the_first_scan_on(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenant.pacing.Pace.after", lambda *_: None)  # nobody waits here
    for name, listed in ((BACKUP, (BACKUP, MAILER)), (VISIBLE, (BACKUP, MAILER, VISIBLE))):
        monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join(listed))
        installation.graph.heal()
        installation.graph.fail(f"/users/{installation.graph.tenant.user(name).id}/authentication/requirements", 500)
        installation.scan()
        assert (name, "APW-008") in findings(installation)
    assert sight(installation) == []


def test_an_account_that_can_never_be_read_is_told_as_blindness(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenant.pacing.Pace.after", lambda *_: None)  # nobody waits here
    installation.graph.fail(f"/users/{BACKUP}", 500)
    for _ in range(2):
        installation.scan()
    (note,) = sight(installation)
    assert note.startswith("The account")
    assert "can't be read" in note


def test_one_account_that_answers_500_for_good_keeps_its_findings_and_is_told_as_unreadable(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenant.pacing.Pace.after", lambda *_: None)  # nobody waits here
    installation.scan()
    installation.graph.fail(f"/users/{BACKUP}", 500)
    id = installation.graph.tenant.user(BACKUP).id
    installation.graph.fail(f"/users/{id}", 500)
    for _ in range(3):
        installation.scan()
    assert resolved(installation) == []
    assert (BACKUP, "APW-001") in findings(installation)
    assert installation.told().count(("opened", BACKUP, "APW-008")) == 1


def test_a_renamed_account_is_told_as_renamed_and_watched_on(installation: Installation) -> None:
    installation.scan()
    user = installation.graph.tenant.user(BACKUP)
    user.upn = "svc-archive@contoso.com"
    installation.graph.tenant.changed()
    answer = installation.scan()
    assert resolved(installation) == []
    assert [one for one in sight(installation) if "was renamed to svc-archive@contoso.com" in one]
    assert "SERVICE_ACCOUNTS" in sight(installation)[0]
    assert answer.account("svc-archive@contoso.com")["selected_by"] == [f"renamed: it was {BACKUP}"]
    told = len(installation.receiver.calls)
    user.mfa = "enforced"
    installation.scan()
    assert [one for one in installation.told() if one[0] == "resolved"] == [
        ("resolved", "svc-archive@contoso.com", "APW-001")
    ]
    assert len(installation.receiver.calls) == told + 1


def test_a_pattern_that_matches_nothing_any_more_closes_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SERVICE_ACCOUNTS")
    monkeypatch.setenv("SERVICE_ACCOUNT_PATTERNS", "svc-*")
    installation.scan()
    for old, new in ((BACKUP, "one@contoso.com"), (MAILER, "two@contoso.com"), (VISIBLE, "three@contoso.com")):
        installation.graph.tenant.user(old).upn = new
    installation.graph.tenant.changed()
    answer = installation.scan()
    assert sorted(one["user_principal_name"] for one in answer.document["accounts"]) == [
        "one@contoso.com",
        "three@contoso.com",
        "two@contoso.com",
    ]
    assert resolved(installation) == []
    assert len(sight(installation)) == 3


def test_a_setting_that_lost_most_of_its_accounts_is_told_and_closes_nothing_for_a_week(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    monkeypatch.setenv("SERVICE_ACCOUNTS", VISIBLE)
    answer = installation.scan()
    assert resolved(installation) == []
    assert len(answer.document["accounts"]) == 3
    (note,) = sight(installation)
    assert note.startswith("2 of 3 service accounts are gone from what the settings select, all at once")
    installation.scan()
    assert len(sight(installation)) == 1


def test_one_of_many_that_is_no_longer_selected_ends_without_good_news(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join((MAILER, VISIBLE)))
    installation.scan()
    assert resolved(installation) == [("resolved", BACKUP, "APW-001")]
    ended = f"1 finding of {BACKUP} ended: The account is no longer selected as a service account"
    assert headlines(installation)[-1] == ended


def test_findings_of_an_account_that_is_disabled_end_without_good_news(installation: Installation) -> None:
    installation.scan()
    installation.graph.tenant.user(BACKUP).enabled = False
    installation.graph.tenant.changed()
    installation.scan()
    assert resolved(installation) == [("resolved", BACKUP, "APW-001")]
    ended = f"1 finding of {BACKUP} ended: The account is disabled, so nobody can sign in with it"
    assert headlines(installation)[-1] == ended


@pytest.mark.parametrize("way", ["group", "attribute"])
def test_an_account_that_the_search_leaves_out_is_watched_on_where_it_is_selected_all_the_same(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A search goes by an index that may be behind; the account itself says what it is."""
    tenant = installation.graph.tenant
    group = next(one for one in tenant.groups.values() if one.name == "Backup apps")
    tenant.user(BACKUP).extra = {"employeeType": "Service"}
    tenant.changed()
    monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join((MAILER, VISIBLE)))
    if way == "group":
        monkeypatch.setenv("SERVICE_ACCOUNT_GROUPS", group.id)
    else:
        monkeypatch.setenv("SERVICE_ACCOUNT_ATTRIBUTE", "employeeType=Service")
    selected_by = installation.scan().account(BACKUP)["selected_by"]
    before = findings(installation)
    installation.graph.fail(r"/transitiveMembers|/users\?.*employeeType", 200, body={"value": []})
    answer = installation.scan()
    assert answer.account(BACKUP)["selected_by"] == selected_by
    assert findings(installation).keys() == before.keys()
    assert (resolved(installation), sight(installation)) == ([], [])


def test_an_account_that_no_search_finds_is_watched_on_while_its_groups_cannot_be_read(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = next(one for one in installation.graph.tenant.groups.values() if one.name == "Backup apps")
    monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join((MAILER, VISIBLE)))
    monkeypatch.setenv("SERVICE_ACCOUNT_GROUPS", group.id)
    installation.scan()
    before = findings(installation)
    installation.graph.fail(r"/transitiveMembers", 200, body={"value": []})
    installation.graph.fail(r"/transitiveMemberOf", 403)
    installation.scan()
    assert findings(installation).keys() >= before.keys()
    assert resolved(installation) == []


def test_a_selecting_group_that_is_gone_is_told_and_its_accounts_are_watched_on(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = installation.graph.tenant
    group = next(one for one in tenant.groups.values() if one.name == "Backup apps")
    monkeypatch.delenv("SERVICE_ACCOUNTS")
    monkeypatch.setenv("SERVICE_ACCOUNT_GROUPS", group.id)
    installation.scan()
    installation.graph.fail(f"/groups/{group.id}/transitiveMembers", 404)
    for _ in range(3):
        answer = installation.scan()
        assert [one["user_principal_name"] for one in answer.document["accounts"]] == [BACKUP]
    assert resolved(installation) == []
    (note,) = sight(installation)
    assert "selection of service accounts can't be read" in note
    assert "are watched on" in note
    installation.graph.heal()
    installation.scan()
    assert len(sight(installation)) == 2
    assert sight(installation)[1].startswith("The selection of service accounts can be read again.")


def test_one_refused_input_leaves_findings_alone_that_do_not_depend_on_it(installation: Installation) -> None:
    installation.scan()
    installation.graph.fail("/roleEligibilityScheduleInstances", 403)
    installation.graph.tenant.user(MAILER).mfa = "enforced"
    answer = installation.scan()
    assert resolved(installation) == [("resolved", MAILER, "APW-003")]
    assert answer.account(MAILER)["findings"] == []


def test_the_document_of_a_scan_shows_what_is_kept(installation: Installation) -> None:
    installation.scan()
    installation.graph.fail("/authentication/requirements", 403)
    answer = installation.scan()
    kept = {check for upn, check in findings(installation) if upn == BACKUP}
    assert {one["check_id"] for one in answer.account(BACKUP)["findings"]} == kept == {"APW-001", "APW-008"}


def test_what_one_scan_could_not_read_is_a_hiccup(installation: Installation) -> None:
    installation.scan()
    told = len(installation.receiver.calls)
    installation.graph.deny(*LOST)
    installation.scan()
    assert (BACKUP, "APW-008") in findings(installation)
    installation.graph.heal()
    installation.scan()
    assert len(installation.receiver.calls) == told


def test_a_permission_that_is_lost_is_told_once_and_when_it_is_back(installation: Installation) -> None:
    installation.scan()
    installation.graph.deny(*LOST)
    for _ in range(4):
        installation.scan()
    notes = [
        one for one in sight(installation) if "the Conditional Access policies" in one.lower() or "Conditional" in one
    ]
    assert len(notes) == 1
    assert "Policy.Read.All" in notes[0]
    installation.graph.heal()
    installation.scan()
    assert any(one.startswith("The Conditional Access policies can be read again.") for one in sight(installation))


def test_per_user_mfa_switched_off_is_remembered_while_the_account_is_disabled(installation: Installation) -> None:
    installation.scan()
    user = installation.graph.tenant.user(VISIBLE)
    user.mfa = "disabled"
    user.enabled = False
    installation.scan()
    assert (VISIBLE, "APW-009") not in findings(installation)
    user.enabled = True
    installation.scan()
    assert (VISIBLE, "APW-009") in findings(installation)


@pytest.mark.parametrize("attested", [False, True], ids=["read", "attested"])
def test_a_switch_that_can_not_be_seen_any_more_ends_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, attested: bool
) -> None:
    tenant = installation.graph.tenant

    def switch(allowed: bool | None) -> None:
        """Off, on, or neither read nor attested."""
        tenant.mfa_service = None if attested or allowed is None else mfa_service_json(app_passwords=allowed)
        setting = "unknown" if not attested or allowed is None else "yes" if allowed else "no"
        monkeypatch.setenv("APP_PASSWORDS_ALLOWED", setting)

    switch(False)
    answer = installation.scan()
    assert answer.document["run"]["complete"]
    assert answer.document["run"]["app_passwords"]["source"] == ("attested" if attested else "read")
    assert answer.account(VISIBLE)["reasons"][0]["effect"] == "tenant_switch_off"
    assert (VISIBLE, "APW-014") in findings(installation)
    switch(None)
    answer = installation.scan()
    assert answer.document["run"]["complete"]
    assert (VISIBLE, "APW-014") in findings(installation)
    assert resolved(installation) == []
    switch(True)
    installation.scan()
    assert ("resolved", VISIBLE, "APW-014") in resolved(installation)
    ended = findings(installation, "all")[VISIBLE, "APW-014"]
    assert ended["resolution"] == (
        "The last scan found the account with app passwords no longer switched off for the tenant."
    )


def test_what_somebody_attested_does_not_end_what_was_read_of_the_switch(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_PASSWORDS_ALLOWED", "yes")
    tenant = installation.graph.tenant
    tenant.mfa_service = mfa_service_json(app_passwords=False)
    installation.scan()
    for _ in range(2):
        tenant.mfa_service = None
        installation.scan()
        assert (VISIBLE, "APW-014") in findings(installation)
    assert resolved(installation) == []
    tenant.mfa_service = mfa_service_json(app_passwords=True)
    installation.scan()
    assert ("resolved", VISIBLE, "APW-014") in resolved(installation)


def test_one_scan_that_cannot_read_the_switch_makes_nothing_good_or_bad(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = installation.graph.tenant
    tenant.mfa_service = mfa_service_json(app_passwords=False)
    installation.scan()
    tenant.mfa_service = None
    tenant.user(BACKUP).mfa = "enforced"
    answer = installation.scan()
    assert answer.document["run"]["complete"]
    assert answer.account(BACKUP)["reasons"][0]["effect"] == "tenant_switch_off"
    assert "read from Microsoft Graph on " in answer.account(BACKUP)["reasons"][0]["text"]
    assert not [body for body in headlines(installation) if body.startswith("Good news")]
    monkeypatch.setenv("APP_PASSWORDS_ALLOWED", "no")
    tenant.mfa_service = mfa_service_json(app_passwords=True)
    installation.scan()
    opened = installation.told().count(("opened", VISIBLE, "APW-014"))
    tenant.mfa_service = None
    installation.scan()
    assert (VISIBLE, "APW-014") not in findings(installation)
    assert installation.told().count(("opened", VISIBLE, "APW-014")) == opened
    installation.scan()
    assert [one for one in sight(installation) if "The tenant's switch for app passwords can't be read" in one]


def test_nothing_is_lost_that_the_tenant_had_switched_off(installation: Installation) -> None:
    installation.graph.tenant.mfa_service = mfa_service_json(app_passwords=False)
    installation.scan()
    installation.graph.tenant.user(VISIBLE).mfa = "disabled"
    installation.scan()
    assert not [headline for headline in headlines(installation) if "lost" in headline]


def test_policy_plans_that_one_scan_cannot_read_end_nothing(installation: Installation) -> None:
    installation.graph.tenant.policy_plans = [{"id": "plan-1", "displayName": "Baseline", "state": "enabled"}]
    installation.scan()
    before = findings(installation)
    for status in (403, 404, 500):
        installation.graph.fail("/conditionalAccess/plans", status)
        answer = installation.scan()
        assert not answer.document["run"]["complete"]
        assert findings(installation).keys() >= before.keys()
        installation.graph.heal()
    assert resolved(installation) == []
    installation.scan()
    assert [kind for kind, _, _ in installation.told()].count("changed") == 0


def test_policy_plans_are_not_forgotten_by_an_answer_that_nothing_can_be_made_of(installation: Installation) -> None:
    installation.graph.tenant.policy_plans = [{"id": "plan-1", "displayName": "Baseline", "state": "enabled"}]
    installation.scan()
    before = findings(installation)
    for failure in ({"status": 200, "body": {"value": 5}}, {"status": 403}, {"status": 403}):
        installation.graph.fail("/conditionalAccess/plans", **failure)
        assert not installation.scan().document["run"]["complete"]
        assert findings(installation).keys() >= before.keys()
        installation.graph.heal()
    assert resolved(installation) == []


def test_checking_an_account_that_nobody_selected_tells_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join((MAILER, VISIBLE)))
    installation.scan()
    told = installation.told()
    answer = installation.scan("--account", BACKUP)
    assert answer.account(BACKUP)["visibility"] == "hidden"
    assert "isn't selected as a service account" in answer.err
    installation.scan()
    assert installation.told() == told
    assert (BACKUP, "APW-001") not in findings(installation)


def test_discovery_switched_off_ends_nothing_that_it_had_shown(
    storage: str, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalGraph(company()).in_thread() as graph:
        for name, value in {**demo_settings(), "GRAPH_ENDPOINT": graph.url, "WHAT_IF_BUDGET": "0"}.items():
            monkeypatch.setenv(name, value)
        installation.scan()
        before = {key for key in findings(installation) if key[1] in ("APW-010", "APW-012", "APW-005")}
        assert before
        monkeypatch.delenv("SERVICE_ACCOUNT_DISCOVERY")
        installation.scan()
        assert before <= findings(installation).keys()
        assert resolved(installation) == []
    (note,) = [one for one in sight(installation) if "SERVICE_ACCOUNT_DISCOVERY" in one]
    assert "rest on the sign-in log, which isn't looked at any more" in note


def test_another_tenant_ends_nothing(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    installation.scan()
    before = findings(installation)
    with LocalGraph(
        TenantBuilder("Fabrikam", domains=("fabrikam.onmicrosoft.com", "fabrikam.com"))
        .user("someone@fabrikam.com")
        .build()
    ).in_thread() as other:
        monkeypatch.setenv("GRAPH_ENDPOINT", other.url)
        answer = installation.scan()
    assert answer.code == 2
    assert "holds the findings of the tenant" in answer.err
    assert findings(installation) == before


def test_selecting_settings_that_got_lost_are_told_by_the_second_scan_and_when_they_are_back(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    monkeypatch.delenv("SERVICE_ACCOUNTS")
    assert [installation.scan().code for _ in range(3)] == [2, 2, 2]
    (note,) = sight(installation)
    assert note.startswith(
        "The scan of the service accounts fails: No service accounts are named: set SERVICE_ACCOUNTS"
    )
    assert resolved(installation) == []
    monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join((BACKUP, MAILER, VISIBLE)))
    installation.scan()
    assert sight(installation)[-1].startswith("The scans succeed again.")


def test_seeing_again_is_no_good_news(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenant.pacing.Pace.after", lambda *_: None)  # nobody waits here
    installation.scan()
    installation.graph.fail("/authentication/requirements", 500)
    for _ in range(2):
        installation.scan()
    installation.graph.heal()
    installation.scan()
    assert ("resolved", BACKUP, "APW-008") in installation.told()
    assert headlines(installation)[-1] == "3 service accounts can be checked completely again"


def test_a_scan_of_one_account_does_not_say_that_nothing_is_open(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    installation.receiver.calls.clear()
    monkeypatch.setenv("TEAMS_WEBHOOK_URL", f"{installation.receiver.url}/teams")
    installation.graph.tenant.user(MAILER).mfa = "enforced"
    installation.graph.tenant.changed()
    installation.scan("--account", MAILER)
    assert resolved(installation) == [("resolved", MAILER, "APW-003")]
    told = {call.path: call.body for call in installation.receiver.calls}
    assert "Open now" not in told["/teams"]
    totals = json.loads(told["/webhook"])["data"]["totals"]
    assert totals == {"accounts": None, "high": None, "medium": None, "low": None, "urgency": {}, "next_break": None}
    assert findings(installation).keys() == {(BACKUP, "APW-001")}
