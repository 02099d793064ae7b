"""Where webhooks may lie, and that nothing is sent anywhere else."""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from alerts.addresses import THIS_MACHINE, is_allowed
from alerts.channel import ChannelError, send_whole
from alerts.outgoing import http_client
from alerts.teams import TeamsChannel
from tests.alerts import samples
from tests.alerts.receiver import Receiver, receiving
from tests.alerts.samples import NOW

PUBLIC = ["20.190.128.1", "2603:1030::1", "::ffff:20.190.128.1", "64:ff9b::20.190.128.1", "8.8.8.8"]
CLOSED = [
    *(
        "127.0.0.1",
        "0.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
    ),
    *(
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
    ),
    *("64:ff9b::169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize("address", CLOSED)
def test_others_are_not(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), ())


@given(st.ip_addresses())
def test_what_a_network_names_is_allowed_however_it_is_written(address: Any) -> None:
    assert is_allowed(address, [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")])
    if isinstance(address, ipaddress.IPv4Address):
        mapped = ipaddress.IPv6Address(f"::ffff:{address}")
        assert is_allowed(mapped, ()) is is_allowed(address, ())
        assert is_allowed(mapped, [ipaddress.ip_network(address)])


class Names:
    """Name resolution on this machine: what each look-up of the made-up host answers, one after the other."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def getaddrinfo(self, host: str, port: int, **_named: Any) -> list[Any]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answer.split()]


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def set_up(*answers: str) -> Names:
        names = Names(*answers)
        monkeypatch.setattr(
            "asyncio.base_events.BaseEventLoop.getaddrinfo", lambda _, *a, **n: names.getaddrinfo(*a, **n)
        )
        return names

    return set_up  # type: ignore[return-value]


async def told(url: str, *networks: Any) -> str:
    async with http_client(networks) as client:
        return await send_whole(TeamsChannel(url, client), samples.one(), NOW)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.1.2.3", "0x7f.1", "2130706433"]
)
async def test_nothing_is_sent_to_an_address_that_is_not_public(teams: Receiver, host: str) -> None:
    with pytest.raises(ChannelError, match=r"isn't public, so nothing was sent.*ALERT_PRIVATE_NETWORKS") as refused:
        await told(teams.url.replace("127.0.0.1", host))
    assert refused.value.permanent
    assert teams.requests == []


async def test_a_name_that_leads_into_a_private_network_is_refused(resolves: Any) -> None:
    for answers in ("10.1.2.3", "20.190.128.1 10.1.2.3", "169.254.169.254"):
        resolves(answers)
        with pytest.raises(ChannelError, match="isn't public"):
            await told("https://hook.example/x")


async def test_a_name_is_looked_up_once_and_what_was_checked_is_used(teams: Receiver, resolves: Any) -> None:
    names = resolves("127.0.0.1", "169.254.169.254")
    await told(teams.url.replace("127.0.0.1", "hook.example"), *THIS_MACHINE)
    assert names.asked == ["hook.example"]
    (request,) = teams.requests
    assert request.headers["host"].startswith("hook.example:")


async def test_another_address_of_the_same_name_is_tried(teams: Receiver, resolves: Any) -> None:
    resolves("127.0.0.2 127.0.0.1")
    port = httpx.URL(teams.url).port
    await told(f"http://hook.example:{port}/x", *THIS_MACHINE)
    assert len(teams.requests) == 1


async def test_a_network_that_the_settings_name_is_open(teams: Receiver) -> None:
    await told(teams.url, ipaddress.ip_network("127.0.0.1/32"))
    assert len(teams.requests) == 1


@pytest.fixture
def hook_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for hook.example, which is trusted."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1000))
        .not_valid_after(NOW + timedelta(days=10000))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=True)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "certificate.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain) + made)
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cadata=made.decode())
    served.load_cert_chain(file)
    monkeypatch.setattr("alerts.outgoing._certificates", lambda: trusted)
    return served


async def test_the_certificate_is_checked_against_the_name_for_each_name_at_an_address(
    hook_example: ssl.SSLContext, resolves: Any
) -> None:
    resolves("127.0.0.1")
    async with receiving(hook_example) as receiver, http_client(THIS_MACHINE) as client:
        port = httpx.URL(receiver.url).port
        for _ in range(2):
            await send_whole(TeamsChannel(f"https://hook.example:{port}/x", client), samples.one(), NOW)
        with pytest.raises(ChannelError, match="certificate"):  # though a connection to this address is open
            await send_whole(TeamsChannel(f"https://other.example:{port}/x", client), samples.one(), NOW)
    assert len(receiver.requests) == 2


@pytest.mark.parametrize("host", ["xn--a", "a" * 64 + ".com", "a..b", "*.x", "%31", "\u2800.com", "xn--ü.com"])
async def test_a_host_that_cannot_be_spelled_is_a_refusal_and_no_fault(host: str) -> None:
    with pytest.raises(ChannelError):
        await told(f"https://{host}/x")
