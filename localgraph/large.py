"""A tenant of many users, for benchmarks and tests of what doesn't grow with the tenant."""

from localgraph.builder import TenantBuilder
from localgraph.tenant import LocalTenant, LocalUser

_EXCLUSIONS = "MFA exclusions"


def large_tenant(users: int = 100_000, service_accounts: int = 200, policies: int = 195) -> LocalTenant:
    """A tenant with ``users`` users, ``service_accounts`` of them named ``svc-0001@...``, and ``policies`` policies.

    Deterministic. Everybody is in a group of all staff and in one of a thousand departments; policies of all sorts name
    departments, roles and locations; some service accounts are excluded through nested groups.
    """
    build = TenantBuilder("Large", domains=("large.onmicrosoft.com", "large.example"))
    build.location("Offices", ranges=("198.51.100.0/24",), trusted=True)
    for number in range(service_accounts):
        groups = ["Service accounts", f"Department {number % 1000:04d}"]
        if number % 3 == 0:
            groups.append(f"Exclusions {number % 7}")
        state = ("disabled", "disabled", "enabled", "enforced")[number % 4]
        build.user(
            f"svc-{number + 1:04d}@large.example",
            name=f"Service account {number + 1}",
            mfa=state,
            groups=groups,
            methods=("phone",) if number % 2 else (),
        )
    build.group(_EXCLUSIONS, members=[f"Exclusions {number}" for number in range(7)])
    build.group("Service accounts").group("All staff")
    for number in range(min(policies, 1000)):
        build.group(f"Department {number:04d}")
    for number in range(policies):
        _add_policy(build, number)
    tenant = build.build()
    _add_people(tenant, users - service_accounts)
    return tenant


def _add_policy(build: TenantBuilder, number: int) -> None:
    name = f"CA{number + 1:03d}"
    excluded = (_EXCLUSIONS,) if number % 2 else ()
    department = f"Department {number % 1000:04d}"
    kind = number % 13
    if kind == 0:
        build.policy(
            f"{name} MFA for a department", include_groups=[department], exclude_groups=excluded, grant=["mfa"]
        )
    elif kind == 1:
        build.policy(f"{name} Block legacy", include_groups=[department], client_apps=["other"], grant=["block"])
    elif kind == 2:
        build.policy(f"{name} Risk", exclude_groups=excluded, sign_in_risk=["high"], grant=["mfa"])
    elif kind == 3:
        build.policy(
            f"{name} MFA outside",
            include_groups=[department],
            locations=["All"],
            exclude_locations=["AllTrusted"],
            grant=["mfa"],
        )
    elif kind == 4:
        build.policy(f"{name} Admins", include_roles=["Global Administrator"], strength="Phishing-resistant MFA")
    elif kind == 5:
        build.policy(f"{name} Report", state="report-only", exclude_groups=excluded, grant=["mfa"])
    elif kind == 6:
        build.policy(f"{name} Session", session={"signInFrequency": {"value": 12, "type": "hours"}})
    elif kind == 7:
        build.policy(f"{name} Azure", apps=["Azure management"], grant=["mfa"])
    elif kind == 8:
        build.policy(f"{name} Devices", include_groups=[department], grant=["mfa", "compliantDevice"])
    elif kind == 9:
        build.policy(f"{name} Off", state="off", grant=["mfa"])
    elif kind == 10:
        build.policy(f"{name} Platforms", include_groups=[department], platforms=["iOS", "android"], grant=["mfa"])
    elif kind == 11:
        build.policy(f"{name} Registration", user_actions=["urn:user:registersecurityinfo"], grant=["mfa"])
    else:
        build.policy(f"{name} Device code", flows="deviceCodeFlow", grant=["block"])


def _add_people(tenant: LocalTenant, count: int) -> None:
    staff = tenant.group("All staff").members
    departments = [group.members for group in tenant.groups.values() if group.name.startswith("Department ")]
    for number in range(count):
        id = f"00000000-0000-4000-8000-{number:012x}"  # made faster than by name
        tenant.users[id] = LocalUser(id, f"user{number:06d}@large.example", f"User {number}")
        staff.append(id)
        if departments:
            departments[number % len(departments)].append(id)
    tenant.changed()
