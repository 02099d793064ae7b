"""Reports of a large tenant: seconds and peak memory of the page, the JSON and the CSV, of the page once it is kept, and of four at once.

``python -m bench.reporting ACCOUNTS [NAME ...]`` prints the table, or the rows of that name. Storage is Azurite; what is kept of the accounts is written straight into it, made of
the judgements of a scan of a smaller tenant with the same policies. Each answer is made in a process of its own, so that its peak is its own.
"""

import asyncio
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl
from uuid import UUID, uuid5

from azure.data.tables.aio import TableServiceClient

from bench.measured import Measured, peak_kb
from bench.serving import ROOT, serving
from commands.output import writing
from connections import storage
from connections.kept import WORKER, close_all
from devtools.azurite import start_azurite
from findings.model import AccountRecord, Observation, Snapshot
from findings.parallel import for_each
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore
from findings.store import FindingStore
from jobs import views
from jobs.scan import ScanRequest, scan
from settings import load_settings
from tests.reports.chromium import find_chromium
from tests.reports.measure import in_browser

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
    await store.contents.settle()


def measure(accounts: int = ACCOUNTS, names: Sequence[str] = ()) -> list[Measured]:
    """The page (made, then kept), JSON and CSV over HTTP, and as the command line writes them; then the page in chromium."""
    found = []
    with start_azurite() as azurite, TemporaryDirectory() as folder:
        connection = azurite.new_account()
        asyncio.run(fill(accounts, connection))
        for name, what in [(name, what) for name, what in _WHATS.items() if not names or name in names]:
            command = [sys.executable, "-m", "bench.reporting", "--one", name, folder]
            environment = {**os.environ, "AzureWebJobsStorage": connection, "GRAPH_ENDPOINT": "http://127.0.0.1:1"}
            answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
            seconds, cpu, before, peak, size = json.loads(answer.stdout.splitlines()[-1])
            of = f"{accounts:,} accounts, {what}"
            found += [
                Measured(f"{of}: seconds", seconds, "s", "1 s" if name in ("kept", "twenty") else ""),
                Measured(f"{of}: processor", cpu, "s"),
                Measured(f"{of}: memory, {before:.0f} MB of it before", peak, "MB", _BOUNDS.get(name, "")),
                Measured(f"{of}: size", size, "MB"),
            ]
        chromium, file = find_chromium(), Path(folder, "page.html")
        page = file.read_text(encoding="utf-8") if file.exists() else ""
    opened = in_browser(page, accounts, chromium) if chromium and page else []
    return found + [Measured(one.what, one.value, one.unit, f"{one.bound:g} {one.unit}") for one in opened]


_WHATS = {
    "made": "page, made anew and kept",
    "kept": "page, kept",
    "json": "JSON to a file",
    "csv": "CSV to a file",
    "part": "JSON over HTTP, the first part",
    "parts": "JSON over HTTP, every part, the largest",
    "packed": "CSV over HTTP",
    "four": "page, JSON, CSV and OCSF over HTTP at once",
    "twenty": "findings over HTTP, twenty requests at once",
}
_BOUNDS = {
    **dict.fromkeys(("json", "csv", "part", "parts", "packed"), "150 MB"),
    "kept": "300 MB",
    "made": "256 MB",
    "twenty": "400 MB",
}
_ASKED = {
    "part": [{"format": "json"}],
    "packed": [{"format": "csv"}],
    "four": [{"format": form} for form in ("html", "json", "csv", "ocsf")],
}
"""The parameters of requests that are made at once; of the page alone where none are named."""


async def _one(name: str, folder: Path) -> None:
    """Make one answer, and print seconds, processor time, memory before and at most, and how large it is."""
    settings, now = load_settings(require=frozenset({"storage"})), datetime.now(UTC)
    before, began, cpu, size = peak_kb(), time.perf_counter(), time.process_time(), 0
    if name in ("json", "csv"):
        file = folder / f"report.{name}"
        async with views.opened(settings) as service:
            with writing(file) as take:
                await views.report(service, name, now, take)
        size = file.stat().st_size
    else:
        import azure.functions as func  # the command line doesn't

        from functions import http_api, turns

        async def ask(params: dict[str, str], of: str = "report") -> func.HttpResponse:
            asked = func.HttpRequest("GET", f"http://localhost/api/{of}", headers=_ASKS, params=params, body=b"")
            answer: func.HttpResponse = await getattr(http_api, of)(asked)
            if answer.status_code != 200:
                raise RuntimeError(answer.get_body())
            return answer

        os.environ[WORKER] = "python"  # as the Functions host has it: what is opened stays open
        await ask({}, "exceptions")  # nobody is asked twenty things at once before anything else
        before, began, cpu = peak_kb(), time.perf_counter(), time.process_time()
        if name == "parts":
            params = {"format": "json"}
            while params:
                part = await ask(params)
                size, link = max(size, len(part.get_body())), part.headers.get("Link", "")
                params = dict(parse_qsl(link.partition("?")[2].partition(">")[0]))
        elif name == "twenty":
            answers = await asyncio.gather(*(ask({}, "findings") for _ in range(20)))
            size = len(answers[0].get_body())
        else:
            # Nobody may have four at once, but four people may.
            with patch.object(turns, "AT_ONCE_FOR_ONE", turns.AT_ONCE):
                answers = await asyncio.gather(*(ask(params) for params in _ASKED.get(name, [{"format": "html"}])))
            size = sum(len(answer.get_body()) for answer in answers)
            if name == "made":
                (folder / "page.html").write_bytes(gzip.decompress(answers[0].get_body()))
    spent = (time.perf_counter() - began, time.process_time() - cpu)
    await close_all()
    print(json.dumps([*spent, before / 1024, peak_kb() / 1024, size / 1e6]))


_ASKS = {"Accept-Encoding": "gzip"}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        asyncio.run(_one(sys.argv[2], Path(sys.argv[3])))
    else:
        for one in measure(int(sys.argv[1]) if sys.argv[1:] else ACCOUNTS, sys.argv[2:]):
            print(f"| {one.what} | {one.value:,.2f} {one.unit} | {one.bound} |")
