"""What one Conditional Access policy does to whoever it reaches: the part of a verdict that no account changes.

Two effects on mail (Exchange Online) matter: it demands MFA of an ordinary interactive sign-in, which hides the
app-password option, and it blocks a legacy client, which makes an app password useless. Each is NONE, only in some
CIRCUMSTANCES, or ALWAYS. An authentication strength that could not be read leaves the first one open, so it is worked out
at its least and at its most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from tenant.model import AuthenticationStrength, Gap, GrantControls, Policy, Tenant

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

# The ids of "Multifactor authentication", "Passwordless MFA" and "Phishing-resistant MFA" are the same in every tenant.
# Source: Microsoft Learn, "Conditional Access authentication strengths", built-in authentication strengths.
_BUILT_IN_STRENGTHS = frozenset(f"00000000-0000-0000-0000-00000000000{last}" for last in "234")

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
    gap: Gap | None = None
    """The authentication strength that could not be read, where it leaves ``mfa_*`` open."""

    @property
    def matters(self) -> bool:
        """Whether the policy can touch any verdict at all."""
        return bool(self.mfa_most or self.legacy or self.blocks_interactive)

    @property
    def managed_by_microsoft(self) -> bool:
        """Microsoft-managed policies carry it in their name; a templateId is on hand-made ones too (domain: [K])."""
        return self.policy.display_name.casefold().startswith("microsoft-managed")


def can_reach_users(policy: Policy) -> bool:
    """Whether the policy is in force or in report-only mode, and about people rather than workload identities."""
    return not (policy.deleted or policy.workload_identities or policy.state == DISABLED)


def effect_of(policy: Policy, tenant: Tenant) -> PolicyEffect:
    """What the policy does to mail sign-ins of an account in its scope (verdicts.md sections 1 to 3).

    Takes the policy and the tenant it came from (for strengths and the names of locations).
    """
    covers, application_circumstance = _covers_mail(policy)
    shared = (*application_circumstance, *_circumstances(policy, tenant.named_locations))
    mfa_least = mfa_most = legacy = Strength.NONE
    mfa_why: tuple[str, ...] = ()
    legacy_why: tuple[str, ...] = ()
    gap: Gap | None = None
    blocks_interactive = False
    if covers and policy.grant is not None:
        mfa_least, mfa_most, gap, grant_why = _mfa_demand(policy.grant, tenant.strengths)
        mfa_why = (*_interactive_only_if(policy), *shared, *_flow(policy), *grant_why)
        interactive = _interactive(policy)
        mfa_least, mfa_most = (_limit(demand, interactive, mfa_why) for demand in (mfa_least, mfa_most))
        exempt = _exempt_locations(policy, tenant.named_locations)
        if not policy.transfer_methods or _unknown_flows(policy):  # a legacy client uses none of the known ones
            control, control_why = _legacy_control(policy.grant)
            client, client_why = _legacy_client(policy)
            legacy_why = (*client_why, *shared, *exempt, *_flow(policy), *control_why)
            legacy = _limit(control, client, legacy_why)
        blocks_interactive = (
            "block" in _lower(policy.grant.built_in)
            and _legacy_control(policy.grant)[0] is Strength.ALWAYS  # no control beside it that nobody here knows
            and (not policy.client_app_types or bool(policy.client_app_types & _BROWSERS))
            and not (shared or exempt or policy.transfer_methods)
            and policy.state == ENABLED
        )
    return PolicyEffect(
        policy=policy,
        report_only=policy.state == REPORT_ONLY,
        mfa_least=mfa_least,
        mfa_most=mfa_most,
        mfa_circumstances=mfa_why if mfa_most else (),
        legacy=legacy,
        legacy_circumstances=legacy_why if legacy else (),
        blocks_interactive=blocks_interactive,
        gap=gap if mfa_least != mfa_most else None,
    )


def demands_mfa_somewhere(policy: Policy, tenant: Tenant) -> tuple[bool, bool]:
    """Whether the grant demands MFA of anyone for anything, at least and at most: what may explain a demand in a sign-in."""
    if policy.grant is None:
        return False, False
    least, most, _, _ = _mfa_demand(policy.grant, tenant.strengths)
    return least > Strength.NONE, most > Strength.NONE


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
        if filtered.mode == "exclude" and included and not included & _MAIL:
            return False, ()  # it only takes away from a list that has no mail in it
        return True, ("an application filter selects the application, which this product can't evaluate",)
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
    return f"only for client apps that this version doesn't know ({', '.join(sorted(policy.client_app_types))})"


def _mfa_demand(
    grant: GrantControls, strengths: Mapping[str, AuthenticationStrength] | Gap
) -> tuple[Strength, Strength, Gap | None, tuple[str, ...]]:
    """Least and most MFA demand of the grant, the unread input between them, and the circumstances in words."""
    ways = _ways(grant)
    gap: Gap | None = None
    least_ways, most_ways = ways, ways
    if grant.strength is not None:
        satisfies = _satisfies_mfa(grant.strength, strengths)
        if isinstance(satisfies, Gap):
            gap, least_ways, most_ways = satisfies, [*ways, False], [*ways, True]
        else:
            least_ways = most_ways = [*ways, satisfies]
    least, _ = _combine(grant.operator, least_ways)
    most, why = _combine(grant.operator, most_ways)
    if grant.unknown_members:
        why = (*why, f"it has grant controls that this version doesn't know ({', '.join(grant.unknown_members)})")
        least, most = min(least, Strength.CIRCUMSTANCES), min(most, Strength.CIRCUMSTANCES)
    return least, most, gap, why if most else ()


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
    satisfied = strength.requirements_satisfied
    if satisfied is None and strength.id in _BUILT_IN_STRENGTHS:
        return True
    if satisfied is None:
        if isinstance(strengths, Gap):
            return strengths
        known = strengths.get(strength.id)
        satisfied = known.requirements_satisfied if known else None
    values = {value.strip() for value in (satisfied or "").lower().split(",")}
    return True if "mfa" in values else False if values == {"none"} else None


def _combine(operator: str, ways: list[bool | None]) -> tuple[Strength, tuple[str, ...]]:
    if not ways:
        return Strength.NONE, ()
    if operator == "AND" and True in ways:
        return Strength.ALWAYS, ()
    if all(ways):
        return Strength.ALWAYS, ()
    if None in ways and True not in ways:
        return Strength.CIRCUMSTANCES, ("it has grant controls that this version doesn't know, which may mean MFA",)
    if True in ways:  # an OR, or an operator nobody knows, with at least one way that isn't MFA
        return Strength.CIRCUMSTANCES, ("only if no other grant control is met, such as a compliant device",)
    return Strength.NONE, ()


def _legacy_control(grant: GrantControls) -> tuple[Strength, tuple[str, ...]]:
    """Whether the grant keeps a legacy client out: it can satisfy no known control at all."""
    built_in = _lower(grant.built_in)
    known = sum(control in _MFA_CONTROLS | _OTHER_CONTROLS for control in built_in)
    unknown = len(built_in) - known
    known += len(grant.custom_factors) + len(grant.terms_of_use) + (grant.strength is not None)
    if grant.unknown_members:
        names = ", ".join(grant.unknown_members)
        return Strength.CIRCUMSTANCES, (f"it has grant controls that this version doesn't know ({names})",)
    if unknown and not (known and grant.operator == "AND"):
        return Strength.CIRCUMSTANCES, ("it has grant controls that this version doesn't know",)
    return (Strength.ALWAYS if known else Strength.NONE), ()


def _circumstances(policy: Policy, locations: Mapping[str, str] | Gap) -> tuple[str, ...]:
    """What must be the case besides the account and the application; locations "all, except some" stand apart."""
    found: list[str] = []
    if policy.state not in (ENABLED, REPORT_ONLY):
        found.append(f'its state "{policy.state}" is new to this version')
    if policy.sign_in_risk_levels:
        found.append(f"only when the sign-in risk is {_or(policy.sign_in_risk_levels)}")
    if policy.user_risk_levels:
        found.append(f"only when the user risk is {_or(policy.user_risk_levels)}")
    if policy.insider_risk_levels:
        found.append(f"only when the insider risk is {_or(policy.insider_risk_levels)}")
    if policy.include_locations and "all" not in _lower(policy.include_locations):
        found.append(f"only from {_or(_location_names(policy.include_locations, locations))}")
    if policy.include_platforms and "all" not in _lower(policy.include_platforms):
        found.append(f"only on {_or(policy.include_platforms)}")
    elif policy.exclude_platforms:
        found.append(f"on every device platform except {_or(policy.exclude_platforms)}")
    if policy.device_filter is not None:
        found.append("only on devices that its device filter selects")
    if policy.unknown_members:
        found.append(f"it has conditions that this version doesn't know ({', '.join(policy.unknown_members)})")
    return tuple(found)


def _flow(policy: Policy) -> tuple[str, ...]:
    if not policy.transfer_methods:
        return ()
    return (f"only for the authentication flow {_or(policy.transfer_methods)}",)


def _unknown_flows(policy: Policy) -> bool:
    return any(method.lower() not in _KNOWN_FLOWS for method in policy.transfer_methods)


def _exempt_locations(policy: Policy, locations: Mapping[str, str] | Gap) -> tuple[str, ...]:
    if not policy.exclude_locations:
        return ()
    return (f"from everywhere except {_or(_location_names(policy.exclude_locations, locations))}",)


def _location_names(ids: tuple[str, ...], locations: Mapping[str, str] | Gap) -> tuple[str, ...]:
    names: list[str] = []
    for location in ids:
        if location.lower() == "alltrusted":
            names.append("all trusted locations")
        elif isinstance(locations, Gap):
            names.append(f"the location {location}")
        else:
            names.append(
                locations.get(location.lower(), f"a location that is not among the named locations ({location})")
            )
    return tuple(names)


def _lower(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.lower() for value in values)


def _or(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"
