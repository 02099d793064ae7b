"""The demo company: Alderleaf Instruments of Bristol, Gdańsk and Osaka, and its service accounts.

An invented company. ``demo/expected.py`` says what every verdict must be and why.
"""

from datetime import UTC, datetime, timedelta

from demo.company_apps import add_apps
from demo.company_audits import audits
from demo.company_people import add_people
from demo.company_policies import BREAK_GLASS, LEGACY_EXCEPTIONS, MFA_EXCEPTIONS, add_policies
from demo.company_sign_ins import sign_ins
from demo.company_unlisted import add_unlisted
from demo.expected import EXPECTED
from localgraph.builder import TenantBuilder
from localgraph.ids import make_id
from localgraph.tenant import ABSENT, LocalTenant
from localgraph.times import iso

DOMAIN = "alderleaf.example"
INITIAL_DOMAIN = "alderleafinstruments.onmicrosoft.com"
ALL_SERVICE_ACCOUNTS = "All service accounts"
GUEST = f"backup_northgate-it.example#EXT#@{INITIAL_DOMAIN}"
SYNC_ACCOUNT = f"Sync_ALD-DC01_9f3c1b7d2e4a@{INITIAL_DOMAIN}"
_SERVICE = {"extensionAttribute7": "service"}


def company(now: datetime | None = None) -> LocalTenant:
    """The company's tenant. Dates are relative to the day of ``now`` (default: today, UTC), so that two runs on one day
    see the same tenant.
    """
    now = now or datetime.now(UTC)
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    build = TenantBuilder(
        "Alderleaf Instruments",
        domains=(INITIAL_DOMAIN, DOMAIN),
        now=now,
        skus=("SPE_E3", "AAD_PREMIUM_P2", "EXCHANGESTANDARD"),
        # The checker isn't given Member.Read.Hidden.
        hidden_members_readable=False,
    )
    # App passwords are allowed, as in most tenants; the trusted addresses are those of the office in Bristol.
    build.mfa_service(app_passwords=True, trusted_ips=["198.51.100.16/28"])
    # Somebody has dismissed it: the scanners still need per-user MFA.
    build.recommendation("turnOffPerUserMFA", status="dismissed")
    add_people(build)
    _add_groups(build)
    _add_mail_tools(build, today)
    _add_devices(build, today)
    _add_business_systems(build, today)
    _add_special(build)
    add_unlisted(build)
    add_policies(build, today)
    add_apps(build)
    tenant = build.build()
    tenant.sign_ins = sign_ins(tenant, today)
    tenant.audits = audits(tenant, today)
    return tenant


def demo_settings() -> dict[str, str]:
    """The settings that select the company's service accounts, as environment variables."""
    return {
        "SERVICE_ACCOUNTS": f"{GUEST},{make_id(INITIAL_DOMAIN, 'user', f'svc-archive@{DOMAIN}')}",
        "SERVICE_ACCOUNT_GROUPS": make_id(INITIAL_DOMAIN, "group", ALL_SERVICE_ACCOUNTS),
        "SERVICE_ACCOUNT_PATTERNS": "svc-*",
        "AUDIT_LOG": "on",
        "WHAT_IF_BUDGET": "8",
        "SERVICE_ACCOUNT_ATTRIBUTE": "extensionAttribute7=service",
        "SERVICE_ACCOUNT_DISCOVERY": "signins,consents",
    }


def service_accounts() -> tuple[str, ...]:
    """User principal names of the accounts that ``demo_settings`` selects."""
    return tuple(item.upn for item in EXPECTED)


def _add_groups(build: TenantBuilder) -> None:
    exempt = ("Mail connectors", "Support tools", "Sales systems", "Integrations under review")
    more = ("Warehouse devices", "Boardroom systems", "Line-of-business apps")
    build.group(BREAK_GLASS, description="Excluded everywhere. Alerts on every sign-in.")
    build.group(
        MFA_EXCEPTIONS, members=[*exempt, *more, "Scanners"], description="Excluded from CA001. Reviewed yearly."
    )
    build.group(LEGACY_EXCEPTIONS, members=[*exempt, *more, "Backup apps"], description="Excluded from CA002.")
    build.group("Line-of-business apps", members=["ERP interfaces", "Payroll interfaces"])
    # A circle: somebody nested the parent into its child, and Entra ID allows it.
    build.group("ERP interfaces", members=["Line-of-business apps"])
    build.group(
        ALL_SERVICE_ACCOUNTS,
        members=["Backup apps", "Mail connectors", "Scanners", "Line-of-business apps", "Support tools", SYNC_ACCOUNT],
        description="Selected for the app password check.",
    )
    build.group("Exchange operators", roles=["Exchange Administrator"], description="Role-assignable.")
    build.group(
        "Acquisition project",
        hidden=True,
        members=[f"emily.carter@{DOMAIN}", f"haruto.sato@{DOMAIN}", f"svc-boardroom@{DOMAIN}"],
    )
    build.group("All staff", rule='(user.employeeType -eq "Employee")')


