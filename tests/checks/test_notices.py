"""Which dates of Exchange Online are shown beside a verdict, and in which order."""

from datetime import date

import pytest

from checks.model import Usability, Verdict, Visibility
from checks.notices import notices_for

SMTP, EWS, OLD = "SMTP AUTH with a password", "Exchange Web Services", "IMAP, POP and ActiveSync with a password"


@pytest.mark.parametrize(
    ("today", "order"),
    [
        (date(2026, 11, 22), [SMTP, EWS, OLD]),
        (date(2027, 3, 1), [EWS, SMTP, OLD]),
        (date(2023, 2, 1), [OLD, SMTP, EWS]),
    ],
)
def test_the_nearest_date_comes_first_whether_it_is_past_or_not(today: date, order: list[str]) -> None:
    verdict = Verdict(Visibility.HIDDEN, Usability.USABLE, ())
    assert [notice.name for notice in notices_for(verdict, today)] == order


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("usability", Usability)
def test_dates_are_told_where_an_app_password_comes_into_question_and_would_be_let_in(
    visibility: Visibility, usability: Usability
) -> None:
    told = notices_for(Verdict(visibility, usability, ()), date(2026, 11, 22))
    no_password = visibility in (Visibility.NOT_APPLICABLE, Visibility.NOT_OFFERED)
    blocked = usability in (Usability.BLOCKED_BY_POLICY, Usability.BLOCKED_BY_SECURITY_DEFAULTS)
    assert bool(told) is not (no_password or blocked)
