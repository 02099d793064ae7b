"""What one Conditional Access policy does to whoever it reaches: the part of a verdict that no account changes.

Two effects on mail (Exchange Online) matter: it demands MFA of an ordinary interactive sign-in, which hides the
app-password option, and it blocks a legacy client, which makes an app password useless. Each is NONE, only in some
CIRCUMSTANCES, or ALWAYS. An authentication strength that could not be read leaves the first one open, so it is worked out
at its least and at its most.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum

from checks import policy_words as words
from checks.managed import by_microsoft
from checks.retirements import CUSTOM_CONTROLS, Control, retired_controls
from tenant.model import AuthenticationStrength, Gap, GrantControls, Policy, Tenant
from tenant.references import BUILT_IN_STRENGTHS

EXCHANGE_ONLINE = "00000002-0000-0ff1-ce00-000000000000"
_MAIL = frozenset({"all", "office365", EXCHANGE_ONLINE})
_NOT_MAIL_IF_EXCLUDED = frozenset({"office365", EXCHANGE_ONLINE})

_INTERACTIVE_CLIENTS = frozenset({"all", "browser", "mobileappsanddesktopclients"})
_BROWSERS = frozenset({"all", "browser"})
_LEGACY_CLIENTS = frozenset({"all", "other"})
# easUnsupported is deprecated, yet old policies still carry it.
_ACTIVESYNC_CLIENTS = frozenset({"exchangeactivesync", "eassupported", "easunsupported"})
_KNOWN_CLIENTS = _INTERACTIVE_CLIENTS | _LEGACY_CLIENTS | _ACTIVESYNC_CLIENTS

_MFA_CONTROLS = frozenset({"mfa", "passwordchange", "riskremediation"})
_OTHER_CONTROLS = frozenset(
    {"block", "compliantdevice", "domainjoineddevice", "approvedapplication", "compliantapplication"}
)

_CUSTOM = CUSTOM_CONTROLS.lower()

_KNOWN_FLOWS = frozenset({"devicecodeflow", "authenticationtransfer"})

ENABLED = "enabled"
DISABLED = "disabled"
REPORT_ONLY = "enabledforreportingbutnotenforced"


class Strength(IntEnum):
    """How far an effect goes."""

    NONE = 0
    CIRCUMSTANCES = 1
    ALWAYS = 2


@dataclass(frozen=True, slots=True)
class PolicyEffect:
    """The effects of a policy on mail, whatever the account."""

    policy: Policy
    report_only: bool
    mfa_least: Strength
    mfa_most: Strength
    mfa_circumstances: tuple[str, ...]
    legacy: Strength
    legacy_circumstances: tuple[str, ...]
    blocks_interactive: bool
    exempt: str | None
    """From which places it doesn't demand MFA, in words; it hides the option all the same."""
    mfa_open: str | None
    """What it requires, and that this may mean MFA, in words: where nothing in it is known to."""
    legacy_open: str | None
    """The same for blocking legacy authentication."""
    mfa_doubtful: bool
    """Whether it has a condition or a state that this version doesn't know, so that it may never demand MFA."""
    legacy_doubtful: bool
    """The same for blocking legacy authentication."""
    gap: Gap | None
    """The authentication strength that could not be read, where it leaves ``mfa_*`` open."""
    retired: tuple[Control, ...]
    """The grant controls that it still names and that Microsoft doesn't evaluate any more."""
    lapsed: bool
    """Whether it blocked legacy authentication by these alone, and so doesn't any more."""

    @property
    def matters(self) -> bool:
        """Whether the policy can touch any verdict at all."""
        return bool(self.mfa_most or self.legacy or self.blocks_interactive)

    @property
    def managed_by_microsoft(self) -> bool:
        """Whether Microsoft made the policy, and may switch it on."""
        return by_microsoft(self.policy)


def can_reach_users(policy: Policy) -> bool:
    """Whether the policy is in force or in report-only mode, and about people rather than workload identities."""
    return not (policy.deleted or policy.workload_identities or policy.state == DISABLED)


