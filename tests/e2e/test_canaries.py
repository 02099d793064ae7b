"""Secrets in each kind of input: none of them comes out anywhere, be it a log at any level, a span, an alert, a table or an exception.

What is planted is what must never be repeated. Names of accounts and policies, and the message of an error of Microsoft Graph, are
there to be shown to administrators; of them only spans, metrics and addresses know nothing.
"""

import base64
import json
import logging
import traceback
import zlib
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from aiohttp import web
from azure.data.tables.aio import TableServiceClient

import function_app
from connections.storage import TABLES
from findings.kept_pages import PAGES
from findings.packing import unpack
from functions import http_api, queues
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from localgraph.serving import serve
from settings.model import LOCAL_GRAPH_TOKEN
from settings.values import AZURITE_CONNECTION
from tests.connections.test_telemetry import Recorded, recorded
from tests.e2e.conftest import BACKUP, UNTIL
from tests.e2e.test_http import request
from tests.functions.test_access import AZURE

__all__ = ["recorded"]

KINDS = """
webhook-signature webhook-path teams-signature teams-path webhook-secret
authorization cookie token-header id-token-header function-key unknown-header
query-code query-value fragment
body-not-json body-wrong-type body-other-member body-too-large
principal-claim principal-not-json principal-garbage
scan-message alert-message poison-message
answer-body answer-header answer-redirect teams-answer teams-code
graph-user-member graph-policy-member graph-error-inner graph-error-header graph-not-json
sign-in-address sign-in-place audit-address
environment identity-header wrong-webhook wrong-connection
""".split()
SECRETS = {kind: f"canary{number:02}{kind.replace('-', '')}" for number, kind in enumerate(KINDS)}
NAMES = {"account name": BACKUP, "display name": "Person Canary", "policy name": "Policy Canary"}


def plant(kind: str) -> str:
    return SECRETS[kind]


class Sinks:
    """Everything that came out, as text."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def add(self, where: str, what: object) -> None:
        self.texts.append((where, what if isinstance(what, str) else json.dumps(what, default=str)))

    def response(self, where: str, response: func.HttpResponse) -> None:
        self.add(where, response.get_body().decode("utf-8"))
        self.add(where, dict(response.headers))

    def logs(self, records: list[logging.LogRecord]) -> None:
        for record in records:
            self.add(f"log of {record.name} at {record.levelname}", record.getMessage())
            if record.exc_info and record.exc_info[1]:
                self.add("log", "".join(traceback.format_exception(record.exc_info[1])))

    async def ask(self, where: str, work: Awaitable[Any]) -> Any:
        """What a trigger gives, or raises."""
        try:
            given = await work
        except Exception as error:  # noqa: BLE001  whatever it is, it is what comes out
            self.add(where, "".join(traceback.format_exception(error)))
            return None
        if isinstance(given, http_api.RecheckAnswer):
            self.add(where, [*given.scans, *given.alerts])
            given = given.response
        if isinstance(given, func.HttpResponse):
            self.response(where, given)
        else:
            self.add(where, given)
        return given

    async def tables(self, storage: str) -> None:
        pages: dict[str, bytes] = {}
        async with TableServiceClient.from_connection_string(storage) as service:
            for table in TABLES:
                async for row in service.get_table_client(table).list_entities():
                    self.add(f"table {table}", {name: one for name, one in row.items() if not isinstance(one, bytes)})
                    if table == PAGES:
                        pieces = b"".join(row[name] for name in sorted(row) if isinstance(row[name], bytes))
                        page = f"{row['PartitionKey']} {row['RowKey'].partition(';')[0]}"
                        pages[page] = pages.get(page, b"") + pieces
                    elif any(name.startswith("data") for name in row) and table != "alerts":
                        self.add(f"table {table}", unpack(row))
        shown = [zlib.decompress(packed).decode() for packed in pages.values() if packed]
        assert shown
        assert all("<html" in page for page in shown)
        self.add(f"table {PAGES}", shown)

    def found(self, secrets: dict[str, str]) -> set[tuple[str, str]]:
        encoded = {kind: base64.b64encode(one.encode()).decode().rstrip("=")[:-2] for kind, one in secrets.items()}
        return {
            (kind, where)
            for where, text in self.texts
            for kind, one in secrets.items()
            if one in text or encoded[kind] in text
        }


def tenant() -> TenantBuilder:
    made = TenantBuilder().user(
        *(BACKUP,),
        name=NAMES["display name"],
        passwordProfile={"password": plant("graph-user-member")},
        mobilePhone=plant("graph-user-member"),
    )
    policy = {
        "displayName": NAMES["policy name"],
        "state": "enabled",
        "conditions": {
            "users": {"includeUsers": ["All"]},
            "applications": {"includeApplications": ["All"]},
            "clientAppTypes": ["all"],
            "somethingNew": {"secret": plant("graph-policy-member")},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    }
    return made.policy(raw=policy)


class Receiver:
    """Refuses every alert, and says too much."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.status = 400

    async def handle(self, asked: web.Request) -> web.Response:
        self.received.append(await asked.text())
        body = {"error": {"code": plant("teams-code"), "message": plant("teams-answer")}, "x": plant("answer-body")}
        headers = {"X-Secret": plant("answer-header"), "Location": f"https://x/?{plant('answer-redirect')}"}
        return web.json_response(body, status=self.status, headers=headers)


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalGraph]:
    with LocalGraph(tenant().build()).in_thread() as made:
        monkeypatch.setenv("GRAPH_ENDPOINT", made.url)
        yield made


