"""What the report's script shows, as compact JSON: texts that accounts have in common are written once.

Members of the accounts have one-letter names, since there may be thousands, and their lists stand once for all that share them;
``templates/report.js`` names them and puts the lists back.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from checks.retirements import SOON
from checks.urgency import Standing
from reports import times
from reports.chain import chain_of
from reports.extras import Json, ReportExtras
from reports.sign_ins import why_ended
from reports.standing import ORDER, standing, standing_of_account
from reports.text import readable
from reports.words import (
    CHANGE,
    ENDING,
    OPTION,
    PER_USER_MFA,
    SEVERITY,
    URGENCY,
    WORKS,
    Words,
    effect,
    option_of,
    say,
    verdict,
    works_of,
    works_words,
)

_HISTORY = 12
"""How many entries of an account's history are shown."""
_ENDINGS = 15
"""How many ways in which an account's sign-ins ended are shown."""
_RANK = {"high": 4, "medium": 3, "low": 2}
_ACCEPTED = 1


class Pool:
    """Values that many accounts share, kept once each and referred to by their position."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[Hashable, int] = {}
        self._objects: dict[int, tuple[Json, int]] = {}

    def place(self, key: Hashable, make: Callable[[], Any]) -> int:
        """Where the value that ``key`` identifies stands; it is made and added when it is new."""
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(make())
        return self._places[key]

    def text(self, text: str) -> int:
        """Where a text stands, made readable."""
        return self.place(text, lambda: readable(text))

    def known(self, item: Json, place: Callable[[Json], int]) -> int:
        """Where ``place`` puts an object; it is asked once for each, as accounts that are alike may share theirs."""
        if id(item) not in self._objects:
            self._objects[id(item)] = item, place(item)  # kept, so that its id stays its own
        return self._objects[id(item)][1]


def page_data(document: Json, extras: ReportExtras, *, acting: bool = False, served: bool = False) -> dict[str, Any]:
    """The data of the page for a scan document, ready for JSON, for somebody who may act or not. Times are seconds since 1970.

    Every list of an account stands in ``lists``, with its number in its place: most accounts share most of them.
    ``served``: the app serves it, so that it can lead to the app's other pages.
    """
    pools = {name: Pool() for name in ("texts", "reasons", "remedies", "notices", "exceptions")}
    lists = Pool()
    history = defaultdict[str, list[Json]](list)
    for change in extras.history:
        history[change["account"]].append(change)
    now = times.parse(document["run"]["finished"])
    placed = []
    for one in document["accounts"]:
        account = _account(one, history.get(one["id"], []), pools, now, acting=acting)
        placed.append((_worst_first(account), _with_numbers(account, lists)))
    accounts = [account for _, account in sorted(placed, key=lambda one: one[0])]
    changed = {readable(change["account"]) for change in extras.changes_of(document["run"])}
    return {
        "accounts": accounts,
        **{name: pool.values for name, pool in pools.items()},
        "lists": lists.values,
        "changed": sorted(index for index, account in enumerate(accounts) if account["i"] in changed),
        "adminCenter": extras.admin_center,
        "visibility": _words(OPTION, (option_of(one) for one in document["accounts"])),
        "works": _words(WORKS, map(works_of, document["accounts"])),
        "urgency": _words(URGENCY, ()),
        "severity": SEVERITY,
        **({"served": True} if served else {}),
    }


def _with_numbers(account: dict[str, Any], lists: Pool) -> dict[str, Any]:
    """The account with the number of each of its lists in the list's place: most accounts share most of them."""
    return {
        name: lists.place(json.dumps(value), partial(list, value)) if isinstance(value, list) else value
        for name, value in account.items()
    }


def rank(account: Json) -> int:
    """The worst severity of an account that nobody accepted: 4 high, 3 medium, 2 low, 1 if all are accepted, 0 without any."""
    ranks = [_RANK.get(one["severity"], 0) for one in account["findings"] if not one.get("exception")]
    return max(ranks, default=_ACCEPTED if account["findings"] else 0)


