"""The reasons of a verdict in words that an administrator understands."""

from dataclasses import replace
from datetime import UTC, datetime, time

from basics.times import day, moment
from checks.advice import fact
from checks.model import Effect, Reason
from checks.phrases import joined, quoted
from checks.policy import PolicyEffect
from checks.policy_words import contradicts_itself
from checks.scope import Roles, Scopes
from checks.tenant_switch import CLICK_PATH, SETTING, SWITCH, TenantSwitch
from tenant.model import Account, Gap, MfaDemand

INPUTS = {
    "organization": "the organization",
    "security_defaults": "Security Defaults",
    "conditional_access_policies": "the Conditional Access policies",
    "conditional_access_preview_policies": "the Conditional Access policies that use preview features",
    "policy_plans": "the Conditional Access policy plans",
    "authentication_strengths": "the authentication strengths",
    "named_locations": "the named locations",
    "role_assignments": "the directory role assignments",
    "role_eligibilities": "the eligible directory roles",
    "role_definitions": "the directory role definitions",
    "account_properties": "the account's properties",
    "per_user_mfa": "the per-user MFA state",
    "group_memberships": "the account's group memberships",
    "mfa_registration": "the account's MFA registration",
    "groups": "a group that a policy names",
    "subscribed_skus": "the subscribed licences",
    "selection": "the selection of service accounts",
    "audit_log": "the audit log",
    "what_if": "Microsoft's What If",
}
"""What each input is called in a sentence."""

# requirementProvider (Graph beta), lower-cased -> who asks for MFA.
_CONDITIONAL_ACCESS = (
    "v1conditionalaccess",
    "v1conditionalaccessdependency",
    "v1conditionalaccesspolicyidrequested",
    "multiconditionalaccess",
    "mfaregistrationrequiredbymulticonditionalaccess",
)
_SECURITY_DEFAULTS = ("securitydefaults", "mfaregistrationrequiredbysecuritydefaults")
_BASELINE = ("baselineprotection", "mfaregistrationrequiredbybaselineprotection")
_PROVIDERS = {
    **dict.fromkeys(_CONDITIONAL_ACCESS, "Conditional Access"),
    **dict.fromkeys(_SECURITY_DEFAULTS, "Security Defaults"),
    **dict.fromkeys(_BASELINE, "Baseline Protection, which came before Security Defaults"),
    "tenantsessionriskpolicy": "a sign-in risk policy of ID Protection",
    "accountcompromisepolicies": "a user risk policy of ID Protection",
    "riskbasedpolicy": "a risk policy of ID Protection",
    "mfaregistrationrequiredbyidentityprotectionpolicy": "the registration policy of ID Protection",
    "enforcedforcspadmins": "Microsoft's rule for administrators at partners",
    "crosstenantoutboundrule": "a rule for access to other tenants",
    "gpslocationcondition": "a condition on the GPS location",
    "authenticationstrengths": "an authentication strength of Conditional Access",
    "unknownfuturevalue": "something that Microsoft's sign-in log didn't name",
}
_PER_USER_URL_HINT = fact("per_user_page")


_ONE_OF_SEVERAL = "this policy or another one named here does, which of them could not be read"
_ABSENT_ENABLED = " (Microsoft Graph didn't say whether the account is enabled; it is taken to be.)"


