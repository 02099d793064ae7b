"""Names from a tenant are hostile text. This is where they become harmless to look at; escaping is the renderer's."""

import re

from basics.text import REPLACEMENT, UNSEEN

# Control characters (a terminal obeys them), halves of surrogate pairs (UTF-8 can't hold them), and what nobody sees: among it
# the characters that turn the direction of the text after them around, which lets a name rewrite the sentence it stands in.
_CONTROLS = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]|{UNSEEN}")
_BREAK = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]")
# A run of blanks is matched whole, whether or not a line breaks in it: so each character is looked at once.
_BLANKS = re.compile(rf"\s{{2,}}|{_BREAK.pattern}")


def readable(text: str) -> str:
    """The text on one line, without anything that steers a terminal, a browser or the direction of writing."""
    if text.isascii() and text.isprintable():
        return text
    one_line = _BLANKS.sub(lambda blanks: " " if _BREAK.search(blanks[0]) else blanks[0], text)
    return _CONTROLS.sub(REPLACEMENT, one_line)