def effect_of(policy: Policy, tenant: Tenant, today: date) -> PolicyEffect:
    """What the policy does to mail sign-ins of an account in its scope (verdicts.md sections 1 to 3).

    Takes the policy, the tenant it came from (for strengths and the names of locations), and the day of judging: controls
    that Microsoft has retired by then count as not selected.
    """
    grant, retired = still_evaluated(policy.grant, today)
    covers, application_circumstance = _covers_mail(policy)
    locations = tenant.named_locations
    unknown = _unknown_conditions(policy)
    exempt = words.exempt_locations(policy, locations)
    mfa, mfa_most, legacy, gap = _Part(), Strength.NONE, _Part(), None
    blocks_interactive = lapsed = False
    if covers and grant is not None:
        demand = _mfa_demand(grant, tenant.strengths)
        shared = (*application_circumstance, *_circumstances(policy, locations), *unknown)
        under = (*_interactive_only_if(policy), *shared, *_flow(policy))
        interactive = _interactive(policy)
        mfa = _Part(_limit(demand.least, interactive, under), (*under, *demand.why), demand.open)
        mfa_most = _limit(demand.most, interactive, under)
        gap = demand.gap if mfa.strength != mfa_most else None
        control = _legacy_control(grant)
        if not policy.transfer_methods or _unknown_flows(policy):  # a legacy client uses none of the known ones
            client, client_why = _legacy_client(policy)
            conditions = (*_circumstances(policy, locations, legacy=True), *unknown, *((exempt,) if exempt else ()))
            under = (*client_why, *application_circumstance, *conditions, *_flow(policy))
            legacy = _Part(_limit(control.strength, client, under), (*under, *control.why), control.open)
            # Retired controls blocked legacy authentication, as any control does.
            lapsed = legacy.strength is Strength.NONE and client > Strength.NONE and bool(retired)
        blocks_interactive = (
            grant.blocks
            and control.strength is Strength.ALWAYS  # no control beside it that nobody here knows
            and (not policy.client_app_types or bool(policy.client_app_types & _BROWSERS))
            and not (shared or exempt or policy.transfer_methods)
            and policy.state == ENABLED
        )
    return PolicyEffect(
        policy=policy,
        report_only=policy.state == REPORT_ONLY,
        mfa_least=mfa.strength,
        mfa_most=mfa_most,
        mfa_circumstances=mfa.why if mfa_most else (),
        legacy=legacy.strength,
        legacy_circumstances=legacy.why if legacy.strength else (),
        blocks_interactive=blocks_interactive,
        exempt=exempt,
        mfa_open=mfa.open,
        legacy_open=legacy.open,
        mfa_doubtful=bool(unknown or _interactive_only_if(policy)),
        legacy_doubtful=bool(unknown) or _legacy_client(policy)[1] == (_unknown_clients(policy),),
        gap=gap,
        retired=retired,
        lapsed=lapsed,
    )


class Effects:
    """What policies do, each worked out once: for judging tenants that differ in nothing but their policies."""

    def __init__(self, tenant: Tenant, today: date) -> None:
        """Arguments as in :func:`effect_of`."""
        self._tenant, self._today = tenant, today
        self._made: dict[int, PolicyEffect] = {}

    def of(self, policy: Policy) -> PolicyEffect:
        """What the policy does; the effect keeps the policy, so that no other one gets its place in memory."""
        if id(policy) not in self._made:
            self._made[id(policy)] = effect_of(policy, self._tenant, self._today)
        return self._made[id(policy)]


def still_evaluated(grant: GrantControls | None, today: date) -> tuple[GrantControls | None, tuple[Control, ...]]:
    """The grant without the controls that Microsoft has retired by then, which count as not selected; and these."""
    gone = retired_controls(today)
    if grant is None or not gone:
        return grant, ()
    named = [*_lower(grant.built_in), *([_CUSTOM] if grant.custom_factors else [])]
    retired = tuple(dict.fromkeys(gone[name] for name in named if name in gone))
    if not retired:
        return grant, ()
    left = replace(
        grant,
        built_in=tuple(control for control in grant.built_in if control.lower() not in gone),
        custom_factors=() if _CUSTOM in gone else grant.custom_factors,
    )
    return left, retired


def covers_mail(policy: Policy) -> bool:
    """Whether the policy covers Exchange Online, be it only where its application filter says so."""
    return _covers_mail(policy)[0]


def demands_mfa_somewhere(policy: Policy, tenant: Tenant) -> tuple[bool, bool]:
    """Whether the grant demands MFA of anyone for anything, at least and at most: what may explain a demand in a sign-in.

    The day makes no difference: a control that was retired since was never MFA.
    """
    if policy.grant is None:
        return False, False
    demand = _mfa_demand(policy.grant, tenant.strengths)
    return demand.least > Strength.NONE, demand.most > Strength.NONE


@dataclass(frozen=True, slots=True)
class _Part:
    """How far an effect goes, under which circumstances, and what is required where it isn't known what that means."""

    strength: Strength = Strength.NONE
    why: tuple[str, ...] = ()
    open: str | None = None


