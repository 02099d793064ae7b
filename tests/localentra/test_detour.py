"""The proxy that leads the addresses of the internet to this machine."""

import asyncio
import gc
import socket
import sys
import warnings
from typing import Any

import pytest

from localentra.detour import Detour


async def connect_just_before_the_end(turns: int) -> None:
    async with Detour({}) as detour:
        connection = socket.create_connection(("127.0.0.1", int(detour.url.rpartition(":")[2])))
        for _ in range(turns):
            await asyncio.sleep(0)
    connection.close()


@pytest.mark.parametrize("turns", range(6))
def test_whoever_connects_just_before_the_end_is_hung_up_on(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", left.append)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        asyncio.run(connect_just_before_the_end(turns))
        gc.collect()
    assert left == []
