"""An export of Exchange Online, from the file to what stands beside a verdict, and gone with the person."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.conftest import BACKUP, VISIBLE, Installation
from tests.e2e.test_forget import tables_that_name


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Two mailboxes, one of them switched off, in the encoding of Windows PowerShell."""
    file = tmp_path / "mailboxes.json"
    rows = [
        {"UserPrincipalName": VISIBLE, "SmtpClientAuthenticationDisabled": True},
        {"UserPrincipalName": "somebody@contoso.com", "SmtpClientAuthenticationDisabled": False},
    ]
    file.write_text(json.dumps(rows), encoding="utf-16")
    return file


def test_what_was_exported_stands_beside_the_verdict_and_changes_none(installation: Installation, export: Path) -> None:
    before = installation.scan().account(VISIBLE)
    assert before["exchange"] is None
    assert installation.run("exchange", "import", str(export)).code == 0
    scan = installation.scan()
    after = scan.account(VISIBLE)
    assert (after["visibility"], after["usability"]) == (before["visibility"], before["usability"])
    assert (after["exchange"]["smtp_auth"], after["exchange"]["stale"]) == ("off", False)
    assert after["exchange"]["command"].startswith(f"Set-CASMailbox -Identity '{VISIBLE}'")
    assert any("SMTP AUTH is switched off for this mailbox" in one["text"] for one in after["notices"])
    assert "has none of this account" in scan.account(BACKUP)["exchange"]["text"]
    table = installation.run("scan", "--format", "table")
    assert "has none of this account" in table.out.replace("\n    ", " ")


def test_one_mailbox_is_counted_as_one(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"UserPrincipalName": VISIBLE, "SmtpClientAuthenticationDisabled": True}), "utf-8")
    assert "kept the SMTP AUTH setting of 1 mailbox, as of" in installation.run("exchange", "import", str(file)).err


def test_an_old_export_is_called_stale(installation: Installation, export: Path) -> None:
    old = (datetime.now(UTC) - timedelta(days=45)).timestamp()
    os.utime(export, (old, old))
    answer = installation.run("exchange", "import", str(export))
    assert "kept the SMTP AUTH setting of 2 mailboxes, as of" in answer.err
    view = installation.scan().account(VISIBLE)["exchange"]
    assert view["stale"] is True
    assert "45 days ago" in view["text"]


@pytest.mark.parametrize(("content", "says"), [("Name,Size\na,1\n", "none of the exports"), (None, "No such file")])
def test_a_wrong_file_is_told_in_a_sentence(
    installation: Installation, tmp_path: Path, content: str | None, says: str
) -> None:
    file = tmp_path / "export.csv"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    answer = installation.run("exchange", "import", str(file))
    assert answer.code == 2
    assert says in answer.err


@pytest.mark.parametrize("day", ["2999-01-01", "yesterday"])
def test_an_export_was_taken_on_a_day_that_has_been(installation: Installation, export: Path, day: str) -> None:
    answer = installation.run("exchange", "import", str(export), "--taken", day)
    assert answer.code == 2
    assert "Invalid value for '--taken'" in answer.err


def test_forgetting_a_person_forgets_their_mailbox(installation: Installation, export: Path) -> None:
    installation.run("exchange", "import", str(export))
    assert tables_that_name(installation.storage, "somebody@contoso.com") == {"signins"}
    assert installation.run("forget", "--yes", "somebody@contoso.com").code == 0
    assert tables_that_name(installation.storage, "somebody@contoso.com") == set()
