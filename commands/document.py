"""A scan document in the form that was asked for."""

import shutil
import sys

from commands.output import is_colourful
from reports.document import Json
from reports.extras import ReportExtras
from reports.files import render_csv, render_json
from reports.html import render_html
from reports.terminal import render_table


def rendered(document: Json, form: str, extras: ReportExtras | None = None) -> str:
    """As ``table``, ``json``, ``csv`` or ``html``; the table as wide and as colourful as the terminal."""
    if form == "json":
        return render_json(document)
    if form == "csv":
        return render_csv(document)
    if form == "html":
        return render_html(document, extras)
    size = shutil.get_terminal_size((110, 40))
    return render_table(document, width=size.columns, color=is_colourful(sys.stdout), extras=extras)
