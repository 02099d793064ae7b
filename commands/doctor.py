"""``cli.py doctor``: whether everything that a scan needs is in place."""

from collections.abc import Sequence

from commands.deployed import doctor_deployed
from commands.line.parts import Options
from commands.output import as_called, put
from jobs import doctor
from reports.files import render_json


async def run(options: Options) -> int:
    """Look at this machine, or have the function app look at itself."""
    lines = await doctor_deployed(options) if options.deployed else await doctor.examine()
    return print_lines(lines, options.format)


def print_lines(lines: Sequence[doctor.Line], form: str) -> int:
    """Write what was looked at, a line each, and return the exit code that follows from it."""
    if form == "json":
        put(render_json({"schema": 1, "lines": [line.public() for line in lines]}))
    else:
        put(as_called("\n".join(map(str, lines))))
    return doctor.exit_code(lines)
