"""Graph's JSON of a Conditional Access policy -> :class:`~tenant.model.Policy`. Pure; nothing unknown is dropped unseen.

A member that this version doesn't know, and that is neither null nor empty, is remembered by its path, so that a rule
can never take it for "no condition". A member of the wrong kind is remembered too, and then the policy reaches everybody: nobody
knows what it said. Names with ``@`` are OData annotations and names that start with ``#`` are OData actions; neither is a
condition.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tenant.model import ApplicationFilter, AuthenticationStrength, GrantControls, Policy
from tenant.shapes import (
    Members,
    is_empty,
    is_flags,
    is_id,
    is_text,
    is_texts,
    is_time,
    malformed,
    members_of,
    parse_time,
    strangers,
)

Raw = Mapping[str, Any]

_FILTER: Members = {"mode": is_text, "rule": is_text}
_GUESTS: Members = {
    "guestOrExternalUserTypes": is_flags,
    "externalTenants": {"membershipKind": is_text, "members": is_texts},
}
# The members of conditionalAccessConditionSet that this version understands (Graph v1.0 schema).
_CONDITIONS: Members = {
    "applications": {
        "includeApplications": is_texts,
        "excludeApplications": is_texts,
        "applicationFilter": _FILTER,
        "includeUserActions": is_texts,
        "includeAuthenticationContextClassReferences": is_texts,
    },
    "users": {
        "includeUsers": is_texts,
        "excludeUsers": is_texts,
        "includeGroups": is_texts,
        "excludeGroups": is_texts,
        "includeRoles": is_texts,
        "excludeRoles": is_texts,
        "includeGuestsOrExternalUsers": _GUESTS,
        "excludeGuestsOrExternalUsers": _GUESTS,
    },
    "clientApplications": {
        "includeServicePrincipals": is_texts,
        "excludeServicePrincipals": is_texts,
        "servicePrincipalFilter": _FILTER,
    },
    "clientAppTypes": is_texts,
    "devices": {"deviceFilter": _FILTER},
    "locations": {"includeLocations": is_texts, "excludeLocations": is_texts},
    "platforms": {"includePlatforms": is_texts, "excludePlatforms": is_texts},
    "signInRiskLevels": is_texts,
    "userRiskLevels": is_texts,
    "servicePrincipalRiskLevels": is_texts,
    "insiderRiskLevels": is_flags,
    "authenticationFlows": {"transferMethods": is_flags},
}
_GRANT: Members = {
    "operator": is_text,
    "builtInControls": is_texts,
    "customAuthenticationFactors": is_texts,
    "termsOfUse": is_texts,
    "authenticationStrength": {"id": is_text, "requirementsSatisfied": is_text},
}
_CONTROLS = ("builtInControls", "customAuthenticationFactors", "termsOfUse")
# Members of a policy that say nothing about whom it reaches and what it does, or are read below.
_TOP = frozenset(
    {
        "id",
        "templateId",
        "displayName",
        "description",
        "state",
        "createdDateTime",
        "modifiedDateTime",
        "deletedDateTime",
        "conditions",
        "grantControls",
        "sessionControls",
        "partialEnablementStrategy",
    }
)
_LONGEST_DESCRIPTION = 500
_EVERYBODY = frozenset({"all"})
_NOBODY: frozenset[str] = frozenset()


def parse_policy(raw: Raw) -> Policy:
    """The policy that Graph describes.

    Takes one item of ``/identity/conditionalAccess/policies`` (v1.0 or beta shape). Never raises for unknown content: that is
    kept in the ``unknown_*`` fields. What is malformed is kept there as well, and makes the policy reach everybody. A state that
    is no text is one that nobody knows.
    """
    conditions = _object(raw.get("conditions"))
    unknown = (*strangers(conditions, _CONDITIONS, "conditions"), *_unknown_members(raw))
    policy = _policy(raw, conditions, unknown)
    if conditions and "applications" not in conditions and not policy.workload_identities:
        # Whom it reaches is said; which applications it is for isn't, so it may be for all.
        unsaid = (*unknown, "conditions.applications")
        policy = replace(policy, include_applications=_EVERYBODY, unknown_members=unsaid, malformed=True)
    if not is_id(raw.get("state")):
        policy = replace(policy, malformed=True)
    wrong = tuple(dict.fromkeys(_malformed(raw, conditions, policy)))
    return _reaching_everybody(policy, wrong) if wrong else policy


def parse_plan(raw: Raw) -> Policy:
    """The Conditional Access policy plan that Graph describes, as a policy that isn't understood and may reach anybody.

    Takes one item of ``/identity/conditionalAccess/plans`` (beta). A plan that doesn't say in a known way that it is off or in
    report-only mode is on.
    """
    state = raw.get("state")
    known = isinstance(state, str) and state.lower() in ("disabled", "enabledforreportingbutnotenforced")
    name = raw.get("displayName")
    return Policy(
        id=str(raw.get("id") or "").lower(),
        display_name=name if isinstance(name, str) and name else "(unnamed policy plan)",
        state=str(state).lower() if known else "enabled",
        created=parse_time(raw.get("createdDateTime")),
        modified=parse_time(raw.get("modifiedDateTime")),
        include_users=_EVERYBODY,
        include_applications=_EVERYBODY,
        grant=GrantControls(operator="", unknown_members=("the rules of a policy plan",)),
        unknown_members=("the conditions of a policy plan",),
        plan=True,
        malformed=not is_id(state),
    )


def _policy(raw: Raw, conditions: Raw, unknown: tuple[str, ...]) -> Policy:
    """The policy, as far as its members are of the right kind."""
    applications = _object(conditions.get("applications"))
    users = _object(conditions.get("users"))
    clients = _object(conditions.get("clientApplications"))
    locations = _object(conditions.get("locations"))
    platforms = _object(conditions.get("platforms"))
    name = raw.get("displayName")
    return Policy(
        id=str(raw.get("id") or "").lower(),
        display_name=name if isinstance(name, str) and name else str(raw.get("id") or "(unnamed policy)"),
        state=str(raw.get("state") or "").lower(),
        created=parse_time(raw.get("createdDateTime")),
        modified=parse_time(raw.get("modifiedDateTime")),
        deleted=parse_time(raw.get("deletedDateTime")) is not None,
        include_users=_ids(users.get("includeUsers")),
        exclude_users=_ids(users.get("excludeUsers")),
        include_groups=_ids(users.get("includeGroups")),
        exclude_groups=_ids(users.get("excludeGroups")),
        include_roles=_ids(users.get("includeRoles")),
        exclude_roles=_ids(users.get("excludeRoles")),
        names_guests=not is_empty(users.get("includeGuestsOrExternalUsers")),
        unknown_user_members=_may_include(unknown, "conditions.users."),
        workload_identities=_names_service_principals(clients)
        or not is_empty(conditions.get("servicePrincipalRiskLevels")),
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
        description=_described(raw.get("description")),
    )


def parse_strength(raw: Raw) -> AuthenticationStrength:
    """The authentication strength that Graph describes, whole or (inside a policy) perhaps only by its id."""
    satisfied = raw.get("requirementsSatisfied")
    return AuthenticationStrength(
        id=str(raw.get("id") or "").lower(),
        display_name=str(raw.get("displayName") or ""),
        requirements_satisfied=str(satisfied) if satisfied else None,
    )


def _described(description: object) -> str:
    return description[:_LONGEST_DESCRIPTION] if isinstance(description, str) else ""


def _may_include(unknown: tuple[str, ...], where: str) -> bool:
    """Whether an unknown member may be what the policy targets; one that excludes, or belongs to an exclusion, isn't."""
    return any(path.startswith(where) and not path.startswith(f"{where}exclude") for path in unknown)


