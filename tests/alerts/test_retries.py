"""When a channel is tried again."""

from datetime import datetime, timedelta

import pytest

from alerts.ledger import CLAIM, ChannelState, DeliveryStatus
from alerts.retries import GIVE_UP_AFTER, LONGEST, next_try
from tests.alerts.samples import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("attempts", "permanent", "asked", "wait"),
    [
        (1, False, None, MINUTE),
        (2, False, None, 5 * MINUTE),
        (3, False, None, 15 * MINUTE),
        (4, False, None, HOUR),
        (5, False, None, 6 * HOUR),
        (99, False, None, 6 * HOUR),
        (1, False, timedelta(seconds=900), 15 * MINUTE),
        (1, False, timedelta(seconds=1), MINUTE),
        (5, False, timedelta(seconds=900), 6 * HOUR),
        (1, False, DAY, DAY),
        (1, False, 9 * DAY, DAY),
        (1, True, None, DAY),
        (7, True, HOUR, DAY),
    ],
)
def test_the_distance_grows_and_a_receiver_may_ask_for_more(
    attempts: int, permanent: bool, asked: timedelta | None, wait: timedelta
) -> None:
    assert next_try(NOW, attempts, permanent=permanent, asked=asked) == NOW + wait


def test_a_month_holds_a_bearable_number_of_attempts() -> None:
    now, attempts = NOW, 0
    while now - NOW <= GIVE_UP_AFTER:
        attempts += 1
        now = next_try(now, attempts, permanent=False, asked=None)
    assert 100 < attempts < 130


@pytest.mark.parametrize(
    ("ahead", "busy"),
    [
        (timedelta(0), False),
        (timedelta(seconds=1), True),
        (CLAIM, True),
        (CLAIM + 4 * MINUTE, True),
        (CLAIM + 6 * MINUTE, False),
        (30 * DAY, False),
    ],
)
def test_a_claim_that_no_right_clock_can_have_made_holds_nobody_up(ahead: timedelta, busy: bool) -> None:
    state = ChannelState("a", "teams", DeliveryStatus.SENDING, claimed_until=NOW + ahead)
    assert state.busy(NOW) is busy


@pytest.mark.parametrize(
    ("ahead", "waits"),
    [(timedelta(0), False), (MINUTE, True), (LONGEST, True), (LONGEST + 10 * MINUTE, False), (30 * DAY, False)],
)
def test_a_retry_that_no_right_clock_can_have_set_holds_nobody_up(ahead: timedelta, waits: bool) -> None:
    at: datetime = NOW + ahead
    assert ChannelState("a", "teams", DeliveryStatus.FAILED, retry_at=at).waiting(NOW) is waits
