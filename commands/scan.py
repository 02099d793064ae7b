"""``cli.py scan``: read the tenant, judge the service accounts, keep and tell what changed."""

import tempfile
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from commands.deployed import scan_deployed
from commands.document import rendered
from commands.drawn.bar import bars
from commands.line.parts import Options
from commands.output import FAILED, exit_code, plain, progress, say, write
from commands.signing_in import as_asked, gap_lines, without_mail
from connections.channels import configured
from findings.runs import new_run_id
from jobs import views
from jobs.clock import now_utc
from jobs.endings import tell_failure
from jobs.errors import EXPECTED
from jobs.installation import NO_ACCOUNT_FIX
from jobs.ocsf import origin, scan_lines
from jobs.proposing import names_none, proposing
from jobs.scan import ScanRequest, scan
from jobs.tell import send_here, waiting_alerts
from reports.document import Json, severities
from reports.ocsf import render_ocsf
from reports.words import count
from settings import Settings, SettingsError, load_settings
from settings.loading import REQUIREMENTS

_OTHER_WAYS = {
    "accounts": "or name some with --account, or take what looks like a service account with --propose",
    "storage": "or keep nothing with --no-store",
}
"""What a scan can do without, by what it requires."""


async def run(options: Options) -> int:
    """Scan, and show what came of it. Raises what ``jobs.errors.EXPECTED`` names, as every command does."""
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
        raise SettingsError([_with_other_ways(problem) for problem in error.problems], error.given) from error
    proposed = options.propose and not options.account and names_none(settings)
    if proposed:
        settings = proposing(settings)
        progress("No account is named, so those are scanned that look like service accounts.")
    if options.sign_in:
        settings = without_mail(settings)
    async with as_asked(options, settings):
        return await _scan_with(options, settings, proposed=proposed)


def _with_other_ways(problem: str) -> str:
    """What is missing, with what does without it: who scans for the first time has set nothing."""
    return next((f"{problem}; {way}" for key, way in _OTHER_WAYS.items() if problem == REQUIREMENTS[key][1]), problem)


async def _scan_with(options: Options, settings: Settings, *, proposed: bool) -> int:
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
        with bars() as bar:
            result = await scan(settings, request, progress=progress, advance=bar("kept"), reading=bar("read"))
    except EXPECTED:
        if request.store:
            await _tell_what_waits(settings)
        raise
    options.scanned = result.document  # for an overview of several
    extras = None
    if request.store and (options.format in ("table", "html") or options.open):
        async with views.opened(settings) as service:
            extras = await views.extras(service, datetime.now(UTC), cloud=settings.graph_cloud)
    if options.format == "ocsf":
        text = await _ocsf(settings, result.document, kept=request.store)
    else:
        text = rendered(result.document, options.format, extras, brief=options.summary)
    write(text, options.output)
    if options.open:
        _open(rendered(result.document, "html", extras))
    if proposed:
        _say_who_was_proposed(result.document)
    await tell(settings, result.alert_ids)
    run = result.run
    names = {one["id"]: one["user_principal_name"] for one in result.document["accounts"]}
    for note in run["notes"]:
        say(plain(note))
    for line in gap_lines(run["gaps"], names):
        say(line)
    if not (result.accounts or proposed):  # an empty file must not be read as all is well
        say(f"No service account was found, so nothing was judged. {NO_ACCOUNT_FIX}")
    return exit_code(options.fail_on, severities(result.document), complete=run["complete"])


async def _ocsf(settings: Settings, document: Json, *, kept: bool) -> str:
    """What the scan found, and what it closed, where that is kept."""
    if not kept:
        return render_ocsf(document, origin(settings))
    async with views.opened(settings) as service:
        return "".join([line async for line in scan_lines(service, settings, document, datetime.now(UTC))])


async def _scan_deployed(options: Options) -> int:
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
        await tell(settings, await waiting_alerts(settings))


async def tell(settings: Settings, alert_ids: Sequence[str]) -> None:
    """Send alerts through the channels that are set here, and say what didn't work."""
    for name, why in settings.broken_channels.items():
        say(f"Alerts can't go to {name} from here: {why}")
    if alert_ids and not configured(settings):
        say("No alert channel is set here: what changed waits for the function app's next alert.")
        return
    problems = await send_here(settings, alert_ids, progress=progress)
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
