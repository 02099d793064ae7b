"""Which application permission opens which endpoint: the one map that errors, docs, infra and ``cli.py permissions`` use.

Source: the permission tables of the Microsoft Graph reference for each endpoint; domain facts that are not certain are said
to be so in ``note``.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of Microsoft Graph that the product calls."""

    method: str
    path: str
    """Template such as ``/users/{id}``."""
    version: str
    permission: str
    input: str
    """The input of a scan that it fills; empty for one that sends."""


@dataclass(frozen=True, slots=True)
class Permission:
    """An application permission of Microsoft Graph."""

    name: str
    reason: str
    """What it is for."""
    without: str
    """What is lost without it."""
    optional: bool = False
    note: str = ""
    delegated: bool = True
    """Whether a person who signs in can be given it, under the same name: an administrator consents to it, once for the tenant."""
    for_a_person: str = ""
    """What a person lacks who signs in, where ``delegated`` is false."""

    @property
    def scope(self) -> str | None:
        """The delegated permission that opens the same to a person with a role such as Global Reader; None where none does."""
        return self.name if self.delegated else None

    @property
    def for_discovery_only(self) -> bool:
        """Whether nothing but looking for further accounts needs it."""
        inputs = {one.input for one in ENDPOINTS if one.permission == self.name}
        return bool(inputs) and inputs <= DISCOVERY_INPUTS

    def public(self) -> dict[str, Any]:
        """The permission as a JSON object, with the endpoints it opens."""
        return {
            "permission": self.name,
            "reason": self.reason,
            "without": self.without,
            "optional": self.optional,
            "delegated": self.scope,
            "note": self.note,
            "endpoints": [f"{one.method} {one.version}{one.path}" for one in ENDPOINTS if one.permission == self.name],
        }


