"""Who still signs in with a password: rows, the table, CSV, the page, and what an imported report adds."""

import copy
import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import reports
from checks.password_use import PasswordUse
from commands.drawn.passwords import render_passwords
from reports.html import address, render_html
from reports.passwords import (
    COLUMNS,
    headline,
    password_use_object,
    render_passwords_csv,
    report_note,
    with_report,
)
from tests.reports import samples
from tests.reports.markup import read

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
DAY = timedelta(days=1)
Json = dict[str, Any]


def row(name: str | None = "svc@contoso.com", client: str = "Authenticated SMTP", **more: Any) -> Json:
    """A use that the sign-in log shows."""
    members: Json = {
        "account_id": f"id-{name}",
        "user_principal_name": name,
        "display_name": "Shown",
        "selected": True,
        "client": client,
        "how": "legacy",
        "application": "Office 365 Exchange Online",
        "days": 9,
        "got_in": 20,
        "refused": 3,
        "last": NOW - DAY,
        "last_in": NOW - 2 * DAY,
    }
    return password_use_object(PasswordUse(**{**members, **more}), NOW)


def works(name: str = "svc@contoso.com", **more: Any) -> Json:
    """One that got in when it last came."""
    return row(name, **{"last_in": NOW - DAY, **more})


def without_last_in(found: Json) -> Json:
    """A row without the member that came later."""
    return {name: value for name, value in found.items() if name != "last_got_in"}


def document(*rows: Json, notes: tuple[str, ...] = ()) -> Json:
    return {"schema": 1, "headline": headline(rows), "password_sign_ins": list(rows), "notes": list(notes)}


@pytest.mark.parametrize(
    ("client", "how", "date"),
    [
        ("Authenticated SMTP", "legacy", "2026-12-31"),
        ("smtp", "legacy", "2026-12-31"),
        ("Exchange Web Services", "legacy", "2027-04-01"),
        ("IMAP4", "legacy", "2023-01-31"),
        ("Other clients", "legacy", None),
        ("Mobile Apps and Desktop clients", "password", None),
    ],
)
def test_a_row_says_when_its_protocol_ends(client: str, how: str, date: str | None) -> None:
    retirement = row(client=client, how=how)["retirement"]
    assert (retirement and retirement["date"]) == date


REPORT: Json = {
    "imported": "2026-11-20T08:00:00Z",
    "rows": [["svc@contoso.com", 120, True], ["fax@contoso.com", 7, None], ["modern@contoso.com", 9, False]],
}


def test_an_imported_report_adds_senders_and_counts_and_leaves_oauth_out() -> None:
    rows = with_report([row(), row("x@contoso.com", selected=False)], REPORT, {"fax@contoso.com": "id-fax"}, NOW)
    assert [(one["user_principal_name"], one["source"], one["messages"]) for one in rows] == [
        ("svc@contoso.com", "sign_in_log", 120),
        ("fax@contoso.com", "exchange_report", 7),
        ("x@contoso.com", "sign_in_log", None),
    ]
    fax = rows[1]
    assert (fax["account"], fax["selected"], fax["got_in"], fax["last"]) == ("id-fax", True, None, None)
    assert (fax["as_of"], fax["retirement"]["date"]) == (REPORT["imported"], "2026-12-31")


def test_another_protocol_of_the_account_is_no_sender() -> None:
    rows = with_report([row(client="IMAP4")], REPORT, {}, NOW)
    assert [one["client"] for one in rows if one["user_principal_name"] == "svc@contoso.com"] == [
        "IMAP4",
        "Authenticated SMTP",
    ]


def test_without_a_report_the_rows_stay() -> None:
    assert with_report([row()], {}, {}, NOW) == [row()]
    assert report_note({}, NOW) is None


@pytest.mark.parametrize(("days", "old"), [(0, False), (30, False), (31, True)])
def test_an_old_report_is_called_old(days: int, old: bool) -> None:
    note = report_note(REPORT, datetime(2026, 11, 20, 8, tzinfo=UTC) + days * DAY)
    assert note is not None
    assert note.startswith("The SMTP AUTH clients report of the Exchange admin center was imported on 20 Nov 2026.")
    assert ("more than 30 days ago" in note) is old
    assert "doesn't tell a password from OAuth" in note
    assert "OAuth" not in str(report_note({**REPORT, "rows": REPORT["rows"][:1]}, NOW))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ((), "No account is known to sign in with a password."),
        ((works(),), "1 account signs in with a password, 1 of them selected."),
        ((works(), works(client="IMAP4")), "1 account signs in with a password, 1 of them selected."),
        (
            (works(), row("b", selected=False, got_in=0, last_in=None)),
            "2 accounts sign in with a password, 1 of them selected; of 1 the newest sign-ins were refused.",
        ),
        # it got in for weeks, and does no more
        (
            (row(), row(client="IMAP4"), works("b")),
            "2 accounts sign in with a password, 2 of them selected; of 1 the newest sign-ins were refused.",
        ),
        # one client of it works, another never did
        (
            (works(), row(client="IMAP4", got_in=0, last_in=None)),
            "1 account signs in with a password, 1 of them selected; of 1 the newest sign-ins were refused.",
        ),
        # kept by a version that didn't know when it last got in
        (
            (without_last_in(row()), without_last_in(row("b", got_in=0))),
            "2 accounts sign in with a password, 2 of them selected; of 1 the newest sign-ins were refused.",
        ),
    ],
)
def test_the_headline_counts_accounts(rows: tuple[Json, ...], text: str) -> None:
    assert headline(rows) == text


