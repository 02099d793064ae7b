"""``cli.py doctor``: whether everything that a scan needs is in place."""

import argparse
from collections.abc import Sequence

from commands.arguments import Commands
from commands.deployed import doctor_deployed
from commands.output import put
from jobs import doctor
from reports.files import render_json


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("doctor", help="look whether everything that a scan needs is in place; sends nothing")
    one.add_argument("--format", choices=["table", "json"], default="table")
    one.add_argument(
        "--deployed", action="store_true", help="have the function app look at itself; needs the role Operator"
    )
    one.add_argument("--url", metavar="URL", help="with --deployed: the app's address; default: azd's environment")
    one.add_argument("--resource", metavar="URI", help="with --deployed: IDENTIFIER_URI; default: azd's environment")
    one.set_defaults(command=_doctor)


async def _doctor(options: argparse.Namespace) -> int:
    lines = await doctor_deployed(options) if options.deployed else await doctor.examine()
    return print_lines(lines, options.format)


def print_lines(lines: Sequence[doctor.Line], form: str) -> int:
    """Write what was looked at, a line each, and return the exit code that follows from it."""
    if form == "json":
        put(render_json({"schema": 1, "lines": [line.public() for line in lines]}))
    else:
        put("\n".join(map(str, lines)))
    return doctor.exit_code(lines)
