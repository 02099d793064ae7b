"""Findings from how an account is used: APW-010 (a protocol that goes away) and APW-012 (people use it as well)."""

from datetime import date

from basics.times import day
from checks.catalog import fingerprint
from checks.client_sign_ins import legacy_client
from checks.model import Finding, Severity
from checks.retirements import Protocol, retired_protocols
from tenant.model import Account, SignInUse

RETIRED, SHARED = "APW-010", "APW-012"
ENDED_TITLE = "The protocol this account uses has been retired"
"""The title of APW-010 from the day on: what ended years ago isn't being retired."""
PEOPLE_DAYS = 2
"""Days with browser sign-ins from which on people use an account: on one, somebody may have set it up."""


def usage_findings(account: Account, today: date) -> tuple[Finding, ...]:
    """The findings that the sign-ins of an account show; none where the log wasn't read."""
    return tuple(finding for finding in (_retired(account, today), _shared(account)) if finding)


def browser_days(account: Account) -> int:
    """On how many days at most somebody signed in with a browser."""
    return max((use.days for use in account.sign_ins if use.way == "browser"), default=0)


def retired_uses(account: Account) -> dict[Protocol, SignInUse]:
    """The protocols with a date that the account uses, each with the newest use; none where the log wasn't read."""
    uses: dict[Protocol, SignInUse] = {}
    for use in account.sign_ins:
        for protocol in retired_protocols():
            if protocol.serves(use.client_app):
                newest = uses.get(protocol, use)
                uses[protocol] = max(newest, use, key=lambda one: one.last_seen)
    return uses


def _retired(account: Account, today: date) -> Finding | None:
    uses = retired_uses(account)
    if not uses:
        return None
    first = min(uses, key=lambda protocol: protocol.on)
    severity = first.severity(today)
    summary = f"{_signs_in(account, uses[first])} {first.text(today)}"
    causes = [protocol.name for protocol in uses]
    title = ENDED_TITLE if first.on <= today else "The protocol this account uses is being retired"
    return Finding(RETIRED, title, severity, fingerprint(RETIRED, severity, causes), summary)


def _signs_in(account: Account, use: SignInUse) -> str:
    """That the account uses the protocol; where the log tells of none that got in, that it only tries to."""
    client = legacy_client(account, use.client_app)
    if client and client.only_refused:
        last = day(use.last_seen)
        return f"It tries to sign in with {use.client_app}, last on {last}, and was refused every time."
    got_in = client.last_in.last_seen if client and client.last_in else use.last_seen
    return f"It signs in with {use.client_app}, last on {day(got_in)}."


def _shared(account: Account) -> Finding | None:
    uses = [use for use in account.sign_ins if use.way == "browser"]
    days = browser_days(account)
    if days < PEOPLE_DAYS:
        return None
    count, last = sum(use.count for use in uses), max(use.last_seen for use in uses)
    apps = sorted({use.app_name or use.app_id for use in uses})
    shown = ", ".join(apps[:3]) + (f" and {len(apps) - 3} more" if len(apps) > 3 else "")
    times = f"{count:,} times on {days} days" if len(apps) == 1 else f"{count:,} times on at least {days} days"
    summary = f"People sign in with it in a browser: {times}, last on {day(last)}, to {shown}."
    title = "A service account is synchronised, shared or used by people as well"
    return Finding(SHARED, title, Severity.LOW, fingerprint(SHARED, Severity.LOW, []), summary)
