"""``cli.py explain``: from the command line, a file and stdin; with an account from what is kept, or as it is now."""

import io
import json
from pathlib import Path

import pytest

import cli
from tests.e2e.conftest import BACKUP, Installation, installation

__all__ = ["installation"]

OFF = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox"


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


def ids(out: str) -> list[str]:
    return [one["id"] for one in json.loads(out)["matches"]]


def test_needs_no_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", OFF]) == 0
    assert capsys.readouterr().out.startswith("SMTP AUTH is switched off for the mailbox\n")


def test_words_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "--format", "json", *OFF.split()]) == 0
    assert ids(capsys.readouterr().out) == ["smtp-auth-off-mailbox"]


@pytest.mark.parametrize(
    "content",
    [OFF.encode(), b"caf\xe9 \xff " + OFF.encode(), OFF.encode("utf-16"), b"\xef\xbb\xbf" + OFF.encode()],
    ids=["utf-8", "no encoding at all", "utf-16 with its mark", "utf-8 with its mark"],
)
def test_a_log_is_read_whoever_wrote_it(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.txt").write_bytes(content)
    assert cli.main(["explain", "--format", "json", "--file", str(tmp_path / "log.txt")]) == 0
    assert ids(capsys.readouterr().out) == ["smtp-auth-off-mailbox"]
    stdin(monkeypatch, content)
    assert cli.main(["explain", "--format", "json"]) == 0
    assert ids(capsys.readouterr().out) == ["smtp-auth-off-mailbox"]


def test_words_that_begin_with_a_hyphen_are_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "--format", "json", "-ERR Logon failure: unknown user name or bad password."]) == 0
    assert ids(capsys.readouterr().out) == ["imap-pop-failed"]


def test_nothing_given_says_what_to_give(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stdin(monkeypatch, b" \n")
    assert cli.main(["explain"]) == 2
    assert "Give an error" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "--file", str(tmp_path / "none.log")]) == 2
    assert "none.log" in capsys.readouterr().err


def test_an_unknown_error_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "AADSTS999999"]) == 3
    assert "Not known to this version: AADSTS999999" in capsys.readouterr().out


def test_with_an_account_that_no_scan_has_kept_the_tenant_is_read(installation: Installation) -> None:
    answer = installation.run("explain", "53003", "--account", BACKUP, "--format", "json")
    account = answer.document["account"]
    assert (answer.code, account["user_principal_name"], account["kept"]) == (0, BACKUP, False)
    assert answer.document["matches"][0]["account"]
    assert installation.run("findings", "--status", "all").code == 2  # nothing was kept


def test_with_an_account_what_is_kept_is_told_and_nobody_is_asked(installation: Installation) -> None:
    installation.scan()
    installation.graph.requests.clear()
    answer = installation.run("explain", "53003", "--account", BACKUP, "--format", "json")
    assert answer.document["account"]["kept"] is True
    assert installation.graph.requests == []
    assert (
        installation.run("explain", "53003", "--account", BACKUP, "--now", "--format", "json").document["account"][
            "kept"
        ]
        is False
    )
    assert installation.graph.requests


def test_an_account_that_cannot_be_looked_up_takes_nothing_from_the_explanation(installation: Installation) -> None:
    answer = installation.run("explain", "53003", "--account", "nobody@contoso.com")
    assert answer.code == 2
    assert "A Conditional Access policy blocks the sign-in" in answer.out
    assert "How nobody@contoso.com is seen can't be told." in answer.err
