"""Which policies apply to a sign-in: the service's side of Conditional Access, for ``evaluate``.

Written from Microsoft's documentation and knowing nothing of ``checks``, so that a comparison of the two means
something. Reasons are names of Graph's ``whatIfAnalysisReasons``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from localgraph.ids import APPS
from localgraph.schema import Json
from localgraph.tenant import LocalTenant, LocalUser

_OFFICE_365 = {APPS["Exchange Online"], APPS["SharePoint Online"]}
_KNOWN_CONDITIONS = {
    "users", "applications", "clientApplications", "clientAppTypes", "locations", "platforms", "signInRiskLevels",
    "userRiskLevels", "insiderRiskLevels", "servicePrincipalRiskLevels", "devices", "authenticationFlows",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that didn't happen."""

    user: LocalUser
    application: str | None
    user_action: str | None
    context: str | None
    conditions: Json
    """``signInConditions`` of the request."""


def analyse(tenant: LocalTenant, policy: Json, sign_in: SignIn) -> frozenset[str]:
    """Why the policy doesn't apply to the sign-in; empty when it does."""
    conditions = policy["conditions"]
    found: set[str] = set()
    if policy["state"] == "disabled":
        found.add("policyNotEnabled")
    if conditions.get("clientApplications"):
        return frozenset(found | {"workloadIdentities"})
    if not _covers_user(tenant, conditions["users"], sign_in.user):
        found.add("users")
    found |= _what(conditions["applications"], sign_in)
    given = sign_in.conditions
    found |= _listed(conditions.get("clientAppTypes"), given.get("clientAppType"), "clientApps", everything="all")
    found |= _listed(conditions.get("signInRiskLevels"), given.get("signInRiskLevel"), "signInRisk")
    found |= _listed(conditions.get("userRiskLevels"), given.get("userRiskLevel"), "userRisk")
    found |= _listed(_flags(conditions.get("insiderRiskLevels")), given.get("insiderRiskLevel"), "insiderRisk")
    found |= _platform(conditions.get("platforms"), given.get("devicePlatform"))
    found |= _location(tenant, conditions.get("locations"), given)
    found |= _flow(conditions.get("authenticationFlows"), given.get("authenticationFlow"))
    if conditions.get("devices") or any(value and name not in _KNOWN_CONDITIONS for name, value in conditions.items()):
        found.add("notEnoughInformation")
    return frozenset(found)


def _covers_user(tenant: LocalTenant, users: Json, user: LocalUser) -> bool:
    return _names_user(tenant, users, user, "include") and not _names_user(tenant, users, user, "exclude")


def _names_user(tenant: LocalTenant, users: Json, user: LocalUser, side: str) -> bool:
    named = {str(item).lower() for kind in ("Users", "Groups", "Roles") for item in users.get(f"{side}{kind}") or ()}
    guest = user.user_type == "Guest" or "#EXT#" in user.upn
    if "all" in named or user.id in named:
        return True
    if guest and ("guestsorexternalusers" in named or users.get(f"{side}GuestsOrExternalUsers")):
        return True
    return bool(named.intersection(tenant.membership.transitive_containers(user.id)))


def _what(applications: Json, sign_in: SignIn) -> set[str]:
    if sign_in.user_action is not None:
        return set() if sign_in.user_action in applications["includeUserActions"] else {"userActions"}
    if sign_in.context is not None:
        named = applications["includeAuthenticationContextClassReferences"]
        return set() if sign_in.context in named else {"authenticationContext"}
    included = _names_app(applications["includeApplications"], sign_in.application)
    excluded = _names_app(applications["excludeApplications"], sign_in.application)
    if included and not excluded:
        return set()
    return {"notEnoughInformation"} if applications.get("applicationFilter") and not excluded else {"application"}


def _names_app(named: Iterable[str], app: str | None) -> bool:
    names = {name.lower() for name in named}
    return "all" in names or app in names or ("office365" in names and app in _OFFICE_365)


def _listed(wanted: Iterable[str] | None, given: Any, reason: str, everything: str = "") -> set[str]:
    names = set(wanted or ())
    if not names or everything in names:
        return set()
    if given is None:
        return {"notEnoughInformation"}
    return set() if given in names else {reason}


def _flags(value: str | None) -> list[str]:
    return [part.strip() for part in value.split(",")] if value else []


def _platform(condition: Json | None, given: Any) -> set[str]:
    if not condition:
        return set()
    included, excluded = condition.get("includePlatforms") or [], condition.get("excludePlatforms") or []
    if "all" in included and not excluded:
        return set()
    if given is None:
        return {"notEnoughInformation"}
    return set() if ("all" in included or given in included) and given not in excluded else {"devicePlatform"}


def _flow(condition: Json | None, given: Any) -> set[str]:
    wanted = set(_flags((condition or {}).get("transferMethods"))) - {"none"}
    if not wanted:
        return set()
    return set() if isinstance(given, dict) and given.get("transferMethod") in wanted else {"authenticationFlow"}


def _location(tenant: LocalTenant, condition: Json | None, given: Json) -> set[str]:
    if not condition:
        return set()
    included, excluded = condition.get("includeLocations") or [], condition.get("excludeLocations") or []
    if "All" in included and not excluded:
        return set()
    if given.get("ipAddress") is None:
        return {"notEnoughInformation"}
    inside = any(_is_in(tenant, name, given) for name in included)
    outside = any(_is_in(tenant, name, given) for name in excluded)
    return set() if inside and not outside else {"location"}


def _is_in(tenant: LocalTenant, name: str, given: Json) -> bool:
    if name == "All":
        return True
    for location in tenant.named_locations:
        if (location["id"] == name or (name == "AllTrusted" and location.get("isTrusted"))) and _contains(
            location, given
        ):
            return True
    return False


def _contains(location: Json, given: Json) -> bool:
    if "countriesAndRegions" in location:
        return given.get("country") in location["countriesAndRegions"]
    address = ip_address(given["ipAddress"])
    return any(address in _network(item["cidrAddress"]) for item in location["ipRanges"])


@cache
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)
