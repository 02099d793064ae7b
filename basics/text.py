"""Text that every encoding can carry, and the characters that nobody sees.

A lone surrogate (half of a pair of UTF-16) comes in by JSON (``"\\ud800"``), by an argument or a variable of the environment that
isn't UTF-8, or by a key of a table. It passes through everything that only looks at text, and raises where the text is encoded.
So each way in makes text well-formed, in one place, and what goes out does so once more.
"""

import re
from collections.abc import MutableMapping
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SURROGATE = re.compile("[\ud800-\udfff]")

# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), the blank of Braille, which is no blank to any program, and the marks
# of annotations and hieroglyphs, which hardly any font shows. Left out are the joiners, which Persian, Indic scripts and emoji need, and
# the two selectors of emoji.
_NEVER_SEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_LETTERS = "A-Za-z\u00c0-\u02af\u0370-\u058f"
"""Latin, Greek, Cyrillic and Armenian ones: they are neither joined nor made emoji."""
UNSEEN = rf"[{_NEVER_SEEN}]|(?<=[{_LETTERS}])[\u200c\u200d\ufe0e\ufe0f]+"
"""What nobody sees and what makes two names look alike, for an alternative of a regular expression."""


_UNSEEN = re.compile(UNSEEN)


def visible(text: str, instead: str = REPLACEMENT) -> str:
    """The text with ``instead`` for each character that nobody sees: a name can't pass for another one."""
    return text if text.isascii() else _UNSEEN.sub(instead, text)


def capital(text: str) -> str:
    """The text as the beginning of a sentence; the rest of it stays as it is."""
    return text[:1].upper() + text[1:]


def well_formed(text: str) -> str:
    """The text with two halves of a surrogate pair joined, and each lone one replaced: any encoding of Unicode can carry it."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def well_formed_json(value: Any) -> Any:
    """Plain JSON with all its texts well-formed, names of members too."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {well_formed_json(name): well_formed_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [well_formed_json(item) for item in value]
    return value


def make_well_formed(row: MutableMapping[str, Any]) -> None:
    """Make the texts of a table's row well-formed, in place."""
    for name, value in row.items():
        if type(value) is str and _SURROGATE.search(value):
            row[name] = well_formed(value)
