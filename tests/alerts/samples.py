"""Alerts for tests and pictures: a believable company, and hostile names."""

from datetime import UTC, date, datetime, timedelta

from alerts.compose import compose, compose_failure, compose_prediction, compose_sight, compose_test
from alerts.digest import compose_digest
from alerts.episodes import Cause, ChannelRecord, Word, failed
from alerts.links import entra_policy_url, entra_user_url
from alerts.model import Alert, AlertGap, AlertItem, AlertReason, Kind, NextStep, Severity, Totals
from alerts.notices import compose_channel_notice

NOW = datetime(2026, 11, 22, 6, 0, 9, tzinfo=UTC)
REPORT = "https://app-password-watch.example.com/api/report"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://evil.example","Click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u202egnp.exe \u2066inner\u2069 \u200f\u061c",
    "x" * 500,
    "[x](http://evil.example) **bold** `code` ![i](http://evil.example/i.png)",
    "first\r\nBcc: evil@evil.example\r\n\r\nbody\u2028second\u2029third\x0b\x85end",
    "{{DATE(2026-01-01T00:00:00Z, SHORT)}} {{{TIME(2026-01-01T00:00:00Z)}}}",
    "${system} {{ 7*7 }} {% raw %}",
    "Z" + "\u0301" * 400,
    "👩‍👩‍👧‍👦" * 100,
    "\ud800 lone \udfff",
    "zero\u200bwidth\ufeff\u2060\U000e0041tag",
    "",
    "   ",
    "<at>everyone</at>",
)
STEP = NextStep(
    "Move the product to app-only sign-in",
    (
        "Ask the vendor for a version that signs in with an app registration (certificate) or a managed identity.",
        "Give that app only the permissions it needs; limit it to its mailboxes with RBAC for Applications in "
        "Exchange Online.",
        "Change the product over, then block sign-in for the old account.",
    ),
    "https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals",
)


def account_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def reason(policy: str = "Require MFA for all users", scope: str = "all users", number: int = 1) -> AlertReason:
    return AlertReason(
        f'The policy "{policy}" requires multifactor authentication for Exchange Online (reaches the account: {scope}).',
        f"90000000-0000-4000-8000-{number:012}",
        policy,
        scope,
        NOW - timedelta(days=2),
        "demands_mfa",
    )


def item(
    number: int = 1,
    kind: Kind = Kind.OPENED,
    check_id: str = "APW-001",
    *,
    name: str = "",
    upn: str = "",
    title: str = "App password option hidden by Conditional Access",
    severity: Severity = Severity.HIGH,
    reasons: tuple[AlertReason, ...] | None = None,
    since: datetime | None = NOW - timedelta(days=2, hours=3, minutes=48),
    actor: str | None = None,
    how: str = "",
    doubt: str | None = None,
    resolution: str | None = None,
    previous_severity: Severity | None = None,
    newly: bool = True,
    lost: bool = False,
    came_back: bool = False,
    settled: bool = False,
    accepted_until: date | None = None,
    accepted_by: str | None = None,
    first_seen: datetime = NOW,
    next_step: NextStep | None = STEP,
) -> AlertItem:
    reasons = (reason(),) if reasons is None else reasons
    return AlertItem(
        kind=kind,
        account_id=account_id(number),
        user_principal_name=upn or f"svc-{number:03}@contoso.com",
        display_name=name or f"Service {number}",
        check_id=check_id,
        title=title,
        severity=severity,
        summary=reasons[0].text if reasons else title,
        first_seen=first_seen,
        id=f"change-{number}-{check_id}",
        since=since,
        actor=actor,
        how=how,
        reasons=reasons,
        next_step=next_step,
        doubt=doubt,
        resolution=resolution,
        previous_severity=previous_severity,
        newly=newly,
        lost=lost,
        came_back=came_back,
        settled=settled,
        accepted_until=accepted_until,
        accepted_by=accepted_by,
        entra_url=entra_user_url(account_id(number)),
        policy_url=entra_policy_url(reasons[0].policy_id) if reasons else None,
    )


def alert(*items: AlertItem, alert_id: str = "5b0a2f5e-0000-4000-8000-000000000001", **more: object) -> Alert:
    given: dict[str, object] = {
        "tenant_id": "70000000-0000-4000-8000-000000000001",
        "tenant_name": "Contoso",
        "created": NOW,
        "run_id": "run-1",
        "totals": Totals(18, 5, 2, 1),
        "report_url": REPORT,
    }
    return compose(alert_id=alert_id, items=items, **(given | more))  # type: ignore[arg-type]


