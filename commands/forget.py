"""``cli.py forget``: delete everything that is kept about an account."""

import argparse

from commands.arguments import Commands, account
from commands.output import DONE, say
from jobs.forget import forget
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("forget", help="delete everything that is kept about an account")
    one.add_argument("account", type=account, metavar="UPN_OR_ID")
    one.set_defaults(command=_forget)


async def _forget(options: argparse.Namespace) -> int:
    forgotten = await forget(load_settings(require=frozenset({"storage"})), options.account)
    if not forgotten.rows:
        say(f"Nothing is kept about {options.account}.")
        return DONE
    say(f"Deleted what was kept about {options.account}, in {forgotten.rows} rows.")
    if forgotten.selected:
        say("It is still selected as a service account: the next scan reads it anew unless you take it out.")
    return DONE
