"""Reports of a large tenant: seconds and peak memory of the page, the JSON and the CSV, and of the page once it is kept.

``python -m bench.reporting ACCOUNTS`` prints the table. Storage is Azurite; what is kept of the accounts is written straight into it, made of
the judgements of a scan of a smaller tenant with the same policies. Each answer is made in a process of its own, so that its peak is its own.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid5

from azure.data.tables.aio import TableServiceClient

from bench.serving import serving
from connections import storage
from findings.model import AccountRecord, Observation, Snapshot
from findings.parallel import for_each
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore
from findings.store import FindingStore
from jobs import views
from jobs.scan import ScanRequest, scan
from settings import load_settings

ACCOUNTS, JUDGED, POLICIES = 20_000, 1_000, 195
_NAMES = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
Json = dict[str, Any]


async def fill(accounts: int, connection: str) -> None:
    """Keep so many accounts, as a first scan of everything would."""
    with serving(JUDGED + 1_000, min(accounts, JUDGED), POLICIES, "none", 0) as url:
        environment = {"GRAPH_ENDPOINT": url, "AzureWebJobsStorage": connection, "SERVICE_ACCOUNT_PATTERNS": "svc-*"}
        with patch.dict(os.environ, environment), patch.dict(storage.CLIENT_OPTIONS, {"read_timeout": 120}):
            settings = load_settings(require=frozenset({"storage"}))
            document = (await scan(settings, ScanRequest("judged", "benchmark", store=False))).document
            async with views.opened(settings) as service:
                await _keep(service, list(_multiplied(document["accounts"], accounts)), document["run"])


def _multiplied(judged: list[Json], accounts: int) -> Iterator[Json]:
    for number in range(accounts):
        one = judged[number % len(judged)]
        name = f"svc-{number + 1:05}@large.example"
        id = str(uuid5(_NAMES, name))
        yield {**one, "id": id, "user_principal_name": name, "display_name": f"Service account {number + 1}"}


async def _keep(service: TableServiceClient, accounts: list[Json], run: Json) -> None:
    now, store = datetime.now(UTC).replace(microsecond=0), FindingStore(service)
    record = RunRecord(
        "first", RunStatus.COMPLETE, now, now, tenant_id=run["tenant_id"], tenant_name=run["tenant_name"]
    )

    async def keep(one: Json) -> None:
        judged = AccountRecord(
            one["id"],
            one["user_principal_name"],
            one["display_name"],
            record.id,
            now,
            complete=True,
            visibility=one["visibility"],
            usability=one["usability"],
            document={**one, "findings": []},
        )
        seen = [
            Observation(found["check_id"], found["title"], found["severity"], found["check_id"], found["summary"])
            for found in one["findings"]
        ]
        await store.keep(judged, seen, alert_id="first", snapshot=Snapshot(one["id"], None))

    await for_each(accounts, keep, at_a_time=6)
    done = replace(record, accounts_total=len(accounts), accounts_done=len(accounts))
    await RunStore(service).save(done)