def worst_first(findings: Sequence[Json]) -> list[Json]:
    """An account's findings, the worst first and those that somebody accepted last; alike ones in the order of their ids."""
    return sorted(
        findings, key=lambda one: (bool(one.get("exception")), -_RANK.get(one["severity"], 0), one["check_id"])
    )


def _account(
    account: Json, history: Sequence[Json], pools: dict[str, Pool], now: datetime, *, acting: bool
) -> dict[str, Any]:
    texts = pools["texts"]
    worst = rank(account)
    data = {
        "i": readable(account["id"]),
        "u": readable(account["user_principal_name"]),
        "n": readable(account["display_name"]),
        "v": readable(option_of(account)),
        "w": readable(works_of(account)),
        "z": _works(account, texts, now),
        "o": _group(account),
        "m": texts.text(say(PER_USER_MFA, account["per_user_mfa"])),
        "q": worst,
        "y": _since(account),
        "s": [texts.text(one) for one in account["selected_by"]],
        "p": [texts.text(one["name"]) for one in account.get("products", ())],
        "e": [texts.text(_app_password(one)) for one in account.get("app_password_events") or ()],
        "k": [texts.text(check["text"]) for check in (account.get("cross_check"),) if check],
        "l": [texts.text(check["text"]) for check in (account.get("sign_in_check"),) if check],
        "g": _endings(account.get("sign_ins", ()), texts),
        "r": [pools["reasons"].known(one, partial(_reason, pool=pools["reasons"])) for one in account["reasons"]],
        "f": [_finding(one, account, pools, acting=acting) for one in worst_first(account["findings"])],
        "d": [pools["remedies"].known(one, partial(_remedy, pool=pools["remedies"])) for one in account["remediation"]],
        "t": [_notice(one, pools["notices"]) for one in account.get("notices", ())],
        "h": [_change(one, texts) for one in sorted(history, key=lambda one: str(one["at"]), reverse=True)[:_HISTORY]],
        "x": max(0, len(history) - _HISTORY),
    }
    return {name: value for name, value in data.items() if value or name in "iuvwmqrzo"}


def group_of(account: Json) -> str:
    """Where an account stands: its urgency, or ``accepted`` where every finding is, or ``none`` without any."""
    return _place(account, standing_of_account(account))


def _place(account: Json, found: Standing | None) -> str:
    if found:
        return found.urgency.value
    return "accepted" if account["findings"] else "none"


def _group(account: Json) -> list[Any]:
    """The group, and the day on which it breaks as seconds where it is known."""
    found = standing_of_account(account)
    return [_place(account, found), *([_seconds(found.on.isoformat())] if found and found.on else [])]


def _works(account: Json, texts: Pool, now: datetime) -> list[int]:
    """Whether an app password would be let in: the words, why, and 1 where it ends soon."""
    words, found = works_words(account), account.get("app_password_works") or {}
    until = times.parse(found["until"]) if found.get("until") else None
    return [texts.text(words.label), texts.text(words.meaning), *([1] if until and until - now <= SOON else [])]


GROUPS = (*ORDER, "accepted", "none")
"""Every place of an account, the most urgent first."""


def _worst_first(account: dict[str, Any]) -> tuple[int, int, float, int, str]:
    group, *day = account["o"]
    order = tuple(OPTION)
    place = order.index(account["v"]) if account["v"] in order else -1
    return GROUPS.index(group), -account["q"], day[0] if day else math.inf, place, account["u"].casefold()


def most_urgent_first(account: Json) -> tuple[int, int, str]:
    """The same order for an account of a document, as far as tables of text need it."""
    return GROUPS.index(group_of(account)), -rank(account), str(account["user_principal_name"]).casefold()


def _since(account: Json) -> int | None:
    """Since when the worst of it is true."""
    worst = rank(account)
    first = [one["first_seen"] for one in account["findings"] if _RANK.get(one["severity"], 0) == worst]
    return min((_seconds(one) for one in first), default=None)


def _reason(reason: Json, pool: Pool) -> int:
    circumstances = tuple(reason.get("circumstances") or ())
    names = ("text", "effect", "policy_id", "policy_name", "scope", "since", "actor", "cause", "understood")
    return pool.place((*(reason.get(name) for name in names), circumstances), lambda: _shown(reason, circumstances))


