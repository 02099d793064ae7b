"""One entry of the sign-in log, in the shape of beta, with the policies that applied worked out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from localgraph.ids import APPS, make_id
from localgraph.schema import Json
from localgraph.tenant import LocalTenant, LocalUser
from localgraph.times import iso
from localgraph.what_if import SignIn, analyse

_CLIENT_TYPES = {
    "Browser": "browser",
    "Mobile Apps and Desktop clients": "mobileAppsAndDesktopClients",
    "Exchange ActiveSync": "exchangeActiveSync",
}
_BLOCKED = (53003, "Access has been blocked by Conditional Access policies.")
_PLACES = {
    "203.0.113.12": ("Bristol", "England", "GB"),
    "203.0.113.60": ("Bristol", "England", "GB"),
    "203.0.113.194": ("Avonmouth", "England", "GB"),
    "198.51.100.20": ("Gdansk", "Pomorskie", "PL"),
    "192.0.2.77": ("London", "England", "GB"),
    "192.0.2.140": ("Osaka", "Osaka", "JP"),
}
"""Addresses of the documentation ranges -> city, state, country."""


EXCLUDED = "excluded"
States = Callable[[Json, LocalUser, datetime], str | None]
"""Takes a policy, a user and a moment; returns the policy's state then, None before it existed, or ``EXCLUDED`` while the
user was excluded in a way that has ended since.
"""


@dataclass(frozen=True, slots=True)
class Habit:
    """How somebody uses an application."""

    user: LocalUser
    client: str
    """``clientAppUsed``."""
    address: str
    app: str = "Office 365 Exchange Online"
    agent: str | None = None
    interactive: bool = False
    risk: str = "none"

    @property
    def legacy(self) -> bool:
        """Whether the client can't do modern authentication."""
        return self.client not in {"Browser", "Mobile Apps and Desktop clients"}


