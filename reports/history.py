"""What happened to one account, as one timeline in words, newest first: pure, from what is kept of it and nothing else.

A moment that isn't known isn't made up: then an event has ``after`` beside ``at``, and lies between the two.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, TypedDict

from alerts.channel import TITLES
from basics.times import iso
from checks.phrases import joined
from reports import times
from reports.sign_ins import why_ended
from reports.words import CHANGE, SEVERITY, option_of, say, works_of

Json = Mapping[str, Any]

_SILENT = {
    "exception": "No alert told of it, because it was accepted.",
    "flapping": "No alert told of it, because it kept coming and going.",
    "hiccup": "No alert told of it then, because one scan alone had seen it.",
}
_FLAPPING = {
    "started": (
        "flapping",
        "Comes and goes",
        "It changed several times within a week. Further changes are recorded, not told, until it settles.",
    ),
    "settled": ("settled", "Settled", "It kept changing, has been still for some days, and this is how it stayed."),
}
_UNSENT = {
    "failed": ("alert_failed", "Alert not delivered", "could not be delivered so far"),
    "given_up": ("alert_failed", "Alert not delivered", "was given up"),
    "sending": ("alert_waits", "Alert on its way", "is being sent"),
    "pending": ("alert_waits", "Alert on its way", "waits to be sent"),
}
_PASSWORD = {"created": "An app password was created", "deleted": "An app password was deleted"}
_ENDINGS = 3
"""How many ways in which a client was refused are told."""


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is kept of an account."""

    account: Json
    """As in a scan document, as it was last judged; of one whose judgement can't be read, ``id`` and the names alone."""
    judged_at: datetime | None = None
    watched: bool = True
    """Whether somebody still watches it."""
    lost_since: datetime | None = None
    """Since when the settings no longer select it, while it is watched on."""
    findings: Sequence[Json] = ()
    """As they stand: ``PublicFinding``."""
    unreadable: int = 0
    """How many findings more there are that this version can't read."""
    changes: Sequence[Json] = ()
    """What happened to its findings: ``Change.public()``, its times as exact as they are kept, so that they tell the order."""
    exceptions: Sequence[Json] = ()
    """What was accepted: ``PublicException``."""
    deliveries: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    """Where each channel stands with an alert, by the alert's id: ``channel``, ``status``, ``at`` (null where it wasn't
    delivered), ``error``, ``attempts``."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    at: datetime
    kind: str
    label: str
    """The kind in a word or two."""
    text: str
    after: datetime | None = None
    """It lies between this time and ``at``, where it isn't known more exactly."""
    check_id: str | None = None
    title: str | None = None
    """Of the finding that it is about."""
    severity: str | None = None
    notes: tuple[str, ...] = ()
    """What else is known of it, in sentences."""


class PublicEvent(TypedDict):
    """One thing that happened to an account, as a JSON object: docs/openapi.json is made from this."""

    at: str
    after: str | None
    kind: str
    label: str
    text: str
    check_id: str | None
    title: str | None
    severity: str | None
    notes: list[str]


class HistoryAccount(TypedDict):
    """Whose history it is, as a JSON object: docs/openapi.json is made from this."""

    id: str
    user_principal_name: str
    display_name: str
    watched: bool
    visibility: str | None
    app_password_works: str | None
    open_findings: int
    unreadable_findings: int


class AccountHistory(TypedDict):
    """What happened to an account, newest first, as a JSON object: docs/openapi.json is made from this."""

    schema: Literal[1]
    account: HistoryAccount
    events: list[PublicEvent]


def history_document(known: Known, now: datetime) -> AccountHistory:
    """The account and its timeline as JSON (docs/json.md)."""
    account = known.account
    judged = "visibility" in account and "usability" in account
    return {
        "schema": 1,
        "account": {
            "id": account["id"],
            "user_principal_name": account["user_principal_name"],
            "display_name": account["display_name"],
            "watched": known.watched,
            "visibility": option_of(account) if judged else None,
            "app_password_works": works_of(account) if judged else None,
            "open_findings": sum(one["status"] == "open" for one in known.findings),
            "unreadable_findings": known.unreadable,
        },
        "events": [_public(one) for one in timeline(known, now)],
    }


