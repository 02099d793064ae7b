"""Where a webhook may lie: at a public address, or in a network that the settings name. The name is looked up once, and what was
looked at is what is connected to.

Whoever sets the address of a webhook would otherwise have the app post into a private network, or to the services that Azure
offers each machine on link-local addresses; and a name could lead to a public address when it is checked and to another one
when it is used.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from ssl import SSLContext

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

THIS_MACHINE: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_PLATFORM = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Azure's own services for a machine: a public address by its number. Source: Microsoft Learn, "What is IP address 168.63.129.16"."""
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses in IPv6, as NAT64 translates them (RFC 6052)."""


class NotAllowed(Exception):
    """A host lies where nothing is sent to."""


def is_allowed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether something may be sent there: it is public, or in one of the networks."""
    address = _meant(address)
    if any(address in network for network in networks):
        return True
    return address.is_global and not address.is_multicast and address not in _PLATFORM


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


class PinnedTransport(httpx.AsyncBaseTransport):
    """Sends to addresses that are allowed, and to no others.

    A name is looked up once for each request, every address that comes back must be allowed, and the connection goes to one of
    them; the certificate is still checked against the name. Connections are kept by name: two names at one address have
    different certificates.
    """

    def __init__(self, networks: Iterable[Network], certificates: Callable[[], SSLContext]) -> None:
        """Take the networks that are allowed although they aren't public, and the authorities that are trusted."""
        self._networks, self._certificates = tuple(networks), certificates
        self._by_host: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises :class:`NotAllowed`, and what httpx raises."""
        host = request.url.raw_host.decode("ascii")
        addresses = await _addresses(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        if not all(is_allowed(address, self._networks) for address in addresses):
            raise NotAllowed
        for address in addresses[:-1]:
            try:
                return await self._send(request, host, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send(request, host, addresses[-1])

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._by_host.values():
            await transport.aclose()

    async def _send(self, request: httpx.Request, host: str, address: Address) -> httpx.Response:
        if host not in self._by_host:
            self._by_host[host] = httpx.AsyncHTTPTransport(verify=self._certificates())
        # The header Host and the request itself keep the name: errors and logs speak of it.
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=str(address)),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await self._by_host[host].handle_async_request(pinned)


async def _addresses(host: str, port: int) -> list[Address]:
    """The addresses of a host, each once. Raises ``httpx.ConnectError``."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"getaddrinfo: {error}") from error
    addresses = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    if not addresses:
        raise httpx.ConnectError("getaddrinfo: no address")
    return [ipaddress.ip_address(address) for address in addresses]
