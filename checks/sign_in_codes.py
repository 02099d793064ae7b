"""What the error codes of the sign-in log mean, as far as a rule needs it: whether a sign-in was refused though the password was right.

Source: Microsoft Entra authentication and authorization error codes
(https://learn.microsoft.com/entra/identity-platform/reference-error-codes), read 2026-11-25, and sign-in logs that
administrators show. Which codes count as refused: docs/verdicts.md, "Refused sign-ins".
"""

from enum import StrEnum

from tenant.model import SignInOutcome

POLICY_CODES = {
    53000: "the device isn't compliant, which a policy demands",
    53001: "the device isn't joined to the domain, which a policy demands",
    53002: "the application isn't among those that a policy approves",
    53003: "Conditional Access blocks the sign-in",
    53009: "the application isn't protected by Intune, which a policy demands",
    530002: "the device isn't compliant, which a policy demands",
    530003: "the device isn't managed, which a policy demands",
    530031: "a policy on applications blocks the sign-in",
    530032: "a security policy of the tenant blocks the sign-in",
    530035: "Security Defaults block the sign-in",
    530036: "a policy blocks device code flow, which the sign-in goes back to",
}
"""Something said no after the right password: code -> what."""
MFA_CODES = {
    50072: "registering for MFA is demanded",
    50074: "MFA is demanded",
    50076: "MFA is demanded",
    50079: "registering for MFA is demanded",
    50158: "a further challenge, such as another provider's MFA, is demanded",
}
"""MFA was wanted: refused for whoever can't answer a prompt, a step on the way in for whoever can."""
OTHER_CODES = {
    50034: "there is no such account",
    50053: "the account is locked, or the address is known as malicious",
    50055: "the password has expired",
    50056: "the account has no password, or it was wrong",
    50057: "the account is disabled",
    50058: "nobody was signed in",
    50078: "MFA must be done anew",
    50097: "the device is asked to identify itself",
    50105: "the account isn't assigned to the application",
    50125: "the password was to be reset, or a method registered",
    50126: "the password was wrong",
    50133: "the session ended, because the password was changed or has expired",
    50140: "somebody was asked whether to stay signed in",
    50144: "the password in Active Directory has expired",
    50173: "the token was revoked, as after a change of the password",
    50199: "somebody was asked to confirm the sign-in",
    500121: "MFA was demanded and not completed",
    65001: "nobody has consented to the application",
    70043: "the token is too old by a policy on the sign-in frequency",
    70044: "the session is too old by a policy on the sign-in frequency",
    700082: "the token wasn't used for too long",
}
"""Neither let in nor refused: code -> what it was."""
_CANNOT_ANSWER = frozenset({"legacy", "password", "background"})
"""Clients (``how``) that nobody can answer a prompt at."""


class Ending(StrEnum):
    """How a sign-in ended."""

    LET_IN = "let_in"
    REFUSED = "refused"
    """The password was right, and something else said no."""
    NEITHER = "neither"
    """It hides nothing: an older refusal stands behind a storm of guesses."""


def ending_of(outcome: SignInOutcome) -> Ending:
    """How these sign-ins ended."""
    code = outcome.code
    if code == 0:
        return Ending.LET_IN
    if code in POLICY_CODES:
        return Ending.REFUSED
    if code in MFA_CODES:
        return Ending.REFUSED if outcome.how in _CANNOT_ANSWER else Ending.NEITHER
    if code in OTHER_CODES:
        return Ending.NEITHER
    return Ending.REFUSED if outcome.policies else Ending.NEITHER


def meaning_of(code: int) -> str | None:
    """What a code means, in words that end a sentence; None for one that isn't known here."""
    return POLICY_CODES.get(code) or MFA_CODES.get(code) or OTHER_CODES.get(code)
