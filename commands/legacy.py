"""``cli.py legacy``: every account that still signs in with a password, and the import of what Exchange reports of that."""

import argparse
import shutil
from datetime import UTC, datetime
from pathlib import Path

from commands.arguments import Commands, add_format
from commands.output import DONE, say, write
from evidence.store import StoredEvidence
from jobs import views
from jobs.passwords import import_report, password_document
from jobs.text_files import read_text
from reports.files import render_json
from reports.passwords import render_passwords, render_passwords_csv
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    parser = commands.add_parser("legacy", help="every account that still signs in with a password")
    add_format(parser, "table", "csv", "json")
    parser.set_defaults(command=_legacy)
    actions = parser.add_subparsers(metavar="ACTION")
    one = actions.add_parser(
        "import", help="take over an exported SMTP AUTH clients report of the Exchange admin center (CSV)"
    )
    one.add_argument("file", type=Path, metavar="FILE")
    one.set_defaults(command=_import)


async def _legacy(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset({"storage"}))
    async with views.opened(settings) as service:
        found = await password_document(service, settings, datetime.now(UTC))
    if options.format == "json":
        text = render_json(found)
    elif options.format == "csv":
        text = render_passwords_csv(found)
    else:
        text = render_passwords(found, shutil.get_terminal_size((110, 40)).columns)
    write(text, options.output)
    return DONE


async def _import(options: argparse.Namespace) -> int:
    text = read_text(options.file)
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        found = await import_report(StoredEvidence(service), text, datetime.now(UTC))
    say(
        f"Imported: {found['password']:,} senders with a password, {found['oauth']:,} with OAuth only, {found['unknown']:,} of "
        "which the report doesn't tell. python cli.py legacy lists them."
    )
    return DONE
