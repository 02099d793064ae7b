"""Which errors are found in what people paste, how sure that is, and that nothing is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.explain import Certainty, explain
from checks.known_errors import known_errors

UNSUCCESSFUL = "535 5.7.139 Authentication unsuccessful, "
MAILBOX_OFF = (
    f"{UNSUCCESSFUL}SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled"
)
SHARING_139 = {error.id for error in known_errors() if "5.7.139" in error.replies}


def found(text: str) -> list[tuple[str, str]]:
    return [(match.error.id, match.certainty.value) for match in explain(text).matches]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (MAILBOX_OFF, "smtp-auth-off-mailbox"),
        (f"{UNSUCCESSFUL}SmtpClientAuthentication is disabled for the Tenant.", "smtp-auth-off-tenant"),
        (f"{UNSUCCESSFUL}user is locked by your organization's security defaults policy.", "smtp-security-defaults"),
        (f"{UNSUCCESSFUL}user is locked by your organization\u2019s security defaults policy.", "smtp-security-defaults"),
        (
            f"{UNSUCCESSFUL}the request did not meet the criteria to be authenticated successfully. Contact your "
            "administrator. [AM0PR04CA0001.eurprd04.prod.outlook.com 2026-11-21T03:10:00.000Z 08DE]",
            "smtp-criteria",
        ),
        (f"{UNSUCCESSFUL}basic authentication is disabled. [DB9P191CA0012]", "smtp-basic-off"),
        (f"{UNSUCCESSFUL}the user credentials were incorrect.", "smtp-credentials"),
        (f"{UNSUCCESSFUL}account locked", "smtp-locked"),
        ("535 5.7.3 Authentication unsuccessful [AM0PR04CA0001.eurprd04.prod.outlook.com]", "smtp-identity"),
        (
            "535-5.7.139 Authentication unsuccessful, user is locked by your organization's\r\n"
            "535 5.7.139 security defaults policy. Contact your administrator.",
            "smtp-security-defaults",
        ),
        ("550 5.7.30 Basic authentication is not supported for Client Submission.", "smtp-basic-gone"),
        ("System.Net.Mail.SmtpException: MustIssueStartTlsFirst", "smtp-starttls"),
        ("530 5.7.57 Client not authenticated to send mail.", "smtp-not-signed-in"),
        ("* CAPABILITY IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR", "imap-pop-basic-off"),
        ("a1 NO Basic authentication is disabled.", "imap-pop-basic-off"),
        ("550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization", "direct-send-rejected"),
        ("550 5.7.705 Access denied, tenant has exceeded threshold.", "tenant-banned"),
        ("550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.", "address-banned"),
        ("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "rate-limit"),
        ("554 5.2.252 SendAsDenied; svc@contoso.com not allowed to send as", "send-as"),
        ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", "send-as"),
        ("550 5.1.8 Access denied, bad outbound sender AS(42003)", "sender-blocked"),
        ('{"message": "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings."}', "raop"),
    ],
)  # fmt: skip
def test_the_words_of_an_error_decide(text: str, error: str) -> None:
    assert found(text) == [(error, "certain")]


@pytest.mark.parametrize(
    "form",
    [
        "{}-{} Authentication unsuccessful, something new",
        "MailKit.Security.AuthenticationException: {}: {} Authentication unsuccessful, something new",
        "smtplib.SMTPAuthenticationError: ({}, b'{} Authentication unsuccessful, something new')",
        "SMTPAuthenticationError({}, '{} Authentication unsuccessful, something new')",
        "SMTP error ({}) {} Authentication unsuccessful, something new",
        "Detail: Authentication unsuccessful, something new SMTP code: {} Additional SMTP info: {}",
    ],
)
def test_a_status_code_is_found_as_mail_programs_write_it(form: str) -> None:
    assert found(form.format(535, "5.7.3")) == [("smtp-identity", "likely")]
    assert {id for id, _ in found(form.format(535, "5.7.139"))} == SHARING_139
    assert len(explain(form.format(550, "5.7.999")).unknown) == 1


CODES = {
    "conditional-access": (53003,),
    "security-defaults": (530035,),
    "tenant-policy": (530032,),
    "device": (53000, 53001, 530002, 530003),
    "app-protection": (53002, 53009, 530031),
    "platform": (50005,),
    "conditional-access-other": (50131,),
    "device-code-tracked": (530036,),
    "proof-up-risk": (53004,),
    "proof-up-place": (53010,),
    "home-tenant-risk": (53011,),
    "mfa-demanded": (50074, 50076),
    "mfa-registration": (50072, 50079),
    "mfa-expired": (50078,),
    "external-challenge": (50158,),
    "mfa-not-done": (500121,),
    "wrong-password": (50126,),
    "locked": (50053,),
    "disabled": (50057,),
    "not-assigned": (50105,),
    "secret-wrong": (7000215,),
    "secret-expired": (7000222,),
    "public-client": (7000218,),
    "token-unused": (700082,),
    "token-frequency": (70043,),
    "token-revoked": (50173,),
}


@pytest.mark.parametrize(("error", "code"), [(error, code) for error, codes in CODES.items() for code in codes])
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "AADSTS{}",
        "aadsts{}: something happened",
        "Sign-in error code {}",
        "Sign-in error code: {}",
        "Error Code: {}",
        '{{"status": {{"errorCode": {}, "failureReason": "..."}}}}',
        '{{"error":"invalid_grant","error_codes":[{}],"timestamp":"2026-11-20 02:02:12Z"}}',
        "https://login.microsoftonline.com/error?code={}",
        "ResultType: {}",
    ],
)
def test_a_number_is_found_however_it_is_written(error: str, code: int, form: str) -> None:
    assert found(form.format(code)) == [(error, "certain")]


def test_the_status_code_alone_leaves_it_open() -> None:
    assert {id for id, _ in found("535 5.7.139")} == SHARING_139
    assert {how for _, how in found("535 5.7.139 Authentication unsuccessful, something new")} == {"possible"}
    assert len(SHARING_139) > 5


@pytest.mark.parametrize(
    "text", ["530 5.7.57", "5.7.57", "smtp; 530-5.7.57 SMTP", "The server response was: 5.7.57 hm"]
)
def test_a_status_code_that_one_error_uses_is_likely(text: str) -> None:
    assert found(text) == [("smtp-not-signed-in", "likely")]


def test_words_that_several_errors_use_leave_it_open() -> None:
    assert dict(found("Basic authentication is disabled")) == {
        "smtp-basic-off": "possible",
        "imap-pop-basic-off": "possible",
    }


def test_words_inside_a_surer_sentence_say_nothing_more_and_those_after_it_do() -> None:
    sure = "Authentication unsuccessful, the account is locked"
    assert dict(found(sure)) == {"smtp-locked": "certain"}
    assert dict(found(f"x {sure}. Basic authentication is disabled.")) == {
        "smtp-locked": "certain",
        "smtp-basic-off": "possible",
        "imap-pop-basic-off": "possible",
    }


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("550 5.7.60 said the server", "550 5.7.60 said the server"),
        ("550 5.7.60 " + "word " * 40, ("550 5.7.60 " + "word " * 40)[:120].strip()),
    ],
)
def test_a_status_code_is_shown_with_the_beginning_of_its_words(text: str, evidence: str) -> None:
    (match,) = explain(text).matches
    assert match.evidence == evidence


def test_a_number_that_is_called_an_error_is_found_once() -> None:
    (match,) = explain("sign-in error code: 53003").matches
    assert (match.error.id, match.certainty.value, match.times) == ("conditional-access", "certain", 1)


def test_a_number_that_nothing_calls_an_error_is_possible() -> None:
    assert found("2026-11-20T03:10:00Z,svc-scan@contoso.com,Failure,53003,Authenticated SMTP") == [
        ("conditional-access", "possible")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "all is well",
        "250 2.1.0 Sender OK",
        "mysql 5.7.30 started",
        "listening on 10.5.7.3, port 50126:tcp",
        "request 50126-50053 of user@50057",
        "took 1.53003 s",
        '{"errorCode": 0}',
    ],
)
def test_what_is_no_error_is_none(text: str) -> None:
    assert (explain(text).matches, explain(text).unknown) == ((), ())


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("AADSTS999999: who knows", ("AADSTS999999",)),
        ("error code: 88888", ("88888",)),
        ("550 5.9.123 no such thing", ("550 5.9.123",)),
        ("AADSTS999999, AADSTS999999 and AADSTS53003", ("AADSTS999999",)),
        ("99999", ("99999",)),
    ],
)
def test_an_error_that_is_not_known_is_named_and_not_guessed_at(text: str, unknown: tuple[str, ...]) -> None:
    assert explain(text).unknown == unknown


LOG = f"""
2026-11-20 03:10:00 INFO  connected to smtp.office365.com
2026-11-20 03:10:01 ERROR 535-5.7.139 Authentication unsuccessful,
535 5.7.139 SmtpClientAuthentication is disabled
 for the Tenant. Visit https://aka.ms/smtp_auth_disabled
