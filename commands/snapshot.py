"""``cli.py snapshot``: what verdicts come from, as a file; and judging such a file."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from commands.arguments import Commands, add_format, output_file
from commands.document import rendered
from commands.output import DONE, INCOMPLETE, STDOUT, say, write
from commands.signing_in import add_sign_in, as_asked, gap_lines
from jobs import snapshot
from jobs.look import read
from jobs.text_files import read_text
from reports.words import count
from settings import load_settings
from tenant.model import Gap
from tenant.reader import Reading


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("snapshot", help="what verdicts come from, as one file; without the logs")
    sub = one.add_subparsers(required=True, metavar="ACTION")
    save = sub.add_parser("save", help="read the tenant and write the file")
    save.add_argument("file", type=output_file)
    save.add_argument("--pseudonymise", action="store_true", help="replace every name and id of the tenant")
    add_sign_in(save)
    save.set_defaults(command=_save_snapshot)
    load = sub.add_parser("load", help="judge what the file holds, offline")
    load.add_argument("file", type=Path)
    add_format(load, "table", "json", "csv", "html")
    load.set_defaults(command=_load_snapshot)


async def _save_snapshot(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset({"accounts"}))
    async with as_asked(options, settings):
        reading, _ = await read(settings, (), say)
        write(snapshot.dump(reading, datetime.now(UTC), pseudonymise=options.pseudonymise), options.file)
        if options.file != STDOUT:
            say(f"Wrote {options.file}: {count(len(reading.accounts), 'account', 'accounts')}.")
        for line in gap_lines([_shown(gap) for gap in reading.gaps], _names(reading)):
            say(line)
    return INCOMPLETE if reading.gaps else DONE


def _shown(gap: Gap) -> dict[str, str | None]:
    return {"input": gap.input, "error": gap.error, "permission": gap.permission, "account": gap.account_id}


def _names(reading: Reading) -> dict[str, str]:
    return {one.id: one.user_principal_name for one in reading.accounts}


async def _load_snapshot(options: argparse.Namespace) -> int:
    saved = snapshot.load(read_text(options.file))
    settings = load_settings(require=frozenset())
    document = snapshot.document_of(settings, saved)
    write(rendered(document, options.format), options.output)
    return DONE if document["run"]["complete"] else INCOMPLETE
