"""JSON batching: up to 20 requests in one, each with an answer or an error of its own.

Written here because the batch classes of msgraph-core lose bodies and don't retry throttled members. Source of the rules:
Microsoft Graph documentation, "Combine multiple HTTP requests using JSON batching".
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenant.graph import PATIENCE, Graph, GraphError, GraphRefused, Json

SIZE = 20
_RETRIED = frozenset({429, 500, 502, 503, 504})
_FIRST_BACKOFF, _LONGEST_WAIT = 2.0, 60.0
_AT_ONCE = 4
"""Envelopes on their way at the same time."""


@dataclass(frozen=True, slots=True)
class Member:
    """One GET of a batch: a path without version, such as ``/users/1?$select=id``."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Json | GraphError


async def batch(
    graph: Graph,
    members: Sequence[Member],
    *,
    version: str = "v1.0",
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> list[Answer]:
    """The answers to the members, in their order; an error stands where a member failed for good.

    Members that were throttled or hit by a server error are sent again, alone, after the longest ``Retry-After``. An
    envelope that fails makes all its members fail: nothing is ever taken for empty.
    """
    limit = asyncio.Semaphore(_AT_ONCE)

    async def send(chunk: Sequence[Member]) -> list[Answer]:
        async with limit:
            return await _send(graph, chunk, version, sleep)

    chunks = [members[start : start + SIZE] for start in range(0, len(members), SIZE)]
    answers = await asyncio.gather(*(send(chunk) for chunk in chunks))
    return [answer for chunk in answers for answer in chunk]


async def collect(graph: Graph, first: Answer, *, version: str = "v1.0") -> list[Json] | GraphError:
    """All items of a collection of which a batch answered the first page."""
    if isinstance(first, GraphError):
        return first
    items = first.get("value")
    if not isinstance(items, list):
        return GraphRefused(200, "UnexpectedAnswer", "the answer has no list of values")
    following = first.get("@odata.nextLink")
    try:
        return items + ([item async for item in graph.follow(str(following))] if following else [])
    except GraphError as error:
        return error


async def _send(
    graph: Graph, members: Sequence[Member], version: str, sleep: Callable[[float], Awaitable[object]]
) -> list[Answer]:
    answers: dict[int, Answer] = {}
    waiting = list(range(len(members)))
    waited, backoff = 0.0, _FIRST_BACKOFF
    while waiting:
        try:
            envelope = await graph.post("/$batch", {"requests": _requests(members, waiting)}, version=version)
        except GraphError as error:
            answers.update(dict.fromkeys(waiting, error))
            break
        responses = _by_id(envelope.get("responses"))
        again: list[int] = []
        pause = 0.0
        for index in waiting:
            response = responses.get(str(index))
            answers[index] = _answer(response)
            if response is not None and response.get("status") in _RETRIED:
                again.append(index)
                pause = max(pause, _retry_after(response) or backoff + random.uniform(0, 1))  # noqa: S311
        if pause > _LONGEST_WAIT or waited + pause > PATIENCE:
            break
        if again:
            await sleep(pause)
            waited, backoff = waited + pause, min(backoff * 2, _LONGEST_WAIT / 2)
        waiting = again
    return [answers[index] for index in range(len(members))]


def _requests(members: Sequence[Member], indexes: Iterable[int]) -> list[Json]:
    requests = []
    for index in indexes:
        request: Json = {"id": str(index), "method": "GET", "url": members[index].path}
        if members[index].headers:
            request["headers"] = dict(members[index].headers)
        requests.append(request)
    return requests


def _by_id(responses: Any) -> dict[str, Json]:
    if not isinstance(responses, list):
        return {}
    return {str(one.get("id")): one for one in responses if isinstance(one, dict)}


def _answer(response: Json | None) -> Answer:
    if response is None:
        return GraphRefused(0, "NoAnswer", "the batch came back without this request")
    status, body = response.get("status"), response.get("body")
    if status == 200 and isinstance(body, dict):
        return body
    error = body.get("error") if isinstance(body, dict) else None
    detail = error if isinstance(error, dict) else {}
    number = status if isinstance(status, int) else 0
    return GraphRefused(number, str(detail.get("code") or "UnexpectedAnswer"), str(detail.get("message") or ""))


def _retry_after(response: Json) -> float:
    headers = response.get("headers")
    named = {str(name).lower(): value for name, value in headers.items()} if isinstance(headers, dict) else {}
    try:
        return max(0.0, float(named.get("retry-after", 0)))
    except (TypeError, ValueError):
        return 0.0
