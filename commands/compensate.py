"""``cli.py compensate``: a policy that lets the legacy clients of an account in from one place alone, as JSON."""

import argparse
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from commands.arguments import Commands, account
from commands.output import DONE, say, write
from jobs.compensate import compensate
from reports.files import render_json
from settings import load_settings

_NEXT = {
    "location": "Create it (POST /identity/conditionalAccess/namedLocations, or Entra ID > Conditional Access > Named locations), then run this "
    "again with --location and its id or name.",
    "policy": "Try it with cli.py simulate --policy-file FILE; import it with POST /identity/conditionalAccess/policies, or Entra ID > "
    "Conditional Access > Upload policy file. It is in report-only mode until you switch it on.",
}


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser(
        "compensate",
        help="a policy for an excluded account: its legacy clients only from one place; writes JSON, changes nothing",
    )
    one.add_argument("account", type=account, metavar="UPN_OR_ID")
    place = one.add_mutually_exclusive_group(required=True)
    place.add_argument("--location", metavar="ID_OR_NAME", help="a named location of the tenant: writes the policy")
    place.add_argument(
        "--address",
        type=_network,
        action="append",
        default=[],
        metavar="ADDRESS",
        help="an address or a range (203.0.113.7, 203.0.113.0/28): writes the named location for it",
    )
    one.add_argument("--output", type=Path, metavar="FILE", help="write there instead of stdout")
    one.set_defaults(command=_compensate)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is no address and no range such as 203.0.113.0/28') from None


async def _compensate(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset())
    made = await compensate(settings, options.account, location=options.location, networks=options.address)
    write(render_json(made), options.output)
    say(_NEXT["policy" if options.location else "location"])
    return DONE
