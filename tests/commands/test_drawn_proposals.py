"""Proposals in the terminal."""

from typing import Any

from commands.drawn.proposals import render_proposals
from commands.drawn.scan import render_table
from reports.html import render_html
from tests.reports.samples import document

PRINTER: dict[str, Any] = {
    "id": "a",
    "user_principal_name": "scan@contoso.com",
    "display_name": "Scan \x1b[31mroom\nnew line",
    "score": 5,
    "signals": [
        {"kind": "legacy_protocol", "text": "It signs in with SMTP.", "weight": 3, "last_seen": "2026-11-21T08:00:00Z", "count": 1412},
        {"kind": "name", "text": "Its name says so.", "weight": 2, "last_seen": None, "count": None},
    ],
    "left_out_because": None,
}  # fmt: skip
BREAK_GLASS = {
    **PRINTER,
    "user_principal_name": "bg@contoso.com",
    "signals": [],
    "left_out_because": "It is for emergencies.",
}
RUN = {
    "gaps": [
        {"input": "sign_ins", "error": "403 no", "optional": True},
        {"input": "x", "error": "y", "optional": False},
    ]
}


def test_says_why_each_is_proposed_and_what_was_left_out() -> None:
    text = render_proposals({"run": RUN, "proposals": [PRINTER, BREAK_GLASS]})
    assert "score 5" in text
    assert "+3  It signs in with SMTP. 1,412 times, last on 21 Nov 2026." in text
    assert "+2  Its name says so.\n" in text
    assert "Recognised and left out\n  bg@contoso.com" in text
    assert "It is for emergencies." in text
    assert "Could not read sign_ins: 403 no" in text
    assert "Could not read x" not in text


def test_names_cannot_steer_the_terminal() -> None:
    text = render_proposals({"run": RUN, "proposals": [PRINTER]})
    assert "\x1b" not in text
    assert max(map(len, render_proposals({"run": RUN, "proposals": [PRINTER]}, 70).splitlines())) <= 70


def test_the_report_shows_them_as_text() -> None:
    hostile = {**PRINTER, "display_name": "<script>alert(1)</script>"}
    page = render_html({**document([]), "proposals": [hostile, BREAK_GLASS]})
    assert "Accounts that nobody listed" in page
    assert "It signs in with SMTP." in page
    assert "It is for emergencies." in page
    assert "<script>alert(1)" not in page
    assert "Accounts that nobody listed" not in render_html(document([]))


def test_a_scan_shows_them_too() -> None:
    assert "Accounts that nobody listed" in render_table({**document([]), "proposals": [PRINTER]})
    assert "Accounts that nobody listed" not in render_table({**document([]), "proposals": []})
