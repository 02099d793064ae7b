"""Every list is a table with a header, or JSON; names that a tenant gave steer nothing."""

import json
import re

import pytest

from checks.pages import pages
from commands.exceptions import short
from tenant.permissions import PERMISSIONS
from tests.e2e.conftest import BACKUP, MAILER, UNTIL, Installation, installation, run_cli

__all__ = ["installation"]


def accept(installation: Installation, account: str, check: str | None) -> str:
    arguments = (
        "--account",
        account,
        "--reason",
        "replaced \x1b[31m[bold]in March",
        "--owner",
        "Ada",
        "--until",
        UNTIL,
    )
    answer = installation.run("exceptions", "add", *arguments, *(("--check", check) if check else ()))
    assert answer.code == 0, answer.err
    return str(answer.document["id"])


def test_the_checks() -> None:
    lines = run_cli("checks").out.splitlines()
    assert re.split(r"\s{2,}", lines[0]) == ["Check", "Severity", "Title"]
    assert [line.split()[0] for line in lines[1:] if line[0] != " "] == [page.id for page in pages()]
    found = run_cli("checks", "--format", "json").document["checks"]
    assert [(one["id"], one["title"]) for one in found] == [(page.id, page.title) for page in pages()]
    (one,) = run_cli("checks", "apw-001", "--format", "json").document["checks"]
    assert one["page"] == next(page.markdown for page in pages() if page.id == "APW-001")
    assert run_cli("checks", "APW-999", "--format", "json").code == 2


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_the_permissions(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = run_cli("permissions").out.splitlines()
    assert lines[0].split() == ["Permission", "Needed", "For"]
    assert [line.split()[0] for line in lines[1:] if line[0] != " "] == [one.name for one in PERMISSIONS]
    assert max(map(len, lines)) <= int(columns)


def test_findings_say_once_what_all_accounts_share(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert installation.run("findings").code == 2, "nothing was scanned"
    installation.scan()
    lines = installation.run("findings").out.splitlines()
    assert lines[0] == "Where an account has no domain, it is @contoso.com"
    assert lines[2].split() == ["Severity", "Since", "Check", "Account", "Finding"]
    assert sum("@contoso.com" in line for line in lines) == 1
    assert max(map(len, lines)) <= 80
    assert "Status" in installation.run("findings", "--status", "all").out
    assert f" {BACKUP} " in installation.run("findings", "--check", "APW-001").out


def test_exceptions(installation: Installation) -> None:
    assert installation.run("exceptions", "list").out == "No exceptions.\n"
    installation.scan()
    first, second = accept(installation, BACKUP, "APW-001"), accept(installation, BACKUP, None)
    third = accept(installation, MAILER, "APW-003")
    listed = installation.run("exceptions", "list")
    assert "\x1b" not in listed.out
    assert "[bold]in" in listed.out
    rows = [
        line for line in listed.out.splitlines() if line.startswith(tuple(one[:7] for one in (first, second, third)))
    ]
    assert len(rows) == 3
    document = installation.run("exceptions", "list", "--format", "json").document
    assert {one["id"] for one in document["exceptions"]} == {first, second, third}

    assert installation.run("exceptions", "remove", first[:8]).document["id"] == first
    again = installation.run("exceptions", "remove", first[:8])
    assert (again.code, again.err.strip()) == (2, f'No exception that holds has the id "{first[:8]}".')
    assert installation.run("exceptions", "remove", "--account", BACKUP.upper()).document["id"] == second
    assert installation.run("exceptions", "remove", "--account", MAILER, "--check", "apw-003").document["id"] == third
    gone = installation.run("exceptions", "remove", "--account", MAILER, "--check", "APW-003")
    assert (gone.code, gone.out) == (2, "")
    assert "ended 20" in installation.run("exceptions", "list").out


def test_the_beginning_of_an_id_that_fits_several_ends_none(installation: Installation) -> None:
    installation.scan()
    ids = [accept(installation, BACKUP, check) for check in (None, *(page.id for page in pages()))]
    shared = next(one[0] for one in ids if sum(other.startswith(one[0]) for other in ids) > 1)
    answer = installation.run("exceptions", "remove", shared)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f'Several exceptions have the id "{shared}": ')
    found = json.loads(installation.run("exceptions", "list", "--format", "json").out)["exceptions"]
    assert all(one["ended_at"] is None for one in found)


@pytest.mark.parametrize(
    ("ids", "shown"),
    [
        ((), []),
        (("abcdefghij", "bbcdefghij"), ["abcdefg", "bbcdefg"]),
        (("abcdefghij", "abcdefgkij"), ["abcdefgh", "abcdefgk"]),
        (("abc", "abcd"), ["abc", "abcd"]),
        (("abcdefghij", "abcdefghij"), ["abcdefg", "abcdefg"]),
    ],
)
def test_ids_are_shortened_as_git_does(ids: tuple[str, ...], shown: list[str]) -> None:
    assert [short(ids)[one] for one in ids] == shown
