"""``cli.py findings``: what is known, without scanning."""

import argparse
from datetime import UTC, datetime

from checks.model import Severity
from commands.arguments import Commands, account, add_format
from commands.output import DONE, plain, write
from findings.listing import FindingFilter
from jobs import views
from reports.document import Json
from reports.files import render_json
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("findings", help="show what is known, without scanning")
    one.add_argument("--status", choices=["open", "resolved", "all"], default="open")
    one.add_argument("--severity", choices=[level.value for level in Severity])
    one.add_argument("--account", type=account, metavar="UPN_OR_ID")
    one.add_argument("--check", metavar="ID")
    add_format(one, "table", "json", "csv")
    one.set_defaults(command=_findings)


async def _findings(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset({"storage"}))
    wanted = FindingFilter(
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
    write(text, options.output)
    return DONE


def _findings_table(found: list[Json]) -> str:
    lines = [
        f"{one['severity']:<7} {one['status']:<9} {one['first_seen'][:10]}  {one['check_id']}  "
        f"{one['user_principal_name']}: {one['summary']}"
        for one in found
    ]
    return "\n".join(plain(line) for line in lines) or "No findings."
