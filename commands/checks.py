"""``cli.py checks``: the checks and their pages."""

import argparse

from checks.pages import pages
from commands.arguments import Commands
from commands.output import DONE, FAILED, put, say


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("checks", help="explain the checks")
    one.add_argument("id", nargs="?", metavar="ID", help="one check, e.g. APW-001")
    one.set_defaults(command=_checks)


async def _checks(options: argparse.Namespace) -> int:
    shown = [page for page in pages() if not options.id or page.id == options.id.upper()]
    if not shown:
        say(f'There is no check "{options.id}": the checks are {", ".join(page.id for page in pages())}.')
        return FAILED
    for page in shown:
        put(
            f"# {page.id}: {page.title}\n\n{page.markdown}"
            if options.id
            else f"{page.id}  {page.severity.value:<7}  {page.title}"
        )
    return DONE
