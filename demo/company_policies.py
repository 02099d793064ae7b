"""The Conditional Access policies, named locations and strengths of the demo company."""

from datetime import datetime, timedelta

from localgraph.builder import TenantBuilder
from localgraph.times import iso

BREAK_GLASS = "Break-glass accounts"
MFA_EXCEPTIONS = "MFA exceptions"
LEGACY_EXCEPTIONS = "Legacy authentication exceptions"
MODERN = ("browser", "mobileAppsAndDesktopClients")

ALL_USERS = "CA001 Require MFA for all users"
BLOCK_LEGACY = "CA002 Block legacy authentication"
ADMINISTRATORS = "CA003 Phishing-resistant MFA for administrators"
CONNECTORS = "CA004 MFA outside the offices for mail connectors"
SUPPORT = "CA005 MFA or compliant device for support tools"
RISK = "CA006 MFA when the sign-in is risky"
INTEGRATIONS = "CA012 MFA for integrations"
MANAGED = "Microsoft-managed: Multifactor authentication for per-user multifactor authentication users"

SWITCHED_ON = timedelta(days=19, hours=-14, minutes=-12)
"""How long before today's midnight CA001 went from report-only to on: at 14:12."""
EXCLUDED_UNTIL = timedelta(days=9, hours=-13, minutes=-40)
"""How long before today's midnight the scanner in Gdańsk left the legacy authentication exceptions."""


def add_policies(build: TenantBuilder, today: datetime) -> None:
    """Adds them; ``today`` is midnight, UTC."""
    _add_locations(build)
    _add_everybodys(build, today)
    _add_some(build, today)
    _add_others(build, today)


def _add_locations(build: TenantBuilder) -> None:
    build.location("Offices", ranges=("203.0.113.0/25", "198.51.100.0/26", "2001:db8:51::/48"), trusted=True)
    build.location("Avonmouth warehouse", ranges=("203.0.113.192/29",))
    build.location("Countries without business", countries=("BY", "KP", "RU"))
    build.strength("Security key or Windows Hello", combinations=("fido2", "windowsHelloForBusiness"))


def _add_everybodys(build: TenantBuilder, today: datetime) -> None:
    build.policy(
        ALL_USERS,
        exclude_groups=[BREAK_GLASS, MFA_EXCEPTIONS],
        grant=["mfa"],
        created=iso(today - timedelta(days=61, hours=-9)),
        modified=iso(today - SWITCHED_ON),
    )
    build.policy(
        BLOCK_LEGACY,
        exclude_groups=[BREAK_GLASS, LEGACY_EXCEPTIONS],
        client_apps=["exchangeActiveSync", "other"],
        grant=["block"],
        created="2023-05-16T08:02:11Z",
        modified="2025-01-20T15:40:02Z",
    )
    build.policy(
        ADMINISTRATORS,
        include_roles=[
            "Global Administrator",
            "Exchange Administrator",
            "Security Administrator",
            "Conditional Access Administrator",
            "Privileged Role Administrator",
        ],
        exclude_groups=[BREAK_GLASS],
        strength="Phishing-resistant MFA",
        created="2025-03-03T10:11:00Z",
    )
    build.policy(
        "CA007 Sign in again every day in browsers",
        client_apps=["browser"],
        session={
            "applicationEnforcedRestrictions": None,
            "cloudAppSecurity": None,
            "disableResilienceDefaults": None,
            "persistentBrowser": None,
            "secureSignInSession": None,
            "signInFrequency": {
                "value": 1,
                "type": "days",
                "authenticationType": "primaryAndSecondaryAuthentication",
                "frequencyInterval": "timeBased",
                "isEnabled": True,
            },
        },
    )
    build.policy(
        "CA008 MFA for Azure management", apps=["Azure management"], exclude_groups=[BREAK_GLASS], grant=["mfa"]
    )
    build.policy(
        "CA010 MFA to register security information",
        user_actions=["urn:user:registersecurityinfo"],
        exclude_groups=[BREAK_GLASS],
        locations=["All"],
        exclude_locations=["AllTrusted"],
        grant=["mfa"],
    )
    build.policy("CA015 Block device code flow", exclude_groups=[BREAK_GLASS], flows="deviceCodeFlow", grant=["block"])


def _add_some(build: TenantBuilder, today: datetime) -> None:
    build.policy(
        CONNECTORS,
        include_groups=["Mail connectors"],
        locations=["All"],
        exclude_locations=["AllTrusted"],
        client_apps=MODERN,
        grant=["mfa"],
        created=iso(today - timedelta(days=8, hours=-10, minutes=-31)),
    )
    build.policy(
        SUPPORT,
        include_groups=["Support tools"],
        apps=["Office365"],
        grant=["mfa", "compliantDevice"],
        created=iso(today - timedelta(days=10, hours=-13, minutes=-20)),
    )
    build.policy(
        RISK,
        include_groups=["All staff", "Sales systems"],
        exclude_groups=[BREAK_GLASS],
        sign_in_risk=["medium", "high"],
        grant=["mfa"],
        created="2025-09-01T07:45:00Z",
    )
    build.policy(
        "CA011 Warehouse devices only from the warehouse",
        include_groups=["Warehouse devices"],
        locations=["All"],
        exclude_locations=["Avonmouth warehouse"],
        grant=["block"],
        created="2025-10-09T09:00:00Z",
    )
    build.policy(
        "CA013 Verified workstation for payroll",
        include_groups=["Payroll interfaces"],
        grant=["mfa"],
        created=iso(today - timedelta(days=26, hours=-11)),
        # A condition that came after this version of the schema, as new ones do.
        conditions={"workstationAttestation": {"levels": ["unverified"]}},
    )
    build.policy(
        "CA014 Block countries without business",
        include_groups=["All staff"],
        locations=["Countries without business"],
        grant=["block"],
    )
    build.policy(
        "CA016 MFA for boardroom systems",
        include_groups=["Boardroom systems"],
        exclude_groups=["Acquisition project"],
        grant=["mfa"],
        created="2026-06-17T16:05:00Z",
    )
    build.policy(
        "CA018 MFA for guests",
        include_guests="b2bCollaborationGuest,b2bCollaborationMember",
        grant=["mfa"],
        terms_of_use=["0a6a1a3e-6a52-4f1c-9f0e-6d5b5a7c1f11"],
        operator="AND",
    )


def _add_others(build: TenantBuilder, today: datetime) -> None:
    build.policy(
        "CA009 Workload identities only from known addresses",
        service_principals=["ServicePrincipalsInMyTenant"],
        locations=["All"],
        exclude_locations=["AllTrusted"],
        grant=["block"],
    )
    build.policy(
        INTEGRATIONS,
        state="report-only",
        include_groups=["Integrations under review"],
        grant=["mfa"],
        created=iso(today - timedelta(days=5, hours=-8, minutes=-55)),
    )
    build.policy(
        MANAGED,
        state="report-only",
        include_users=["svc-journal@alderleaf.example", "piotr.zielinski@alderleaf.example"],
        grant=["mfa"],
        template_id="b8ee6aa5-4b4c-4e7e-9f26-5d3ef6c5ab2d",
        description="Created by Microsoft. Will be switched on if it isn't changed or switched off.",
        created=iso(today - timedelta(days=12, hours=-2)),
    )
    build.policy(
        "CA017 MFA pilot 2023",
        state="off",
        include_groups=["All staff", "All service accounts"],
        grant=["mfa"],
        created="2023-02-01T09:00:00Z",
        modified="2023-05-16T08:10:00Z",
    )
