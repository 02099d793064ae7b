"""``cli.py findings``: what is known, without scanning."""

import sys
from datetime import UTC, datetime

import click
from azure.data.tables.aio import TableServiceClient

from commands.drawn.history import render_history
from commands.drawn.paper import Paper
from commands.drawn.scan import say_domain, shared_domain
from commands.line.parts import Options
from commands.output import DONE, is_colourful, say, write, writing
from findings.listing import FindingFilter
from jobs import views
from jobs.history import history_of
from jobs.ocsf import findings_lines
from reports.document import Json
from reports.files import render_json
from settings import load_settings


async def run(options: Options) -> int:
    """Show the findings that are asked for."""
    if options.history:
        return await _history(options)
    settings = load_settings(require=frozenset({"storage"}))
    wanted = FindingFilter(
        status=None if options.status == "all" else options.status,
        severity=options.severity,
        account=options.account,
        check_id=options.check,
    )
    now = datetime.now(UTC)
    async with views.opened(settings) as service:
        if options.format == "csv":
            if wanted.check_id or wanted.account:  # a mistyped name must not be read as all is well
                await views.must_be_known(service, wanted)
            with writing(options.output) as take:
                await views.findings_csv(service, wanted, now, take)
            return DONE
        if options.format == "ocsf":
            with writing(options.output) as take:
                some = False
                async for line in findings_lines(service, settings, wanted, now):
                    some = True
                    take(line)
                if not some:
                    await _nothing_found(service, wanted, now)
                    take("")
            return DONE
        found = await views.findings(service, wanted, now)
        if not found:
            await _nothing_found(service, wanted, now)
    text = (
        render_json({"schema": 1, "findings": found})
        if options.format == "json"
        else _findings_table(found, options.status)
    )
    write(text, options.output)
    return DONE


async def _nothing_found(service: TableServiceClient, wanted: FindingFilter, now: datetime) -> None:
    """Say why that doesn't mean that all is well, if it doesn't. Raises ``NotFound`` where nobody has looked."""
    await views.must_be_known(service, wanted)
    await views.must_be_scanned(service, now)
    if doubt := await views.doubt(service, now):
        say(doubt)


async def _history(options: Options) -> int:
    """Show what happened to one account."""
    if not options.account:
        raise click.UsageError("--history goes with --account: it is about one")
    if options.format not in ("table", "json") or options.severity or options.check:
        raise click.UsageError("--history is a table or JSON, of everything that happened: leave the other options out")
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        found = await history_of(service, options.account, datetime.now(UTC))
    text = render_json(found) if options.format == "json" else render_history(found, color=is_colourful(sys.stdout))
    write(text, options.output)
    return DONE


def _findings_table(found: list[Json], status: str) -> str:
    if not found:
        return "No findings."
    paper, domain = Paper(), shared_domain(one["user_principal_name"] for one in found)
    say_domain(domain, paper)
    known = (
        ("severity", "first_seen", "check_id") if status == "open" else ("severity", "status", "first_seen", "check_id")
    )
    titles = {"severity": "Severity", "status": "Status", "first_seen": "Since", "check_id": "Check"}
    paper.table(
        (*(titles[name] for name in known), "Account", "Finding"),
        (
            (
                *(one[name][:10] for name in known),
                one["user_principal_name"].removesuffix(domain),
                one["summary"],
            )
            for one in found
        ),
        whole=range(len(known)),
        names=len(known),
    )
    return str(paper)
