"""From a tenant to a told finding, and back: what an administrator sees over several scans."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.tell import prepare_digest, send_alert
from settings import load_settings
from tests.e2e.conftest import BACKUP, MAILER, UNTIL, VISIBLE, Installation


def test_the_first_scan_judges_keeps_and_tells_each_problem_once(installation: Installation) -> None:
    answer = installation.scan()
    assert answer.code == 1, answer.err
    backup = answer.account(BACKUP)
    assert (backup["visibility"], backup["usability"]) == ("hidden", "usable")
    assert backup["reasons"][0]["effect"] == "demands_mfa"
    assert backup["reasons"][0]["scope"] == "group Backup apps > All service accounts"
    assert answer.account(MAILER)["visibility"] == "stuck"
    assert answer.account(VISIBLE)["visibility"] == "visible"
    assert sorted(installation.told()) == [("opened", BACKUP, "APW-001"), ("opened", MAILER, "APW-003")]
    assert all(call.signature_valid for call in installation.receiver.calls)


def ada_makes_the_policy(installation: Installation, when: datetime) -> None:
    (policy,) = installation.graph.tenant.policies
    installation.graph.tenant.audits = [
        {
            "id": "1",
            "activityDisplayName": "Add conditional access policy",
            "activityDateTime": when.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
            "loggedByService": "Conditional Access",
            "category": "Policy",
            "result": "success",
            "initiatedBy": {"user": {"id": "a", "userPrincipalName": "ada@contoso.com"}, "app": None},
            "targetResources": [
                {"id": policy["id"], "displayName": policy["displayName"], "type": "Policy", "modifiedProperties": []}
            ],
        }
    ]


def told_of(installation: Installation, check_id: str) -> dict[str, Any]:
    """What the webhook was told about the one finding of a check."""
    (call,) = [call for call in installation.receiver.calls if call.path == "/webhook"]
    (found,) = [change for change in json.loads(call.body)["data"]["changes"] if change["check_id"] == check_id]
    return dict(found)


def test_an_alert_says_since_when_and_by_whom(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_LOG", "on")
    when = datetime.now(UTC) - timedelta(days=2)
    ada_makes_the_policy(installation, when)
    installation.scan()
    hidden, stuck = told_of(installation, "APW-001"), told_of(installation, "APW-003")
    assert (hidden["since"], hidden["actor"]) == (when.strftime("%Y-%m-%dT%H:%M:%SZ"), "ada@contoso.com")
    assert (stuck["since"], stuck["actor"]) == (None, None)


def test_a_second_scan_of_an_unchanged_tenant_tells_nothing(installation: Installation) -> None:
    first = installation.scan()
    told = len(installation.receiver.calls)
    second = installation.scan()
    assert len(installation.receiver.calls) == told
    assert second.account(BACKUP)["findings"] == first.account(BACKUP)["findings"]


def test_what_changes_in_the_tenant_is_told_as_resolved_and_reopened(installation: Installation) -> None:
    installation.scan()
    installation.graph.tenant.user(BACKUP).mfa = "enforced"
    installation.scan()
    installation.graph.tenant.user(BACKUP).mfa = "disabled"
    installation.scan()
    about_backup = [(kind, check) for kind, account, check in installation.told() if account == BACKUP]
    assert about_backup[:2] == [("opened", "APW-001"), ("resolved", "APW-001")]
    assert set(about_backup[2:]) >= {("reopened", "APW-001"), ("opened", "APW-009")}


def test_a_partial_scan_resolves_nothing_and_says_which_permission_is_missing(installation: Installation) -> None:
    installation.scan()
    installation.graph.deny("Policy.Read.All", "Policy.Read.ConditionalAccess")
    answer = installation.scan()
    assert answer.code == 1  # what was found stays found
    assert answer.document["run"]["complete"] is False
    assert "Policy.Read.All" in {gap["permission"] for gap in answer.document["run"]["gaps"]}
    assert "Grant the application permission Policy.Read.All." in answer.err
    assert not [kind for kind, _, _ in installation.told() if kind == "resolved"]
    listed = json.loads(installation.run("findings", "--format", "json").out)["findings"]
    assert "APW-001" in {finding["check_id"] for finding in listed if finding["user_principal_name"] == BACKUP}


def test_an_account_that_is_no_longer_selected_closes_its_findings(
    installation: Installation, monkeypatch: "object"
) -> None:
    installation.scan()
    installation.graph.tenant.remove_user(BACKUP)
    answer = installation.scan()
    assert answer.code == 1  # the list names an account that doesn't exist; others have findings
    assert ("resolved", BACKUP, "APW-001") in installation.told()
    resolved = json.loads(installation.run("findings", "--status", "resolved", "--format", "json").out)["findings"]
    assert resolved[0]["resolution"] == "The account no longer exists in the tenant."


def test_a_disabled_account_closes_its_findings(installation: Installation) -> None:
    installation.scan()
    installation.graph.tenant.user(BACKUP).enabled = False
    answer = installation.scan()
    assert answer.account(BACKUP)["visibility"] == "not_applicable"
    assert ("resolved", BACKUP, "APW-001") in installation.told()


def test_an_exception_silences_and_does_not_hide(installation: Installation) -> None:
    installation.scan()
    added = installation.run(
        *("exceptions", "add", "--account", BACKUP, "--check", "APW-001"),
        *("--reason", "migrated in December", "--owner", "Ada", "--until", UNTIL),
    )
    assert added.code == 0, added.err
    answer = installation.scan()
    finding = answer.account(BACKUP)["findings"][0]
    assert finding["status"] == "open"
    assert finding["exception"]["reason"] == "migrated in December"
    told = len(installation.told())
    installation.graph.tenant.user(BACKUP).mfa = "enforced"
    installation.scan()
    assert len(installation.told()) == told


def test_an_alert_that_could_not_be_delivered_is_sent_with_a_later_scan(installation: Installation) -> None:
    installation.receiver.status = 503
    answer = installation.scan()
    assert "sent with the next scan" in answer.err
    installation.receiver.status = 202
    installation.receiver.calls.clear()
    installation.scan()
    assert sorted(installation.told()) == [("opened", BACKUP, "APW-001"), ("opened", MAILER, "APW-003")]


def test_one_account_is_rechecked_without_closing_the_others(installation: Installation) -> None:
    installation.scan()
    answer = installation.scan("--account", VISIBLE)
    assert [one["user_principal_name"] for one in answer.document["accounts"]] == [VISIBLE]
    assert not [kind for kind, _, _ in installation.told() if kind == "resolved"]


def test_reports_are_made_from_what_is_kept(installation: Installation, tmp_path: "object") -> None:
    installation.scan()
    for form in ("html", "csv", "json"):
        target = f"{tmp_path}/report.{form}"
        assert installation.run("report", "--format", form, "--output", target).code == 0
        with open(target, encoding="utf-8") as file:
            assert "svc-backup@contoso.com" in file.read()


def test_a_report_without_a_file_name_is_named_after_its_format(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    monkeypatch.chdir(tmp_path)
    assert "Wrote report.csv" in installation.run("report", "--format", "csv").err
    assert [file.name for file in tmp_path.iterdir()] == ["report.csv"]


def test_without_storing_nothing_is_kept_and_nobody_told(installation: Installation) -> None:
    answer = installation.scan("--no-store")
    assert answer.code == 1
    assert not installation.receiver.calls
    for form in ("table", "json", "csv", "ocsf"):  # an empty list would be read as all is well
        found = installation.run("findings", "--format", form)
        assert (found.code, found.out) == (2, "")
        assert "There is no finished scan yet: run one first." in found.err


def test_a_digest_reminds_of_what_is_open_when_a_reminder_is_due(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    monkeypatch.setenv("ALERT_DIGEST", "daily")
    now = datetime.now(UTC)
    assert asyncio.run(prepare_digest(load_settings(), now)) is None  # nothing is a day old
    later = now + timedelta(days=1, minutes=1)
    digest = asyncio.run(prepare_digest(load_settings(), later))
    assert digest is not None
    assert asyncio.run(prepare_digest(load_settings(), later)) == digest
    installation.receiver.calls.clear()
    for _ in range(2):
        asyncio.run(send_alert(load_settings(), digest))
    assert sorted(installation.told()) == [("still_open", BACKUP, "APW-001"), ("still_open", MAILER, "APW-003")]
    assert len(installation.receiver.calls) == 1


def test_all_clear_is_not_said_while_something_is_unread(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_DIGEST", "daily")
    monkeypatch.setenv("ALERT_ALL_CLEAR", "yes")
    monkeypatch.setenv("SERVICE_ACCOUNTS", VISIBLE)
    now = datetime.now(UTC)
    said = []
    for day in range(2):
        installation.scan()
        installation.receiver.calls.clear()
        digest = asyncio.run(prepare_digest(load_settings(), now + timedelta(days=day)))
        asyncio.run(send_alert(load_settings(), digest or ""))
        (call,) = (one for one in installation.receiver.calls if one.path == "/webhook")
        said.append(json.loads(call.body)["data"])
        # What selects can't be read any more: who else is a service account isn't seen.
        monkeypatch.setenv("SERVICE_ACCOUNT_GROUPS", installation.graph.tenant.group("Backup apps").id)
        installation.graph.fail("/groups", 403)
    clear, unread = said
    assert clear["headline"] == "All clear: nothing is open for 1 service account"
    assert unread["headline"] == (
        "Nothing is known to be open for 1 service account, but the last scan could not read everything"
    )
    assert "selection" in [gap["input"] for gap in unread["gaps"]]


def test_a_reminder_says_all_that_the_alert_said(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_LOG", "on")
    monkeypatch.setenv("ALERT_DIGEST", "daily")
    ada_makes_the_policy(installation, datetime.now(UTC) - timedelta(days=2))
    installation.scan()
    first = {check: told_of(installation, check) for check in ("APW-001", "APW-003")}
    installation.receiver.calls.clear()
    digest = asyncio.run(prepare_digest(load_settings(), datetime.now(UTC) + timedelta(days=1, minutes=1)))
    asyncio.run(send_alert(load_settings(), digest or ""))
    for check, alert in first.items():
        again = told_of(installation, check)
        assert again == {**alert, "id": again["id"], "kind": "still_open"}
    assert first["APW-001"]["actor"] == "ada@contoso.com"
    assert first["APW-001"]["next_step"]["title"]


def test_an_alert_says_that_microsofts_what_if_has_another_answer(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHAT_IF_BUDGET", "20")
    installation.graph.fail("conditionalAccess/evaluate", 200, body={"value": []})  # no policy applies
    check = installation.scan().account(BACKUP)["cross_check"]
    assert check["result"] == "disagrees"
    (call,) = [one for one in installation.receiver.calls if one.path == "/webhook"]
    doubts = {one["account"]["user_principal_name"]: one["doubt"] for one in json.loads(call.body)["data"]["changes"]}
    assert doubts[BACKUP] == check["text"]
    assert doubts[MAILER] is None
