"""The function app is killed at every step of a delivery that fails and is tried again; nothing is lost and nobody told twice."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connections import storage as storage_module
from devtools.azurite import Azurite
from findings.errors import FindingsError
from jobs import tell
from settings import Settings
from tests.findings.crash import FaultyTransport, Killed
from tests.jobs.world import DAY, HOUR, World, cards, notices, world

BROKEN = "Alerts no longer get through to Teams"
AGAIN = "Alerts get through to Teams again"


class Steps:
    """Counts requests to tables, queue and channels, and kills the process when number ``at`` has been done."""

    def __init__(self, at: int | None) -> None:
        self.at, self.count, self.dead = at, 0, False

    async def around(self, work: Any) -> Any:
        if self.dead:
            work.close()
            raise Killed
        answer = await work
        self.count += 1
        if self.count - 1 == self.at:
            self.dead = True
            raise Killed
        return answer


class Tables(FaultyTransport):
    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    async def send(self, request: Any, **options: Any) -> Any:
        async def ask() -> Any:
            answer: Any = await super(Tables, self).send(request, **options)
            with suppress(Exception):
                await answer.load_body()
            return answer

        return await self._steps.around(ask())


class Channels(httpx.AsyncHTTPTransport):
    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = await self._steps.around(super().handle_async_request(request))
        return answer


async def one_process(app: World, at: int | None) -> int:
    """Handle the message that names the alert, as the function does. Returns how many steps it took."""
    steps = Steps(at)
    with app.environment.context() as patch:
        patch.setitem(storage_module.CLIENT_OPTIONS, "transport", Tables(steps))
        patch.setattr("connections.channels.http_client", lambda *_: httpx.AsyncClient(transport=Channels(steps)))

        async def put_later(settings: Settings, queue: str, body: str, delay: timedelta) -> None:
            await steps.around(app.put_later(settings, queue, body, delay))

        patch.setattr("jobs.teller.put_later", put_later)
        await tell.send_alert(app.settings, "a", by_app=True, clock=app.clock)
    return steps.count


async def scenario(app: World, at: int | None, status: int) -> int:
    """Teams fails at first; the process dies at a step; the queue repeats the message; then Teams works again."""
    await app.review()
    await app.keep("a")
    app.teams.status = status
    steps = 0
    with suppress(Killed, FindingsError):
        steps = await one_process(app, at)
    app.now += timedelta(minutes=10)
    if not steps:  # the message was not done with, so it comes again
        await one_process(app, None)
    await app.run(2 * HOUR)
    app.teams.status = 202
    await app.run(2 * DAY)
    await app.scan()
    await app.run(HOUR)
    return steps


@pytest.mark.parametrize(("status", "said", "first"), [(503, [], 0), (404, [BROKEN, AGAIN], 1)])
async def test_a_delivery_that_is_tried_again_survives_every_death(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch, status: int, said: list[str], first: int
) -> None:
    async with world(azurite.new_account(), monkeypatch) as app:
        steps = await scenario(app, None, status)
    assert steps > 10
    for at in range(first, steps, 2):  # of both ways to fail together every step
        async with world(azurite.new_account(), monkeypatch) as app:
            await scenario(app, at, status)
            where = f"killed after step {at} of {steps}"
            assert (await app.waiting(), app.queue) == ([], []), where
            accepted = cards(app.teams)[-1:]
            assert accepted == ["svc-001@contoso.com is newly affected: MFA hides the app-password option"], where
            calls = [request.headers["webhook-id"] for request in app.hook.requests]
            assert set(notices(app.hook)) >= set(said) or status == 503, where
            assert len(set(calls)) <= 3, where
            assert len(calls) - len(set(calls)) <= 1, "only what was being sent is sent again"
            bodies = {request.body for request in app.hook.requests}
            assert len(bodies) == len(set(calls)), where