def _add_mail_tools(build: TenantBuilder, today: datetime) -> None:
    account = _Accounts(build, today)
    account.add("svc-codetwo-backup", "CodeTwo Backup", ["Backup apps"], created=760)
    account.add("svc-signatures", "Email Signatures", ["Mail connectors"], created=911)
    account.add("svc-journal", "Journaling connector", [MFA_EXCEPTIONS, LEGACY_EXCEPTIONS], created=1204)
    account.add("svc-archive", "Mail archive", [LEGACY_EXCEPTIONS], mfa=ABSENT, created=1530)
    account.add(
        "svc-migration",
        "Exchange migration",
        [MFA_EXCEPTIONS, LEGACY_EXCEPTIONS],
        eligible_roles=["Exchange Administrator"],
        created=140,
    )
    account.add(
        "fax-gateway",
        "Fax gateway",
        [MFA_EXCEPTIONS, LEGACY_EXCEPTIONS],
        created=2210,
        onPremisesExtensionAttributes=_extension_attributes(),
    )
    account.add(
        "invoices",
        "Invoices",
        [LEGACY_EXCEPTIONS],
        mailbox="shared",
        created=1840,
        onPremisesExtensionAttributes=_extension_attributes(),
    )


def _add_devices(build: TenantBuilder, today: datetime) -> None:
    account = _Accounts(build, today)
    account.add(
        "svc-scan-bristol",
        "Scanner Bristol (MFP 3rd floor)",
        ["Scanners", LEGACY_EXCEPTIONS],
        mfa="enforced",
        methods=["phone", "software oath"],
        created=650,
    )
    account.add("svc-scan-gdansk", "Skaner Gdańsk", ["Scanners"], mfa="enforced", methods=["office phone"], created=420)
    account.add(
        "svc-scan-osaka",
        "複合機 大阪",
        ["Scanners", LEGACY_EXCEPTIONS],
        mfa="enabled",
        methods=["authenticator"],
        created=333,
    )
    account.add("svc-printserver", "Print server (retired)", [], enabled=False, created=2950)
    account.add(
        "svc-warehouse",
        "Warehouse label printers",
        ["Warehouse devices"],
        mfa="enforced",
        methods=["hardware oath"],
        created=505,
    )
    account.add("svc-boardroom", "Boardroom panel", ["Boardroom systems"], created=210)


def _add_business_systems(build: TenantBuilder, today: datetime) -> None:
    account = _Accounts(build, today)
    account.add("svc-erp-mailer", "ERP mailer", ["ERP interfaces"], mfa="enabled", created=1002)
    account.add("svc-payroll", "Payroll interface", ["Payroll interfaces"], created=874)
    account.add("svc-helpdesk", "Help desk", ["Support tools"], created=690)
    account.add("svc-crm", "CRM connector", ["Sales systems"], created=377)
    account.add("svc-monitoring", "Monitoring", ["Integrations under review"], created=95)
    account.add(
        "svc-automation",
        "Mailbox automation",
        ["Exchange operators", MFA_EXCEPTIONS, LEGACY_EXCEPTIONS],
        created=264,
    )


def _add_special(build: TenantBuilder) -> None:
    for name in ("bg-alpha", "bg-bravo"):
        build.user(
            f"{name}@{INITIAL_DOMAIN}",
            name=f"Break glass {name[3:].title()}",
            groups=[BREAK_GLASS],
            roles=["Global Administrator"],
            methods=["fido2"],
            mailbox=None,
            passwordPolicies="DisablePasswordExpiration",
        )
    build.user(
        SYNC_ACCOUNT,
        name="On-Premises Directory Synchronization Service Account",
        roles=["Directory Synchronization Accounts"],
        mailbox=None,
        passwordPolicies="DisablePasswordExpiration",
    )
    for upn, name in (
        (GUEST, "Northgate IT Backup"),
        (f"anna.keller_keller-optik.example#EXT#@{INITIAL_DOMAIN}", "Anna Keller (Keller Optik)"),
        (f"t.nguyen_lumenlab.example#EXT#@{INITIAL_DOMAIN}", "Nguyễn Thị Thu (Lumen Lab)"),
    ):
        build.user(
            upn, name=name, user_type="Guest", mailbox=None, externalUserState="Accepted", creationType="Invitation"
        )


def _extension_attributes() -> dict[str, str | None]:
    return {f"extensionAttribute{number}": None for number in range(1, 16)} | {**_SERVICE}


class _Accounts:
    """Adds service accounts with what they have in common."""

    def __init__(self, build: TenantBuilder, today: datetime) -> None:
        self._build = build
        self._today = today

    def add(self, local_part: str, name: str, groups: list[str], *, created: int, **more: object) -> None:
        """``created``: days before today."""
        self._build.user(
            f"{local_part}@{DOMAIN}",
            name=name,
            groups=groups,
            employeeType="Service account",
            department="IT",
            createdDateTime=iso(self._today - timedelta(days=created, hours=-9)),
            passwordPolicies="DisablePasswordExpiration",
            usageLocation="GB",
            **more,  # type: ignore[arg-type] # keyword by keyword they are TenantBuilder.user's
        )
