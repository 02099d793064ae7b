"""``cli.py permissions``: what Microsoft Graph must allow, and whether it does."""

import argparse
import json

from commands.arguments import Commands
from commands.doctor import print_lines
from commands.output import DONE, put
from commands.signing_in import add_sign_in, as_asked, for_a_person
from jobs import doctor
from settings import load_settings
from tenant.permissions import PERMISSIONS, permissions_table


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("permissions", help="list the Microsoft Graph permissions, and what each is for")
    one.add_argument("--format", choices=["table", "json"], default="table")
    one.add_argument("--check", action="store_true", help="ask Microsoft Graph which of them are granted")
    add_sign_in(one)
    one.set_defaults(command=_permissions)


async def _permissions(options: argparse.Namespace) -> int:
    if options.check:
        settings = load_settings(require=frozenset())
        async with as_asked(options, settings):
            lines = [for_a_person(line) for line in await doctor.permission_lines(settings)]
        return print_lines(lines, options.format)
    if options.format == "json":
        put(json.dumps([entry.public() for entry in PERMISSIONS], indent=2))
    else:
        put(permissions_table())
    return DONE
