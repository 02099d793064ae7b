"""Whether everything that a scan needs is in place: one line for each thing, with what to do where it isn't.

It reads, and writes one row that it deletes again. It sends nothing: ``cli.py alerts test`` does.
"""

import os
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypedDict
from urllib.parse import urlsplit

import httpx

from alerts.channel import TITLES
from basics.text import capital
from checks.facts import FactsError
from checks.product_files import ProductsError
from checks.retirements import newest_reading, retirements
from checks.tenant_switch import CLICK_PATH, SETTING, TenantSwitch
from connections.channels import configured
from connections.graph import graph_for
from connections.sign_in import person
from connections.storage import StorageUnavailable, ensure_tables, tables
from evidence.usage import products_for
from findings.errors import FindingsError
from findings.runs import probe
from reports.words import count
from settings import Settings, SettingsError, load_settings
from settings.loading import REQUIREMENTS
from settings.sources import given_names
from settings.spelling import mistyped
from settings.values import StorageConnection
from tenant.graph import Graph, GraphError, GraphRefused, GraphUnreachable
from tenant.mfa_service import read_mfa_service
from tenant.policy_reader import has_premium_licence
from tenant.probes import Holding, Probed, probe_permissions

CLOCK_TOLERANCE = timedelta(minutes=5)
"""Microsoft's sign-in refuses tokens of a clock that is further off; receivers of signed webhooks do so too."""

_GRAPH = "Microsoft Graph"
_WITHOUT = {
    "accounts": "No service accounts are named: name some with --account, or have them proposed with --propose.",
    "storage": "No storage is set: a scan by somebody who signed in does without, and keeps nothing.",
}
"""What a scan by somebody who signed in does without, by what it requires otherwise."""
DATES_HOLD = timedelta(days=365)
"""How long what Microsoft said about the dates of its retirements is taken to be news: it moves them."""


class Level(StrEnum):
    """How it is."""

    OK = "ok"
    NOT_TRIED = "not tried"
    ATTENTION = "attention"
    WRONG = "wrong"


EXIT_CODES = {Level.OK: 0, Level.NOT_TRIED: 0, Level.ATTENTION: 1, Level.WRONG: 2}


Permissions = Callable[[Graph, Settings], Awaitable["list[Line]"]]
"""Says which permissions the app has. Raises ``GraphUnreachable``."""


class PublicLine(TypedDict):
    """A line as a JSON object: docs/openapi.json is made from this."""

    topic: str
    level: Level
    text: str
    fix: str


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at: a sentence, and what to do unless all is well."""

    topic: str
    level: Level
    text: str
    fix: str = ""

    def public(self) -> PublicLine:
        """The line as a JSON object."""
        return {"topic": self.topic, "level": self.level, "text": self.text, "fix": self.fix}


def exit_code(lines: Iterable[Line]) -> int:
    """0 when all is well, 1 when something deserves attention, 2 when something is wrong."""
    return max((EXIT_CODES[line.level] for line in lines), default=0)


async def examine() -> list[Line]:
    """Look at everything. Raises nothing for what is wrong: each problem is a line."""
    required = frozenset[str]() if person() else frozenset(REQUIREMENTS) - {"schedule"}
    settings, lines = settings_lines(required)
    if settings is None:
        return lines
    lines += _left_out(REQUIREMENTS.keys() - required)
    if settings.storage != StorageConnection(client_id=settings.storage.client_id):  # else the settings' line says so
        lines += [await tables_line(settings), await _queues(settings.storage)]
    lines += await tenant_lines(settings, permission_lines_by_asking)
    return [*lines, *_channels(settings), dates_line(datetime.now(UTC).date())]


def _left_out(names: Collection[str]) -> list[Line]:
    """What isn't set, and a scan by somebody who signed in does without."""
    lines = []
    for name in sorted(_WITHOUT.keys() & names):
        try:
            load_settings(require=frozenset({name}))
        except SettingsError:
            lines.append(Line("settings", Level.NOT_TRIED, _WITHOUT[name]))
    return lines


