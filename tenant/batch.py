"""JSON batching: up to 20 requests in one, each with an answer or an error of its own.

Written here because the batch classes of msgraph-core lose bodies and don't retry throttled members. Source of the rules:
Microsoft Graph documentation, "Combine multiple HTTP requests using JSON batching".
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tenant.graph import (
    REFINEMENT_REFUSED,
    TOO_MANY,
    Graph,
    GraphError,
    GraphGarbled,
    GraphRefused,
    Json,
    answered_object,
    stumbled,
)
from tenant.limits import Lane, lane_of, load_of
from tenant.pacing import Pace, retry_after_in
from tenant.shapes import ANY, Shape, shaped

SIZE = 20
_PIECE = 25 * SIZE
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Member:
    """One GET of a batch: a path without version, such as ``/users/1?$select=id``."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    insists: bool = True
    """Whether it is sent again where Graph is too busy for it (429)."""


Answer = Json | GraphError
Done = Callable[[int], None]
"""Told how many more members are answered."""


def _unseen(_: int) -> None:
    """Nobody looks on."""


async def batch(
    graph: Graph, members: Sequence[Member], *, version: str = "v1.0", done: Done = _unseen
) -> list[Answer]:
    """The answers to the members, in their order; an error stands where a member failed for good.

    Members that were throttled or hit by a server error, and those whose answer is missing or can't be read, are sent
    again, alone, after the longest ``Retry-After``. An envelope that fails makes all its members fail: nothing is ever
    taken for empty.
    """

    async def send(chunk: Sequence[Member]) -> list[Answer]:
        async with graph.limits.preparing(lane_of(chunk[0].path)):
            answers = await _send(graph, chunk, version)
        done(len(chunk))
        return answers

    chunks = [members[start : start + SIZE] for start in range(0, len(members), SIZE)]
    answers = await asyncio.gather(*(send(chunk) for chunk in chunks))
    return [answer for chunk in answers for answer in chunk]


async def batch_any(
    graph: Graph,
    alternatives: Sequence[Sequence[str]],
    *,
    refused: frozenset[int] = REFINEMENT_REFUSED - {404},
    done: Done = _unseen,
) -> list[Answer]:
    """The answers to requests that each have several shapes: a later one is tried where Graph refuses the one before.

    Takes for each request its paths, the best one first, and the statuses that mean that a shape isn't supported (404 isn't
    among them: where the path names an object, it means that there is none). Where every shape is refused, the first refusal
    is the answer.
    """
    answers = await batch(graph, [Member(paths[0]) for paths in alternatives], done=done)
    again = [
        index
        for index, answer in enumerate(answers)
        if isinstance(answer, GraphRefused) and answer.status in refused and len(alternatives[index]) > 1
    ]
    if again:
        simpler = await batch_any(graph, [alternatives[index][1:] for index in again], refused=refused)
        for index, answer in zip(again, simpler, strict=True):
            if not (isinstance(answer, GraphRefused) and answer.status in refused):
                answers[index] = answer
    return answers


async def in_pieces(
    ids: Sequence[str], read: Callable[[Sequence[str]], Awaitable[dict[str, Found]]]
) -> dict[str, Found]:
    """What ``read`` finds of all of them, by id. It is asked for some at a time, all at once: so of many answers each piece is made into
    what is wanted of it, and let go, while others are on their way.
    """
    pieces = [ids[start : start + _PIECE] for start in range(0, len(ids), _PIECE)]
    found: dict[str, Found] = {}
    for piece in await asyncio.gather(*map(read, pieces)):
        found |= piece
    return found


async def collect(graph: Graph, first: Answer, shape: Shape = ANY) -> list[Json] | GraphError:
    """All items of a collection of which a batch answered the first page; one that is malformed makes it unreadable."""
    if isinstance(first, GraphError):
        return first
    try:
        return [shaped(item, shape) async for item in graph.items(first)]
    except GraphError as error:
        return error


