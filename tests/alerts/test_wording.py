"""The words of alerts know every check."""

import pytest

from alerts.model import Kind
from alerts.wording import phrase
from checks.pages import page_ids


@pytest.mark.parametrize("check_id", page_ids())
def test_every_check_is_said_in_words_of_its_own(check_id: str) -> None:
    for accounts in (1, 2):
        assert "a check" not in phrase(check_id, Kind.OPENED, accounts, title="A title", baseline=True)


def test_a_check_that_is_not_known_is_said_by_its_title() -> None:
    assert phrase("APW-999", Kind.OPENED, 2, title="A title", baseline=True) == "fail a check: A title"
