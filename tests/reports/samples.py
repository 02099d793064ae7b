"""Scan documents to show: a tenant of 18 accounts with every verdict, its history, and tenants of any size."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from reports.extras import ReportExtras

Json = dict[str, Any]

NOW = datetime(2026, 11, 22, 7, 0, 9, tzinfo=UTC)
DAY = timedelta(days=1)
RUN = "2026-11-22T07-00-00Z-4f1c"
EARLIER = "2026-11-21T07-00-00Z-9b2e"
_NAMESPACE = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
_CHECKS = {
    "APW-001": ("high", "App password option hidden by Conditional Access"),
    "APW-002": ("high", "App password option hidden by Security Defaults"),
    "APW-003": ("high", "Per-user MFA is Enabled but the option is still missing"),
    "APW-004": ("medium", "MFA registration pending"),
    "APW-005": ("low", "App password option hidden in some circumstances"),
    "APW-006": ("medium", "App password option about to be hidden"),
    "APW-007": ("high", "App password can't be used: legacy authentication is blocked"),
    "APW-008": ("medium", "Cannot tell: something is unreadable"),
    "APW-009": ("high", "Per-user MFA was switched off since the last scan"),
    "APW-010": ("medium", "The protocol this account uses is being retired"),
    "APW-011": ("medium", "A service account holds a directory role"),
    "APW-012": ("low", "A service account is synchronised, shared or used by people as well"),
    "APW-013": ("medium", "App password about to be blocked"),
    "APW-015": ("high", "Sign-ins of this account are being refused"),
}


def identifier(name: str) -> str:
    """A GUID that is always the same for a name."""
    return str(uuid5(_NAMESPACE, name))


def iso(time: datetime) -> str:
    """A time as the documents write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def reason(
    text: str,
    effect: str,
    policy: str | None = None,
    scope: str | None = None,
    since: datetime | None = None,
    circumstances: Sequence[str] = (),
    by: str | None = None,
) -> Json:
    """One reason; the policy's id follows from its name."""
    made: Json = {
        "text": text,
        "effect": effect,
        "policy_id": identifier(policy) if policy else None,
        "policy_name": policy,
        "scope": scope,
        "since": iso(since) if since else None,
        "circumstances": list(circumstances),
    }
    if by:
        made["actor"] = by
    return made


def finding(
    check_id: str, summary: str, first_seen: datetime, *, severity: str | None = None, exception: Json | None = None
) -> Json:
    """One open finding."""
    usual, title = _CHECKS[check_id]
    return {
        "check_id": check_id,
        "severity": severity or usual,
        "status": "open",
        "first_seen": iso(first_seen),
        "title": title,
        "summary": summary,
        "exception": exception,
    }


