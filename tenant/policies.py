"""Graph's JSON of a Conditional Access policy -> :class:`~tenant.model.Policy`. Pure; nothing unknown is dropped unseen.

A member that this version doesn't know, and that is neither null nor empty, is remembered by its path, so that a rule
can never take it for "no condition". Names with ``@`` are OData annotations and names that start with ``#`` are OData
actions; neither is a condition.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tenant.model import ApplicationFilter, AuthenticationStrength, GrantControls, Policy

Raw = Mapping[str, Any]

_FILTER: dict[str, Any] = {"mode": None, "rule": None}
_GUESTS: dict[str, Any] = {
    "guestOrExternalUserTypes": None,
    "externalTenants": {"membershipKind": None, "members": None},
}
# The members of conditionalAccessConditionSet that this version understands (Graph v1.0 schema); None marks a leaf.
_CONDITIONS: dict[str, Any] = {
    "applications": {
        "includeApplications": None,
        "excludeApplications": None,
        "applicationFilter": _FILTER,
        "includeUserActions": None,
        "includeAuthenticationContextClassReferences": None,
    },
    "users": {
        "includeUsers": None,
        "excludeUsers": None,
        "includeGroups": None,
        "excludeGroups": None,
        "includeRoles": None,
        "excludeRoles": None,
        "includeGuestsOrExternalUsers": _GUESTS,
        "excludeGuestsOrExternalUsers": _GUESTS,
    },
    "clientApplications": {
        "includeServicePrincipals": None,
        "excludeServicePrincipals": None,
        "servicePrincipalFilter": _FILTER,
    },
    "clientAppTypes": None,
    "devices": {"deviceFilter": _FILTER},
    "locations": {"includeLocations": None, "excludeLocations": None},
    "platforms": {"includePlatforms": None, "excludePlatforms": None},
    "signInRiskLevels": None,
    "userRiskLevels": None,
    "servicePrincipalRiskLevels": None,
    "insiderRiskLevels": None,
    "authenticationFlows": {"transferMethods": None},
}
_GRANT = frozenset(
    {"operator", "builtInControls", "customAuthenticationFactors", "termsOfUse", "authenticationStrength"}
)


def parse_policy(raw: Raw) -> Policy:
    """The policy that Graph describes.

    Takes one item of ``/identity/conditionalAccess/policies`` (v1.0 or beta shape). Never raises for unknown content:
    that is kept in the ``unknown_*`` fields.
    """
    conditions = _object(raw.get("conditions"))
    applications = _object(conditions.get("applications"))
    users = _object(conditions.get("users"))
    clients = _object(conditions.get("clientApplications"))
    locations = _object(conditions.get("locations"))
    platforms = _object(conditions.get("platforms"))
    unknown = tuple(_unknown_paths(conditions, _CONDITIONS, "conditions"))
    if not _is_empty(raw.get("partialEnablementStrategy")):
        unknown += ("partialEnablementStrategy",)
    return Policy(
        id=str(raw.get("id") or "").lower(),
        display_name=str(raw.get("displayName") or raw.get("id") or "(unnamed policy)"),
        state=str(raw.get("state") or "").lower(),
        created=parse_time(raw.get("createdDateTime")),
        modified=parse_time(raw.get("modifiedDateTime")),
        deleted=bool(raw.get("deletedDateTime")),
        include_users=_ids(users.get("includeUsers")),
        exclude_users=_ids(users.get("excludeUsers")),
        include_groups=_ids(users.get("includeGroups")),
        exclude_groups=_ids(users.get("excludeGroups")),
        include_roles=_ids(users.get("includeRoles")),
        exclude_roles=_ids(users.get("excludeRoles")),
        names_guests=not _is_empty(users.get("includeGuestsOrExternalUsers")),
        unknown_user_members=_may_include(unknown, "conditions.users."),
        workload_identities=_names_service_principals(clients)
        or not _is_empty(conditions.get("servicePrincipalRiskLevels")),
        include_applications=_ids(applications.get("includeApplications")),
        exclude_applications=_ids(applications.get("excludeApplications")),
        application_filter=_application_filter(applications.get("applicationFilter")),
        user_actions=_strings(applications.get("includeUserActions")),
        authentication_contexts=_strings(applications.get("includeAuthenticationContextClassReferences")),
        unknown_application_members=_may_include(unknown, "conditions.applications."),
        client_app_types=_ids(conditions.get("clientAppTypes")),
        include_locations=_strings(locations.get("includeLocations")),
        exclude_locations=_strings(locations.get("excludeLocations")),
        include_platforms=_strings(platforms.get("includePlatforms")),
        exclude_platforms=_strings(platforms.get("excludePlatforms")),
        sign_in_risk_levels=_strings(conditions.get("signInRiskLevels")),
        user_risk_levels=_strings(conditions.get("userRiskLevels")),
        insider_risk_levels=_strings(conditions.get("insiderRiskLevels")),
        device_filter=_rule(_object(conditions.get("devices")).get("deviceFilter")),
        transfer_methods=tuple(
            method
            for method in _strings(_object(conditions.get("authenticationFlows")).get("transferMethods"))
            if method.lower() != "none"
        ),
        grant=_grant(raw.get("grantControls")),
        unknown_members=unknown,
    )


def parse_strength(raw: Raw) -> AuthenticationStrength:
    """The authentication strength that Graph describes, whole or (inside a policy) perhaps only by its id."""
    satisfied = raw.get("requirementsSatisfied")
    return AuthenticationStrength(
        id=str(raw.get("id") or "").lower(),
        display_name=str(raw.get("displayName") or ""),
        requirements_satisfied=str(satisfied) if satisfied else None,
    )


def parse_time(value: object) -> datetime | None:
    """An ISO 8601 time of Graph (up to 7 decimals) as an aware UTC datetime; None where it is absent or unreadable."""
    if not isinstance(value, str) or not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _may_include(unknown: tuple[str, ...], where: str) -> bool:
    """Whether an unknown member may be what the policy targets; one that excludes, or belongs to an exclusion, isn't."""
    return any(path.startswith(where) and not path.startswith(f"{where}exclude") for path in unknown)


