"""``cli.py report``: the report of what is known, as a file."""

import webbrowser
from datetime import UTC, datetime
from pathlib import Path

from commands.line.kinds import STDOUT
from commands.line.parts import Options
from commands.output import DONE, progress, writing
from jobs import views
from settings import load_settings


async def run(options: Options) -> int:
    """Write the report, and open it."""
    settings = load_settings(require=frozenset({"storage"}))
    output = options.output or Path(f"report.{options.format}")
    async with views.opened(settings) as service:
        with writing(output) as take:
            await views.report(service, options.format, datetime.now(UTC), take, cloud=settings.graph_cloud)
    if output == STDOUT:
        return DONE
    progress(f"Wrote {output}, which only you can read")
    if options.open:
        webbrowser.open(output.resolve().as_uri())
    return DONE