APP_ONLY: Json = {
    "title": "Move the product to app-only sign-in",
    "steps": [
        "Ask the vendor for a version that signs in with an app registration (certificate) or a managed identity.",
        "Give that app only the permissions it needs; limit it to its mailboxes with RBAC for Applications in Exchange Online.",
        "Change the product over, then block sign-in for the old account.",
    ],
    "trade_off": "Needs a product version that supports it; afterwards neither MFA policies nor app passwords matter to it.",
    "url": "https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals",
}
OAUTH: Json = {
    "title": "Use OAuth for SMTP, IMAP or POP",
    "steps": [
        "Check whether the product offers OAuth 2.0 (client credentials) for SMTP, IMAP or POP.",
        "Register an app with SMTP.SendAsApp, IMAP.AccessAsApp or POP.AccessAsApp and consent to it.",
        "In Exchange Online PowerShell, add the app's service principal and give it access to the one mailbox.",
    ],
    "trade_off": "The protocol stays, the password goes; the product must support OAuth for it.",
    "url": "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth",
}
RELAY: Json = {
    "title": "Send mail without signing in: relay",
    "steps": [
        "For a device or server with a fixed address: set up an inbound connector in Exchange Online that accepts its mail.",
        "For mail to people inside only: High Volume Email.",
        "For mail to people outside in large numbers: Azure Communication Services Email.",
    ],
    "trade_off": "Only for products that send; reading mailboxes is not possible this way.",
    "url": "https://learn.microsoft.com/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365",
}
PER_USER: Json = {
    "title": "Only if the product has no modern way: per-user MFA Enforced, and an app password",
    "steps": [
        "Register an MFA method for the account.",
        "In the Entra admin center, open Users > Per-user MFA, select the account and set it to Enforced.",
        'Check that "Allow users to create app passwords" is on in the MFA service settings.',
        "Keep SMTP AUTH enabled on this one mailbox only.",
        "Sign in as the account at https://mysignins.microsoft.com/security-info, select Add sign-in method, then App password.",
        "Copy the password into the product: it is shown once. Then sign the product out and in again.",
    ],
    "trade_off": "Microsoft and CIS advise against per-user MFA beside Conditional Access: treat it as an exception with an owner "
    "and an end date. SMTP AUTH with passwords is itself being retired, so this buys time only.",
    "url": "https://learn.microsoft.com/entra/identity/authentication/howto-mfa-userstates",
}
EXCLUDE: Json = {
    "title": "Last resort: exclude the account from the policy without MFA",
    "steps": [
        "Exclude the account from the policies named above, restrict it to known locations, and give it a long random password.",
        "Record the exception with an owner and an end date, and watch its sign-ins.",
    ],
    "trade_off": "The account is then protected by its password alone; Microsoft advises against it.",
    "url": "https://learn.microsoft.com/entra/identity/conditional-access/policy-block-legacy-authentication",
}
GRANT: Json = {
    "title": "Let this product read what it needs",
    "steps": [
        "Grant its managed identity the Microsoft Graph application permission Policy.Read.All.",
        "Scan again: a permission takes effect when the identity gets its next token, within a day.",
    ],
    "trade_off": "Read access only; without it the answer for this account stays open.",
    "url": "https://learn.microsoft.com/graph/permissions-reference",
}
WAYS_OUT = (APP_ONLY, OAUTH, RELAY, PER_USER, EXCLUDE)
NOTICES = (
    {
        "text": "Exchange Online switches SMTP AUTH with passwords off by default at the end of December 2026; an administrator "
        "can switch it on again for now.",
        "date": "2026-12-31",
        "url": "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission",
    },
)

ALL_USERS = "CA001: Require MFA for all users"
SERVICE = "CA210: Require MFA for service accounts"
LEGACY = "CA003: Block legacy authentication"
RISK = "CA005: MFA at risky sign-ins"
MANAGED = "Microsoft-managed: Multifactor authentication for per-user multifactor authentication users"
CHAIN = "group Backup apps > All service accounts"
SWITCHED_ON = (
    f'Hidden since 21 Nov 2026, 14:42 UTC, when the policy "{SERVICE}" was switched from report-only to on, by '
    "anna.keller@contoso.com."
)


def _in_words(scope: str) -> str:
    inner, *outer = scope.removeprefix("group ").split(" > ")
    way = f"member of {inner}" + "".join(f", which is nested in {name}" for name in outer)
    return way if scope.startswith("group ") else scope


def _demands(policy: str, scope: str, since: datetime, by: str | None = None) -> Json:
    return reason(
        f'The policy "{policy}" requires multifactor authentication for Exchange Online (reaches the account: '
        f"{_in_words(scope)}).",
        "demands_mfa", policy, scope, since, by=by,
    )  # fmt: skip


def _blocks(policy: str, scope: str, since: datetime) -> Json:
    return reason(
        f'The policy "{policy}" blocks legacy authentication to Exchange Online, with or without an app password (reaches the '
        f"account: {_in_words(scope)}).",
        "blocks_legacy", policy, scope, since,
    )  # fmt: skip


DISABLED = reason(
    "Per-user MFA is Disabled. Microsoft offers app passwords only to accounts that are Enforced.", "per_user_state"
)
ENFORCED = reason(
    "Per-user MFA is Enforced, so the account's Security info page offers app passwords.", "per_user_state"
)


