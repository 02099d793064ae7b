"""Halves of surrogate pairs, by every way in: each is replaced at the edge, and whatever is kept can be read and shown again."""

import asyncio
import base64
import json
from typing import Any

import azure.functions as func
import pytest
from azure.data.tables.aio import TableServiceClient

from findings.exceptions import EXCEPTIONS
from findings.runs import RUNS
from functions import http_api, queues
from functions.answers import Body
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tests.e2e.conftest import BACKUP, UNTIL, Installation, run_cli
from tests.e2e.test_http import answer, request
from tests.functions.test_access import AZURE

LONE = "\ud800"


def everything_can_be_read() -> None:
    """Findings, exceptions and the report, in each form, without a lone surrogate in them."""
    for ask, forms in (
        (http_api.findings, ("json", "csv", "ocsf")),
        (http_api.report, ("html", "json", "csv", "ocsf")),
        (http_api.exceptions, ("",)),
    ):
        for form in forms:
            response = asyncio.run(ask(request(format=form) if form else request()))
            assert response.status_code == 200, (ask.__name__, form, response.get_body())
            body = response.get_body().decode("utf-8")
            assert "\\ud800" not in body
    accounts = {one["account"] for one in answer(asyncio.run(http_api.findings(request(status="all"))))["findings"]}
    for id in accounts:
        for form in ("html", "json"):
            shown = asyncio.run(http_api.account_history(request(route={"id": id}, format=form)))
            assert (shown.status_code, "\\ud800" in shown.get_body().decode("utf-8")) == (200, False)


def recheck(*accounts: str) -> http_api.RecheckAnswer:
    return asyncio.run(http_api.recheck(request("POST", {"accounts": list(accounts)})))


def test_an_exception_with_one_in_each_of_its_texts_is_kept_and_read_again(installation: Installation) -> None:
    installation.scan()
    wanted = {
        "account": BACKUP,
        "check": "APW-001",
        "reason": f"going{LONE}",
        "owner": f"{LONE}Ada",
        "until": UNTIL,
    }
    made = asyncio.run(http_api.exceptions(request("PUT", wanted)))
    assert (made.status_code, answer(made)["reason"], answer(made)["owner"]) == (200, "going\ufffd", "\ufffdAda")
    everything_can_be_read()
    assert recheck(BACKUP).response.status_code == 200
    everything_can_be_read()
    for name in ("account", "check", "until"):
        refused = asyncio.run(http_api.exceptions(request("PUT", {**wanted, name: LONE})))
        assert refused.status_code in (400, 404)


@pytest.mark.parametrize("account", [LONE, f"svc{LONE}@contoso.com", f"{LONE * 1000}"])
def test_a_recheck_of_a_name_with_one_finds_no_such_account(installation: Installation, account: str) -> None:
    assert recheck(account).response.status_code == 404


def test_each_parameter_of_a_request_may_hold_one(installation: Installation) -> None:
    installation.scan()
    asked = [
        (http_api.findings, request(account=LONE), 404),
        (http_api.findings, request(check=LONE), 404),
        (http_api.findings, request(status=LONE), 400),
        (http_api.findings, request(severity=LONE), 400),
        (http_api.report, request(format=LONE), 400),
        (http_api.run, request(route={"id": LONE}), 404),
        (http_api.account_history, request(route={"id": LONE}), 404),
        (http_api.account_history, request(route={"id": BACKUP}, format=LONE), 400),
        (http_api.exceptions, request("DELETE", id=LONE), 404),
    ]
    for ask, req, status in asked:
        response = asyncio.run(ask(req))
        assert response.status_code == status
        response.get_body().decode("utf-8")


