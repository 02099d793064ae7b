"""The report of who registered which authentication method."""

from collections.abc import Iterator

from localgraph.answers import Collection, collection, single
from localgraph.errors import GraphRefusal, not_premium
from localgraph.limits import REPORTS
from localgraph.messages import Answer
from localgraph.methods import is_mfa, report_names
from localgraph.schema import Json
from localgraph.service import Call, Route
from localgraph.tenant import LocalUser
from localgraph.times import iso
from localgraph.views import RawView

_DETAILS = Collection(
    "userRegistrationDetails",
    "userRegistrationDetails",
    "reports/authenticationMethods/userRegistrationDetails",
    page=1000,
    top=1000,
    filters={
        "id": "eq in",
        "userPrincipalName": "eq startswith",
        "userDisplayName": "eq startswith",
        "isAdmin": "eq",
        "isMfaCapable": "eq",
        "isMfaRegistered": "eq",
        "isPasswordlessCapable": "eq",
        "isSsprCapable": "eq",
        "isSsprEnabled": "eq",
        "isSsprRegistered": "eq",
        "userType": "eq",
        "methodsRegistered": "eq",
    },
    order=("userPrincipalName", "userDisplayName"),
)


def list_details(call: Call) -> Answer:
    """GET /reports/authenticationMethods/userRegistrationDetails; needs P1."""
    if not call.tenant.has_p1:
        raise not_premium()
    items = [_details(call, user) for user in _reported(call)]
    return collection(call, _DETAILS, items, RawView(call.schema, _DETAILS.type))


def get_details(call: Call) -> Answer:
    """GET /reports/authenticationMethods/userRegistrationDetails/{user id}; needs P1."""
    if not call.tenant.has_p1:
        raise not_premium()
    user = call.tenant.users.get(call.keys["id"].lower())
    if user is None or not _is_reported(user):
        raise GraphRefusal(404, "UnknownError", f"User registration details of '{call.keys['id']}' were not found.")
    return single(call, _DETAILS.type, _details(call, user), RawView(call.schema, _DETAILS.type), _DETAILS.context)


def _reported(call: Call) -> Iterator[LocalUser]:
    return (user for user in call.tenant.users.values() if _is_reported(user))


def _is_reported(user: LocalUser) -> bool:
    return user.in_report and user.enabled is not False


def _details(call: Call, user: LocalUser) -> Json:
    names = [name for method in user.methods for name in report_names(method)]
    registered = any(is_mfa(method) for method in user.methods)
    admin = any(item.principal_id == user.id for item in call.tenant.role_assignments)
    return {
        "id": user.id,
        "userPrincipalName": user.upn,
        "userDisplayName": user.name,
        "userType": "guest" if user.user_type == "Guest" else "member",
        "isAdmin": admin,
        "isSsprRegistered": registered,
        "isSsprEnabled": True,
        "isSsprCapable": registered,
        "isMfaRegistered": registered,
        "isMfaCapable": registered,
        "isPasswordlessCapable": any("fido2" in name.lower() for name in names),
        "methodsRegistered": names,
        "isSystemPreferredAuthenticationMethodEnabled": True,
        "systemPreferredAuthenticationMethods": [],
        "userPreferredMethodForSecondaryAuthentication": "none",
        # The report lags behind by hours.
        "lastUpdatedDateTime": iso(call.tenant.now.replace(hour=1, minute=10, second=0, microsecond=0)),
    }


_PATH = "/reports/authenticationMethods/userRegistrationDetails"
ROUTES = (
    Route("GET", _PATH, list_details, ("AuditLog.Read.All",), limit=REPORTS),
    Route("GET", f"{_PATH}/{{id}}", get_details, ("AuditLog.Read.All",), limit=REPORTS),
)
