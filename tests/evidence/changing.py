"""A small tenant with an audit log, and scans of it, one each some days after the first."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from jobs.scan import ScanRequest, scan
from localgraph.builder import TenantBuilder
from localgraph.messages import LoggedRequest
from localgraph.schema import Json
from localgraph.server import LocalGraph
from settings import Settings

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
SVC, OTHER, THIRD = "svc@contoso.com", "svc-2@contoso.com", "svc-3@contoso.com"
AUDITS, WHAT_IF = "/auditLogs/directoryAudits", "/identity/conditionalAccess/evaluate"


def tenant(*, skus: tuple[str, ...] = ("SPE_E5",)) -> TenantBuilder:
    return (
        TenantBuilder(now=NOW, skus=skus)
        .group("Service accounts", members=[])
        .user(SVC, groups=["Service accounts"])
        .user(OTHER, groups=["Service accounts"])
        .user(THIRD)
        .policy("Require MFA", include_groups=["Service accounts"], grant=["mfa"], client_apps=["browser"])
    )


def joined(graph: LocalGraph, upn: str, time: str) -> Json:
    group = graph.tenant.group("Service accounts")
    changed = [{"displayName": "Group.ObjectID", "oldValue": None, "newValue": f'"{group.id}"'}]
    changed.append({"displayName": "Group.DisplayName", "oldValue": None, "newValue": f'"{group.name}"'})
    member = {"id": graph.tenant.user(upn).id, "type": "User", "userPrincipalName": upn, "modifiedProperties": changed}
    return {
        "id": f"{upn}{time}",
        "activityDisplayName": "Add member to group",
        "activityDateTime": time,
        "category": "GroupManagement",
        "loggedByService": "Core Directory",
        "result": "success",
        "initiatedBy": {"user": {"id": "a", "userPrincipalName": "ada@contoso.com"}, "app": None},
        "targetResources": [member, {"id": group.id, "type": "Group", "modifiedProperties": []}],
    }


async def scanned(graph: LocalGraph, storage: str = "", days: int = 0, **chosen: Any) -> Json:
    names = chosen.pop("accounts", ())
    settings = Settings(
        graph_endpoint=graph.url,
        service_accounts=(SVC, OTHER, THIRD),
        storage_connection_string=SecretStr(storage) if storage else None,
        **chosen,
    )
    request = ScanRequest(f"r{days}", "test", accounts=names, store=bool(storage))
    return (await scan(settings, request, clock=lambda: NOW + timedelta(days=days))).document


def account(document: Json, upn: str = SVC) -> Json:
    return next(one for one in document["accounts"] if one["user_principal_name"] == upn)


def asked(graph: LocalGraph, path: str) -> list[LoggedRequest]:
    return [one for one in graph.requests if one.path.endswith(path)]