DISCOVERY_INPUTS = frozenset(
    {"sign_ins", "applications", "consents", "assigned_accounts", "app_role_assignments", "mailbox_purpose"}
)
"""Inputs that only SERVICE_ACCOUNT_DISCOVERY reads."""
REGISTRATION_REPORT_PERMISSION = "AuditLog.Read.All"
"""Opens the registration report; what opens the input is reading the accounts' own methods."""

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/organization", "v1.0", "Organization.Read.All", "organization"),
    Endpoint("GET", "/subscribedSkus", "v1.0", "Organization.Read.All", "subscribed_skus"),
    Endpoint(
        "GET", "/policies/identitySecurityDefaultsEnforcementPolicy", "v1.0", "Policy.Read.All", "security_defaults"
    ),
    Endpoint("GET", "/identity/conditionalAccess/policies", "v1.0", "Policy.Read.All", "conditional_access_policies"),
    Endpoint(
        "GET",
        "/identity/conditionalAccess/policies",
        "beta",
        "Policy.Read.All",
        "conditional_access_preview_policies",
    ),
    Endpoint("GET", "/identity/conditionalAccess/plans", "beta", "Policy.Read.All", "policy_plans"),
    Endpoint("GET", "/identity/conditionalAccess/namedLocations", "v1.0", "Policy.Read.All", "named_locations"),
    Endpoint("POST", "/identity/conditionalAccess/evaluate", "v1.0", "Policy.Read.All", "what_if"),
    Endpoint("GET", "/policies/authenticationStrengthPolicies", "v1.0", "Policy.Read.All", "authentication_strengths"),
    Endpoint(
        "GET",
        "/identity/conditionalAccess/authenticationStrength/policies",
        "v1.0",
        "Policy.Read.All",
        "authentication_strengths",
    ),
    Endpoint("GET", "/policies/mfaServicePolicy", "beta", "Policy.Read.All", "mfa_service"),
    Endpoint("GET", "/users/{id}/authentication/requirements", "beta", "Policy.Read.All", "per_user_mfa"),
    Endpoint("GET", "/users", "v1.0", "User.Read.All", "selection"),
    Endpoint("GET", "/users/{id}", "v1.0", "User.Read.All", "account_properties"),
    Endpoint("GET", "/users/{id}/transitiveMemberOf", "v1.0", "GroupMember.Read.All", "group_memberships"),
    Endpoint("GET", "/groups/{id}", "v1.0", "GroupMember.Read.All", "groups"),
    Endpoint("GET", "/groups", "v1.0", "GroupMember.Read.All", "groups"),
    Endpoint("GET", "/groups/{id}/transitiveMemberOf/microsoft.graph.group", "v1.0", "GroupMember.Read.All", "groups"),
    Endpoint("GET", "/groups/{id}/transitiveMemberOf", "v1.0", "GroupMember.Read.All", "groups"),
    Endpoint("GET", "/groups/{id}/members/microsoft.graph.group", "v1.0", "GroupMember.Read.All", "groups"),
    Endpoint("GET", "/groups/{id}/members", "v1.0", "GroupMember.Read.All", "groups"),
    Endpoint("GET", "/groups/{id}/transitiveMembers/microsoft.graph.user", "v1.0", "GroupMember.Read.All", "selection"),
    Endpoint(
        "GET", "/groups/{id}/transitiveMembers/microsoft.graph.group", "v1.0", "GroupMember.Read.All", "selection"
    ),
    Endpoint("GET", "/groups/{id}/transitiveMembers", "v1.0", "GroupMember.Read.All", "selection"),
    Endpoint(
        "GET", "/roleManagement/directory/roleDefinitions", "v1.0", "RoleManagement.Read.Directory", "role_definitions"
    ),
    Endpoint(
        "GET", "/roleManagement/directory/roleAssignments", "v1.0", "RoleManagement.Read.Directory", "role_assignments"
    ),
    Endpoint(
        "GET",
        "/roleManagement/directory/roleAssignmentScheduleInstances",
        "v1.0",
        "RoleManagement.Read.Directory",
        "role_assignments",
    ),
    Endpoint(
        "GET",
        "/roleManagement/directory/roleEligibilityScheduleInstances",
        "v1.0",
        "RoleManagement.Read.Directory",
        "role_eligibilities",
    ),
    Endpoint(
        "GET",
        "/reports/authenticationMethods/userRegistrationDetails",
        "v1.0",
        REGISTRATION_REPORT_PERMISSION,
        "mfa_registration",
    ),
    Endpoint(
        "GET",
        "/reports/authenticationMethods/userRegistrationDetails/{id}",
        "v1.0",
        REGISTRATION_REPORT_PERMISSION,
        "mfa_registration",
    ),
    Endpoint(
        "GET", "/users/{id}/authentication/methods", "v1.0", "UserAuthenticationMethod.Read.All", "mfa_registration"
    ),
    Endpoint("GET", "/directory/recommendations", "beta", "DirectoryRecommendations.Read.All", "recommendations"),
    Endpoint("GET", "/auditLogs/signIns", "beta", "AuditLog.Read.All", "sign_ins"),
    Endpoint("GET", "/auditLogs/directoryAudits", "v1.0", "AuditLog.Read.All", "audit_log"),
    Endpoint("GET", "/servicePrincipals", "v1.0", "Application.Read.All", "applications"),
    Endpoint("GET", "/servicePrincipals/{id}/appRoleAssignedTo", "v1.0", "Application.Read.All", "assigned_accounts"),
    Endpoint("GET", "/oauth2PermissionGrants", "v1.0", "DelegatedPermissionGrant.Read.All", "consents"),
    Endpoint("GET", "/users/{id}/appRoleAssignments", "v1.0", "Directory.Read.All", "app_role_assignments"),
    Endpoint("GET", "/users/{id}/mailboxSettings/userPurpose", "v1.0", "MailboxSettings.Read", "mailbox_purpose"),
    Endpoint("POST", "/users/{id}/sendMail", "v1.0", "Mail.Send", ""),
)

