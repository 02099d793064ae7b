"""What to do about an account, in the order of verdicts.md section 6: away from passwords first, an exclusion last."""

from collections.abc import Sequence
from dataclasses import replace

from checks.catalog import HAS_OPTION, REFUSED
from checks.model import Effect, JudgedAccount, Remedy, Usability, Verdict, Visibility
from checks.tenant_switch import CLICK_PATH, SWITCH
from checks.usage import RETIRED

_PROBLEMS = frozenset(
    {
        Visibility.HIDDEN,
        Visibility.CONDITIONAL,
        Visibility.PREDICTED,
        Visibility.STUCK,
        Visibility.PENDING,
    }
)
_BLOCKED = frozenset({Usability.BLOCKED_BY_POLICY, Usability.BLOCKED_BY_SECURITY_DEFAULTS})

_APP_ONLY = Remedy(
    title="Move the product to app-only sign-in",
    steps=(
        "Ask the vendor for a version that signs in with an app registration (certificate) or a managed identity.",
        "Give that app only the permissions it needs; limit it to its mailboxes with RBAC for Applications in Exchange Online.",
        "Change the product over, then block sign-in for the old account.",
    ),
    trade_off="Needs a product version that supports it; afterwards neither MFA policies nor app passwords matter to it.",
    url="https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals",
)
_OAUTH = Remedy(
    title="Use OAuth for SMTP, IMAP or POP",
    steps=(
        "Check whether the product offers OAuth 2.0 (client credentials) for SMTP, IMAP or POP.",
        "Register an app with SMTP.SendAsApp, IMAP.AccessAsApp or POP.AccessAsApp and consent to it.",
        "In Exchange Online PowerShell, add the app's service principal and give it access to the one mailbox.",
    ),
    trade_off="The protocol stays, the password goes; the product must support OAuth for it.",
    url="https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth",
)
_RELAY = Remedy(
    title="Send mail without signing in: relay",
    steps=(
        "For a device or server with a fixed address: set up an inbound connector in Exchange Online that accepts its mail.",
        "For mail to people inside only: High Volume Email.",
        "For mail to people outside in large numbers: Azure Communication Services Email.",
    ),
    trade_off="Only for products that send; reading mailboxes is not possible this way.",
    url="https://learn.microsoft.com/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365",
)
_UNDER_SECURITY_DEFAULTS = Remedy(
    title="Not possible while Security Defaults are on: an app password",
    steps=(
        "Security Defaults block every legacy client, so per-user MFA and an app password can't work beside them.",
        "If no other way is left, replace Security Defaults by Conditional Access policies first; that needs Entra ID P1.",
    ),
    trade_off="Replacing Security Defaults means maintaining your own policies for the whole organization.",
    url="https://learn.microsoft.com/entra/fundamentals/security-defaults",
)
_EXCLUDE = Remedy(
    title="Last resort: exclude the account from the policy without MFA",
    steps=(
        "Exclude the account from the policies named above, restrict it to known locations, and give it a long random password.",
        "Record the exception with an owner and an end date, and watch its sign-ins.",
    ),
    trade_off="The account is then protected by its password alone; Microsoft advises against it.",
    url="https://learn.microsoft.com/entra/identity/conditional-access/policy-block-legacy-authentication",
)
_SECURITY_INFO = (
    "Sign in as the account at https://mysignins.microsoft.com/security-info, select Add sign-in method, then App password.",
    "Copy the password into the product: it is shown once. Then sign the product out and in again.",
)
_PER_USER_TRADE_OFF = (
    "Microsoft and CIS advise against per-user MFA beside Conditional Access: treat it as an exception with an owner and an "
    "end date. SMTP AUTH with passwords is itself being retired, so this buys time only."
)
_PER_USER_URL = "https://learn.microsoft.com/entra/identity/authentication/howto-mfa-userstates"


