"""``cli.py doctor``: whether everything that a scan needs is in place."""

from collections.abc import Sequence

import click

from commands.deployed import doctor_deployed
from commands.drawn.paper import Paper
from commands.line.parts import Options
from commands.output import as_called, put
from commands.signing_in import as_asked, for_a_person
from jobs import doctor
from reports.files import render_json
from settings import load_settings


async def run(options: Options) -> int:
    """Look at this machine, or have the function app look at itself."""
    if options.deployed:
        if options.sign_in:
            raise click.UsageError(
                "--sign-in doesn't go with --deployed: the app looks at itself, and az login says who asks"
            )
        return print_lines(await doctor_deployed(options), options.format)
    if not (options.sign_in or options.tenant or options.client_id):
        return print_lines(await doctor.examine(), options.format)
    async with as_asked(options, load_settings(require=frozenset())):
        return print_lines([for_a_person(line) for line in await doctor.examine()], options.format)


def print_lines(lines: Sequence[doctor.Line], form: str) -> int:
    """Write what was looked at, a row each, and return the exit code that follows from it."""
    if form == "json":
        put(render_json({"schema": 1, "lines": [line.public() for line in lines]}))
    else:
        put(_table(lines))
    return doctor.exit_code(lines)


def _table(lines: Sequence[doctor.Line]) -> str:
    """What to do begins on a line of its own."""
    paper, rows = Paper(), list[tuple[str, str, str]]()
    for line in lines:
        rows.append((line.level.value, line.topic, as_called(line.text)))
        if line.fix:
            rows.append(("", "", as_called(f"Fix: {line.fix}")))
    paper.table(("State", "What", "Found"), rows, whole=(0,))
    return str(paper)