@dataclass(slots=True)
class SignInLog:
    """Writes entries; what a policy does to a habit is worked out once for each of its states."""

    tenant: LocalTenant
    states: States
    _known: dict[tuple[str, ...], Json] = field(default_factory=dict)

    def entry(self, habit: Habit, when: datetime) -> Json:
        """A sign-in at a moment."""
        applied = self._applied(habit, when)
        failed = any(item["result"] == "failure" for item in applied)
        demanded = any(item["result"] == "success" and "Mfa" in item["enforcedGrantControls"] for item in applied)
        providers = [("multiConditionalAccess", "Conditional Access")] if demanded else []
        if habit.interactive and habit.user.mfa in {"enabled", "enforced"}:
            providers.append(("user", "Per-user MFA"))
        code, reason = _BLOCKED if failed else (0, "Other.")
        city, state, country = _PLACES[habit.address]
        id = make_id("sign-in", habit.user.id, habit.client, iso(when))
        principal = self._principal(habit.app)
        return {
            "id": id,
            "createdDateTime": iso(when),
            "userDisplayName": habit.user.name,
            "userPrincipalName": habit.user.upn.lower(),
            "userId": habit.user.id,
            "userType": "member",
            "appId": principal["appId"],
            "appDisplayName": habit.app,
            "appOwnerTenantId": principal["appOwnerOrganizationId"],
            "ipAddress": habit.address,
            "clientAppUsed": habit.client,
            "userAgent": habit.agent,
            "correlationId": make_id(id, "correlation"),
            "conditionalAccessStatus": _status(applied),
            "originalRequestId": id,
            "isInteractive": habit.interactive,
            "signInEventTypes": ["interactiveUser" if habit.interactive else "nonInteractiveUser"],
            "tokenIssuerName": "",
            "tokenIssuerType": "AzureAD",
            "processingTimeInMilliseconds": 120 + int(id[:2], 16),
            "riskDetail": "none",
            "riskLevelAggregated": habit.risk,
            "riskLevelDuringSignIn": habit.risk,
            "riskState": "none" if habit.risk == "none" else "remediated",
            "riskEventTypes_v2": [] if habit.risk == "none" else ["unfamiliarFeatures"],
            "resourceDisplayName": "Office 365 Exchange Online",
            "resourceId": APPS["Exchange Online"],
            "resourceTenantId": self.tenant.id,
            "homeTenantId": self.tenant.id,
            "servicePrincipalId": "",
            "servicePrincipalName": None,
            "authenticationProtocol": "ropc" if habit.legacy else "oAuth2",
            "authenticationRequirement": "multiFactorAuthentication" if providers else "singleFactorAuthentication",
            "authenticationRequirementPolicies": [
                {"requirementProvider": provider, "detail": detail} for provider, detail in providers
            ],
            "status": {"errorCode": code, "failureReason": reason, "additionalDetails": None},
            "deviceDetail": {
                "deviceId": "",
                "displayName": "",
                "operatingSystem": "" if habit.legacy else "Windows10",
                "browser": "Edge 142.0.0" if habit.client == "Browser" else "",
                "isCompliant": False,
                "isManaged": False,
                "trustType": "",
            },
            "location": {
                "city": city,
                "state": state,
                "countryOrRegion": country,
                "geoCoordinates": {"altitude": None, "latitude": None, "longitude": None},
            },
            "appliedConditionalAccessPolicies": applied,
        }

    def _applied(self, habit: Habit, when: datetime) -> list[Json]:
        states = [(policy, self.states(policy, habit.user, when)) for policy in self.tenant.policies]
        return [self._known_outcome(habit, policy, state) for policy, state in states if state is not None]

    def _known_outcome(self, habit: Habit, policy: Json, state: str) -> Json:
        key = (habit.user.id, habit.client, habit.address, habit.risk, policy["id"], state)
        if key not in self._known:
            self._known[key] = self._outcome(habit, policy, state)
        return self._known[key]

    def _outcome(self, habit: Habit, policy: Json, state: str) -> Json:
        conditions = {
            "clientAppType": _CLIENT_TYPES.get(habit.client, "other"),
            "ipAddress": habit.address,
            "country": _PLACES[habit.address][2],
            "signInRiskLevel": habit.risk,
            "userRiskLevel": "none",
            "devicePlatform": None if habit.legacy else "windows",
        }
        sign_in = SignIn(habit.user, APPS["Exchange Online"], None, None, conditions)
        was = {**policy, "state": "enabled" if state == EXCLUDED else state}
        reasons = analyse(self.tenant, was, sign_in) | ({"users"} if state == EXCLUDED else set())
        controls = _controls(policy)
        report_only = state == "enabledForReportingButNotEnforced"
        return {
            "id": policy["id"],
            "displayName": policy["displayName"],
            "enforcedGrantControls": [] if reasons else controls,
            "enforcedSessionControls": [],
            "result": _result(reasons, controls, report_only=report_only, legacy=habit.legacy),
        }

    def _principal(self, name: str) -> Json:
        return next(item for item in self.tenant.service_principals.values() if item["displayName"] == name)


def _controls(policy: Json) -> list[str]:
    grant = policy["grantControls"] or {}
    named = [f"{name[:1].upper()}{name[1:]}" for name in grant.get("builtInControls", ())]
    return named + (["Mfa"] if grant.get("authenticationStrength") and "Mfa" not in named else [])


def _result(reasons: frozenset[str], controls: list[str], *, report_only: bool, legacy: bool) -> str:
    if "policyNotEnabled" in reasons:
        return "notEnabled"
    if reasons:
        return "reportOnlyNotApplied" if report_only else "notApplied"
    # A legacy client can satisfy no control; everybody else has done what was asked for.
    failed = "Block" in controls or (legacy and bool(controls))
    if report_only:
        return "reportOnlyFailure" if failed else "reportOnlySuccess"
    return "failure" if failed else "success"


def _status(applied: list[Json]) -> str:
    results = {item["result"] for item in applied}
    if "failure" in results:
        return "failure"
    return "success" if "success" in results else "notApplied"
