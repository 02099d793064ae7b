"""Text files that people hand over, in the encodings that their tools write."""

import codecs
from pathlib import Path


class NotText(ValueError):
    """A file that holds no text; the message is one sentence."""


def read_text(file: Path) -> str:
    """The file's text. Raises ``OSError``, and :class:`NotText`.

    UTF-8, with or without a mark; with its mark UTF-16 too, which Windows PowerShell writes.
    """
    content = file.read_bytes()
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise NotText(f"{file} is not a text file in UTF-8.") from None
