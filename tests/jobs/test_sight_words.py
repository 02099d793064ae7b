"""What a scan can't say to be over, because something else can't be seen."""

import pytest

from jobs.sight_words import in_the_dark
from tenant.model import Account, Gap

UNREADABLE = Account("a1", "svc@contoso.example", properties=Gap("account_properties", "500", account_id="a1"))


@pytest.mark.parametrize(
    ("missing", "key", "dark"),
    [
        ("conditional_access_policies", "input groups", True),
        ("conditional_access_policies", "input security_defaults", False),
        ("per_user_mfa", "input mfa_registration", True),
        ("role_assignments", "input role_definitions", True),
        ("selection", "input per_user_mfa", True),
    ],
)
def test_an_input_that_is_not_asked_for_is_not_readable_again(missing: str, key: str, dark: bool) -> None:
    assert in_the_dark([Gap(missing, "500")], [])(key) is dark


@pytest.mark.parametrize(
    ("key", "dark"),
    [
        ("renamed a1 new@contoso.example", True),
        ("renamed a2 new@contoso.example", False),
        ("missing svc@contoso.example", True),
        ("missing other@contoso.example", False),
    ],
)
def test_nothing_ends_about_an_account_that_cannot_be_read(key: str, dark: bool) -> None:
    assert in_the_dark([], [UNREADABLE])(key) is dark
