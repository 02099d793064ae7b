"""A receiver of alerts on this machine: plays the Teams workflow and a signed webhook, and keeps what arrives."""

import base64
import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from localgraph.serving import on_a_thread, serve


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
    _runner: web.AppRunner | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The settings that make alerts come here."""
        return {
            "TEAMS_WEBHOOK_URL": f"{self.url}/teams",
            "WEBHOOK_URL": f"{self.url}/webhook",
            "WEBHOOK_SECRET": self.secret,
        }

    def in_thread(self) -> AbstractContextManager[Self]:
        """Run it on a thread of its own, on a free port."""
        return on_a_thread(self, "receiver")

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/{path:.*}", self._handle)
        self._runner, self.url = await serve(app)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

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