class Wording:
    """Words for what policies do to accounts; the same words are made once and shared by all accounts in that scope."""

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes
        self._made: dict[tuple[Effect, str, str, str], Reason] = {}

    def reason(
        self, what: Effect, effect: PolicyEffect, account: Account, roles: Roles, *, certain: bool = True
    ) -> Reason:
        """Why the policy has this effect on the account, with how the account came into its scope.

        Not ``certain``: whether it is this policy or another that reaches the account depends on what could not be read.
        """
        scope = self._scopes.way_in(account, roles, effect) if certain else _ONE_OF_SEVERAL
        key = (what, effect.policy.id, effect.policy.display_name, scope)
        if key not in self._made:
            self._made[key] = _policy_reason(what, effect, scope)
        return self._made[key]

    def excluded(self, effect: PolicyEffect, account: Account, roles: Roles) -> Reason:
        """That the policy spares the account, and through what."""
        scope = self._scopes.way_out(account, roles, effect)
        shaky = self._scopes.shaky_groups(account, effect)
        key = (Effect.EXCLUDED, effect.policy.id, effect.policy.display_name, " ".join((scope, *shaky)))
        if key not in self._made:
            policy = effect.policy
            text = f'The account is excluded from the policy "{policy.display_name}" ({in_words(scope)}).'
            text += _shaky(shaky)
            self._made[key] = Reason(text, Effect.EXCLUDED, policy.id, policy.display_name, scope, _since(effect))
        return self._made[key]

    def lapsed(self, effect: PolicyEffect, account: Account, roles: Roles) -> Reason:
        """That the policy no longer blocks legacy authentication of the account: Microsoft has retired what it requires."""
        scope = self._scopes.way_in(account, roles, effect)
        key = (Effect.EXCLUDED, effect.policy.id, effect.policy.display_name, f"lapsed {scope}")
        if key not in self._made:
            self._made[key] = _lapsed(effect, scope)
        return self._made[key]


def _shaky(groups: tuple[str, ...]) -> str:
    """That an exclusion may end by itself, because of how its groups are filled."""
    names = joined(quoted(groups))
    return f" Who is in {names} comes from {fact('member_of')}: the exclusion may end by itself." if groups else ""


def in_words(scope: str) -> str:
    """A scope chain as part of a sentence: ``group A > B`` -> ``member of A, which is nested in B``."""
    if not scope.startswith("group "):
        return scope
    inner, *outer = scope.removeprefix("group ").split(" > ")
    return f"member of {inner}" + "".join(f", which is nested in {name}" for name in outer)


def _policy_reason(what: Effect, effect: PolicyEffect, scope: str) -> Reason:
    policy = effect.policy
    mfa = what in (Effect.DEMANDS_MFA, Effect.WOULD_DEMAND_MFA)
    circumstances = effect.mfa_circumstances if mfa else effect.legacy_circumstances
    required = effect.mfa_open if mfa else effect.legacy_open
    if what is Effect.BLOCKS_INTERACTIVE:
        circumstances, required = (), None
    told = [one for one in circumstances if required is None or one != f"it requires {required}"]
    if mfa and effect.exempt:
        told = [effect.exempt, *told]
    never = any(map(contradicts_itself, told))
    does = _required(what, effect, scope, required) if required else _done(what, effect, scope, never)
    under = _under(told, never)
    text = f'The policy "{policy.display_name}" {does} (reaches the account: {in_words(scope)}){under}.'
    text += _no_way_round(effect) if mfa else ""
    understood = required is None and not (circumstances and _is_doubtful(what, effect))
    return Reason(
        text, what, policy.id, policy.display_name, scope, _since(effect), circumstances, understood=understood
    )


def _required(what: Effect, effect: PolicyEffect, scope: str, required: str) -> str:
    """What the policy requires, where nobody knows what that means."""
    not_yet = what in (Effect.WOULD_DEMAND_MFA, Effect.WOULD_BLOCK_LEGACY)
    return f"{_not_yet(effect, scope)} would require {required}" if not_yet else f"requires {required}"


def _is_doubtful(what: Effect, effect: PolicyEffect) -> bool:
    """Whether nobody knows if the policy ever has this effect."""
    return effect.mfa_doubtful if what in (Effect.DEMANDS_MFA, Effect.WOULD_DEMAND_MFA) else effect.legacy_doubtful


def _under(circumstances: list[str], never: bool) -> str:
    """The circumstances as the end of a sentence."""
    if not circumstances:
        return ""
    first, *others = sorted(circumstances, key=contradicts_itself, reverse=True)
    # "only from ..." goes on with what the policy does; "it has ..." says why.
    before = ", but " if never else ": " if first.startswith(("it ", "its ")) else ", "
    return before + "; ".join([first, *others])


