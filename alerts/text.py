"""Text from a tenant made fit for people: one line, nothing invisible, cut to a length.

Anybody who may name a policy, a group or an account writes text that ends up in a card or a mail. Control characters and
line breaks would fake a layout, bidirectional controls would reverse what is read, invisible characters would hide words.
"""

import re
import unicodedata

from basics.text import visible, well_formed

ELLIPSIS = "…"
MAX_MARKS = 4
"""Combining marks on one letter; real writing needs no more, and a hundred of them climb out of the line."""

_ZERO_WIDTH_NON_JOINER, _ZERO_WIDTH_JOINER = "\u200c", "\u200d"
_KEPT_FORMATS = frozenset({_ZERO_WIDTH_NON_JOINER, _ZERO_WIDTH_JOINER})
"""Format characters that Persian, Indic scripts and emoji need. All others (bidirectional controls among them) go."""
_MARKS = frozenset({"Mn", "Mc", "Me"})
_LOOKS_BLANK = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")
"""Letters and symbols that show as a gap."""
_DOUBLE_BRACE = re.compile(r"\{(?=\{)")


def clean(text: str, limit: int = 2000) -> str:
    """``text`` as one line of visible characters, at most ``limit`` code points long."""
    # What is far beyond the limit can't show: hostile text may be megabytes long.
    text = text[: 4 * limit + 64]
    if text.isascii() and text.isprintable():
        return cut(" ".join(text.split()), limit)
    kept: list[str] = []
    marks = 0
    for character in visible(_LOOKS_BLANK.sub(" ", well_formed(text)), ""):
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        if marks > MAX_MARKS:
            continue
        if category in {"Cc", "Zl", "Zp", "Zs"}:
            kept.append(" ")
        elif category != "Cf" or character in _KEPT_FORMATS:
            kept.append("\ufffd" if ord(character) & 0xFFFE == 0xFFFE else character)
    return cut(" ".join("".join(kept).split()), limit)


def cut(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` code points, with an ellipsis where something is missing.

    Never cuts between a letter and its marks, inside a joined emoji or between the two halves of a flag, unless that one
    character alone is longer than the limit.
    """
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 0 and _continues(text, end):
        end -= 1
    return text[: end or limit - 1].rstrip() + ELLIPSIS


def without_templates(text: str) -> str:
    """``text`` in which an Adaptive Card finds no ``{{DATE(...)}}`` or ``{{TIME(...)}}`` to replace."""
    return _DOUBLE_BRACE.sub("{ ", text)


def _continues(text: str, position: int) -> bool:
    """Whether the character at ``position`` belongs to the one before it (the common cases of Unicode's UAX #29)."""
    here, before = text[position], text[position - 1]
    if unicodedata.category(here) in _MARKS or here in _KEPT_FORMATS or before == _ZERO_WIDTH_JOINER:
        return True
    if "\U0001f3fb" <= here <= "\U0001f3ff" or "\u1160" <= here <= "\u11ff":  # skin tones; parts of Hangul syllables
        return True
    if not _flag_half(here):
        return False
    halves = 0
    while halves < position and _flag_half(text[position - 1 - halves]):
        halves += 1
    return halves % 2 == 1


def _flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
