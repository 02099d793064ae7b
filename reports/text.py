"""Names from a tenant are hostile text. This is where they become harmless to look at; escaping is the renderer's."""

import re
import unicodedata

# Control characters (a terminal obeys them), halves of surrogate pairs (UTF-8 can't hold them), and the characters that
# turn the direction of the text after them around, which lets a name rewrite the sentence it stands in.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile(r"\s*[\t\n\v\f\r\x85\u2028\u2029]\s*")


def readable(text: str) -> str:
    """The text on one line, without anything that steers a terminal, a browser or the direction of writing."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub(" ", text))


def width(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def fit(text: str, columns: int) -> str:
    """The text cut and padded to exactly so many columns of a terminal."""
    if width(text) <= columns:
        return text + " " * (columns - width(text))
    kept = ""
    for char in text:
        if width(kept + char) > columns - 1:
            break
        kept += char
    return f"{kept}…" + " " * (columns - width(kept) - 1)
