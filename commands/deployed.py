"""``cli.py scan --deployed``: the function app scans, not this machine; here its run is asked for and followed to the end."""

import argparse
import asyncio
import json
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta

from commands.output import FAILED, exit_code, plain, put, say
from connections.queues import put_later
from findings.run_record import OVER, RunRecord, RunStatus
from findings.runs import RunStore, new_run_id
from jobs import views
from jobs.messages import SCANS, ScanMessage
from reports.words import count, gap_sentence
from settings import Settings, load_settings

LOOK = 5.0
"""Seconds between two looks at the run."""
PATIENCE = timedelta(minutes=15)
"""How long a run may go without any sign of life: the first start, and a scan of some accounts that it waits for."""
OUTPUTS = {"storage_queue_uri": "STORAGE_QUEUE_ENDPOINT", "storage_table_uri": "STORAGE_TABLE_ENDPOINT"}
"""Setting -> output of the deployment, which azd keeps in its environment."""


async def scan_deployed(options: argparse.Namespace) -> int:
    """Have the function app scan everything, follow the run, and print what came of it. Returns the exit code of ``scan``."""
    settings = installation(options.storage_account)
    run = RunRecord(new_run_id(datetime.now(UTC)), RunStatus.QUEUED, datetime.now(UTC), trigger="by hand")
    async with views.opened(settings) as service:
        runs = RunStore(service)
        await runs.save(run)  # so that it can be followed before a scan picks it up
        await put_later(settings, SCANS, ScanMessage(run.id, run.trigger).text, timedelta())
        say(f"Run {run.id} is on the queue of the function app.")
        ended = await _followed(runs, run)
    if options.format == "json":
        put(json.dumps(ended.public(), ensure_ascii=False, indent=2))
    else:
        put(summary(ended))
    for gap in ended.gaps:
        say(plain(f"Could not read: {gap_sentence(gap, {})}"))
    if ended.status not in (RunStatus.COMPLETE, RunStatus.INCOMPLETE):
        return FAILED
    found = [level for level, count in ended.severities.items() if count]
    return exit_code(options.fail_on, found, complete=ended.status is RunStatus.COMPLETE)


def installation(storage_account: str | None) -> Settings:
    """Where the storage of the installation is: the account that is named, that of azd's environment, or that of the settings.

    Raises NotFound where there is none.
    """
    settings = load_settings(require=frozenset())
    if storage_account:
        found = {
            field: f"https://{storage_account}.{service}.core.windows.net"
            for field, service in (("storage_queue_uri", "queue"), ("storage_table_uri", "table"))
        }
    else:
        values = _azd_values()
        found = {field: values[name] for field, name in OUTPUTS.items() if values.get(name)}
    if len(found) == len(OUTPUTS):
        # Whoever sits here signs in as themselves, and not with what is set for another storage account.
        others = dict.fromkeys(("storage_connection_string", "storage_client_id", "azure_client_id"))
        return settings.model_copy(update={**others, **found})
    if not settings.storage.known:
        raise views.NotFound(
            "Which installation? Run it where azd deployed one, or name its storage account with --storage-account."
        )
    return settings


def summary(run: RunRecord) -> str:
    """What came of a run, in lines."""
    lines = [f"Run {run.id}: {run.status.value}, {_done(run)}."]
    if run.error:
        lines.append(run.error)
    for title, counts in (
        ("App password option", run.visibility),
        ("Open findings", run.severities),
        ("Changes", run.changes),
    ):
        said = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
        lines += [f"{title}: {said}."] if said else []
    return "\n".join(plain(line) for line in [*lines, *run.notes])


def _done(run: RunRecord) -> str:
    return f"{run.accounts_done:,} of {count(run.accounts_total, 'account', 'accounts')}"


async def _followed(runs: RunStore, run: RunRecord) -> RunRecord:
    """The run as it is at its end, or when nothing has happened to it for too long."""
    known, moved = run, time.monotonic()
    while known.status not in OVER and known.status is not RunStatus.FAILED:
        if time.monotonic() - moved > PATIENCE.total_seconds():
            say(f"Nothing has happened to the run for {PATIENCE}: is the app deployed? Its log says why.")
            break
        await asyncio.sleep(LOOK)
        found = await runs.load(run.id) or run
        if (found.status, found.accounts_done) != (known.status, known.accounts_done):
            moved = time.monotonic()
            say(f"{found.status.value}: {_done(found)}")
        known = found
    return known


def _azd_values() -> dict[str, str]:
    """The values of the current azd environment; empty where there is none."""
    azd = shutil.which("azd")
    if azd is None:
        return {}
    command = [azd, "env", "get-values", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    try:
        found = json.loads(done.stdout) if done.returncode == 0 else {}
    except ValueError:
        return {}
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}