async def permission_lines(settings: Settings) -> list[Line]:
    """What each permission's probe found. Raises ``GraphUnreachable``."""
    async with graph_for(settings) as graph:
        return await permission_lines_by_asking(graph, settings)


async def permission_lines_by_asking(graph: Graph, settings: Settings) -> list[Line]:
    """What each permission's probe found. Raises ``GraphUnreachable``."""
    return [permission_line(one, settings) for one in await probed(graph, settings)]


def settings_lines(require: frozenset[str]) -> tuple[Settings | None, list[Line]]:
    """The settings, where they can be used, and what is to be said of them; ``require``: groups of ``REQUIREMENTS``."""
    lines: list[Line] = []
    try:
        settings = load_settings(require=frozenset())
    except SettingsError as error:
        return None, [wrong_line("settings", problem) for problem in error.problems]
    try:
        load_settings(require=require)
    except SettingsError as error:
        lines += [wrong_line("settings", problem) for problem in error.problems]
    lines += _mistyped(given_names())
    try:
        products_for(settings)
    except ProductsError as error:
        lines.append(Line("settings", Level.WRONG, str(error), "Correct the file or PRODUCTS_FILE, or leave it empty."))
    if not lines and not settings.broken_channels:  # those have lines of their own
        lines.append(Line("settings", Level.OK, "All settings that are set are understood."))
    return settings, lines


def _mistyped(names: Iterable[str]) -> list[Line]:
    """Variables that are almost named like a setting: they are read by nobody, and nothing else would say so."""
    return [
        Line("settings", Level.ATTENTION, f"{name} is not a setting, so nothing reads it.", f"Did you mean {meant}?")
        for name, meant in mistyped(names)
    ]


def wrong_line(topic: str, problem: str) -> Line:
    """What is wrong: a problem that names its own remedy after a colon."""
    what, _, fix = problem.rstrip(".").partition(": ")
    return Line(topic, Level.WRONG, f"{what}.", f"{fix}." if fix else "")


async def tables_line(settings: Settings) -> Line:
    """Whether the tables can be used."""
    try:
        async with tables(settings) as service:
            await ensure_tables(service, ("runs",))
            await probe(service)
    except (StorageUnavailable, FindingsError) as error:
        return wrong_line("tables", str(error))
    return Line("tables", Level.OK, "Table Storage creates, reads, changes and deletes rows.")


async def _queues(connection: StorageConnection) -> Line:
    """Only whether the address answers: a message that was written to try it would start a scan or an alert."""
    address = queue_address(connection)
    if address is None:
        return Line("queues", Level.NOT_TRIED, "The connection string doesn't name the queue service's address.")
    host = urlsplit(address).netloc
    try:
        async with httpx.AsyncClient(timeout=10, follow_redirects=False) as client:
            await client.get(address.split("?")[0], params={"comp": "list"})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Line(
            "queues",
            Level.WRONG,
            f"Queue Storage at {host} can't be reached ({type(error).__name__}).",
            "Check AzureWebJobsStorage, the storage account's network rules, and that Azurite runs if you use it.",
        )
    return Line(
        "queues",
        Level.OK,
        f"Queue Storage at {host} answers. Its roles were not tried: the app needs them, and a terminal beside it has it try again.",
    )


def queue_address(connection: StorageConnection) -> str | None:
    """The queue service's address; None when a connection string doesn't tell it."""
    if not connection.connection_string:
        return connection.queue_uri
    parts = dict(part.partition("=")[::2] for part in connection.connection_string.strip().split(";") if part)
    given = {name.strip().lower(): value.strip() for name, value in parts.items()}
    if given.get("usedevelopmentstorage", "").lower() == "true":
        return "http://127.0.0.1:10001/devstoreaccount1"
    if "queueendpoint" in given:
        return given["queueendpoint"]
    if "accountname" not in given:
        return None
    suffix = given.get("endpointsuffix", "core.windows.net")
    return f"{given.get('defaultendpointsprotocol', 'https')}://{given['accountname']}.queue.{suffix}"


