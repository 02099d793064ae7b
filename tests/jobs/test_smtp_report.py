"""The exported SMTP AUTH clients report: in the forms in which people have it, and what is no such report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.smtp_report import SmtpSender, UnreadableReport, parse_report

PLAIN = """Sender address,Domain,TLS 1.0,TLS 1.1,TLS 1.2,Messages sent
Scan@contoso.com,contoso.com,0,0,100,1204
fax@contoso.com,contoso.com,0,0,100,7
"""
SCAN, FAX = SmtpSender("scan@contoso.com", 1204, None), SmtpSender("fax@contoso.com", 7, None)


def test_senders_and_messages() -> None:
    assert parse_report(PLAIN) == (FAX, SCAN)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("\n", "\r\n"),
        "SMTP AUTH clients report\n\n" + PLAIN,
        PLAIN.replace("Sender address", "SENDER ADDRESS ").replace("Messages sent", "Message count"),
        PLAIN.replace("Sender address", '"Sender\'s address"').replace("1204", '"1,204"'),
        PLAIN + "\n,,,,,\nTotal,,,,,1211\n",
    ],
)
def test_the_forms_in_which_people_have_it(text: str) -> None:
    assert parse_report(text) == (FAX, SCAN)


@pytest.mark.parametrize(
    ("cell", "with_password"),
    [
        ("Basic", True),
        ("BasicAuth", True),
        ("AUTH LOGIN", None),
        ("LOGIN", True),
        ("OAuth", False),
        ("OAuth2.0", False),
        ("Basic, OAuth", True),
        ("", None),
        ("something new", None),
    ],
)
def test_whether_a_sender_uses_a_password(cell: str, with_password: bool | None) -> None:
    (one,) = parse_report(f'Sender address,Authentication Protocol,Messages sent\na@contoso.com,"{cell}",1\n')
    assert one.with_password is with_password


@pytest.mark.parametrize(
    ("ways", "with_password"),
    [(("OAuth", "Basic"), True), (("OAuth", "OAuth"), False), (("OAuth", "new"), None), (("Basic", "new"), True)],
)
def test_rows_of_one_sender_are_added_up(ways: tuple[str, str], with_password: bool | None) -> None:
    rows = "".join(f"2026-11-2{place},A@contoso.com,{way},{place + 1}\n" for place, way in enumerate(ways))
    found = parse_report(f"Date,Sender address,Authentication protocol,Messages sent\n{rows}")
    assert found == (SmtpSender("a@contoso.com", 3, with_password),)


@pytest.mark.parametrize(
    ("cell", "messages"),
    [
        ("1,204", 1204),
        ("1.204", 1204),
        ("1 204", 1204),
        ("1\u202f204\u202f007", 1204007),
        ("1'204", 1204),
        ("12.0", 12),
        ("1,204.00", 1204),
        ("12.5", None),
        ("1,2", None),
        ("-5", None),
        ("1E+05", None),
    ],
)
def test_a_count_is_read_as_programs_write_it(cell: str, messages: int | None) -> None:
    (one,) = parse_report(f'Sender address,Messages sent\na@contoso.com,"{cell}"\n')
    assert one.messages == messages


def test_an_address_that_a_program_wrote_as_a_formula_is_that_address() -> None:
    assert parse_report('Sender address,Messages sent\n"=""a@contoso.com""",1\n')[0].address == "a@contoso.com"


def test_a_report_without_counts_still_names_the_senders() -> None:
    assert parse_report("Sender address\na@contoso.com\n") == (SmtpSender("a@contoso.com", None, None),)
    assert parse_report("Sender address,Messages sent\na@contoso.com,many\n")[0].messages is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("  \n\n", "empty"),
        ("Absender,Nachrichten\na@contoso.com,1\n", 'no column "Sender address"'),
        ("Absender,Nachrichten\na@contoso.com,1\n", "begins with: Absender, Nachrichten."),
        ("Sender address,Messages sent\na@contoso.com,1\nd@contoso", "breaks off"),
        ('{"value": []}', "no SMTP AUTH clients report"),
        ("\x1b[31m,x\n", "begins with"),
        ("Sender address,Messages sent\n", "names no sender"),
        ("Sender address,Messages sent\nnobody,1\n", "names no sender"),
        ('Sender address,Messages sent\n"a@contoso.com,1\n', "no CSV file"),
    ],
)
def test_what_is_no_report_is_said_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(UnreadableReport) as wrong:
        parse_report(text)
    assert says in str(wrong.value)
    assert "\x1b" not in str(wrong.value)


def test_a_report_that_is_too_long_is_refused() -> None:
    rows = "".join(f"a{number}@contoso.com,1\n" for number in range(20_001))
    with pytest.raises(UnreadableReport, match="more than 20,000"):
        parse_report(f"Sender address,Messages sent\n{rows}")


@given(st.text(max_size=300))
def test_whatever_the_file_holds_it_is_read_or_refused(text: str) -> None:
    for whole in (text, f"Sender address,Messages sent\n{text}"):
        try:
            found = parse_report(whole)
        except UnreadableReport:
            continue
        assert all("@" in one.address and len(one.address) <= 320 for one in found)