def timeline(known: Known, now: datetime) -> list[Event]:
    """What happened, newest first; of what happened at one time, what follows from something stands above it."""
    found = [
        *_causes(known.account),
        *_app_passwords(known.account),
        *_sign_ins(known.account),
        *_names(known),
        *(_change(one) for one in known.changes),
        *_exceptions(known.exceptions, now),
        *_alerts(known),
        *_unwatched(known),
    ]
    return sorted(dict.fromkeys(found), key=lambda one: one.at)[::-1]


def _public(event: Event) -> PublicEvent:
    return {
        "at": iso(event.at),
        "after": iso(event.after) if event.after else None,
        "kind": event.kind,
        "label": event.label,
        "text": event.text,
        "check_id": event.check_id,
        "title": event.title,
        "severity": event.severity,
        "notes": list(event.notes),
    }


def _change(change: Json) -> Event:
    kind, flapping = change["kind"], change.get("flapping")
    notes = [_SILENT[change["silence"]]] if change.get("silence") in _SILENT else []
    if kind == "resolved" and not flapping:
        return _about(change, kind, say(CHANGE, kind), change.get("resolution") or "No scan finds it any more.", notes)
    if flapping in _FLAPPING:
        kind, label, text = _FLAPPING[flapping]
        stayed = change.get("resolution") if change["status"] == "resolved" else change["summary"]
        return _about(change, kind, label, text, [*filter(None, [stayed]), *notes])
    if change.get("cause"):
        notes.insert(0, change["cause"])
    if kind == "exception_expired":
        return _about(change, kind, say(CHANGE, kind), "It is still open, and told again from now on.", notes)
    if before := change.get("previous_severity"):
        rated = f"It is now rated {say(SEVERITY, change['severity'])}; it was {say(SEVERITY, before)}."
        return _about(change, kind, "Severity changed", change["summary"], [rated, *notes])
    label = "Cause changed" if kind == "changed" else say(CHANGE, kind)
    first = times.parse(change["first_seen"])
    if kind in ("opened", "reopened") and first < times.parse(change["at"]):
        label = "Confirmed"
        notes.insert(0, f"Seen first on {times.moment(first)}, and told now that another scan sees it.")
    return _about(change, kind, label, change["summary"], notes)


def _about(change: Json, kind: str, label: str, text: str, notes: Sequence[str]) -> Event:
    return Event(
        times.parse(change["at"]),
        kind,
        label,
        text,
        check_id=change["check_id"],
        title=change["title"],
        severity=change["severity"],
        notes=tuple(one for one in dict.fromkeys(notes) if one != text),
    )


def _exceptions(exceptions: Iterable[Json], now: datetime) -> Iterator[Event]:
    for one in exceptions:
        what = one["check_id"] or "Every finding"
        until = date.fromisoformat(one["until"])
        by = f" Entered by {one['created_by']}." if one["created_by"] else ""
        yield Event(
            times.parse(one["created_at"]),
            "accepted",
            "Accepted",
            f"{what} is accepted until {times.day(until)}, by {one['owner']}: {one['reason']}",
            check_id=one["check_id"],
            notes=(by.strip(),) if by else (),
        )
        over = datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1)
        if one["ended_at"]:
            who = f" by {one['ended_by']}" if one["ended_by"] else ""
            yield Event(
                times.parse(one["ended_at"]),
                "exception_ended",
                "Exception ended",
                f"{what} was accepted until {times.day(until)}; that was ended before{who}.",
                check_id=one["check_id"],
            )
        elif over <= now:
            yield Event(
                over,
                "exception_ended",
                "Exception ended",
                f"{what} was accepted until {times.day(until)}, by {one['owner']}.",
                check_id=one["check_id"],
            )