PERMISSIONS: tuple[Permission, ...] = (
    Permission(
        "Policy.Read.All",
        "Security Defaults, Conditional Access policies and policy plans, named locations, authentication strengths, the per-user MFA "
        "state of each service account, and the tenant's switch for app passwords; asking Microsoft's What If about them (WHAT_IF_BUDGET).",
        "No account can be judged.",
    ),
    Permission(
        "User.Read.All",
        "The properties of the service accounts, and finding them by name pattern or attribute.",
        "No account can be judged.",
    ),
    Permission(
        "GroupMember.Read.All",
        "The groups that a service account is in, nested ones included, and selecting accounts by group.",
        "Policies that name groups leave the answer open.",
    ),
    Permission(
        "RoleManagement.Read.Directory",
        "The directory roles of the service accounts, active and eligible.",
        "Policies that name roles leave the answer open.",
    ),
    Permission(
        "Organization.Read.All",
        "The tenant's name, and whether it has a licence for Conditional Access when its policies can't be read.",
        "A tenant without Entra ID P1 can't be told from one whose policies are unreadable.",
    ),
    Permission(
        "AuditLog.Read.All",
        "The audit log: since when an option is hidden and who did it (AUDIT_LOG), the sign-in log: which protocols and "
        "products use an account, and which of its sign-ins are refused (SERVICE_ACCOUNT_DISCOVERY), and the registration report, "
        "where an account's own MFA methods can't be read or leave something open. Which policy refused a sign-in takes "
        "Policy.Read.All beside it.",
        "Nothing is known of who changed what, and of how accounts are used.",
        optional=True,
        note="The registration report and the sign-in log need Entra ID P1.",
    ),
    Permission(
        "Application.Read.All",
        "Which applications of the tenant aren't Microsoft's, and who is assigned to those that few are assigned to "
        "(SERVICE_ACCOUNT_DISCOVERY).",
        "Accounts that nobody listed are found by their sign-ins only.",
        optional=True,
    ),
    Permission(
        "DelegatedPermissionGrant.Read.All",
        "Which accounts let such an application act for them (SERVICE_ACCOUNT_DISCOVERY).",
        "Accounts that nobody listed are found by their sign-ins only.",
        optional=True,
    ),
    Permission(
        "Directory.Read.All",
        "All such applications that an account which is looked at is assigned to (SERVICE_ACCOUNT_DISCOVERY).",
        "Assignments to applications that many are assigned to don't count where accounts are proposed.",
        optional=True,
        note="Microsoft Graph may ask for it with the sign-in log too, a known issue.",
    ),
    Permission(
        "MailboxSettings.Read",
        "Whether the mailbox of a proposed account is shared, or a room's (SERVICE_ACCOUNT_DISCOVERY).",
        "Shared mailboxes that a product uses are proposed with less certainty.",
        optional=True,
        delegated=False,
        for_a_person="a person reads the settings of the own mailbox only",
    ),
    Permission(
        "UserAuthenticationMethod.Read.All",
        "The MFA methods of an account whose per-user MFA is Enabled or Enforced.",
        "Only the registration report tells stuck and pending accounts apart, and whose methods end (APW-016): hours late, and with "
        "Entra ID P1 only.",
    ),
    Permission(
        "DirectoryRecommendations.Read.All",
        "Whether Microsoft recommends the tenant to switch off per-user MFA, which would take the option from everybody (APW-017).",
        "Nobody is warned before somebody follows that recommendation.",
        optional=True,
    ),
    Permission(
        "Member.Read.Hidden",
        "Groups that hide their members, where a policy or SERVICE_ACCOUNT_GROUPS names one.",
        "Policies that name such a group leave the answer open, and no accounts are selected by it.",
        optional=True,
    ),
    Permission(
        "Mail.Send",
        "Sending alerts by mail. Grant it in Exchange Online, for the one mailbox (RBAC for Applications), not in Entra ID.",
        "No alerts by mail.",
        optional=True,
        delegated=False,
        for_a_person="a person sends from the own mailbox only, so alerts aren't mailed",
    ),
)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where Microsoft's own lists say different things, or a narrower permission than the one that is granted would do by itself."""

    path: str
    lists: str
    """What the lists say."""
    here: str
    """What is granted here, and why."""


