"""What is wrong with this installation, seen from inside the function app: one line for each thing, with what to do.

``jobs/doctor.py`` looks at a checkout, with the permissions of whoever sits there; here it is the app's own identity, its queues,
its scans and its package. It sends nothing and starts nothing.
"""

import os
import platform
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from azure.data.tables.aio import TableServiceClient
from pydantic import SecretStr

from alerts.channel import TITLES, set_again
from alerts.episodes import Cause, ChannelRecord
from alerts.ledger import DeliveryStatus, Ledger
from basics.documents import read_json
from connections.channels import configured
from connections.queues import look_at_queues
from connections.storage import TABLES, StorageUnavailable, ensure_tables, tables
from findings.errors import FindingsError
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore
from jobs.doctor import (
    Level,
    Line,
    dates_line,
    no_channel_line,
    permission_line,
    permission_lines_by_asking,
    probed,
    settings_lines,
    tables_line,
    tenant_lines,
    wrong_line,
)
from jobs.log_bookmark import IDLE, LATE, Bookmark, last_look
from jobs.messages import ALERTS, SCANS
from jobs.timetable import longest_pause, next_time
from reports import times
from reports.words import count
from settings import Settings
from settings.loading import REQUIREMENTS
from settings.values import OFF
from tenant.graph import Graph
from tenant.permissions import PERMISSIONS
from tenant.probes import Holding, Probed

HEALTHY = timedelta(hours=36)
"""A daily scan may be late by half a day before the app calls itself unhealthy."""
NO_ACCOUNT_FIX = (
    "Check SERVICE_ACCOUNTS, SERVICE_ACCOUNT_GROUPS, SERVICE_ACCOUNT_PATTERNS and SERVICE_ACCOUNT_ATTRIBUTE for a mistyped name "
    "(docs/troubleshooting.md), then scan everything."
)
"""What to do where the settings select no account."""
CLOCKS = timedelta(minutes=5)
"""How far the clocks of two instances may differ: a scan that ended later than this after now says nothing."""
BUILT = Path(__file__).parents[1] / "built.json"
"""What the package says of itself (devtools/package.py); a checkout has none."""
_MAIL = "Mail.Send"
_BEHIND_QUEUES = (
    ("run_scan", Level.WRONG, "no scan is done, whoever asks for it"),
    ("send_alerts", Level.WRONG, "no alert is sent"),
    ("scans_poison", Level.ATTENTION, "nobody hears of scans that fail for good"),
    ("alerts_poison", Level.ATTENTION, "nobody hears of alerts that can't be delivered"),
)
"""Function, how bad it is without it, and what is lost."""
_OPENED_BY_ANOTHER = "Not held, but another permission that the app's identity holds opens what it opens."
_TOKEN_IS_OLD = "Granted just now? Tokens are cached: wait up to a day, or restart the app and wait an hour."  # noqa: S105


async def examine_installation(now: datetime) -> list[Line]:
    """Look at everything. Raises nothing for what is wrong: each problem is a line."""
    settings, lines = settings_lines(frozenset(REQUIREMENTS))
    lines = [*lines, package_line(BUILT, platform.python_version()), *switched_off_lines(os.environ)]
    if settings is None:
        return lines
    lines += [await tables_line(settings), *await _queue_lines(settings)]
    records: Mapping[str, ChannelRecord] = {}
    untouched: Mapping[str, datetime] = {}
    try:
        async with tables(settings) as service:
            await ensure_tables(service, TABLES)
            lines += await _scan_lines(service, settings, now)
            ledger = Ledger(service)
            records, untouched = await ledger.book.records(), await _untouched(ledger, configured(settings), now)
    except (StorageUnavailable, FindingsError) as error:
        if not any(line.topic == "tables" and line.level is Level.WRONG for line in lines):
            lines.append(wrong_line("tables", str(error)))
    lines += await tenant_lines(settings, _permission_lines)
    return [*lines, *channel_lines(settings, records, untouched), dates_line(now.date())]


async def _untouched(ledger: Ledger, names: Collection[str], now: datetime) -> dict[str, datetime]:
    """Channel -> since when an alert waits for it that nobody has tried to send, although scans put it on the queue again."""
    found = {}
    for name in names:
        waiting = await ledger.waiting(name)
        made = [kept.created for kept, state in waiting if state.status is DeliveryStatus.PENDING and not kept.done]
        if made and now - min(made) > HEALTHY:
            found[name] = min(made)
    return found


