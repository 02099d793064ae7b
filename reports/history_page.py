"""The history of one account as a page without any script, which only the app itself serves."""

from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from reports import times
from reports.history import AccountHistory, PublicEvent
from reports.html import environment
from reports.plain import plain_policy, plain_style
from reports.text import readable
from reports.words import OPTION, WORKS, count, verdict

MOST = 500
"""How many events the page shows; the JSON has all."""
_SHAPES = {
    "resolved": "good",
    "got_in": "good",
    "settled": "none",
    "refused": "high",
    "alert_failed": "high",
    "accepted": "accepted",
}
_BY_SEVERITY = frozenset({"opened", "reopened", "changed", "flapping", "exception_expired"})


def render_history(history: AccountHistory) -> str:
    """The page: who it is and how the account stands, then what happened, newest first. Its headers: ``plain_headers``."""
    account, events = history["account"], history["events"]
    return (
        environment()
        .get_template("history.html")
        .render(
            csp=Markup(plain_policy()),  # noqa: S704  our own text
            style=Markup(plain_style()),  # noqa: S704  our own files
            account=account,
            standing=standing(history),
            back=f"../../report#account={quote(readable(account['id']), safe='')}",
            days=_days(events[:MOST]),
            others=len(events) - MOST if len(events) > MOST else 0,
        )
    )


def standing(history: AccountHistory) -> list[str]:
    """How the account stands, in sentences."""
    account = history["account"]
    said = [] if account["watched"] else ["Nobody watches it any more; this is how it stood last."]
    if account["visibility"] and account["app_password_works"]:
        said += [
            f"App password option: {verdict(OPTION, account['visibility']).label}.",
            f"App password works: {verdict(WORKS, account['app_password_works']).label}.",
        ]
    number, unreadable = account["open_findings"], account["unreadable_findings"]
    if number or not unreadable:  # otherwise nobody knows that none is open
        said.append(f"{count(number, 'finding is', 'findings are')} open." if number else "No finding is open.")
    if unreadable:
        said.append(f"{count(unreadable, 'finding', 'findings')} can't be read by this version.")
    return said


def _days(events: list[PublicEvent]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The events by day."""
    days: dict[str, list[dict[str, Any]]] = {}
    for one in events:
        days.setdefault(times.day(times.parse(one["at"])), []).append(_shown(one))
    return list(days.items())


def _shown(event: PublicEvent) -> dict[str, Any]:
    at = times.parse(event["at"])
    shape = event["severity"] if event["kind"] in _BY_SEVERITY else _SHAPES.get(event["kind"])
    after = times.parse(event["after"]) if event["after"] else None
    return {
        **event,
        "time": f"Between {times.moment(after)} and {times.moment(at)}" if after else f"{at:%H:%M} UTC",
        "shape": shape if shape in ("high", "medium", "low", "good", "accepted") else "none",
    }
