"""What an error means, as the terminal shows it."""

from typing import Any

from checks.explain import explain
from commands.drawn.explanation import render_explanation
from reports.explanation import explanation_document
from tests.reports.test_explanation import HIDDEN, READ_AT, SWITCH_OFF, account


def lines(text: str, judged: dict[str, Any] | None = None, width: int = 100) -> list[str]:
    document = explanation_document(explain(text), judged, READ_AT if judged else None, kept=True)
    return render_explanation(document, width).splitlines()


def test_shows_meaning_way_out_and_age() -> None:
    shown = "\n".join(lines("AADSTS53003"))
    assert "A Conditional Access policy blocks the sign-in" in shown
    assert '"AADSTS53003"' in shown
    assert "(facts as of 25 Nov 2026)" in shown
    assert "Not known" not in shown


def test_an_account_comes_first_with_its_age() -> None:
    assert lines("53003", HIDDEN, 300)[0] == (
        "svc-scan@contoso.com (the last scan that was kept, 25 Nov 2026, 07:00 UTC): per-user MFA: Disabled; app password "
        "option: Hidden; app password works: Blocked by a policy."
    )


def test_an_option_that_the_tenant_switched_off_is_not_called_offered() -> None:
    judged = account("visible", "usable", SWITCH_OFF, state="enforced")
    assert "Off for the whole tenant" in lines("53003", judged, 300)[0]


def test_an_unknown_error_says_so_and_what_to_do_next() -> None:
    shown = "\n".join(lines("AADSTS999999"))
    assert "Not known to this version: AADSTS999999." in shown
    assert "https://login.microsoftonline.com/error" in shown
    assert "Nothing in it is an error that this version knows." in "\n".join(lines("hello"))


def test_says_when_what_was_given_does_not_decide() -> None:
    assert lines("535 5.7.139", width=200)[0].startswith("What was given doesn't decide")
    assert "Possibly: " in "\n".join(lines("535 5.7.139"))


def test_hostile_text_steers_no_terminal() -> None:
    text = "535 5.7.57 \x1b[2Jgone\u202e"
    assert "\x1b" not in "".join(lines(text))
    assert "\u202e" not in "".join(lines(text))


def test_commands_and_addresses_stay_whole() -> None:
    shown = lines("SmtpClientAuthentication is disabled for the Mailbox", width=60)
    assert any("-SmtpClientAuthenticationDisabled" in line for line in shown)
    assert any("authenticated-client-smtp-submission" in line and "https://" in line for line in shown)
