"""The table for the terminal."""

import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from rich.cells import cell_len

from commands.drawn.scan import render_table, shared_domain
from reports.html import render_html
from reports.text import readable
from reports.words import OPTION, USABILITY, option_of, verdict
from tests.reports import hostile, samples


def test_it_begins_with_the_sentence_and_shows_every_account_worst_first() -> None:
    lines = render_table(samples.contoso(), 120, extras=samples.contoso_extras()).splitlines()
    assert lines[0] == "3 of 18 service accounts lost the app-password option since yesterday."
    first = next(place for place, line in enumerate(lines) if line.startswith("Severity"))
    table = lines[first + 1 : lines.index("", first)]
    severities = [re.split(r"\s{2,}", line.strip())[0] for line in table]
    assert severities == [
        *("Broken now (7)", *["High"] * 6, "Medium", "Cannot tell (2)", *["Medium"] * 2),
        *(
            "Will break (1)",
            "High",
            "To tidy up (1)",
            "Low",
            "Accepted (1)",
            "Accepted",
            "No finding (6)",
            *["No finding"] * 6,
        ),
    ]


def test_accounts_with_findings_show_reasons_and_what_to_do() -> None:
    text = render_table(samples.contoso(), 200)
    assert f'  - The policy "{samples.SERVICE}" requires multifactor authentication for Exchange Online' in text
    assert "What to do: Move the product to app-only sign-in" in text
    assert "Accepted until 31 Mar 2027 by it-operations@contoso.com: Vendor ships app-only sign-in in March" in text


def test_findings_stand_worst_first_and_always_with_a_next_step() -> None:
    low, high = samples.finding("APW-005", "", samples.NOW), samples.finding("APW-011", "", samples.NOW)
    shown = samples.account(
        "svc-a", "", "visible", "usable", findings=[{**low, "severity": "low"}, {**high, "severity": "high"}]
    )
    lines = render_table(samples.document([shown]), 200).splitlines()
    assert [line.split(":")[0] for line in lines if line.endswith(" UTC") and "found" in line] == ["  High", "  Low"]
    assert lines[-3] == "  What to do: python cli.py checks APW-011"  # the last line says how old the facts are


def test_alike_accounts_are_explained_once() -> None:
    text = render_table(samples.contoso(), 200)
    assert text.count("CA210: Require MFA for service accounts") == 2
    assert "svc-backup (CodeTwo Backup), svc-migration (Mailbox migration)" in text


def test_unreadable_inputs_name_the_permission() -> None:
    text = render_table(samples.contoso(), 300)
    assert "- Per-user MFA state of svc-archive@contoso.com: 403 Authorization_RequestDenied" in text
    assert "Grant the application permission Policy.Read.All." in text


def test_an_account_that_is_not_there_is_named_once_and_as_it_was_written() -> None:
    name = "svc_mfp@Contoso.com"
    gap = {"input": f"account {name}", "error": "404 there is no such account", "permission": None, "account": name}
    assert f"- Account {name}: 404" in render_table(samples.document([], [gap]), 100)
    page = render_html(samples.document([], [gap]))
    assert page.count(name) == 2  # in the sentence at the top and in the table


def test_an_empty_scan_is_one_sentence_and_where_it_is_from() -> None:
    assert render_table(samples.document([]), 100).splitlines() == [
        "No service accounts were judged: none is selected, or none could be read.",
        "Contoso Ltd, 22 Nov 2026, 07:00 UTC, complete",
    ]


def test_colours_only_when_asked_for() -> None:
    plain, coloured = (render_table(samples.contoso(), 100, color) for color in (False, True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


@given(hostile.names)
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("columns", [60, 100])
def test_no_name_steers_the_terminal_or_leaves_the_width(columns: int, name: str) -> None:
    document, extras = hostile.scan(name)
    text = render_table(document, columns, extras=extras)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert all(cell_len(line) <= columns for line in text.split("\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("two\r\nlines", "two lines"),
        ("a\u2028b", "a b"),
        ("\x1b[31m", "\ufffd[31m"),
        ("\u202egnp", "\ufffdgnp"),
        ("\ud800", "\ufffd"),
        ("עברית \u200fmark", "עברית \ufffdmark"),
    ],
)
def test_readable_text_is_one_line_without_commands(text: str, expected: str) -> None:
    assert readable(text) == expected


def lines_of(width: int, **how: Any) -> list[str]:
    return render_table(samples.contoso(), width, extras=samples.contoso_extras(), **how).splitlines()


def test_the_domain_that_accounts_share_is_said_once_and_others_stand_where_they_are() -> None:
    overview = "\n".join(lines_of(120)).partition("What to do first")[2].partition("\n\n")[2].partition("\nsvc-")[0]
    assert overview.startswith("Where an account has no domain, it is @contoso.com\n")
    assert overview.count("@contoso.com") == 1


@pytest.mark.parametrize(
    ("names", "domain"),
    [
        ((), ""),
        (("a@x.com",), ""),
        (("a@x.com", "b@x.com"), "@x.com"),
        (("a@x.com", "b@x.com", "c@y.com"), "@x.com"),
        (("a@x.com", "b@y.com"), ""),
        (("a", "b"), ""),
        (("@x.com", "@x.com"), ""),
    ],
)
def test_a_domain_is_shared_by_more_than_half(names: tuple[str, ...], domain: str) -> None:
    assert shared_domain(names) == domain


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_verdict_is_cut(width: int) -> None:
    lines = lines_of(width)
    assert not any("…" in line for line in lines)
    accounts = samples.contoso()["accounts"]
    labels = {verdict(USABILITY, one["usability"]).label for one in accounts} | {
        verdict(OPTION, option_of(one)).label for one in accounts
    }
    first = next(place for place, line in enumerate(lines) if line.startswith("Severity"))
    table = lines[first : lines.index("", first)]
    places = [found.start() for found in re.finditer("App password", table[0])] + [width]
    for start, end in itertools.pairwise(places):
        cells = [line[start:end].strip() for line in table]
        words = {word for cell in cells for word in cell.split()}
        assert words <= {word for label in (*labels, "App password option works") for word in label.split()}, (
            "words stay whole"
        )


def test_long_output_ends_with_the_sentence_that_it_began_with() -> None:
    assert lines_of(80, lines=24)[-1] == lines_of(80)[0]
    assert lines_of(80, lines=2000)[-1] != lines_of(80)[0]


def test_a_summary_counts_the_accounts_and_names_only_what_could_not_be_read() -> None:
    text = "\n".join(lines_of(200, brief=True))
    assert text.startswith("3 of 18 service accounts lost the app-password option since yesterday.")
    rows = re.findall(r"^(High|Medium|Low|Accepted|No finding) +(\d+) ", text, re.MULTILINE)
    assert sum(int(number) for _, number in rows) == 18
    assert "svc-backup" not in text
    assert "What could not be read" in text
