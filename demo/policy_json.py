"""Conditional Access policies in Graph's JSON, written down in few words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.schema import Json

Names = Sequence[str]
STATES = {
    "on": "enabled",
    "off": "disabled",
    "report-only": "enabledForReportingButNotEnforced",
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """Turns names into ids; each raises ``KeyError`` for a name that isn't known, ids pass."""

    user: Callable[[str], str]
    group: Callable[[str], str]
    role: Callable[[str], str]
    app: Callable[[str], str]
    location: Callable[[str], str]
    strength: Callable[[str], Json]


@dataclass(frozen=True, slots=True)
class PolicyWords:
    """A policy as the builder takes it; see ``TenantBuilder.policy``."""

    name: str
    id: str
    state: str
    include_users: Names
    exclude_users: Names
    include_groups: Names
    exclude_groups: Names
    include_roles: Names
    exclude_roles: Names
    include_guests: str | None
    exclude_guests: str | None
    apps: Names
    exclude_apps: Names
    app_filter: tuple[str, str] | None
    user_actions: Names
    auth_contexts: Names
    client_apps: Names
    locations: Names
    exclude_locations: Names
    platforms: Names
    exclude_platforms: Names
    sign_in_risk: Names
    user_risk: Names
    insider_risk: str | None
    device_filter: tuple[str, str] | None
    flows: str | None
    service_principals: Names
    service_principal_risk: Names
    grant: Names
    operator: str
    strength: str | None
    terms_of_use: Names
    custom_factors: Names
    session: Mapping[str, Any] | None
    template_id: str | None
    description: str | None
    created: str
    modified: str | None
    conditions: Mapping[str, Any]
    grant_members: Mapping[str, Any]
    members: Mapping[str, Any]


def policy_json(words: PolicyWords, find: Lookup) -> Json:
    """The policy as ``/identity/conditionalAccess/policies`` returns it, members that Microsoft's answers have besides
    the schema included. Raises ``KeyError`` for names that aren't known.
    """
    return {
        "id": words.id,
        "templateId": words.template_id,
        "displayName": words.name,
        "description": words.description,
        "createdDateTime": words.created,
        "modifiedDateTime": words.modified,
        "deletedDateTime": None,
        "state": STATES.get(words.state, words.state),
        "partialEnablementStrategy": None,
        "sessionControls": dict(words.session) if words.session is not None else None,
        "conditions": _conditions(words, find) | dict(words.conditions),
        "grantControls": _grant(words, find),
        **words.members,
    }


def _conditions(words: PolicyWords, find: Lookup) -> Json:
    return {
        "userRiskLevels": list(words.user_risk),
        "signInRiskLevels": list(words.sign_in_risk),
        "clientAppTypes": list(words.client_apps),
        "servicePrincipalRiskLevels": list(words.service_principal_risk),
        "insiderRiskLevels": words.insider_risk,
        "clients": None,
        "platforms": _pair("Platforms", words.platforms, words.exclude_platforms),
        "locations": _pair(
            "Locations",
            [find.location(name) for name in words.locations],
            [find.location(name) for name in words.exclude_locations],
        ),
        "times": None,
        "deviceStates": None,
        "devices": {"deviceFilter": _filter(words.device_filter)} if words.device_filter else None,
        "clientApplications": _clients(words),
        "authenticationFlows": {"transferMethods": words.flows} if words.flows else None,
        "applications": {
            "includeApplications": [find.app(name) for name in words.apps],
            "excludeApplications": [find.app(name) for name in words.exclude_apps],
            "includeUserActions": list(words.user_actions),
            "includeAuthenticationContextClassReferences": list(words.auth_contexts),
            "applicationFilter": _filter(words.app_filter),
        },
        "users": _users(words, find),
    }


def _users(words: PolicyWords, find: Lookup) -> Json:
    return {
        "includeUsers": [find.user(name) for name in words.include_users],
        "excludeUsers": [find.user(name) for name in words.exclude_users],
        "includeGroups": [find.group(name) for name in words.include_groups],
        "excludeGroups": [find.group(name) for name in words.exclude_groups],
        "includeRoles": [find.role(name) for name in words.include_roles],
        "excludeRoles": [find.role(name) for name in words.exclude_roles],
        "includeGuestsOrExternalUsers": _guests(words.include_guests),
        "excludeGuestsOrExternalUsers": _guests(words.exclude_guests),
    }


def _clients(words: PolicyWords) -> Json | None:
    if not words.service_principals:
        return None
    return {
        "includeServicePrincipals": list(words.service_principals),
        "excludeServicePrincipals": [],
        "servicePrincipalFilter": None,
    }


def _grant(words: PolicyWords, find: Lookup) -> Json | None:
    given = (words.grant, words.strength, words.terms_of_use, words.custom_factors, words.grant_members)
    if not any(given):
        return None
    return {
        "operator": words.operator,
        "builtInControls": list(words.grant),
        "customAuthenticationFactors": list(words.custom_factors),
        "termsOfUse": list(words.terms_of_use),
        "authenticationStrength": find.strength(words.strength) if words.strength else None,
        **words.grant_members,
    }


def _pair(name: str, include: Names, exclude: Names) -> Json | None:
    if not include and not exclude:
        return None
    return {f"include{name}": list(include), f"exclude{name}": list(exclude)}


def _filter(given: tuple[str, str] | None) -> Json | None:
    return None if given is None else {"mode": given[0], "rule": given[1]}


def _guests(types: str | None) -> Json | None:
    if types is None:
        return None
    return {"guestOrExternalUserTypes": types, "externalTenants": None}