2026-11-20 03:11:01 ERROR {UNSUCCESSFUL}the user credentials were incorrect.
2026-11-20 03:12:01 ERROR {UNSUCCESSFUL}the user credentials were incorrect.
2026-11-20 03:13:01 WARN  421 4.4.2 Connection dropped due to SocketError
2026-11-20 03:14:01 ERROR AADSTS53003: Access has been blocked by Conditional Access policies.
2026-11-20 03:15:01 ERROR AADSTS123456: ?
"""


def test_a_piece_of_a_log_holds_several_errors_surest_first() -> None:
    explained = explain(LOG)
    assert [(one.error.id, one.certainty, one.times) for one in explained.matches] == [
        ("smtp-auth-off-tenant", Certainty.CERTAIN, 1),
        ("smtp-credentials", Certainty.CERTAIN, 2),
        ("conditional-access", Certainty.CERTAIN, 1),
        ("connection-dropped", Certainty.LIKELY, 1),
    ]
    assert explained.unknown == ("AADSTS123456",)


def test_words_before_the_code_belong_to_it_on_the_same_line_only() -> None:
    said_first = "the user credentials were incorrect (code 5.7.139)"
    assert found(said_first) == [("smtp-credentials", "certain")]
    apart = "the user credentials were incorrect\n535 5.7.139 Authentication unsuccessful"
    assert {id for id, _ in found(apart)} == SHARING_139


def test_words_decide_their_own_code_only() -> None:
    assert found(f"{UNSUCCESSFUL}the user credentials were incorrect; 530 5.7.57 X") == [
        ("smtp-credentials", "certain"),
        ("smtp-not-signed-in", "likely"),
    ]


@given(st.text(alphabet=st.characters(codec=None), max_size=200))
def test_any_text_is_looked_at_without_an_error(text: str) -> None:
    explained = explain(text)
    assert all(match.evidence in text or match.evidence.strip() in text for match in explained.matches)


@given(st.text(max_size=80), st.text(max_size=80))
def test_what_stands_around_it_hides_no_error(before: str, after: str) -> None:
    assert "smtp-auth-off-mailbox" in dict(found(f"{before}\n{MAILBOX_OFF}\n{after}"))


@pytest.mark.parametrize("part", ["error ", "53003 ", "535 5.7.139 ", "SmtpClientAuthentication ", "4.4.2 ", " ", "#"])
def test_a_long_text_of_alike_parts_is_no_trap(part: str) -> None:
    explain(part * 20_000)  # a search that backtracks would take minutes
