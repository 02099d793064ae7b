"""However large an alert is, its parts hold all of it, each fits, and each is the same on every attempt."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.model import Alert, AlertGap, NextStep
from alerts.parts import WHOLE, Part, fitting, parts_of
from alerts.webhook import MAX_BYTES, webhook_body, webhook_cut
from tests.alerts import samples
from tests.alerts.samples import HOSTILE, alert, item


def bodies(made: Alert, limit: int = MAX_BYTES) -> list[str]:
    return [webhook_body(made, part) for part in parts_of(made, tuple(webhook_cut(made, limit)))]


@given(st.lists(st.integers(0, 30)), st.integers(1, 40))
def test_a_cut_puts_every_entry_into_one_part_and_no_part_is_too_full(sizes: list[int], room: int) -> None:
    starts = list(fitting(sizes, room))
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    for start, end in zip(starts, [*starts[1:], len(sizes)], strict=True):
        assert sum(sizes[start:end]) <= room or end - start == 1
        assert end > start or not sizes


def test_a_cut_makes_no_more_parts_than_needed() -> None:
    assert list(fitting([5, 5, 5, 5, 1], 10)) == [0, 2, 4]
    assert list(fitting([50, 1], 10)) == [0, 1]
    assert list(fitting([], 10)) == [0]


def test_an_alert_that_fits_is_one_part_with_the_id_of_the_alert() -> None:
    made = samples.typical()
    (part,) = parts_of(made)
    assert tuple(webhook_cut(made)) == WHOLE
    assert part == Part(1, 1, 0, 7)
    assert (part.id(made), part.items(made), part.gaps(made)) == (made.id, made.items, made.gaps)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=[])), st.integers(0, 2000), st.integers(0, 400)
)
def test_all_parts_together_hold_every_change_and_every_gap(name: str, count: int, unread: int) -> None:
    items = [item(n, name=name, upn=name, title=name, actor=name, doubt=name, resolution=name) for n in range(count)]
    gaps = [AlertGap("per_user_mfa", name, f"{n} {name}", None, name) for n in range(unread)]
    made = alert(*items, gaps=gaps, tenant_name=name)
    found = bodies(made)
    assert all(body.isascii() and len(body) <= MAX_BYTES for body in found)
    data = [json.loads(body)["data"] for body in found]
    assert [change["id"] for one in data for change in one["changes"]] == [one.id for one in made.items]
    assert sum(len(one["gaps"]) for one in data) == unread
    assert [(one["part"], one["parts"]) for one in data] == [(n, len(data)) for n in range(1, len(data) + 1)]
    assert all(len(one["changes"]) + one["omitted"] == count for one in data)
    whole = ("alert_id", "headline", "severity", "totals", "counts", "run_id", "tenant")
    assert all([one[key] for key in whole] == [data[0][key] for key in whole] for one in data)
    assert bodies(made) == found


def test_parts_have_ids_of_their_own_that_never_change() -> None:
    made = samples.many(1000)
    ids = [part.id(made) for part in parts_of(made, tuple(webhook_cut(made)))]
    assert ids[:3] == [made.id, f"{made.id}.2", f"{made.id}.3"]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_single_change_always_finds_room(name: str) -> None:
    long = (name or "𠮷") * 300
    one = item(
        1,
        name=long,
        upn=long,
        actor=long,
        doubt=long,
        resolution=long,
        accepted_by=long,
        reasons=(samples.reason(long, long),) * 10,
        next_step=NextStep(long, (long,) * 10),
    )
    (body,) = bodies(alert(one, tenant_name=long))
    assert len(body) <= MAX_BYTES
