"""How sign-ins ended: in the document, on the page, in the terminal, and in the sentences at the top."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import reports
from checks.judge import judge
from commands.drawn.scan import render_table
from reports.document import RunSummary, scan_document
from reports.extras import ReportExtras
from reports.html import render_html
from reports.sign_ins import sign_in_objects
from reports.summary import summarize
from tests.checks.kit import NOW, SERVICE, make_tenant
from tests.checks.test_refused import DAY, ended
from tests.reports import samples
from tests.reports.markup import read
from tests.reports.test_html import embedded

FAX = "svc-fax@contoso.com"
DIFFERENT = {
    "result": "disagrees",
    "text": "The sign-in log doesn't fit the verdict: this and that.",
    "date": "2026-11-22",
}


def fax(document: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in document["accounts"] if one["user_principal_name"] == FAX)


def test_the_document_counts_what_got_in_and_what_was_refused_by_client() -> None:
    account = replace(
        SERVICE,
        outcomes=(
            ended(count=4),
            ended(0, 3 * DAY, count=2),
            ended(50126, policies=None),
            ended(0, 2 * DAY, client="IMAP4", count=1),
        ),
    )
    smtp, imap = sign_in_objects(account)
    assert (smtp["client"], smtp["got_in"], smtp["refused"]) == ("Authenticated SMTP", 2, 4)
    assert (smtp["last_refused"], smtp["last_got_in"]) == ("2026-11-21T07:00:00Z", "2026-11-19T07:00:00Z")
    assert smtp["refused_since"] == "2026-11-21T04:00:00Z"
    assert [(one["kind"], one["code"], one["policies"] and one["policies"][0]["name"]) for one in smtp["endings"]] == [
        ("refused", 53003, "Block legacy authentication"),
        ("neither", 50126, None),
        ("let_in", 0, []),
    ]
    assert (imap["got_in"], imap["refused"], imap["refused_since"]) == (1, 0, None)


def test_it_fits_the_published_schema() -> None:
    (judged,) = judge(make_tenant(), [replace(SERVICE, outcomes=(ended(), ended(0, 3 * DAY)))], now=NOW)
    document = scan_document(RunSummary("r", NOW, NOW, "t", "T", (), 1), [judged])
    schema = json.loads((Path(reports.__file__).parent / "schema" / "scan.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(document)
    Draft202012Validator(schema).validate(samples.contoso())
    assert (
        schema["$defs"]["sign_in_ending"]["properties"].keys()
        == document["accounts"][0]["sign_ins"][0]["endings"][0].keys()
    )


def test_however_many_clients_and_endings_the_document_stays_small() -> None:
    apps = [ended(app=f"App {number}", how="background", client="Modern") for number in range(30)]
    codes = [ended(53000 + number, app="One", how="background", client="Modern") for number in range(30)]
    found = sign_in_objects(replace(SERVICE, outcomes=(*codes, *apps)))
    assert len(found) == 20
    assert max(len(one["endings"]) for one in found) == 12


def test_the_page_lists_the_last_endings_of_an_account() -> None:
    data = embedded(read(render_html(samples.contoso())))
    (rows,) = (one["g"] for one in data["accounts"] if "g" in one)
    texts = data["texts"]
    assert [(texts[ended], texts[why], texts[policies], count) for _, _, ended, why, policies, count, _ in rows] == [
        ("Refused", "Conditional Access blocks the sign-in (53003)", "Block legacy", 1234),
        ("Not let in", "the password was wrong (50126)", "", 40),
        ("Not let in", "Error 999999", "", 2),
        ("Got in", "", "", 12),
    ]
    assert {texts[places] for *_, places in rows} == {"203.0.113.7 (GB)"}


@pytest.mark.parametrize(("result", "shown"), [("disagrees", True), ("agrees", True), ("not_checked", False)])
def test_what_the_log_says_of_the_verdict_stands_in_every_report(result: str, shown: bool) -> None:
    document = copy.deepcopy(samples.contoso())
    fax(document)["sign_in_check"] = {**DIFFERENT, "result": result}
    assert (DIFFERENT["text"] in " ".join(render_table(document, 200).split())) is shown
    asides = " ".join(summarize(document, ReportExtras()).asides)
    assert ("For 1 account the sign-in log doesn't fit the verdict" in asides) is (result == "disagrees")


@pytest.mark.parametrize(
    ("severities", "aside"),
    [
        (("high",), "1 account was refused when it last signed in with the right password."),
        (("high", "high"), "2 accounts were refused when they last signed in with the right password."),
        (("medium",), None),
        ((), None),
    ],
)
def test_the_sentences_at_the_top_count_who_is_refused(severities: tuple[str, ...], aside: str | None) -> None:
    document = copy.deepcopy(samples.contoso())
    for account, severity in zip(document["accounts"], severities, strict=False):
        account["findings"] = [
            {**account["findings"][0], "check_id": "APW-015", "severity": severity, "exception": None}
        ]
    said = [one for one in summarize(document, ReportExtras()).asides if "last signed in" in one]
    assert said == ([aside] if aside else [])
