"""The plan of a scan document, as JSON: read off its accounts, worked out by ``checks/plan.py``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from basics.times import iso
from checks.catalog import REFUSED, deciding_effects
from checks.client_sign_ins import SECURITY_DEFAULTS as SECURITY_DEFAULTS_ID
from checks.plan import NO_POLICY, SECURITY_DEFAULTS, Cause, Item, Problem, Step, Subject, WayOut, plan, way_out_of
from reports.standing import counts, standing, standing_object
from reports.words import count
from tenant.shapes import parse_time

Json = dict[str, Any]
_T = TypeVar("_T")
NAMED = 100
"""How many accounts are named in an item or a step; all are counted."""
TOP = 3
"""How many steps are shown first."""


def plan_object(accounts: Iterable[Mapping[str, Any]]) -> Json:
    """The ``plan`` of a document with these accounts."""
    same: dict[Any, Any] = {}  # of many accounts the same is true: it is kept once
    made = plan(subject for one in accounts if (subject := _subject(one, same)).problems)
    return {"steps": [_step(one) for one in made.steps], "causes": [_item(one) for one in made.items]}


def plan_of(document: Mapping[str, Any]) -> Json:
    """The plan of a document, of an older version as well."""
    found = document.get("plan")
    return found if isinstance(found, dict) else plan_object(document["accounts"])


def step_sentence(step: Mapping[str, Any]) -> str:
    """``Set the account's per-user MFA to Enforced: 1 account, solves 1 finding, 1 broken now; about 5 minutes.``"""
    findings, now = step["findings"], step["broken_now"]
    accounts = count(step["count"], "account", "accounts")
    said = f"{step['title']}: {accounts}, solves {count(findings, 'finding', 'findings')}"
    if now:
        said += f", {now:,} of them broken now" if findings > 1 else ", broken now"
    return f"{said}; about {step['minutes']} minutes." if step.get("minutes") else f"{said}."


def _subject(account: Mapping[str, Any], same: dict[Any, Any]) -> Subject:
    """The account; ``same``: what others have in common with it, each by itself."""
    open_ = [one for one in account["findings"] if counts(one)]
    ends = {one.get("check_id"): str(one.get("what") or "") for one in account.get("deadlines") or ()}
    return Subject(
        id=account["id"],
        name=account["user_principal_name"] or account["id"],
        problems=tuple(
            _kept_once(
                same,
                Problem(
                    one["check_id"],
                    one["title"],
                    one["severity"],
                    standing(one, account),
                    cause_of(one["check_id"], account),
                    ends.get(one["check_id"], ""),
                    refused_since(account) if one["check_id"] == REFUSED else None,
                ),
            )
            for one in open_
        ),
        ways=_kept_once(same, _ways(account)) if open_ else (),
    )


def _kept_once(same: dict[Any, Any], one: _T) -> _T:
    try:
        kept: _T = same.setdefault(one, one)
    except TypeError:  # another version may have written an object or a list where a text belongs
        return one
    return kept


def _ways(account: Mapping[str, Any]) -> tuple[WayOut, ...]:
    return tuple(
        WayOut(one.get("way") or "", str(one["title"]), tuple(one.get("steps") or ()), one.get("url") or "")
        for one in _objects(account, "remediation")
        if one.get("title")
    )


def next_step_of(check_id: str, account: Mapping[str, Any]) -> WayOut | None:
    """What to do first about a finding of an account: the same as in the plan, or else its first remedy; None for none."""
    ways = _ways(account)
    return way_out_of(check_id, ways) or next(iter(ways), None)


def cause_of(check_id: str, account: Mapping[str, Any]) -> Cause:
    """What decides a finding of an account: the first reason that does, or what the sign-in log names.

    What another version wrote down may lack anything: what isn't there isn't told.
    """
    if check_id == REFUSED:
        return _refused_by(account)
    effects = deciding_effects(check_id)
    decisive = next((one for one in _objects(account, "reasons") if one.get("effect") in effects), None)
    return NO_POLICY if decisive is None else _of_reason(decisive)


def _of_reason(reason: Mapping[str, Any]) -> Cause:
    id, name = reason.get("policy_id"), reason.get("policy_name")
    if not id and not name and reason.get("effect") in ("demands_mfa", "blocks_legacy"):
        name = SECURITY_DEFAULTS
    since = None if reason.get("since_is_policy_date") else parse_time(reason.get("since"))
    return Cause(id, name, since, reason.get("actor"))


def refused_since(account: Mapping[str, Any]) -> datetime | None:
    """Since when a client's sign-ins with this account have all been refused: of the first of those that still are."""
    times = (parse_time(client.get("refused_since")) for client in _refused_clients(account))
    return min((one for one in times if one), default=None)


def _refused_clients(account: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The clients whose newest sign-in was refused."""
    return [
        client
        for client in _objects(account, "sign_ins")
        if str(client.get("last_refused") or "") >= str(client.get("last_got_in") or "")
    ]


def _refused_by(account: Mapping[str, Any]) -> Cause:
    """The one policy that the newest refusals name; no policy where they name none, or several."""
    refusals = [
        ending
        for client in _refused_clients(account)
        for ending in _objects(client, "endings")
        if ending.get("kind") == "refused"
    ]
    named = {(one.get("id"), one.get("name")) for ending in refusals for one in _objects(ending, "policies")}
    if len(named) != 1:
        return NO_POLICY
    id, name = named.pop()
    if str(id).lower() == SECURITY_DEFAULTS_ID:
        return Cause(None, SECURITY_DEFAULTS)
    reasons = (
        _of_reason(one)
        for one in _objects(account, "reasons")
        if one.get("policy_id") == id and one.get("effect") in ("blocks_legacy", "demands_mfa")
    )
    return next((replace(one, policy_name=name or one.policy_name) for one in reasons if one.since), Cause(id, name))


def _objects(of: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = of.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []


def _step(step: Step) -> Json:
    return {
        "title": step.title,
        "way": step.way,
        "steps": list(step.steps),
        "url": step.url,
        "minutes": step.minutes,
        "findings": step.findings,
        "broken_now": step.now,
        **_accounts(step.accounts),
    }


def _item(item: Item) -> Json:
    return {
        "title": item.title,
        "urgency": standing_object(item.standing),
        "severity": item.severity,
        "policy_id": item.policy_id,
        "policy_name": item.policy_name,
        "since": iso(item.since) if item.since else None,
        "actor": item.actor,
        "checks": list(item.checks),
        "findings": item.findings,
        **_accounts(item.accounts),
    }


def _accounts(accounts: Sequence[tuple[str, str]]) -> Json:
    named = [{"id": id, "user_principal_name": name} for id, name in accounts[:NAMED]]
    return {"count": len(accounts), "accounts": named}
