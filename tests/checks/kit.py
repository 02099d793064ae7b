"""Small tenants for the tests of the rules: policies as Graph's JSON, so that parsing is tested with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from checks.judge import judge
from checks.model import Effect, JudgedAccount, Reason
from checks.simulate import Shift, judged_both
from tenant.model import Account, Gap, Group, RoleAssignment, Tenant
from tenant.policies import parse_policy

Json = dict[str, Any]

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
SHAREPOINT = "00000003-0000-0ff1-ce00-000000000000"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
SYNC_ROLE = "d29b2b05-8046-44ba-8758-1e26182fcf32"
REPORT_ONLY = "enabledForReportingButNotEnforced"
MODERN = ("browser", "mobileAppsAndDesktopClients")

FORBIDDEN = "403 Authorization_RequestDenied"
DEFAULTS_GAP = Gap("security_defaults", FORBIDDEN, "Policy.Read.All")
POLICIES_GAP = Gap("conditional_access_policies", FORBIDDEN, "Policy.Read.ConditionalAccess")
PREVIEWS_GAP = Gap("conditional_access_preview_policies", FORBIDDEN, "Policy.Read.All")
PLANS_GAP = Gap("policy_plans", "200 UnexpectedAnswer: an item is no JSON object", "Policy.Read.All")
LICENCES_GAP = Gap("subscribed_skus", FORBIDDEN, "Organization.Read.All")
STRENGTHS_GAP = Gap("authentication_strengths", FORBIDDEN, "Policy.Read.AuthenticationMethod")
LOCATIONS_GAP = Gap("named_locations", FORBIDDEN, "Policy.Read.ConditionalAccess")
ROLES_GAP = Gap("role_assignments", FORBIDDEN, "RoleManagement.Read.Directory")
ELIGIBILITIES_GAP = Gap("role_eligibilities", FORBIDDEN, "RoleEligibilitySchedule.Read.Directory")
GROUPS_GAP = Gap("group_memberships", FORBIDDEN, "GroupMember.Read.All", account_id="svc")
STATE_GAP = Gap("per_user_mfa", FORBIDDEN, "Policy.Read.All", account_id="svc")
REGISTRATION_GAP = Gap("mfa_registration", FORBIDDEN, "AuditLog.Read.All")
METHODS_GAP = Gap("mfa_registration", FORBIDDEN, "UserAuthenticationMethod.Read.All", account_id="svc")
PROPERTIES_GAP = Gap("account_properties", FORBIDDEN, "User.Read.All", account_id="svc")


def policy(
    name: str = "P",
    *,
    state: str | None = "enabled",
    users: Sequence[str] = ("All",),
    groups: Sequence[str] = (),
    roles: Sequence[str] = (),
    not_users: Sequence[str] = (),
    not_groups: Sequence[str] = (),
    not_roles: Sequence[str] = (),
    user_members: Mapping[str, Any] | None = None,
    apps: Sequence[str] = ("All",),
    not_apps: Sequence[str] = (),
    app_members: Mapping[str, Any] | None = None,
    clients: Sequence[str] | None = ("all",),
    grant: Sequence[str] | None = ("mfa",),
    operator: str | None = "OR",
    grant_members: Mapping[str, Any] | None = None,
    conditions: Mapping[str, Any] | None = None,
    **top: Any,
) -> Json:
    """A Conditional Access policy as Graph returns it: by default MFA for everybody, everywhere, for every application.

    ``grant=None`` makes the grant controls null; ``conditions`` and ``*_members`` add members or replace them.
    """
    return {
        "id": name,
        "displayName": name,
        "state": state,
        "conditions": {
            "users": {
                "includeUsers": list(users),
                "excludeUsers": list(not_users),
                "includeGroups": list(groups),
                "excludeGroups": list(not_groups),
                "includeRoles": list(roles),
                "excludeRoles": list(not_roles),
                "includeGuestsOrExternalUsers": None,
                "excludeGuestsOrExternalUsers": None,
                **(user_members or {}),
            },
            "applications": {
                "includeApplications": list(apps),
                "excludeApplications": list(not_apps),
                "includeUserActions": [],
                "includeAuthenticationContextClassReferences": [],
                "applicationFilter": None,
                **(app_members or {}),
            },
            "clientAppTypes": None if clients is None else list(clients),
            "clientApplications": None,
            "locations": None,
            "platforms": None,
            "devices": None,
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "servicePrincipalRiskLevels": [],
            "insiderRiskLevels": None,
            "authenticationFlows": None,
            **(conditions or {}),
        },
        "grantControls": None
        if grant is None
        else {
            "operator": operator,
            "builtInControls": list(grant),
            "customAuthenticationFactors": [],
            "termsOfUse": [],
            "authenticationStrength": None,
            **(grant_members or {}),
        },
        "sessionControls": None,
        **top,
    }


BLOCK_LEGACY = policy("Block legacy", clients=("exchangeActiveSync", "other"), grant=("block",))
MFA_MODERN = policy("MFA modern", clients=MODERN)
SERVICE = Account("svc", "svc-backup@contoso.com", "Backup", per_user_mfa="disabled")
GROUPS = {
    "g1": Group("g1", "Backup apps"),
    "g2": Group("g2", "All service accounts"),
    "g3": Group("g3", "Everything technical"),
    "gx": Group("gx", "MFA exceptions"),
}


@dataclass(frozen=True)
class Case:
    """A tenant and an account, with the answers that a person wrote down before running anything."""

    name: str
    visibility: str
    usability: str
    policies: tuple[Json, ...] = ()
    account: Mapping[str, Any] = field(default_factory=dict)
    tenant: Mapping[str, Any] = field(default_factory=dict)

    @property
    def the_tenant(self) -> Tenant:
        """The tenant of the case; groups and an unreadable list of policies come from ``tenant``."""
        return make_tenant(self.policies, **self.tenant)

    @property
    def the_account(self) -> Account:
        """The service account of the case."""
        return replace(SERVICE, **self.account)


def make_tenant(policies: Sequence[Json] = (), /, **members: Any) -> Tenant:
    """A tenant with these policies; ``members`` are those of :class:`~tenant.model.Tenant`."""
    return Tenant(**{"policies": tuple(parse_policy(raw) for raw in policies), "groups": GROUPS, **members})


def judged(tenant: Tenant, account: Account, *, app_passwords_allowed: str = "unknown") -> JudgedAccount:
    """The account, judged on the day of the tests."""
    (only,) = judge(tenant, [account], app_passwords_allowed=app_passwords_allowed, now=NOW)
    return only


def answers(tenant: Tenant, account: Account) -> tuple[str, str]:
    """Visibility and usability."""
    verdict = judged(tenant, account).verdict
    return str(verdict.visibility), str(verdict.usability)


def judge_case(case: Case) -> tuple[str, str]:
    """Visibility and usability of a case."""
    return answers(case.the_tenant, case.the_account)


def member_of(*groups: str) -> dict[str, Any]:
    """Account members: direct or nested memberships."""
    return {"groups": frozenset(groups)}


def holds(role: str, *, by: str = "svc", **members: Any) -> RoleAssignment:
    """A role assignment of the account, or of the group or user ``by``."""
    return RoleAssignment(by, role, "Role " + role, **members)


def shifts(*tenants_and_accounts: Any, **how: Any) -> list[Shift]:
    """The accounts whose answers differ between two tenants; arguments as in ``checks.simulate.judged_both``."""
    return [one for one in judged_both(*tenants_and_accounts, **how) if one.differs]


def reasons(judged_account: JudgedAccount, effect: Effect) -> list[Reason]:
    """The reasons with that effect, in their order."""
    return [reason for reason in judged_account.verdict.reasons if reason.effect is effect]
