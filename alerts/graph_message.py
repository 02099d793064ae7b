"""A mail as Microsoft Graph's ``message`` resource: for a Graph that won't take MIME."""

import base64
from email.message import EmailMessage
from typing import Any

Json = dict[str, Any]


def as_graph_message(mail: EmailMessage) -> Json:
    """The body of ``sendMail`` for a mail: HTML, recipients, attachments, and headers that begin with ``X-``.

    Graph's resource has one body, so the text alternative is left out.
    """
    html = mail.get_body(preferencelist=("html", "plain"))
    if html is None:
        raise ValueError("A mail without a body can't be sent.")
    return {
        "message": {
            "subject": str(mail["Subject"]),
            "importance": "high" if mail["Importance"] == "high" else "normal",
            "body": {"contentType": "HTML", "content": html.get_content()},
            "toRecipients": [{"emailAddress": {"address": one.addr_spec}} for one in mail["To"].addresses],
            "internetMessageHeaders": [
                {"name": name, "value": str(value)} for name, value in mail.items() if name.lower().startswith("x-")
            ],
            "attachments": [
                {
                    "@odata.type": "#microsoft.graph.fileAttachment",
                    "name": part.get_filename(),
                    "contentType": part.get_content_type(),
                    "contentBytes": base64.b64encode(_content(part)).decode(),
                }
                for part in mail.iter_attachments()
            ],
        },
        "saveToSentItems": True,
    }


def _content(part: EmailMessage) -> bytes:
    content = part.get_content()
    return content.encode("utf-8-sig") if isinstance(content, str) else bytes(content)
