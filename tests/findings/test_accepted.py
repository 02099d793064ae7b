"""Which exception covers a finding, and exceptions as text."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from findings.accepted import dump_exception, exception_for, load_exception, with_exception
from findings.compare import compare
from findings.model import AcceptedException, Status
from tests.findings.build import DAY, HOUR, NOW, account, seen

TODAY = NOW.date()
ONE = AcceptedException("x1", "a1", "svc@contoso.example", "APW-001", "Migration", "Ada", TODAY, NOW - DAY, "Bob")
TEXT: dict[str, Any] = json.loads(dump_exception(ONE) or "")


@pytest.mark.parametrize(
    ("exception", "holds"),
    [
        (ONE, True),
        (replace(ONE, check_id=None), True),
        (replace(ONE, check_id="APW-002"), False),
        (replace(ONE, account_id="a2"), False),
        (replace(ONE, until=TODAY - DAY), False),
        (replace(ONE, until=TODAY + DAY), True),
        (replace(ONE, ended_at=NOW - HOUR), False),
    ],
)
def test_an_exception_holds_for_its_account_its_check_and_its_time(exception: AcceptedException, holds: bool) -> None:
    found = exception_for([exception], "a1", "APW-001", NOW)
    assert found == (exception if holds else None)


def test_it_holds_to_the_end_of_its_last_day_in_utc_wherever_it_is_asked() -> None:
    midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + DAY
    east, west = timezone(timedelta(hours=9)), timezone(timedelta(hours=-9))
    for zone in (UTC, east, west):
        assert ONE.active((midnight - HOUR).astimezone(zone))
        assert not ONE.active(midnight.astimezone(zone))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (replace(ONE, until=TODAY + DAY), ONE),
        (replace(ONE, created_at=NOW), ONE),
        (replace(ONE, id="x2"), ONE),
        (replace(ONE, until=TODAY + DAY), replace(ONE, created_at=NOW, id="x9")),
        (replace(ONE, created_at=NOW), replace(ONE, id="x9")),
    ],
    ids=["longer", "newer", "by id", "longer before newer", "newer before by id"],
)
def test_of_several_the_one_that_holds_longest_is_meant(better: AcceptedException, worse: AcceptedException) -> None:
    for order in ([better, worse], [worse, better]):
        assert exception_for(order, "a1", "APW-001", NOW) == better


def test_a_finding_shows_what_covers_it_now_and_nothing_once_it_is_resolved() -> None:
    (state,) = compare(account(), [], [seen()], alert_id="a").states
    assert with_exception(state, [ONE], NOW).exception == ONE
    assert with_exception(replace(state, exception=ONE), [], NOW).exception is None
    assert with_exception(replace(state, status=Status.RESOLVED, exception=ONE), [ONE], NOW).exception is None


@pytest.mark.parametrize(
    "exception",
    [
        ONE,
        replace(ONE, check_id=None),
        replace(ONE, ended_at=NOW, ended_by="Eve"),
        replace(ONE, extra={"ticket": 7}),
        None,
    ],
)
def test_an_exception_comes_back_from_its_text(exception: AcceptedException | None) -> None:
    assert load_exception(dump_exception(exception)) == exception


def test_exceptions_that_know_more_can_stand_in_sets() -> None:
    assert len({replace(ONE, extra={"ticket": 7}), replace(ONE, extra={"ticket": 7})}) == 1


def test_times_are_written_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    local = replace(ONE, created_at=NOW.astimezone(zone), ended_at=NOW.astimezone(zone))
    written = json.loads(dump_exception(local) or "")
    assert written["created_at"] == written["ended_at"] == NOW.isoformat()
    assert (TEXT["until"], TEXT["ended_at"]) == (TODAY.isoformat(), None)


@pytest.mark.parametrize("text", [None, ""])
def test_no_text_is_no_exception(text: str | None) -> None:
    assert load_exception(text) is None


@pytest.mark.parametrize("name", ["id", "account_id", "check_id", "until", "created_at", "ended_at"])
@pytest.mark.parametrize("value", ["missing", 7, "", [], True])
def test_what_decides_must_be_there_and_readable(name: str, value: Any) -> None:
    values = {key: one for key, one in TEXT.items() if key != name} if value == "missing" else {**TEXT, name: value}
    with pytest.raises(ValueError, match=name):
        load_exception(json.dumps(values))


@pytest.mark.parametrize(
    ("name", "value"),
    [("until", "tomorrow"), ("created_at", "now"), ("ended_at", "now"), ("id", None), ("until", None)],
)
def test_what_is_no_date_is_no_exception(name: str, value: str | None) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        load_exception(json.dumps({**TEXT, name: value}))


@pytest.mark.parametrize("text", ["[]", "null", '"x"', "7"])
def test_what_is_no_object_is_no_exception(text: str) -> None:
    with pytest.raises(ValueError, match="check_id"):
        load_exception(text)


@pytest.mark.parametrize("name", ["user_principal_name", "reason", "owner", "created_by"])
def test_what_is_only_shown_may_be_missing(name: str) -> None:
    empty: Any = {name: ""}
    for values in ({**TEXT, name: 7}, {key: one for key, one in TEXT.items() if key != name}):
        assert load_exception(json.dumps(values)) == replace(ONE, **empty)


@pytest.mark.parametrize("value", ["", 7, None])
def test_whoever_ended_it_may_be_unknown(value: Any) -> None:
    loaded = load_exception(json.dumps({**TEXT, "ended_at": NOW.isoformat(), "ended_by": value}))
    assert loaded == replace(ONE, ended_at=NOW)


def test_an_exception_as_json() -> None:
    assert replace(ONE, until=date(2026, 12, 1)).public() == {
        "id": "x1",
        "account": "a1",
        "user_principal_name": "svc@contoso.example",
        "check_id": "APW-001",
        "reason": "Migration",
        "owner": "Ada",
        "until": "2026-12-01",
        "created_at": "2026-11-21T07:00:00Z",
        "created_by": "Bob",
        "ended_at": None,
        "ended_by": None,
    }
