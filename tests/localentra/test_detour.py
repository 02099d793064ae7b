"""The proxy that leads the addresses of the internet to this machine."""

import asyncio
import gc
import socket
import sys
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from localentra.detour import Detour


async def connect_just_before_the_end(turns: int) -> None:
    async with Detour({}) as detour:
        connection = socket.create_connection(address_of(detour))
        for _ in range(turns):
            await asyncio.sleep(0)
    connection.close()


async def hang_up_just_before_the_end(turns: int) -> None:
    hung_up = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung_up.wait()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        async with Detour({"login.example": server.sockets[0].getsockname()[1]}) as detour:
            reader, writer = await asyncio.open_connection(*address_of(detour))
            writer.write(b"CONNECT login.example:443 HTTP/1.1\r\n\r\n")
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            hung_up.set()
            for _ in range(turns):
                await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()


def address_of(detour: Detour) -> tuple[str, int]:
    host, _, port = detour.url.removeprefix("http://").rpartition(":")
    return host, int(port)


@pytest.mark.parametrize("turns", range(12))
@pytest.mark.parametrize("story", [connect_just_before_the_end, hang_up_just_before_the_end])
def test_nothing_stays_open_whatever_happens_just_before_the_end(
    story: Callable[[int], Coroutine[None, None, None]], turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", left.append)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        asyncio.run(story(turns))
        gc.collect()
    assert left == []
