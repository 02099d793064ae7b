"""``cli.py scan``: read the tenant, judge the service accounts, keep and tell what changed."""

import argparse
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from checks.model import Severity
from commands.arguments import Commands, add_format, upn_or_id
from commands.deployed import scan_deployed
from commands.document import rendered
from commands.output import FAILED, NEVER, exit_code, plain, say, write
from commands.signing_in import add_sign_in, as_asked, gap_lines, without_mail
from connections.channels import configured
from findings.runs import new_run_id
from jobs import views
from jobs.clock import now_utc
from jobs.endings import tell_failure
from jobs.errors import EXPECTED
from jobs.proposing import names_none, proposing
from jobs.scan import ScanRequest, scan
from jobs.tell import send_here, waiting_alerts
from reports.document import Json, severities
from reports.words import count
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
    one.add_argument(
        "--propose",
        action="store_true",
        help="where no account is named: scan what looks like a service account, by its name and by how it is used",
    )
    one.add_argument(
        "--open", action="store_true", help="write the report as a page as well, and open it in the browser"
    )
    add_sign_in(one)
    one.set_defaults(command=_scan)


async def _scan(options: argparse.Namespace) -> int:
    if options.deployed:
        return await _scan_deployed(options)
    needs = {"accounts"} if not (options.account or options.propose) else set[str]()
    if not (options.no_store or options.sign_in):
        needs.add("storage")
    try:
        settings = load_settings(require=frozenset(needs))
    except SettingsError as error:
        if not (options.no_store or options.account or options.sign_in):
            await _tell_that_none_can_start(error)
        raise
    proposed = options.propose and not options.account and names_none(settings)
    if proposed:
        settings = proposing(settings)
        say("No account is named, so those are scanned that look like service accounts.")
    if options.sign_in:
        settings = without_mail(settings)
    async with as_asked(options, settings):
        return await _scan_with(options, settings, proposed=proposed)


async def _scan_with(options: argparse.Namespace, settings: Settings, *, proposed: bool) -> int:
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
    try:
        result = await scan(settings, request, progress=say, advance=_bar("kept"), reading=_bar("read"))
    except EXPECTED:
        if request.store:
            await _tell_what_waits(settings)
        raise
    extras = None
    if request.store and (options.format in ("table", "html") or options.open):
        async with views.opened(settings) as service:
            extras = await views.extras(service, datetime.now(UTC), cloud=settings.graph_cloud)
    write(rendered(result.document, options.format, extras), options.output)
    if options.open:
        _open(rendered(result.document, "html", extras))
    if proposed:
        _say_who_was_proposed(result.document)
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
        or options.propose
        or options.open
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


def _open(page: str) -> None:
    """Show the report in the browser; where there is none, its file is named all the same."""
    file = Path(tempfile.mkdtemp(prefix="app-password-watch-")) / "report.html"  # a folder that nobody else can enter
    write(page, file)
    say(f"Report, which only you can read: {file}")
    webbrowser.open(file.as_uri())


def _say_who_was_proposed(document: Json) -> None:
    found = len(document["accounts"])
    if not found:
        say("No account looks like a service account: name some with --account, or set SERVICE_ACCOUNT_PATTERNS.")
        return
    say(
        f"{count(found, 'account looks', 'accounts look')} like service accounts; the report, or --format json, says why. To choose "
        "yourself: --account, or SERVICE_ACCOUNTS, SERVICE_ACCOUNT_GROUPS or SERVICE_ACCOUNT_PATTERNS."
    )


def _bar(what: str) -> Callable[[int, int], None]:
    """A bar on the terminal for what takes long: how many accounts are read, or kept, of how many."""
    if not sys.stderr.isatty():
        return lambda done, total: None
    width = 30

    def show(done: int, total: int) -> None:
        filled = width * done // max(total, 1)
        end = "\n" if done == total else ""
        sys.stderr.write(
            f"\r[{'#' * filled}{'.' * (width - filled)}] {done:,} of {count(total, 'account', 'accounts')} {what}{end}"
        )
        sys.stderr.flush()

    return show
