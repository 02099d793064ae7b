"""The pages of prose about the checks."""

import pytest

from checks.catalog import CHECKS, known_checks
from checks.model import Severity
from checks.pages import SECTIONS, Block, Kind, PageError, Span, page, page_ids, pages, parse

_HEAD = "---\nid: APW-001\ntitle: T\nseverity: high\n---\n"
_BODY = "".join(f"\n## {section}\n\nWords.\n" for section in SECTIONS)


def test_every_check_has_a_page_of_its_own_title() -> None:
    titles = {one.id: one.title for one in pages()}
    assert titles.keys() == known_checks()
    assert len(set(titles.values())) == len(titles)
    for check in CHECKS:
        assert titles[check.id] == check.title


@pytest.mark.parametrize("check_id", page_ids())
def test_pages_are_whole(check_id: str) -> None:
    shown = page(check_id)
    assert tuple(section.title for section in shown.sections) == SECTIONS
    sources = [span.url for block in shown.sections[-1].blocks for line in block.lines for span in line if span.url]
    assert sources
    assert all(
        url.startswith(("https://learn.microsoft.com/", "https://techcommunity.microsoft.com/")) for url in sources
    )
    words = len(shown.markdown.split())
    assert 150 < words < 450


def test_a_severity_may_have_a_note() -> None:
    assert (page("APW-006").severity, page("APW-006").severity_note) == (
        Severity.MEDIUM,
        "high for a Microsoft-managed policy",
    )
    assert page("APW-001").severity_note == ""


def test_markdown_becomes_blocks() -> None:
    text = "A [link](https://a.example/b), https://c.example/d. And `code`."
    body = _BODY.replace("Words.", f"{text}\n\n- one\n- two\n\n1. first\n2. second", 1)
    assert parse("APW-001", _HEAD + body).sections[0].blocks == (
        Block(
            Kind.TEXT,
            (
                (
                    Span("A "),
                    Span("link", "https://a.example/b"),
                    Span(", "),
                    Span("https://c.example/d", "https://c.example/d"),
                    Span(". And "),
                    Span("code", code=True),
                    Span("."),
                ),
            ),
        ),
        Block(Kind.BULLETS, ((Span("one"),), (Span("two"),))),
        Block(Kind.STEPS, ((Span("first"),), (Span("second"),))),
    )


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (_BODY, "front matter"),
        ("x" + _HEAD + _BODY, "front matter"),
        (_HEAD.replace("title: T\n", "") + _BODY, "front matter"),
        (_HEAD.replace("title: T", "title:") + _BODY, "front matter"),
        (_HEAD.replace("APW-001", "APW-002") + _BODY, "must agree"),
        (_HEAD.replace("high", "urgent") + _BODY, "low, medium or high"),
        (_HEAD + _BODY.replace("## Sources", "## Links"), "sections"),
        (_HEAD + _BODY.replace("Words.", "", 1), "is empty"),
        (_HEAD + _BODY.replace("Words.", "Words.\n- item", 1), "mixes a list"),
        (_HEAD + _BODY.replace("Words.", "[x](http://a.example)", 1), "must be https"),
    ],
)
def test_a_badly_written_page_is_refused_with_the_reason(source: str, complaint: str) -> None:
    with pytest.raises(PageError, match=complaint):
        parse("APW-001", source)


def test_a_check_without_a_page_is_named() -> None:
    with pytest.raises(PageError, match="APW-999"):
        page("APW-999")


def test_a_page_is_read_once() -> None:
    assert page("APW-001") is page("APW-001")
    assert page_ids() is page_ids()


def test_pages_are_sorted_by_id() -> None:
    assert page_ids() == tuple(sorted(page_ids()))
    assert [one.id for one in pages()] == list(page_ids())


@pytest.mark.parametrize(
    ("source", "blocks"),
    [
        ("a\nb", [Block(Kind.TEXT, ((Span("a b"),),))]),
        ("  a\n  b", [Block(Kind.TEXT, ((Span("a b"),),))]),
        ("a\n\n\nb", [Block(Kind.TEXT, ((Span("a"),),)), Block(Kind.TEXT, ((Span("b"),),))]),
        ("- a - b\n- c", [Block(Kind.BULLETS, ((Span("a - b"),), (Span("c"),)))]),
        ("1. a 2. b\n10. c", [Block(Kind.STEPS, ((Span("a 2. b"),), (Span("c"),)))]),
        ("-a", [Block(Kind.TEXT, ((Span("-a"),),))]),
        ("`a`", [Block(Kind.TEXT, ((Span("a", code=True),),))]),
        ("`a` b", [Block(Kind.TEXT, ((Span("a", code=True), Span(" b")),))]),
        ("[a](https://b)[c](https://d)", [Block(Kind.TEXT, ((Span("a", "https://b"), Span("c", "https://d")),))]),
    ],
)
def test_each_block_is_a_paragraph_or_a_list(source: str, blocks: list[Block]) -> None:
    found = parse("APW-001", _HEAD + _BODY.replace("Words.", source, 1))
    assert list(found.sections[0].blocks) == blocks
    assert [section.title for section in found.sections] == list(SECTIONS)


def test_a_page_keeps_its_own_markdown_and_its_note() -> None:
    body = _BODY.replace("Words.", "Rule: ---\nmore", 1)
    found = parse("APW-001", _HEAD.replace("high", '"low, high for some, too"') + body)
    assert (found.severity, found.severity_note) == (Severity.LOW, "high for some, too")
    assert found.markdown == body.strip() + "\n"
    assert found.title == "T"
