"""``cli.py discover``: propose accounts that nobody listed."""

import argparse
import shutil

from commands.arguments import Commands, add_format
from commands.output import DONE, FAILED, INCOMPLETE, say, write
from jobs.discover import discover
from reports.files import render_json
from reports.proposals import render_proposals
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser(
        "discover", help="propose accounts that nobody listed and that look like service accounts"
    )
    add_format(one, "table", "json")
    one.set_defaults(command=_discover)


async def _discover(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset())
    if not settings.service_account_discovery:
        say("Nothing is looked at: set SERVICE_ACCOUNT_DISCOVERY to signins,consents.")
        return FAILED
    found = await discover(settings, progress=say)
    width = shutil.get_terminal_size((110, 40)).columns
    write(render_json(found) if options.format == "json" else render_proposals(found, width), options.output)
    return INCOMPLETE if any(gap["optional"] for gap in found["run"]["gaps"]) else DONE
