"""Posting to somebody else's server: short waits, no redirects, little read, and no address in any log.

The head of an answer decides. Its body may say more, but one that is cut off, or never ends, takes nothing back: a receiver
that said yes would get the same again.

A webhook's address is a secret: it carries a signature (``sig=``) or a token in its path. httpx writes addresses to its
log at level INFO, so during our own requests those lines are shortened to the host.
"""

import asyncio
import contextlib
import logging
import math
import ssl
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.request import getproxies

import httpx

from alerts.addresses import Network, NotAllowed, PinnedTransport
from alerts.channel import ChannelError
from alerts.retries import LONGEST
from basics.text import capital

TIMEOUT = httpx.Timeout(10, read=30)
ANSWER_SECONDS = 28
"""How long connecting, sending and the head of the answer may take together."""
BODY_SECONDS = 3
"""How long the body of an answer is waited for."""
BODY_BYTES = 8192
"""What is read of an answer at most."""

_posting: ContextVar[bool] = ContextVar("posting an alert", default=False)


class _HostsOnly(logging.Filter):
    """Shortens addresses in httpx's own log lines to scheme and host while an alert is posted."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _posting.get() and isinstance(record.args, tuple):
            record.args = tuple(
                f"{value.scheme}://{value.host}/..." if isinstance(value, httpx.URL) else value for value in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_HostsOnly())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    body: str
    """At most ``BODY_BYTES`` of it, and as far as it could be read."""
    retry_after: timedelta | None = None


def http_client(networks: Iterable[Network] = ()) -> httpx.AsyncClient:
    """A client as the channels need it, which sends to public addresses and into these networks. Use it as an async context manager.

    Behind a proxy that the environment names, the proxy looks up names: then what lies where is its affair.
    """
    return httpx.AsyncClient(
        transport=None if getproxies().keys() & {"https", "all"} else PinnedTransport(networks, _certificates),
        timeout=TIMEOUT,
        follow_redirects=False,
        headers={"User-Agent": "app-password-watch"},
        verify=_certificates(),
    )


@cache
def _certificates() -> ssl.SSLContext:
    """The authorities that are trusted. Reading them takes longer than a whole delivery without anything to send."""
    return httpx.create_ssl_context()


async def post(
    client: httpx.AsyncClient, receiver: str, url: str, content: bytes, headers: Mapping[str, str]
) -> Answer:
    """POST ``content`` to ``url``.

    Args:
        client: From ``http_client``.
        receiver: What to call the other side in a sentence, with the setting that holds its address.
        url: The address; a secret.
        content: The body.
        headers: Content-Type among them.

    Raises:
        ChannelError: The server can't be reached, or the head of its answer doesn't come.
    """
    token = _posting.set(True)
    try:
        # Nothing compressed: a small answer could unpack to a huge one.
        request = client.build_request("POST", url, content=content, headers={**headers, "Accept-Encoding": "identity"})
        async with asyncio.timeout(ANSWER_SECONDS):
            response = await client.send(request, stream=True, follow_redirects=False)
        body = await _beginning(response)
    except NotAllowed:
        raise ChannelError(
            f"{capital(receiver)} lies at an address that isn't public, so nothing was sent: name its network in "
            "ALERT_PRIVATE_NETWORKS if that is meant.",
            permanent=True,
        ) from None
    except (
        httpx.InvalidURL,
        httpx.UnsupportedProtocol,
        UnicodeError,
    ):  # httpx lets names through that it can't spell later
        raise ChannelError(f"The address of {receiver} is not a web address: correct it.", permanent=True) from None
    except (httpx.TimeoutException, TimeoutError):
        raise ChannelError(f"{capital(receiver)} didn't answer in time; it is tried again.") from None
    except httpx.TransportError as error:
        # "from None": the exception carries the request, and the request the address.
        raise ChannelError(_unreachable(receiver, error)) from None
    finally:
        _posting.reset(token)
    return Answer(response.status_code, body, parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)))


def refuse(
    answer: Answer, receiver: str, advice: Mapping[int, str], *, status: int | None = None, code: str = ""
) -> ChannelError:
    """The error for an answer that isn't a success.

    Args:
        answer: What came back.
        receiver: As in ``post``.
        advice: Status -> what to do, as the rest of a sentence.
        status: The status that counts, where it isn't the answer's own.
        code: The receiver's own code for it, already checked to be harmless.
    """
    status = answer.status if status is None else status
    said = f"{status} {code}".strip()
    if 300 <= status < 400:
        return ChannelError(
            f"{capital(receiver)} redirects to another address, which isn't followed: enter the final address.",
            permanent=True,
        )
    if status in advice:
        permanent = is_permanent(status)
        return ChannelError(
            f"{capital(receiver)} answered {said}: {advice[status]}",
            permanent=permanent,
            retry_after=answer.retry_after,
        )
    if is_permanent(status):
        return ChannelError(f"{capital(receiver)} refused the alert with {said}: check its address.", permanent=True)
    return ChannelError(
        f"{capital(receiver)} is busy or out of order ({said}); it is tried again.", retry_after=answer.retry_after
    )


def is_permanent(status: int) -> bool:
    """Whether the same request would fail with this HTTP status again."""
    return 400 <= status < 500 and status not in {408, 409, 423, 425, 429}


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """A Retry-After header (seconds or an HTTP date) as a time to wait, at most a day; None for nonsense."""
    if not value:
        return None
    wait: timedelta | None = None
    with contextlib.suppress(ValueError, OverflowError, TypeError):
        seconds = float(value) if value.strip()[:1].isdigit() else math.nan
        if math.isnan(seconds):
            date = parsedate_to_datetime(value)
            wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
        else:
            wait = timedelta(seconds=min(seconds, LONGEST.total_seconds()))
    return min(max(wait, timedelta(0)), LONGEST) if wait is not None else None


async def _beginning(response: httpx.Response) -> str:
    """The beginning of the body, as far as it comes."""
    body = b""
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= BODY_BYTES:
                    break
    with contextlib.suppress(httpx.HTTPError):
        await response.aclose()
    return body[:BODY_BYTES].decode("utf-8", "replace")


def _unreachable(receiver: str, error: httpx.TransportError) -> str:
    said = str(error).lower()
    if "certificate" in said:
        return f"The TLS certificate of {receiver} isn't valid, so nothing was sent: have it renewed."
    if "name or service" in said or "getaddrinfo" in said or "nodename" in said or "name resolution" in said:
        return f"The host of {receiver} can't be found: check the address, and DNS."
    return f"{capital(receiver)} can't be reached ({type(error).__name__}): check the address and the firewall."
