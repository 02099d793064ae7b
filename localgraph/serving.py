"""Servers on this machine: on a port of their own, and on a thread of their own where nobody has an event loop for them."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from ssl import SSLContext
from typing import Any, TypeVar

from aiohttp import web

Server = TypeVar("Server", bound=AbstractAsyncContextManager[Any])
_SECONDS = 30


async def serve(
    app: web.Application, *, port: int = 0, shutdown_seconds: float = 1, tls: SSLContext | None = None
) -> tuple[web.AppRunner, str]:
    """Serve an application on this machine; 0 is any free port.

    Returns what is to be cleaned up in the end, and the address. ``shutdown_seconds``: how long requests may go on then.
    ``tls``: the certificate, where it isn't served in the open.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    return runner, "{}://{}:{}".format("https" if tls else "http", *runner.addresses[0][:2])


@contextmanager
def on_a_thread(server: Server, name: str) -> Iterator[Server]:
    """Run a server, which is an async context manager, on a thread with this ``name`` as long as this lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(_SECONDS)
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_SECONDS)
        loop.close()
