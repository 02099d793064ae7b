"""Accounts with a month of sign-ins each, and by hand what must be said of each: labelled before anything judged them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from localgraph.times import iso

NOW = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
SMTP, IMAP, POP, EWS, EAS = "Authenticated SMTP", "IMAP4", "POP3", "Exchange Web Services", "Exchange ActiveSync"
MODERN, BROWSER = "Mobile Apps and Desktop clients", "Browser"
OFFICE, ABROAD = ("203.0.113.7", "GB"), ("198.51.100.66", "RU")
BLOCK = ("11111111-0000-0000-0000-000000000001", "Block legacy authentication", "failure")
MFA = ("11111111-0000-0000-0000-000000000002", "MFA for everybody", "failure")
WATCHING = ("11111111-0000-0000-0000-000000000003", "Only watching", "reportOnlyFailure")
FINE = ("11111111-0000-0000-0000-000000000004", "Has nothing against it", "success")
APART = ("11111111-0000-0000-0000-000000000005", "About something else", "notApplied")
DEFAULTS = ("SecurityDefaults", "Security Defaults", "failure")
Json = dict[str, Any]
UNSEEN = "The log shows no policies"
NAMELESS = "The log names no policy"


def at(day: int, time: str = "08:00") -> datetime:
    """A moment of November 2026; ``0`` and below are days of October."""
    return datetime.fromisoformat(f"2026-11-01T{time}:00Z") + timedelta(days=day - 1)


def row(
    when: datetime,
    code: object = 0,
    client: str = SMTP,
    *,
    app: str = "Office 365 Exchange Online",
    interactive: bool = False,
    protocol: str = "none",
    policies: Sequence[tuple[str, str, str]] | None = (FINE, APART),
    place: tuple[str, str] = OFFICE,
    **more: Any,
) -> Json:
    """A sign-in, as the log has it. ``policies``: id, name and result of each; None is null, as without the right to see them."""
    applied = [{"id": id, "displayName": name, "result": result} for id, name, result in policies or ()]
    return {
        "createdDateTime": iso(when),
        "clientAppUsed": client,
        "appId": f"app-{app.replace(' ', '-').lower()}",
        "appDisplayName": app,
        "userAgent": "BAV2ROPC",
        "isInteractive": interactive,
        "signInEventTypes": ["interactiveUser" if interactive else "nonInteractiveUser"],
        "status": {"errorCode": code},
        "authenticationProtocol": protocol,
        "authenticationRequirementPolicies": [],
        "ipAddress": place[0],
        "location": {"city": "X", "countryOrRegion": place[1]},
        "appliedConditionalAccessPolicies": None if policies is None else applied,
        **more,
    }


def daily(first: int, last: int, code: object = 0, client: str = SMTP, time: str = "08:00", **more: Any) -> list[Json]:
    """A sign-in on each of some days."""
    return [row(at(day, time), code, client, **more) for day in range(first, last + 1)]


def guesses(count: int, day: int, code: int = 50126) -> list[Json]:
    """Many sign-ins from elsewhere with a wrong password."""
    return [row(at(day) + timedelta(minutes=number), code, place=ABROAD) for number in range(count)]


@dataclass(frozen=True, slots=True)
class Labelled:
    """An account, and what must be said of it."""

    name: str
    rows: Sequence[Json]
    severity: str | None
    says: tuple[str, ...] = ()
    says_not: tuple[str, ...] = ()


_BY_BLOCK = 'by the policy "Block legacy authentication"'
_TEN = [
    row(at(21, "03:10") + timedelta(hours=10 * number), 53003, policies=(BLOCK, WATCHING, FINE)) for number in range(10)
]

ACCOUNTS = (
    # --- what it is about
    Labelled(
        "all-since-saturday",
        [row(at(20, "17:20")), *_TEN],
        "high",
        (
            f"All 10 sign-ins with Authenticated SMTP since 21 Nov 2026, 03:10 UTC were refused {_BY_BLOCK}",
            "The last that got in was on 20 Nov 2026, 17:20 UTC",
            "203.0.113.7 (GB)",
            "error 53003",
        ),
        ("Only watching", "Has nothing against it", "password was right"),
    ),
    Labelled(
        "one-is-enough",
        [*daily(1, 20), row(at(22), 53003, policies=(BLOCK,))],
        "high",
        ("The newest sign-in", _BY_BLOCK),
    ),
    Labelled("works", daily(1, 25), None),
    Labelled("never-signs-in", [], None),
    Labelled("never-got-in", daily(10, 25, 53003, policies=(BLOCK,)), "high", ("All 16 sign-ins", "none that got in")),
    Labelled(
        "in-again",
        [*daily(20, 23, 53003, policies=(BLOCK,)), *daily(24, 25)],
        "medium",
        (
            "4 sign-ins",
            "20 Nov 2026, 08:00 UTC to 23 Nov 2026, 08:00 UTC",
            _BY_BLOCK,
            "gets in again",
            "25 Nov 2026, 08:00 UTC",
        ),
    ),
    Labelled("in-again-for-long", [*daily(10, 17, 53003, policies=(BLOCK,)), *daily(18, 25)], None),
    Labelled("seven-days-to-the-second", [row(at(19, "07:00"), 53003, policies=(BLOCK,)), *daily(20, 25)], None),
    Labelled(
        "a-minute-less", [row(at(19, "07:01"), 53003, policies=(BLOCK,)), *daily(20, 25)], "medium", ("1 sign-in",)
    ),
    Labelled("four-weeks-ago", [row(at(-1), 53003, policies=(BLOCK,))], "high", ("30 Oct 2026",)),
    Labelled("beyond-the-log", [row(at(-5), 53003, policies=(BLOCK,))], None),
    Labelled(
        "on-one-day",
        [
            row(at(24, "09:00"), 53003, policies=(BLOCK,)),
            row(at(24, "10:00")),
            row(at(24, "11:00"), 53003, policies=(BLOCK,)),
            row(at(24, "12:00"), 53003, policies=(MFA,)),
        ],
        "high",
        ("All 2 sign-ins", "since 24 Nov 2026, 11:00 UTC", '"MFA for everybody"', "24 Nov 2026, 10:00 UTC"),
    ),
    # --- wrong passwords and the like
    Labelled("guessed", guesses(60, 24), None),
    Labelled("locked", guesses(60, 24, 50053), None),
    Labelled("said-to-be-disabled", daily(1, 25, 50057), None),
    Labelled("expired", daily(1, 25, 50055), None),
    Labelled(
        "behind-a-storm",
        [*daily(1, 19), row(at(20, "06:00"), 53003, policies=(BLOCK,)), *guesses(400, 24), *guesses(9, 25, 50053)],
        "high",
        ("The newest sign-in with Authenticated SMTP whose password was right, on 20 Nov 2026, 06:00 UTC", _BY_BLOCK),
        ("50126", "400", "198.51.100.66"),
    ),
    Labelled(
        "in-again-behind-a-storm", [row(at(22), 53003, policies=(BLOCK,)), row(at(23)), *guesses(50, 24)], "medium"
    ),
    Labelled("consent", daily(1, 25, 65001, MODERN, app="Ticket Robot"), None),
    Labelled("not-assigned", daily(1, 25, 50105, MODERN, app="Ticket Robot"), None),
    Labelled("old-token", daily(1, 25, 700082, MODERN, app="Ticket Robot"), None),
    Labelled(
        "old-token-behind-success", [*daily(1, 20, 0, MODERN), *daily(21, 25, 70043, MODERN, policies=(MFA,))], None
    ),
    Labelled("without-status", [row(at(24), status=None), row(at(25), status={})], None),
    # --- Security Defaults
    Labelled(
        "defaults",
        [row(at(20)), *daily(21, 25, 530035, policies=(DEFAULTS,))],
        "high",
        ("All 5", "refused by Security Defaults"),
        ("the policy", NAMELESS),
    ),
    Labelled(
        "defaults-unnamed",
        daily(21, 25, 530035, policies=()),
        "high",
        ("Security Defaults block the sign-in", NAMELESS),
    ),
    # --- MFA, by who could answer it
    Labelled("mfa-smtp", daily(21, 25, 50076, policies=(MFA,)), "high", ("MFA is demanded", '"MFA for everybody"')),
    Labelled(
        "mfa-registration-imap",
        daily(21, 25, 50079, IMAP, policies=()),
        "high",
        ("IMAP4", "registering for MFA", NAMELESS),
    ),
    Labelled("mfa-person", daily(21, 25, 50076, MODERN, interactive=True, policies=(MFA,)), None),
    Labelled("mfa-person-prompted", daily(21, 25, 50074, MODERN, interactive=True, policies=(MFA,)), None),
    Labelled("mfa-not-completed", daily(21, 25, 500121, EAS, policies=(MFA,)), None),
    Labelled(
        "mfa-robot",
        [
            *daily(1, 20, 0, MODERN, app="Ticket Robot"),
            *daily(21, 25, 50076, MODERN, app="Ticket Robot", policies=(MFA,)),
        ],
        "high",
        ('All 5 sign-ins with the application "Ticket Robot"', '"MFA for everybody"'),
    ),
    Labelled(
        "mfa-sends-password",
        daily(21, 25, 50079, MODERN, app="Old Script", interactive=True, protocol="ropc", policies=(MFA,)),
        "high",
        ('"Old Script"',),
    ),
    Labelled("mfa-elsewhere", daily(21, 25, 50158, EWS, policies=None), "high", ("Exchange Web Services", UNSEEN)),
    # --- devices and applications
    Labelled(
        "device-compliant",
        daily(21, 25, 53000, MODERN, app="Outlook", interactive=True, policies=(MFA,)),
        "high",
        ("compliant",),
    ),
    Labelled("device-joined", daily(21, 25, 53001, EWS, policies=(MFA,)), "high", ("joined",)),
    Labelled("approved-app", daily(21, 25, 53002, MODERN, app="Mail X", policies=(MFA,)), "high", ("approves",)),
    Labelled("protected-app", daily(21, 25, 53009, MODERN, app="Mail X", policies=(MFA,)), "high", ("Intune",)),
    Labelled("device-530002", daily(21, 25, 530002, MODERN, app="Mail X", policies=(MFA,)), "high"),
    Labelled("device-530003", daily(21, 25, 530003, MODERN, app="Mail X", policies=(MFA,)), "high"),
    Labelled("applications", daily(21, 25, 530031, MODERN, app="Mail X", policies=(MFA,)), "high"),
    Labelled("tenant-policy", daily(21, 25, 530032, policies=()), "high", ("530032", NAMELESS)),
    Labelled(
        "device-code",
        daily(21, 25, 530036, MODERN, app="Epson Connect", policies=(BLOCK,)),
        "high",
        ("device code flow",),
    ),
    # --- what the log says of policies
    Labelled("unknown-code", daily(21, 25, 999999, policies=(MFA,)), "high", ("error 999999, which isn't known here",)),
    Labelled("unknown-code-of-nobody", daily(21, 25, 999999), None),
    Labelled("unknown-code-unseen", daily(21, 25, 999999, policies=None), None),
    Labelled("only-reported", daily(21, 25, 999999, policies=(WATCHING,)), None),
    Labelled("only-reported-and-in", daily(21, 25, 0, policies=(WATCHING, FINE)), None),
    Labelled(
        "policies-unseen", daily(21, 25, 53003, policies=None), "high", ("Conditional Access blocks", UNSEEN), ('"',)
    ),
    Labelled(
        "two-policies",
        daily(21, 25, 53003, policies=(MFA, BLOCK, WATCHING)),
        "high",
        ('the policies "Block legacy authentication" and "MFA for everybody"',),
    ),
    Labelled("code-as-text", daily(21, 25, "53003", policies=(BLOCK,)), "high", (_BY_BLOCK,)),
    # --- clients
    Labelled("two-spellings", [row(at(22), 53003, "SMTP", policies=(BLOCK,)), row(at(24))], "medium"),
    Labelled(
        "two-spellings-pop",
        [row(at(22), 0, "POP"), row(at(24), 53003, POP, policies=(BLOCK,))],
        "high",
        ("22 Nov 2026",),
    ),
    Labelled(
        "two-protocols",
        [*daily(1, 25), row(at(20), 53003, IMAP, policies=(BLOCK,))],
        "high",
        ("IMAP4", "none that got in"),
        ("SMTP",),
    ),
    Labelled("browser", daily(21, 25, 53003, BROWSER, interactive=True, policies=(BLOCK,)), None),
    Labelled("browser-alone", daily(21, 25, 53003, BROWSER, policies=(BLOCK,)), None),
    Labelled(
        "two-applications",
        [
            *daily(21, 25, 53003, MODERN, app="Backup One", policies=(BLOCK,)),
            *daily(1, 25, 0, MODERN, app="Mail Two", time="12:00"),
        ],
        "high",
        ('"Backup One"',),
        ("Mail Two",),
    ),
    Labelled(
        "worse-first",
        [row(at(24), 53003, IMAP, policies=(BLOCK,)), row(at(25), 0, IMAP), *daily(23, 25, 50076, policies=(MFA,))],
        "high",
        ("All 3 sign-ins with Authenticated SMTP", "1 sign-in with IMAP4"),
    ),
    Labelled(
        "stranger",
        [*daily(1, 25, time="06:00"), row(at(25, "23:00"), 53003, policies=(BLOCK,), place=ABROAD)],
        "high",
        ("It came from 198.51.100.66 (RU)", "25 Nov 2026, 06:00 UTC, from 203.0.113.7 (GB)"),
    ),
    Labelled(
        "stranger-before",
        [
            row(at(10), 53003, policies=(BLOCK,), place=ABROAD),
            *daily(11, 20),
            row(at(21), 53003, policies=(BLOCK,)),
            row(at(21, "09:00"), 53003, policies=(BLOCK,)),
        ],
        "high",
        ("All 2 sign-ins", "They came from 203.0.113.7 (GB)."),
        ("RU",),
    ),
    Labelled(
        "stranger-on-that-day",
        [
            row(at(25, "06:00"), 53003, policies=(BLOCK,), place=ABROAD),
            row(at(25, "07:00")),
            row(at(25, "08:00"), 53003, policies=(BLOCK,)),
        ],
        "high",
        ("The newest sign-in", "It came from 203.0.113.7 (GB)."),
        ("RU",),
    ),
    Labelled(
        "two-errors",
        [row(at(24), 50076, policies=()), row(at(25), 53003, policies=(BLOCK,))],
        "high",
        ("50076", "53003", _BY_BLOCK),
    ),
    # --- today
    Labelled(
        "this-morning",
        [*daily(1, 25), row(at(26, "05:00"), 53003, policies=(BLOCK,))],
        "high",
        ("26 Nov 2026, 05:00 UTC",),
    ),
    Labelled("in-again-this-morning", [*daily(20, 25, 53003, policies=(BLOCK,)), row(at(26, "06:59"))], "medium"),
    Labelled("time-to-come", [*daily(1, 25), row(at(26, "09:00"), 53003, policies=(BLOCK,))], None),
    Labelled("in-again-in-time-to-come", [*daily(24, 25, 53003, policies=(BLOCK,)), row(at(26, "09:00"))], "high"),
)