# Source: the permission tables of the Microsoft Graph reference, and devx-content permissions.json of August 2026.
DISAGREEMENTS: tuple[Disagreement, ...] = (
    Disagreement(
        "/auditLogs/directoryAudits",
        "`AuditLog.Read.All` in one; the table of the reference adds `Directory.Read.All`.",
        "`AuditLog.Read.All`. Where the audit log is refused all the same, the gap names both.",
    ),
    Disagreement(
        "/auditLogs/signIns",
        "`AuditLog.Read.All`; a known issue asks for `Directory.Read.All` as well.",
        "`AuditLog.Read.All`. What policies did to a sign-in comes with `Policy.Read.All`, which is granted.",
    ),
    Disagreement(
        "/reports/authenticationMethods/userRegistrationDetails",
        "`AuditLog.Read.All`; the table of the reference also `UserAuthenticationMethod.Read.All`.",
        "Either may open it. Where it is refused, each account's own methods are read.",
    ),
    Disagreement(
        "/oauth2PermissionGrants",
        "`DelegatedPermissionGrant.Read.All` exists and is listed for no endpoint in one; the reference lists `Directory.Read.All`.",
        "`DelegatedPermissionGrant.Read.All`, the narrower. Where it doesn't do, `Directory.Read.All`, which is optional too, opens it.",
    ),
    Disagreement(
        "/users/{id}/transitiveMemberOf",
        "`User.Read.All` is the least in one, `GroupMember.Read.All` in the other.",
        "Both are granted: names of groups, nested groups and a selection by group need `GroupMember.Read.All` anyway.",
    ),
    Disagreement(
        "/groups/{id}/members",
        "`GroupMember.ReadBasic.All` is the least in one.",
        "`GroupMember.Read.All`: whether names come with the narrower one is not known, and a reason names its group.",
    ),
    Disagreement(
        "/subscribedSkus",
        "`LicenseAssignment.Read.All` is the least in one, `Organization.Read.All` in the other.",
        "`Organization.Read.All`: the tenant's name and id need it anyway, so the other would be one more.",
    ),
    Disagreement(
        "/identity/conditionalAccess/policies, /plans, /namedLocations, /evaluate",
        "`Policy.Read.ConditionalAccess` is the least.",
        "`Policy.Read.All`: Security Defaults, the per-user MFA state and the tenant's switch need it, so the other would be one more.",
    ),
)


def audit_log_refused(error: object) -> str:
    """What to say where the audit log is refused: no list alone says what opens it."""
    return f"{error}; Microsoft's lists name AuditLog.Read.All, and one of them Directory.Read.All as well"


def disagreements_table() -> str:
    """Where Microsoft's lists disagree, as a Markdown table."""
    rows = ["| Endpoint | Microsoft's lists | Here |", "|---|---|---|"]
    return "\n".join([*rows, *(f"| `{one.path}` | {one.lists} | {one.here} |" for one in DISAGREEMENTS)]) + "\n"


_OPTIONAL = {one.name for one in PERMISSIONS if one.optional}
_SAME_ENDPOINTS = {"mfa_methods": "mfa_registration"}
"""Inputs that are read like another one."""
_BY_INPUT = {one.input: one.permission for one in reversed(ENDPOINTS)}
_BY_INPUT |= {one.input: one.permission for one in reversed(ENDPOINTS) if one.permission not in _OPTIONAL}


def permission_for(input_name: str) -> str | None:
    """The permission that opens an input; of an input with several endpoints, the first required one's if there is one."""
    return _BY_INPUT.get(_SAME_ENDPOINTS.get(input_name, input_name))


def opening_to_a_person(permission: str, scopes: Collection[str]) -> str:
    """What somebody has to do who is signed in with these delegated permissions, and was refused; a sentence."""
    known = next((one for one in PERMISSIONS if one.name == permission), None)
    if known is not None and known.scope is None:
        return f"Only an app can read it: {known.for_a_person}."
    if permission in scopes:
        return f"You were given {permission}, and lack the role: sign in as somebody with Global Reader."
    return f"Nobody has consented to {permission} yet."


def permissions_table() -> str:
    """All permissions as a Markdown table."""
    rows = ["| Permission | For | Without it | Scope for a person |", "|---|---|---|---|"]
    for one in PERMISSIONS:
        name = f"`{one.name}`{' (optional)' if one.optional else ''}"
        rows.append(
            f"| {name} | {one.reason}{' ' + one.note if one.note else ''} | {one.without} | {_scope_cell(one)} |"
        )
    return "\n".join(rows) + "\n"


def _scope_cell(one: Permission) -> str:
    return f"`{one.scope}`" if one.scope else f"none: {one.for_a_person}"


def delegated_scopes(*, discovery: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The delegated permissions without which accounts can't be judged, and those that only add to it.

    ``discovery``: whether accounts are looked for that nobody listed.
    """
    offered = [one for one in PERMISSIONS if one.scope and (discovery or not one.for_discovery_only)]
    return (
        tuple(one.name for one in offered if not one.optional),
        tuple(one.name for one in offered if one.optional),
    )