def package_line(built: Path, python: str) -> Line:
    """Which version runs, how it was built, and whether it was built for the Python that runs it."""
    try:
        made = read_json(built.read_text(encoding="utf-8"))
        version, commit, target = (str(made[name]) for name in ("version", "commit", "python"))
    except FileNotFoundError:
        return Line("version", Level.OK, f"A checkout, not a package, on Python {python}.")
    except (OSError, ValueError, KeyError, TypeError):
        fix = "Deploy it again: azd deploy, or python3 dev.py deploy."
        return Line("version", Level.ATTENTION, "What the package says of itself can't be read.", fix)
    text = f"Version {version} ({commit}), built for Python {target}, on Python {python}."
    if python.split(".")[:2] == target.split(".")[:2]:
        return Line("version", Level.OK, text)
    fix = "Deploy a package for this Python: azd env set APP_PYTHON_VERSION, then azd deploy."
    return Line("version", Level.ATTENTION, f"{text} Its bytecode is of no use, and its libraries may not load.", fix)


async def _queue_lines(settings: Settings) -> list[Line]:
    names = (SCANS, ALERTS, *(f"{name}-poison" for name in (SCANS, ALERTS)))
    try:
        waiting = await look_at_queues(settings, names)
    except StorageUnavailable as error:
        return [wrong_line("queues", str(error))]
    return [queue_line(name, number) for name, number in waiting.items()]


def queue_line(name: str, waiting: int | None) -> Line:
    """How many messages are on a queue, about; None: there is no such queue yet."""
    topic, messages = f"queue {name}", count(waiting or 0, "message", "messages")
    if waiting is None:
        return Line(topic, Level.OK, "Not there yet: nothing was ever put on it.")
    if not name.endswith("-poison"):
        return Line(topic, Level.OK, f"Read and written; about {messages} on it.")
    if not waiting:
        return Line(topic, Level.OK, "Read and written; nothing was set aside on it.")
    fix = "The app's log says why they failed (docs/operations.md, Poison messages). The next scan does the work again."
    return Line(topic, Level.ATTENTION, f"About {messages} set aside on it that nobody has taken up.", fix)


async def _scan_lines(service: TableServiceClient, settings: Settings, now: datetime) -> list[Line]:
    runs = RunStore(service)
    newest = await runs.newest(limit=1, whole=True)
    return [
        last_scan_line(newest[0] if newest else None, await runs.last_whole(now - HEALTHY, now + CLOCKS), now),
        next_scan_line(settings, os.environ, now),
        log_watch_line(settings, os.environ, await last_look(service), now),
    ]


def last_scan_line(newest: RunRecord | None, done: RunRecord | None, now: datetime) -> Line:
    """How the last scan of everything went: the newest one, and the last that was done lately."""
    topic = "last scan"
    if newest is not None and newest.status is RunStatus.FAILED:
        when = times.moment(newest.finished or newest.started)
        return Line(topic, Level.WRONG, f"It failed {when}: {newest.error}", "Mend what it says, then scan everything.")
    if done is None:
        hours = HEALTHY // timedelta(hours=1)
        fix = "Scan everything. Where that doesn't help, the app's log says why (docs/operations.md)."
        return Line(topic, Level.WRONG, f"No scan of everything was done in the last {hours} hours.", fix)
    text = f"Done {times.moment(done.finished or now)}, {count(done.accounts_total, 'account', 'accounts')}"
    if not done.accounts_total:
        return Line(topic, Level.WRONG, f"{text}: nothing is watched.", NO_ACCOUNT_FIX)
    if done.status is RunStatus.COMPLETE:
        return Line(topic, Level.OK, f"{text}, and everything was readable.")
    gaps = count(len(done.gaps), "input", "inputs")
    return Line(
        topic, Level.ATTENTION, f"{text}; {gaps} could not be read.", "The report says which, and what opens them."
    )


def is_switched_off(function: str, environment: Mapping[str, str]) -> bool:
    """Whether somebody switched a function off, as docs/operations.md says, or in the portal."""
    names = {_switch(function).lower(), _switch(function).replace(".", "_").lower()}  # the host reads them without case
    return any(name.lower() in names and value.strip().lower() in ("1", "true") for name, value in environment.items())


