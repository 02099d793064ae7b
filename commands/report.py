"""``cli.py report``: the report of what is known, as a file."""

import argparse
import webbrowser
from datetime import UTC, datetime
from pathlib import Path

from commands.arguments import Commands, output_file
from commands.output import DONE, STDOUT, say, write
from jobs import views
from settings import load_settings


def add(commands: Commands) -> None:
    """Add what this file knows to the command line."""
    one = commands.add_parser("report", help="write the report of what is known")
    one.add_argument("--format", choices=["html", "json", "csv"], default="html")
    one.add_argument(
        "--output",
        type=output_file,
        metavar="FILE",
        help="default: report.html, report.json or report.csv; - is stdout",
    )
    one.add_argument("--open", action="store_true", help="open it in the browser")
    one.set_defaults(command=_report)


async def _report(options: argparse.Namespace) -> int:
    settings = load_settings(require=frozenset({"storage"}))
    async with views.opened(settings) as service:
        text = await views.report(service, options.format, datetime.now(UTC), cloud=settings.graph_cloud)
    output = options.output or Path(f"report.{options.format}")
    write(text, output)
    if output == STDOUT:
        return DONE
    say(f"Wrote {output}, which only you can read")
    if options.open:
        webbrowser.open(output.resolve().as_uri())
    return DONE
