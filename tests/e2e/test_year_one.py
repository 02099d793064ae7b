"""Times of the year 1, with which .NET says that there is none, and of other years that nobody expects."""

import asyncio
import json
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.packing import pack, unpack
from findings.store import FINDINGS
from functions import http_api
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tests.e2e.conftest import BACKUP, Installation
from tests.e2e.test_http import answer, request


def reports() -> list[Any]:
    found = [asyncio.run(http_api.report(request(format=form))) for form in ("html", "csv", "ocsf", "json")]
    assert [one.status_code for one in found] == [200] * 4
    return found


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0987-01-01T00:00:00Z"])
def test_a_policy_that_was_made_in_it_hides_the_option_since_nobody_knows_when(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, created: str
) -> None:
    tenant = TenantBuilder().user(BACKUP, mfa="disabled")
    tenant.policy("MFA", grant=["mfa"], created=created, modified=created)
    with LocalGraph(tenant.build()).in_thread() as graph:
        monkeypatch.setenv("GRAPH_ENDPOINT", graph.url)
        monkeypatch.setenv("SERVICE_ACCOUNTS", BACKUP)
        found = installation.scan()
        assert found.account(BACKUP)["visibility"] == "hidden"
        assert all(not (one["since"] or "").startswith("0001") for one in found.account(BACKUP)["reasons"])
        reports()


def test_a_time_that_an_older_version_kept_without_padding_is_shown(installation: Installation, storage: str) -> None:
    installation.scan()

    async def spoil() -> None:
        async with TableServiceClient.from_connection_string(storage) as service:
            client = service.get_table_client(FINDINGS)
            async for row in client.query_entities("RowKey eq 'account'"):
                document = unpack(row) or {}
                for reason in document["reasons"]:
                    reason["since"] = "1-01-01T00:00:00Z"
                await client.upsert_entity({**row, **pack(document)})

    asyncio.run(spoil())
    *_, document = reports()
    assert json.loads(document.get_body())["accounts"]
    assert answer(asyncio.run(http_api.findings(request())))["findings"]
