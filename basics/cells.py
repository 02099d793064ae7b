"""Cells of a CSV file that no spreadsheet calculates, whoever chose the text in them. Source: OWASP, "CSV Injection"."""

import re

from basics.text import REPLACEMENT, visible, well_formed

# A spreadsheet calculates what begins with one of these. It may skip blanks and quotes before it, or take another
# character than the comma for the separator, so that the middle of a cell becomes the start of one.
# The run before is matched whole, whatever follows it: so each character is looked at once.
_BEGINS = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf"""([\s"';,|]+)({_BEGINS})?|^{_BEGINS}""")
_MAY_BEGIN = re.compile(rf"""(?:^|[\s"';,|]){_BEGINS}""")
"""Whether :data:`_FORMULA` finds any: it looks at every blank, and few cells have any."""
_SEPARATOR = re.compile(r"[;,|\t\r\n\v\f]")
_CONTROL_START = re.compile(r"^(?=[\t\r\n\v\f])")


def harmless(cell: str) -> str:
    """The cell so that no spreadsheet takes it, or a part of it, for a formula."""
    cell = _CONTROL_START.sub("'", visible(well_formed(cell)).replace("\0", REPLACEMENT))
    return _FORMULA.sub(_guarded, cell) if _MAY_BEGIN.search(cell) else cell


def _guarded(found: re.Match[str]) -> str:
    """What :data:`_FORMULA` found, with an apostrophe where a cell may begin."""
    run, begins = found[1], found[2]
    if run is None:
        return f"'{found[0]}"
    starts_cell = found.start() == 0 or _SEPARATOR.search(run)
    return f"{run}'{begins}" if begins and starts_cell else found[0]
