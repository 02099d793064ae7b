"""Thirty days of sign-ins at the demo company."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from demo.company_policies import ALL_USERS, BLOCK_LEGACY, EXCLUDED_UNTIL, SWITCHED_ON
from localgraph.schema import Json
from localgraph.sign_ins import EXCLUDED, Habit, SignInLog, States
from localgraph.tenant import LocalTenant, LocalUser

_DOMAIN = "alderleaf.example"
_DAYS = 30
_BRISTOL, _IT_ROOM, _WAREHOUSE, _GDANSK = "203.0.113.12", "203.0.113.60", "203.0.113.194", "198.51.100.20"
_CLOUD, _OSAKA = "192.0.2.77", "192.0.2.140"
_SMTP, _IMAP, _EWS, _EAS = "Authenticated SMTP", "IMAP4", "Exchange Web Services", "Exchange ActiveSync"
_MODERN, _BROWSER = "Mobile Apps and Desktop clients", "Browser"
_EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"

# account, clientAppUsed, address, application or "", user agent or "", hours of the day
_MACHINES = (
    ("svc-codetwo-backup", _EWS, _IT_ROOM, "CodeTwo Backup for Office 365", "C2Backup/2.5", (1, 13)),
    ("svc-signatures", _MODERN, _IT_ROOM, "", "", (7,)),
    ("svc-journal", _SMTP, _CLOUD, "", "", (6, 18)),
    ("svc-archive", _EWS, _CLOUD, "", "ExchangeServicesClient/15.00.0913.015", (3,)),
    ("svc-migration", _EWS, _CLOUD, "", "ExchangeServicesClient/15.00.0913.015", (22,)),
    ("fax-gateway", _SMTP, _BRISTOL, "", "", (9, 15)),
    ("invoices", _IMAP, _CLOUD, "", "", (8,)),
    ("svc-scan-bristol", _SMTP, _BRISTOL, "", "", (9, 11, 16)),
    ("svc-scan-gdansk", _SMTP, _GDANSK, "", "", (10,)),
    ("svc-scan-osaka", _SMTP, _OSAKA, "", "", (2,)),
    ("svc-warehouse", _SMTP, _WAREHOUSE, "", "", (5, 12)),
    ("svc-boardroom", _EAS, _BRISTOL, "", "MSFT-WIN-3/10.0.22621", (8,)),
    ("svc-erp-mailer", _SMTP, _IT_ROOM, "", "", (4, 17)),
    ("svc-payroll", _SMTP, _IT_ROOM, "", "", (6,)),
    ("svc-helpdesk", _IMAP, _CLOUD, "Deskwell Help Desk", "Deskwell/9.1", (7, 19)),
    ("svc-crm", _EWS, _CLOUD, "Northgate CRM Sync", "NorthgateSync/4.2", (5, 20)),
    ("svc-monitoring", _IMAP, _CLOUD, "", "", (0, 6, 12, 18)),
    ("svc-automation", _MODERN, _IT_ROOM, "", "ExchangeOnlineManagement/3.9", (23,)),
    ("dispatch-notes", _SMTP, _WAREHOUSE, "", "", (6, 14)),
    ("mfp-gdansk-2", _SMTP, _GDANSK, "", "", (8, 13)),
    ("pagerloom", _MODERN, _CLOUD, "Pagerloom Monitoring", "Pagerloom/7.3", (1, 9, 17)),
)

# account, address, days ago, hour: people who signed in interactively where a machine should
_BY_HAND = (
    ("invoices", _BRISTOL, (2, 3, 6, 9, 13), 10),
    ("svc-helpdesk", _CLOUD, (7,), 9),
    ("svc-signatures", _CLOUD, (4,), 20),
)
_OFFICES = {"Bristol": _BRISTOL, "Gdańsk": _GDANSK, "Osaka": _OSAKA, "Avonmouth": _WAREHOUSE}


def sign_ins(tenant: LocalTenant, today: datetime) -> list[Json]:
    """The log, newest first, nothing later than the tenant's ``now``."""
    log = SignInLog(tenant, _states(today))
    entries = [log.entry(habit, when) for habit, when in _moments(tenant, today) if when <= tenant.now]
    return sorted(entries, key=lambda entry: (entry["createdDateTime"], entry["id"]), reverse=True)


def _states(today: datetime) -> States:
    switched_on, excluded_until = today - SWITCHED_ON, today - EXCLUDED_UNTIL
    created: dict[str, datetime] = {}

    def state(policy: Json, user: LocalUser, when: datetime) -> str | None:
        name = policy["displayName"]
        if name not in created:
            created[name] = datetime.fromisoformat(policy["createdDateTime"])
        if when < created[name]:
            return None
        if name == ALL_USERS and when < switched_on:
            return "enabledForReportingButNotEnforced"
        if name == BLOCK_LEGACY and user.upn.startswith("svc-scan-gdansk") and when < excluded_until:
            return EXCLUDED
        return str(policy["state"])

    return state


def _moments(tenant: LocalTenant, today: datetime) -> Iterator[tuple[Habit, datetime]]:
    for number, (name, client, address, app, agent, hours) in enumerate(_MACHINES):
        habit = Habit(
            tenant.user(f"{name}@{_DOMAIN}"), client, address, app or "Office 365 Exchange Online", agent or None
        )
        for day in range(_DAYS):
            for hour in hours:
                yield habit, _at(today, day, hour, 7 * number + 3 * day)
    for name, address, days, hour in _BY_HAND:
        habit = Habit(tenant.user(f"{name}@{_DOMAIN}"), _BROWSER, address, agent=_EDGE, interactive=True)
        for day in days:
            yield habit, _at(today, day, hour, 11 * day)
    yield from _people(tenant, today)


def _people(tenant: LocalTenant, today: datetime) -> Iterator[tuple[Habit, datetime]]:
    staff = tenant.group("All staff").members
    for number, id in enumerate(staff):
        user = tenant.users[id]
        address = _OFFICES[(user.extra or {})["officeLocation"]]
        browser = Habit(user, _BROWSER, address, agent=_EDGE, interactive=True)
        background = Habit(user, _MODERN, address)
        for day in range(_DAYS):
            if (today - timedelta(days=day)).weekday() < 5:
                yield browser, _at(today, day, 7 + number % 3, 2 * number + day)
                yield background, _at(today, day, 12, number + day)
    traveller = tenant.user(f"hannah.becker@{_DOMAIN}")
    yield Habit(traveller, _BROWSER, _CLOUD, agent=_EDGE, interactive=True, risk="medium"), _at(today, 15, 21, 4)


def _at(today: datetime, day: int, hour: int, minute: int) -> datetime:
    return (today - timedelta(days=day)).astimezone(UTC) + timedelta(
        hours=hour, minutes=minute % 60, seconds=minute % 47
    )
