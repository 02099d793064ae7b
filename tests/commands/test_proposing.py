"""Accounts are proposed where nobody named any, and the report is opened."""

import io
import re
import stat
from pathlib import Path

import pytest

from demo.company import company
from jobs.proposing import USUAL_PATTERNS
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.selection import literal_ends
from tests.e2e.conftest import Installation, installation, run_cli

__all__ = ["installation"]


def test_every_usual_name_is_looked_up_by_graph_itself() -> None:
    assert all(len(literal_ends(pattern)[0]) > 2 for pattern in USUAL_PATTERNS)


def proposed(graph: LocalGraph, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    monkeypatch.setenv("GRAPH_ENDPOINT", graph.url)
    answer = run_cli("scan", "--no-store", "--propose", "--format", "json")
    assert "those are scanned that look like service accounts" in answer.err
    return {one["user_principal_name"]: one["selected_by"] for one in answer.document["accounts"]}


def test_what_looks_like_a_service_account_is_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (
        "svc-backup@contoso.com",
        "scan@contoso.com",
        "noreply@contoso.com",
        "ada@contoso.com",
        "scanlon@contoso.com",
    )
    build = TenantBuilder()
    for name in names:
        build.user(name, mfa="disabled")
    with LocalGraph(build.build()).in_thread() as graph:
        assert set(proposed(graph, monkeypatch)) == set(names[:3])


def test_discovery_adds_what_its_use_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalGraph(company()).in_thread() as graph:
        found = proposed(graph, monkeypatch)
        assert any(reason.startswith("discovery") for reasons in found.values() for reason in reasons)
        graph.deny(
            "AuditLog.Read.All", "Application.Read.All", "DelegatedPermissionGrant.Read.All", "Directory.Read.All"
        )
        assert set(proposed(graph, monkeypatch)) < set(found)


def test_what_somebody_named_is_scanned_and_nothing_else(installation: Installation) -> None:
    answer = installation.scan("--propose", "--no-store")
    assert len(answer.document["accounts"]) == 3
    assert "look like service accounts" not in answer.err


def test_where_nothing_looks_like_one_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalGraph(TenantBuilder().user("ada@contoso.com").build()).in_thread() as graph:
        monkeypatch.setenv("GRAPH_ENDPOINT", graph.url)
        answer = run_cli("scan", "--no-store", "--propose")
    assert "No account looks like a service account: name some with --account" in answer.err


def test_the_report_is_opened_and_only_its_owner_can_read_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    answer = installation.run("scan", "--open")
    file = re.search(r"Report, which only you can read: (\S+)", answer.err)
    assert file
    page = Path(file[1])
    assert opened == [page.as_uri()]
    assert "<!doctype html>" in page.read_text(encoding="utf-8")
    assert stat.S_IMODE(page.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(page.parent.stat().st_mode) & 0o077 == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def last_line(text: str) -> str:
    """What a terminal shows in the line that a bar was drawn in."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text).replace("\r", "\n").strip().splitlines()[-1]


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}])
def test_a_bar_knows_how_many_accounts_are_read(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    import cli

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for arguments, said in (
        ((), "3 of 3 accounts read"),
        (("--account", "svc-backup@contoso.com"), "1 of 1 account read"),
    ):
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        cli.main(["scan", "--no-store", "--format", "json", *arguments])
        assert last_line(terminal.getvalue()).endswith(f"━ {said}")
        assert terminal.getvalue().rstrip().endswith("\x1b[?25h"), "the cursor is there again"
        assert bool(re.search(r"\x1b\[[\d;]*m", terminal.getvalue())) is not bool(variables)


def test_there_is_no_bar_where_nobody_wants_one(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    import cli

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    cli.main(["scan", "--no-store", "--format", "json", "-q"])
    assert terminal.getvalue() == ""