def _switch(function: str) -> str:
    """The app setting that switches a function off."""
    return f"AzureWebJobs.{function}.Disabled"


def _paused_line(topic: str, function: str, environment: Mapping[str, str]) -> Line | None:
    """That somebody switched a timer off; None where nobody did."""
    if not is_switched_off(function, environment):
        return None
    return Line(topic, Level.ATTENTION, "The timer is switched off.", _switch_on(function))


def _switch_on(function: str) -> str:
    return f"Set {_switch(function)} to false, or deploy again."


def switched_off_lines(environment: Mapping[str, str]) -> list[Line]:
    """A line for each function behind a queue that somebody switched off: what is put on the queue waits there, and nobody is told."""
    return [
        Line(f"function {name}", level, f"It is switched off: {lost}.", _switch_on(name))
        for name, level, lost in _BEHIND_QUEUES
        if is_switched_off(name, environment)
    ]


def next_scan_line(settings: Settings, environment: Mapping[str, str], now: datetime) -> Line:
    """When the timer fires next."""
    topic = "next scan"
    if paused := _paused_line(topic, "scheduled_scan", environment):
        return paused
    following = next_time(settings.scan_schedule, now)
    if following is None:
        fix = 'Set SCAN_SCHEDULE to days that there are, e.g. "0 0 6 * * *".'
        return Line(topic, Level.WRONG, f"{settings.scan_schedule} names no day: the timer never fires.", fix)
    fix = "Scan daily: a change of a policy would be noticed only then, and health says not ok in between."
    if following - now > HEALTHY:
        return Line(topic, Level.ATTENTION, f"{times.moment(following)}, in more than 36 hours.", fix)
    if longest_pause(settings.scan_schedule, now) > HEALTHY:
        text = f"{times.moment(following)} ({settings.scan_schedule}); there are more than 36 hours between some."
        return Line(topic, Level.ATTENTION, text, fix)
    return Line(topic, Level.OK, f"{times.moment(following)} ({settings.scan_schedule}).")


def log_watch_line(settings: Settings, environment: Mapping[str, str], mark: Bookmark, now: datetime) -> Line:
    """Whether the audit log is looked at between scans, and up to when it was read."""
    topic, log_says = "audit log", "The app's log says why: look for watch_audit_log (docs/operations.md)."
    for name, value in (("AUDIT_LOG", settings.audit_log), ("WATCH_SCHEDULE", settings.watch_schedule)):
        if value == OFF:
            return Line(topic, Level.OK, f"It isn't looked at between scans: {name} is off.")
    if paused := _paused_line(topic, "watch_audit_log", environment):
        return paused
    if mark.failing is not None:
        fix = f"{log_says} Changes are noticed by the next scan only."
        return Line(topic, Level.WRONG, f"It can't be read since {times.moment(mark.failing)}.", fix)
    if mark.until is None:
        return Line(
            topic, Level.ATTENTION, "It wasn't looked at yet.", f"Wait for {settings.watch_schedule}. {log_says}"
        )
    due = next_time(settings.watch_schedule, mark.until + IDLE)
    text = f"Read up to {times.moment(mark.until)} ({settings.watch_schedule})."
    if due is not None and now - due > LATE:
        return Line(topic, Level.ATTENTION, f"Nobody looks at it: {text[0].lower()}{text[1:]}", log_says)
    return Line(topic, Level.OK, text)


async def _permission_lines(graph: Graph, settings: Settings) -> list[Line]:
    """The permissions that the app's token lists, against the map."""
    held = await graph.app_permissions()
    if held is None:
        return await permission_lines_by_asking(graph, settings)
    lines = [held_line(one, held, settings) for one in await probed(graph, settings)]
    return [*lines, *surplus_lines(held)]