@dataclass(frozen=True, slots=True)
class _Demand:
    """How far a grant demands MFA, at the least and at the most, the unread input between them; else as in :class:`_Part`."""

    least: Strength
    most: Strength
    gap: Gap | None
    why: tuple[str, ...]
    open: str | None


def circumstances(policy: Policy, locations: Mapping[str, str] | Gap) -> tuple[str, ...]:
    """What must be the case for the policy to apply besides its places, in words."""
    anywhere = replace(policy, include_locations=(), exclude_locations=())
    return (*_circumstances(anywhere, locations), *_unknown_conditions(policy), *_flow(policy))


def _limit(demand: Strength, client: Strength, circumstances: tuple[str, ...]) -> Strength:
    strength = min(demand, client)
    return min(strength, Strength.CIRCUMSTANCES) if circumstances else strength


def _covers_mail(policy: Policy) -> tuple[bool, tuple[str, ...]]:
    """Whether the policy covers Exchange Online, and the circumstance under which it may."""
    included, filtered = policy.include_applications, policy.application_filter
    if policy.exclude_applications & _NOT_MAIL_IF_EXCLUDED:
        return False, ()
    if filtered is not None:
        named = bool(included & (_MAIL - {"all"}))
        if named and filtered.mode == "include":
            return True, ()
        others = included - {"none"}  # which names nothing, so that the filter stands alone
        if filtered.mode == "exclude" and others and not others & _MAIL:
            return False, ()  # it only takes away from a list that has no mail in it
        return True, ("only where its application filter selects Exchange Online, which this product can't evaluate",)
    if included & _MAIL:
        return True, ()
    targets_nothing_known = not (included or policy.user_actions or policy.authentication_contexts)
    if targets_nothing_known and policy.unknown_application_members:
        return True, ("it selects applications in a way that this version doesn't know",)
    return False, ()


def _interactive(policy: Policy) -> Strength:
    types = policy.client_app_types
    if not types or types & _INTERACTIVE_CLIENTS:
        return Strength.ALWAYS
    return Strength.CIRCUMSTANCES if types - _KNOWN_CLIENTS else Strength.NONE


def _interactive_only_if(policy: Policy) -> tuple[str, ...]:
    if _interactive(policy) is Strength.CIRCUMSTANCES:
        return (_unknown_clients(policy),)
    return ()


def _legacy_client(policy: Policy) -> tuple[Strength, tuple[str, ...]]:
    types = policy.client_app_types
    if not types or types & _LEGACY_CLIENTS:
        return Strength.ALWAYS, ()
    if types & _ACTIVESYNC_CLIENTS:
        return Strength.CIRCUMSTANCES, ("only for Exchange ActiveSync clients",)
    if types - _KNOWN_CLIENTS:
        return Strength.CIRCUMSTANCES, (_unknown_clients(policy),)
    return Strength.NONE, ()


def _unknown_clients(policy: Policy) -> str:
    return words.unknown_clients(policy.client_app_types - _KNOWN_CLIENTS)


def _mfa_demand(grant: GrantControls, strengths: Mapping[str, AuthenticationStrength] | Gap) -> _Demand:
    ways = _ways(grant)
    satisfies = _satisfies_mfa(grant.strength, strengths) if grant.strength else False
    gap = satisfies if isinstance(satisfies, Gap) else None
    certain = ways if grant.strength is None or isinstance(satisfies, Gap) else [*ways, satisfies]
    # A strength that could not be read is taken for what hides least, and for what hides most.
    at_least, at_most = ([*certain, False], [*certain, True]) if gap else (certain, certain)
    least, most = _combine(grant.operator, at_least), _combine(grant.operator, at_most)
    if grant.unknown_members:
        least, most = min(least, Strength.CIRCUMSTANCES), min(most, Strength.CIRCUMSTANCES)
    if True not in at_least:
        requirement = words.open_requirement(grant, _in_words(grant.strength, satisfies, strengths)) if most else None
        may = requirement.may("mean MFA") if requirement else None
        sometimes = Strength.CIRCUMSTANCES in (least, most)
        return _Demand(least, most, gap, (f"it requires {may}",) if sometimes and may else (), may)
    why: tuple[str, ...] = ()
    if _combine(grant.operator, at_least) is Strength.CIRCUMSTANCES:
        strength = None if satisfies is True else _in_words(grant.strength, satisfies, strengths)
        why = (words.instead_of_mfa(grant, _MFA_CONTROLS, strength),)
    elif grant.unknown_members:
        why = (words.beside_unknown_controls(grant.unknown_members),)
    return _Demand(least, most, gap, why, None)


