import asyncio
import base64
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook

from alerts.channel import ChannelError, send_whole
from alerts.email import EmailChannel, MailAnswer
from alerts.model import Purpose
from alerts.outgoing import http_client, parse_retry_after
from alerts.retries import LONGEST
from alerts.teams import TeamsChannel
from alerts.webhook import TYPES, WebhookChannel, webhook_body
from tests.alerts import samples
from tests.alerts.receiver import Receiver, receiving
from tests.alerts.samples import NOW

SECRET = "whsec_" + base64.b64encode(b"a key for tests that is long enough").decode()
KEY = "top-secret-signature"


async def test_card_arrives_at_the_workflow(teams: Receiver, client: httpx.AsyncClient) -> None:
    said = await send_whole(TeamsChannel(teams.url, client), samples.typical(), NOW)
    assert said == "Teams accepted the message (202)."
    (request,) = teams.requests
    assert request.path == f"/hook?sig={KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body)["attachments"][0]["content"]["type"] == "AdaptiveCard"


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A certificate that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1000))
        .not_valid_after(NOW + timedelta(days=10000))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(("status", "body"), [(200, "1"), (200, ""), (202, ""), (204, "")])
async def test_every_kind_of_success_counts(teams: Receiver, client: httpx.AsyncClient, status: int, body: str) -> None:
    teams.answer(status, body)
    assert await send_whole(TeamsChannel(teams.url, client), samples.one(), NOW)


@pytest.mark.parametrize(
    ("status", "body", "permanent", "words"),
    [
        (400, '{"error": {"code": "WorkflowTriggerIsNotEnabled", "message": "x"}}', True, "Turn the workflow on"),
        (401, '{"error": {"code": "DirectApiAuthorizationRequired"}}', True, "401 DirectApiAuthorizationRequired"),
        (403, "", True, "Copy the workflow's address from Teams again into TEAMS_WEBHOOK_URL"),
        (404, '{"error": {"code": "WorkflowNotFound"}}', True, "Make a new one in Teams"),
        (410, "", True, "Make a new one in Teams"),
        (413, "", True, "too large"),
        (301, "", True, "redirects to another address"),
        (418, "", True, "check its address"),
        (408, "", False, "tried again"),
        (429, "", False, "tried again"),
        (500, '{"error": {"code": "<script>"}}', False, "(500)"),
        (502, "", False, "tried again"),
        (503, "", False, "tried again"),
        (
            200,
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429",
            False,
            "429",
        ),
        (
            200,
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413",
            True,
            "413",
        ),
        (202, "Webhook message delivery failed with error: something", False, "502"),
    ],
)
async def test_every_kind_of_refusal_becomes_a_sentence(
    teams: Receiver, client: httpx.AsyncClient, status: int, body: str, permanent: bool, words: str
) -> None:
    teams.answer(status, body, Location="http://evil.example/")
    with pytest.raises(ChannelError) as error:
        await send_whole(TeamsChannel(teams.url, client), samples.one(), NOW)
    assert error.value.permanent is permanent
    assert words in str(error.value)
    assert KEY not in str(error.value)
    assert len(teams.requests) == 1


async def test_retry_after_is_passed_on(teams: Receiver, client: httpx.AsyncClient) -> None:
    teams.answer(429, Retry_After="120")
    with pytest.raises(ChannelError) as error:
        await send_whole(TeamsChannel(teams.url, client), samples.one(), NOW)
    assert error.value.retry_after == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        ("1.5", timedelta(seconds=1.5)),
        ("Sun, 22 Nov 2026 06:01:09 GMT", timedelta(minutes=1)),
        ("Sun, 22 Nov 2020 06:01:09 GMT", timedelta(0)),
        ("999999999999999999", LONGEST),
        ("1e999", LONGEST),
        ("nan", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, expected: timedelta | None) -> None:
    assert parse_retry_after(value, NOW) == expected


@pytest.mark.parametrize(
    ("url", "words", "permanent"),
    [
        (f"http://127.0.0.1:1/?sig={KEY}", "can't be reached", False),
        (f"https://does-not-exist.invalid/?sig={KEY}", "can't be ", False),
        (f"ftp://127.0.0.1/?sig={KEY}", "not a web address", True),
    ],
)
async def test_unreachable_receiver_is_a_sentence_without_its_address(
    client: httpx.AsyncClient, url: str, words: str, permanent: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ChannelError) as error:
        await send_whole(TeamsChannel(url, client), samples.one(), NOW)
    assert words in str(error.value)
    assert "TEAMS_WEBHOOK_URL" in str(error.value)
    assert error.value.permanent is permanent
    assert KEY not in str(error.value) + caplog.text