async def tenant_lines(settings: Settings, permissions: Permissions) -> list[Line]:
    """Whether the tenant can be read; ``permissions`` says which permissions the app has. Raises nothing for what is wrong."""
    async with graph_for(settings) as graph:
        lines = await _graph(settings, graph, permissions)
        unreachable = any(line.topic == _GRAPH and line.level is Level.WRONG for line in lines)
        service = None if unreachable else await read_mfa_service(graph)
    return [*lines, _app_passwords(TenantSwitch.of(service, settings.app_passwords_allowed))]


async def _graph(settings: Settings, graph: Graph, permissions: Permissions) -> list[Line]:
    try:
        await graph.get("/organization?$select=id")
    except GraphUnreachable as error:
        what, _, fix = str(error).partition(": ")
        return [Line(_GRAPH, Level.WRONG, f"{what}.", capital(fix))]
    except GraphRefused as refused:
        if refused.status == 401:
            return [_signed_out(settings, refused)]
    except GraphError as error:
        return [Line(_GRAPH, Level.WRONG, str(error), "Check GRAPH_CLOUD and GRAPH_ENDPOINT.")]
    lines = [Line(_GRAPH, Level.OK, f"{settings.graph_host} answers. {_who(settings)}"), _clock(graph)]
    try:
        lines += await permissions(graph, settings)
        return [*lines, await _licence(graph)]
    except GraphUnreachable as error:
        return [*lines, wrong_line(_GRAPH, str(error))]


def _signed_out(settings: Settings, refused: GraphRefused) -> Line:
    fix = (
        "Check that GRAPH_CLOUD is the tenant's cloud, and that the app's identity lives in the tenant that is checked."
    )
    return Line(_GRAPH, Level.WRONG, f"{settings.graph_host} refuses the sign-in ({refused}).", fix)


def _who(settings: Settings) -> str:
    """Whose token it is: what a person may read says nothing of the app."""
    if settings.graph_is_local:
        return "It is on this machine and takes the fixed local token."
    if (someone := person()) is not None:
        return f"You are signed in as {someone.name}: the permissions below are yours, not those of the app's managed identity."
    if "IDENTITY_ENDPOINT" in os.environ or "AZURE_CLIENT_SECRET" in os.environ:
        return "The app's own identity is signed in."
    return (
        "The sign-in of this machine is used: the permissions below are its own, not those of the app's managed identity. "
        "A person's az login never has Policy.Read.All: docs/troubleshooting.md says how to sign in."
    )


async def probed(graph: Graph, settings: Settings) -> list[Probed]:
    """Every permission of the map, and what asking showed. Raises ``GraphUnreachable``."""
    return await probe_permissions(graph, next(iter(settings.service_accounts), None))


def permission_line(probed: Probed, settings: Settings) -> Line:
    """What asking for a permission showed, and what is lost without it."""
    one, topic = probed.permission, f"permission {probed.permission.name}"
    optional = " (optional)" if one.optional else ""
    if probed.holding is Holding.GRANTED:
        return Line(topic, Level.OK, f"Granted{optional}.")
    if probed.holding is Holding.UNPROBED:
        return Line(topic, Level.NOT_TRIED, f"Not tried{optional}: {probed.why}.")
    if one.optional and one.for_discovery_only and not settings.service_account_discovery:
        return Line(topic, Level.OK, f"Not needed{optional}: SERVICE_ACCOUNT_DISCOVERY is off.")
    if probed.holding is Holding.UNKNOWN:
        level = Level.NOT_TRIED if one.optional else Level.ATTENTION
        fix = "" if one.optional else "Try again in a few minutes."
        return Line(topic, level, f"Cannot tell{optional}: {probed.why}.", fix)
    level = Level.ATTENTION if one.optional else Level.WRONG
    shell, powershell = (f" --also {one.name}", f" -Also {one.name}") if one.optional else ("", "")
    fix = (
        f"As Privileged Role Administrator, run infra/grant-permissions.sh{shell}, in PowerShell "
        f"./infra/grant-permissions.ps1{powershell}."
    )
    return Line(topic, level, f"Missing{optional}: {probed.why}. Without it: {one.without}", fix)