def _shown(reason: Json, circumstances: Sequence[str]) -> dict[str, Any]:
    since = reason.get("since")
    value = {
        "text": readable(reason["text"]),
        "effect": readable(reason["effect"]),
        "label": effect(reason),
        "chain": [[link.kind, link.name] for link in chain_of(reason)],
        "policy": readable(reason["policy_id"] or ""),
        "since": None if since is None else _seconds(since),
        "by": readable(reason.get("actor") or ""),
        "cause": readable(reason.get("cause") or ""),
        "when": [readable(one) for one in circumstances],
    }
    return {name: member for name, member in value.items() if member}


def _app_password(event: Json) -> str:
    by = f" by {event['actor']}" if event.get("actor") else ""
    return f"{str(event['kind']).capitalize()} {times.moment(times.parse(event['time']))}{by}"


def _endings(clients: Sequence[Json], texts: Pool) -> list[list[int]]:
    """How the last sign-ins of each client ended, newest first: moment, client, ending, why, by which policies, count, places."""
    endings = [(client["client"], one) for client in clients for one in client["endings"]]
    endings.sort(key=lambda item: str(item[1]["last"]), reverse=True)
    return [
        [
            _seconds(one["last"]),
            texts.text(client),
            texts.text(say(ENDING, one["kind"])),
            texts.text(why_ended(one)),
            texts.text(", ".join(policy["name"] for policy in one["policies"] or ())),
            one["count"],
            texts.text(", ".join(one["places"])),
        ]
        for client, one in endings[:_ENDINGS]
    ]


def _finding(finding: Json, account: Json, pools: dict[str, Pool], *, acting: bool) -> list[Any]:
    exception, where = finding.get("exception"), standing(finding, account)
    accepted = None
    if exception:
        value = {name: readable(exception.get(name) or "") for name in ("reason", "owner")}
        value["until"] = times.day(times.parse(exception["until"]))
        if acting:
            value |= {"id": readable(exception.get("id") or ""), "check": readable(exception.get("check_id") or "")}
        accepted = pools["exceptions"].place(tuple(value.values()), lambda: value)
    return [
        readable(finding["check_id"]),
        readable(finding["severity"]),
        pools["texts"].text(finding["title"]),
        pools["texts"].text(finding.get("summary") or ""),
        _seconds(finding["first_seen"]),
        accepted,
        where.urgency.value,
        _seconds(where.on.isoformat()) if where.on else None,
    ]


def _remedy(remedy: Json, pool: Pool) -> int:
    def shown() -> dict[str, Any]:
        return {
            "title": readable(remedy["title"]),
            "steps": [readable(step) for step in remedy["steps"]],
            "tradeOff": readable(remedy["trade_off"]),
            "url": web_address(remedy["url"]),
        }

    return pool.place((remedy["title"], tuple(remedy["steps"]), remedy["trade_off"], remedy["url"]), shown)


def _notice(notice: Json, pool: Pool) -> int:
    value = {"text": readable(notice["text"]), "url": web_address(notice.get("url") or "")}
    return pool.place(tuple(value.values()), lambda: value)


def _change(change: Json, texts: Pool) -> list[Any]:
    text = change.get("resolution") if change["kind"] == "resolved" else change.get("summary")
    said = [say(CHANGE, change["kind"]), change["check_id"], change["title"]]
    return [_seconds(change["at"]), *(texts.text(one) for one in (*said, text or "", change.get("cause") or ""))]


def web_address(url: str) -> str:
    """The address if it is one that a click may open, otherwise nothing."""
    return readable(url) if url.startswith("https://") else ""


def _words(known: dict[str, Words], used: Iterable[str]) -> dict[str, list[str]]:
    names = dict.fromkeys((*known, *used))
    return {readable(name): [readable(verdict(known, name).label), verdict(known, name).meaning] for name in names}


def _seconds(time: str) -> int:
    return int(times.parse(time).timestamp())
