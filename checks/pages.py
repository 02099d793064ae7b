"""The pages of prose about the checks: one file each in ``checks/texts``, shown by the report, the docs and ``cli.py checks``.

A page is read and checked when it is first asked for. It uses a small part of Markdown only, so that every place can
show it safely and alike: paragraphs, ``-`` and ``1.`` lists, ``[text](https://...)``, bare https links and `code`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from checks.model import Severity

SECTIONS = ("What it means", "Why it matters", "How to verify", "How to fix", "The trade-off", "Sources")
"""The headings of every page, in this order."""

_FOLDER = Path(__file__).with_name("texts")
_MEMBERS = ("id", "title", "severity")
_INLINE = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<url>[^)\s]+)\)|(?P<bare>https://[^\s)]*[\w/])|`(?P<code>[^`]+)`")


class PageError(Exception):
    """A page that can't be shown: it is missing, or isn't written as it must be. The text says which and why."""


class Kind(StrEnum):
    """What a block of a section is."""

    TEXT = "text"
    BULLETS = "bullets"
    STEPS = "steps"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a line. ``url`` is set for a link (always https), ``code`` for something to type or compare."""

    text: str
    url: str | None = None
    code: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (one line) or a list (a line for each item)."""

    kind: Kind
    lines: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class CheckPage:
    """The page about one check."""

    id: str
    title: str
    severity: Severity
    severity_note: str
    """When the severity is another one, e.g. ``high for a Microsoft-managed policy``; mostly empty."""
    sections: tuple[Section, ...]
    """In the order of ``SECTIONS``."""
    markdown: str
    """The page as it is written, without its front matter."""


@cache
def page(check_id: str) -> CheckPage:
    """The page about a check. Raises :class:`PageError` for a check without one, or where it is badly written."""
    if check_id not in page_ids():
        raise PageError(
            f"There is no page about the check {check_id!r}; there are pages about {', '.join(page_ids())}."
        )
    return parse(check_id, (_FOLDER / f"{check_id}.md").read_text(encoding="utf-8"))


@cache
def page_ids() -> tuple[str, ...]:
    """The ids of all checks that have a page, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.md")))


def pages() -> tuple[CheckPage, ...]:
    """All pages, sorted by id."""
    return tuple(page(check_id) for check_id in page_ids())


def parse(check_id: str, source: str) -> CheckPage:
    """The page in ``source``, a file named after ``check_id``. Raises :class:`PageError`."""
    head, body = _front_matter(check_id, source)
    if head["id"] != check_id:
        raise PageError(f"The page {check_id} says that it is about {head['id']}: file name and id must agree.")
    severity, _, note = head["severity"].partition(",")
    if severity not in tuple(Severity):
        raise PageError(f"The page {check_id} has the severity {severity!r}: it must be low, medium or high.")
    sections = tuple(_section(check_id, part) for part in re.split(r"^## ", body, flags=re.MULTILINE)[1:])
    titles = tuple(section.title for section in sections)
    if titles != SECTIONS:
        raise PageError(
            f"The page {check_id} has the sections {', '.join(titles)}: they must be {', '.join(SECTIONS)}."
        )
    return CheckPage(check_id, head["title"], Severity(severity), note.strip(), sections, body.strip() + "\n")


def _front_matter(check_id: str, source: str) -> tuple[dict[str, str], str]:
    start, head, body = ("", "", "") if source.count("---\n") < 2 else source.split("---\n", 2)
    values = {}
    for line in head.splitlines():
        name, _, value = line.partition(":")
        values[name.strip()] = value.strip().strip('"')
    if start or tuple(values) != _MEMBERS or not all(values.values()):
        raise PageError(f"The page {check_id} must begin with a front matter of {', '.join(_MEMBERS)}.")
    return values, body


def _section(check_id: str, source: str) -> Section:
    title, _, rest = source.partition("\n")
    paragraphs = (part.strip() for part in re.split(r"\n\s*\n", rest))
    blocks = tuple(_block(check_id, part.splitlines()) for part in paragraphs if part)
    if not blocks:
        raise PageError(f'The section "{title}" of the page {check_id} is empty.')
    return Section(title.strip(), blocks)


def _block(check_id: str, lines: list[str]) -> Block:
    for kind, marker in ((Kind.BULLETS, r"- "), (Kind.STEPS, r"\d+\. ")):
        marked = [bool(re.match(marker, line)) for line in lines]
        if all(marked):
            return Block(kind, tuple(tuple(_spans(check_id, re.sub(marker, "", line, count=1))) for line in lines))
        if any(marked):
            raise PageError(f"The page {check_id} mixes a list with other lines near {lines[0]!r}.")
    return Block(Kind.TEXT, (tuple(_spans(check_id, " ".join(line.strip() for line in lines))),))


def _spans(check_id: str, line: str) -> Iterator[Span]:
    end = 0
    for match in _INLINE.finditer(line):
        if match.start() > end:
            yield Span(line[end : match.start()])
        end = match.end()
        url = match["url"] or match["bare"]
        if url and not url.startswith("https://"):
            raise PageError(f"The page {check_id} links to {url!r}: links must be https.")
        yield Span(match["text"] or match["bare"] or match["code"], url, bool(match["code"]))
    if end < len(line):
        yield Span(line[end:])