def settings(monkeypatch: pytest.MonkeyPatch, storage: str, url: str) -> dict[str, str]:
    key = base64.b64encode(plant("webhook-secret").ljust(32, "x").encode()).decode()
    values = {
        "AzureWebJobsStorage": storage,
        "SERVICE_ACCOUNTS": BACKUP,
        "AUDIT_LOG": "on",
        "SERVICE_ACCOUNT_DISCOVERY": "signins,consents",
        "WEBHOOK_URL": f"{url}/{plant('webhook-path')}?sig={plant('webhook-signature')}",
        "TEAMS_WEBHOOK_URL": f"{url}/{plant('teams-path')}?sig={plant('teams-signature')}",
        "WEBHOOK_SECRET": f"whsec_{key}",
        "SOME_PASSWORD": plant("environment"),
        "IDENTITY_HEADER": plant("identity-header"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return {
        "webhook-secret in base64": key,
        "account key": AZURITE_CONNECTION["AccountKey"],
        "token": LOCAL_GRAPH_TOKEN,
    }


HEADERS = {
    "Authorization": f"Bearer {plant('authorization')}",
    "Cookie": f"AppServiceAuthSession={plant('cookie')}",
    "X-MS-TOKEN-AAD-ACCESS-TOKEN": plant("token-header"),
    "X-MS-TOKEN-AAD-ID-TOKEN": plant("id-token-header"),
    "x-functions-key": plant("function-key"),
    "X-Other": plant("unknown-header"),
}


def principal(content: object) -> dict[str, str]:
    return {**HEADERS, "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(content).encode()).decode()}


def asked(method: str = "GET", body: Any = b"", headers: dict[str, str] = HEADERS) -> func.HttpRequest:
    made = request(method, body, headers, {"id": "x"}, code=plant("query-code"), other=plant("query-value"))
    return func.HttpRequest(
        made.method,
        f"http://localhost/api/x?code={plant('query-code')}&other={plant('query-value')}#{plant('fragment')}",
        headers=headers,
        params=dict(made.params),
        route_params=dict(made.route_params),
        body=made.get_body(),
    )


async def everything_over_http(sinks: Sinks) -> None:
    exception = {"account": BACKUP, "reason": "r", "owner": "o", "until": UNTIL, "x": plant("body-other-member")}
    claims = [
        {"typ": "roles", "val": "Operator"},
        {"typ": "oid", "val": "ada"},
        {"typ": "x", "val": plant("principal-claim")},
    ]
    bodies: list[Any] = [
        f'{{"accounts": {plant("body-not-json")}'.encode(),
        {"accounts": {"x": plant("body-wrong-type")}},
        {"accounts": [BACKUP], "x": plant("body-other-member")},
        plant("body-too-large").encode() * 10_000,
    ]
    for body in bodies:
        await sinks.ask("recheck", http_api.recheck(asked("POST", body)))
        await sinks.ask("exceptions", http_api.exceptions(asked("PUT", body)))
    await sinks.ask("exceptions", http_api.exceptions(asked("PUT", exception)))
    odd = {**HEADERS, "X-MS-CLIENT-PRINCIPAL": plant("principal-garbage")}
    for headers in (
        HEADERS,
        principal({"auth_typ": "aad", "claims": claims}),
        principal(plant("principal-not-json")),
        odd,
    ):
        for ask in (http_api.findings, http_api.report, http_api.exceptions, http_api.run, http_api.health):
            await sinks.ask(ask.__name__, ask(asked(headers=headers)))
        await sinks.ask("test_alert", http_api.test_alert(asked("POST", headers=headers)))


async def everything_from_queues(sinks: Sinks) -> None:
    alerts = await sinks.ask("run_scan", queues.run_scan(queues.scheduled_scan().encode())) or []
    for message in alerts:
        await sinks.ask("send_alert", queues.send_alert(message.encode()))
    for handler, kind in (
        (queues.run_scan, "scan-message"),
        (queues.send_alert, "alert-message"),
        (queues.scan_failed, "poison-message"),
        (queues.alert_failed, "poison-message"),
    ):
        for body in (plant(kind).encode(), json.dumps({"password": plant(kind)}).encode()):
            await sinks.ask(kind, handler(body))


def fail(graph: LocalGraph, **how: Any) -> None:
    graph.fail("conditionalAccess/policies|/transitiveMemberOf|directoryAudits", 403, **how)


async def test_no_secret_comes_out_anywhere(
    graph: LocalGraph,
    storage: str,
    recorded: Recorded,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert function_app.__name__  # importing it sets the levels of the libraries' logs, as in Azure
    caplog.set_level(logging.DEBUG)
    now = datetime.now(UTC) - timedelta(days=1)
    found = {"ipAddress": plant("sign-in-address"), "location": {"city": plant("sign-in-place")}}
    graph.tenant.sign_ins.append({"id": "s", "createdDateTime": f"{now:%Y-%m-%dT%H:%M:%SZ}", **found})
    graph.tenant.audits.append(
        {
            "id": "a",
            "activityDateTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "activityDisplayName": "Update conditional access policy",
        }
        | {"loggedByService": "Conditional Access", "category": "Policy", "result": "success", "targetResources": []}
        | {"initiatedBy": {"user": {"userPrincipalName": "ada@contoso.com", "ipAddress": plant("audit-address")}}}
    )
    sinks, receiver = Sinks(), Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner, url = await serve(app)
    more = settings(monkeypatch, storage, url)
    try:
        for status in (202, 400, 302):
            receiver.status = status
            await everything_from_queues(sinks)
            await everything_over_http(sinks)
            for name, value in {**AZURE, "ALERT_PRIVATE_NETWORKS": "127.0.0.0/8"}.items():  # from the second time on
                monkeypatch.setenv(name, value)
        inner = {"innerError": {"secret": plant("graph-error-inner")}, "code": "Forbidden", "message": "no"}
        graph.fail("conditionalAccess/policies", 403, body={"error": inner})
        graph.fail("directoryAudits", 403, body={"plain": plant("graph-not-json")})
        await everything_from_queues(sinks)
        for name, value in (
            ("WEBHOOK_URL", f"https://user:{plant('wrong-webhook')}@x/"),
            ("TEAMS_WEBHOOK_URL", f"https://xn--a/{plant('wrong-webhook')}"),
            ("WEBHOOK_SECRET", plant("wrong-webhook")),
            ("AzureWebJobsStorage", f"AccountName=x;AccountKey={plant('wrong-connection')}"),
        ):
            monkeypatch.setenv(name, value)
            await everything_from_queues(sinks)
            await everything_over_http(sinks)
    finally:
        await runner.cleanup()
    assert receiver.received
    await sinks.tables(storage)
    sinks.logs(caplog.records)
    for text in receiver.received:
        sinks.add("alert", text)
    seen = {where for where, _ in sinks.texts}
    assert {"report", "alert", "table findings", "table runs", "run_scan", "test_alert"} <= seen, seen
    for logged in graph.requests:
        sinks.add("address at Graph", f"{logged.path}?{logged.query}")
    outside = Sinks()
    for span in recorded.spans:
        outside.add("span", span.to_json())
    outside.add("metric", recorded.metrics())
    sinks.texts += outside.texts
    assert len(SECRETS) >= 30
    assert sinks.found(SECRETS | more) == set()
    assert outside.found(NAMES) == set()


def test_a_canary_that_comes_out_is_found(tmp_path: Path) -> None:
    sinks = Sinks()
    sinks.add("log", f"… {SECRETS['cookie']} …")
    sinks.add("table", base64.b64encode(SECRETS["teams-path"].encode()).decode())
    assert sinks.found(SECRETS) == {("cookie", "log"), ("teams-path", "table")}