def typical() -> Alert:
    """A morning after somebody switched a policy on."""
    return alert(
        *(
            item(
                number,
                name=name,
                upn=upn,
                actor="Anna Berg (anna.berg@contoso.com)",
                how='20 Nov 2026, 02:12 UTC, when the policy "Require MFA for all users" was switched from report-only to on, '
                "by Anna Berg (anna.berg@contoso.com)",
            )
            for number, name, upn in (
                (1, "Backup for Exchange", "svc-backup@contoso.com"),
                (2, "Archive", "svc-archive@contoso.com"),
                (3, "Signature manager", "svc-signatures@contoso.com"),
            )
        ),
        item(
            4,
            Kind.CHANGED,
            "APW-006",
            name="Ticket system",
            upn="svc-tickets@contoso.com",
            title="App password option about to be hidden",
            previous_severity=Severity.MEDIUM,
            reasons=(
                AlertReason(
                    'The policy "Microsoft-managed: Multifactor authentication for all users" is in report-only mode; '
                    "switched on, it would require multifactor authentication for Exchange Online (reaches the "
                    "account: all users).",
                    "90000000-0000-4000-8000-000000000002",
                    "Microsoft-managed: Multifactor authentication for all users",
                ),
            ),
            since=None,
        ),
        item(
            5,
            Kind.EXCEPTION_EXPIRED,
            "APW-007",
            name="Multifunction printers",
            upn="svc-scan@contoso.com",
            title="App password can't be used: legacy authentication is blocked",
            reasons=(
                AlertReason(
                    'The policy "Block legacy authentication" blocks legacy authentication to Exchange Online, with or '
                    "without an app password (reaches the account: all users).",
                    "90000000-0000-4000-8000-000000000003",
                    "Block legacy authentication",
                ),
            ),
            accepted_until=date(2026, 11, 21),
            accepted_by="Office services",
            since=None,
            next_step=NextStep(
                "Send mail without signing in: relay",
                ("Set up an inbound connector in Exchange Online that accepts the printers' mail.",),
            ),
        ),
        item(
            6,
            Kind.RESOLVED,
            "APW-001",
            name="Calendar sync",
            upn="svc-calendar@contoso.com",
            resolution="The last scan found the account with the app-password option available.",
        ),
        gaps=(
            AlertGap(
                "role_eligibilities",
                "the eligible directory roles",
                "403 Authorization_RequestDenied",
                "RoleManagement.Read.Directory",
            ),
        ),
    )


def one() -> Alert:
    """One account, and nothing else."""
    return alert(item(1, name="Backup for Exchange", upn="svc-backup@contoso.com", actor="Anna Berg"))


def many(count: int) -> Alert:
    """One policy reaches everybody, and some other things happened as well."""
    items = [item(number) for number in range(1, count + 1)]
    for number in range(1, 21):
        text = "Per-user MFA is Enabled and no MFA method is registered yet."
        items.append(
            item(
                number,
                Kind.REOPENED,
                "APW-004",
                title="MFA registration pending",
                severity=Severity.MEDIUM,
                reasons=(AlertReason(text, effect="per_user_state"),),
                since=None,
            )
        )
    return alert(*items, totals=Totals(count + 200, count, 20, 0))


def good() -> Alert:
    """Only good news."""
    found = "The last scan found the account with the app-password option available."
    return alert(
        *(
            item(number, Kind.RESOLVED, resolution=found, upn=f"svc-{number}@contoso.com", came_back=True)
            for number in (1, 2)
        ),
        totals=Totals(18, 0, 0, 0),
    )


def gaps_only() -> Alert:
    """Nothing is known to have changed, because something was unreadable."""
    return alert(
        gaps=(
            AlertGap(
                "conditional_access_policies",
                "the Conditional Access policies",
                "403 AccessDenied: You cannot perform the requested operation, required scopes are missing",
                "Policy.Read.All",
            ),
            AlertGap("per_user_mfa", "the per-user MFA state", "429 TooManyRequests", None, "svc-backup@contoso.com"),
        ),
    )


