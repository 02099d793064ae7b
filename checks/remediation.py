"""What to do about an account, in the order of verdicts.md section 6: away from passwords first, an exclusion last."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from basics.times import day
from checks.advice import fact, facts
from checks.catalog import HAS_OPTION, METHODS_END, REFUSED
from checks.managed import created_in_their_place, when_it_goes_on
from checks.model import Effect, JudgedAccount, Remedy, Usability, Verdict, Visibility, Way
from checks.phrases import joined, quoted
from checks.retirements import dated_protocol, retired_methods
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
    way=Way.APP_ONLY,
)
_OAUTH = Remedy(
    title="Use OAuth for SMTP, IMAP or POP",
    steps=(
        "Check whether the product offers OAuth 2.0 (client credentials) for SMTP, IMAP or POP.",
        "Register an app with SMTP.SendAsApp, IMAP.AccessAsApp or POP.AccessAsApp and consent to it.",
        "In Exchange Online PowerShell, add the app's service principal and give it access to the one mailbox.",
        fact("device_code"),
    ),
    trade_off="The protocol stays, the password goes; the product must support OAuth for it.",
    url="https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth",
    way=Way.OAUTH,
)
_RELAY = Remedy(
    title="Send mail without signing in: relay",
    steps=(
        "For a device or server with a fixed address: set up an inbound connector in Exchange Online that accepts its mail.",
        fact("high_volume_email"),
        "For mail to people outside in large numbers: Azure Communication Services Email.",
    ),
    trade_off="Only for products that send; reading mailboxes is not possible this way.",
    url="https://learn.microsoft.com/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365",
    way=Way.RELAY,
)
_UNDER_SECURITY_DEFAULTS = Remedy(
    title="Not possible while Security Defaults are on: an app password",
    steps=(
        "Security Defaults block every legacy client, so per-user MFA and an app password can't work beside them.",
        "If no other way is left, replace Security Defaults by Conditional Access policies first; that needs Entra ID P1.",
        f"Switching them off ({fact('security_defaults_page')}) creates Microsoft-managed policies by itself: "
        f"{created_in_their_place()}. Exclude the account from the one that blocks legacy authentication and from the one for all users "
        "before they are in force, or nothing is won.",
        "Then set the account's per-user MFA to Enforced as in any other tenant, and scan again.",
    ),
    trade_off="Replacing Security Defaults means maintaining your own policies for the whole organization.",
    url="https://learn.microsoft.com/entra/fundamentals/security-defaults",
    way=Way.NOT_POSSIBLE,
)
_EXCLUDE = Remedy(
    title="Last resort: exclude the account from the policy without MFA",
    steps=(
        "Exclude the account from the policies named above, restrict it to known locations, and give it a long random password.",
        "python cli.py compensate ACCOUNT --address ADDRESS writes a policy that lets its legacy clients in from that address alone, for "
        "simulate and for import.",
        "Record the exception with an owner and an end date, and watch its sign-ins.",
    ),
    trade_off="The account is then protected by its password alone; Microsoft advises against it.",
    url="https://learn.microsoft.com/entra/identity/conditional-access/policy-block-legacy-authentication",
    way=Way.EXCLUDE,
)
_SECURITY_INFO = (
    "Sign in as the account at https://mysignins.microsoft.com/security-info, select Add sign-in method, then App password.",
    f"Copy the password into the product: it is shown once. {fact('end_app_passwords')} Then sign the product out and in again.",
)
_METHODS_END = Remedy(
    title="Register an MFA method that stays",
    steps=(
        "Sign in as the account at https://mysignins.microsoft.com/security-info, select Add sign-in method, and register "
        f"{fact('methods_that_stay')}.",
        "Then remove the phone number.",
    ),
    trade_off="Whoever looks after the account must keep the method where a colleague finds it: a TOTP secret in a password manager, say.",
    url=facts()["methods_that_stay"].url,
    way=Way.METHOD,
)
_EWS = "ews.accessasuser.all"
_PER_USER_TRADE_OFF = (
    "Microsoft and CIS advise against per-user MFA beside Conditional Access: treat it as an exception with an owner and an "
    "end date. SMTP AUTH with passwords is itself being retired, so this buys time only."
)
_PER_USER_TITLE = "Only if the product has no modern way: per-user MFA Enforced, and an app password"
_FIRST_STEPS = {
    Visibility.STUCK: ("Set the account's per-user MFA to Enforced", Way.ENFORCE),
    Visibility.PENDING: ("Register an MFA method for the account", Way.REGISTER),
}
"""Of an account that somebody has begun to set up, the first step is to finish that."""
_PER_USER_URL = "https://learn.microsoft.com/entra/identity/authentication/howto-mfa-userstates"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of an account's policies bears on its ways out, beside its verdict."""

    registering: tuple[str, ...] = ()
    """What has to be minded before its Security info page is opened (``checks.registering``)."""
    device_code: tuple[str, ...] = ()
    """Which policies block the device code flow for it (``checks.device_code``)."""
    exclusion_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Policy id -> names of the groups that the policy excludes already and that can take the account, best first."""
    by_microsoft: frozenset[str] = frozenset()
    """Ids of the policies that Microsoft made."""


ALONE = Surroundings()
"""An account without any policy about it."""


def remedies_for(verdict: Verdict, around: Surroundings = ALONE) -> tuple[Remedy, ...]:
    """The ways out for an account, best first; empty where nothing is wrong.

    Under Security Defaults the per-user route is replaced by the sentence that it can't work; an account about which
    something is unreadable is told which permission to grant, before anything else.
    """
    grants = _grants(verdict)
    has_option = verdict.visibility in HAS_OPTION or verdict.has_option
    unusable = verdict.would_be_blocked or (has_option and verdict.usability in _BLOCKED)
    off = verdict.app_passwords_allowed is False and has_option
    if verdict.visibility not in _PROBLEMS and not unusable and not off:
        return grants
    if _security_defaults_on(verdict):
        oauth = replace(_OAUTH, steps=(*_OAUTH.steps, fact("security_defaults_device_code")))
        return (*grants, _APP_ONLY, oauth, _RELAY, _UNDER_SECURITY_DEFAULTS)
    oauth = replace(_OAUTH, steps=(*_OAUTH.steps, *around.device_code))
    # Somebody wants an app password here and is one step short of it: that step first, unless nothing would let it in.
    begun = verdict.visibility in _FIRST_STEPS and not unusable and not off
    per_user, modern = _per_user(verdict, around, begun=begun), (_APP_ONLY, oauth, _RELAY)
    ways = (*grants, per_user, *modern) if begun else (*grants, *modern, per_user)
    in_the_way = verdict.visibility in _PROBLEMS or unusable  # besides the tenant's switch
    return (*ways, _exclude(verdict, around)) if in_the_way else ways


def with_ways_out(judged: JudgedAccount) -> JudgedAccount:
    """A judged account with ways out where something is being retired or sign-ins are refused, though no policy is seen in the way."""
    failed = {finding.check_id for finding in judged.findings}
    more: tuple[Remedy, ...] = (_METHODS_END,) if METHODS_END in failed else ()
    if failed & {RETIRED, REFUSED} and _APP_ONLY not in judged.remediation:
        more = (*more, _APP_ONLY, _OAUTH, _RELAY)
    if applications := _ews_applications(judged):
        more = (*more, _off_ews(applications))
    known = judged.remediation
    last = known[-1:] if known and known[-1].title == _EXCLUDE.title else ()
    return replace(judged, remediation=(*known[: len(known) - len(last)], *more, *last)) if more else judged


def _ews_applications(judged: JudgedAccount) -> list[str]:
    """Applications that may use Exchange Web Services as the account, as its consents say: the sign-in log can't."""
    if judged.verdict.visibility is Visibility.NOT_APPLICABLE:
        return []
    consents = [one for one in judged.account.consents if _EWS in (scope.casefold() for scope in one.scopes)]
    return sorted({one.app_name or one.app_id for one in consents})


