"""An error in words, and whether it fits how an account was judged."""

from datetime import UTC, datetime
from typing import Any

import pytest

from checks.explain import explain
from checks.known_errors import Cause, known_errors
from reports.explanation import about_account, explanation_document

READ_AT = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
ERROR = {error.id: error for error in known_errors()}
BLOCK = {"text": 'The policy "Block legacy" blocks legacy authentication.', "effect": "blocks_legacy"}
MFA = {"text": 'The policy "MFA for all" demands MFA.', "effect": "demands_mfa"}
WOULD = {"text": 'The report-only policy "Soon" would block legacy authentication.', "effect": "would_block_legacy"}
DISABLED = {"text": "The account is disabled.", "effect": "per_user_state"}
UNREAD = {"text": "The policies could not be read.", "effect": "unreadable"}
SWITCH_OFF = {"text": "Off for everybody.", "effect": "tenant_switch_off"}


def account(
    visibility: str, usability: str, *reasons: dict[str, str], state: str = "disabled", **more: Any
) -> dict[str, Any]:
    return {
        "id": "1",
        "user_principal_name": "svc-scan@contoso.com",
        "per_user_mfa": state,
        "visibility": visibility,
        "usability": usability,
        "reasons": list(reasons),
        **more,
    }


FREE = account("not_offered", "usable")
HIDDEN = account("hidden", "blocked_by_policy", MFA, BLOCK)
DEFAULTS = account("hidden", "blocked_by_security_defaults", {**BLOCK, "text": "Security Defaults are on."})
CLOSED = account("not_applicable", "not_checked", DISABLED)
UNKNOWN = account("unknown", "unknown", UNREAD, state="unknown")
ENFORCED = account("visible", "usable", {"text": "Enforced.", "effect": "per_user_state"}, state="enforced")
ENABLED = account("stuck", "usable", {"text": "Enabled.", "effect": "per_user_state"}, state="enabled")
EXPORTED = {
    **FREE,
    "exchange": {
        "smtp_auth": "off",
        "text": "SMTP AUTH is switched off for this mailbox. Exported on 20 Nov 2026.",
        "command": "Set-CASMailbox -Identity 'svc-scan@contoso.com' -SmtpClientAuthenticationDisabled $false",
        "taken": "2026-11-20T08:00:00Z",
        "stale": False,
    },
}
DELETED = {**FREE, "app_password_events": [{"kind": "deleted", "time": "2026-11-20T08:00:00Z", "actor": None}]}


@pytest.mark.parametrize(
    ("error", "judged", "said"),
    [
        ("security-defaults", DEFAULTS, "the judgement agrees"),
        ("security-defaults", FREE, "the judgement disagrees"),
        ("security-defaults", HIDDEN, "the judgement disagrees"),
        ("smtp-security-defaults", UNKNOWN, "The policies could not be read."),
        ("security-defaults", CLOSED, "The account is disabled."),
        ("conditional-access", HIDDEN, BLOCK["text"]),
        ("conditional-access", HIDDEN, "the judgement agrees"),
        ("conditional-access", DEFAULTS, "Security Defaults are on."),
        ("conditional-access", FREE, "the judgement disagrees"),
        ("conditional-access", UNKNOWN, "The policies could not be read."),
        ("conditional-access", account("hidden", "usable", MFA), MFA["text"]),
        ("conditional-access", account("not_offered", "usable", WOULD), f"it may be on by now: {WOULD['text']}"),
        ("conditional-access", account("not_offered", "usable", WOULD), "the judgement disagrees"),
        ("device", account("not_offered", "conditional", BLOCK), "may be behind it"),
        ("smtp-criteria", CLOSED, "The account is disabled."),
        ("mfa-demanded", HIDDEN, MFA["text"]),
        ("mfa-demanded", ENFORCED, "per-user MFA demands it"),
        ("mfa-demanded", FREE, "the judgement disagrees"),
        ("mfa-demanded", UNKNOWN, "The policies could not be read."),
        ("mfa-registration", CLOSED, "The account is disabled."),
        ("smtp-credentials", ENFORCED, "needs an app password"),
        ("smtp-credentials", ENABLED, "until an MFA method is registered"),
        ("smtp-credentials", FREE, "its own password is what a legacy client needs"),
        ("smtp-credentials", DELETED, "was deleted on 20 Nov 2026, 08:00 UTC"),
        ("wrong-password", HIDDEN, "the right password would not do either"),
        ("wrong-password", UNKNOWN, "could not be read"),
        ("locked", HIDDEN, BLOCK["text"]),
        ("disabled", CLOSED, "The account is disabled."),
        ("disabled", FREE, "it was enabled then"),
        ("smtp-auth-off-mailbox", HIDDEN, "isn't enough"),
        ("smtp-auth-off-mailbox", FREE, "Exchange Online alone refuses"),
        ("smtp-auth-off-mailbox", EXPORTED, "SMTP AUTH is switched off for this mailbox. Exported on 20 Nov 2026."),
        ("smtp-auth-off-mailbox", EXPORTED, "what was exported changes with: Set-CASMailbox"),
        ("smtp-auth-off-tenant", {**EXPORTED, **HIDDEN, "exchange": EXPORTED["exchange"]}, "Exported on 20 Nov 2026."),
        ("smtp-auth-off-tenant", UNKNOWN, "may stand in the way as well"),
        ("imap-pop-basic-off", ENFORCED, "no app password of it works over this protocol"),
        ("direct-send-rejected", FREE, "has no part in this error"),
    ],
)
def test_says_how_the_account_is_seen_and_whether_that_fits(error: str, judged: dict[str, Any], said: str) -> None:
    assert said in " ".join(about_account(ERROR[error], judged))


@pytest.mark.parametrize("judged", [FREE, HIDDEN, DEFAULTS, CLOSED, UNKNOWN, ENFORCED, ENABLED, DELETED])
def test_something_is_said_of_every_error_and_account(judged: dict[str, Any]) -> None:
    assert {error.cause for error in known_errors()} == set(Cause)
    for error in known_errors():
        assert all(sentence.endswith((".", ":")) for sentence in about_account(error, judged)), error.id
        assert about_account(error, judged)


def test_hostile_text_is_taken_out_of_evidence() -> None:
    assert "\x1b" not in str(explanation_document(explain("535 5.7.57 \x1b[2Jgone\u202e")))