def sight() -> Alert:
    """Something can't be seen any more, and an account was renamed."""
    return compose_sight(
        alert_id="7a1f9ab0-55d7-4f4e-9d6a-3f5a0a9d2f11",
        tenant_id="70000000-0000-4000-8000-000000000001",
        tenant_name="Contoso",
        created=NOW,
        headline="Can't see the Conditional Access policies; 1 other thing to know",
        notes=(
            "The Conditional Access policies can't be read (403 Forbidden: Insufficient privileges). Grant the application "
            "permission Policy.Read.All. Findings that depend on it stay as they were until it can be read again. "
            "Noticed first on 21 Nov 2026, 06:00 UTC.",
            "svc-scan@contoso.com was renamed to svc-scanner@contoso.com. It is watched on, and its findings go on. "
            "SERVICE_ACCOUNTS selects it by its old name only: put the new one there. The product that signs in with it needs "
            "the new name too. Noticed first on 22 Nov 2026, 06:00 UTC.",
        ),
        ended=False,
        report_url=REPORT,
    )


def prediction() -> Alert:
    """Somebody made a policy that is switched off."""
    return compose_prediction(
        policy_id="80000000-0000-4000-8000-000000000007",
        version=NOW - timedelta(minutes=6),
        tenant_id="70000000-0000-4000-8000-000000000001",
        tenant_name="Contoso",
        created=NOW,
        headline='If "Require MFA for all users" is switched on, it hides the app-password option from 2 service accounts',
        notes=(
            'The policy "Require MFA for all users" was created on 22 Nov 2026, 05:54 UTC by ada@contoso.com, and is switched off: nothing has '
            "happened yet.",
            "The app-password option would be hidden from svc-scan@contoso.com and svc-erp@contoso.com.",
            'Before it is switched on: put them into its excluded group "Break glass", or move their products to a sign-in without passwords. '
            "What it would do to each: cli.py simulate --enable-policy 80000000-0000-4000-8000-000000000007",
        ),
        run_id="20261122T060000Z-0a1b2c3d",
        report_url=REPORT,
    )


def failure() -> Alert:
    """An alert could not be delivered."""
    return compose_failure(
        tenant_id="70000000-0000-4000-8000-000000000001",
        tenant_name="Contoso",
        created=NOW,
        failed_id="2c1f9ab0-55d7-4f4e-9d6a-3f5a0a9d2f10",
        why="Microsoft Graph refused the sign-in (401 InvalidAuthenticationToken): check the managed identity of the app.",
        report_url=REPORT,
    )


def channel(word: Word = Word.BROKEN) -> Alert:
    """A channel doesn't work, or works again."""
    record = failed(ChannelRecord("teams"), Cause.REFUSING, "The Teams workflow answered 404: make a new one.", NOW)
    return compose_channel_notice(
        word, record, record.about(1), waiting=3, now=NOW + timedelta(days=7), tenant_name="Contoso", report_url=REPORT
    )


def test_message() -> Alert:
    """The test of the channels."""
    return compose_test(
        alert_id="test-1",
        tenant_id="70000000-0000-4000-8000-000000000001",
        tenant_name="Contoso",
        created=NOW,
        report_url=REPORT,
    )


def digest() -> Alert:
    """What is still open."""
    made = compose_digest(
        tenant_id="70000000-0000-4000-8000-000000000001",
        tenant_name="Contoso",
        items=[
            item(1, Kind.STILL_OPEN, name="Backup for Exchange", upn="svc-backup@contoso.com", since=None)
            if days == 14
            else item(days, Kind.STILL_OPEN, first_seen=NOW - timedelta(days=days), since=None)
            for days in (3, 7, 14)
        ]
        + [
            item(
                20,
                Kind.STILL_OPEN,
                "APW-011",
                title="A service account holds a directory role",
                severity=Severity.MEDIUM,
                name="Calendar sync",
                upn="svc-calendar@contoso.com",
                reasons=(),
                since=None,
                first_seen=NOW - timedelta(days=40),
            )
        ],
        since=NOW - timedelta(days=1),
        now=NOW,
        totals=Totals(18, 3, 1, 0),
        report_url=REPORT,
    )
    if made is None:
        raise AssertionError("a reminder is due")
    return made


def hostile() -> Alert:
    """Everybody is called something evil."""
    return alert(
        *(
            item(
                number,
                Kind.CHANGED if number % 3 else Kind.RESOLVED,
                name=name,
                upn=name,
                actor=name,
                how=name,
                doubt=name,
                resolution=name,
                reasons=(AlertReason(name, name, name, name),),
                next_step=NextStep(name, (name,)),
            )
            for number, name in enumerate(HOSTILE, 1)
        ),
        gaps=tuple(AlertGap(name, name, name, name, name) for name in HOSTILE),
        tenant_name=HOSTILE[4] + HOSTILE[0] + HOSTILE[7],
    )