def _in_words(
    strength: AuthenticationStrength | None,
    satisfies: bool | None | Gap,
    strengths: Mapping[str, AuthenticationStrength] | Gap,
) -> words.NamedStrength | None:
    """The strength by name, and why nobody knows whether it means MFA."""
    if strength is None:
        return None
    known = None if isinstance(strengths, Gap) else strengths.get(strength.id)
    doubt = None
    if isinstance(satisfies, Gap):
        doubt = "which could not be read"
    elif satisfies is None and known is None and strength.requirements_satisfied is None:
        doubt = "which isn't among the tenant's authentication strengths"
    elif satisfies is None:
        doubt = "of which this version doesn't know what it stands for"
    return words.named_strength(known if known and not strength.display_name else strength, doubt)


def _ways(grant: GrantControls) -> list[bool | None]:
    """For each control whether it means MFA; None where nobody knows. ``block`` lets nobody in, so it is no way."""
    ways: list[bool | None] = [
        True if control in _MFA_CONTROLS else False if control in _OTHER_CONTROLS else None
        for control in _lower(grant.built_in)
        if control != "block"
    ]
    ways += [False] * (len(grant.custom_factors) + len(grant.terms_of_use))
    ways += [None] * len(grant.unknown_members)
    return ways


def _satisfies_mfa(
    strength: AuthenticationStrength, strengths: Mapping[str, AuthenticationStrength] | Gap
) -> bool | None | Gap:
    if strength.id in BUILT_IN_STRENGTHS:
        return True
    satisfied = strength.requirements_satisfied
    if satisfied is None:
        if isinstance(strengths, Gap):
            return strengths
        known = strengths.get(strength.id)
        satisfied = known.requirements_satisfied if known else None
    values = {value.strip() for value in (satisfied or "").lower().split(",")}
    return True if "mfa" in values else False if values == {"none"} else None


def _combine(operator: str, ways: list[bool | None]) -> Strength:
    if not ways:
        return Strength.NONE
    if operator == "AND" and True in ways:
        return Strength.ALWAYS
    if all(ways):
        return Strength.ALWAYS
    # What nobody knows may mean MFA; and with an OR, or an operator nobody knows, one of the ways isn't MFA.
    return Strength.CIRCUMSTANCES if None in ways or True in ways else Strength.NONE


def _legacy_control(grant: GrantControls) -> _Part:
    """Whether the grant blocks a legacy client: it can satisfy no known control at all."""
    built_in = _lower(grant.built_in)
    known = sum(control in _MFA_CONTROLS | _OTHER_CONTROLS for control in built_in)
    unknown = len(built_in) - known
    known += len(grant.custom_factors) + len(grant.terms_of_use) + (grant.strength is not None)
    if grant.unknown_members or (unknown and not (known and grant.operator == "AND")):
        requirement = words.open_requirement(grant, words.named_strength(grant.strength))
        may = requirement.may("block legacy authentication to Exchange Online") if requirement else None
        return _Part(Strength.CIRCUMSTANCES, (f"it requires {may}",) if may else (), may)
    return _Part(Strength.ALWAYS if known else Strength.NONE)


def _circumstances(policy: Policy, locations: Mapping[str, str] | Gap, *, legacy: bool = False) -> tuple[str, ...]:
    """What must be the case besides the account and the application; locations "all, except some" stand apart."""
    platforms = words.platforms_of_a_legacy_client if legacy else words.only_on_platforms
    found = (
        _at_risk("sign-in risk", policy.sign_in_risk_levels),
        _at_risk("user risk", policy.user_risk_levels),
        _at_risk("insider risk", policy.insider_risk_levels),
        words.only_from_locations(policy, locations),
        platforms(policy),
        "only on devices that its device filter selects" if policy.device_filter is not None else None,
    )
    return tuple(one for one in found if one)


def _at_risk(kind: str, levels: tuple[str, ...]) -> str | None:
    return words.only_at_risk(kind, levels) if levels else None


def _unknown_conditions(policy: Policy) -> tuple[str, ...]:
    """What this version doesn't know about when the policy applies."""
    found = [] if policy.state in (ENABLED, REPORT_ONLY) else [words.unknown_state(policy.state)]
    found += [words.unknown_conditions(policy.unknown_members)] if policy.unknown_members else []
    return tuple(found)


def _flow(policy: Policy) -> tuple[str, ...]:
    return (words.only_for_flows(policy.transfer_methods),) if policy.transfer_methods else ()


def _unknown_flows(policy: Policy) -> bool:
    return any(method.lower() not in _KNOWN_FLOWS for method in policy.transfer_methods)


def _lower(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.lower() for value in values)
