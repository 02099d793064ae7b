"""A scan document in the form that was asked for."""

import sys

from commands.drawn.scan import render_table
from commands.output import is_colourful
from reports.document import Json
from reports.extras import ReportExtras
from reports.files import render_csv, render_json
from reports.html import render_html


def rendered(document: Json, form: str, extras: ReportExtras | None = None, *, brief: bool = False) -> str:
    """As ``table``, ``json``, ``csv`` or ``html``; the table as wide and as colourful as the terminal, or ``brief``."""
    if form == "json":
        return render_json(document)
    if form == "csv":
        return render_csv(document)
    if form == "html":
        return render_html(document, extras)
    return render_table(document, color=is_colourful(sys.stdout), extras=extras, brief=brief)
