"""``cli.py legacy``: who still signs in with a password, from a scan and from an imported report."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BACKUP, MAILER, Installation, installation

__all__ = ["installation"]

STRANGER = "old.person@contoso.com"
REPORT = "Sender address,Domain,Messages sent\n{},contoso.com,1204\nfax@contoso.com,contoso.com,7\n"


@pytest.fixture
def looking(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The sign-in log is looked at: two selected accounts and one that isn't send a password, one of them in vain."""
    monkeypatch.setenv("SERVICE_ACCOUNT_DISCOVERY", "signins")
    monkeypatch.setenv("AUDIT_LOG", "off")
    tenant = installation.graph.tenant
    stranger = tenant.user(BACKUP).id.replace("-", "0", 1)
    now = datetime.now(UTC)

    def row(id: str, days_ago: int, code: int, client: str, **more: Any) -> dict[str, Any]:
        return {
            "id": f"{id}{days_ago}{code}{client}",
            "createdDateTime": f"{(now - timedelta(days=days_ago)).date()}T03:00:00Z",
            "userId": id,
            "clientAppUsed": client,
            "appId": "app",
            "appDisplayName": "Office 365 Exchange Online",
            "userAgent": "BAV2ROPC",
            "isInteractive": False,
            "signInEventTypes": ["nonInteractiveUser"],
            "status": {"errorCode": code},
            "authenticationProtocol": "none",
            "authenticationRequirementPolicies": [],
            "appliedConditionalAccessPolicies": [],
            **more,
        }

    backup, mailer = tenant.user(BACKUP).id, tenant.user(MAILER).id
    rows = [row(backup, day, 0, "Authenticated SMTP") for day in range(3, 9)]
    rows += [row(backup, day, 53003, "SMTP") for day in (3, 4)]
    rows += [row(backup, 3, 50126, "Authenticated SMTP")]  # somebody guesses
    script = {"authenticationProtocol": "ropc", "appId": "script", "appDisplayName": "Night Script"}
    rows += [row(mailer, day, 50076, "Mobile Apps and Desktop clients", **script) for day in (3, 4)]
    rows += [row(mailer, 3, 0, "Mobile Apps and Desktop clients", appId="x", appDisplayName="OAuth Product")]
    rows += [row(stranger, day, 0, "Exchange Web Services") for day in (3, 5)]
    tenant.sign_ins = sorted(rows, key=lambda one: str(one["createdDateTime"]), reverse=True)
    return installation


def test_every_account_that_sends_a_password_is_listed_by_client_and_application(looking: Installation) -> None:
    scanned = looking.scan("--fail-on", "none")
    found = looking.run("legacy", "--format", "json").document
    assert found["password_sign_ins"] == scanned.document["password_sign_ins"]
    assert (
        found["headline"]
        == "3 accounts sign in with a password, 2 of them selected; of 1 the newest sign-ins were refused."
    )
    rows = {(one["user_principal_name"], one["client"]): one for one in found["password_sign_ins"]}
    smtp = rows[BACKUP, "Authenticated SMTP"]
    assert (smtp["days"], smtp["got_in"], smtp["refused"], smtp["selected"]) == (6, 6, 2, True)
    assert smtp["retirement"]["date"] == "2026-12-31"
    script = rows[MAILER, "Mobile Apps and Desktop clients"]
    assert (script["application"], script["legacy"], script["got_in"], script["refused"]) == (
        "Night Script",
        False,
        0,
        2,
    )
    (nameless,) = (one for one in found["password_sign_ins"] if not one["selected"])
    assert (nameless["user_principal_name"], nameless["client"], nameless["days"]) == (None, "Exchange Web Services", 2)
    assert len(rows) == 3


def test_as_a_table_and_as_csv(looking: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    looking.scan("--fail-on", "none")
    table = looking.run("legacy")
    assert table.code == 0
    assert BACKUP.partition("@")[0] in table.out
    assert {"(Night", "Script)"} <= set(table.out.split())
    file = tmp_path / "legacy.csv"
    assert looking.run("legacy", "--format", "csv", "--output", str(file)).code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert [one["user_principal_name"] for one in rows if one["client"] == "Authenticated SMTP"] == [BACKUP]
    html = tmp_path / "report.html"
    assert looking.run("report", "--output", str(html)).code == 0
    assert "Who still signs in with a password" in html.read_text(encoding="utf-8")


def test_without_the_log_a_report_of_exchange_says_who_sends(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "smtp.csv"
    file.write_text(REPORT.format(BACKUP.upper()), encoding="utf-16")
    installation.scan("--fail-on", "none")
    before = installation.run("legacy")
    assert before.out.startswith("No account is known to sign in with a password.")
    assert "set SERVICE_ACCOUNT_DISCOVERY to signins" in before.out
    imported = installation.run("legacy", "import", str(file))
    assert (imported.code, imported.out) == (0, "")
    assert "0 senders with a password, 0 with OAuth only, 2 of which the report doesn't tell" in imported.err
    found = installation.run("legacy", "--format", "json").document
    assert [(one["user_principal_name"], one["selected"], one["messages"]) for one in found["password_sign_ins"]] == [
        (BACKUP, True, 1204),
        ("fax@contoso.com", False, 7),
    ]
    assert "was imported on" in found["notes"][0]
    again = installation.scan("--fail-on", "none")
    assert again.document["password_sign_ins"] == found["password_sign_ins"]  # a scan leaves it as it is


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"a,b\n1,2\n", "no SMTP AUTH clients report"), (b"\xff\xfe\xff", "not a text file"), (None, "No such file")],
)
def test_what_is_no_report_is_told_in_a_sentence_and_changes_nothing(
    installation: Installation, tmp_path: Path, content: bytes | None, says: str
) -> None:
    file = tmp_path / "smtp.csv"
    file.write_text(REPORT.format(BACKUP), encoding="utf-8")
    installation.run("legacy", "import", str(file))
    other = tmp_path / "other.csv"
    if content is not None:
        other.write_bytes(content)
    answer = installation.run("legacy", "import", str(other))
    assert answer.code == 2
    assert says in answer.err
    assert len(installation.run("legacy", "--format", "json").document["password_sign_ins"]) == 2


def test_a_forgotten_account_is_in_neither(looking: Installation, tmp_path: Path) -> None:
    file = tmp_path / "smtp.csv"
    file.write_text(REPORT.format(BACKUP), encoding="utf-8")
    looking.run("legacy", "import", str(file))
    looking.scan("--fail-on", "none")
    assert looking.run("forget", "--yes", BACKUP).code == 0
    rows = looking.run("legacy", "--format", "json").document["password_sign_ins"]
    assert BACKUP not in [one["user_principal_name"] for one in rows]


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_log_that_could_not_be_read_is_not_taken_for_one_that_shows_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNT_DISCOVERY", "signins")
    assert "No scan of everything was done" in _said(installation, form)
    installation.graph.fail("/auditLogs/signIns", 403, code="Authorization_RequestDenied")
    installation.scan()
    said = _said(installation, form)
    assert "The last scan could not read all of the sign-in log, so that accounts may be missing: 403" in said
    assert "AuditLog.Read.All" in said
    installation.graph.heal()
    installation.scan()
    assert "may be missing" not in _said(installation, form)


def _said(installation: Installation, form: str) -> str:
    answer = installation.run("legacy", "--format", form)
    assert answer.code == 0
    return " ".join(f"{answer.out} {answer.err}".split())