def _alerts(known: Known) -> Iterator[Event]:
    told: dict[str, Json] = {}
    for change in known.changes:
        if not change.get("silence"):
            told.setdefault(change["alert_id"], change)
    for alert_id, change in told.items():
        found = times.parse(change["at"])
        alert = f"The alert of the scan of {times.moment(found)}"
        sent: dict[str, list[Json]] = {}
        for one in known.deliveries.get(alert_id, ()):
            channel = TITLES.get(one["channel"], one["channel"])
            if one["status"] == "delivered" and one["at"]:
                sent.setdefault(times.moment(times.parse(one["at"])), []).append({"at": one["at"], "channel": channel})
            elif one["status"] in _UNSENT:
                kind, label, said = _UNSENT[one["status"]]
                why = (one["error"],) if one["error"] else ()
                yield Event(found, kind, label, f"{alert} {said}: {channel}.", notes=why)
        for together in sent.values():  # in the same minute
            at = max(times.parse(one["at"]) for one in together)
            yield Event(at, "alert", "Alert sent", f"{alert} went to {joined([one['channel'] for one in together])}.")


def _causes(account: Json) -> Iterator[Event]:
    """Since when the reasons hold that stand in the last judgement, and when their policies were last changed."""
    for reason in account.get("reasons") or ():
        if not reason.get("since"):
            continue
        at = times.parse(reason["since"])
        if reason.get("cause"):
            yield Event(at, "cause", "What changed", reason["cause"])
        elif reason.get("policy_name") and reason.get("since_is_policy_date"):
            by = f" by {reason['actor']}" if reason.get("actor") else ""
            yield Event(at, "policy", "Policy changed", f'The policy "{reason["policy_name"]}" was last changed{by}.')


def _app_passwords(account: Json) -> Iterator[Event]:
    for one in account.get("app_password_events") or ():
        by = f" by {one['actor']}" if one.get("actor") else ""
        said = _PASSWORD.get(one["kind"], f"App password: {one['kind']}")
        yield Event(times.parse(one["time"]), "app_password", "App password", f"{said}{by}, as the audit log says.")


def _sign_ins(account: Json) -> Iterator[Event]:
    """When each client of the last 30 days was last refused although the password was right, and when it last got in."""
    for client in account.get("sign_ins") or ():
        if client["last_refused"]:
            refused = [one for one in client["endings"] if one["kind"] == "refused"]
            since = f" since {times.moment(times.parse(client['refused_since']))}" if client["refused_since"] else ""
            number = f"{client['refused']:,} sign-in{'s' if client['refused'] != 1 else ''}"
            yield Event(
                times.parse(client["last_refused"]),
                "refused",
                "Sign-ins refused",
                f"{client['client']}: {number} refused{since} although the password was right; this was the last.",
                notes=tuple(dict.fromkeys(map(_ending, refused[:_ENDINGS]))),
            )
        if client["last_got_in"]:
            yield Event(
                times.parse(client["last_got_in"]),
                "got_in",
                "Signed in",
                f"{client['client']} got in for the last time; {client['got_in']:,} in 30 days.",
            )


def _ending(ending: dict[str, Any]) -> str:
    policies = ", ".join(f'"{one["name"]}"' for one in ending["policies"] or ())
    by = f" by {policies}" if policies else ""
    places = f", from {', '.join(ending['places'])}" if ending["places"] else ""
    return f"{why_ended(ending) or 'Refused'}{by}{places}."


def _names(known: Known) -> Iterator[Event]:
    """Where a name follows another: when exactly, nobody has written down."""
    seen = [(times.parse(one["at"]), one["user_principal_name"]) for one in known.changes]
    seen.sort(key=lambda one: one[0])
    if known.judged_at and seen and known.judged_at >= seen[-1][0]:
        seen.append((known.judged_at, known.account["user_principal_name"]))
    for (before, old), (after, new) in pairwise(seen):
        if old.casefold() != new.casefold():
            yield Event(after, "renamed", "Renamed", f"It was called {old}, and is called {new}.", after=before)


def _unwatched(known: Known) -> Iterator[Event]:
    if known.lost_since:
        yield Event(
            known.lost_since,
            "lost",
            "No longer selected",
            "Since then the settings don't select it; it is watched on for some days, in case that is a mistake.",
        )
    if known.watched or known.judged_at is None:
        return
    if not any(one["closing"] and times.parse(one["at"]) == known.judged_at for one in known.changes):
        yield Event(
            known.judged_at, "unwatched", "No longer watched", "From then on nobody looks at the account any more."
        )
