"""A report says how old the facts are that it rests on."""

from datetime import timedelta

from checks.facts import HOLDS, facts_as_of
from commands.drawn.scan import render_table
from reports import times
from reports.age import facts_line
from reports.html import render_html
from tests.reports import samples

AS_OF = f"Facts as of {times.day(facts_as_of())}"


def test_says_since_when_they_are_known() -> None:
    assert facts_line(facts_as_of()).startswith(f"{AS_OF}: ")
    assert facts_line(facts_as_of() + HOLDS).startswith(f"{AS_OF}: ")


def test_says_when_they_are_old() -> None:
    line = facts_line(facts_as_of() + HOLDS + timedelta(days=1))
    assert line.startswith(f"{AS_OF}, 401 days ago: ")
    assert line.endswith("Install a newer version.")


def test_every_report_that_people_read_says_so() -> None:
    assert AS_OF in render_html(samples.contoso())
    assert AS_OF in render_table(samples.contoso(), 200)
