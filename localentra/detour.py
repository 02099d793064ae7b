"""A proxy that leads the addresses of the internet to servers on this machine, and to nowhere else."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from typing import Self

from localgraph.serving import on_a_thread

_TURNS = 5
"""Of the loop, until whoever connected just before the end is known, and can be hung up on."""


class Detour:
    """An HTTP proxy for ``CONNECT`` alone: ``ports`` says where on this machine each host is. Others can't be reached."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []
        """Hosts that were asked for and lead nowhere."""
        self.url = ""

    def in_thread(self) -> AbstractContextManager[Self]:
        """Run it on a thread of its own."""
        return on_a_thread(self, "detour")

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.url = "http://{}:{}".format(*self._server.sockets[0].getsockname()[:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        for _turn in range(_TURNS):
            await asyncio.sleep(0)
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connected(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        task.add_done_callback(lambda _: writer.close())  # one that is cancelled before it began closes nothing itself

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.split(" ", 2)
            host, _, port = target.rpartition(":")
            if method != "CONNECT" or port != "443" or host not in self._ports:
                self.refused.append(target)
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                return
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _joined(reader, writer, self._ports[host])
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # either side hung up, or the detour ends
        finally:
            await _closed(writer)


async def _joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry both ways between a connection and a server on this machine, until either end closes."""
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
    ways = [asyncio.create_task(_pumped(*way)) for way in ((reader, there_writer), (there_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        there_writer.close()  # before anything is waited for: the detour may end while this hangs up
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        await _closed(there_writer)


async def _pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