def _ended(kind: str, code: int, meaning: str | None, policies: list[Json] | None, count: int, days_ago: int) -> Json:
    return {
        "kind": kind,
        "code": code,
        "meaning": meaning,
        "client_app": "Authenticated SMTP",
        "application": "Office 365 Exchange Online",
        "policies": policies,
        "count": count,
        "first": iso(NOW - (days_ago + 5) * DAY),
        "last": iso(NOW - days_ago * DAY),
        "places": ["203.0.113.7 (GB)"],
    }


SIGN_INS: list[Json] = [
    {
        "client": "Authenticated SMTP",
        "legacy": True,
        "got_in": 12,
        "last_got_in": iso(NOW - 7 * DAY),
        "refused": 1234,
        "last_refused": iso(NOW - DAY),
        "refused_since": iso(NOW - 6 * DAY),
        "endings": [
            _ended(
                "refused",
                53003,
                "Conditional Access blocks the sign-in",
                [{"id": "p1", "name": "Block legacy"}],
                1234,
                1,
            ),
            _ended("neither", 50126, "the password was wrong", [], 40, 2),
            _ended("neither", 999999, None, None, 2, 3),
            _ended("let_in", 0, None, [], 12, 7),
        ],
    }
]
"""What an account's clients did: refused lately, guessed at, and let in before."""


def account(
    name: str,
    shown: str,
    visibility: str,
    usability: str,
    *,
    mfa: str = "disabled",
    reasons: Sequence[Json] = (),
    findings: Sequence[Json] = (),
    remediation: Sequence[Json] = (),
    selected_by: Sequence[str] = ("pattern: svc-*",),
    products: Sequence[str] = (),
    notices: Sequence[Mapping[str, Any]] = (),
    sign_ins: Sequence[Json] = (),
) -> Json:
    """One account of the public document."""
    return {
        "id": identifier(name),
        "user_principal_name": f"{name}@contoso.com",
        "display_name": shown,
        "selected_by": list(selected_by),
        "per_user_mfa": mfa,
        "visibility": visibility,
        "usability": usability,
        "reasons": list(reasons),
        "findings": list(findings),
        "remediation": list(remediation),
        "notices": list(notices),
        "products": [
            {
                "name": name,
                "vendor": "Vendor",
                "evidence": "signs in",
                "modern_sign_in": True,
                "url": "https://example.com/",
            }
            for name in products
        ],
        "sign_ins": list(sign_ins),
    }


def document(accounts: Sequence[Json], gaps: Sequence[Json] = (), *, now: datetime = NOW) -> Json:
    """A scan of these accounts."""
    return {
        "schema": 1,
        "run": {
            "id": RUN,
            "started": iso(now - timedelta(seconds=9)),
            "finished": iso(now),
            "tenant_id": identifier("contoso"),
            "tenant_name": "Contoso Ltd",
            "complete": not gaps,
            "gaps": list(gaps),
            "graph_requests": 41,
        },
        "accounts": list(accounts),
    }


def _hidden(name: str, shown: str, product: str, *, lost: bool = False, accepted: Json | None = None) -> Json:
    since = NOW - timedelta(hours=16, minutes=18) if lost else NOW - 40 * DAY
    policy, scope = (SERVICE, CHAIN) if lost else (ALL_USERS, "all users")
    demand = _demands(policy, scope, since, by="anna.keller@contoso.com" if lost else None)
    return account(
        name, shown, "hidden", "blocked_by_policy",
        reasons=[demand, DISABLED, _blocks(policy, scope, since), _blocks(LEGACY, "all users", NOW - 300 * DAY)],
        findings=[finding("APW-001", demand["text"], NOW if lost else NOW - 40 * DAY, exception=accepted)],
        remediation=WAYS_OUT,
        selected_by=["group: Backup apps", "pattern: svc-*"],
        products=[product],
    )  # fmt: skip


