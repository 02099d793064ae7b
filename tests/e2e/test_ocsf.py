"""What a SIEM is given by the command line and over HTTP, over the life of a finding."""

import asyncio
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions import http_api, operations
from tests.e2e.conftest import BACKUP, MAILER, UNTIL, VISIBLE, Installation
from tests.e2e.test_http import answer, request
from tests.reports.test_ocsf import problems

Said = tuple[str, str, str, str, str]


def events(text: str) -> list[dict[str, Any]]:
    """The events of lines, each of which fits the published schema."""
    found = [json.loads(line) for line in text.splitlines()]
    assert [problem for one in found for problem in problems(one)] == []
    return found


def said(text: str) -> list[Said]:
    """Account, check, activity, status and result of each."""
    return sorted(
        (
            one["resources"][0]["name"],
            one["compliance"]["control"],
            one["activity_name"],
            one["status"],
            one["compliance"]["status"],
        )
        for one in events(text)
    )


def over_http(ask: Any, account: str = "") -> str:
    response = asyncio.run(ask(request(format="ocsf", account=account)))
    assert (response.status_code, response.mimetype) == (200, operations.OCSF)
    assert response.headers["Cache-Control"] == "no-store"
    body: bytes = response.get_body()
    return body.decode()


def let_out(installation: Installation) -> None:
    """Take the account out of the policy, and enforce its per-user MFA."""
    installation.graph.tenant.policies.clear()
    installation.graph.tenant.user(BACKUP).mfa = "enforced"
    installation.graph.tenant.changed()


def in_the_next_second() -> None:
    """Runs say in whole seconds when they began: what two of them did within one can't be told apart."""
    time.sleep(1.05 - time.time() % 1)


def test_a_finding_is_created_updated_suppressed_and_closed(installation: Installation) -> None:
    opened = [(BACKUP, "APW-001", "Create", "New", "Fail"), (MAILER, "APW-003", "Create", "New", "Fail")]
    first = installation.run("scan", "--format", "ocsf")
    assert (first.code, said(first.out)) == (1, opened)
    in_the_next_second()
    again = installation.run("scan", "--format", "ocsf")
    assert said(again.out) == [(*one[:2], "Update", *one[3:]) for one in opened]
    installation.run("exceptions", "add", "--account", MAILER, "--reason", "r", "--owner", "Ada", "--until", UNTIL)
    let_out(installation)
    closed = installation.run("scan", "--format", "ocsf")
    ended = (BACKUP, "APW-001", "Close", "Resolved", "Pass")
    assert said(closed.out) == [ended, (MAILER, "APW-003", "Update", "Suppressed", "Fail")]
    ids = [{one["finding_info"]["uid"] for one in events(text.out)} for text in (first, again, closed)]
    assert ids[0] == ids[1] == ids[2]
    # The scan after it has nothing to say of what is closed; the report still has, and with the very same event.
    in_the_next_second()
    assert ended not in said(installation.run("scan", "--format", "ocsf").out)
    reported = over_http(http_api.report)
    assert ended in said(reported)
    (once,) = [one for one in events(closed.out) if one["activity_name"] == "Close"]
    (kept,) = [one for one in events(reported) if one["activity_name"] == "Close"]
    assert once["metadata"]["uid"] == kept["metadata"]["uid"]


