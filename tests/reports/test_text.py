"""Names made harmless to look at, in a time that grows with their length and not with its square."""

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.text import clean
from basics.cells import harmless
from basics.text import visible
from commands.output import plain
from reports.text import readable
from tests.basics.test_text import UNSEEN_ONES

# The rule as it was written first: plain, and quadratic.
FORMULA = re.compile(r"""(^|[;,|\t\r\n\v\f])([\s"']*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])""")
BREAKS = re.compile(r"\s*[\t\n\v\f\r\x85\u2028\u2029]\s*")
PIECES = st.lists(st.sampled_from([*"a=+-@;,|'\" \t\n\r\x0b\x0c\x85\u2028\uff1d", "b b", "  "]), max_size=12)


@given(PIECES.map("".join))
def test_a_cell_is_guarded_wherever_a_spreadsheet_might_begin_to_calculate(cell: str) -> None:
    assert harmless(cell) == FORMULA.sub(r"\1\2'", re.sub(r"^(?=[\t\r\n\v\f])", "'", cell))


@given(PIECES.map("".join))
def test_lines_are_joined_by_one_blank(text: str) -> None:
    assert readable(text) == BREAKS.sub(" ", text)


@pytest.mark.parametrize("make", [harmless, readable, clean, plain], ids=lambda one: one.__name__)
@pytest.mark.parametrize("run", ["\n", " ", "\t;", "\"'", "\r\n", "\u3164", "\u0301", "\u202e", ",", "="], ids=ascii)
def test_a_long_run_of_anything_is_cleaned_at_once(make: Callable[[str], str], run: str) -> None:
    text = f"a{run * (100_000 // len(run))}b"
    began = time.process_time()
    make(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("character", UNSEEN_ONES, ids=ascii)
@pytest.mark.parametrize("make", [harmless, readable, clean, plain], ids=lambda one: one.__name__)
def test_no_name_is_shown_with_what_nobody_sees(make: Callable[[str], str], character: str) -> None:
    assert visible(made := make(f"adm{character}in"), "") == made