def _done(what: Effect, effect: PolicyEffect, scope: str, never: bool) -> str:
    """What the policy does; only perhaps, where nobody knows whether it ever applies."""
    would, requires, blocks = "would", "requires", "blocks"
    if never:
        requires, blocks = "would require", "would block"
    elif _is_doubtful(what, effect):
        would, requires, blocks = "might", "may require", "may block"
    return {
        Effect.DEMANDS_MFA: f"{requires} multifactor authentication for Exchange Online",
        Effect.WOULD_DEMAND_MFA: f"{_not_yet(effect, scope)} {would} require multifactor authentication for Exchange Online",
        Effect.BLOCKS_LEGACY: f"{blocks} legacy authentication to Exchange Online, with or without an app password{_by_asking(effect)}",
        Effect.WOULD_BLOCK_LEGACY: f"{_not_yet(effect, scope)} {would} block legacy authentication to Exchange Online",
        Effect.BLOCKS_INTERACTIVE: "blocks interactive sign-in, so nobody can open the Security info page",
    }[what]


def _by_asking(effect: PolicyEffect) -> str:
    """How a policy blocks legacy authentication that doesn't block access as such."""
    grant = effect.policy.grant
    return "" if grant is None or grant.blocks else ", because legacy clients can't do what it requires"


def _no_way_round(effect: PolicyEffect) -> str:
    """The retired controls that were other ways in beside MFA."""
    if not effect.retired or effect.policy.grant is None or effect.policy.grant.operator == "AND":
        return ""
    return f" No longer a way round it: {_retired(effect)}."


def _retired(effect: PolicyEffect) -> str:
    return " and ".join(control.retired_words for control in effect.retired)


def _lapsed(effect: PolicyEffect, scope: str) -> Reason:
    policy, since = effect.policy, max(control.on for control in effect.retired)
    text = (
        f'The policy "{policy.display_name}" (reaches the account: {in_words(scope)}) no longer blocks legacy authentication: it '
        f"requires nothing but {_retired(effect)}."
    )
    return Reason(
        text,
        Effect.EXCLUDED,
        policy.id,
        policy.display_name,
        since=datetime.combine(since, time(), UTC),
        cause="That is the date of Microsoft's retirement, not of a change in this tenant.",
    )


def _not_yet(effect: PolicyEffect, scope: str) -> str:
    return (
        "is in report-only mode; switched on, it"
        if effect.report_only
        else f"applies once the {scope} is activated; it"
    )


def _since(effect: PolicyEffect) -> datetime | None:
    return effect.policy.modified or effect.policy.created


def not_applicable(why: str) -> Reason:
    """Why no app password comes into question for the account at all."""
    return Reason(why, Effect.PER_USER_STATE)


def per_user_state(account: Account, state: str, *, switched_off: bool) -> Reason:
    """What the per-user MFA state means for the option, with what was odd about reading it.

    ``switched_off``: the tenant offers the option to nobody, whatever the state.
    """
    text = {
        "disabled": "Per-user MFA is Disabled. Microsoft offers app passwords only to accounts that are Enforced.",
        "enabled": "Per-user MFA is Enabled, and not yet Enforced.",
        "enforced": "Per-user MFA is Enforced, which is all that the option asks of the account."
        if switched_off
        else "Per-user MFA is Enforced, so the account's Security info page offers app passwords.",
    }[state]
    return Reason(text + _remarks(account, state), Effect.PER_USER_STATE)


def per_user_enabled(account: Account, registered: bool, *, switched_off: bool) -> Reason:
    """Why an account whose state is Enabled isn't offered the option (yet). ``switched_off``: see :func:`per_user_state`."""
    stuck = "the state is stuck" if switched_off else "the state is stuck, and the option stays away"
    pending = "the state becomes Enforced" if switched_off else "the option appears"
    text = (
        f"Per-user MFA is Enabled although an MFA method is registered: {stuck} until it is set to Enforced "
        f"({_PER_USER_URL_HINT})."
        if registered
        else f"Per-user MFA is Enabled and no MFA method is registered yet: {pending} after the registration."
    )
    return Reason(text + _remarks(account, "enabled"), Effect.PER_USER_STATE)


def _remarks(account: Account, state: str) -> str:
    remarks = ""
    bulk = account.per_user_mfa_bulk
    if bulk is not None and bulk.lower() != state:
        remarks += f' (The user list says "{bulk}" instead; the documented state counts.)'
    if account.enabled is None:
        remarks += _ABSENT_ENABLED
    return remarks