async def test_answer_that_does_not_come_is_tried_again() -> None:
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(late)) as client:
        with pytest.raises(ChannelError, match="didn't answer in time") as error:
            await send_whole(TeamsChannel("https://teams.example/", client), samples.one(), NOW)
    assert not error.value.permanent


async def test_receiver_with_an_invalid_certificate_gets_nothing(
    client: httpx.AsyncClient, certificate: ssl.SSLContext
) -> None:
    async with receiving(certificate) as receiver:
        with pytest.raises(ChannelError, match=r"certificate of the Teams workflow .* isn't valid"):
            await send_whole(TeamsChannel(receiver.url, client), samples.one(), NOW)
    assert receiver.requests == []


async def test_no_address_is_logged(
    teams: Receiver, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await send_whole(TeamsChannel(teams.url, client), samples.one(), NOW)
    assert "HTTP Request: POST http://127.0.0.1/..." in caplog.text
    assert KEY not in caplog.text
    assert "/hook" not in caplog.text


async def test_logs_of_other_requests_stay_as_they_are(
    teams: Receiver, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await client.post(teams.url.replace("hook", "other"))
    assert "/other" in caplog.text


class Torn:
    """A receiver that says a status and then does something else than send the whole body."""

    def __init__(self, status: int, rest: str) -> None:
        self.status, self.rest, self.requests = status, rest, 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(
            next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-len"))
        )
        await reader.readexactly(length)
        self.requests += 1
        writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 100\r\n\r\n{self.rest}".encode())
        await writer.drain()
        if self.rest == "waits":
            await reader.read()
        writer.close()


@asynccontextmanager
async def served(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]],
) -> AsyncIterator[str]:
    """The address of a server that treats every connection so."""
    done: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done.append(asyncio.ensure_future(answer(reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?sig={KEY}"
    finally:
        server.close()
        await asyncio.wait_for(asyncio.gather(*done), 10)


@pytest.mark.parametrize("rest", ["", "cut", "waits"])
@pytest.mark.parametrize("kind", ["teams", "webhook"])
async def test_the_head_of_an_answer_decides_whatever_becomes_of_its_body(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, kind: str, rest: str
) -> None:
    monkeypatch.setattr("alerts.outgoing.BODY_SECONDS", 0.2)
    torn = Torn(200, rest)
    async with served(torn.answer) as url:
        channel = TeamsChannel(url, client) if kind == "teams" else WebhookChannel(url, SECRET, client)
        assert "200" in await send_whole(channel, samples.one(), NOW)
    assert torn.requests == 1


async def test_what_can_be_read_of_a_torn_body_still_counts(client: httpx.AsyncClient) -> None:
    torn = Torn(200, "Webhook message delivery failed with error: HTTP error 429")
    async with served(torn.answer) as url:
        with pytest.raises(ChannelError, match="429"):
            await send_whole(TeamsChannel(url, client), samples.one(), NOW)


@pytest.mark.parametrize("rest", ["", "cut"])
async def test_a_refusal_with_a_torn_body_is_still_that_refusal(client: httpx.AsyncClient, rest: str) -> None:
    async with served(Torn(404, rest).answer) as url:
        with pytest.raises(ChannelError, match="404") as error:
            await send_whole(TeamsChannel(url, client), samples.one(), NOW)
    assert error.value.permanent


async def test_an_answer_without_a_head_is_none(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.outgoing.ANSWER_SECONDS", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with served(silent) as url:
        with pytest.raises(ChannelError, match="didn't answer in time"):
            await send_whole(TeamsChannel(url, client), samples.one(), NOW)


async def test_endless_answer_is_not_read_to_its_end(teams: Receiver, client: httpx.AsyncClient) -> None:
    teams.answer(500, "x" * 5_000_000)
    with pytest.raises(ChannelError, match="500"):
        await send_whole(TeamsChannel(teams.url, client), samples.one(), NOW)


def test_certificates_are_checked_and_redirects_not_followed() -> None:
    client = http_client()
    assert not client.follow_redirects
    assert client.timeout.connect == 10


async def test_signature_is_that_of_standard_webhooks(hook: Receiver, client: httpx.AsyncClient) -> None:
    now = datetime.now(UTC).astimezone()
    made = samples.typical()
    assert await send_whole(WebhookChannel(hook.url, SECRET, client), made, now) == "The webhook answered 202."
    (request,) = hook.requests
    document = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert document["type"] == "app_password_scan.changed"
    assert request.headers["webhook-id"] == document["data"]["alert_id"] == made.id
    assert len(document["data"]["changes"]) == 6


async def test_retry_keeps_the_id_and_signs_anew(hook: Receiver, client: httpx.AsyncClient) -> None:
    channel = WebhookChannel(hook.url, SECRET, client)
    await send_whole(channel, samples.one(), NOW)
    await send_whole(channel, samples.one(), NOW + timedelta(hours=1))
    one, other = hook.requests
    assert one.headers["webhook-id"] == other.headers["webhook-id"]
    assert one.headers["webhook-timestamp"] == "1795327209"
    assert one.headers["webhook-signature"] != other.headers["webhook-signature"]
    assert one.body == other.body


@pytest.mark.parametrize(
    ("status", "permanent", "words"),
    [
        (401, True, "WEBHOOK_SECRET"),
        (404, True, "Correct WEBHOOK_URL"),
        (410, True, "no longer wants"),
        (503, False, "tried"),
    ],
)
async def test_webhook_refusals_say_what_to_do(
    hook: Receiver, client: httpx.AsyncClient, status: int, permanent: bool, words: str
) -> None:
    hook.answer(status)
    with pytest.raises(ChannelError, match=words) as error:
        await send_whole(WebhookChannel(hook.url, SECRET, client), samples.one(), NOW)
    assert error.value.permanent is permanent


def test_webhook_document_has_its_documented_shape() -> None:
    document = json.loads(webhook_body(samples.typical()))
    assert list(document) == ["schema", "type", "timestamp", "data"]
    assert (document["schema"], document["timestamp"]) == (1, "2026-11-22T06:00:09Z")
    data = document["data"]
    assert data["tenant"] == {"id": "70000000-0000-4000-8000-000000000001", "name": "Contoso"}
    assert data["counts"] == {"opened": 3, "exception_expired": 1, "changed": 1, "resolved": 1}
    assert data["totals"] == {
        "accounts": 18, "high": 5, "medium": 2, "low": 1, "urgency": {}, "next_break": None
    }  # fmt: skip
    assert data["omitted"] == 0
    assert data["severity"] == "high"
    first = data["changes"][0]
    assert first["kind"] == "opened"
    assert first["account"]["user_principal_name"] == "svc-archive@contoso.com"
    assert first["since"] == "2026-11-20T02:12:09Z"
    assert first["reasons"][0]["policy_name"] == "Require MFA for all users"
    assert data["changes"][3]["accepted_until"] == "2026-11-21"
    assert data["gaps"] == [
        {
            "input": "role_eligibilities",
            "error": "403 Authorization_RequestDenied",
            "permission": "RoleManagement.Read.Directory",
            "account": None,
        }
    ]


def test_each_purpose_has_a_type_of_its_own() -> None:
    assert set(TYPES) == set(Purpose)
    assert json.loads(webhook_body(samples.failure()))["type"] == "app_password_scan.failed"


class Post:
    """A mail service that answers what it is told to."""

    def __init__(self, answer: MailAnswer) -> None:
        self.answer = answer
        self.sent: list[tuple[str, bytes | dict[str, Any]]] = []

    async def __call__(self, mailbox: str, content: bytes | dict[str, Any]) -> MailAnswer:
        self.sent.append((mailbox, content))
        return self.answer


async def test_mail_goes_out_as_base64_mime_from_the_mailbox() -> None:
    post = Post(MailAnswer(202))
    said = await send_whole(EmailChannel(post, "alerts@contoso.com", ["a@contoso.com"]), samples.one(), NOW)
    assert said == "Microsoft Graph took the mail from alerts@contoso.com (202)."
    ((mailbox, mime),) = post.sent
    assert isinstance(mime, bytes)
    assert mailbox == "alerts@contoso.com"
    assert message_from_bytes(base64.b64decode(mime, validate=True))["To"] == "a@contoso.com"


@pytest.mark.parametrize(
    ("answer", "permanent", "words"),
    [
        (
            MailAnswer(403, "ErrorAccessDenied"),
            True,
            "403 ErrorAccessDenied). Give the app the role Application Mail.Send",
        ),
        (MailAnswer(404, "ErrorInvalidUser"), True, "Check ALERT_EMAIL_FROM"),
        (MailAnswer(404, "MailboxNotEnabledForRESTAPI"), True, "mailbox in Exchange Online"),
        (MailAnswer(400, "ErrorInvalidRecipients"), True, "Check the addresses in ALERT_EMAIL_TO"),
        (MailAnswer(401, "<script>"), True, "(401)"),
        (MailAnswer(429, "TooManyRequests", timedelta(seconds=9)), False, "tried again"),
        (MailAnswer(503), False, "tried again"),
        (MailAnswer(0), False, "can't be reached"),
    ],
)
async def test_mail_refusals_say_what_to_do(answer: MailAnswer, permanent: bool, words: str) -> None:
    channel = EmailChannel(Post(answer), "alerts@contoso.com", ["a@contoso.com"])
    with pytest.raises(ChannelError) as error:
        await send_whole(channel, samples.one(), NOW)
    assert words in str(error.value)
    assert error.value.permanent is permanent
    assert error.value.retry_after == answer.retry_after
