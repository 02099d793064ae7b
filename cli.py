"""The command line: the same jobs as the functions, from a terminal.

Results go to stdout, progress and errors to stderr. Exit codes: docs/json.md.
"""

import argparse
import asyncio
import json
import shutil
import sys
import webbrowser
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, date, datetime
from getpass import getuser
from pathlib import Path

import doctor
import simulation
import snapshot
import views
from alerts.deliver import DeliveryFailed
from alerts.ledger import CLAIM, DeliveryStatus
from checks.model import Severity
from checks.pages import pages
from document import Json, severities
from errors import EXPECTED, sentence
from findings.runs import new_run_id
from forget import forget
from look import read
from reports.extras import ReportExtras
from reports.files import render_csv, render_json
from reports.html import render_html
from reports.proposals import render_proposals
from reports.terminal import render_table
from reports.words import count, gap_sentence, shift_in_words
from scan import ScanRequest, discover, document_of, scan
from settings import Settings, load_settings
from tell import has_channels, send_alert, send_test_alert
from tenant.permissions import PERMISSIONS, permissions_table
from text_files import read_text

DONE, FOUND, FAILED = 0, 1, 2
Command = Callable[[argparse.Namespace], Coroutine[None, None, int]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        return asyncio.run(command(options))
    except KeyboardInterrupt:
        _say("Interrupted. What was kept so far stays; the next scan goes on from there.")
        return 130
    except EXPECTED as error:
        _say(sentence(error))
        return FAILED
    except BrokenPipeError:
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cli.py", description="Finds service accounts for which the app-password option is hidden or useless."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("scan", help="read the tenant, judge the service accounts, keep and tell what changed")
    one.add_argument(
        "--account",
        action="append",
        default=[],
        type=_account,
        metavar="UPN_OR_ID",
        help="only this account; repeatable",
    )
    _format(one, "table", "json", "csv", "html")
    one.add_argument("--no-store", action="store_true", help="keep nothing and tell nobody")
    one.add_argument("--fail-on", choices=[level.value for level in Severity], default=Severity.HIGH.value)
    one.set_defaults(command=_scan)

    one = commands.add_parser(
        "discover", help="propose accounts that nobody listed and that look like service accounts"
    )
    _format(one, "table", "json")
    one.set_defaults(command=_discover)

    one = commands.add_parser("findings", help="show what is known, without scanning")
    one.add_argument("--status", choices=["open", "resolved", "all"], default="open")
    one.add_argument("--severity", choices=[level.value for level in Severity])
    one.add_argument("--account", type=_account, metavar="UPN_OR_ID")
    one.add_argument("--check", metavar="ID")
    _format(one, "table", "json", "csv")
    one.set_defaults(command=_findings)

    one = commands.add_parser("report", help="write the report of what is known")
    one.add_argument("--format", choices=["html", "json", "csv"], default="html")
    one.add_argument("--output", type=Path, metavar="FILE", help="default: report.html, report.json or report.csv")
    one.add_argument("--open", action="store_true", help="open it in the browser")
    one.set_defaults(command=_report)

    one = commands.add_parser("checks", help="explain the checks")
    one.add_argument("id", nargs="?", metavar="ID", help="one check, e.g. APW-001")
    one.set_defaults(command=_checks)

    one = commands.add_parser("permissions", help="list the Microsoft Graph permissions, and what each is for")
    one.add_argument("--format", choices=["table", "json"], default="table")
    one.add_argument("--check", action="store_true", help="ask Microsoft Graph which of them are granted")
    one.set_defaults(command=_permissions)

    one = commands.add_parser("doctor", help="look whether everything that a scan needs is in place; sends nothing")
    one.add_argument("--format", choices=["table", "json"], default="table")
    one.set_defaults(command=_doctor)

    _add_exceptions(commands.add_parser("exceptions", help="accept findings until a date"))

    one = commands.add_parser("simulate", help="which accounts would change if a policy did; reads only")
    how = one.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--enable-policy", metavar="POLICY", help="switch on a policy that is off or report-only (by id or name)"
    )
    how.add_argument(
        "--policy-file", type=Path, metavar="FILE", help="add this policy (JSON as in Microsoft Graph), on"
    )
    how.add_argument(
        "--exclude", metavar="ACCOUNT=POLICY", help="exclude an account from a policy (both by id or name)"
    )
    how.add_argument("--waiting", action="store_true", help="each report-only policy in turn")
    one.add_argument("--snapshot", type=Path, metavar="FILE", help="in a saved snapshot instead of the tenant")
    one.add_argument("--format", choices=["table", "json"], default="table")
    one.set_defaults(command=_simulate)

    one = commands.add_parser("snapshot", help="what verdicts come from, as one file; without the logs")
    sub = one.add_subparsers(required=True, metavar="ACTION")
    save = sub.add_parser("save", help="read the tenant and write the file")
    save.add_argument("file", type=Path)
    save.add_argument("--pseudonymise", action="store_true", help="replace every name and id of the tenant")
    save.set_defaults(command=_save_snapshot)
    load = sub.add_parser("load", help="judge what the file holds, offline")
    load.add_argument("file", type=Path)
    _format(load, "table", "json", "csv", "html")
    load.set_defaults(command=_load_snapshot)

    one = commands.add_parser("forget", help="delete everything that is kept about an account")
    one.add_argument("account", type=_account, metavar="UPN_OR_ID")
    one.set_defaults(command=_forget)

    one = commands.add_parser("alerts", help="alert channels")
    sub = one.add_subparsers(required=True, metavar="ACTION")
    sub.add_parser("test", help="send a test through every channel").set_defaults(command=_test_alert)
    return parser