def _clock(graph: Graph) -> Line:
    ahead = graph.clock_ahead
    if ahead is None:
        return Line("clock", Level.NOT_TRIED, "Microsoft Graph didn't say what time it is.")
    if abs(ahead) < CLOCK_TOLERANCE:
        return Line("clock", Level.OK, f"This machine's clock agrees with Microsoft Graph's ({_seconds(ahead)}).")
    text = f"This machine's clock differs from Microsoft Graph's ({_seconds(ahead)}), so sign-ins and signatures fail."
    return Line("clock", Level.WRONG, text, "Set the clock by a time server.")


def _seconds(ahead: timedelta) -> str:
    """A difference to the second, which is as exact as the Date header."""
    seconds = int(abs(ahead).total_seconds())
    return f"{seconds} s {'ahead' if ahead > timedelta() else 'behind'}" if seconds else "to the second"


async def _licence(graph: Graph) -> Line:
    try:
        premium = await has_premium_licence(graph)
    except GraphUnreachable:
        raise
    except GraphError as error:
        return Line("licence", Level.NOT_TRIED, f"The subscriptions can't be read: {str(error).rstrip('.')}.")
    if premium:
        return Line("licence", Level.OK, "The tenant has Microsoft Entra ID P1 or P2, so Conditional Access can apply.")
    text = "The tenant has no Microsoft Entra ID P1: no Conditional Access, no sign-in log, no registration report."
    return Line("licence", Level.OK, f"{text} Security Defaults and per-user MFA are judged.")


def _channels(settings: Settings) -> list[Line]:
    lines = []
    for name in configured(settings):
        topic, broken = f"channel {TITLES[name].removeprefix('the ')}", settings.broken_channels.get(name)
        lines.append(wrong_line(topic, broken) if broken else Line(topic, Level.OK, "Configured; nothing was sent."))
    if lines:
        return [*lines, Line("channels", Level.NOT_TRIED, "Whether they work, cli.py alerts test shows.")]
    return [no_channel_line()]


def no_channel_line() -> Line:
    """That nobody is told of anything."""
    fix = "Set TEAMS_WEBHOOK_URL, or ALERT_EMAIL_FROM and ALERT_EMAIL_TO, or WEBHOOK_URL and WEBHOOK_SECRET."
    return Line("channels", Level.ATTENTION, "No channel is configured: nobody is told of what changes.", fix)


def dates_line(today: date) -> Line:
    """How old the newest reading of the dates is on which Microsoft retires protocols and controls."""
    topic = "retirement dates"
    try:
        read = newest_reading(retirements())
    except FactsError as error:
        return Line(topic, Level.WRONG, str(error), "Correct checks/retirements.json, or install this version again.")
    age = count(max(0, (today - read).days), "day", "days")
    text = f"Microsoft's dates for protocols and controls that it retires were last read on {read}, {age} ago"
    if today - read <= DATES_HOLD:
        return Line(topic, Level.OK, f"{text}.")
    return Line(
        topic,
        Level.ATTENTION,
        f"{text}: Microsoft may have moved them since.",
        "Install a newer version, or bring checks/retirements.json up to date.",
    )


def _app_passwords(switch: TenantSwitch) -> Line:
    topic, may = "app-password switch", "may" if switch.allowed else "may not"
    if switch.contradiction:
        text, _, fix = switch.contradiction.partition(". ")
        return Line(topic, Level.ATTENTION, f"{text}.", fix)
    if switch.source == "read":
        return Line(topic, Level.OK, f"Microsoft Graph says that users {may} create them.")
    if switch.source == "attested":
        return Line(
            topic, Level.OK, f"You attested that users {may} create them; Microsoft Graph doesn't show it here."
        )
    return Line(
        topic,
        Level.ATTENTION,
        "Nobody has said whether the tenant allows app passwords, and Microsoft Graph doesn't show it here.",
        f"Look in the Microsoft Entra admin center under {CLICK_PATH}, and set {SETTING} to yes or no.",
    )
