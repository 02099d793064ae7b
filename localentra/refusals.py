"""How Entra ID says no. Source of codes and words: Microsoft Learn, "Microsoft Entra authentication and authorization error codes",
and "OAuth 2.0 device authorization grant".
"""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


class Refusal(Exception):
    """A request that is refused: OAuth's word, the number after AADSTS, the text; ``subcode`` of a redirect."""

    def __init__(self, error: str, number: int, text: str, *, suberror: str = "") -> None:
        super().__init__(text)
        self.error, self.number, self.text, self.suberror = error, number, text, suberror

    @property
    def description(self) -> str:
        """The text as it is sent."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        return f"AADSTS{self.number}: {self.text} Trace ID: {uuid4()} Correlation ID: {uuid4()} Timestamp: {now}"

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of the token endpoint."""
        more = {"suberror": self.suberror} if self.suberror else {}
        return {"error": self.error, "error_description": self.description, "error_codes": [self.number], **more}


def pending() -> Refusal:
    """The person hasn't finished yet."""
    text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling."
    return Refusal("authorization_pending", 70016, text)


def declined() -> Refusal:
    """The person pressed Cancel at the device code."""
    return Refusal("authorization_declined", 70018, "The user declined the device code.")


def not_consented(what: str) -> Refusal:
    """The person pressed Cancel where consent was asked for."""
    return Refusal("access_denied", 65004, f"User declined to consent to access the app. ({what})")


def needs_administrator(client: str) -> Refusal:
    """The person may not consent, and went back from "Need admin approval"."""
    return Refusal("access_denied", 90094, f"The grant requires admin permission. Application: {client}.")


def consent_required(client: str) -> Refusal:
    """A refresh token can't be used for what nobody consented to."""
    text = (
        f"The user or administrator has not consented to use the application with ID '{client}'. "
        "Send an interactive authorization request for this user and resource."
    )
    return Refusal("invalid_grant", 65001, text, suberror="consent_required")


def expired() -> Refusal:
    """The device code is too old."""
    return Refusal(
        "expired_token", 70020, "The provided value for the device code is not valid. This device code has expired."
    )


def blocked(*, by_defaults: bool) -> Refusal:
    """A policy lets no token be issued."""
    if by_defaults:
        return Refusal("access_denied", 530035, "Access has been blocked by security defaults.")
    text = "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."
    return Refusal("access_denied", 53003, text)
