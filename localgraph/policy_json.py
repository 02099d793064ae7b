"""Conditional Access policies in Graph's JSON, written down in few words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from localgraph.schema import Json

Names = Sequence[str]
STATES = {
    "on": "enabled",
    "off": "disabled",
    "report-only": "enabledForReportingButNotEnforced",
}
_CREATED = "2024-03-04T09:30:00Z"


class PolicyWords(TypedDict, total=False):
    """What a policy can be made of; everything may be left out."""

    id: str
    preview: bool
    """Whether it uses preview features, so that only beta shows it."""
    state: str
    """Graph's, or ``on``, ``off``, ``report-only``; by default on."""
    include_users: Names
    """UPNs, ids, ``All``, ``None``, ``GuestsOrExternalUsers``; by default ``All``, unless others are included."""
    exclude_users: Names
    include_groups: Names
    """Names or ids, as everywhere below."""
    exclude_groups: Names
    include_roles: Names
    exclude_roles: Names
    include_guests: str
    """``guestOrExternalUserTypes``, comma-separated."""
    exclude_guests: str
    apps: Names
    """Names of ``localgraph.ids.APPS``, ids, ``All``, ``None``, ``Office365``; by default ``All``, unless actions or contexts or
    a filter are given.
    """
    exclude_apps: Names
    app_filter: tuple[str, str]
    """Mode and rule."""
    user_actions: Names
    auth_contexts: Names
    client_apps: Names
    """By default ``all``."""
    locations: Names
    """Names, ids, ``All``, ``AllTrusted``."""
    exclude_locations: Names
    platforms: Names
    exclude_platforms: Names
    sign_in_risk: Names
    user_risk: Names
    insider_risk: str
    """Comma-separated."""
    device_filter: tuple[str, str]
    """Mode and rule."""
    flows: str
    """``transferMethods``, comma-separated."""
    service_principals: Names
    """Makes it a policy for workload identities, by default for no users."""
    service_principal_risk: Names
    grant: Names
    """Built-in controls. Without any control the grant controls are null."""
    operator: str
    """By default ``OR``."""
    strength: str
    """Name or id of an authentication strength."""
    terms_of_use: Names
    custom_factors: Names
    session: Mapping[str, Any]
    """``sessionControls``."""
    template_id: str
    description: str
    created: str
    modified: str | None
    conditions: Mapping[str, Any]
    """Members of ``conditions`` that have no word here, or replace one."""
    grant_members: Mapping[str, Any]
    """The same for ``grantControls``."""
    members: Mapping[str, Any]
    """The same for the policy itself."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Turns names into ids; each raises ``KeyError`` for a name that isn't known, ids pass."""

    user: Callable[[str], str]
    group: Callable[[str], str]
    role: Callable[[str], str]
    app: Callable[[str], str]
    location: Callable[[str], str]
    strength: Callable[[str], Json]


def policy_json(id: str, name: str, words: PolicyWords, find: Lookup) -> Json:
    """The policy as ``/identity/conditionalAccess/policies`` returns it, members that Microsoft's answers have besides
    the schema included. Raises ``KeyError`` for names that aren't known.
    """
    state = words.get("state", "enabled")
    session = words.get("session")
    return {
        "id": id,
        "templateId": words.get("template_id"),
        "displayName": name,
        "description": words.get("description"),
        "createdDateTime": words.get("created", _CREATED),
        "modifiedDateTime": words.get("modified"),
        "deletedDateTime": None,
        "state": STATES.get(state, state),
        "partialEnablementStrategy": None,
        "sessionControls": None if session is None else dict(session),
        "conditions": _conditions(words, find) | dict(words.get("conditions", {})),
        "grantControls": _grant(words, find),
        **words.get("members", {}),
    }


def _conditions(words: PolicyWords, find: Lookup) -> Json:
    devices, flows = words.get("device_filter"), words.get("flows")
    locations = [find.location(name) for name in words.get("locations", ())]
    not_locations = [find.location(name) for name in words.get("exclude_locations", ())]
    return {
        "userRiskLevels": list(words.get("user_risk", ())),
        "signInRiskLevels": list(words.get("sign_in_risk", ())),
        "clientAppTypes": list(words.get("client_apps", ("all",))),
        "servicePrincipalRiskLevels": list(words.get("service_principal_risk", ())),
        "insiderRiskLevels": words.get("insider_risk"),
        "clients": None,
        "platforms": _pair("Platforms", words.get("platforms", ()), words.get("exclude_platforms", ())),
        "locations": _pair("Locations", locations, not_locations),
        "times": None,
        "deviceStates": None,
        "devices": {"deviceFilter": _filter(devices)} if devices else None,
        "clientApplications": _clients(words),
        "authenticationFlows": {"transferMethods": flows} if flows else None,
        "applications": _applications(words, find),
        "users": _users(words, find),
    }


def _applications(words: PolicyWords, find: Lookup) -> Json:
    elsewhere = any(words.get(name) for name in ("user_actions", "auth_contexts", "app_filter"))
    return {
        "includeApplications": [find.app(name) for name in words.get("apps", () if elsewhere else ("All",))],
        "excludeApplications": [find.app(name) for name in words.get("exclude_apps", ())],
        "includeUserActions": list(words.get("user_actions", ())),
        "includeAuthenticationContextClassReferences": list(words.get("auth_contexts", ())),
        "applicationFilter": _filter(words.get("app_filter")),
    }


def _users(words: PolicyWords, find: Lookup) -> Json:
    return {
        "includeUsers": [find.user(name) for name in words.get("include_users", _default_users(words))],
        "excludeUsers": [find.user(name) for name in words.get("exclude_users", ())],
        "includeGroups": [find.group(name) for name in words.get("include_groups", ())],
        "excludeGroups": [find.group(name) for name in words.get("exclude_groups", ())],
        "includeRoles": [find.role(name) for name in words.get("include_roles", ())],
        "excludeRoles": [find.role(name) for name in words.get("exclude_roles", ())],
        "includeGuestsOrExternalUsers": _guests(words.get("include_guests")),
        "excludeGuestsOrExternalUsers": _guests(words.get("exclude_guests")),
    }


def _default_users(words: PolicyWords) -> Names:
    if words.get("service_principals"):
        return ("None",)
    scoped = any(words.get(name) for name in ("include_groups", "include_roles", "include_guests"))
    return () if scoped else ("All",)


def _clients(words: PolicyWords) -> Json | None:
    named = words.get("service_principals")
    if not named:
        return None
    return {
        "includeServicePrincipals": list(named),
        "excludeServicePrincipals": [],
        "servicePrincipalFilter": None,
    }


def _grant(words: PolicyWords, find: Lookup) -> Json | None:
    if not any(words.get(name) for name in ("grant", "strength", "terms_of_use", "custom_factors", "grant_members")):
        return None
    strength = words.get("strength")
    return {
        "operator": words.get("operator", "OR"),
        "builtInControls": list(words.get("grant", ())),
        "customAuthenticationFactors": list(words.get("custom_factors", ())),
        "termsOfUse": list(words.get("terms_of_use", ())),
        "authenticationStrength": find.strength(strength) if strength else None,
        **words.get("grant_members", {}),
    }


def _pair(name: str, include: Names, exclude: Names) -> Json | None:
    if not include and not exclude:
        return None
    return {f"include{name}": list(include), f"exclude{name}": list(exclude)}


def _filter(given: tuple[str, str] | None) -> Json | None:
    return None if given is None else {"mode": given[0], "rule": given[1]}


def _guests(types: str | None) -> Json | None:
    return None if types is None else {"guestOrExternalUserTypes": types, "externalTenants": None}
