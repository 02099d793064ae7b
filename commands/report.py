"""``cli.py report``: the report of what is known, as a file."""

import webbrowser
from datetime import UTC, datetime
from pathlib import Path

from commands.line.kinds import STDOUT
from commands.line.parts import Options
from commands.output import DONE, progress, write
from jobs import views
from jobs.ocsf import report_lines
from settings import load_settings

_NAMES = {"ocsf": "report.ocsf.jsonl"}
"""What the file is called whose name doesn't end with the format's."""


async def run(options: Options) -> int:
    """Write the report, and open it."""
    settings = load_settings(require=frozenset({"storage"}))
    async with views.opened(settings) as service:
        if options.format == "ocsf":
            text = "".join([line async for line in report_lines(service, settings, datetime.now(UTC))])
        else:
            text = await views.report(service, options.format, datetime.now(UTC), cloud=settings.graph_cloud)
    output = options.output or Path(_NAMES.get(options.format, f"report.{options.format}"))
    write(text, output)
    if output == STDOUT:
        return DONE
    progress(f"Wrote {output}, which only you can read")
    if options.open:
        webbrowser.open(output.resolve().as_uri())
    return DONE