def contoso() -> Json:
    """Eighteen accounts: every visibility and every usability, except that Security Defaults are off."""
    accepted = {
        "reason": "Vendor ships app-only sign-in in March; ticket CHG-2231",
        "owner": "it-operations@contoso.com",
        "until": "2027-03-31",
    }
    unreadable = reason(
        "Could not read the per-user MFA state (403 Authorization_RequestDenied: Insufficient privileges to complete the "
        "operation): without it nothing can be said about the option. Grant the application permission Policy.Read.All.",
        "unreadable",
    )
    risk = reason(
        f'The policy "{RISK}" requires multifactor authentication for Exchange Online (reaches the account: all users), only at '
        "sign-in risk high.",
        "demands_mfa", RISK, "all users", NOW - 200 * DAY, ["only at sign-in risk high"],
    )  # fmt: skip
    evidence = reason(
        "On 20 Nov 2026, 03:12 UTC a sign-in of the account was asked for multifactor authentication by "
        "mfaRegistrationRequiredByIdentityProtectionPolicy, which none of the readable policies explains.",
        "evidence", since=NOW - timedelta(days=2, hours=4),
    )  # fmt: skip
    managed = reason(
        f'The policy "{MANAGED}" is in report-only mode; switched on, it would require multifactor authentication for Exchange '
        "Online (reaches the account: named directly).",
        "would_demand_mfa", MANAGED, "named directly", NOW - 12 * DAY,
    )  # fmt: skip
    would_block = reason(
        'The policy "Microsoft-managed: Block legacy authentication" is in report-only mode; switched on, it would block legacy '
        "authentication to Exchange Online (reaches the account: all users).",
        "would_block_legacy", "Microsoft-managed: Block legacy authentication", "all users", NOW - 12 * DAY,
    )  # fmt: skip
    excluded = reason(
        f'The account is excluded from the policy "{ALL_USERS}" (member of MFA exceptions).',
        "excluded", ALL_USERS, "group MFA exceptions", NOW - 40 * DAY,
    )  # fmt: skip
    stuck = reason(
        "Per-user MFA is Enabled although an MFA method is registered: the state is stuck, and the option stays away until it "
        "is set to Enforced (Entra admin center > Users > Per-user MFA).",
        "per_user_state",
    )
    pending = reason(
        "Per-user MFA is Enabled and no MFA method is registered yet: the option appears after the registration.",
        "per_user_state",
    )
    trusted = reason(
        'The policy "CA015: Block legacy clients outside the offices" blocks legacy authentication to Exchange Online, with or without '
        "an app password (reaches the account: all users), except from Head office.",
        "blocks_legacy", "CA015: Block legacy clients outside the offices", "all users", NOW - 90 * DAY,
        ["except from Head office"],
    )  # fmt: skip
    role = (
        "The account holds the directory role Exchange Administrator. An app password doesn't work for administration."
    )
    return document(
        [
            _hidden("svc-backup", "CodeTwo Backup", "CodeTwo Backup", lost=True),
            _hidden("svc-migration", "Mailbox migration", "CodeTwo Exchange Migration", lost=True),
            _hidden("svc-signatures", "E-mail signatures", "CodeTwo Email Signatures", lost=True),
            _hidden("scan-hq-2", "Copier, head office, 2nd floor", "Multifunction printer"),
            _hidden("svc-erp-mail", "ERP notifications", "ERP", accepted=accepted),
            account("svc-fax", "Fax gateway", "stuck", "blocked_by_policy", mfa="enabled",
                    reasons=[stuck, _blocks(LEGACY, "all users", NOW - 300 * DAY)],
                    findings=[finding("APW-003", stuck["text"], NOW - 9 * DAY),
                              finding("APW-007", _blocks(LEGACY, "all users", NOW)["text"], NOW - 9 * DAY)],
                    remediation=WAYS_OUT, products=["Fax gateway"], sign_ins=SIGN_INS),
            account("svc-crm", "CRM mailbox", "pending", "usable", mfa="enabled", reasons=[pending, excluded],
                    findings=[finding("APW-004", pending["text"], NOW - 3 * DAY)], remediation=WAYS_OUT, products=["CRM"],
                    notices=NOTICES),
            account("svc-monitoring", "Monitoring", "conditional", "conditional", reasons=[risk, evidence, DISABLED, trusted],
                    findings=[finding("APW-005", risk["text"], NOW - 60 * DAY)], remediation=WAYS_OUT, products=["Monitoring"],
                    notices=NOTICES),
            account("svc-payroll", "Payroll", "predicted", "usable", reasons=[managed, DISABLED, would_block],
                    findings=[finding("APW-006", managed["text"], NOW - 12 * DAY, severity="high"),
                              finding("APW-013", would_block["text"], NOW - 12 * DAY, severity="high")],
                    remediation=WAYS_OUT, products=["Payroll"], notices=NOTICES),
            account("svc-intranet", "Intranet search", "unknown", "usable", mfa="unknown", reasons=[unreadable],
                    findings=[finding("APW-008", unreadable["text"], NOW)], remediation=[GRANT], products=["Intranet"]),
            account("svc-archive", "Mail archive", "unknown", "unknown", mfa="unknown", reasons=[unreadable],
                    findings=[finding("APW-008", unreadable["text"], NOW)], remediation=[GRANT], products=["Archive"]),
            account("scan-warehouse", "Copier, warehouse", "visible", "usable", mfa="enforced",
                    reasons=[ENFORCED, excluded], products=["Multifunction printer"], notices=NOTICES),
            account("svc-legacy-hr", "HR interface", "visible", "blocked_by_policy", mfa="enforced",
                    reasons=[ENFORCED, _blocks(LEGACY, "all users", NOW - 300 * DAY)],
                    findings=[finding("APW-007", _blocks(LEGACY, "all users", NOW)["text"], NOW - 120 * DAY),
                              finding("APW-011", role, NOW - 120 * DAY)],
                    remediation=WAYS_OUT, selected_by=["list"]),
            account("svc-voicemail", "Voicemail", "visible", "conditional", mfa="enforced", reasons=[ENFORCED, trusted],
                    notices=NOTICES),
            account("svc-alarms", "Building alarms", "not_offered", "usable", reasons=[DISABLED, excluded], notices=NOTICES),
            account("svc-webshop", "Web shop orders", "not_offered", "usable", reasons=[DISABLED, excluded],
                    products=["Web shop"], notices=NOTICES),
            account("svc-old-portal", "Old portal (retired)", "not_applicable", "not_checked",
                    reasons=[reason("The account is disabled, so nobody can sign in with it.", "per_user_state")]),
            account("Sync_DC01_7be2", "On-Premises Directory Synchronization Service Account", "not_applicable", "not_checked",
                    reasons=[reason("The account is a directory synchronization account.", "per_user_state")],
                    selected_by=["list"]),
        ],
        [
            {"input": "per_user_mfa", "error": "403 Authorization_RequestDenied: Insufficient privileges to complete the operation",
             "permission": "Policy.Read.All", "account": identifier(name)}
            for name in ("svc-intranet", "svc-archive")
        ],
    )  # fmt: skip


