"""Receivers of alerts that fail in every way: a Teams workflow and a webhook, which keep what they were told."""

import asyncio
import base64
import json
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from localgraph.serving import serve
from soak.proxy import cut_in_half, cut_off

TEAMS, WEBHOOK = "teams", "webhook"
CHANNELS = (TEAMS, WEBHOOK)
PATIENCE = 3
"""Seconds for which one that hangs doesn't answer: longer than anybody waits."""


class Mood(StrEnum):
    """How a receiver answers."""

    FINE = "fine"
    CUT = "cut"
    """200, and half of a body."""
    BROKEN = "broken"
    BUSY = "busy"
    """429, with a time to wait."""
    HANGING = "hanging"
    CLOSED = "closed"
    """No answer: the connection is closed."""


BAD = tuple(mood for mood in Mood if mood is not Mood.FINE)


@dataclass(frozen=True, slots=True)
class Call:
    """One alert as it arrived, however it was answered."""

    channel: str
    alert_id: str
    body: Mapping[str, Any]
    accepted: bool
    """Whether the caller was answered that it was received; the answer may be lost all the same."""


class Receivers:
    """Both receivers, under one address for each instance that calls.

    ``odds`` is the part of the calls that goes wrong. ``step`` is awaited when a call has come in, and when it was answered, with the
    names of the instance and of the channel, and whether it was answered.
    """

    def __init__(self, random: random.Random, step: Callable[[str, str, bool], Awaitable[None]]) -> None:
        self._random, self._step = random, step
        self.odds = 0.0
        self.calls: list[Call] = []
        self._url = ""
        self._secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self._runner: web.AppRunner | None = None

    def settings(self, instance: str) -> dict[str, str]:
        """The settings that make the alerts of an instance come here."""
        return {
            "TEAMS_WEBHOOK_URL": f"{self._url}/{instance}/{TEAMS}",
            "WEBHOOK_URL": f"{self._url}/{instance}/{WEBHOOK}",
            "WEBHOOK_SECRET": self._secret,
        }

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/{instance}/{channel}", self._handle)
        self._runner, self._url = await serve(app, shutdown_seconds=0.1)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        instance, channel, body = request.match_info["instance"], request.match_info["channel"], json.loads(text)
        await self._step(instance, channel, False)
        mood = self._random.choice(BAD) if self._random.random() < self.odds else Mood.FINE
        signed = channel != WEBHOOK or self._is_signed(request, text)
        alert_id = body["alert_id"] if channel == TEAMS else body["data"]["alert_id"]
        self.calls.append(Call(channel, alert_id, body, signed and mood in (Mood.FINE, Mood.CUT)))
        answer = await _answer(request, mood) if signed else web.Response(status=401)
        if mood is Mood.FINE:
            await answer.prepare(request)
            await (
                answer.write_eof()
            )  # it is on its way before the step: what happens then happens to somebody who may have it
        await self._step(instance, channel, True)
        return answer

    def _is_signed(self, request: web.Request, body: str) -> bool:
        try:
            Webhook(self._secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            return False
        return True


async def _answer(request: web.Request, mood: Mood) -> web.StreamResponse:
    match mood:
        case Mood.CUT:
            return await cut_in_half(request, 200)
        case Mood.BROKEN:
            return web.Response(status=500)
        case Mood.BUSY:
            return web.Response(status=429, headers={"Retry-After": "1"})
        case Mood.HANGING:
            await asyncio.sleep(PATIENCE)
            return cut_off(request)
        case Mood.CLOSED:
            return cut_off(request)
        case _:
            return web.Response(status=202)