def _unknown_members(raw: Raw) -> Iterator[str]:
    """Members of the policy itself that nobody here knows; what isn't an object or a list says nothing about its effect."""
    if not is_empty(raw.get("partialEnablementStrategy")):
        yield "partialEnablementStrategy"
    for name, member in members_of(raw):
        if name not in _TOP and isinstance(member, (Mapping, list)) and not is_empty(member):
            yield name


def _malformed(raw: Raw, conditions: Raw, policy: Policy) -> Iterator[str]:
    """The paths of what can't be read as what it should be, and of what doesn't say what every policy says."""
    if not isinstance(raw.get("conditions"), Mapping):
        yield "conditions"
    elif not policy.workload_identities:
        users, applications = _object(conditions.get("users")), _object(conditions.get("applications"))
        if not (_includes_somebody(policy) or _says_that_it_includes_nobody(users)):
            yield "conditions.users"
        if not (_targets_something(policy) or isinstance(applications.get("includeApplications"), list)):
            yield "conditions.applications"
    yield from malformed(conditions, _CONDITIONS, "conditions")
    grant = raw.get("grantControls")
    if isinstance(grant, Mapping):
        yield from malformed(grant, _GRANT, "grantControls")
        yield from _unsaid_controls(grant)
    elif grant is not None:
        yield "grantControls"
    if not is_time(raw.get("deletedDateTime")):
        yield "deletedDateTime"