def _off_ews(applications: list[str]) -> Remedy:
    end = dated_protocol("Exchange Web Services")
    return Remedy(
        title="Move what uses Exchange Web Services to Microsoft Graph",
        steps=(
            f"The account has consented to EWS.AccessAsUser.All for {joined(quoted(applications))}: ask the maker for a version that uses "
            f"Microsoft Graph. Exchange Web Services ends for good on {day(end.on)}.",
            fact("ews_blocked"),
        ),
        trade_off="Until then an administrator can allow single applications; afterwards nothing helps.",
        url=facts()["ews_blocked"].url,
        way=Way.EWS,
    )


def _grants(verdict: Verdict) -> tuple[Remedy, ...]:
    refused = [reason for reason in verdict.reasons if reason.permission]
    if not refused:
        return ()
    permissions = ", ".join(sorted({str(reason.permission) for reason in refused}))
    steps: tuple[str, ...] = (
        f"Grant its managed identity the Microsoft Graph application permission {permissions}.",
        "Scan again: a permission takes effect when the identity gets its next token, within a day.",
    )
    if to_a_person := sorted({reason.for_a_person for reason in refused if reason.for_a_person}):
        steps = (*to_a_person, "Scan again.")
    return (
        Remedy(
            title="Let this product read what it needs",
            steps=steps,
            trade_off="Read access only; without it the answer for this account stays open.",
            url="https://learn.microsoft.com/graph/permissions-reference",
            way=Way.GRANT,
        ),
    )


