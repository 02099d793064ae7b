"""Microsoft Teams: posts the card to a Workflows webhook ("When a Teams webhook request is received").

Workflows answers 202. The older connectors answered 200 even for failures and put the failure into the body, and a
workflow may pass such an answer on, so the body is looked at as well. Source: Microsoft Learn, "Create and send messages"
(incoming webhooks), section on rate limiting.
"""

import json
import re

import httpx

from alerts.card import card_message
from alerts.channel import Send
from alerts.model import Alert
from alerts.outgoing import Answer, post, refuse
from alerts.parts import WHOLE, Part
from basics.documents import read_json
from basics.text import well_formed

_RECEIVER = "the Teams workflow in TEAMS_WEBHOOK_URL"
_REPLACE = "Copy the workflow's address from Teams again into TEAMS_WEBHOOK_URL."
_ADVICE = {
    400: f"it can't be started this way. Turn the workflow on in Power Automate, or {_REPLACE[0].lower()}{_REPLACE[1:]}",
    401: f"the signature in the address isn't valid (any more). {_REPLACE}",
    403: f"the address may not start the workflow (any more). {_REPLACE}",
    404: f"the workflow doesn't exist any more. Make a new one in Teams. {_REPLACE}",
    410: f"the workflow doesn't exist any more. Make a new one in Teams. {_REPLACE}",
    413: "the card is too large for Teams. Please report this as a fault of this product.",
}
_ERROR_IN_BODY = re.compile(r"HTTP error (\d{3})")
_FAILED_IN_BODY = re.compile(r"delivery failed", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z]{3,60}")


class TeamsChannel:
    """Posts alerts as Adaptive Cards to a Teams workflow."""

    name = "teams"

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        """Take the workflow's address, a secret, and a client from ``outgoing.http_client``."""
        self._url, self._client = url, client

    def cut(self, alert: Alert) -> tuple[int, ...]:
        """One card: it counts what it doesn't show, and says where that is."""
        return WHOLE

    def message(self, alert: Alert, part: Part) -> Send:
        """The card, ready to be posted."""
        body = well_formed(json.dumps(card_message(alert), ensure_ascii=False, separators=(",", ":"))).encode()
        return lambda now: self._post(body)

    async def _post(self, body: bytes) -> str:
        answer = await post(self._client, _RECEIVER, self._url, body, {"Content-Type": "application/json"})
        status = status_of(answer)
        if not 200 <= status < 300:
            raise refuse(answer, _RECEIVER, _ADVICE, status=status, code=error_code(answer.body))
        return f"Teams accepted the message ({answer.status})."


def status_of(answer: Answer) -> int:
    """The status that counts: the one in the body where a success carries a failure there."""
    if not 200 <= answer.status < 300:
        return answer.status
    inner = _ERROR_IN_BODY.search(answer.body)
    if inner:
        return int(inner[1])
    return 502 if _FAILED_IN_BODY.search(answer.body) else answer.status


def error_code(body: str) -> str:
    """The error code of a Power Automate answer, e.g. ``WorkflowTriggerIsNotEnabled``; empty where there is none."""
    try:
        code = read_json(body)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return ""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
