"""Anonymous calls of ``health`` are answered from memory for a while."""

import asyncio

import azure.functions as func
import pytest

from functions import http_api
from functions.http_api import RememberedHealth

SMALL, LARGE = (func.HttpRequest("GET", "/api/health", body=b"x" * size) for size in (0, 100_000))


async def test_health_is_looked_up_once_in_thirty_seconds_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, now = 0, 0.0

    async def health(req: func.HttpRequest) -> func.HttpResponse:
        nonlocal looked
        looked += 1
        await asyncio.sleep(0)
        return func.HttpResponse(str(looked))

    monkeypatch.setattr(http_api, "health", health)
    remembered = RememberedHealth(clock=lambda: now)
    answers = await asyncio.gather(*(remembered(SMALL) for _ in range(20)))
    assert {answer.get_body() for answer in answers} == {b"1"}
    now = 29.9
    assert (await remembered(SMALL)).get_body() == b"1"
    now = 30.0
    assert (await remembered(SMALL)).get_body() == b"2"


async def test_a_request_that_is_too_large_is_refused_and_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def health(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("ok")

    monkeypatch.setattr(http_api, "health", health)
    remembered = RememberedHealth()
    assert [(await remembered(one)).status_code for one in (LARGE, SMALL, LARGE)] == [413, 200, 413]