def _grant(raw: object) -> GrantControls | None:
    if not isinstance(raw, Mapping):
        return None if _is_empty(raw) else GrantControls(operator="", unknown_members=("grantControls",))
    strength = raw.get("authenticationStrength")
    return GrantControls(
        operator=str(raw.get("operator") or "").upper(),
        built_in=_strings(raw.get("builtInControls")),
        custom_factors=_strings(raw.get("customAuthenticationFactors")),
        terms_of_use=_strings(raw.get("termsOfUse")),
        strength=parse_strength(strength) if isinstance(strength, Mapping) and not _is_empty(strength) else None,
        unknown_members=tuple(name for name, value in _members(raw) if name not in _GRANT and not _is_empty(value)),
    )


def _names_service_principals(clients: Raw) -> bool:
    named = _ids(clients.get("includeServicePrincipals")) | _ids(clients.get("excludeServicePrincipals"))
    return bool(named - {"none"}) or not _is_empty(clients.get("servicePrincipalFilter"))


def _application_filter(raw: object) -> ApplicationFilter | None:
    rule = _rule(raw)
    return None if rule is None else ApplicationFilter(mode=str(_object(raw).get("mode") or "").lower(), rule=rule)


def _rule(raw: object) -> str | None:
    """A filter's rule; a filter that is there but has no readable rule is still a condition."""
    return None if _is_empty(raw) else str(_object(raw).get("rule") or "(unreadable rule)")


def _unknown_paths(value: Raw, known: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in _members(value):
        here = f"{path}.{name}"
        if name not in known:
            if not _is_empty(member):
                yield here
        elif known[name] is not None and isinstance(member, Mapping):
            yield from _unknown_paths(member, known[name], here)
        elif not _is_empty(member) and (known[name] is not None or not isinstance(member, (str, list, tuple))):
            yield here  # not the kind of value that belongs here: read as nothing, it would be "no condition"


def _members(value: Raw) -> Iterator[tuple[str, Any]]:
    return ((name, member) for name, member in value.items() if "@" not in name and not name.startswith("#"))


def _is_empty(value: object) -> bool:
    """Null, or nothing but nulls and empty collections at any depth."""
    if isinstance(value, Mapping):
        return all(_is_empty(member) for _, member in _members(value))
    if isinstance(value, (list, tuple)):
        return all(_is_empty(member) for member in value)
    return value is None or value == ""


def _object(value: object) -> Raw:
    return value if isinstance(value, Mapping) else {}


def _strings(value: object) -> tuple[str, ...]:
    """A collection, or a flags enum, which Graph writes as one comma-separated string."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(str(item).strip() for item in value if item is not None and str(item).strip())


def _ids(value: object) -> frozenset[str]:
    return frozenset(item.lower() for item in _strings(value))