def test_the_table_is_no_wider_than_asked_for() -> None:
    text = render_passwords(document(works(), row("a" * 90 + "@contoso.com"), notes=("A note.",)), 100)
    lines = text.splitlines()
    assert lines[0] == "2 accounts sign in with a password, 2 of them selected; of 1 the newest sign-ins were refused."
    assert max(map(len, lines)) <= 100
    assert "2026-12-31" in text
    assert lines[-1] == "A note."


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_word_of_a_table_is_cut_on_a_usual_terminal(width: int) -> None:
    rows = [
        {**works(f"svc-{name}@alderleaf.example"), "client": client, "application": product}
        for name, client, product in [
            ("codetwo-backup", "Exchange Web Services", "CodeTwo Backup for Office 365"),
            ("helpdesk", "Authenticated SMTP", "Office 365 Exchange Online"),
        ]
    ]
    text = render_passwords(document(*rows), width)
    assert max(map(len, text.splitlines())) <= width
    assert "Where an account has no domain, it is @alderleaf.example" in text
    words = set(re.findall(r"[^\s()]+", text))
    assert {
        "svc-codetwo-backup",
        "svc-helpdesk",
        "Exchange",
        "Authenticated",
        "CodeTwo",
        "Refused",
        "2026-12-31",
    } <= words


def test_the_table_says_which_clients_are_refused_now() -> None:
    lines = render_passwords(document(works("a@contoso.com"), row("b@contoso.com")), 160).splitlines()
    assert [("2026-11-21, refused" in line) for line in lines if line.startswith(("a ", "b "))] == [False, True]


def test_csv_has_the_documented_columns_and_no_formulas() -> None:
    text = render_passwords_csv(document(row("=cmd|x@contoso.com"), row(None)))
    first, second = csv.DictReader(io.StringIO(text))
    assert tuple(first) == COLUMNS
    assert first["user_principal_name"] == "'=cmd|x@contoso.com"
    assert (first["days"], first["got_in"], first["refused"], first["ends"], first["selected"]) == (
        "9",
        "20",
        "3",
        "2026-12-31",
        "yes",
    )
    assert second["user_principal_name"] == ""


def test_the_columns_are_documented() -> None:
    page = (Path(reports.__file__).parent.parent / "docs" / "json.md").read_text(encoding="utf-8")
    assert f"`{'`, `'.join(COLUMNS)}`" in " ".join(page.split())


def shown(*rows: Json) -> str:
    scanned = copy.deepcopy(samples.contoso())
    scanned["password_sign_ins"] = list(rows)
    schema = json.loads((Path(reports.__file__).parent / "schema" / "scan.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(scanned)
    return render_html(scanned)


def test_the_page_lists_them_and_leads_to_selected_accounts() -> None:
    account = samples.contoso()["accounts"][0]
    linked = {**row(account["user_principal_name"]), "account": account["id"]}
    rows = with_report([linked, row(None, selected=False)], REPORT, {}, NOW)
    html = shown(*rows)
    assert "Who still signs in with a password" in html
    assert f'<a href="#account={account["id"]}">{address(account["user_principal_name"])}</a>' in html
    text = " ".join(read(html).text.split())
    assert '<span class="sub">refused</span>' in html
    for part in ("id-None", "not selected", "report imported 20 Nov 2026", "31 Dec 2026", "7 messages sent"):
        assert part in text


def test_a_page_without_any_has_no_such_part() -> None:
    assert "Who still signs in with a password" not in shown()


def test_a_page_lists_three_hundred_and_counts_the_others() -> None:
    html = shown(*(row(f"svc-{number}@contoso.com") for number in range(301)))
    assert "And 1 more:" in html


@pytest.mark.parametrize("name", ["<script>hacked()</script>", '"><img src=x onerror=hacked()>'])
def test_hostile_names_are_text(name: str) -> None:
    html = shown(row(name, application=name, client=name))
    assert name not in html.partition('id="data"')[0]