def security_defaults_hide() -> Reason:
    """Security Defaults demand MFA of everybody."""
    return Reason(
        "Security Defaults are on: they require multifactor authentication, and Microsoft then offers no app passwords.",
        Effect.DEMANDS_MFA,
        scope="all users",
    )


def security_defaults_block() -> Reason:
    """Security Defaults block legacy authentication."""
    return Reason(
        "Security Defaults are on: they block every legacy client, with or without an app password.",
        Effect.BLOCKS_LEGACY,
        scope="all users",
    )


def contradictory_state() -> Reason:
    """Security Defaults and an enabled policy at once."""
    return Reason(
        "Security Defaults are on although a Conditional Access policy is enabled, which Microsoft doesn't allow: Security "
        "Defaults are taken to decide. Check both in the Entra admin center.",
        Effect.CONTRADICTORY_STATE,
    )


def tenant_switch_off(switch: TenantSwitch) -> Reason:
    """The tenant's switch forbids app passwords, as was read or else attested."""
    known = f"attested by the setting {SETTING}=no"
    if switch.source == "read":
        known = f"read from Microsoft Graph{_read_on(switch)}" + (
            f"; the setting {SETTING} says yes" if switch.contradiction else ""
        )
    return Reason(
        f"App passwords are switched off for the whole tenant ({known}): {SWITCH} is off under {CLICK_PATH}, so nobody is "
        "offered one. It leaves app passwords that exist working.",
        Effect.TENANT_SWITCH_OFF,
    )


def _read_on(switch: TenantSwitch) -> str:
    return f" on {day(switch.remembered)}" if switch.remembered else ""


def evidence(demand: MfaDemand) -> Reason:
    """A sign-in for which MFA was demanded and no readable policy says why."""
    asked_by = _PROVIDERS.get(demand.provider.lower()) or f'"{demand.provider}"'
    return Reason(
        f"On {moment(demand.seen)} a sign-in of the account was asked for multifactor authentication by "
        f"{asked_by}, which none of the readable policies explains.",
        Effect.EVIDENCE,
        since=demand.seen,
    )


def group_no_longer_exists(effect: PolicyEffect, groups: tuple[str, ...]) -> Reason:
    """A policy that names a deleted group: it reaches nobody through it."""
    policy = effect.policy
    text = f'The policy "{policy.display_name}" includes a group that no longer exists ({", ".join(groups)}): nobody is in it.'
    return Reason(text, Effect.EXCLUDED, policy.id, policy.display_name)


def unreadable(gap: Gap, consequence: str) -> Reason:
    """An input that is missing, what it would change, and the permission that opens it."""
    what = INPUTS.get(gap.input, gap.input)
    remedy = f" {opening(gap.permission, gap.for_a_person)}" if gap.permission else ""
    text = f"Could not read {what} ({gap.error}): {consequence}.{remedy}"
    return Reason(text, Effect.UNREADABLE, permission=gap.permission, for_a_person=gap.for_a_person)


def opening(permission: str, for_a_person: str) -> str:
    """What lets this product read an input that a permission opens: to an app, or to the person who is signed in (``Gap``)."""
    return for_a_person or f"Grant the application permission {permission}."


def unreadable_state(account: Account) -> Reason:
    """The per-user MFA state is absent, unreadable, or a value nobody knows."""
    state = account.per_user_mfa
    bulk = account.per_user_mfa_bulk
    hint = _ABSENT_ENABLED if account.enabled is None else ""
    hint += f' The user list says "{bulk}", which Microsoft doesn\'t document and is not relied on.' if bulk else ""
    if isinstance(state, Gap):
        reason = unreadable(state, "without it nothing can be said about the option")
        return replace(reason, text=reason.text + hint)
    return Reason(
        f"Microsoft Graph returned {odd_state(state)} for the account, so nothing can be said.{hint}", Effect.UNREADABLE
    )


def odd_state(state: str | None) -> str:
    """What stands in place of a per-user MFA state that means something."""
    return f'the unknown per-user MFA state "{state}"' if state else "no per-user MFA state"


def unreadable_registration(gap: Gap) -> Reason:
    """Whether an MFA method is registered is open, and with it whether the state is stuck or pending."""
    consequence = "Per-user MFA is Enabled, and whether an MFA method is registered decides what that means"
    return unreadable(gap, consequence)
