"""``cli.py exchange``: what Exchange Online PowerShell exports about SMTP AUTH, kept beside the verdicts."""

import argparse
from datetime import UTC, datetime, time
from pathlib import Path

from basics.times import day as date_of
from commands.arguments import Commands
from commands.output import DONE, say
from jobs.exchange import import_exchange
from jobs.text_files import read_text
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("exchange", help="what mailboxes, tenant and authentication policies say about SMTP AUTH")
    sub = one.add_subparsers(required=True, metavar="ACTION")
    importing = sub.add_parser("import", help="keep what a documented command exported (docs/exchange.md)")
    importing.add_argument("file", type=Path, metavar="FILE", nargs="+", help="CSV or JSON")
    importing.add_argument(
        "--taken",
        type=_day,
        metavar="YYYY-MM-DD",
        help="the day of the export (default: when the file was last changed)",
    )
    importing.set_defaults(command=_import)


def _day(text: str) -> datetime:
    try:
        day = datetime.combine(datetime.strptime(text, "%Y-%m-%d").date(), time(), UTC)  # noqa: DTZ007 - the zone is added
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-11-26") from None
    if day > datetime.now(UTC):
        raise argparse.ArgumentTypeError(f"{text} is still to come")
    return day


async def _import(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset({"storage"}))
    for file in options.file:
        text = read_text(file)
        taken = options.taken or min(datetime.fromtimestamp(file.stat().st_mtime, UTC), datetime.now(UTC))
        kept = await import_exchange(settings, text, taken)
        say(f"{file}: kept {kept}, as of {date_of(taken)}. The next scan shows it beside the verdicts.")
    return DONE
