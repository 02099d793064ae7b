"""The mail as Graph's own resource, for a Graph that won't take MIME."""

import base64
from datetime import UTC, datetime

import pytest

from alerts.channel import ChannelError, send_whole
from alerts.email import EmailChannel, MailAnswer
from alerts.graph_message import Json, as_graph_message
from alerts.mime_message import mail_message
from tests.alerts import samples

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_subject_body_recipients_and_attachments_are_kept() -> None:
    alert = samples.typical()
    message = as_graph_message(mail_message(alert, "alerts@contoso.com", ["ada@contoso.com", "it@contoso.com"]))[
        "message"
    ]
    assert [one["emailAddress"]["address"] for one in message["toRecipients"]] == ["ada@contoso.com", "it@contoso.com"]
    assert alert.items[0].user_principal_name in message["body"]["content"]
    assert message["body"]["contentType"] == "HTML"
    assert alert.id in {one["value"] for one in message["internetMessageHeaders"]}
    files = {one["name"]: base64.b64decode(one["contentBytes"]) for one in message["attachments"]}
    assert alert.items[0].user_principal_name.encode() in files["changes.csv"]
    assert files["changes.json"].lstrip(b"\xef\xbb\xbf").startswith((b"{", b"["))


@pytest.mark.parametrize(("first", "calls"), [(202, 1), (400, 2), (415, 2), (403, 1), (503, 1), (0, 1)])
async def test_only_a_message_that_is_not_understood_is_sent_in_the_other_form(first: int, calls: int) -> None:
    sent: list[bytes | Json] = []

    async def sender(mailbox: str, content: bytes | Json) -> MailAnswer:
        sent.append(content)
        return MailAnswer(first if isinstance(content, bytes) else 202)

    channel = EmailChannel(sender, "alerts@contoso.com", ["ada@contoso.com"])
    if first in (202, 400, 415):
        assert "202" in await send_whole(channel, samples.typical(), NOW)
    else:
        with pytest.raises(ChannelError):
            await send_whole(channel, samples.typical(), NOW)
    assert [type(content) for content in sent] == [bytes, dict][:calls]