def _add_exceptions(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    one = actions.add_parser("add", help="accept a finding: it is shown, and silent in alerts")
    one.add_argument("--account", required=True, type=_account, metavar="UPN_OR_ID")
    one.add_argument("--check", metavar="ID", help="without it, every check of the account")
    one.add_argument("--reason", required=True)
    one.add_argument("--owner", required=True)
    one.add_argument("--until", required=True, type=_date, metavar="YYYY-MM-DD")
    one.set_defaults(command=_add_exception)
    actions.add_parser("list", help="all exceptions").set_defaults(command=_list_exceptions)
    one = actions.add_parser("remove", help="end an exception now")
    one.add_argument("id")
    one.set_defaults(command=_remove_exception)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not a date: write it as YYYY-MM-DD, e.g. 2027-03-31') from None


def _account(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: give a user principal name or an object id")
    return text.strip()


def _format(parser: argparse.ArgumentParser, *formats: str) -> None:
    parser.add_argument("--format", choices=formats, default=formats[0])
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of stdout")


async def _scan(options: argparse.Namespace) -> int:
    needs = {"accounts"} if not options.account else set[str]()
    if not options.no_store:
        needs.add("storage")
    settings = load_settings(require=frozenset(needs))
    request = ScanRequest(
        run_id=new_run_id(datetime.now(UTC)),
        trigger="command line",
        accounts=tuple(options.account),
        store=not options.no_store,
    )
    advance = _Bar() if sys.stderr.isatty() else (lambda done, total: None)
    result = await scan(settings, request, progress=_say, advance=advance)
    extras = None
    if request.store and options.format in ("table", "html"):
        async with views.opened(settings) as service:
            extras = await views.extras(service, datetime.now(UTC), cloud=settings.graph_cloud)
    _write(_rendered(result.document, options.format, extras), options.output)
    await _tell(settings, result.alert_ids)
    run = result.document["run"]
    names = {one["id"]: one["user_principal_name"] for one in result.document["accounts"]}
    for gap in run["gaps"]:
        _say(_plain(f"Could not read: {gap_sentence(gap, names)}"))
    if not run["complete"]:
        return FAILED
    limit = Severity(options.fail_on).rank
    return FOUND if any(Severity(level).rank >= limit for level in severities(result.document)) else DONE


async def _discover(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset())
    if not settings.service_account_discovery:
        _say("Nothing is looked at: set SERVICE_ACCOUNT_DISCOVERY to signins,consents.")
        return FAILED
    found = await discover(settings, progress=_say)
    width = shutil.get_terminal_size((110, 40)).columns
    _write(render_json(found) if options.format == "json" else render_proposals(found, width), options.output)
    return FAILED if any(gap["optional"] for gap in found["run"]["gaps"]) else DONE


async def _tell(settings: Settings, alert_ids: Sequence[str]) -> None:
    if alert_ids and not has_channels(settings):
        _say("No alert channel is set here: what changed waits for the function app's next alert.")
        return
    for alert_id in alert_ids:
        try:
            await _send(settings, alert_id)
        except EXPECTED as error:
            _say(f"{sentence(error)} The alert is kept and sent with the next scan.")


async def _send(settings: Settings, alert_id: str) -> None:
    """Send an alert; one that a process took and died with is free again when its claim has run out."""
    try:
        await send_alert(settings, alert_id)
    except DeliveryFailed as failed:
        if not any(result.status is DeliveryStatus.SENDING for result in failed.result.results):
            raise
        _say(f"Another process has begun to send an alert; waiting {CLAIM.seconds} seconds for it.")
        await asyncio.sleep(CLAIM.seconds + 1)
        await send_alert(settings, alert_id)


async def _findings(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset({"storage"}))
    wanted = views.FindingFilter(
        status=None if options.status == "all" else options.status,
        severity=options.severity,
        account=options.account,
        check_id=None if options.check is None else options.check.upper(),
    )
    now = datetime.now(UTC)
    async with views.opened(settings) as service:
        if options.format == "csv":
            text = await views.findings_csv(service, wanted, now)
        else:
            found = await views.findings(service, wanted, now)
            if not found:
                await views.must_be_known(service, wanted)
            if not found and options.format == "table":
                await views.must_be_scanned(service, now)  # nothing found must not be read as all is well
            text = render_json({"schema": 1, "findings": found}) if options.format == "json" else _findings_table(found)
    _write(text, options.output)
    return DONE


async def _report(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset({"storage"}))
    async with views.opened(settings) as service:
        text = await views.report(service, options.format, datetime.now(UTC), cloud=settings.graph_cloud)
    output = options.output or Path(f"report.{options.format}")
    _write(text, output)
    _say(f"Wrote {output}")
    if options.open:
        webbrowser.open(output.resolve().as_uri())
    return DONE


async def _checks(options: argparse.Namespace) -> int:
    shown = [page for page in pages() if not options.id or page.id == options.id.upper()]
    if not shown:
        _say(f'There is no check "{options.id}": the checks are {", ".join(page.id for page in pages())}.')
        return FAILED
    for page in shown:
        _print(
            f"# {page.id}: {page.title}\n\n{page.markdown}"
            if options.id
            else f"{page.id}  {page.severity.value:<7}  {page.title}"
        )
    return DONE


async def _permissions(options: argparse.Namespace) -> int:
    if options.check:
        lines = await doctor.permission_lines(load_settings(require=frozenset()))
        return _print_lines(lines, options.format)
    if options.format == "json":
        _print(json.dumps([entry.public() for entry in PERMISSIONS], indent=2))
    else:
        _print(permissions_table())
    return DONE


async def _doctor(options: argparse.Namespace) -> int:
    return _print_lines(await doctor.examine(), options.format)


def _print_lines(lines: Sequence[doctor.Line], form: str) -> int:
    if form == "json":
        _print(render_json({"schema": 1, "lines": [line.public() for line in lines]}))
    else:
        _print("\n".join(map(str, lines)))
    return doctor.exit_code(lines)


async def _add_exception(options: argparse.Namespace) -> int:
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        added = await views.add_exception(
            service,
            account=options.account,
            check_id=None if options.check is None else options.check.upper(),
            reason=options.reason,
            owner=options.owner,
            until=options.until,
            created_by=getuser(),
        )
    _print(render_json(added.public()))
    return DONE


async def _list_exceptions(options: argparse.Namespace) -> int:
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        _print(render_json({"schema": 1, "exceptions": await views.exceptions(service)}))
    return DONE


async def _remove_exception(options: argparse.Namespace) -> int:
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        ended = await views.remove_exception(service, options.id, removed_by=getuser())
    _print(render_json(ended.public()))
    return DONE


async def _simulate(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset() if options.snapshot else frozenset({"accounts"}))
    policy_text = read_text(options.policy_file) if options.policy_file else None  # before the tenant, which takes long
    if options.snapshot:
        reading = snapshot.load(read_text(options.snapshot)).reading
    else:
        reading, _ = await read(settings, (), _say)
    cases = simulation.cases(
        reading,
        enable=options.enable_policy,
        policy_text=policy_text,
        exclude=options.exclude,
    )
    outcomes = simulation.run(reading, cases, settings.app_passwords_allowed, datetime.now(UTC))
    if options.format == "json":
        _print(render_json({"schema": 1, "simulations": outcomes}))
    for outcome in outcomes if options.format == "table" else []:
        changed = count(len(outcome["accounts"]), "account", "accounts")
        _print(_plain(f"{outcome['title']}: {changed} would change"))
        for one in outcome["accounts"]:
            _print(_plain(f"  {one['user_principal_name']}: {shift_in_words(one['before'], one['after'])}"))
    if not outcomes:
        _say("There is no report-only policy.")
    return DONE


async def _save_snapshot(options: argparse.Namespace) -> int:
    reading, _ = await read(load_settings(require=frozenset({"accounts"})), (), _say)
    text = snapshot.dump(reading, datetime.now(UTC), pseudonymise=options.pseudonymise)
    options.file.write_text(text, encoding="utf-8")
    _say(f"Wrote {options.file}: {count(len(reading.accounts), 'account', 'accounts')}.")
    return FAILED if reading.gaps else DONE


async def _load_snapshot(options: argparse.Namespace) -> int:
    saved = snapshot.load(read_text(options.file))
    settings = load_settings(require=frozenset())
    document = document_of(settings, saved.reading, saved.taken)
    _write(_rendered(document, options.format), options.output)
    return DONE if document["run"]["complete"] else FAILED


async def _forget(options: argparse.Namespace) -> int:
    forgotten = await forget(load_settings(require=frozenset({"storage"})), options.account)
    if not forgotten.rows:
        _say(f"Nothing is kept about {options.account}.")
        return DONE
    _say(f"Deleted what was kept about {options.account}, in {forgotten.rows} rows.")
    if forgotten.selected:
        _say("It is still selected as a service account: the next scan reads it anew unless you take it out.")
    return DONE


async def _test_alert(options: argparse.Namespace) -> int:
    answers = await send_test_alert(load_settings(require=frozenset()))
    if not answers:
        _say(
            "No alert channel is set: TEAMS_WEBHOOK_URL, WEBHOOK_URL with WEBHOOK_SECRET, or ALERT_EMAIL_FROM and _TO."
        )
        return FAILED
    for answer in answers:
        _print(f"{answer['channel']}: {answer['answer']}")
    return DONE if all(answer["delivered"] for answer in answers) else FAILED


def _rendered(document: Json, form: str, extras: ReportExtras | None = None) -> str:
    if form == "json":
        return render_json(document)
    if form == "csv":
        return render_csv(document)
    if form == "html":
        return render_html(document, extras)
    size = shutil.get_terminal_size((110, 40))
    return render_table(document, width=size.columns, color=sys.stdout.isatty(), extras=extras)


def _findings_table(found: list[Json]) -> str:
    lines = [
        f"{one['severity']:<7} {one['status']:<9} {one['first_seen'][:10]}  {one['check_id']}  "
        f"{one['user_principal_name']}: {one['summary']}"
        for one in found
    ]
    return "\n".join(_plain(line) for line in lines) or "No findings."


def _plain(text: str) -> str:
    """The text without control characters: names come from the tenant and must not steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        _print(text)
    else:
        output.write_text(text, encoding="utf-8")


def _print(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


class _Bar:
    """A bar on the terminal for what takes long."""

    WIDTH = 30

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` accounts are kept."""
        filled = self.WIDTH * done // max(total, 1)
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (self.WIDTH - filled)}] {done:,} of {total:,} accounts{end}")
        sys.stderr.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
