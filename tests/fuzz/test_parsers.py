"""No parser raises anything but its own refusal, whatever it is given.

The suite tries some inputs for each. ``python -m tests.fuzz.test_parsers 100000 1`` tries as many as one likes for each, by seed.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.basics.test_text import ANY_JSON
from tests.fuzz.parsers import PARSERS, Parser

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            None,
            True,
            False,
            0,
            -1,
            10**30,
            1e308,
            "",
            " ",
            "x" * 600,
            "\ud800",
            "\u0000",
            "\u202e",
            "Infinity",
            "é" * 40,
        ),
        *(
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-12:00",
            "2026-13-01",
            "all",
            "None",
            "https://xn--a/",
            "{",
            '{"a":1}',
            "[[[[",
        ),
        *([], {}, [None], [[]], {"": ""}, [{"id": 1}], [{}] * 40),
    ]
)


@st.composite
def spoilt(draw: st.DrawFn, example: Any) -> bytes:
    """The example with some of its members replaced, dropped or added to; or no JSON any more."""
    value = json.loads(json.dumps(example))
    for _ in range(draw(st.integers(0, 4))):
        value = _changed(draw, value)
    content = json.dumps(value, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=3)) + content[at + draw(st.integers(0, 3)) :]
    return content


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """The value with one place in it changed."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: _changed(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _changed(draw, value[at]), *value[at + 1 :]]
    return draw(ODD | ANY_JSON)


def inputs(parser: Parser) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=40) | ANY_JSON.map(lambda value: json.dumps(value).encode()) | spoilt(parser.example)


def read(parser: Parser, content: bytes) -> None:
    try:
        parser.read(content)
    except parser.refuses as refused:
        str(refused).encode("utf-8")  # what is said of it can be said anywhere


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_parser_reads_or_refuses(name: str, data: st.DataObject) -> None:
    parser = PARSERS[name]
    read(parser, data.draw(inputs(parser)))


@pytest.mark.parametrize("name", [name for name, parser in PARSERS.items() if parser.example is not None])
def test_each_example_is_read_or_refused(name: str) -> None:
    read(PARSERS[name], json.dumps(PARSERS[name].example).encode())


def main(examples: int, number: int) -> None:
    """Try so many inputs for each parser, and say how it went."""
    for name, parser in PARSERS.items():
        run = given(inputs(parser))(_reading(parser))
        seed(number)(settings(LONG, max_examples=examples)(run))()
        sys.stdout.write(f"{name}: {examples:,} inputs, seed {number}\n")
        sys.stdout.flush()


LONG = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def _reading(parser: Parser) -> Callable[[bytes], None]:
    def run(content: bytes) -> None:
        read(parser, content)

    return run


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