def under_security_defaults() -> Json:
    """A small tenant with Security Defaults on."""
    hides = reason(
        "Security Defaults are on: they require multifactor authentication, and Microsoft then offers no app passwords.",
        "demands_mfa", scope="all users",
    )  # fmt: skip
    blocks = reason(
        "Security Defaults are on: they block every legacy client, with or without an app password.",
        "blocks_legacy", scope="all users",
    )  # fmt: skip
    impossible = {
        "title": "Not possible while Security Defaults are on: an app password",
        "steps": [
            "Security Defaults block every legacy client, so per-user MFA and an app password can't work beside them."
        ],
        "trade_off": "Replacing Security Defaults means maintaining your own policies for the whole organization.",
        "url": "https://learn.microsoft.com/entra/fundamentals/security-defaults",
    }
    return document(
        [
            account("scanner", "Scanner", "hidden", "blocked_by_security_defaults", reasons=[hides, DISABLED, blocks],
                    findings=[finding("APW-002", hides["text"], NOW)], remediation=[APP_ONLY, OAUTH, RELAY, impossible]),
        ]
    )  # fmt: skip


def change(
    one: Mapping[str, Any],
    check_id: str,
    kind: str,
    at: datetime,
    run_id: str,
    text: str,
    *,
    cause: str | None = None,
    before: str | None = "visible",
) -> Json:
    """An entry of the history; ``before`` is the visibility that the account had at the scan before."""
    severity, title = _CHECKS[check_id]
    made: Json = {
        "kind": kind,
        "status": "resolved" if kind == "resolved" else "open",
        "account": one["id"],
        "user_principal_name": one["user_principal_name"],
        "display_name": one["display_name"],
        "check_id": check_id,
        "title": title,
        "severity": severity,
        "previous_visibility": before,
        "summary": text,
        "resolution": text if kind == "resolved" else None,
        "at": iso(at),
        "run_id": run_id,
        "silence": None,
        "flapping": None,
    }
    if cause:
        made["cause"] = cause
    return made


