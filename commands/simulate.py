"""``cli.py simulate``: which accounts would change if something in the tenant did."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from checks.simulate import CannotSimulate
from commands.arguments import Commands
from commands.output import DONE, plain, put, say
from commands.signing_in import add_sign_in, as_asked
from connections.graph import graph_for
from jobs import snapshot
from jobs.look import read_with
from jobs.policy_files import read_policies
from jobs.simulate import simulate
from jobs.text_files import read_text
from jobs.wishes import Wishes, pair, state_pair
from reports.document import Json
from reports.files import render_json
from reports.simulation import simulation_lines
from settings import Settings, load_settings
from tenant.lookups import GraphLookups
from tenant.saved_lookups import SavedLookups

_NOTHING = (
    "Say what to simulate: --enable-policy, --policy-file, --waiting, --security-defaults, --set, --group or --exclude, "
    "any of them together."
)


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser(
        "simulate", help="which accounts would change if a policy, a group or a setting did; reads only"
    )
    one.add_argument(
        "--enable-policy",
        metavar="POLICY",
        action="append",
        default=[],
        help="switch on a policy that is off or report-only (by id or name)",
    )
    one.add_argument(
        "--policy-file",
        type=Path,
        metavar="PATH",
        action="append",
        default=[],
        help="add the policies of a file, or of every *.json in a folder (JSON as in Microsoft Graph), on",
    )
    one.add_argument("--waiting", action="store_true", help="each report-only policy in turn")
    one.add_argument("--security-defaults", choices=["on", "off"], help="switch Security Defaults on or off")
    one.add_argument(
        "--set",
        metavar="ACCOUNT=STATE",
        action="append",
        default=[],
        help="another per-user MFA state of an account: enforced, enabled or disabled",
    )
    one.add_argument(
        "--group",
        metavar="ACCOUNT=GROUP",
        action="append",
        default=[],
        help="an account in one more group (by id or name), and in the groups that it is nested in",
    )
    one.add_argument(
        "--exclude",
        metavar="ACCOUNT=POLICY",
        action="append",
        default=[],
        help="exclude an account from a policy (both by id or name): by a group that the policy excludes already, if it has one",
    )
    one.add_argument("--snapshot", type=Path, metavar="FILE", help="in a saved snapshot instead of the tenant")
    one.add_argument("--format", choices=["table", "json"], default="table")
    add_sign_in(one)
    one.set_defaults(command=_simulate)


async def _simulate(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset() if options.snapshot else frozenset({"accounts"}))
    wishes = _wishes(options)  # before the tenant, which takes long
    if options.snapshot:
        document = await _from_snapshot(settings, options, wishes)
    else:
        async with as_asked(options, settings):
            document = await _from_tenant(settings, wishes)
    if options.format == "json":
        put(render_json(document))
        return DONE
    for line in simulation_lines(document):
        put(plain(line))
    if not document["simulations"]:
        say("There is no report-only policy.")
    return DONE


async def _from_tenant(settings: Settings, wishes: Wishes) -> Json:
    async with graph_for(settings) as graph:
        reading = await read_with(graph, settings, (), say)
        return await simulate(reading, wishes, GraphLookups(graph), settings.app_passwords_allowed, datetime.now(UTC))


async def _from_snapshot(settings: Settings, options: argparse.Namespace, wishes: Wishes) -> Json:
    reading = snapshot.load(read_text(options.snapshot)).reading
    return await simulate(reading, wishes, SavedLookups(reading), settings.app_passwords_allowed, datetime.now(UTC))


def _wishes(options: argparse.Namespace) -> Wishes:
    """What the options ask for. Raises what ``read_policies`` raises, and ``CannotSimulate``."""
    places: Sequence[Path] = options.policy_file
    wishes = Wishes(
        enable=options.enable_policy,
        added=read_policies(places),
        source=" and ".join(f'"{place.resolve().name}"' for place in places),
        security_defaults=options.security_defaults == "on" if options.security_defaults else None,
        states=[state_pair(text) for text in options.set],
        memberships=[pair("--group", "GROUP", text) for text in options.group],
        exclusions=[pair("--exclude", "POLICY", text) for text in options.exclude],
        waiting=options.waiting,
    )
    if wishes.nothing:
        raise CannotSimulate(_NOTHING)
    return wishes
