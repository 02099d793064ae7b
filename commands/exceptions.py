"""``cli.py exceptions``: accept findings until a date, list what is accepted, end it."""

import argparse
from getpass import getuser

from commands.arguments import Commands, account, iso_date
from commands.output import DONE, put
from jobs import views
from reports.files import render_json
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    parser = commands.add_parser("exceptions", help="accept findings until a date")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    one = actions.add_parser("add", help="accept a finding: it is shown, and silent in alerts")
    one.add_argument("--account", required=True, type=account, metavar="UPN_OR_ID")
    one.add_argument("--check", metavar="ID", help="without it, every check of the account")
    one.add_argument("--reason", required=True)
    one.add_argument("--owner", required=True)
    one.add_argument("--until", required=True, type=iso_date, metavar="YYYY-MM-DD")
    one.add_argument("--replace", action="store_true", help="end another exception that holds for the same check")
    one.set_defaults(command=_add_exception)
    actions.add_parser("list", help="all exceptions").set_defaults(command=_list_exceptions)
    one = actions.add_parser("remove", help="end an exception now")
    one.add_argument("id")
    one.set_defaults(command=_remove_exception)


async def _add_exception(options: argparse.Namespace) -> int:
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        added = await views.add_exception(
            service,
            account=options.account,
            check_id=None if options.check is None else options.check.upper(),
            reason=options.reason,
            owner=options.owner,
            until=options.until,
            created_by=getuser(),
            replace=options.replace,
        )
    put(render_json(added.public()))
    return DONE


async def _list_exceptions(options: argparse.Namespace) -> int:
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        put(render_json({"schema": 1, "exceptions": await views.exceptions(service)}))
    return DONE


async def _remove_exception(options: argparse.Namespace) -> int:
    async with views.opened(load_settings(require=frozenset({"storage"}))) as service:
        ended = await views.remove_exception(service, options.id, removed_by=getuser())
    put(render_json(ended.public()))
    return DONE