def _includes_somebody(policy: Policy) -> bool:
    named = policy.include_users or policy.include_groups or policy.include_roles
    return bool(named or policy.names_guests or policy.unknown_user_members)


def _says_that_it_includes_nobody(users: Raw) -> bool:
    """Whether the list of users is there, and no other list is null beside it."""
    others = (users.get(name, []) for name in ("includeGroups", "includeRoles"))
    return isinstance(users.get("includeUsers"), list) and all(other is not None for other in others)


def _targets_something(policy: Policy) -> bool:
    named = policy.include_applications or policy.user_actions or policy.authentication_contexts
    return bool(named or policy.application_filter or policy.unknown_application_members)


def _unsaid_controls(grant: Raw) -> Iterator[str]:
    """The members that are null beside others that aren't, in a grant that names no control at all.

    Where all of them are null the grant is none; some tools write it so.
    """
    if any(not is_empty(member) for name, member in members_of(grant) if name != "operator"):
        return
    if any(isinstance(grant.get(name), list) for name in _CONTROLS):
        yield from (f"grantControls.{name}" for name in _CONTROLS if name in grant and grant[name] is None)
        if grant.get("operator") and isinstance(grant.get("authenticationStrength"), Mapping):
            yield "grantControls.authenticationStrength"


def _reaching_everybody(policy: Policy, wrong: tuple[str, ...]) -> Policy:
    """The policy with its ``wrong`` members: nobody is known to be spared, and what they would have limited isn't limited."""

    def spoils(path: str) -> bool:
        return any(one == "conditions" or one == path or one.startswith(f"{path}.") for one in wrong)

    if spoils("conditions.applications"):
        policy = replace(policy, include_applications=_EVERYBODY, exclude_applications=_NOBODY, application_filter=None)
    grant = policy.grant
    if grant is not None:
        odd = tuple(path.removeprefix("grantControls.") for path in wrong if path.startswith("grantControls"))
        grant = replace(grant, unknown_members=tuple(dict.fromkeys((*grant.unknown_members, *odd))))
    return replace(
        policy,
        include_users=_EVERYBODY,
        exclude_users=_NOBODY,
        include_groups=_NOBODY,
        exclude_groups=_NOBODY,
        include_roles=_NOBODY,
        exclude_roles=_NOBODY,
        workload_identities=False,
        client_app_types=_NOBODY if spoils("conditions.clientAppTypes") else policy.client_app_types,
        transfer_methods=() if spoils("conditions.authenticationFlows") else policy.transfer_methods,
        grant=grant,
        unknown_members=tuple(dict.fromkeys((*policy.unknown_members, *wrong))),
        malformed=True,
    )


def _grant(raw: object) -> GrantControls | None:
    if not isinstance(raw, Mapping):
        return None if raw is None else GrantControls(operator="", unknown_members=("grantControls",))
    strength = raw.get("authenticationStrength")
    return GrantControls(
        operator=str(raw.get("operator") or "").upper(),
        built_in=_strings(raw.get("builtInControls")),
        custom_factors=_strings(raw.get("customAuthenticationFactors")),
        terms_of_use=_strings(raw.get("termsOfUse")),
        strength=parse_strength(strength) if isinstance(strength, Mapping) and not is_empty(strength) else None,
        unknown_members=tuple(name for name, value in members_of(raw) if name not in _GRANT and not is_empty(value)),
    )


def _names_service_principals(clients: Raw) -> bool:
    named = _ids(clients.get("includeServicePrincipals")) | _ids(clients.get("excludeServicePrincipals"))
    return bool(named - {"none"}) or not is_empty(clients.get("servicePrincipalFilter"))


def _application_filter(raw: object) -> ApplicationFilter | None:
    rule = _rule(raw)
    return None if rule is None else ApplicationFilter(mode=str(_object(raw).get("mode") or "").lower(), rule=rule)


def _rule(raw: object) -> str | None:
    """A filter's rule; a filter that is there but has no readable rule is still a condition."""
    return None if is_empty(raw) else str(_object(raw).get("rule") or "(unreadable rule)")


def _object(value: object) -> Raw:
    return value if isinstance(value, Mapping) else {}


def _strings(value: object) -> tuple[str, ...]:
    """A collection, or a flags enum, which Graph writes as one comma-separated string; without what is no text."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(item.strip() for item in value if isinstance(item, str) and item.strip())


def _ids(value: object) -> frozenset[str]:
    return frozenset(item.lower() for item in _strings(value))