def remedies_for(verdict: Verdict, registering: Sequence[str] = ()) -> tuple[Remedy, ...]:
    """The ways out for an account, best first; empty where nothing is wrong.

    Under Security Defaults the per-user route is replaced by the sentence that it can't work; an account about which
    something is unreadable is told which permission to grant, before anything else. ``registering``: what has to be minded
    before its Security info page is opened (``checks.registering``).
    """
    grants = _grants(verdict)
    unusable = verdict.would_be_blocked or (verdict.visibility is Visibility.VISIBLE and verdict.usability in _BLOCKED)
    off = verdict.app_passwords_allowed is False and (verdict.visibility in HAS_OPTION or verdict.has_option)
    if verdict.visibility not in _PROBLEMS and not unusable and not off:
        return grants
    if _security_defaults_on(verdict):
        return (*grants, _APP_ONLY, _OAUTH, _RELAY, _UNDER_SECURITY_DEFAULTS)
    ways = (*grants, _APP_ONLY, _OAUTH, _RELAY, _per_user(verdict, registering))
    in_the_way = verdict.visibility in _PROBLEMS or unusable  # besides the tenant's switch
    return (*ways, _EXCLUDE) if in_the_way else ways


def with_ways_out(judged: JudgedAccount) -> JudgedAccount:
    """A judged account with ways out where a protocol is being retired or sign-ins are refused, though no policy is seen in the way."""
    needed = any(finding.check_id in (RETIRED, REFUSED) for finding in judged.findings)
    if not needed or _APP_ONLY in judged.remediation:
        return judged
    return replace(judged, remediation=(*judged.remediation, _APP_ONLY, _OAUTH, _RELAY))


def _grants(verdict: Verdict) -> tuple[Remedy, ...]:
    permissions = sorted({reason.permission for reason in verdict.reasons if reason.permission})
    if not permissions:
        return ()
    return (
        Remedy(
            title="Let this product read what it needs",
            steps=(
                f"Grant its managed identity the Microsoft Graph application permission {', '.join(permissions)}.",
                "Scan again: a permission takes effect when the identity gets its next token, within a day.",
            ),
            trade_off="Read access only; without it the answer for this account stays open.",
            url="https://learn.microsoft.com/graph/permissions-reference",
        ),
    )


def _per_user(verdict: Verdict, registering: Sequence[str]) -> Remedy:
    visibility = verdict.visibility
    state: tuple[str, ...]
    exclude = _policies(verdict, Effect.BLOCKS_LEGACY, Effect.WOULD_BLOCK_LEGACY)
    exclusions = (f"Exclude the account from, or limit to modern clients: {', '.join(exclude)}.",) if exclude else ()
    if visibility is Visibility.STUCK:
        state = (
            "In the Entra admin center, open Users > Per-user MFA, select the account and set it to Enforced.",
            "Don't disable and re-enable it unless that fails: existing app passwords may be lost.",
        )
    elif visibility is Visibility.PENDING:
        state = (
            "Sign in as the account and register an MFA method; the state then becomes Enforced by itself.",
            "If it stays Enabled, set it to Enforced in the Entra admin center under Users > Per-user MFA.",
        )
    elif visibility is Visibility.VISIBLE:
        state = ()
    else:
        state = (
            "Register an MFA method for the account.",
            "In the Entra admin center, open Users > Per-user MFA, select the account and set it to Enforced.",
        )
    switch = _switch(verdict)
    keep = ("Keep SMTP AUTH enabled on this one mailbox only.",)
    return Remedy(
        title="Only if the product has no modern way: per-user MFA Enforced, and an app password",
        steps=(*registering, *state, *switch, *exclusions, *keep, *_SECURITY_INFO),
        trade_off=_PER_USER_TRADE_OFF,
        url=_PER_USER_URL,
    )


def _switch(verdict: Verdict) -> tuple[str, ...]:
    """What is to be done about the tenant's switch: nothing where it is known to be on, or the account has the option."""
    if verdict.app_passwords_allowed is False:
        return (
            f"Switch on {SWITCH} ({CLICK_PATH}): it is off for the whole tenant. Existing app passwords work meanwhile, but "
            "nobody can see or delete them.",
        )
    if verdict.app_passwords_allowed or verdict.visibility is Visibility.VISIBLE:
        return ()
    return (f"Check that {SWITCH} is on ({CLICK_PATH}).",)


def _policies(verdict: Verdict, *effects: Effect) -> list[str]:
    names = [f'"{r.policy_name}"' for r in verdict.reasons if r.effect in effects and r.policy_name]
    return list(dict.fromkeys(names))


def _security_defaults_on(verdict: Verdict) -> bool:
    return verdict.usability is Usability.BLOCKED_BY_SECURITY_DEFAULTS
