"""The generic webhook: alerts as JSON, signed by Standard Webhooks (https://www.standardwebhooks.com).

A body is ASCII, at most 256 KB, and the same on every attempt; docs/webhook.md and docs/webhook.schema.json describe it. What
doesn't fit into one goes in further ones, so that all of them together hold everything. Names in it come from the tenant and
are hostile text. Members may be added; none changes its meaning.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import httpx
from standardwebhooks import Webhook

from alerts.channel import Send
from alerts.links import safe_url
from alerts.model import Alert, AlertGap, AlertItem, Purpose
from alerts.outgoing import post, refuse
from alerts.parts import Part, fitting, parts_of
from alerts.text import cut
from basics.text import well_formed
from basics.times import iso

SCHEMA = 1
MAX_BYTES = 256 * 1024
TYPES = {
    Purpose.CHANGES: "app_password_scan.changed",
    Purpose.DIGEST: "app_password_scan.digest",
    Purpose.FAILURE: "app_password_scan.failed",
    Purpose.SIGHT: "app_password_scan.sight",
    Purpose.PREDICTION: "app_password_scan.predicted",
    Purpose.RECOVERED: "app_password_scan.recovered",
    Purpose.TEST: "app_password_scan.test",
}
_TEXT = 600
"""Characters of any text; with the counts below, so that at least one change always finds room."""
_REASONS = 4
_STEPS = 6
_PRODUCTS = 5
_MOST = 9_999_999
"""More parts and changes than there ever are: their numbers take no more room than this one."""
_GAP_TEXT = 200
_RECEIVER = "the webhook in WEBHOOK_URL"
_ADVICE = {
    401: "it doesn't accept the signature. Enter the same secret in WEBHOOK_SECRET as at the receiver.",
    403: "it doesn't accept the signature. Enter the same secret in WEBHOOK_SECRET as at the receiver.",
    404: "nothing is there. Correct WEBHOOK_URL.",
    410: "the receiver no longer wants alerts. Remove WEBHOOK_URL or enter its new address.",
    413: "the alert is too large for it. Allow 256 KB at the receiver.",
}
Json = dict[str, Any]


class WebhookChannel:
    """Posts alerts to a generic webhook."""

    name = "webhook"

    def __init__(self, url: str, secret: str, client: httpx.AsyncClient) -> None:
        """Take the address and the key (``whsec_...``), both secret, and a client from ``outgoing.http_client``."""
        self._url, self._webhook, self._client = url, Webhook(secret), client

    def cut(self, alert: Alert) -> tuple[int, ...]:
        """As many bodies as it takes to hold everything."""
        return tuple(webhook_cut(alert, MAX_BYTES))

    def message(self, alert: Alert, part: Part) -> Send:
        """One body, ready to be signed and posted."""
        return partial(self._post, part, part.id(alert), webhook_body(alert, part))

    async def _post(self, part: Part, message_id: str, body: str, now: datetime) -> str:
        # The library takes the clock time of whatever zone it gets for UTC.
        now = now.astimezone(UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(message_id, now, body),
        }
        answer = await post(self._client, _RECEIVER, self._url, body.encode("ascii"), headers)
        if not 200 <= answer.status < 300:
            raise refuse(answer, _RECEIVER, _ADVICE)
        return f"The webhook answered {answer.status}{f' to {part.total} parts' if part.total > 1 else ''}."


def webhook_cut(alert: Alert, limit: int = MAX_BYTES) -> Iterator[int]:
    """Where each body of at most ``limit`` bytes begins, as ``alerts.parts`` counts."""
    envelope = json.dumps(_document(alert, Part(_MOST, _MOST, 0, 0)))
    sizes = (len(json.dumps(entry)) + len(", ") for entry in _entries(alert))
    return fitting(sizes, limit - len(envelope))


def webhook_body(alert: Alert, part: Part | None = None) -> str:
    """The body of one part as ASCII JSON; without a part, everything in one body, however large that is."""
    return json.dumps(_document(alert, part or parts_of(alert)[0]))


def _entries(alert: Alert) -> Iterator[Json]:
    yield from map(change_object, alert.items)
    yield from map(_gap_object, alert.gaps)


def _document(alert: Alert, part: Part) -> Json:
    total = max(len(alert.items), sum(alert.counts.values()))
    changes = [change_object(item) for item in part.items(alert)]
    data: Json = {
        "alert_id": alert.id,
        "part": part.number,
        "parts": part.total,
        "run_id": alert.run_id,
        "tenant": {"id": alert.tenant_id, "name": _text(alert.tenant_name)},
        "headline": _text(alert.headline),
        "severity": alert.severity,
        "baseline": alert.baseline,
        "notes": [_text(note) for note in alert.notes],
        "totals": {
            "accounts": alert.totals.accounts,
            "high": alert.totals.high,
            "medium": alert.totals.medium,
            "low": alert.totals.low,
            "urgency": dict(alert.totals.groups),
            "next_break": _day(alert.totals.next_break),
        },
        "steps": [
            {
                "title": _text(step.title),
                "accounts": step.accounts,
                "findings": step.findings,
                "broken_now": step.broken_now,
                "minutes": step.minutes,
            }
            for step in alert.steps
        ],
        "report_url": safe_url(alert.report_url),
        "counts": dict(alert.counts),
        "omitted": total - len(changes),
        "changes": changes,
        "gaps": [_gap_object(gap) for gap in part.gaps(alert)],
    }
    return {"schema": SCHEMA, "type": TYPES[alert.purpose], "timestamp": _iso(alert.created), "data": data}


def _gap_object(gap: AlertGap) -> Json:
    return {
        "input": gap.input,
        "error": _text(gap.error, _GAP_TEXT),
        "permission": gap.permission,
        "account": _text(gap.account, _GAP_TEXT),
    }


def change_object(item: AlertItem) -> Json:
    """One item of ``changes``."""
    step = item.next_step
    return {
        "id": item.id,
        "kind": item.kind,
        "settled": item.settled,
        "account": {
            "id": item.account_id,
            "user_principal_name": _text(item.user_principal_name),
            "display_name": _text(item.display_name),
            "entra_url": safe_url(item.entra_url),
            "products": [_text(one) for one in item.products[:_PRODUCTS]],
        },
        "check_id": item.check_id,
        "title": item.title,
        "severity": item.severity,
        "previous_severity": item.previous_severity,
        "urgency": item.urgency or None,
        "breaks_on": _day(item.breaks_on),
        "summary": _text(item.summary),
        "first_seen": _iso(item.first_seen),
        "since": _iso(item.since),
        "actor": _text(item.actor),
        "reasons": [
            {
                "text": _text(reason.text),
                "effect": reason.effect,
                "policy_id": reason.policy_id,
                "policy_name": _text(reason.policy_name),
                "scope": _text(reason.scope),
                "since": _iso(reason.since),
            }
            for reason in item.reasons[:_REASONS]
        ],
        "doubt": _text(item.doubt),
        "next_step": {
            "title": _text(step.title),
            "steps": [_text(one) for one in step.steps[:_STEPS]],
            "url": safe_url(step.url),
        }
        if step
        else None,
        "resolution": _text(item.resolution),
        "accepted_until": _day(item.accepted_until),
        "accepted_by": _text(item.accepted_by),
    }


def _text(text: str | None, limit: int = _TEXT) -> str | None:
    """The text as it is, only never endless: JSON is data, and a receiver may compare names."""
    return None if text is None else cut(well_formed(text), limit)


def _iso(time: datetime | None) -> str | None:
    return iso(time) if time else None


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
