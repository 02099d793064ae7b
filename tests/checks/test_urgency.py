"""What is broken now, what breaks on a date, and what is a matter of order: each finding stands in one place."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from checks.catalog import known_checks
from checks.judge import judge
from checks.retirements import SOON
from checks.urgency import Deadline, Standing, Urgency, deadlines_of, most_urgent, standing_of
from tenant.model import Account, Registration, SignInOutcome, SignInUse
from tests.checks.kit import NOW, SERVICE, make_tenant

DAY = timedelta(days=1)
SMTP_ENDS = date(2026, 12, 31)
AHEAD, GONE, GOES_ON = (
    Deadline("SMTP AUTH with a password", SMTP_ENDS, False),
    Deadline("IMAP", None, True),
    Deadline("IMAP", None, False),
)
NOW_, LATER, TIDY, UNKNOWN = Urgency.NOW, Urgency.LATER, Urgency.TIDY, Urgency.UNKNOWN


@pytest.mark.parametrize(
    ("check", "severity", "deadline", "place"),
    [
        *((f"APW-00{number}", "high", None, Standing(NOW_)) for number in (1, 2, 3, 7, 9)),
        ("APW-004", "medium", None, Standing(NOW_)),
        ("APW-005", "low", None, Standing(TIDY)),
        ("APW-006", "medium", None, Standing(LATER)),
        ("APW-006", "high", None, Standing(LATER)),
        ("APW-008", "medium", None, Standing(UNKNOWN)),
        ("APW-010", "high", AHEAD, Standing(LATER, SMTP_ENDS)),
        ("APW-010", "high", GONE, Standing(NOW_)),
        ("APW-010", "high", GOES_ON, Standing(LATER)),
        ("APW-010", "high", None, Standing(LATER)),
        ("APW-011", "medium", None, Standing(TIDY)),
        ("APW-012", "low", None, Standing(TIDY)),
        ("APW-013", "high", None, Standing(LATER)),
        ("APW-014", "high", None, Standing(NOW_)),
        ("APW-015", "high", None, Standing(NOW_)),
        ("APW-015", "medium", None, Standing(TIDY)),
        ("APW-016", "medium", AHEAD, Standing(LATER, SMTP_ENDS)),
        ("APW-017", "medium", None, Standing(TIDY)),
        ("APW-999", "high", None, Standing(NOW_)),
        ("APW-999", "low", None, Standing(TIDY)),
    ],
)
def test_each_finding_stands_in_one_place(
    check: str, severity: str, deadline: Deadline | None, place: Standing
) -> None:
    assert standing_of(check, severity, deadline) == place


def test_what_can_not_be_told_is_called_neither_broken_nor_a_matter_of_order() -> None:
    unknown = {check for check in known_checks() if standing_of(check, "high").urgency is UNKNOWN}
    assert unknown == {"APW-008"}


def test_an_account_stands_by_its_most_urgent_finding_and_the_next_day_of_these() -> None:
    later = [Standing(LATER, SMTP_ENDS + DAY), Standing(LATER, SMTP_ENDS), Standing(LATER)]
    assert most_urgent([Standing(TIDY), *later]) == Standing(LATER, SMTP_ENDS)
    assert most_urgent([*later, Standing(UNKNOWN)]) == Standing(UNKNOWN)
    assert most_urgent([*later, Standing(UNKNOWN), Standing(NOW_)]) == Standing(NOW_)
    assert most_urgent([Standing(NOW_, SMTP_ENDS), Standing(LATER, SMTP_ENDS - DAY)]) == Standing(NOW_, SMTP_ENDS)
    assert most_urgent([Standing(UNKNOWN), Standing(TIDY)]) == Standing(UNKNOWN)
    assert most_urgent([]) is None


def using(client: str, *, got_in: bool | None = None) -> Account:
    """An account that is seen to use a client; ``got_in``: what the log says of how its sign-ins ended."""
    use = SignInUse("svc", client, "x", "Exchange", "", "background", 9, 3, NOW - 9 * DAY, NOW - DAY)
    if got_in is None:
        return replace(SERVICE, per_user_mfa="enforced", sign_ins=(use,))
    code, run = (0, 0) if got_in else (53003, 3)
    outcome = SignInOutcome(
        *("svc", client, "x", "Exchange", "legacy", code, (), 3, 3, NOW - 9 * DAY, NOW - DAY),
        since_last_in=run,
        run_start=NOW - 9 * DAY if run else None,
    )
    return replace(SERVICE, per_user_mfa="enforced", sign_ins=(use,), outcomes=(outcome,))


@pytest.mark.parametrize(
    ("account", "deadline"),
    [
        (using("Authenticated SMTP"), Deadline("SMTP AUTH with a password", SMTP_ENDS, False)),
        (using("Exchange Web Services"), Deadline("Exchange Web Services", date(2027, 4, 1), False)),
        (using("IMAP4"), Deadline("IMAP, POP and ActiveSync with a password", None, True)),
        (using("IMAP4", got_in=False), Deadline("IMAP, POP and ActiveSync with a password", None, True)),
        (using("IMAP4", got_in=True), Deadline("IMAP, POP and ActiveSync with a password", None, False)),
    ],
)
def test_what_has_ended_is_broken_unless_it_still_gets_in(account: Account, deadline: Deadline) -> None:
    (judged,) = judge(make_tenant([]), [account], now=NOW)
    assert deadlines_of(judged, NOW.date())["APW-010"] == deadline


@pytest.mark.parametrize(("today", "ended"), [(date(2027, 1, 31), False), (date(2027, 2, 1), True)])
def test_methods_that_end_break_on_their_day(today: date, ended: bool) -> None:
    account = replace(SERVICE, per_user_mfa="enforced", registration=Registration(report=("mobilePhone",)))
    at = NOW.replace(year=today.year, month=today.month, day=today.day)
    (judged,) = judge(make_tenant([]), [account], now=at)
    found = deadlines_of(judged, today)["APW-016"]
    assert (found.on, found.ended) == (None if ended else date(2027, 2, 1), ended)


SMTP, IMAP, EWS = "Authenticated SMTP", "IMAP4", "Exchange Web Services"
SMTP_NAME, IMAP_NAME, EWS_NAME = (
    "SMTP AUTH with a password",
    "IMAP, POP and ActiveSync with a password",
    "Exchange Web Services",
)
EWS_ENDS = date(2027, 4, 1)


def uses(*clients: str, got_in: dict[str, date] | None = None, refused: dict[str, date] | None = None) -> Account:
    """An account that uses these clients; when the log saw one last, and how that ended."""
    use = SignInUse("svc", "", "x", "Exchange", "", "background", 9, 3, NOW - 9 * DAY, NOW - DAY)

    def outcome(client: str, on: date, code: int) -> SignInOutcome:
        at = NOW.replace(year=on.year, month=on.month, day=on.day)
        run = 3 if code else 0
        return SignInOutcome("svc", client, "x", "Exchange", "legacy", code, (), 3, 3, at, at, since_last_in=run)

    return replace(
        SERVICE,
        per_user_mfa="enforced",
        sign_ins=tuple(replace(use, client_app=client) for client in clients),
        outcomes=(
            *(outcome(client, on, 0) for client, on in (got_in or {}).items()),
            *(outcome(client, on, 53003) for client, on in (refused or {}).items()),
        ),
    )


def deadline_of(account: Account, today: date) -> Deadline:
    at = NOW.replace(year=today.year, month=today.month, day=today.day)
    (judged,) = judge(make_tenant([]), [account], now=at)
    return deadlines_of(judged, today)["APW-010"]


BEFORE, AFTER, LATEST = SMTP_ENDS - DAY, SMTP_ENDS + 9 * DAY, EWS_ENDS + DAY


@pytest.mark.parametrize(
    ("account", "today", "deadline"),
    [
        # Of what lies ahead, the next is told, in whichever order it is used.
        (uses(SMTP, EWS), BEFORE, Deadline(SMTP_NAME, SMTP_ENDS, False)),
        (uses(EWS, SMTP), BEFORE, Deadline(SMTP_NAME, SMTP_ENDS, False)),
        # What has ended comes first, and the next day is told with it.
        (uses(EWS, SMTP), SMTP_ENDS, Deadline(SMTP_NAME, EWS_ENDS, True)),
        (uses(SMTP, IMAP), BEFORE, Deadline(IMAP_NAME, SMTP_ENDS, True)),
        (uses(SMTP, IMAP), AFTER, Deadline(f"{SMTP_NAME} and {IMAP_NAME}", None, True)),
        (uses(SMTP, EWS, IMAP), LATEST, Deadline(f"{SMTP_NAME}, {EWS_NAME} and {IMAP_NAME}", None, True)),
        # What gets in from its day on hasn't ended for the account.
        (uses(SMTP, got_in={SMTP: SMTP_ENDS}), AFTER, Deadline(SMTP_NAME, None, False)),
        (uses(SMTP, got_in={"SMTP": AFTER}), AFTER, Deadline(SMTP_NAME, None, False)),
        (uses(SMTP, got_in={SMTP: BEFORE}), AFTER, Deadline(SMTP_NAME, None, True)),
        (uses(SMTP, got_in={IMAP: AFTER}), AFTER, Deadline(SMTP_NAME, None, True)),
        (uses(SMTP, refused={SMTP: AFTER}), AFTER, Deadline(SMTP_NAME, None, True)),
        (uses(SMTP, got_in={SMTP: SMTP_ENDS}, refused={SMTP: AFTER}), AFTER, Deadline(SMTP_NAME, None, True)),
        (uses(SMTP, EWS, got_in={SMTP: AFTER}), AFTER, Deadline(EWS_NAME, EWS_ENDS, False)),
        (uses(SMTP, IMAP, got_in={SMTP: AFTER}), AFTER, Deadline(IMAP_NAME, None, True)),
        (
            uses(SMTP, IMAP, got_in={SMTP: AFTER, IMAP: AFTER}),
            AFTER,
            Deadline(f"{SMTP_NAME} and {IMAP_NAME}", None, False),
        ),
    ],
)
def test_what_ends_of_several_protocols(account: Account, today: date, deadline: Deadline) -> None:
    assert deadline_of(account, today) == deadline


def test_the_methods_that_end_are_named_with_their_day() -> None:
    account = replace(uses(SMTP), registration=Registration(report=("mobilePhone",)))
    (judged,) = judge(make_tenant([]), [account], now=NOW)
    assert deadlines_of(judged, NOW.date()) == {
        "APW-010": Deadline(SMTP_NAME, SMTP_ENDS, False),
        "APW-016": Deadline("text message and voice call", date(2027, 2, 1), False),
    }


def test_only_findings_that_are_there_have_a_day() -> None:
    account = replace(uses(SMTP), registration=Registration(report=("mobilePhone",)))
    (judged,) = judge(make_tenant([]), [account], now=NOW)
    for check in ("APW-010", "APW-016"):
        others = tuple(one for one in judged.findings if one.check_id != check)
        found = deadlines_of(replace(judged, findings=others), NOW.date())
        assert set(found) == {"APW-010", "APW-016"} - {check}
    bare = replace(judged, account=replace(SERVICE, registration=Registration()))
    assert deadlines_of(bare, NOW.date()) == {}  # a finding of which nothing is seen any more


def test_an_ending_is_a_warning_from_sixty_days_before_it_on() -> None:
    assert timedelta(days=60) == SOON
