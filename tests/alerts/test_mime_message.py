import base64
import csv
import io
import json
import re
from dataclasses import replace
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.attachments import COLUMNS, changes_csv, changes_json
from alerts.episodes import Word
from alerts.mime_message import ID_HEADER, mail_message, subject_of
from alerts.model import Alert, AlertGap, AlertReason, AlertStep, Kind
from alerts.wording import MEANING
from tests.alerts import samples
from tests.alerts.samples import HOSTILE, NOW, REPORT, alert, item

ALL = [
    samples.typical(),
    samples.one(),
    samples.many(1000),
    samples.good(),
    samples.gaps_only(),
    samples.failure(),
    samples.prediction(),
    samples.channel(),
    samples.channel(Word.WORKS),
    samples.test_message(),
    samples.digest(),
    samples.hostile(),
]
INVISIBLE = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029\u200b")


def arrived(made: Alert) -> EmailMessage:
    """The mail as it is read from its bytes."""
    content = mail_message(made, "alerts@contoso.com", ["admin@contoso.com", "ops@contoso.com"]).as_bytes()
    read = message_from_bytes(content, policy=default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    return read


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    text = body.get_content()
    assert isinstance(text, str)
    return text


class Elements(HTMLParser):
    """Which elements and which addresses a page has, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name in {"href", "src"}}

    def handle_data(self, data: str) -> None:
        self.text += data


OUR_TAGS = set("html head meta title style body table tr th td h1 h2 p strong em span a ol li".split())


@pytest.mark.parametrize("made", ALL, ids=lambda made: made.headline[:40])
def test_mail_arrives_as_html_and_text_with_nothing_that_could_act(made: Alert) -> None:
    message = arrived(made)
    html, text = part(message, "html"), part(message, "plain")
    elements = Elements(html)
    assert elements.tags <= OUR_TAGS
    assert not {name for name in elements.attributes if name.startswith("on")}
    assert all(address.startswith(("https://entra.microsoft.com/", REPORT)) for address in elements.addresses)
    assert not INVISIBLE & set(html + text)
    assert made.headline in elements.text
    assert made.headline in text
    assert len(html) < 100_000


@pytest.mark.parametrize("made", ALL, ids=lambda made: made.headline[:40])
def test_mail_needs_nothing_from_elsewhere(made: Alert) -> None:
    html = part(arrived(made), "html")
    assert "url(" not in html
    assert "@import" not in html
    assert "<img" not in html


def test_headers_let_filters_work_and_nobody_answer() -> None:
    message = arrived(samples.typical())
    assert message["From"] == "alerts@contoso.com"
    assert message["To"] == "admin@contoso.com, ops@contoso.com"
    assert message["Subject"] == (
        "[High] 3 of 18 service accounts are newly affected: MFA hides the app-password option; 2 other changes, 1 resolved - Contoso"
    )
    assert message[ID_HEADER] == samples.typical().id
    assert message["Message-ID"] == f"<{samples.typical().id}@contoso.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Importance"] == "high"
    assert message["Date"].datetime == NOW.replace(microsecond=0)


def test_a_channel_that_works_again_is_good_news_and_one_that_does_not_is_urgent() -> None:
    broken, works = arrived(samples.channel()), arrived(samples.channel(Word.WORKS))
    assert (broken["Importance"], works["Importance"]) == ("high", None)
    assert "#0b6a0b" in part(works, "html")
    assert "3 alerts wait for it; each is kept for 30 days." in part(broken, "plain")


def test_good_news_is_not_marked_important() -> None:
    message = arrived(samples.good())
    assert message["Importance"] is None
    assert message["Subject"] == "Good news: 2 problems with 2 service accounts are resolved - Contoso"


def test_what_is_not_told_in_full_has_a_line_however_few_there_are() -> None:
    step = AlertStep("Do it", "Do it: 1 account, solves 1 finding.", 1, 1, 1)
    broken = replace(item(1), urgency="now")
    later = replace(
        item(2, check_id="APW-016", reasons=()), urgency="later", summary="Ends.", breaks_on=date(2027, 2, 1)
    )
    message = arrived(alert(broken, later, baseline=True, steps=[step]))
    for kind in ("plain", "html"):
        assert "svc-001@contoso.com is missing the app-password option" in part(message, kind)
        assert "svc-002@contoso.com has only MFA methods that are being retired" in part(message, kind)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_gets_a_header_of_its_own(name: str) -> None:
    made = alert(item(1, name=name, upn=name, reasons=(AlertReason(name, "p", name),)), tenant_name=name)
    assert set(arrived(made).keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", ID_HEADER, "Auto-Submitted", "X-Auto-Response-Suppress"),
        *("Importance", "MIME-Version", "Content-Type"),
    }


@given(st.text(st.characters(exclude_categories=[]), max_size=300), st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_subject_is_one_line_whatever_the_names(upn: str, tenant: str) -> None:
    subject = subject_of(alert(item(1, upn=upn), tenant_name=tenant))
    assert len(subject) <= 180
    assert not set(subject) & INVISIBLE
    assert len(subject.splitlines()) == 1


def test_text_part_reads_well_on_its_own() -> None:
    text = part(arrived(samples.one()), "plain")
    assert text.replace("\r\n", "\n") == (
        "svc-backup@contoso.com is newly affected: MFA hides the app-password option\n"
        "App password watch, Contoso, scanned 22 Nov 2026, 06:00 UTC\n"
        f"Report: {REPORT}\n"
        "\n"
        f"{MEANING}\n"
        "\n"
        "----------------------------------------------------------------------\n"
        "HIGH, new: svc-backup@contoso.com is newly affected: MFA hides the app-password option\n"
        "Backup for Exchange\n"
        "\n"
        'The policy "Require MFA for all users" requires multifactor authentication for Exchange Online (reaches the '
        "account: all users).\n"
        "Since 20 Nov 2026, 02:12 UTC by Anna Berg.\n"
        "Next step: Move the product to app-only sign-in.\n"
        "  1. Ask the vendor for a version that signs in with an app registration (certificate) or a managed identity.\n"
        "  2. Give that app only the permissions it needs; limit it to its mailboxes with RBAC for Applications in "
        "Exchange Online.\n"
        "  3. Change the product over, then block sign-in for the old account.\n"
        "Way back: Exclude the account from the policy until then. A password alone protects it meanwhile.\n"
        f"Account: {samples.one().items[0].entra_url}\n"
        f"Policy: {samples.one().items[0].policy_url}\n"
        f"Accept with a reason: {REPORT}#account={samples.one().items[0].account_id}\n"
        "\n"
        "----------------------------------------------------------------------\n"
        "Open now: 5 high, 2 medium, 1 low.\n"
        "Attached as CSV and JSON: 1 change.\n"
    )


def test_attachments_hold_every_change_as_csv_and_json() -> None:
    made = samples.many(1000)
    files = {file.get_filename(): file for file in arrived(made).iter_attachments()}
    assert set(files) == {"changes.csv", "changes.json"}
    content = files["changes.csv"].get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == 1020
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["account"] == "svc-001@contoso.com"
    assert rows[0]["since_utc"] == "2026-11-20 02:12:09"


def test_messages_without_changes_have_no_attachments() -> None:
    assert not list(arrived(samples.failure()).iter_attachments())


@pytest.mark.parametrize("name", [*HOSTILE, "+1", "-1", " =1", "＝1", "\t=1", "\r=1", "-", "@x"])
def test_no_cell_is_a_formula(name: str) -> None:
    text, _ = changes_csv(alert(item(1, name=name, upn=name or "x", title=name, actor=name)))
    (row,) = csv.DictReader(io.StringIO(text))
    assert not [cell for cell in row.values() if cell.lstrip()[:1] in set("=+-@\t\r＝＋－＠") and cell]


@pytest.mark.parametrize("name", ["Scanner;=1+1", "Scanner; @SUM(A1)", 'Scanner";=1+1', "Scanner|=1+1", "Scanner,＝1"])
def test_no_part_of_a_cell_is_a_formula_whatever_the_separator_is_taken_for(name: str) -> None:
    text, _ = changes_csv(alert(item(1, name=name, upn=name, title=name, actor=name, resolution=name)))
    assert not [part for part in re.split("[;,|]", text) if re.match(r'[\s"]*[=+\-@＝＋－＠]', part)]


def huge(count: int, report_url: str | None) -> Alert:
    long = "𠮷" * 250
    return alert(
        *(item(n, name=long, upn=f"{long}{n}", reasons=(AlertReason(long * 2, f"p{n}", long),)) for n in range(count)),
        report_url=report_url,
    )


@pytest.mark.parametrize(
    ("url", "where"), [(REPORT, "The report shows the rest."), (None, "python cli.py report --open shows the rest.")]
)
def test_huge_alerts_stay_below_what_graph_takes_and_say_where_the_rest_is(url: str | None, where: str) -> None:
    made = huge(2000, url)
    content = mail_message(made, "a@contoso.com", ["b@contoso.com"]).as_bytes()
    assert len(base64.b64encode(content)) < 4_000_000
    _, in_csv = changes_csv(made)
    body, in_json = changes_json(made)
    data = json.loads(body)["data"]
    assert 0 < in_json == len(data["changes"]) < in_csv < 2000
    assert (data["omitted"], data["part"], data["parts"]) == (2000 - in_json, 1, 1)
    text = part(message_from_bytes(content, policy=default), "plain")
    said = f"Attached of 2,000 changes: the first {in_csv:,} as CSV, the first {in_json:,} as JSON. {where}"
    assert said in text
    where = where.replace("The report", "the report").replace("the rest", "them")
    assert f"And 1,980 more changes: {where}" in text


def test_a_list_that_is_attached_whole_is_where_the_rest_is() -> None:
    made = alert(*(item(n, reasons=(AlertReason(f"reason {n}", f"p{n}"),)) for n in range(300)), report_url=None)
    message = arrived(made)
    assert "And 280 more changes: the attached list shows them." in part(message, "plain")
    assert "Attached as CSV and JSON: 300 changes." in part(message, "html")


def test_inputs_that_are_only_counted_are_in_the_report() -> None:
    gaps = [AlertGap("per_user_mfa", f"the state {n}", "429", None) for n in range(30)]
    for url, where in ((REPORT, "the report"), (None, "python cli.py report --open")):
        assert f"And 20 other inputs: {where} shows them." in part(arrived(alert(gaps=gaps, report_url=url)), "plain")


def test_sender_that_cannot_stand_in_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="Header values"):
        mail_message(samples.one(), "a@contoso.com\r\nBcc: evil@evil.example", ["b@contoso.com"])


def test_resolved_only_mail_has_no_severity_in_front() -> None:
    assert not subject_of(alert(item(1, Kind.RESOLVED))).startswith("[")
