"""``cli.py discover``: propose accounts that nobody listed."""

import argparse
import shutil

from commands.arguments import Commands, add_format
from commands.output import DONE, INCOMPLETE, say, write
from commands.signing_in import add_sign_in, as_asked
from jobs.discover import discover
from jobs.proposing import EVERYWHERE
from reports.files import render_json
from reports.proposals import render_proposals
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser(
        "discover", help="propose accounts that nobody listed and that look like service accounts"
    )
    add_format(one, "table", "json")
    add_sign_in(one)
    one.set_defaults(command=_discover)


async def _discover(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset())
    if not settings.service_account_discovery:  # whoever asks for it here wants it, whatever scans do
        settings = settings.model_copy(update={"service_account_discovery": EVERYWHERE})
    async with as_asked(options, settings):
        found = await discover(settings, progress=say)
    width = shutil.get_terminal_size((110, 40)).columns
    write(render_json(found) if options.format == "json" else render_proposals(found, width), options.output)
    return INCOMPLETE if any(gap["optional"] for gap in found["run"]["gaps"]) else DONE
