"""``cli.py report``: the report of what is known, as a file."""

import webbrowser
from datetime import UTC, datetime
from pathlib import Path

from commands.line.kinds import STDOUT
from commands.line.parts import Options
from commands.output import DONE, progress, writing
from jobs import views
from jobs.ocsf import report_lines
from settings import load_settings

_NAMES = {"ocsf": "report.ocsf.jsonl"}
"""What the file is called whose name doesn't end with the format's."""


async def run(options: Options) -> int:
    """Write the report, and open it."""
    settings = load_settings(require=frozenset({"storage"}))
    output = options.output or Path(_NAMES.get(options.format, f"report.{options.format}"))
    now = datetime.now(UTC)
    async with views.opened(settings) as service:
        with writing(output) as take:
            if options.format == "ocsf":
                take("")
                async for line in report_lines(service, settings, now):
                    take(line)
            else:
                await views.report(service, options.format, now, take, cloud=settings.graph_cloud)
    if output == STDOUT:
        return DONE
    progress(f"Wrote {output}, which only you can read")
    if options.open:
        webbrowser.open(output.resolve().as_uri())
    return DONE
