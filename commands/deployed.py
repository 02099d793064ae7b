"""``--deployed``: the function app scans, or looks what is wrong with it, and not this machine.

A scan is put on its queue, as whoever may use its storage; the run is followed to its end. What is wrong the app tells over HTTP, to
Operators.
"""

import asyncio
import json
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
from azure.core.exceptions import AzureError
from azure.identity.aio import AzureCliCredential, AzurePowerShellCredential, ChainedTokenCredential

from basics.documents import read_json
from commands.line.parts import Options
from commands.output import FAILED, exit_code, plain, progress, put, say
from connections.queues import put_later
from findings.run_record import DONE, OVER, RunRecord, RunStatus
from findings.runs import RunStore, new_run_id
from jobs import views
from jobs.doctor import Level, Line
from jobs.messages import SCANS, ScanMessage
from jobs.views import NotFound
from reports.words import count, gap_sentence
from settings import Settings, load_settings
from settings.values import is_loopback, storage_account_name

LOOK = 5.0
"""Seconds between two looks at the run."""
PATIENCE = timedelta(minutes=15)
"""How long a run may go without any sign of life: the first start, and a scan of some accounts that it waits for."""
OUTPUTS = {"storage_queue_uri": "STORAGE_QUEUE_ENDPOINT", "storage_table_uri": "STORAGE_TABLE_ENDPOINT"}
"""Setting -> output of the deployment, which azd keeps in its environment."""

TIMEOUT = httpx.Timeout(150, connect=10)
"""The app may have to start first, and asks Microsoft Graph a good deal."""


async def az_token(resource: str) -> str:
    """A token of whoever is signed in with Azure CLI or Azure PowerShell, which the registration lets in. Raises NotTold."""
    try:
        async with ChainedTokenCredential(AzureCliCredential(), AzurePowerShellCredential()) as signed_in:
            return (await signed_in.get_token(f"{resource.rstrip('/')}/.default")).token
    except AzureError as error:
        raise NotTold(
            f"Signing in failed: run az login, as somebody with the app role Operator ({plain(error.message)[:300]})."
        ) from None


async def scan_deployed(options: Options) -> int:
    """Have the function app scan everything, follow the run, and print what came of it. Returns the exit code of ``scan``."""
    settings = installation(options.storage_account)
    run = RunRecord(new_run_id(datetime.now(UTC)), RunStatus.QUEUED, datetime.now(UTC), trigger="by hand")
    async with views.opened(settings) as service:
        runs = RunStore(service)
        await runs.save(run)  # so that it can be followed before a scan picks it up
        await put_later(settings, SCANS, ScanMessage(run.id, run.trigger).text, timedelta())
        progress(f"Run {run.id} is on the queue of the function app.")
        ended = await _followed(runs, run)
        # What somebody accepted is open in the run's own numbers, and no reason to fail.
        is_open = await views.findings(service, views.OPEN, datetime.now(UTC)) if ended.status in DONE else []
    if options.format == "json":
        put(json.dumps(ended.public(), ensure_ascii=False, indent=2))
    else:
        put(summary(ended))
    for gap in ended.gaps:
        say(plain(f"Could not read: {gap_sentence(gap, {})}"))
    if ended.status not in DONE:
        return FAILED
    found = [one["severity"] for one in is_open if not one["exception"]]
    return exit_code(options.fail_on, found, complete=ended.status is RunStatus.COMPLETE)


class NotTold(NotFound):
    """The function app doesn't say what is wrong with it; the text is one sentence with what to do."""


async def doctor_deployed(options: Options) -> list[Line]:
    """What the function app says is wrong with it.

    Raises NotFound where there is no installation, NotTold where it doesn't say.
    """
    values = {} if options.url and options.resource else _azd_values()
    url, resource = options.url or values.get("FUNCTION_APP_URL"), options.resource or values.get("IDENTIFIER_URI")
    if not url or not resource:
        raise NotFound(
            "Which installation? Run it where azd deployed one, or name it: --url FUNCTION_APP_URL --resource IDENTIFIER_URI."
        )
    _must_be_safe(url)
    headers = {"Authorization": f"Bearer {await az_token(resource)}", "Accept": "application/json"}
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client:
            answer = await client.get(f"{url.rstrip('/')}/api/doctor", headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotTold(
            f"The function app at {url} can't be reached ({type(error).__name__}): it may be starting."
        ) from None
    return lines_in(answer.status_code, answer.content)


def _must_be_safe(url: str) -> None:
    """A token goes over the network encrypted, or nowhere."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise NotFound(f"The address {url} is none of a function app: it begins with https://.")


def _must_be_a_name(storage_account: str) -> None:
    """An address would become part of another one, and a token would go there."""
    try:
        storage_account_name(storage_account)
    except ValueError as error:
        raise NotFound(f"--storage-account {error}.") from None


def lines_in(status: int, content: bytes) -> list[Line]:
    """The lines of an answer of ``GET /api/doctor``. Raises NotTold for any other answer."""
    try:
        said = read_json(content)
        if status == HTTPStatus.OK and said["lines"]:
            return [Line(one["topic"], Level(one["level"]), one["text"], one["fix"]) for one in said["lines"]]
        why = str(said["error"])
    except (ValueError, KeyError, TypeError):
        why = "Nobody can sign in to it yet (docs/deploy.md, step 9), or it isn't deployed."
    raise NotTold(f"The function app doesn't say ({status}): {plain(why)[:500]}")


def installation(storage_account: str | None) -> Settings:
    """Where the storage of the installation is: the account that is named, that of azd's environment, or that of the settings.

    Raises NotFound where there is none.
    """
    settings = load_settings(require=frozenset())
    if storage_account:
        _must_be_a_name(storage_account)
    values = {} if storage_account else _azd_values()
    found: dict[str, str | None] = {field: values.get(name) for field, name in OUTPUTS.items()}
    if storage_account or all(found.values()):
        # Whoever sits here signs in as themselves, and not with what is set for another storage account.
        others = dict.fromkeys(("storage_connection_string", "storage_client_id", "azure_client_id"))
        return settings.model_copy(update={**others, **found, "storage_account_name": storage_account})
    if not settings.storage.known:
        raise NotFound(
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
            progress(f"{found.status.value}: {_done(found)}")
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
