"""``cli.py simulate``: which accounts would change if a policy did."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from commands.arguments import Commands
from commands.output import DONE, plain, put, say
from jobs import simulate, snapshot
from jobs.look import read
from jobs.text_files import read_text
from reports.files import render_json
from reports.words import count, shift_in_words
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("simulate", help="which accounts would change if a policy did; reads only")
    how = one.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--enable-policy", metavar="POLICY", help="switch on a policy that is off or report-only (by id or name)"
    )
    how.add_argument(
        "--policy-file", type=Path, metavar="FILE", help="add this policy (JSON as in Microsoft Graph), on"
    )
    how.add_argument(
        "--exclude", metavar="ACCOUNT=POLICY", help="exclude an account from a policy (both by id or name)"
    )
    how.add_argument("--waiting", action="store_true", help="each report-only policy in turn")
    one.add_argument("--snapshot", type=Path, metavar="FILE", help="in a saved snapshot instead of the tenant")
    one.add_argument("--format", choices=["table", "json"], default="table")
    one.set_defaults(command=_simulate)


async def _simulate(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset() if options.snapshot else frozenset({"accounts"}))
    policy_text = read_text(options.policy_file) if options.policy_file else None  # before the tenant, which takes long
    if options.snapshot:
        reading = snapshot.load(read_text(options.snapshot)).reading
    else:
        reading, _ = await read(settings, (), say)
    allowed, now = settings.app_passwords_allowed, datetime.now(UTC)
    if options.waiting:
        outcomes = simulate.waiting(reading, allowed, now)
    else:
        wanted = simulate.case(reading, enable=options.enable_policy, policy_text=policy_text, exclude=options.exclude)
        outcomes = [simulate.run(reading, wanted, allowed, now)]
    if options.format == "json":
        put(render_json({"schema": 1, "simulations": outcomes}))
    for outcome in outcomes if options.format == "table" else []:
        changed = count(len(outcome["accounts"]), "account", "accounts")
        put(plain(f"{outcome['title']}: {changed} would change"))
        for one in outcome["accounts"]:
            put(plain(f"  {one['user_principal_name']}: {shift_in_words(one['before'], one['after'])}"))
    if not outcomes:
        say("There is no report-only policy.")
    return DONE
