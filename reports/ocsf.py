"""Findings for a SIEM: OCSF, class Compliance Finding, one JSON object a line. What stands where, and why: docs/siem.md.

Source: https://schema.ocsf.io/1.8.0/classes/compliance_finding. A line is about one check of one account, and is the same however
often it is made as long as nothing new is known: then ``metadata.uid`` is the same, too.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from alerts.links import accept_url, safe_url
from basics.text import well_formed, well_formed_json
from basics.times import parse
from checks.catalog import CANNOT_TELL
from checks.required import REQUIRED
from checks.resolutions import Ending, ending_of
from reports.standing import standing, standing_object
from reports.words import option_of, works_of

SCHEMA_VERSION = "1.8.0"
CATEGORY, CLASS = 2, 2003
MEDIA_TYPE = "application/x-ndjson"
_PROFILES = ("cloud",)
_EVENTS = UUID("0d6b8b0e-8f0c-4b57-9a68-5f3c8b1f2a7d")
"""Never changes: the ids of events are made from it."""
_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_NEW, _SUPPRESSED, _RESOLVED, _ARCHIVED = (1, "New"), (3, "Suppressed"), (4, "Resolved"), (5, "Archived")
_UNKNOWN, _PASS, _WARNING, _FAIL = (0, "Unknown"), (1, "Pass"), (2, "Warning"), (3, "Fail")
_ENDED = {Ending.PASSES: _PASS, Ending.SUPERSEDED: (99, "Superseded")}
_SEVERITY = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High")}
_RULE, _M365_TENANT, _AFFECTED, _USER_NAME, _RESOURCE_UID = 1, 17, 3, 4, 10
_NOTHING: tuple[Any, ...] = (None, "", [], {})

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """What says the findings: which version of this product, and where people open its report."""

    version: str
    report_url: str | None = None


def ocsf_lines(run: Json, account: Json, findings: Iterable[Json], origin: Origin) -> Iterator[str]:
    """A line for each finding of an account.

    Args:
        run: The ``run`` of the scan document: the last scan of everything.
        account: The account as in a scan document; of one whose judgement isn't known, ``id`` and the names alone.
        findings: As in a scan document, or with everything that is kept of them (``PublicFinding``): those that are resolved come
            only so.
        origin: What says it.
    """
    for finding in findings:
        event = _event(run, account, finding, origin)
        # In ASCII no name holds anything that ends a line for anybody.
        yield f"{json.dumps(well_formed_json(event), separators=(',', ':'))}\n"


def render_ocsf(document: Json, origin: Origin) -> str:
    """The findings of a scan document. None of them is resolved, and each was opened by this scan as far as the document knows."""
    accounts = document["accounts"]
    return "".join(line for one in accounts for line in ocsf_lines(document["run"], one, one["findings"], origin))


def _event(run: Json, account: Json, finding: Json, origin: Origin) -> dict[str, Any]:
    open_now = finding["status"] != "resolved"
    activity, status, result = _activity(finding, run), _status(finding), _result(finding)
    severity = _SEVERITY.get(finding["severity"], (99, str(finding["severity"])))
    time = _time(finding, activity, run)
    uid = f"{account['id']}/{finding['check_id']}"
    event = {
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "activity_id": activity[0],
        "activity_name": activity[1],
        "type_uid": CLASS * 100 + activity[0],
        "type_name": f"Compliance Finding: {activity[1]}",
        "time": time,
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": status[0],
        "status": status[1],
        "status_detail": _status_detail(finding),
        "message": finding["summary"]
        if open_now
        else f"{finding['title']}: {finding.get('resolution') or 'resolved.'}",
        "finding_info": {
            "uid": uid,
            "title": finding["title"],
            "desc": finding["summary"],
            "analytic": {"uid": finding["check_id"], "name": finding["title"], "type_id": _RULE, "type": "Rule"},
            "created_time": _milliseconds(finding.get("first_ever")),
            "first_seen_time": _milliseconds(finding["first_seen"]),
            "last_seen_time": _milliseconds(finding.get("last_seen") or run["finished"]),
            "modified_time": _milliseconds(finding.get("changed_at")),
            "src_url": accept_url(origin.report_url, account["id"]),
        },
        "compliance": {
            "control": finding["check_id"],
            "desc": finding["title"],
            "requirements": [REQUIRED[finding["check_id"]]] if finding["check_id"] in REQUIRED else [],
            "status_id": result[0],
            "status": result[1],
            "status_details": [reason["text"] for reason in account.get("reasons") or ()] if open_now else [],
        },
        "remediation": _remediation(account) if open_now else None,
        "resources": [_resource(account)],
        "observables": [
            _observable("resources[0].uid", _RESOURCE_UID, "Resource UID", account["id"]),
            _observable("resources[0].name", _USER_NAME, "User Name", account["user_principal_name"]),
        ],
        "cloud": _cloud(run),
        "metadata": {
            "version": SCHEMA_VERSION,
            "profiles": list(_PROFILES),
            "product": {
                "name": "App password watch",
                "uid": "app-password-watch",
                "vendor_name": "App password watch",
                "version": origin.version,
            },
            "uid": _event_uid(uid, activity, status, time, finding),
            "event_code": finding["check_id"],
            "tenant_uid": run["tenant_id"],
            "correlation_uid": run["id"],
            "logged_time": _milliseconds(run["finished"]),
        },
        "unmapped": _unmapped(account, finding, open_now=open_now),
    }
    return {name: kept for name, value in event.items() if (kept := _without_nothing(value)) not in _NOTHING}


def _activity(finding: Json, run: Json) -> tuple[int, str]:
    """Closed; created where the last scan of everything, or one since, was the very first to see it; otherwise updated."""
    if finding["status"] == "resolved":
        return _CLOSE
    first = finding.get("first_ever") or finding["first_seen"]
    return _CREATE if parse(first) >= parse(run["started"]) else _UPDATE


def _status(finding: Json) -> tuple[int, str]:
    """Where the finding stands. What ended because nobody watches the account any more was put away, and not solved."""
    if finding["status"] == "resolved":
        return _ARCHIVED if ending_of(finding["check_id"], finding.get("resolution")) is Ending.UNWATCHED else _RESOLVED
    return _SUPPRESSED if finding.get("exception") else _NEW


def _result(finding: Json) -> tuple[int, str]:
    """What the check came to. It passes only where a scan looked and found that it does; where something else is true instead that is
    no better, OCSF's Other says so.

    For a check that can't be told for want of something, OCSF has Warning: "did not yield a result due to missing information".
    """
    if finding["status"] == "resolved":
        return _ENDED.get(ending_of(finding["check_id"], finding.get("resolution")), _UNKNOWN)
    return _WARNING if finding["check_id"] == CANNOT_TELL else _FAIL


def _status_detail(finding: Json) -> str | None:
    if finding["status"] == "resolved":
        return finding.get("resolution")
    accepted = finding.get("exception")
    return f"Accepted until {accepted['until']} by {accepted['owner']}: {accepted['reason']}" if accepted else None


def _time(finding: Json, activity: tuple[int, str], run: Json) -> int:
    """When that happened which the line tells; of what is still so, when a scan last saw it."""
    happened = {_CREATE: finding["first_seen"], _CLOSE: finding.get("resolved_at")}.get(activity)
    return _milliseconds(happened or finding.get("last_seen") or run["finished"]) or 0


def _event_uid(uid: str, activity: tuple[int, str], status: tuple[int, str], time: int, finding: Json) -> str:
    """The same for what was said before, so that it can be dropped."""
    told = [uid, activity[0], status[0], time, finding["severity"], finding.get("changed_at"), finding.get("last_seen")]
    if status == _SUPPRESSED:
        told.append(_status_detail(finding))
    return str(uuid5(_EVENTS, well_formed(json.dumps(told))))


def _remediation(account: Json) -> dict[str, Any] | None:
    """What to do, the first way in full and the others by their names: they are the same for many accounts, and long."""
    first, *others = account.get("remediation") or (None,)
    if first is None:
        return None
    said = [f"{first['title']}.", *first["steps"], first["trade_off"]]
    if others:
        said.append(f"Otherwise: {'; '.join(one['title'] for one in others)}.")
    return {"desc": " ".join(said), "references": [url for one in (first, *others) if (url := safe_url(one["url"]))]}


def _resource(account: Json) -> dict[str, Any]:
    judged = "visibility" in account and "usability" in account
    return {
        "uid": account["id"],
        "name": account["user_principal_name"],
        "type": "Microsoft Entra ID user",
        "role_id": _AFFECTED,
        "role": "Affected",
        "data": {
            "display_name": account.get("display_name"),
            "selected_by": account.get("selected_by"),
            "per_user_mfa": account.get("per_user_mfa"),
            "visibility": option_of(account) if judged else None,
            "usability": account.get("usability"),
            "app_password_works": works_of(account) if judged else None,
        },
    }


def _observable(name: str, type_id: int, kind: str, value: str) -> dict[str, Any]:
    return {"name": name, "type_id": type_id, "type": kind, "value": value}


def _cloud(run: Json) -> dict[str, Any]:
    tenant = {"uid": run["tenant_id"], "name": run.get("tenant_name")}
    account = {**tenant, "type_id": _M365_TENANT, "type": "M365 Tenant"} if any(tenant.values()) else None
    return {"provider": "Microsoft", "account": account}


def _unmapped(account: Json, finding: Json, *, open_now: bool) -> dict[str, Any]:
    """What OCSF has no place for."""
    policies = {
        reason["policy_name"]: {"uid": reason["policy_id"], "name": reason["policy_name"]}
        for reason in account.get("reasons") or ()
        if reason.get("policy_name")
    }
    return {
        "urgency": standing_object(standing(finding, account)) if open_now else None,
        "cause": finding.get("cause"),
        "policies": list(policies.values()) if open_now else None,
        "occurrences": finding.get("occurrences"),
        "flapping_since": finding.get("flapping_since"),
        "exception": finding.get("exception"),
    }


def _milliseconds(time: str | None) -> int | None:
    """A time as OCSF writes it: milliseconds since 1970."""
    if not time:
        return None
    moment: datetime = parse(time)
    return round(moment.timestamp() * 1000)


def _without_nothing(value: Any) -> Any:
    """Without members that say nothing, at any depth: OCSF has no null."""
    if isinstance(value, Mapping):
        kept = {str(name): _without_nothing(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in _NOTHING}
    if isinstance(value, list | tuple):
        return [_without_nothing(one) for one in value]
    return value
