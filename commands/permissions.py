"""``cli.py permissions``: what Microsoft Graph must allow, and whether it does."""

import json

from commands.doctor import print_lines
from commands.drawn.paper import Paper
from commands.line.parts import Options
from commands.output import DONE, put
from commands.signing_in import as_asked, for_a_person
from jobs import doctor
from settings import load_settings
from tenant.permissions import PERMISSIONS, Permission


async def run(options: Options) -> int:
    """List the permissions, or ask which are granted."""
    if options.check:
        settings = load_settings(require=frozenset())
        async with as_asked(options, settings):
            lines = [for_a_person(line) for line in await doctor.permission_lines(settings)]
        return print_lines(lines, options.format)
    if options.format == "json":
        put(json.dumps([entry.public() for entry in PERMISSIONS], indent=2))
    else:
        put(_table())
    return DONE


def _table() -> str:
    paper = Paper()
    paper.table(
        ("Permission", "Needed", "For"),
        [(one.name, "optional" if one.optional else "yes", _why(one)) for one in PERMISSIONS],
        whole=(0, 1),
    )
    return str(paper)


def _why(one: Permission) -> str:
    parts = [one.reason, one.note, f"Without it: {one.without}"]
    if not one.scope:
        parts.append(f"A person can't be given it: {one.for_a_person}.")
    elif one.scope != one.name:
        parts.append(f"A person needs {one.scope}.")
    return " ".join(part for part in parts if part)
