"""Deleting what is kept about a person: nothing in any table names them afterwards."""

import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import TableServiceClient

from demo.company import company, demo_settings
from demo.receiver import Receiver
from findings.packing import unpack
from localgraph.server import LocalGraph
from tests.e2e.conftest import Answer, Installation

UNTIL = (datetime.now(UTC).date() + timedelta(days=90)).isoformat()
SELECTED, PROPOSED = "svc-codetwo-backup@alderleaf.example", "pagerloom@alderleaf.example"


@pytest.fixture
def installation(storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """The demo company with everything on, told to a webhook."""
    with LocalGraph(company()).in_thread() as graph, Receiver().in_thread() as receiver:
        settings = {
            **demo_settings(),
            "GRAPH_ENDPOINT": graph.url,
            "AzureWebJobsStorage": storage,
            "WHAT_IF_BUDGET": "100",
            "WEBHOOK_URL": f"{receiver.url}/webhook",
            "WEBHOOK_SECRET": receiver.secret,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield Installation(graph, receiver, storage)


def tables_that_name(storage: str, *names: str) -> set[str]:
    """The tables that hold any of these texts, compressed documents included."""
    found = set()
    with TableServiceClient.from_connection_string(storage) as service:
        for table in service.list_tables():
            for row in service.get_table_client(table.name).list_entities():
                plain = {name: value for name, value in row.items() if not isinstance(value, bytes)}
                text = json.dumps([plain, unpack(row)], default=str).lower()
                if any(name.lower() in text for name in names):
                    found.add(table.name)
    return found


def id_of(answer: Answer, name: str) -> str:
    (found,) = {
        one["id"]
        for one in (*answer.document["accounts"], *answer.document["proposals"])
        if one["user_principal_name"] == name
    }
    return str(found)


def test_no_table_names_a_forgotten_account(installation: Installation, storage: str) -> None:
    names = (SELECTED, id_of(installation.scan(), SELECTED))
    assert tables_that_name(storage, *names) == {"findings", "history", "signins"}
    answer = installation.run("forget", SELECTED.upper(), "--yes")
    assert answer.code == 0
    assert "It is still selected as a service account" in answer.err
    assert tables_that_name(storage, *names) == set()
    assert installation.scan("--account", SELECTED).account(SELECTED)["findings"]


def test_no_table_names_somebody_who_was_proposed(installation: Installation, storage: str) -> None:
    names = (PROPOSED, id_of(installation.scan(), PROPOSED))
    assert tables_that_name(storage, *names) == {"signins"}
    answer = installation.run("forget", "--yes", PROPOSED)
    assert (answer.code, "still selected" in answer.err) == (0, False)
    assert tables_that_name(storage, *names) == set()


def test_forgetting_somebody_unknown_says_so(installation: Installation) -> None:
    answer = installation.run("forget", "nobody' or 1 eq 1" + "x" * 2000)
    assert answer.code == 0
    assert answer.err.startswith("Nothing is kept about nobody'")


def test_what_would_be_deleted_is_shown_and_nothing_is_deleted_before_somebody_agrees(
    installation: Installation, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (SELECTED, id_of(installation.scan(), SELECTED))
    accepted = ("--check", "APW-001", "--reason", "replaced in March", "--owner", "Ada", "--until", UNTIL)
    assert installation.run("exceptions", "add", "--account", SELECTED, *accepted).code == 0
    before = tables_that_name(storage, *names)
    for arguments, stdin, code in ((("--dry-run",), "", 0), ((), "", 2), ((), "n\n", 2)):
        keyboard = io.StringIO(stdin)
        monkeypatch.setattr(keyboard, "isatty", lambda stdin=stdin: bool(stdin))
        monkeypatch.setattr("sys.stdin", keyboard)
        answer = installation.run("forget", SELECTED, *arguments)
        assert answer.code == code
        assert re.search(r"^Kept about svc-codetwo-backup@alderleaf.example, in \d+ rows:$", answer.err, re.MULTILINE)
        assert "APW-001 open" in answer.err
        assert f"an exception: APW-001 until {UNTIL}, owned by Ada: replaced in March" in answer.err
        assert re.search(r"^  what \d+ days and notes of the sign-in log, .* say of it$", answer.err, re.MULTILINE)
        assert "Nothing was deleted" in answer.err
        assert tables_that_name(storage, *names) == before
    (ended,) = installation.run("exceptions", "list", "--format", "json").document["exceptions"]
    assert installation.run("exceptions", "remove", ended["id"]).code == 0
    said = installation.run("forget", SELECTED, "--dry-run").err
    assert re.search(r"an exception: APW-001, ended on \d{4}-\d\d-\d\d, owned by Ada", said)
    assert f"until {UNTIL}" not in said
    shown = re.search(r"in (\d+ rows)", installation.run("forget", SELECTED, "--dry-run").err)
    assert shown
    keyboard = io.StringIO("y\n")
    monkeypatch.setattr(keyboard, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", keyboard)
    assert f"in {shown[1]}." in installation.run("forget", SELECTED).err
    assert tables_that_name(storage, *names) == set()
