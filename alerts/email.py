"""Mail through Microsoft Graph. The request itself is made by whoever owns the Graph client (``MailSender``)."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from typing import Protocol

from alerts.channel import ChannelError, Send
from alerts.graph_message import Json, as_graph_message
from alerts.mime_message import mail_message
from alerts.model import Alert
from alerts.outgoing import is_permanent
from alerts.parts import WHOLE, Part

_CODE = re.compile(r"[A-Za-z_.]{3,80}")
_NO_MAILBOX = "Check ALERT_EMAIL_FROM: it must be a mailbox in Exchange Online."
_ADVICE = {
    "ErrorAccessDenied": "Give the app the role Application Mail.Send on this mailbox (RBAC for Applications).",
    "Authorization_RequestDenied": "Give the app the role Application Mail.Send on this mailbox (RBAC for Applications).",
    "ErrorInvalidUser": _NO_MAILBOX,
    "Request_ResourceNotFound": _NO_MAILBOX,
    "ResourceNotFound": _NO_MAILBOX,
    "MailboxNotEnabledForRESTAPI": _NO_MAILBOX,
    "ErrorMailboxNotEnabledForRESTAPI": _NO_MAILBOX,
    "ErrorInvalidRecipients": "Check the addresses in ALERT_EMAIL_TO.",
    "ErrorQuotaExceeded": "The mailbox is full: make room in it.",
}
_NO_MIME = frozenset({400, 415})
"""Answers to a message in a form that isn't understood; nothing was sent then."""
_BY_STATUS = {401: _ADVICE["ErrorAccessDenied"], 403: _ADVICE["ErrorAccessDenied"], 404: _NO_MAILBOX}


@dataclass(frozen=True, slots=True)
class MailAnswer:
    """What Microsoft Graph answered to ``sendMail``."""

    status: int
    """The HTTP status; 202 is success. 0 where Graph could not be reached."""
    code: str = ""
    """Graph's error code, e.g. ``ErrorAccessDenied``."""
    retry_after: timedelta | None = None


class MailSender(Protocol):
    """Sends a mail: POST ``/users/{mailbox}/sendMail``."""

    async def __call__(self, mailbox: str, content: bytes | Json) -> MailAnswer:
        """Send from ``mailbox``. Answers instead of raising, also for failures.

        ``content`` is a MIME message in base64 (``Content-Type: text/plain``), or the JSON body of ``sendMail``.
        """


class EmailChannel:
    """Sends alerts by mail."""

    name = "email"

    def __init__(self, sender: MailSender, mailbox: str, recipients: Sequence[str]) -> None:
        """Take the function that sends, the mailbox that sends (``ALERT_EMAIL_FROM``), and who receives."""
        self._sender, self._mailbox, self._recipients = sender, mailbox, tuple(recipients)

    def cut(self, alert: Alert) -> tuple[int, ...]:
        """One mail: it counts what it doesn't show, and says where that is."""
        return WHOLE

    def message(self, alert: Alert, part: Part) -> Send:
        """The mail, ready to be sent."""
        message = mail_message(alert, self._mailbox, self._recipients)
        content = base64.b64encode(message.as_bytes())
        return lambda now: self._send(message, content)

    async def _send(self, message: EmailMessage, content: bytes) -> str:
        answer = await self._sender(self._mailbox, content)
        if answer.status in _NO_MIME:
            answer = await self._sender(self._mailbox, as_graph_message(message))
        if answer.status != 202:
            raise _refused(answer, self._mailbox)
        return f"Microsoft Graph took the mail from {self._mailbox} (202)."


def _refused(answer: MailAnswer, mailbox: str) -> ChannelError:
    if answer.status == 0:
        return ChannelError("Microsoft Graph can't be reached to send the mail; it is tried again.")
    code = answer.code if _CODE.fullmatch(answer.code) else ""
    said = f"{answer.status} {code}".strip()
    if not is_permanent(answer.status):
        return ChannelError(
            f"Microsoft Graph can't send the mail just now ({said}); it is tried again.", retry_after=answer.retry_after
        )
    advice = _ADVICE.get(code) or _BY_STATUS.get(answer.status) or "Check ALERT_EMAIL_FROM and ALERT_EMAIL_TO."
    return ChannelError(f"Microsoft Graph refused to send mail from {mailbox} ({said}). {advice}", permanent=True)