def contoso_extras() -> ReportExtras:
    """The weeks before the scan of :func:`contoso`."""
    accounts = {one["display_name"]: one for one in contoso()["accounts"]}
    history = [
        change(accounts[name], "APW-001", "opened", NOW, RUN, accounts[name]["findings"][0]["summary"],
               cause=SWITCHED_ON)
        for name in ("CodeTwo Backup", "Mailbox migration", "E-mail signatures")
    ]  # fmt: skip
    history += [
        change(accounts[name], "APW-008", "opened", NOW, RUN, accounts[name]["findings"][0]["summary"])
        for name in ("Intranet search", "Mail archive")
    ]
    found = "The last scan found the account with nothing that blocks an app password."
    history += [
        change(accounts["Copier, warehouse"], "APW-007", "resolved", NOW, RUN, found),
        change(
            accounts["Copier, warehouse"],
            "APW-007",
            "opened",
            NOW - 20 * DAY,
            "r1",
            _blocks(LEGACY, "all users", NOW)["text"],
        ),
        change(accounts["CodeTwo Backup"], "APW-013", "resolved", NOW - 30 * DAY, "r2", "The policy is off again."),
        change(
            accounts["CodeTwo Backup"],
            "APW-013",
            "opened",
            NOW - 44 * DAY,
            "r3",
            "A report-only policy would block it.",
        ),
    ]
    runs = [
        {
            "id": f"r-{days}" if days else RUN,
            "status": "incomplete" if days in (0, 12) else "complete",
            "finished": iso(NOW - days * DAY),
            "accounts_total": 18 if days < 20 else 16,
            "severities": {"high": 4 + (3 if days == 0 else 0) + (days > 20), "medium": 3 + (days < 9), "low": 1},
            "visibility": {"unknown": 2 if days in (0, 12) else 0},
        }
        for days in range(30, -1, -1)
    ]
    erp = accounts["ERP notifications"]
    exceptions = [
        {
            "account": erp["id"],
            "user_principal_name": erp["user_principal_name"],
            "check_id": "APW-001",
            **erp["findings"][0]["exception"],
            "created_by": "it-operations@contoso.com",
            "created_at": iso(NOW - 30 * DAY),
            "ended_at": None,
        }
    ]
    return ReportExtras(history=history, runs=runs, exceptions=exceptions)


def many(count: int) -> tuple[Json, ReportExtras]:
    """A tenant of ``count`` accounts, with a few hundred changes at the last scan, and a history for every account."""
    patterns = list(contoso()["accounts"])
    extras = contoso_extras()
    accounts, history = [], list[Json]()
    groups = [f"group Site {number:02} apps > All service accounts" for number in range(60)]
    for number in range(count):
        kind = patterns[number * 7 % len(patterns)]
        name = f"svc-{kind['user_principal_name'].split('@')[0].removeprefix('svc-')}-{number:04}"
        scope = groups[number % len(groups)]
        reasons = [{**one, "scope": scope} if one["scope"] == CHAIN else one for one in kind["reasons"]]
        one = {
            **kind,
            "id": identifier(name),
            "user_principal_name": f"{name}@contoso.com",
            "display_name": f"{kind['display_name']} {number:04}",
            "reasons": reasons,
            "selected_by": [f"group: Site {number % 60:02} apps"],
        }
        accounts.append(one)
        for days in (0, 30, 60)[: 1 + number % 3]:
            if not days and number % 10:
                continue
            text = one["findings"][0]["summary"] if one["findings"] else "A policy would block it."
            run_id = RUN if days == 0 else f"r-{days}"
            history.append(
                change(one, "APW-001", "opened" if days != 30 else "resolved", NOW - days * DAY, run_id, text)
            )
    return document(accounts), ReportExtras(history=history, runs=extras.runs)