def held_line(one: Probed, held: frozenset[str], settings: Settings) -> Line:
    """A permission of the map: whether the token lists it, or asking shows that another opens the same."""
    name, topic = one.permission.name, f"permission {one.permission.name}"
    if name == _MAIL:
        return _mail_line(topic, name in held, settings)
    if name in held:
        return Line(topic, Level.OK, "The app's identity holds it.")
    if one.holding is Holding.GRANTED:
        return Line(topic, Level.OK, _OPENED_BY_ANOTHER)
    if one.holding is Holding.UNPROBED:
        return Line(
            topic, Level.OK, f"Not held (optional). Where a scan needs it, it says so. {one.permission.without}"
        )
    line = permission_line(one, settings)
    if line.level in (Level.WRONG, Level.ATTENTION) and one.holding is Holding.MISSING:
        return Line(topic, line.level, line.text, f"{line.fix} {_TOKEN_IS_OLD}")
    return line


def _mail_line(topic: str, in_entra: bool, settings: Settings) -> Line:
    if in_entra:
        fix = "Take it away in Microsoft Entra ID, and grant it in Exchange Online for the one mailbox: docs/deploy.md, Mail."
        return Line(topic, Level.ATTENTION, "Held in Microsoft Entra ID: the app could send as every mailbox.", fix)
    if not settings.alert_email_from:
        return Line(topic, Level.OK, "Not needed: no alerts go by mail.")
    text = f"Whether Exchange Online lets the app send as {settings.alert_email_from} can't be asked without sending."
    who = settings.azure_client_id or "IDENTITY_CLIENT_ID"
    fix = f"Test-ServicePrincipalAuthorization -Identity {who} -Resource {settings.alert_email_from} says it; so does a test alert."
    return Line(topic, Level.NOT_TRIED, text, fix)


def surplus_lines(held: frozenset[str]) -> list[Line]:
    """What the app's identity holds beyond what the app uses."""
    more = sorted(held - {one.name for one in PERMISSIONS})
    if not more:
        return []
    fix = "Take it away, unless something else runs as the same identity, which is better given one of its own."
    return [
        Line(
            "permissions", Level.ATTENTION, f"The app's identity holds more than the app uses: {', '.join(more)}.", fix
        )
    ]


def channel_lines(
    settings: Settings, records: Mapping[str, ChannelRecord], untouched: Mapping[str, datetime] = MappingProxyType({})
) -> list[Line]:
    """Each channel: whether its settings can be used, and how it got on. Nothing is sent.

    ``untouched``: channel -> since when an alert waits for it that nobody has tried to send.
    """
    lines = [_channel_line(name, settings, records.get(name), untouched.get(name)) for name in configured(settings)]
    gone = [one for one in records.values() if one.cause is Cause.UNSET and one.name not in configured(settings)]
    lines += [
        Line(
            _topic(one.name),
            Level.ATTENTION,
            f"Alerts went to it until {times.day(one.since)}, and its settings are gone.",
            f"{set_again(one.name).capitalize()}. If it was taken away on purpose, there is nothing to do.",
        )
        for one in gone
        if one.since
    ]
    return lines if configured(settings) else [*lines, no_channel_line()]


def _topic(name: str) -> str:
    return f"channel {TITLES.get(name, name).removeprefix('the ')}"


def _channel_line(name: str, settings: Settings, record: ChannelRecord | None, untouched: datetime | None) -> Line:
    topic, broken = _topic(name), settings.broken_channels.get(name)
    if broken:
        return wrong_line(topic, broken)
    if record is not None and record.since and record.cause is not Cause.UNSET:
        fix = "Mend what it says, then send a test alert: what waits for the channel goes out with it."
        return Line(topic, Level.WRONG, f"It doesn't work since {times.moment(record.since)}: {record.error}", fix)
    if untouched is not None:
        fix = "The app's log says why: look for send_alerts (docs/operations.md)."
        return Line(
            topic,
            Level.WRONG,
            f"Since {times.moment(untouched)} an alert waits for it that nobody has tried to send.",
            fix,
        )
    return Line(topic, Level.OK, f"{_address(name, settings)} Nothing was sent now: a test alert does that.")


def _address(name: str, settings: Settings) -> str:
    """Where a channel leads, without what is secret."""
    if name == "email":
        return f"Mail from {settings.alert_email_from} to {', '.join(settings.alert_email_to)}."
    given: SecretStr | None = settings.teams_webhook_url if name == "teams" else settings.webhook_url
    return f"Its address is well-formed and leads to {urlsplit(given.get_secret_value()).hostname if given else '?'}."