def _per_user(verdict: Verdict, around: Surroundings, *, begun: bool) -> Remedy:
    visibility = verdict.visibility
    state: tuple[str, ...]
    exclude = _policies(verdict, Effect.BLOCKS_LEGACY, Effect.WOULD_BLOCK_LEGACY)
    exclusions: tuple[str, ...] = (
        (f"Exclude the account from, or limit to modern clients: {', '.join(exclude)}.",) if exclude else ()
    )
    exclusions += _by_group(verdict, around, Effect.BLOCKS_LEGACY, Effect.WOULD_BLOCK_LEGACY)
    page = fact("per_user_page")
    if visibility is Visibility.STUCK:
        state = (
            f"In the Entra admin center, open {page}, select the account and set it to Enforced.",
            fact("patch"),
            "Don't disable and re-enable it unless that fails: existing app passwords may be lost.",
        )
    elif visibility is Visibility.PENDING:
        state = (
            f"Sign in as the account and register {fact('methods_that_stay')}; the state then becomes Enforced by itself.",
            f"If it stays Enabled, set it to Enforced in the Entra admin center under {page}.",
        )
    elif visibility is Visibility.VISIBLE:
        state = ()
    else:
        state = (
            f"Register an MFA method for the account: {fact('methods_that_stay')}. Not a phone: {_phones_end()}.",
            f"In the Entra admin center, open {page}, select the account and set it to Enforced.",
            fact("patch"),
        )
    switch = _switch(verdict)
    keep = (fact("smtp_switch"),)
    title, way = _FIRST_STEPS[visibility] if begun else (_PER_USER_TITLE, Way.PER_USER)
    return Remedy(
        title=title,
        steps=(*state, *around.registering, *switch, *exclusions, *keep, *_SECURITY_INFO)
        if way is Way.ENFORCE  # nothing has to be registered before the state is set
        else (*around.registering, *state, *switch, *exclusions, *keep, *_SECURITY_INFO),
        trade_off=_PER_USER_TRADE_OFF,
        url=_PER_USER_URL,
        way=way,
    )


def _phones_end() -> str:
    return " and ".join(f"{method.name} end on {day(method.on)}" for method in retired_methods())


def _exclude(verdict: Verdict, around: Surroundings) -> Remedy:
    """The last way, with what each policy offers for it, and what Microsoft does with policies of its own."""
    effects = (Effect.DEMANDS_MFA, Effect.BLOCKS_LEGACY, Effect.WOULD_DEMAND_MFA, Effect.WOULD_BLOCK_LEGACY)
    managed = [
        reason.policy_name
        for reason in verdict.reasons
        if reason.effect in (Effect.WOULD_DEMAND_MFA, Effect.WOULD_BLOCK_LEGACY)
        and reason.policy_id in around.by_microsoft
        and reason.policy_name
    ]
    names = joined(quoted(dict.fromkeys(managed)))
    soon = (f"{names}: {when_it_goes_on()} Its exclusions and its state can be edited before.",) if managed else ()
    return replace(_EXCLUDE, steps=(*soon, *_by_group(verdict, around, *effects), *_EXCLUDE.steps))


def _by_group(verdict: Verdict, around: Surroundings, *effects: Effect) -> tuple[str, ...]:
    """For each policy with these effects the group that it excludes already."""
    named = {
        reason.policy_id: reason.policy_name
        for reason in verdict.reasons
        if reason.effect in effects and reason.policy_id and reason.policy_name
    }
    return tuple(
        f'The policy "{name}" already excludes {joined(quoted(groups), "or")}: add the account there, if that group is for such accounts.'
        for id, name in named.items()
        if (groups := around.exclusion_groups.get(id))
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
