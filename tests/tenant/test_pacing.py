"""How long a request waits for Graph, and when it gives up."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import takewhile

import pytest

from tenant.pacing import BLIND_PATIENCE, TOLD_PATIENCE, Pace, retry_after_in


def waits(status: int, retry_after: float | None = None) -> list[float]:
    pace = Pace()
    answers = (pace.after(status, retry_after) for _ in range(100))
    return [pause for pause in takewhile(lambda pause: pause is not None, answers) if pause is not None]


@pytest.mark.parametrize("status", [429, 503, 504])
def test_throttling_without_a_time_is_met_with_growing_waits_from_two_seconds(status: int) -> None:
    taken = waits(status)
    assert 2 <= taken[0] <= 2.5
    assert taken == sorted(taken)
    assert 60 <= sum(taken) <= BLIND_PATIENCE


def test_the_time_that_graph_asks_for_is_taken_exactly_and_as_often_as_patience_lasts() -> None:
    assert waits(429, 50) == [50, 50, 50]


def test_a_longer_time_than_patience_lasts_is_not_waited_for() -> None:
    assert waits(429, TOLD_PATIENCE + 1) == []


@pytest.mark.parametrize("status", [500, 502, 0])
def test_server_errors_and_broken_connections_are_tried_twice_more(status: int) -> None:
    assert waits(status) == [1, 2]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 501])
def test_an_answer_is_not_asked_for_again(status: int) -> None:
    assert waits(status) == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 23:00:00"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_in(headers) == seconds


def test_retry_after_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    seconds = retry_after_in({"Retry-After": later})
    assert seconds is not None
    assert 25 < seconds <= 30
