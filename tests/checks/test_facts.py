"""Every fact that can rot has a source and a day, and none is so old that somebody has to look again."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks import facts
from checks.facts import HOLDS, FactsError, Reading, facts_as_of, readings
from checks.known_errors import known_errors
from checks.product_files import known_products
from checks.retirements import retirements

FILES = sorted(Path(facts.__file__).parent.glob("*.json"))
TODAY = datetime.now(UTC).date()
"""The real one: this is the test that is meant to fail some day."""


def test_no_fact_is_older_than_400_days() -> None:
    assert timedelta(days=400) == HOLDS
    old = [reading for reading in readings() if TODAY - reading.on > HOLDS]
    assert old == [], "look at the source again, correct what has changed, and set read to today"


def test_nothing_was_read_in_the_future() -> None:
    assert [reading for reading in readings() if reading.on > TODAY] == []


def test_every_entry_of_every_file_is_among_them() -> None:
    sources = sum(file.read_text(encoding="utf-8").count('"source":') for file in FILES)
    assert len(readings()) == sources
    assert len(readings()) >= len(known_errors()) + len(known_products()) + len(retirements())


def test_a_file_without_sources_holds_no_facts() -> None:
    assert {reading.fact.partition(":")[0] for reading in readings()} == {file.name for file in FILES}


def test_facts_are_as_old_as_the_oldest_of_them() -> None:
    days = [reading.on for reading in readings()]
    assert facts_as_of() == min(days)


@pytest.mark.parametrize("read", [None, "", "yesterday", 5, "2026-13-01"])
def test_a_source_without_a_day_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Any) -> None:
    (tmp_path / "some.json").write_text(json.dumps({"facts": [{"source": "x", "read": read}]}), encoding="utf-8")
    monkeypatch.setattr(facts, "__file__", str(tmp_path / "facts.py"))
    with pytest.raises(FactsError, match=r"some\.json: facts\.0 has a source, and no day"):
        readings.__wrapped__()


def test_facts_are_found_at_any_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"a": {"b": [{"source": "x", "read": "2026-01-02"}]}, "source": "y", "read": "2026-01-01"}
    (tmp_path / "some.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(facts, "__file__", str(tmp_path / "facts.py"))
    assert readings.__wrapped__() == (
        Reading("some.json: ", date(2026, 1, 1)),
        Reading("some.json: a.b.0", date(2026, 1, 2)),
    )
