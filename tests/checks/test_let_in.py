"""Whether an app password would be let in: policy, service and evidence together, and what was looked at."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.judge import judge
from checks.let_in import Answer, LetIn, Looked, let_in
from checks.model import ExchangeView, SmtpAuth
from checks.retirements import dated_protocol
from checks.urgency import deadlines_of
from tenant.model import Account, SignInOutcome
from tests.checks.kit import BLOCK_LEGACY, DEFAULTS_GAP, NOW, SERVICE, Json, make_tenant, policy
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
        (answer(ENFORCED, view=exchange(SmtpAuth.ON, taken=AFTER, stale=True), now=AFTER + 31 * DAY), Answer.ENDED),
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


SMTP, IMAP, EWS, MAPI = "Authenticated SMTP", "IMAP4", "Exchange Web Services", "MAPI Over HTTP"
SECOND = timedelta(seconds=1)
ENDS = date(2026, 12, 31)


def ended(client: str, at: datetime, code: int = 0, run: int | None = None) -> SignInOutcome:
    """Three sign-ins with a legacy client, all refused since the last that got in unless it is said otherwise."""
    after = (3 if code else 0) if run is None else run
    return SignInOutcome("svc", client, "x", "Exchange", "legacy", code, (), 3, 1, at, at, since_last_in=after)


def seen(*outcomes: SignInOutcome) -> Account:
    return replace(ENFORCED, outcomes=outcomes)


SMTP_TEXT, EWS_TEXT = dated_protocol("SMTP"), dated_protocol(EWS)
IMAP_SINCE = dated_protocol(IMAP).since
REFUSED_SMTP = "The newest sign-ins with Authenticated SMTP were refused although the password was right."
YESTERDAY, LONG_AGO = NOW - DAY, NOW - 31 * DAY
OFF, ON = exchange(SmtpAuth.OFF), exchange(SmtpAuth.ON)
NOBODY = "No policy blocks it; nobody has seen a sign-in with a password get in."
AT_TIMES = policy(clients=("other",), grant=("block",), conditions={"userRiskLevels": ["high"]})
LAST_DAY = datetime.fromisoformat("2026-12-31T00:00:00+00:00")
NEXT_YEAR = datetime.fromisoformat("2027-05-01T07:00:00+00:00")


@pytest.mark.parametrize(
    ("found", "expected", "why", "on"),
    [
        # Policies.
        (
            answer(ENFORCED, BLOCK_LEGACY),
            Answer.BLOCKED_BY_POLICY,
            "A Conditional Access policy blocks legacy authentication, with or without an app password.",
            None,
        ),
        (
            answer(ENFORCED, AT_TIMES),
            Answer.CONDITIONAL,
            "A policy blocks legacy authentication in some circumstances, or may do so.",
            None,
        ),
        (answer(ENFORCED), Answer.NOT_BLOCKED, f"{NOBODY} {SMTP_TEXT.before}", ENDS),
        # What got in, and when that ends.
        (
            answer(seen(ended(SMTP, YESTERDAY))),
            Answer.WORKS,
            f"No policy blocks it, and Authenticated SMTP got in on 21 Nov 2026. {SMTP_TEXT.before}",
            ENDS,
        ),
        (
            answer(seen(ended(EWS, YESTERDAY))),
            Answer.WORKS,
            f"No policy blocks it, and Exchange Web Services got in on 21 Nov 2026. {EWS_TEXT.before}",
            date(2027, 4, 1),
        ),
        (
            answer(seen(ended(EWS, YESTERDAY), ended(SMTP, NOW - 2 * DAY))),
            Answer.WORKS,
            f"No policy blocks it, and Exchange Web Services got in on 21 Nov 2026. {SMTP_TEXT.before}",
            ENDS,
        ),
        (
            answer(seen(ended(MAPI, NEXT_YEAR - DAY)), now=NEXT_YEAR, view=exchange(SmtpAuth.ON, taken=NEXT_YEAR)),
            Answer.WORKS,
            "No policy blocks it, and MAPI Over HTTP got in on 30 Apr 2027.",
            None,
        ),
        (
            answer(seen(ended(SMTP, NOW - 30 * DAY))),
            Answer.WORKS,
            f"No policy blocks it, and Authenticated SMTP got in on 23 Oct 2026. {SMTP_TEXT.before}",
            ENDS,
        ),
        (
            answer(seen(ended(SMTP, NOW - 30 * DAY - SECOND))),
            Answer.NOT_BLOCKED,
            f"{NOBODY} {SMTP_TEXT.before}",
            ENDS,
        ),
        # What was refused: since the last that got in, and lately.
        (answer(seen(ended(SMTP, YESTERDAY, 53003))), Answer.REFUSED, REFUSED_SMTP, None),
        (
            answer(seen(ended(SMTP, NOW - 3 * DAY), ended(SMTP, YESTERDAY, 53003))),
            Answer.REFUSED,
            REFUSED_SMTP,
            None,
        ),
        (
            answer(seen(ended(SMTP, YESTERDAY), ended(SMTP, NOW - 3 * DAY, 53003, run=0))),
            Answer.WORKS,
            f"No policy blocks it, and Authenticated SMTP got in on 21 Nov 2026. {SMTP_TEXT.before}",
            ENDS,
        ),
        (
            answer(seen(ended(SMTP, NOW - 40 * DAY), ended(SMTP, LONG_AGO, 53003))),
            Answer.NOT_BLOCKED,
            f"{NOBODY} {SMTP_TEXT.before}",
            ENDS,
        ),
        (
            answer(seen(ended(SMTP, YESTERDAY, 53003), ended(MAPI, NOW - 2 * DAY, 53003))),
            Answer.REFUSED,
            "The newest sign-ins with Authenticated SMTP and MAPI Over HTTP were refused although the password was right.",
            None,
        ),
        (
            answer(seen(ended(SMTP, YESTERDAY, 53003)), AT_TIMES),
            Answer.REFUSED,
            REFUSED_SMTP,
            None,
        ),
        # One client got in, and something is said against another.
        (
            answer(seen(ended(SMTP, YESTERDAY, 53003), ended(EWS, NOW - 5 * DAY), ended(MAPI, NOW - 4 * DAY))),
            Answer.DOUBTFUL,
            f"MAPI Over HTTP and Exchange Web Services got in, last on 18 Nov 2026; but: {REFUSED_SMTP}",
            None,
        ),
        (
            answer(seen(ended(SMTP, YESTERDAY), ended(IMAP, NOW - 2 * DAY, 53003))),
            Answer.DOUBTFUL,
            "Authenticated SMTP got in, last on 21 Nov 2026; but: The newest sign-ins with IMAP4 were refused although the "
            f"password was right. {IMAP_SINCE}",
            None,
        ),
        # What Exchange Online says.
        (answer(ENFORCED, view=OFF), Answer.SWITCHED_OFF, "SMTP AUTH is off.", None),
        (answer(ENFORCED, view=ON), Answer.NOT_BLOCKED, f"{NOBODY} {SMTP_TEXT.before}", ENDS),
        (answer(ENFORCED, view=exchange(SmtpAuth.UNKNOWN)), Answer.NOT_BLOCKED, f"{NOBODY} {SMTP_TEXT.before}", ENDS),
        (
            answer(seen(ended(SMTP, YESTERDAY, 53003)), view=OFF),
            Answer.REFUSED,
            f"{REFUSED_SMTP} SMTP AUTH is off.",
            None,
        ),
        (
            answer(seen(ended(SMTP, YESTERDAY)), view=exchange(SmtpAuth.OFF, taken=YESTERDAY)),
            Answer.SWITCHED_OFF,
            "SMTP AUTH is off.",
            None,
        ),
        (
            answer(seen(ended(SMTP, YESTERDAY)), view=exchange(SmtpAuth.OFF, taken=YESTERDAY - SECOND)),
            Answer.WORKS,
            f"No policy blocks it, and Authenticated SMTP got in on 21 Nov 2026. {SMTP_TEXT.before}",
            ENDS,
        ),
        (
            answer(seen(ended(MAPI, YESTERDAY)), view=exchange(SmtpAuth.OFF, taken=YESTERDAY - SECOND)),
            Answer.SWITCHED_OFF,
            "SMTP AUTH is off.",
            None,
        ),
        # Microsoft's dates.
        (answer(ENFORCED, now=LAST_DAY - SECOND), Answer.NOT_BLOCKED, f"{NOBODY} {SMTP_TEXT.before}", ENDS),
        (answer(ENFORCED, now=LAST_DAY), Answer.ENDED, SMTP_TEXT.since, None),
        (
            answer(ENFORCED, view=exchange(SmtpAuth.ON, taken=LAST_DAY - SECOND), now=LAST_DAY),
            Answer.ENDED,
            SMTP_TEXT.since,
            None,
        ),
        (
            answer(ENFORCED, view=exchange(SmtpAuth.ON, taken=LAST_DAY), now=LAST_DAY),
            Answer.NOT_BLOCKED,
            NOBODY,
            None,
        ),
        (
            answer(ENFORCED, view=exchange(SmtpAuth.UNKNOWN, taken=LAST_DAY), now=LAST_DAY),
            Answer.ENDED,
            SMTP_TEXT.since,
            None,
        ),
        (
            answer(using(IMAP), view=exchange(SmtpAuth.ON, taken=LAST_DAY), now=LAST_DAY),
            Answer.ENDED,
            IMAP_SINCE,
            None,
        ),
        (
            answer(seen(ended(SMTP, LAST_DAY - DAY)), now=LAST_DAY),
            Answer.DOUBTFUL,
            f"Authenticated SMTP got in, last on 30 Dec 2026; but: {SMTP_TEXT.since}",
            None,
        ),
        (
            answer(using(IMAP), AT_TIMES),
            Answer.ENDED,
            IMAP_SINCE,
            None,
        ),
    ],
)
def test_the_answer_says_why_and_until_when(found: LetIn, expected: Answer, why: str, on: date | None) -> None:
    assert (found.answer, found.text.partition(" Looked at: ")[0], found.on) == (expected, why, on)


def test_security_defaults_decide_before_everything_else() -> None:
    (judged,) = judge(make_tenant([], security_defaults=True), [SMTP_IN], now=NOW)
    found = let_in(judged, NOW)
    assert found.answer is Answer.BLOCKED_BY_SECURITY_DEFAULTS
    assert found.text.startswith("Security Defaults block legacy authentication, with or without an app password. Look")


POLICIES_AND_DATES = (Looked.POLICIES, Looked.DATES)


@pytest.mark.parametrize(
    ("account", "view", "looked_at", "text"),
    [
        (
            ENFORCED,
            None,
            (),
            "policies and Microsoft's dates. Not at the sign-in log or the export of Exchange Online.",
        ),
        (
            using(SMTP),
            None,
            (Looked.SIGN_INS,),
            "policies, Microsoft's dates and the sign-in log. Not at the export of Exchange Online.",
        ),
        (
            seen(ended(SMTP, LONG_AGO)),
            None,
            (Looked.SIGN_INS,),
            "policies, Microsoft's dates and the sign-in log. Not at the export of Exchange Online.",
        ),
        (
            ENFORCED,
            ON,
            (Looked.EXCHANGE,),
            "policies, Microsoft's dates and the export of Exchange Online. Not at the sign-in log.",
        ),
        (
            using(SMTP),
            ON,
            (Looked.SIGN_INS, Looked.EXCHANGE),
            "policies, Microsoft's dates, the sign-in log and the export of Exchange Online.",
        ),
    ],
)
def test_the_answer_names_what_it_rests_on(
    account: Account, view: ExchangeView | None, looked_at: tuple[Looked, ...], text: str
) -> None:
    found = answer(account, view=view)
    assert found.looked_at == (*POLICIES_AND_DATES, *looked_at)
    assert found.text.partition(" Looked at: ")[2] == text


def test_a_modern_client_is_no_sign_in_with_an_app_password() -> None:
    modern = replace(ended("Mobile Apps and Desktop clients", YESTERDAY), how="background")
    assert answer(seen(modern)).answer is Answer.NOT_BLOCKED


def test_where_no_app_password_comes_into_question_nothing_is_looked_at() -> None:
    found = answer(replace(SMTP_IN, enabled=False))
    assert found == LetIn(Answer.NOT_CHECKED, "No app password comes into question for the account.", (), None)


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
