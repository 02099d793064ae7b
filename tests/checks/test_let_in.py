"""Whether an app password would be let in: policy, service and evidence together, and what was looked at."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.judge import judge
from checks.let_in import Answer, LetIn, Looked, let_in
from checks.model import ExchangeView, SmtpAuth
from checks.urgency import deadlines_of
from tenant.model import Account, SignInOutcome
from tests.checks.kit import BLOCK_LEGACY, DEFAULTS_GAP, NOW, SERVICE, Json, make_tenant
from tests.checks.test_urgency import DAY, using

ENFORCED = replace(SERVICE, per_user_mfa="enforced")
AFTER = datetime.fromisoformat("2027-01-10T07:00:00+00:00")


def exchange(state: SmtpAuth, *, taken: datetime = NOW, stale: bool = False) -> ExchangeView:
    return ExchangeView(state, f"SMTP AUTH is {state}.", None, taken, stale, "https://learn.microsoft.com/")


def answer(account: Account, *policies: Json, view: ExchangeView | None = None, now: datetime = NOW) -> LetIn:
    (judged,) = judge(make_tenant(list(policies)), [account], now=now)
    return let_in(replace(judged, exchange=view), now)


def later(account: Account, now: datetime) -> Account:
    """The same account, seen the day before another day."""
    by = now - DAY - account.outcomes[0].last_seen

    def moved(one: SignInOutcome) -> SignInOutcome:
        return replace(one, last_seen=one.last_seen + by, first_seen=one.first_seen + by)

    return replace(
        account,
        outcomes=tuple(map(moved, account.outcomes)),
        sign_ins=tuple(replace(one, last_seen=one.last_seen + by) for one in account.sign_ins),
    )


SMTP_IN, SMTP_REFUSED = using("Authenticated SMTP", got_in=True), using("Authenticated SMTP", got_in=False)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(replace(SERVICE, enabled=False)), Answer.NOT_CHECKED),
        (answer(ENFORCED, BLOCK_LEGACY), Answer.BLOCKED_BY_POLICY),
        (answer(SMTP_IN, BLOCK_LEGACY), Answer.BLOCKED_BY_POLICY),
        (answer(ENFORCED), Answer.NOT_BLOCKED),
        (answer(SMTP_IN), Answer.WORKS),
        (answer(SMTP_REFUSED), Answer.REFUSED),
        (answer(using("IMAP4")), Answer.ENDED),
        (answer(using("IMAP4", got_in=True)), Answer.DOUBTFUL),
        (answer(ENFORCED, view=exchange(SmtpAuth.OFF)), Answer.SWITCHED_OFF),
        (answer(ENFORCED, view=exchange(SmtpAuth.OFF, stale=True)), Answer.NOT_BLOCKED),
        (answer(SMTP_IN, view=exchange(SmtpAuth.OFF, taken=NOW - 9 * DAY)), Answer.WORKS),
        (answer(ENFORCED, now=AFTER), Answer.ENDED),
        (answer(ENFORCED, view=exchange(SmtpAuth.ON, taken=AFTER), now=AFTER), Answer.NOT_BLOCKED),
        (answer(later(SMTP_IN, AFTER), now=AFTER), Answer.DOUBTFUL),
    ],
)
def test_policy_service_and_evidence_decide_together(found: LetIn, expected: Answer) -> None:
    assert found.answer is expected


@pytest.mark.parametrize(("late", "expected"), [(0, Answer.REFUSED), (1, Answer.NOT_BLOCKED)])
def test_a_refusal_counts_for_thirty_days(late: int, expected: Answer) -> None:
    last = SMTP_REFUSED.outcomes[0].last_seen
    assert answer(SMTP_REFUSED, now=last + 30 * DAY + timedelta(seconds=late)).answer is expected


def test_what_can_not_be_read_is_not_made_up_for_by_a_sign_in_that_got_in() -> None:
    (judged,) = judge(make_tenant([], security_defaults=DEFAULTS_GAP), [using("IMAP4", got_in=True)], now=NOW)
    assert judged.verdict.usability == "unknown"
    assert let_in(judged, NOW).answer is Answer.UNKNOWN


def test_what_was_looked_at_and_what_was_not_is_said() -> None:
    assert answer(ENFORCED).text.endswith(
        "Looked at: policies and Microsoft's dates. Not at the sign-in log or the export of Exchange Online."
    )
    seen = answer(SMTP_IN, view=exchange(SmtpAuth.ON))
    assert set(seen.looked_at) == set(Looked)
    assert "Not at" not in seen.text
    assert "Authenticated SMTP got in on 21 Nov 2026." in seen.text
    assert seen.on is not None
    assert seen.on.isoformat() == "2026-12-31"


@given(
    st.sampled_from(["Authenticated SMTP", "IMAP4", "POP", "Exchange Web Services", "Exchange ActiveSync"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, *SmtpAuth]),
    st.integers(0, 400),
)
def test_nothing_is_called_working_that_has_ended_or_is_refused(
    client: str, got_in: bool | None, state: SmtpAuth | None, days: int
) -> None:
    now = NOW + timedelta(days=days)
    account = using(client, got_in=got_in)
    account = later(account, now) if account.outcomes else account
    (judged,) = judge(make_tenant([]), [account], now=now)
    judged = replace(judged, exchange=exchange(state, taken=now) if state else None)
    found = let_in(judged, now)
    ended = deadlines_of(judged, now.date())["APW-010"].ended
    refused = any(one.check_id == "APW-015" and one.severity == "high" for one in judged.findings)
    if ended or refused or state is SmtpAuth.OFF:
        assert found.answer is not Answer.WORKS
    if found.answer is Answer.WORKS:
        assert "no longer accepts passwords" not in found.text
