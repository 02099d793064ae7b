"""What may be carried over of an account, and when two readings of it say the same."""

from dataclasses import replace

import pytest

from tenant.carried import Answers, agree, answers_of, properties_digest
from tenant.model import Gap, Registration

USER = {"id": "a", "userPrincipalName": "svc@contoso.com", "@odata.id": "x"}
REFUSED = Gap("mfa_registration", "403", tenant_wide=False)
PHONE, KEY = "#microsoft.graph.phoneAuthenticationMethod", "#microsoft.graph.fido2AuthenticationMethod"
ONE = Answers("p", "enabled", frozenset({"g"}), Registration(own=(PHONE, KEY)))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (ONE, True),
        (None, False),
        (replace(ONE, registration=Registration(own=(KEY, PHONE))), True),
        (replace(ONE, registration=Registration(own=(KEY,))), False),
        (replace(ONE, registration=Registration(own=())), False),
        (replace(ONE, registration=Registration(report=("mobilePhone",))), True),
        (replace(ONE, registration=Registration()), True),
        (replace(ONE, properties="q"), False),
        (replace(ONE, state="enforced"), False),
        (replace(ONE, groups=frozenset()), False),
    ],
)
def test_readings_agree_where_what_both_were_shown_is_the_same(other: Answers | None, same: bool) -> None:
    assert agree(ONE, other) is same
    assert other is None or agree(other, ONE) is same


@pytest.mark.parametrize(
    ("state", "groups", "registration"),
    [
        (None, frozenset(), Registration()),
        ("on holiday", frozenset(), Registration()),
        (REFUSED, frozenset(), Registration()),
        ("disabled", REFUSED, Registration()),
        ("enabled", frozenset(), Registration(own=REFUSED)),
        ("enabled", frozenset(), Registration(report=REFUSED)),
    ],
)
def test_what_could_not_be_read_whole_is_not_carried_over(
    state: str | None | Gap, groups: frozenset[str] | Gap, registration: Registration
) -> None:
    assert answers_of(USER, state, groups, registration) is None


def test_properties_are_the_same_whatever_the_answer_says_of_itself() -> None:
    assert properties_digest(USER) == properties_digest({**USER, "@odata.id": "y"})
    assert properties_digest(USER) != properties_digest({**USER, "accountEnabled": False})
