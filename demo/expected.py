"""What the verdict of every service account of the demo company must be, worked out by hand from docs/verdicts.md.

Written before anything judged the company, and never filled in from a run: tests compare the two.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expected:
    """The verdict of one account."""

    upn: str
    visibility: str
    usability: str
    decided_by: str | None
    """Display name of the policy that decides visibility; None where none does."""
    blocked_by: str | None
    """Display name of the first policy that blocks a legacy client, under a circumstance or not; None where none does."""
    checks: tuple[str, ...]
    """Findings of the first scan, apart from those that rest on sign-in logs (APW-010, APW-012, APW-015)."""
    why: str
    refused_by: str | None = None
    """Display name of the policy that refused its newest sign-ins (APW-015); None where these got in."""


EXPECTED = (
    Expected(
        "svc-codetwo-backup@alderleaf.example",
        "hidden",
        "blocked_by_policy",
        "CA001 Require MFA for all users",
        "CA001 Require MFA for all users",
        ("APW-001",),
        "Per-user MFA is disabled, and the account is excluded from CA002 but not from CA001.",
        refused_by="CA001 Require MFA for all users",
    ),
    Expected(
        "svc-signatures@alderleaf.example",
        "hidden",
        "usable",
        "CA004 MFA outside the offices for mail connectors",
        None,
        ("APW-001",),
        "Excluded from CA001 and CA002; CA004 demands MFA everywhere but in the offices, of modern clients only.",
    ),
    Expected(
        "svc-scan-bristol@alderleaf.example",
        "visible",
        "usable",
        None,
        None,
        (),
        "Per-user MFA is enforced, and the account is excluded from CA001 and CA002.",
    ),
    Expected(
        "svc-scan-gdansk@alderleaf.example",
        "visible",
        "blocked_by_policy",
        None,
        "CA002 Block legacy authentication",
        ("APW-007", "APW-016"),
        "Enforced, but the account was taken out of the legacy authentication exceptions. It has nothing but an office phone.",
        refused_by="CA002 Block legacy authentication",
    ),
    Expected(
        "svc-scan-osaka@alderleaf.example",
        "stuck",
        "usable",
        None,
        None,
        ("APW-003",),
        "Per-user MFA is enabled and an authenticator app is registered: it will not become enforced by itself.",
    ),
    Expected(
        "svc-erp-mailer@alderleaf.example",
        "pending",
        "usable",
        None,
        None,
        ("APW-004",),
        "Per-user MFA is enabled and nothing is registered. Excluded through ERP interfaces, nested in a circle of groups.",
    ),
    Expected(
        "svc-helpdesk@alderleaf.example",
        "conditional",
        "blocked_by_policy",
        "CA005 MFA or compliant device for support tools",
        "CA005 MFA or compliant device for support tools",
        ("APW-005",),
        "A compliant device escapes MFA; a legacy client can show neither.",
        refused_by="CA005 MFA or compliant device for support tools",
    ),
    Expected(
        "svc-crm@alderleaf.example",
        "conditional",
        "conditional",
        "CA006 MFA when the sign-in is risky",
        "CA006 MFA when the sign-in is risky",
        ("APW-005",),
        "MFA only when the sign-in is risky, for every kind of client.",
    ),
    Expected(
        "svc-payroll@alderleaf.example",
        "conditional",
        "conditional",
        "CA013 Verified workstation for payroll",
        "CA013 Verified workstation for payroll",
        ("APW-005",),
        "The policy has a condition that isn't known, so it can't be told when it applies.",
    ),
    Expected(
        "svc-monitoring@alderleaf.example",
        "predicted",
        "usable",
        "CA012 MFA for integrations",
        None,
        ("APW-006", "APW-013"),
        "Excluded from everything in force; the report-only CA012 would demand MFA and stop legacy clients.",
    ),
    Expected(
        "svc-journal@alderleaf.example",
        "predicted",
        "usable",
        "Microsoft-managed: Multifactor authentication for per-user multifactor authentication users",
        None,
        ("APW-006", "APW-013"),
        "As above, by a policy that Microsoft created and will switch on.",
    ),
    Expected(
        "svc-migration@alderleaf.example",
        "predicted",
        "usable",
        "CA003 Phishing-resistant MFA for administrators",
        None,
        ("APW-006",),
        "Eligible for Exchange Administrator, which CA003 targets; an eligible role counts only once it is activated.",
    ),
    Expected(
        "svc-automation@alderleaf.example",
        "hidden",
        "blocked_by_policy",
        "CA003 Phishing-resistant MFA for administrators",
        "CA003 Phishing-resistant MFA for administrators",
        ("APW-001", "APW-011"),
        "Holds Exchange Administrator through the role-assignable group Exchange operators; a strength is MFA.",
    ),
    Expected(
        "invoices@alderleaf.example",
        "hidden",
        "blocked_by_policy",
        "CA001 Require MFA for all users",
        "CA001 Require MFA for all users",
        ("APW-001",),
        "A shared mailbox whose sign-in is allowed; excluded from CA002 only.",
        refused_by="CA001 Require MFA for all users",
    ),
    Expected(
        "svc-warehouse@alderleaf.example",
        "visible",
        "conditional",
        None,
        "CA011 Warehouse devices only from the warehouse",
        (),
        "Enforced; CA011 blocks every client outside the warehouse, and nothing else reaches the account.",
    ),
    Expected(
        "fax-gateway@alderleaf.example",
        "not_offered",
        "usable",
        None,
        None,
        (),
        "Disabled and excluded: what is left is about Azure, registration, browsers' sessions and device codes.",
    ),
    Expected(
        "svc-archive@alderleaf.example",
        "unknown",
        "blocked_by_policy",
        None,
        "CA001 Require MFA for all users",
        ("APW-008",),
        "Graph answers without a per-user MFA state. Legacy clients are blocked whatever it is.",
        refused_by="CA001 Require MFA for all users",
    ),
    Expected(
        "svc-boardroom@alderleaf.example",
        "unknown",
        "unknown",
        None,
        None,
        ("APW-008",),
        "CA016 excludes a group whose membership is hidden: in it nothing reaches the account, outside it MFA does.",
    ),
    Expected(
        "svc-printserver@alderleaf.example",
        "not_applicable",
        "not_checked",
        None,
        None,
        (),
        "The account is disabled.",
    ),
    Expected(
        "backup_northgate-it.example#EXT#@alderleafinstruments.onmicrosoft.com",
        "not_applicable",
        "not_checked",
        None,
        None,
        (),
        "A guest: its mailbox and password are in another tenant.",
    ),
    Expected(
        "Sync_ALD-DC01_9f3c1b7d2e4a@alderleafinstruments.onmicrosoft.com",
        "not_applicable",
        "not_checked",
        None,
        None,
        (),
        "Holds the role Directory Synchronization Accounts.",
    ),
)
"""One entry for every account that ``demo_settings`` selects."""
