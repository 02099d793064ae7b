"""``cli.py scan``: read the tenant, judge the service accounts, keep and tell what changed."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from checks.model import Severity
from commands.arguments import Commands, add_format, upn_or_id
from commands.deployed import scan_deployed
from commands.document import rendered
from commands.output import FAILED, NEVER, exit_code, plain, say, write
from commands.signing_in import add_sign_in, as_asked, gap_lines
from connections.channels import configured
from findings.runs import new_run_id
from jobs import views
from jobs.clock import now_utc
from jobs.endings import tell_failure
from jobs.errors import EXPECTED
from jobs.scan import ScanRequest, scan
from jobs.tell import send_here, waiting_alerts
from reports.document import severities
from settings import Settings, SettingsError, load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("scan", help="read the tenant, judge the service accounts, keep and tell what changed")
    one.add_argument(
        "--account",
        action="append",
        default=[],
        type=upn_or_id,
        metavar="UPN_OR_ID",
        help="only this account; repeatable",
    )
    add_format(one, "table", "json", "csv", "html")
    one.add_argument(
        "--deployed", action="store_true", help="have the function app scan everything, and follow its run to the end"
    )
    one.add_argument(
        "--storage-account", metavar="NAME", help="with --deployed: whose storage account; default: azd's environment"
    )
    one.add_argument("--no-store", action="store_true", help="keep nothing and tell nobody")
    one.add_argument(
        "--fail-on",
        choices=[*(level.value for level in Severity), NEVER],
        default=Severity.HIGH.value,
        help="exit with 1 where an open finding is at least so severe (default: high)",
    )
    add_sign_in(one)
    one.set_defaults(command=_scan)


async def _scan(options: argparse.Namespace) -> int:
    if options.deployed:
        return await _scan_deployed(options)
    needs = {"accounts"} if not options.account else set[str]()
    if not (options.no_store or options.sign_in):
        needs.add("storage")
    try:
        settings = load_settings(require=frozenset(needs))
    except SettingsError as error:
        if not (options.no_store or options.account or options.sign_in):
            await _tell_that_none_can_start(error)
        raise
    async with as_asked(options, settings):
        return await _scan_with(options, settings)


async def _scan_with(options: argparse.Namespace, settings: Settings) -> int:
    store = not options.no_store
    if store and not settings.storage.known:  # only somebody who signed in comes this far
        say("No storage is set, so nothing is kept and nobody is told: the next scan can't say what changed.")
        store = False
    request = ScanRequest(
        run_id=new_run_id(datetime.now(UTC)),
        trigger="command line",
        accounts=tuple(options.account),
        store=store,
    )
    advance = _Bar() if sys.stderr.isatty() else (lambda done, total: None)
    try:
        result = await scan(settings, request, progress=say, advance=advance)
    except EXPECTED:
        if request.store:
            await _tell_what_waits(settings)
        raise
    extras = None
    if request.store and options.format in ("table", "html"):
        async with views.opened(settings) as service:
            extras = await views.extras(service, datetime.now(UTC), cloud=settings.graph_cloud)
    write(rendered(result.document, options.format, extras), options.output)
    await _tell(settings, result.alert_ids)
    run = result.document["run"]
    names = {one["id"]: one["user_principal_name"] for one in result.document["accounts"]}
    for note in run["notes"]:
        say(plain(note))
    for line in gap_lines(run["gaps"], names):
        say(line)
    return exit_code(options.fail_on, severities(result.document), complete=run["complete"])


async def _scan_deployed(options: argparse.Namespace) -> int:
    if (
        options.account
        or options.no_store
        or options.output
        or options.sign_in
        or options.format not in ("table", "json")
    ):
        say(
            "--deployed scans everything and keeps it: it goes with --format table or json, --fail-on and --storage-account."
        )
        return FAILED
    return await scan_deployed(options)


async def _tell_that_none_can_start(error: SettingsError) -> None:
    """A setting that got lost stops scans before they begin: from the second one on that is news."""
    with suppress(*EXPECTED):  # why is said here, too; where storage isn't set either, nobody else can be told
        settings = load_settings(require=frozenset({"storage"}))
        now, why = now_utc(), " ".join(f"{problem}." for problem in error.problems)
        await tell_failure(settings, new_run_id(now), why, now, certain=False)
        await _tell_what_waits(settings)


async def _tell_what_waits(settings: Settings) -> None:
    """After a scan that failed: scans that fail are news, too, and what waited waits no longer."""
    with suppress(*EXPECTED):  # why the scan failed is what is told
        await _tell(settings, await waiting_alerts(settings))


async def _tell(settings: Settings, alert_ids: Sequence[str]) -> None:
    for name, why in settings.broken_channels.items():
        say(f"Alerts can't go to {name} from here: {why}")
    if alert_ids and not configured(settings):
        say("No alert channel is set here: what changed waits for the function app's next alert.")
        return
    problems = await send_here(settings, alert_ids, progress=say)
    for problem in problems:
        say(plain(problem))
    if problems:
        say("The alert is kept and sent with the next scan.")


class _Bar:
    """A bar on the terminal for what takes long."""

    WIDTH = 30

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` accounts are kept."""
        filled = self.WIDTH * done // max(total, 1)
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (self.WIDTH - filled)}] {done:,} of {total:,} accounts{end}")
        sys.stderr.flush()
