"""The twelve questions: each has one answer, which the command line leads to, and which leads on to what there is."""

import re

import pytest

from checks.catalog import known_checks
from commands.line.kept import QUESTIONS_ASKED
from commands.questions import PAGE
from tests.e2e.conftest import Installation

QUESTIONS = (
    "why is the option missing",
    "enabled and the option is still missing",
    "what does the tenant's switch do",
    "which error is this",
    "under security defaults",
    "legacy authentication is blocked",
    "how are app passwords deleted",
    "where is the page",
    "is the switch on",
    "which devices still use passwords, and until when",
    "how do i make this product work",
    "does a password reset, or disabling mfa",
)
TEXT = PAGE.read_text(encoding="utf-8")


def answer(number: int) -> str:
    """What stands below a question."""
    return re.split(r"^## ", TEXT, flags=re.MULTILINE)[number].partition("\n")[2]


@pytest.mark.parametrize(("number", "question"), list(enumerate(QUESTIONS, 1)))
def test_each_question_has_one_answer_that_leads_on(number: int, question: str) -> None:
    headings = re.findall(r"^## (.*)", TEXT, re.MULTILINE)
    assert [one for one in headings if question in one.lower()] == [headings[number - 1]]
    assert headings[number - 1].startswith(f"{number}. ")
    links = re.findall(r"\]\(([\w-]+\.md)(?:#[\w-]+)?\)", answer(number))
    assert links
    assert all((PAGE.parent / link).exists() for link in links)
    assert len(answer(number).split()) > 30


@pytest.mark.parametrize(
    ("number", "command"), [(4, "explain"), (6, "compensate"), (9, "exchange"), (10, "legacy"), (11, "legacy")]
)
def test_an_answer_names_the_command_that_looks(number: int, command: str) -> None:
    assert f"`python cli.py {command}" in answer(number)


def test_links_to_checks_lead_to_their_chapters() -> None:
    chapters = {
        re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-")
        for one in re.findall(r"^## (.*)", (PAGE.parent / "checks.md").read_text(encoding="utf-8"), re.MULTILINE)
    }
    linked = set(re.findall(r"checks\.md#([\w-]+)", TEXT))
    assert linked
    assert linked <= chapters
    assert {one[:7].upper() for one in linked} <= known_checks()


def test_the_command_line_shows_one_answer_or_all() -> None:
    place = Installation(None, None, "")  # type: ignore[arg-type]
    every, seventh = place.run("questions"), place.run("questions", "7")
    assert (every.code, seventh.code) == (0, 0)
    assert len(re.findall(r"^\d+\. ", every.out, re.MULTILINE)) == len(QUESTIONS) == QUESTIONS_ASKED
    assert seventh.out.startswith("7. How are app passwords deleted?")
    assert "8. " not in seventh.out


def test_the_readme_and_the_terminal_lead_to_the_page() -> None:
    readme = (PAGE.parent.parent / "README.md").read_text(encoding="utf-8")
    assert "docs/questions.md" in readme
    assert "cli.py questions" in readme
