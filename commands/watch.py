"""``cli.py watch``: look at the audit log again and again, and scan whom a change concerns.

What the function app does between two scans, in the foreground and without queues: a scan is done before the log is looked at again.
"""

import asyncio
from datetime import timedelta

from basics.times import moment
from commands.line.parts import Options
from commands.output import DONE, FAILED, plain, progress, put, say
from commands.scan import tell
from commands.signing_in import as_asked, without_mail
from connections.storage import StorageUnavailable
from findings.errors import ConflictError, LeaseLost, ScanAlreadyRunning, StorageError
from findings.model import Change
from findings.store import FindingStore
from jobs import views
from jobs.clock import now_utc
from jobs.errors import sentence
from jobs.log_watch import Looked, watch_log
from jobs.messages import ScanMessage
from jobs.scan import ScanRequest, scan
from settings import Settings, load_settings
from tenant.graph import GraphError

_PASSING = (GraphError, StorageUnavailable, StorageError, ConflictError, ScanAlreadyRunning, LeaseLost)
"""What may be over by the next look: who watches wants it to go on."""
_pause = asyncio.sleep


async def run(options: Options) -> int:
    """Watch until it is interrupted. Raises what ``jobs.errors.EXPECTED`` names, as every command does."""
    settings = load_settings().model_copy(update={"audit_log": "on"})  # nobody asks for it who doesn't want it read
    if options.sign_in:
        settings = without_mail(settings)
    async with as_asked(options, settings):
        if options.once:
            return FAILED if (await _look(settings)).error else DONE
        often = _span(options.every)
        progress(f"Looking at the audit log every {often}. Ctrl+C ends it; the next look goes on from there.")
        while True:
            try:
                await _look(settings)
            except _PASSING as error:
                say(f"{sentence(error)} The next look asks for the same again.")
            await _pause(options.every.total_seconds())


async def _look(settings: Settings) -> Looked:
    async def scan_now(message: ScanMessage, delay: timedelta, looked: Looked) -> None:
        _show(looked)
        await _pause(delay.total_seconds())
        result = await scan(settings, ScanRequest(message.run_id, message.trigger, message.accounts), progress=progress)
        changes = await _changes(settings, message.run_id)
        for change in changes:
            _line(f"{change.kind.value}: {change.user_principal_name} {change.check_id} {change.title}")
        if not changes:
            say("Nothing changed for any service account.")
        await tell(settings, result.alert_ids)

    looked = await watch_log(settings, scan_now)
    if looked.error:
        say(f"The audit log can't be read: {plain(looked.error)}")
    if looked.alert_ids:
        await tell(settings, looked.alert_ids)
    return looked


def _show(looked: Looked) -> None:
    """A line for each event that concerns a service account, and what is done about it."""
    for event in looked.reach.events:
        about = ", ".join(target.name for target in event.targets[:3] if target.name)
        what = f"{event.activity} ({about})" if about else event.activity
        _line(f"{moment(event.time)}: {what} by {event.actor or 'somebody'}")
    say(f"Scanning {looked.whom}{f': {looked.why_everybody}' if looked.why_everybody else ''}.")


async def _changes(settings: Settings, run_id: str) -> list[Change]:
    async with views.opened(settings) as service:
        lately = FindingStore(service).history_since(now_utc() - timedelta(hours=1))
        return [change async for change in lately if change.run_id == run_id]


def _line(text: str) -> None:
    put(f"{plain(text)}\n")


def _span(every: timedelta) -> str:
    seconds = int(every.total_seconds())
    return f"{seconds // 60} minutes" if seconds % 60 == 0 and seconds > 60 else f"{seconds} seconds"
