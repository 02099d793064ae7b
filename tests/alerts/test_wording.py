"""The words of alerts know every check."""

from dataclasses import replace

import pytest

from alerts.groups import Group, statement
from alerts.model import Kind
from alerts.wording import RETIRED, phrase
from checks.pages import page_ids
from tests.alerts.samples import item


@pytest.mark.parametrize("check_id", page_ids())
def test_every_check_is_said_in_words_of_its_own(check_id: str) -> None:
    for accounts in (1, 2):
        assert "a check" not in phrase(check_id, Kind.OPENED, accounts, title="A title", baseline=True)


def test_a_check_that_is_not_known_is_said_by_its_title() -> None:
    assert phrase("APW-999", Kind.OPENED, 2, title="A title", baseline=True) == "fail a check: A title"


ENDS, ENDED = "IMAP ends on 31 Dec 2026.", "IMAP has ended."
GETS_IN = "IMAP has been retired, and sign-ins still get in."


@pytest.mark.parametrize(
    ("title", "urgency", "shared", "said"),
    [
        ("Uses a protocol that is being retired", "later", ENDS, "use a protocol that is being retired"),
        ("Uses a protocol that has been retired", "now", ENDED, "use a protocol that has been retired"),
        ("Uses a protocol that has been retired", "", "", "use a protocol that has been retired"),
        ("Uses a protocol that has been retired", "later", GETS_IN, "use a protocol that has been retired, and get in"),
        ("Uses a protocol that has been retired", "later", "", "use a protocol that has been retired"),  # nobody knows
    ],
)
def test_a_protocol_that_is_retired_and_lets_in_is_not_said_to_be_broken(
    title: str, urgency: str, shared: str, said: str
) -> None:
    items = tuple(
        replace(item(number, check_id=RETIRED, title=title), urgency=urgency, shared=shared, reasons=())
        for number in (1, 2)
    )
    assert statement(Group(items), baseline=True) == f"2 service accounts {said}"
