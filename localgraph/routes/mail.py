"""Sending mail."""

import base64
import binascii
from email import message_from_bytes, policy

from localgraph.errors import GraphRefusal, bad_request
from localgraph.messages import Answer
from localgraph.routes.users import user_of
from localgraph.schema import Json
from localgraph.service import Call, Route


def send_mail(call: Call) -> Answer:
    """POST /users/{id}/sendMail: 202, and the mail is kept in ``LocalGraph.mails``."""
    user = user_of(call)
    if user.mailbox is None:
        raise GraphRefusal(
            404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
        )
    body = call.request.body
    if isinstance(body, str):
        call.mails.append({"from": user.upn, **_parsed(body)})
        return Answer(202)
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, dict):
        raise bad_request("The parameter 'message' is missing or no object.", "ErrorInvalidParameter")
    _check_recipients(message)
    content = message.get("body")
    if content is not None and (
        not isinstance(content, dict) or content.get("contentType", "text").lower() not in {"text", "html"}
    ):
        raise bad_request("The property 'body' must have a contentType of Text or HTML.", "ErrorInvalidParameter")
    if not isinstance(body.get("saveToSentItems", True), bool):
        raise bad_request("The parameter 'saveToSentItems' must be a boolean.", "ErrorInvalidParameter")
    call.mails.append({"from": user.upn, **body})
    return Answer(202)


def _parsed(text: str) -> Json:
    """A MIME message in base64, as Graph takes it with ``Content-Type: text/plain``."""
    try:
        mail = message_from_bytes(base64.b64decode(text, validate=True), policy=policy.default)
    except (binascii.Error, ValueError):
        raise bad_request("The MIME content is not valid base64.", "ErrorMimeContentInvalidBase64String") from None
    addresses = [one for header in ("To", "Cc", "Bcc") for one in getattr(mail[header], "addresses", ())]
    if not addresses:
        raise bad_request("At least one recipient is required.", "ErrorInvalidRecipients")
    return {"subject": str(mail["Subject"] or ""), "to": [one.addr_spec for one in addresses], "mime": mail}


def _check_recipients(message: Json) -> None:
    named = [item for name in ("toRecipients", "ccRecipients", "bccRecipients") for item in message.get(name) or []]
    if not named:
        raise bad_request("At least one recipient is required.", "ErrorInvalidRecipients")
    for item in named:
        address = item.get("emailAddress", {}).get("address") if isinstance(item, dict) else None
        if not isinstance(address, str) or "@" not in address:
            raise bad_request("At least one recipient isn't valid.", "ErrorInvalidRecipients")


ROUTES = (Route("POST", "/users/{id}/sendMail", send_mail, ("Mail.Send",)),)