async def _send(graph: Graph, members: Sequence[Member], version: str) -> list[Answer]:
    answers: dict[int, Answer] = {}
    waiting = list(range(len(members)))
    paces = {index: Pace() for index in waiting}
    while waiting:
        now, later = _within_limits(graph, members, waiting)
        try:
            envelope = await graph.post(
                "/$batch",
                {"requests": _requests(graph, members, now)},
                version=version,
                load=load_of(*(members[index].path for index in now)),
            )
        except GraphError as error:
            answers.update(dict.fromkeys(waiting, error))
            break
        responses = _by_id(envelope.get("responses"))
        pauses: dict[int, float] = {}
        for index in now:
            response = responses.get(str(index))
            answer = answers[index] = _answer(response, graph.scopes)
            _note(graph, members[index].path, response, answer)
            if isinstance(answer, GraphRefused) and (members[index].insists or answer.status != TOO_MANY):
                pause = _pause(paces[index], answer)
                if pause is not None:
                    pauses[index] = pause
        if any(_is_settled(answers[index]) for index in now):
            # Some endpoints let only a few members through at a time: while there is progress, nobody loses patience.
            paces.update((index, Pace()) for index in pauses)
        if pauses:
            await graph.sleep(max(pauses.values()))
        waiting = [*pauses, *later]
    return [answers[index] for index in range(len(members))]


def _within_limits(graph: Graph, members: Sequence[Member], waiting: Sequence[int]) -> tuple[list[int], list[int]]:
    """Those of the members that one envelope may hold now, and those that have to wait for the next."""
    left: dict[Lane, int | None] = {}
    now: list[int] = []
    for index in waiting:
        lane = lane_of(members[index].path)
        room = left.setdefault(lane, graph.limits.pieces(lane))
        if room is None or room > 0:
            now.append(index)
            left[lane] = None if room is None else room - 1
    return now, [index for index in waiting if index not in now]


def _note(graph: Graph, path: str, response: Json | None, answer: Answer) -> None:
    """Tell the limits how the answer to a member came out."""
    if isinstance(answer, GraphRefused) and answer.status == TOO_MANY:
        graph.throttled += 1
        graph.limits.refused(path, answer.retry_after)
    else:
        graph.answered(path, _headers(response))


def _pause(pace: Pace, refused: GraphRefused) -> float | None:
    if isinstance(refused, GraphGarbled):
        return pace.after_silence()
    return pace.after(refused.status, refused.retry_after)


def _is_settled(answer: Answer) -> bool:
    return not (isinstance(answer, GraphError) and stumbled(answer))


def _requests(graph: Graph, members: Sequence[Member], indexes: Iterable[int]) -> list[Json]:
    # Of the envelope's own headers only the token counts for its members.
    return [
        {
            "id": str(index),
            "method": "GET",
            "url": members[index].path,
            "headers": {**graph.headers, **members[index].headers},
        }
        for index in indexes
    ]


def _by_id(responses: Any) -> dict[str, Json]:
    if not isinstance(responses, list):
        return {}
    return {str(one.get("id")): one for one in responses if isinstance(one, dict)}


def _answer(response: Json | None, scopes: frozenset[str] | None) -> Answer:
    if response is None:
        return GraphGarbled(0, "the batch came back without this request")
    status, body = response.get("status"), response.get("body")
    number = int(status) if isinstance(status, int | str) and str(status).isdecimal() else 0
    if number == 0:
        return GraphGarbled(number, "the answer has no status")
    if number == 200:
        try:
            return answered_object(body)
        except GraphGarbled as garbled:
            return garbled
    error = body.get("error") if isinstance(body, dict) else None
    detail = error if isinstance(error, dict) else {}
    waits = retry_after_in(_headers(response))
    code, message = str(detail.get("code") or "UnexpectedAnswer"), str(detail.get("message") or "")
    return GraphRefused(number, code, message, waits, scopes=scopes)


def _headers(response: Json | None) -> Json:
    headers = response.get("headers") if response else None
    return headers if isinstance(headers, dict) else {}
