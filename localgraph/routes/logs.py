"""Sign-in and audit logs."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from localgraph.answers import Collection, collection
from localgraph.errors import not_premium
from localgraph.limits import REPORTS
from localgraph.messages import Answer
from localgraph.query import parse_options
from localgraph.service import Call, Route
from localgraph.times import iso
from localgraph.views import MISSING, RawView

_SIGN_INS = Collection(
    "signIns",
    "signIn",
    "auditLogs/signIns",
    page=1000,
    top=1000,
    filters={
        "id": "eq",
        "createdDateTime": "eq ge le gt lt",
        "userId": "eq",
        "userPrincipalName": "eq startswith",
        "userDisplayName": "eq startswith",
        "appId": "eq",
        "appDisplayName": "eq startswith",
        "clientAppUsed": "eq",
        "conditionalAccessStatus": "eq",
        "correlationId": "eq",
        "ipAddress": "eq startswith",
        "isInteractive": "eq",
        "resourceId": "eq",
        "resourceDisplayName": "eq",
        "riskState": "eq",
        "riskLevelDuringSignIn": "eq",
        "riskLevelAggregated": "eq",
        "status/errorCode": "eq",
        "location/countryOrRegion": "eq startswith",
    },
    order=("createdDateTime",),
)
_BETA_FILTERS = {
    "signInEventTypes": "eq ne",
    "authenticationRequirement": "eq",
    "userAgent": "eq startswith",
    "homeTenantId": "eq",
}
_AUDITS = Collection(
    "directoryAudits",
    "directoryAudit",
    "auditLogs/directoryAudits",
    page=1000,
    top=1000,
    filters={
        "id": "eq",
        "activityDateTime": "eq ge le gt lt",
        "activityDisplayName": "eq startswith",
        "category": "eq",
        "correlationId": "eq",
        "loggedByService": "eq",
        "result": "eq",
        "initiatedBy/user/id": "eq",
        "initiatedBy/user/displayName": "eq",
        "initiatedBy/user/userPrincipalName": "eq startswith",
        "initiatedBy/app/appId": "eq",
        "initiatedBy/app/displayName": "eq",
        "targetResources/id": "eq",
        "targetResources/displayName": "eq startswith",
    },
    order=("activityDateTime",),
)
_READ = ("AuditLog.Read.All",)
_SEE_POLICIES = ("Policy.Read.ConditionalAccess", "Policy.Read.All", "Policy.ReadWrite.ConditionalAccess")
_POLICIES = "appliedConditionalAccessPolicies"
_FREE_RETENTION = timedelta(days=7)


def list_sign_ins(call: Call) -> Answer:
    """GET /auditLogs/signIns: in v1.0 interactive ones; in beta, too, unless ``signInEventTypes`` is filtered."""
    if not call.tenant.has_p1:
        raise not_premium()
    options = parse_options(call.request.query, single=False)
    beta = call.request.version == "beta"
    items = call.tenant.sign_ins
    if not (beta and "signInEventTypes" in (options.filter or "")):
        items = [item for item in items if item["signInEventTypes"] == ["interactiveUser"]]
    filters = {**_SIGN_INS.filters, **(_BETA_FILTERS if beta else {})}
    what = Collection(_SIGN_INS.name, _SIGN_INS.type, _SIGN_INS.context, 1000, 1000, filters, order=_SIGN_INS.order)
    return collection(call, what, items, _SignInView(call))


class _SignInView(RawView):
    """A sign-in as it is shown: without the right to see policies, it leaves out those that applied, even if they were selected."""

    def __init__(self, call: Call) -> None:
        super().__init__(call.schema, _SIGN_INS.type, declared_only=True)
        self._with_policies = call.holds(_SEE_POLICIES)

    def read(self, item: Mapping[str, Any], name: str) -> Any:
        """See ``View``."""
        return MISSING if name == _POLICIES and not self._with_policies else super().read(item, name)


def list_audits(call: Call) -> Answer:
    """GET /auditLogs/directoryAudits: 30 days with P1, 7 days without."""
    items = call.tenant.audits
    if not call.tenant.has_p1:
        oldest = iso(call.tenant.now - _FREE_RETENTION)
        items = [item for item in items if item["activityDateTime"] >= oldest]
    return collection(call, _AUDITS, items, RawView(call.schema, _AUDITS.type))


ROUTES = (
    Route("GET", "/auditLogs/signIns", list_sign_ins, _READ, limit=REPORTS),
    Route("GET", "/auditLogs/directoryAudits", list_audits, _READ, limit=REPORTS),
)