def test_a_principal_may_hold_one(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    installation.scan()
    for name, value in AZURE.items():
        monkeypatch.setenv(name, value)
    claims = [{"typ": "roles", "val": "Operator"}, {"typ": "oid", "val": f"ada{LONE}"}]
    principal = json.dumps({"auth_typ": "aad", "claims": claims, "role_typ": "roles"})
    headers = {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(principal.encode()).decode()}
    wanted = {"account": BACKUP, "reason": "going", "owner": "Ada", "until": UNTIL}
    made = asyncio.run(http_api.exceptions(request("PUT", wanted, headers)))
    assert (made.status_code, answer(made)["created_by"]) == (200, "ada\ufffd")


async def _update(storage: str, table: str, changes: dict[str, Any]) -> None:
    async with TableServiceClient.from_connection_string(storage) as service:
        client = service.get_table_client(table)
        async for row in client.list_entities():
            await client.update_entity({**{name: row[name] for name in ("PartitionKey", "RowKey")}, **changes})


def test_rows_that_an_older_version_kept_are_read(installation: Installation, storage: str) -> None:
    installation.scan()
    wanted = {"account": BACKUP, "reason": "going", "owner": "Ada", "until": UNTIL}
    made = answer(asyncio.run(http_api.exceptions(request("PUT", wanted))))
    kept = json.dumps(
        {
            **{name: made[name] for name in ("id", "user_principal_name", "check_id", "until", "created_at")},
            "account_id": made["account"],
            "reason": LONE,
            "owner": LONE,
            "created_by": "ada",
            "ended_at": None,
            "ended_by": None,
        }
    )
    asyncio.run(_update(storage, EXCEPTIONS, {"exception": kept}))
    asyncio.run(_update(storage, RUNS, {"tenant_name": LONE, "trigger": LONE}))
    everything_can_be_read()
    (one,) = answer(asyncio.run(http_api.exceptions(request())))["exceptions"]
    assert one["reason"] == "\ufffd"
    assert recheck(BACKUP).response.status_code == 200


def odd_tenant() -> TenantBuilder:
    """Names with half a pair in whatever can have a name."""
    return (
        TenantBuilder(f"Contoso{LONE}")
        .group(f"Apps{LONE}")
        .user(BACKUP, mfa="disabled", groups=[f"Apps{LONE}"], name=f"Backup{LONE}")
        .policy(f"MFA{LONE}", include_groups=[f"Apps{LONE}"], grant=["mfa"], client_apps=["browser"])
    )


def test_a_tenants_own_names_may_hold_one_and_its_alerts_are_sent(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalGraph(odd_tenant().build()).in_thread() as graph:
        monkeypatch.setenv("GRAPH_ENDPOINT", graph.url)
        monkeypatch.setenv("SERVICE_ACCOUNTS", BACKUP)
        found = recheck(BACKUP)
        assert found.response.status_code == 200
        assert answer(found.response)["accounts"][0]["display_name"] == "Backup\ufffd"
        alerts = [*found.alerts, *asyncio.run(queues.run_scan(queues.scheduled_scan().encode()))]
        for message in alerts:
            asyncio.run(queues.send_alert(message.encode("utf-8")))
        assert installation.told() == [("opened", BACKUP, "APW-001")]
        everything_can_be_read()


@pytest.mark.parametrize("handler", [queues.scan_failed, queues.alert_failed])
def test_a_message_with_one_is_logged(handler: Any, installation: Installation) -> None:
    asyncio.run(handler(b'{"run_id": "\\ud800", "alert_id": "\\ud800", "trigger": "\\ud800", "channel": "\\ud800"}'))


def test_a_setting_may_hold_one(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNT_ATTRIBUTE", "department=\udcff")
    monkeypatch.setenv("PRODUCTS_FILE", "/nowhere/\udcff.json")
    with pytest.raises(Exception, match="PRODUCTS_FILE") as refused:
        asyncio.run(queues.run_scan(queues.scheduled_scan().encode()))
    str(refused.value).encode("utf-8")


def test_a_policy_file_may_hold_one(installation: Installation, tmp_path: Any) -> None:
    file = tmp_path / "policy.json"
    policy = {"id": "x", "displayName": LONE, "state": "enabled", "conditions": {"users": {"includeUsers": ["All"]}}}
    file.write_text(json.dumps(policy), encoding="ascii")
    installation.scan()
    said = installation.run("simulate", "--policy-file", str(file))
    assert said.code in (0, 1)
    (said.out + said.err).encode("utf-8")


def test_arguments_of_the_command_line_may_hold_one(installation: Installation) -> None:
    installation.scan()
    for arguments in (
        ("findings", "--account", "\udcff"),
        (
            "exceptions",
            "add",
            "--account",
            BACKUP,
            "--check",
            "APW-001",
            "--reason",
            "\udcff",
            "--owner",
            "\udcff",
            "--until",
            UNTIL,
        ),
        ("exceptions", "list"),
        ("forget", "\udcff"),
    ):
        said = installation.run(*arguments)
        assert "Traceback" not in said.err, arguments
        (said.out + said.err).encode("utf-8")


def test_an_argument_that_is_refused_may_hold_one() -> None:
    answer = run_cli("scan", "--account", "\udcff")
    assert answer.code == 2
    answer.err.encode("utf-8")


def test_what_is_answered_can_always_be_encoded() -> None:
    body = Body({})
    body.take(LONE)
    for response in (
        http_api.json_response({"a": LONE}),
        body.answer("text/csv", 200, {}),
        http_api.error_response(400, LONE),
    ):
        assert isinstance(response, func.HttpResponse)
        response.get_body().decode("utf-8")
