"""What the page has where the app itself serves it, beside the report: what happened, the last scans, and what one may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reports import times
from reports.extras import Json
from reports.text import readable
from reports.words import CHANGE, OPTION, SEVERITY, count, gap_sentence, option_of, say, verdict, works_words

LONGEST = timedelta(days=365)
"""The longest time for which somebody can accept a finding."""
USUAL = timedelta(days=90)
"""For how long it is suggested."""
_GOING_ON = ("queued", "running")
_ALIVE = timedelta(hours=3)
"""A scan that began earlier and says that it goes on was killed: none waits or runs so long."""
_TRIGGER = {
    "schedule": "The timer",
    "request": "A person or program",
    "command line": "The command line",
    "audit log": "A change in the audit log",
}
_STATUS = {
    "queued": "Waits",
    "running": "Goes on",
    "complete": "Done",
    "incomplete": "Done, not everything was readable",
    "failed": "Failed",
    "skipped": "Not started",
}


@dataclass(frozen=True, slots=True)
class Message:
    """What came of what somebody did, in sentences."""

    text: str
    account: str = ""
    """The id of the account that it is about; empty for none."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the page shows to whoever opens it in a browser."""

    now: datetime
    """In UTC."""
    may_act: bool = False
    """Whether they are an Operator: others see no buttons."""
    message: Message | None = None
    runs: Sequence[Json] = ()
    """The last scans, newest first, those of single accounts and those that go on included."""

    @property
    def until(self) -> dict[str, str]:
        """The first, the last and the suggested day for an exception to end on."""
        return {
            "min": self.now.date().isoformat(),
            "max": (self.now + LONGEST).date().isoformat(),
            "value": (self.now + USUAL).date().isoformat(),
        }

    @property
    def going_on(self) -> dict[str, Any] | None:
        """The scan of everything that goes on, or waits to begin."""
        return next(
            (
                {"id": one["id"], "text": progress(one), "done": one["accounts_done"], "total": one["accounts_total"]}
                for one in self.runs
                if one["status"] in _GOING_ON and not one["partial"] and self.now - times.parse(one["started"]) < _ALIVE
            ),
            None,
        )

    @property
    def last(self) -> list[dict[str, str]]:
        """The last scans in words."""
        return [_run(one) for one in self.runs]


def progress(run: Json) -> str:
    """How far a scan is; ``templates/act.js`` says the same."""
    if run["status"] == "queued":
        return "A scan is about to begin."
    if not run["accounts_total"]:
        return "A scan goes on: it reads the tenant."
    return f"A scan goes on: {run['accounts_done']:,} of {count(run['accounts_total'], 'account', 'accounts')}."


def _run(run: Json) -> dict[str, str]:
    whole = "Single accounts" if run["partial"] else "Everything"
    severities, changes = (_counts(words, run[name]) for words, name in ((SEVERITY, "severities"), (CHANGE, "changes")))
    return {
        "id": run["id"],
        "started": times.moment(times.parse(run["started"])),
        "what": whole,
        "trigger": say(_TRIGGER, run["trigger"] or "unknown"),
        "status": say(_STATUS, run["status"]),
        "error": run["error"] or "",
        "accounts": f"{run['accounts_done']:,} of {run['accounts_total']:,}",
        "found": severities or ("Nothing" if run["complete"] else ""),
        "changes": changes or ("Nothing" if run["complete"] else ""),
    }


def _counts(words: dict[str, str], counted: Mapping[str, int]) -> str:
    """How many of each, the worst first."""
    names = [*words, *(name for name in counted if name not in words)]
    return ", ".join(f"{counted[name]:,} {say(words, name).lower()}" for name in names if counted.get(name))


def checked_again(before: Json | None, after: Json, changes: Sequence[Json], run: Json) -> Message:
    """What came of checking an account again.

    Takes the account as it was known before (None: not at all) and as it is now, what happened to its findings, and the run: what
    could not be read, and what is to be known about it.
    """
    said = []
    labels = [
        (verdict(OPTION, option_of(one)).label, works_words(one).label) if one else ("", "") for one in (before, after)
    ]
    for title, was, now in zip(("App password option", "App password works"), *labels, strict=True):
        if was != now:
            said.append(f"{title}: {was} → {now}." if was else f"{title}: {now}.")
    said += [f"{say(CHANGE, one['kind'])}: {one['title']} ({one['check_id']})." for one in changes]
    names: Mapping[str, str] = {after["id"]: after["user_principal_name"]}
    unread = [f"Could not be read: {gap_sentence(gap, names)}" for gap in run["gaps"][:3]]
    begin = f"{after['user_principal_name']} was checked again."
    return Message(
        readable(" ".join([begin, *(said or ["Nothing changed."]), *unread, *run["notes"][:2]])),
        account=readable(after["id"]),
    )
