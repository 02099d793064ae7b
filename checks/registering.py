"""Policies on registering security information: from where, and with what, the Security info page lets an account add a method.

Such a policy (user action ``urn:user:registersecurityinfo``) covers no application, so it changes no verdict. But an app password
is created on that page, and so is the MFA method that has to come before it. Source: Microsoft Entra documentation, "Control
security information registration with Conditional Access".
"""

from collections.abc import Hashable
from dataclasses import replace
from datetime import date

from checks.phrases import joined
from checks.policy import ENABLED, can_reach_users, circumstances, still_evaluated
from checks.policy_words import location_names, named_strength
from checks.scoped import ScopedPolicies
from tenant.model import Account, GrantControls, Policy, Tenant

_ACTION = "urn:user:registersecurityinfo"
_PAGE_CLIENTS = frozenset({"all", "browser"})
_MFA = "an MFA method of the account (or a Temporary Access Pass, if it has none)"
_MFA_STRENGTH = "00000000-0000-0000-0000-000000000002"
"""Microsoft's own strength "Multifactor authentication": a Temporary Access Pass satisfies it, and none of the stronger ones."""
_NEEDS = {
    "mfa": _MFA,
    "compliantdevice": "a device that is marked as compliant",
    "domainjoineddevice": "a device that is Microsoft Entra hybrid joined",
    "approvedapplication": "an approved client app",
    "compliantapplication": "an app with an app protection policy",
    "passwordchange": _MFA,
    "riskremediation": _MFA,
}
_DOING = "registering security information"


class Registering:
    """The policies of a tenant on registering security information that are in force."""

    def __init__(self, tenant: Tenant, today: date) -> None:
        """Takes the tenant and the day of judging: what Microsoft has retired by then asks for nothing."""
        self._tenant = tenant
        in_force = (replace(policy, grant=still_evaluated(policy.grant, today)[0]) for policy in tenant.known_policies)
        self._policies = ScopedPolicies(tenant, filter(_is_about_it, in_force), today)

    def position(self, account: Account) -> Hashable:
        """Equal for accounts that the same of these policies reach."""
        return self._policies.position(account)

    def steps(self, account: Account) -> tuple[str, ...]:
        """What has to be minded before the account opens the Security info page, a sentence for each policy."""
        return tuple(
            _step(policy, self._tenant, certain=certain and not policy.unknown_members)
            for policy, certain in self._policies.reaching(account)
        )


def _is_about_it(policy: Policy) -> bool:
    clients = policy.client_app_types
    return (
        can_reach_users(policy)
        and policy.state == ENABLED
        and _ACTION in (action.lower() for action in policy.user_actions)
        and (not clients or bool(clients & _PAGE_CLIENTS))
        and policy.grant is not None
        and bool(policy.grant.blocks or _needs(policy.grant))
    )


def _step(policy: Policy, tenant: Tenant, *, certain: bool) -> str:
    name = f'the policy "{policy.display_name}"'
    if conditions := circumstances(policy, tenant.named_locations):
        name += f" ({'; '.join(conditions)})"
    if not certain:
        name += ", which may reach the account,"
    here, elsewhere = _places(policy, tenant)
    if policy.grant is None or policy.grant.blocks:
        if here:
            return f"Don't open the Security info page from {here}: there {name} blocks {_DOING}."
        if elsewhere:
            return f"Open the Security info page from {elsewhere}: from anywhere else {name} blocks {_DOING}."
        return (
            f"Exclude the account for as long as this takes: {name} blocks {_DOING}, so no app password can be created."
        )
    needs = _needs(policy.grant)
    if here:
        return f"From {here}, opening the Security info page takes {needs}: there {name} requires it for {_DOING}."
    if elsewhere:
        return (
            f"Open the Security info page from {elsewhere}: from anywhere else it takes {needs}, as {name} requires it for "
            f"{_DOING}."
        )
    return f"Opening the Security info page takes {needs}: {name} requires it for {_DOING}."


def _places(policy: Policy, tenant: Tenant) -> tuple[str, str]:
    """Where alone the policy applies, and where alone it doesn't; empty where there is no such place."""
    exempt = joined(location_names(policy.exclude_locations, tenant.named_locations), "or")
    if not policy.include_locations or "all" in (one.lower() for one in policy.include_locations):
        return "", exempt
    here = joined(location_names(policy.include_locations, tenant.named_locations), "or")
    return f"{here} (except {exempt})" if exempt else here, ""


def _needs(grant: GrantControls) -> str:
    """What the grant asks for, in words; empty where it asks for nothing."""
    needs = [
        _NEEDS.get(control.lower(), f'what the grant control "{control}" asks for, which this version doesn\'t know')
        for control in grant.built_in
    ]
    if grant.strength and (strength := named_strength(grant.strength)):
        needs.append(_MFA if grant.strength.id == _MFA_STRENGTH else f"a method that satisfies {strength.text}")
    needs += ["consent to terms of use"] if grant.terms_of_use else []
    needs += ["what a custom control asks for"] if grant.custom_factors else []
    needs += [f"what this version doesn't know ({', '.join(grant.unknown_members)})"] if grant.unknown_members else []
    return joined(list(dict.fromkeys(needs)), "and" if grant.operator == "AND" else "or")
