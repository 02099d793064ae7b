"""Tenants in which every answer of Graph decides something."""

from localgraph.builder import TenantBuilder
from localgraph.tenant import LocalTenant

SHAREPOINT = "00000003-0000-0ff1-ce00-000000000000"
GROUP = "Selected"
NAMES = tuple(
    f"svc-{name}@contoso.com"
    for name in ("plain", "group", "role", "eligible", "enabled", "pending", "enforced", "disabled", "guest", "hidden")
)


def _people(build: TenantBuilder) -> TenantBuilder:
    plain, group, role, eligible, enabled, pending, enforced, disabled, guest, hidden = NAMES
    return (
        build.user(plain, groups=[GROUP])
        .user(group, groups=["Apps", GROUP])
        .user(role, roles=["Global Reader"])
        .user(eligible, eligible_roles=["Security Reader"])
        .user(enabled, mfa="enabled", methods=["phone"], in_report=False)
        .user(pending, mfa="enabled")
        .user(enforced, mfa="enforced", methods=["phone"], groups=["Apps"])
        .user(disabled, enabled=False)
        .user(guest, user_type="Guest")
        .user(hidden, groups=["Secret"])
        .group("Secret", hidden=True)
        .group("Outer", members=["Apps"])
        .location("Office", ranges=["203.0.113.0/24"])
    )


def _everybody() -> TenantBuilder:
    return _people(TenantBuilder()).policy("MFA for all", grant=["mfa"], exclude_users=[NAMES[1]])


def _some() -> TenantBuilder:
    return (
        _people(TenantBuilder())
        .policy("By group", include_groups=["Outer"], grant=["mfa"], locations=["All"], exclude_locations=["Office"])
        .policy("By role", include_roles=["Global Reader"], grant=["mfa"], client_apps=["browser"])
        .policy("By eligible role", include_roles=["Security Reader"], grant=["mfa"])
        .policy("By name", include_users=[NAMES[0]], grant=["block"], client_apps=["other", "exchangeActiveSync"])
        .policy("By hidden group", include_groups=["Secret"], strength="Passwordless MFA")
        .policy("Elsewhere", apps=[SHAREPOINT], grant=["mfa"])
        .policy("Off", state="off", grant=["mfa"])
    )


def _sometimes() -> TenantBuilder:
    strength = {"operator": "OR", "builtInControls": [], "authenticationStrength": {"id": "own"}}
    return (
        _people(TenantBuilder())
        .strength("Own", id="own")
        .policy("At risk", grant=["mfa"], sign_in_risk=["high"], include_users=[NAMES[0]])
        .policy("Phones", grant=["mfa"], platforms=["iOS"], include_groups=["Apps"])
        .policy("Terms", terms_of_use=["t"], include_users=[NAMES[2]])
        .policy("By filter", grant=["mfa"], app_filter=("include", "x"), include_users=[NAMES[3]])
        .policy("Report", grant=["mfa"], state="report-only", client_apps=["browser"])
        .policy(
            raw={
                "displayName": "Own strength",
                "state": "enabled",
                "conditions": {
                    "users": {"includeUsers": [], "excludeUsers": [], "includeGroups": ["x"], "includeRoles": []},
                    "applications": {"includeApplications": ["Office365"], "excludeApplications": []},
                    "clientAppTypes": ["all"],
                },
                "grantControls": strength,
            }
        )
        .plan("Plan", state="disabled")
    )


def _by_strength() -> TenantBuilder:
    return (
        _people(TenantBuilder())
        .strength("Own", id="own")
        .policy(
            "Strength",
            grant_members={"operator": "AND", "builtInControls": [], "authenticationStrength": {"id": "own"}},
        )
    )


def _defaults() -> TenantBuilder:
    return _people(TenantBuilder(security_defaults=True))


def _plan() -> TenantBuilder:
    return _people(TenantBuilder()).plan("Plan")


def _workloads() -> TenantBuilder:
    return (
        _people(TenantBuilder())
        .policy("Workloads", service_principals=["ServicePrincipalsInMyTenant"], grant=["block"])
        .policy("Codes", flows="deviceCodeFlow", grant=["block"])
        .policy("Preview", grant=["mfa"], include_users=[NAMES[0]], preview=True)
    )


def _refused() -> TenantBuilder:
    return _people(TenantBuilder()).policy("MFA for all", grant=["mfa"])


REFUSED = "refused"
"""The tenant whose policies can't be read: only its licences tell that it may have some."""


def tenants() -> dict[str, LocalTenant]:
    """Name -> a tenant."""
    makers = (_everybody, _some, _sometimes, _by_strength, _defaults, _plan, _workloads, _refused)
    return {maker.__name__.strip("_"): maker().build() for maker in makers}
