"""A whole installation on this machine: a local Graph, storage in Azurite, and a receiver of alerts."""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import cli
from demo.receiver import Receiver
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph

BACKUP, MAILER, VISIBLE = "svc-backup@contoso.com", "svc-o'mailer@contoso.com", "svc-表示@contoso.com"
UNTIL = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()
"""A day on which an exception may end, whenever these tests run."""


@dataclass(slots=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON it printed."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    def account(self, name: str) -> dict[str, Any]:
        """An account of the document by its user principal name."""
        found: dict[str, Any] = next(one for one in self.document["accounts"] if one["user_principal_name"] == name)
        return found


def run_cli(*arguments: str) -> Answer:
    """One command of the command line, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(arguments)
    return Answer(code, out.getvalue(), err.getvalue())


@dataclass(slots=True)
class Installation:
    """The parts, and the command line that uses them."""

    graph: LocalGraph
    receiver: Receiver
    storage: str

    def run(self, *arguments: str) -> Answer:
        """One command of the command line, in this process."""
        return run_cli(*arguments)

    def scan(self, *arguments: str) -> Answer:
        """A scan that prints the JSON document."""
        return self.run("scan", "--format", "json", *arguments)

    def told(self) -> list[tuple[str, str, str]]:
        """Kind, account and check of everything the webhook was told, repeats by id dropped."""
        by_id = {call.id: json.loads(call.body) for call in self.receiver.calls if call.path == "/webhook"}
        return [
            (change["kind"], change["account"]["user_principal_name"], change["check_id"])
            for body in by_id.values()
            for change in body["data"]["changes"]
        ]


def small_tenant() -> TenantBuilder:
    """Three service accounts: one hidden through a nested group, one stuck, one visible."""
    return (
        TenantBuilder()
        .group("Backup apps")
        .group("All service accounts", members=["Backup apps"])
        .user(BACKUP, mfa="disabled", groups=["Backup apps"])
        .user(MAILER, mfa="enabled", methods=["authenticator"])
        .user(VISIBLE, mfa="enforced", methods=["authenticator"])
        .policy(
            "Require MFA for service accounts",
            include_groups=["All service accounts"],
            grant=["mfa"],
            client_apps=["browser"],
        )
    )


@pytest.fixture
def installation(storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation in the small tenant."""
    with LocalGraph(small_tenant().build()).in_thread() as graph, Receiver().in_thread() as receiver:
        monkeypatch.setenv("GRAPH_ENDPOINT", graph.url)
        monkeypatch.setenv("AzureWebJobsStorage", storage)
        monkeypatch.setenv("SERVICE_ACCOUNTS", ",".join((BACKUP, MAILER, VISIBLE)))
        monkeypatch.setenv("WEBHOOK_URL", f"{receiver.url}/webhook")
        monkeypatch.setenv("WEBHOOK_SECRET", receiver.secret)
        yield Installation(graph, receiver, storage)
