"""Directory roles: definitions, assignments, and the schedules of privileged identity management."""

from collections.abc import Mapping
from typing import Any

from localgraph.answers import Collection, collection, single
from localgraph.errors import GraphRefusal, no_governance
from localgraph.ids import make_id
from localgraph.messages import Answer
from localgraph.query import parse_options
from localgraph.routes.directory import objects
from localgraph.schema import Json
from localgraph.service import Call, Route
from localgraph.tenant import LocalRole, LocalRoleAssignment
from localgraph.views import DirectoryView, RawView, show

_BY_PRINCIPAL = {
    "id": "eq in",
    "principalId": "eq in",
    "roleDefinitionId": "eq in",
    "directoryScopeId": "eq",
}
_PREFIX = "roleManagement/directory/"
_DEFINITIONS = Collection(
    "roleDefinitions",
    "unifiedRoleDefinition",
    f"{_PREFIX}roleDefinitions",
    top=999,
    filters={"id": "eq in", "displayName": "eq startswith", "isBuiltIn": "eq", "templateId": "eq"},
)
_ASSIGNMENTS = Collection(
    "roleAssignments",
    "unifiedRoleAssignment",
    f"{_PREFIX}roleAssignments",
    filters=_BY_PRINCIPAL,
    expand=("principal", "roleDefinition"),
)
_ACTIVE = Collection(
    "roleAssignmentScheduleInstances",
    "unifiedRoleAssignmentScheduleInstance",
    f"{_PREFIX}roleAssignmentScheduleInstances",
    filters={**_BY_PRINCIPAL, "assignmentType": "eq", "memberType": "eq"},
    expand=("principal", "roleDefinition"),
)
_ELIGIBLE = Collection(
    "roleEligibilityScheduleInstances",
    "unifiedRoleEligibilityScheduleInstance",
    f"{_PREFIX}roleEligibilityScheduleInstances",
    filters={**_BY_PRINCIPAL, "memberType": "eq"},
    expand=("principal", "roleDefinition"),
)
_READ = ("RoleManagement.Read.Directory", "Directory.Read.All")


def list_definitions(call: Call) -> Answer:
    """GET /roleManagement/directory/roleDefinitions."""
    items = [_definition(role) for role in call.tenant.roles.values()]
    return collection(call, _DEFINITIONS, items, RawView(call.schema, _DEFINITIONS.type))


def get_definition(call: Call) -> Answer:
    """GET /roleManagement/directory/roleDefinitions/{id}."""
    role = call.tenant.roles.get(call.keys["id"].lower())
    if role is None:
        raise GraphRefusal(404, "Request_ResourceNotFound", f"Resource '{call.keys['id']}' does not exist.")
    return single(
        call, _DEFINITIONS.type, _definition(role), RawView(call.schema, _DEFINITIONS.type), _DEFINITIONS.context
    )


def list_assignments(call: Call) -> Answer:
    """GET /roleManagement/directory/roleAssignments."""
    items = [
        {
            "id": item.id,
            "principalId": item.principal_id,
            "directoryScopeId": item.scope,
            "roleDefinitionId": item.role_id,
        }
        for item in call.tenant.active_roles(scope=None)
    ]
    return collection(call, _ASSIGNMENTS, items, _Expanding(call, _ASSIGNMENTS.type))


def list_active(call: Call) -> Answer:
    """GET /roleManagement/directory/roleAssignmentScheduleInstances; needs P2."""
    if not call.tenant.has_p2:
        raise no_governance()
    items = [
        _instance(item)
        | {
            "assignmentType": "Activated" if item.kind == "activated" else "Assigned",
            "roleAssignmentOriginId": item.id,
            "roleAssignmentScheduleId": make_id(item.id, "schedule"),
        }
        for item in call.tenant.active_roles(scope=None)
    ]
    return collection(call, _ACTIVE, items, _Expanding(call, _ACTIVE.type))


def list_eligible(call: Call) -> Answer:
    """GET /roleManagement/directory/roleEligibilityScheduleInstances; needs P2."""
    if not call.tenant.has_p2:
        raise no_governance()
    items = [
        _instance(item) | {"roleEligibilityScheduleId": make_id(item.id, "schedule")}
        for item in call.tenant.role_assignments
        if item.kind == "eligible"
    ]
    return collection(call, _ELIGIBLE, items, _Expanding(call, _ELIGIBLE.type))


def _definition(role: LocalRole) -> Json:
    return {
        "id": role.id,
        "description": f"{role.name} of the directory.",
        "displayName": role.name,
        "isBuiltIn": role.built_in,
        "isEnabled": True,
        "resourceScopes": ["/"],
        "templateId": role.template_id or role.id,
        "version": "1",
        "rolePermissions": [],
    }


def _instance(item: LocalRoleAssignment) -> Json:
    return {
        "id": item.id,
        "principalId": item.principal_id,
        "roleDefinitionId": item.role_id,
        "directoryScopeId": item.scope,
        "appScopeId": None,
        "startDateTime": item.start,
        "endDateTime": item.end,
        "memberType": "Direct",
    }


class _Expanding(RawView):
    """Role assignments with their principal or role definition inside, where ``$expand`` asks for it."""

    def __init__(self, call: Call, type_name: str) -> None:
        super().__init__(call.schema, type_name)
        self._call = call
        asked = parse_options(call.request.query, single=False).expand
        self._expand = [item.split("(")[0] for item in asked]

    def annotations(self, item: Mapping[str, Any]) -> Json:
        return {name: self._expanded(name, item) for name in self._expand}

    def _expanded(self, name: str, item: Mapping[str, Any]) -> Json | None:
        tenant = self._call.tenant
        if name == "roleDefinition":
            role = tenant.roles.get(item["roleDefinitionId"])
            return _definition(role) if role else None
        found = objects(tenant, [item["principalId"]])
        return show(DirectoryView(self._call.schema, tenant), found[0], ()) if found else None


ROUTES = (
    Route("GET", "/roleManagement/directory/roleDefinitions", list_definitions, _READ),
    Route("GET", "/roleManagement/directory/roleDefinitions/{id}", get_definition, _READ),
    Route("GET", "/roleManagement/directory/roleAssignments", list_assignments, _READ),
    Route(
        "GET",
        "/roleManagement/directory/roleAssignmentScheduleInstances",
        list_active,
        ("RoleAssignmentSchedule.Read.Directory", "RoleManagement.Read.Directory", "RoleManagement.Read.All"),
    ),
    Route(
        "GET",
        "/roleManagement/directory/roleEligibilityScheduleInstances",
        list_eligible,
        ("RoleEligibilitySchedule.Read.Directory", "RoleManagement.Read.Directory", "RoleManagement.Read.All"),
    ),
)
