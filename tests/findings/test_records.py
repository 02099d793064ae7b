"""What is passed on between scans can't be changed on the way."""

import importlib
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import findings


def records() -> Iterator[type]:
    for file in sorted(Path(findings.__path__[0]).glob("*.py")):
        module = importlib.import_module(f"findings.{file.stem}")
        own = [one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__]
        yield from (one for one in own if isinstance(one, type) and is_dataclass(one))


@pytest.mark.parametrize("record", list(records()), ids=lambda record: f"{record.__module__}.{record.__name__}")
def test_a_record_is_frozen_and_has_no_other_members(record: type) -> None:
    assert record.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(record)