def test_what_is_judged_and_not_kept_is_told_all_the_same(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that is asked for and that the settings don't select: no lines would read as all is well."""
    monkeypatch.setenv("SERVICE_ACCOUNTS", MAILER)
    installation.scan()
    asked = installation.run("scan", "--account", BACKUP, "--format", "ocsf")
    assert (asked.code, said(asked.out)) == (1, [(BACKUP, "APW-001", "Create", "New", "Fail")])
    assert installation.run("findings", "--format", "ocsf").out.count("\n") == 1  # the other account's


def test_who_accepts_it_instead_is_news(installation: Installation) -> None:
    installation.scan()
    ids = set()
    for owner in ("Ada", "Ada", "Bob"):
        accepted = ("--account", MAILER, "--reason", "r", "--owner", owner, "--until", UNTIL)
        assert installation.run("exceptions", "add", *accepted, "--replace").code == 0
        (event,) = [one for one in events(over_http(http_api.report)) if one["status"] == "Suppressed"]
        assert owner in event["status_detail"]
        ids.add(event["metadata"]["uid"])
    assert len(ids) == 2


def test_lines_that_lead_elsewhere_are_no_longer_those_that_somebody_has(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.scan()
    first = asyncio.run(http_api.report(request(format="ocsf")))
    has_it = {"If-None-Match": first.headers["ETag"]}
    assert asyncio.run(http_api.report(request(headers=has_it, format="ocsf"))).status_code == 304
    monkeypatch.setenv("REPORT_URL", "https://contoso.azurewebsites.net/api/report")
    then = asyncio.run(http_api.report(request(headers=has_it, format="ocsf")))
    assert then.status_code == 200
    assert b"contoso.azurewebsites.net" in then.get_body()


def test_an_account_that_is_gone_is_closed_and_never_passed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.watch.GRACE", timedelta(0))
    installation.scan()
    monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join((MAILER, VISIBLE)))
    installation.scan()
    closed = installation.run("scan", "--format", "ocsf").out + over_http(http_api.report)
    assert {one for one in said(closed) if one[0] == BACKUP} == {(BACKUP, "APW-001", "Close", "Archived", "Unknown")}


def test_what_cannot_be_told_is_never_passed(installation: Installation) -> None:
    installation.graph.deny("Policy.Read.All", "Policy.Read.ConditionalAccess")
    found = said(installation.run("scan", "--format", "ocsf").out)
    assert (BACKUP, "APW-008", "Create", "New", "Warning") in found
    assert "Pass" not in {one[-1] for one in found}


def test_a_scan_that_keeps_nothing_says_what_it_saw(installation: Installation) -> None:
    found = said(installation.run("scan", "--no-store", "--format", "ocsf").out)
    assert [one[:3] for one in found] == [(BACKUP, "APW-001", "Create"), (MAILER, "APW-003", "Create")]


def test_the_same_is_given_as_file_on_stdout_and_over_http(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    installation.scan()
    assert installation.run("report", "--format", "ocsf").code == 0
    report = (tmp_path / "report.ocsf.jsonl").read_text(encoding="utf-8")
    assert report == over_http(http_api.report)
    assert (
        said(report) == said(installation.run("findings", "--format", "ocsf").out) == said(over_http(http_api.findings))
    )
    one = installation.run("findings", "--format", "ocsf", "--account", BACKUP).out
    assert one == over_http(http_api.findings, account=BACKUP.upper())
    assert [found[0] for found in said(one)] == [BACKUP]


def test_where_there_is_nothing_to_tell_there_is_no_line(installation: Installation) -> None:
    before = asyncio.run(http_api.findings(request(format="ocsf")))
    assert before.status_code == 404
    assert "no finished scan" in answer(before)["error"]
    assert installation.run("findings", "--format", "ocsf").code == 2
    installation.scan()
    assert installation.run("findings", "--format", "ocsf", "--status", "resolved").out == ""


@pytest.mark.parametrize("form", ["json", "csv", "ocsf"])
def test_a_mistyped_name_is_not_answered_with_nothing(installation: Installation, form: str) -> None:
    installation.scan()
    mistyped = asyncio.run(http_api.findings(request(format=form, check="APW-01")))
    assert mistyped.status_code == 404
    assert "no check" in answer(mistyped)["error"]
    for name in (("--check", "APW-099"), ("--account", "svc-bakcup@contoso.com")):
        refused = installation.run("findings", "--format", form, *name)
        assert (refused.code, refused.out) == (2, ""), refused.err
