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
    try:
        return content.decode(_encoding(content))
    except UnicodeDecodeError:
        raise NotText(f"{file} is not a text file in UTF-8.") from None


def log_text(content: bytes) -> str:
    """A log's text, whoever wrote it: what can't be read in it is replaced, so that the rest can be looked at."""
    return content.decode(_encoding(content), errors="replace")


def _encoding(content: bytes) -> str:
    return "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
