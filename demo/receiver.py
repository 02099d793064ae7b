"""A receiver of alerts on this machine: plays the Teams workflow and a signed webhook, and keeps what arrives."""

import asyncio
import base64
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass(slots=True)
class Received:
    """One call: where it went, its body, its id, and whether its signature is right (None where there is none)."""

    path: str
    body: str
    id: str | None
    signature_valid: bool | None


@dataclass(slots=True)
class Receiver:
    """The running receiver."""

    url: str = ""
    secret: str = field(default_factory=lambda: "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
    calls: list[Received] = field(default_factory=list)
    status: int = 202
    """What it answers."""

    @property
    def settings(self) -> dict[str, str]:
        """The settings that make alerts come here."""
        return {
            "TEAMS_WEBHOOK_URL": f"{self.url}/teams",
            "WEBHOOK_URL": f"{self.url}/webhook",
            "WEBHOOK_SECRET": self.secret,
        }

    @contextmanager
    def in_thread(self) -> Iterator["Receiver"]:
        """Run it on a thread of its own, on a free port."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="receiver", daemon=True)
        thread.start()
        runner = asyncio.run_coroutine_threadsafe(self._start(), loop).result(30)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    async def _start(self) -> web.AppRunner:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return runner

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.calls.append(
            Received(request.path, body, request.headers.get("webhook-id"), self._is_signed(request, body))
        )
        return web.Response(status=self.status)

    def _is_signed(self, request: web.Request, body: str) -> bool | None:
        if "webhook-signature" not in request.headers:
            return None
        try:
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            return False
        return True
