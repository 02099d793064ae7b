"""Refused sign-ins: which codes count, which client is which, how severe they are, and what is told of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.client_sign_ins import clients_of
from checks.judge import judge
from checks.model import Finding, Severity
from checks.refused import refused_finding
from checks.remediation import with_ways_out
from checks.sign_in_codes import MFA_CODES, OTHER_CODES, POLICY_CODES, Ending, ending_of
from checks.signals import signals_of
from checks.usage import usage_findings
from evidence.outcomes import OutcomeSums
from tenant.model import Account, Candidate, SignInOutcome, SignInUse
from tenant.sign_in_outcomes import OutcomeTally, client_of
from tests.checks.kit import EXCHANGE, NOW, SERVICE, make_tenant, policy

SMTP, MODERN = "Authenticated SMTP", "Mobile Apps and Desktop clients"
BLOCK = ("p1", "Block legacy authentication")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ended(
    code: int = 53003,
    ago: timedelta = DAY,
    *,
    count: int = 3,
    client: str = SMTP,
    app: str = "Exchange",
    how: str = "legacy",
    policies: tuple[tuple[str, str], ...] | None = (BLOCK,),
    since_in: int | None = None,
    **more: Any,
) -> SignInOutcome:
    """Some sign-ins that ended in the same way, the last of them some time ago; refused ones came after what got in."""
    last, first = NOW - ago, NOW - ago - (count - 1) * HOUR
    run = (0 if code == 0 else count) if since_in is None else since_in
    where = ("203.0.113.7 (GB)",)
    members = {"places": where, "run_places": where if run else (), **more}
    named = () if code == 0 else policies
    start = first if run else None
    return SignInOutcome(
        "svc",
        client,
        app,
        app,
        how,
        code,
        named,
        count,
        1,
        first,
        last,
        members["places"],
        run,
        start,
        members["run_places"],
    )


def found(*outcomes: SignInOutcome) -> Finding | None:
    return refused_finding(replace(SERVICE, outcomes=outcomes), NOW)


def only(*outcomes: SignInOutcome) -> Finding:
    one = found(*outcomes)
    assert one is not None
    return one


# --- codes -------------------------------------------------------------------------------------------------------------

REFUSED_CODES = [53000, 53001, 53002, 53003, 53009, 530002, 530003, 530031, 530032, 530035, 530036]


def test_the_codes_of_refusals_are_those_of_the_contract() -> None:
    assert sorted(POLICY_CODES) == sorted(REFUSED_CODES)
    assert sorted(MFA_CODES) == [50072, 50074, 50076, 50079, 50158]


def test_every_other_code_that_is_known_is_one_of_these() -> None:
    passing = [50034, 50053, 50055, 50056, 50057, 50058, 50078, 50097, 50105, 50125, 50126, 50133, 50140, 50144, 50173]
    assert sorted(OTHER_CODES) == sorted([*passing, 50199, 500121, 65001, 70043, 70044, 700082])


@pytest.mark.parametrize("how", ["legacy", "password", "background", "app"])
@pytest.mark.parametrize("code", REFUSED_CODES)
def test_what_a_policy_or_security_defaults_refuse_is_refused_to_any_client(code: int, how: str) -> None:
    assert ending_of(ended(code, how=how, policies=None)) is Ending.REFUSED


@pytest.mark.parametrize(
    ("how", "ending"),
    [("legacy", Ending.REFUSED), ("password", Ending.REFUSED), ("background", Ending.REFUSED), ("app", Ending.NEITHER)],
)
@pytest.mark.parametrize("code", sorted(MFA_CODES))
def test_a_demand_for_mfa_refuses_whoever_cannot_answer_it(code: int, how: str, ending: Ending) -> None:
    assert ending_of(ended(code, how=how)) is ending


@pytest.mark.parametrize("code", sorted(OTHER_CODES))
@pytest.mark.parametrize("policies", [None, (), (BLOCK,)])
def test_wrong_passwords_and_worn_out_tokens_are_neither_whatever_the_policies(
    code: int, policies: tuple[tuple[str, str], ...] | None
) -> None:
    assert ending_of(ended(code, policies=policies)) is Ending.NEITHER


@pytest.mark.parametrize("code", [53004, 53010, 53011, 50131, 50005, 999999, -1])
def test_an_unknown_code_is_refused_only_where_a_policy_failed(code: int) -> None:
    assert ending_of(ended(code)) is Ending.REFUSED
    assert ending_of(ended(code, policies=())) is Ending.NEITHER
    assert ending_of(ended(code, policies=None)) is Ending.NEITHER


# --- clients -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        (SMTP, "SMTP", "smtp", "authenticated smtp"),
        ("IMAP", "IMAP4", "imap4", "Other clients; IMAP"),
        ("POP", "POP3"),
        ("MAPI", "MAPI Over HTTP"),
    ],
)
def test_every_spelling_of_a_protocol_is_one_client(names: Sequence[str]) -> None:
    assert len({client_of(name, f"app {name}", "X", "legacy") for name in names}) == 1


def test_other_clients_are_told_apart_by_protocol_or_application() -> None:
    legacy = {
        client_of(name, "app", "X", "legacy")
        for name in (SMTP, "IMAP4", "POP3", "Exchange ActiveSync", "Other clients")
    }
    modern = {client_of(MODERN, id, "X", how) for id in ("a", "b") for how in ("background", "app", "password")}
    assert (len(legacy), len(modern), legacy & modern) == (5, 2, set())


# --- severity ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ago", "in_again", "severity"),
    [
        (HOUR, None, Severity.HIGH),
        (20 * DAY, None, Severity.HIGH),
        (30 * DAY, None, Severity.HIGH),
        (30 * DAY + HOUR, None, None),
        (2 * DAY, DAY, Severity.MEDIUM),
        (7 * DAY - HOUR, DAY, Severity.MEDIUM),
        (7 * DAY, DAY, None),
        (20 * DAY, DAY, None),
        (-HOUR, None, Severity.HIGH),  # the first of three was an hour ago
        (-3 * HOUR, None, None),
    ],
)
def test_severity_by_age_and_whether_it_gets_in_again(
    ago: timedelta, in_again: timedelta | None, severity: Severity | None
) -> None:
    later = (ended(0, in_again),) if in_again else ()
    one = found(ended(ago=ago, since_in=0 if in_again else None), *later)
    assert (one and one.severity) == severity


def test_the_worst_client_decides_and_stands_first() -> None:
    one = only(
        ended(ago=HOUR, client="IMAP4", since_in=0),
        ended(0, timedelta(0), client="IMAP4"),
        ended(ago=5 * DAY, client="POP3"),
    )
    assert one.severity is Severity.HIGH
    assert one.summary.index("POP3") < one.summary.index("IMAP4")


@pytest.mark.parametrize(("clients", "end"), [(3, None), (4, "So it is with 1 more."), (5, "So it is with 2 more.")])
def test_three_clients_are_told_and_the_others_counted(clients: int, end: str | None) -> None:
    apps = [ended(app=f"App {number}", how="background", client=MODERN) for number in range(clients)]
    one = only(*apps)
    assert one.summary.count("All 3 sign-ins") == 3
    assert one.summary.endswith(end) if end else "more" not in one.summary


def test_finding_changes_with_client_policy_and_severity_and_not_with_counts_places_or_names() -> None:
    one = only(ended())
    for same in (ended(count=9), ended(ago=3 * HOUR), ended(policies=(("p1", "Renamed"),)), ended(50076)):
        assert only(same).fingerprint == one.fingerprint
    for other in (ended(policies=(("p2", BLOCK[1]),)), ended(client="IMAP4"), ended(policies=()), ended(since_in=0)):
        assert only(other).fingerprint != one.fingerprint


@pytest.mark.parametrize(
    ("outcomes", "text"),
    [
        (
            (ended(policies=(("securitydefaults", "whatever"),), code=530035),),
            "refused by Security Defaults (error 530035: ",
        ),
        (
            (ended(policies=(BLOCK, ("securitydefaults", "x"))),),
            'by Security Defaults and the policy "Block legacy authentication"',
        ),
        ((ended(policies=(("p9", ""),)),), 'by the policy "p9"'),
        ((ended(policies=(("p2", "alpha"), ("p1", "Beta"))),), 'by the policies "alpha" and "Beta"'),
        ((ended(policies=(("p2", "Same"), ("p1", "same"))),), 'by the policies "same" and "Same"'),
        ((ended(places=(), run_places=()),), "The log doesn't say from where."),
        ((ended(), ended(policies=None)), "The log shows no policies for some of them"),
        ((ended(app="", how="background", client=MODERN),), "with an application that the log doesn't name since"),
        ((ended(count=1234),), "All 1,234 sign-ins"),
        (
            (ended(places=tuple("abcd"), run_places=tuple("abcd")),),
            "They came from a, b, c and 1 more.",
        ),
    ],
)
def test_what_is_said(outcomes: Sequence[SignInOutcome], text: str) -> None:
    assert text in only(*outcomes).summary


BLOCKED = 'by the policy "Block legacy authentication" (error 53003: Conditional Access blocks the sign-in)'
FROM, NONE_IN = "They came from 203.0.113.7 (GB).", "The log shows none that got in."
UNNAMED = "(error 53003: Conditional Access blocks the sign-in)"
IN_YESTERDAY = ended(0, places=("a", "b"))
ALL_SINCE = "All 3 sign-ins with Authenticated SMTP since 21 Nov 2026, 05:00 UTC were refused"
ALL_SIX = "All 6 sign-ins with Authenticated SMTP since 21 Nov 2026, 05:00 UTC were refused"
NO_POLICIES = "either there are none, or the app may not see them there (that takes Policy.Read.All)."


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        # One, two, or some; what came between with a wrong password isn't counted.
        (
            [ended(count=1)],
            f"The newest sign-in with Authenticated SMTP, on 21 Nov 2026, 07:00 UTC, was refused {BLOCKED}. "
            f"It came from 203.0.113.7 (GB). {NONE_IN}",
        ),
        (
            [ended(count=2)],
            "All 2 sign-ins with Authenticated SMTP since 21 Nov 2026, 06:00 UTC were refused "
            f"{BLOCKED}. {FROM} {NONE_IN}",
        ),
        (
            [ended(count=1), ended(50126, DAY)],
            "The newest sign-in with Authenticated SMTP whose password was right, on 21 Nov 2026, 07:00 UTC, was refused "
            f"{BLOCKED}. It came from 203.0.113.7 (GB). {NONE_IN}",
        ),
        (
            [ended(count=2), ended(50126, HOUR)],
            "All 2 sign-ins with Authenticated SMTP whose password was right since 21 Nov 2026, 06:00 UTC were refused "
            f"{BLOCKED}. {FROM} {NONE_IN}",
        ),
        ([ended(), ended(50126, DAY + 3 * HOUR)], f"{ALL_SINCE} {BLOCKED}. {FROM} {NONE_IN}"),
        # What came before the last that got in isn't part of the run.
        (
            [ended(count=5, since_in=2, run_places=("b",)), ended(0, 2 * DAY, places=())],
            "All 2 sign-ins with Authenticated SMTP since 21 Nov 2026, 03:00 UTC were refused "
            f"{BLOCKED}. They came from b. The last that got in was on 20 Nov 2026, 07:00 UTC.",
        ),
        (
            [ended(), ended(0, 5 * DAY, places=("a", "b"))],
            f"{ALL_SINCE} {BLOCKED}. {FROM} The last that got in was on 17 Nov 2026, 07:00 UTC, from a.",
        ),
        # It gets in again.
        (
            [ended(ago=2 * DAY, since_in=0), IN_YESTERDAY],
            "3 sign-ins with Authenticated SMTP were refused from 20 Nov 2026, 05:00 UTC to 20 Nov 2026, 07:00 UTC "
            f"{BLOCKED}. {FROM} It gets in again: last on 21 Nov 2026, 07:00 UTC, from a.",
        ),
        (
            [ended(ago=2 * DAY, since_in=0, count=1), replace(IN_YESTERDAY, places=())],
            f"1 sign-in with Authenticated SMTP was refused on 20 Nov 2026, 07:00 UTC {BLOCKED}. "
            "It came from 203.0.113.7 (GB). It gets in again: last on 21 Nov 2026, 07:00 UTC.",
        ),
        (
            [ended(50076, 2 * DAY, since_in=0, count=2, places=()), ended(ago=4 * DAY, since_in=0, count=1)],
            "3 sign-ins with Authenticated SMTP were refused from 18 Nov 2026, 07:00 UTC to 20 Nov 2026, 07:00 UTC "
            'by the policy "Block legacy authentication" (errors 50076: MFA is demanded and 53003: Conditional '
            "Access blocks the sign-in). They came from 203.0.113.7 (GB).",
        ),
        # By which policies.
        ([ended(policies=())], f"{ALL_SINCE} {UNNAMED}. The log names no policy. {FROM} {NONE_IN}"),
        (
            [ended(policies=None)],
            f"{ALL_SINCE} {UNNAMED}. The log shows no policies: {NO_POLICIES} {FROM} {NONE_IN}",
        ),
        (
            [ended(policies=()), ended(policies=None)],
            f"{ALL_SIX} {UNNAMED}. The log names no policy. {FROM} {NONE_IN}",
        ),
        (
            [ended(), ended(policies=())],
            f"{ALL_SIX} {BLOCKED}. The log names no policy for some of them. {FROM} {NONE_IN}",
        ),
        (
            [ended(), ended(policies=None)],
            f"{ALL_SIX} {BLOCKED}. The log shows no policies for some of them: {NO_POLICIES} {FROM} {NONE_IN}",
        ),
        (
            [ended(ago=2 * DAY, since_in=0, policies=None), IN_YESTERDAY],
            "3 sign-ins with Authenticated SMTP were refused from 20 Nov 2026, 05:00 UTC to 20 Nov 2026, 07:00 UTC "
            f"{UNNAMED}. The log shows no policies: {NO_POLICIES} {FROM} It gets in again: last on 21 Nov 2026, 07:00 UTC, "
            "from a.",
        ),
        (
            [ended(policies=tuple((f"p{number:02}", f"P{number:02}") for number in range(11)))],
            f"{ALL_SINCE} by the policies "
            + ", ".join(f'"P{number:02}"' for number in range(10))
            + f" and 1 more {UNNAMED}. {FROM} {NONE_IN}",
        ),
        # By which codes, the lowest first.
        (
            [ended(), ended(53000)],
            f'{ALL_SIX} by the policy "Block legacy authentication" (errors 53000: the device isn\'t compliant, which a policy '
            f"demands and 53003: Conditional Access blocks the sign-in). {FROM} {NONE_IN}",
        ),
        (
            [ended(999999)],
            f'{ALL_SINCE} by the policy "Block legacy authentication" (error 999999, which isn\'t known here). {FROM} {NONE_IN}',
        ),
        # From where.
        (
            [ended(run_places=("a", "b")), ended(53000, run_places=("b", "c"))],
            f'{ALL_SIX} by the policy "Block legacy authentication" (errors 53000: the device isn\'t compliant, which a policy '
            f"demands and 53003: Conditional Access blocks the sign-in). They came from a, b and c. {NONE_IN}",
        ),
        ([ended(run_places=())], f"{ALL_SINCE} {BLOCKED}. The log doesn't say from where. {NONE_IN}"),
    ],
)
def test_the_whole_sentence(outcomes: Sequence[SignInOutcome], said: str) -> None:
    assert only(*outcomes).summary == said


LATER = -2 * DAY


@pytest.mark.parametrize(
    "still_to_come",
    [ended(53000, LATER, count=1), ended(0, LATER, count=1), ended(50126, LATER, count=1), ended(0, LATER, app="B")],
)
def test_a_time_that_is_still_to_come_hides_nothing_that_came_before(still_to_come: SignInOutcome) -> None:
    assert found(still_to_come) is None
    assert found(still_to_come, ended()) == found(ended())


def test_of_sign_ins_up_to_a_time_still_to_come_the_first_counts() -> None:
    count = 1 + 3 * 24
    assert only(ended(ago=LATER, count=count, since_in=count)).severity is Severity.HIGH


def test_what_was_refused_just_now_counts() -> None:
    one = found(ended(ago=timedelta(0)))
    assert one is not None
    assert one.severity is Severity.HIGH


def test_a_finding_is_made_again_by_what_refuses_since_it_last_got_in() -> None:
    """A policy that refused before the last that got in is no cause any more; without policies the codes are."""
    newer, older = ended(policies=(("p2", "New"),)), ended(ago=3 * DAY, since_in=0)
    assert only(newer, older, ended(0, 2 * DAY)).fingerprint == only(newer).fingerprint
    nameless = only(ended(policies=()), ended(53000, policies=None))
    assert nameless.fingerprint == only(ended(53000, policies=()), ended(policies=())).fingerprint
    assert nameless.fingerprint != only(ended(policies=())).fingerprint
    assert only(ended(policies=(("", "A"),))).fingerprint != only(ended(policies=(("", "B"),))).fingerprint


# --- beside other findings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tenant", "account", "told"),
    [
        (make_tenant(), SERVICE, True),
        (make_tenant(security_defaults=True), SERVICE, True),
        (make_tenant([policy()]), replace(SERVICE, per_user_mfa="enforced"), True),
        (make_tenant(), replace(SERVICE, per_user_mfa=None), True),
        (make_tenant(), replace(SERVICE, enabled=False), False),
        (make_tenant(), replace(SERVICE, user_type="Guest"), False),
    ],
)
def test_it_is_told_whatever_the_verdict_of_whoever_can_sign_in(tenant: Any, account: Account, told: bool) -> None:
    (one,) = judge(tenant, [replace(account, outcomes=(ended(),))], now=NOW)
    assert ("APW-015" in [finding.check_id for finding in one.findings]) is told


def test_a_way_out_is_told_though_no_policy_is_seen_in_the_way() -> None:
    (one,) = judge(make_tenant(), [replace(SERVICE, per_user_mfa="enforced", outcomes=(ended(),))], now=NOW)
    assert with_ways_out(one).remediation[0].title == "Move the product to app-only sign-in"


def test_it_changes_no_verdict() -> None:
    (without,) = judge(make_tenant(), [SERVICE], now=NOW)
    (refused,) = judge(make_tenant(), [replace(SERVICE, outcomes=(ended(),))], now=NOW)
    assert refused.verdict == without.verdict


def test_refused_sign_ins_are_not_called_sign_ins() -> None:
    use = SignInUse("svc", SMTP, "x", "Exchange", "", "background", 9, 3, NOW - 9 * DAY, NOW - DAY)
    refused = replace(SERVICE, sign_ins=(use,), outcomes=(ended(),))
    mixed = replace(refused, outcomes=(ended(), ended(0, 3 * DAY, client="SMTP")))
    said = [usage_findings(one, NOW.date())[0].summary for one in (refused, mixed)]
    assert said[0].startswith(
        "It tries to sign in with Authenticated SMTP, last on 21 Nov 2026, and was refused every time. "
    )
    assert said[1].startswith("It signs in with Authenticated SMTP, last on 19 Nov 2026. ")
    (signal, *_) = signals_of(Candidate(refused), frozenset(), ())
    assert signal.text == "It tries to sign in with Authenticated SMTP, a protocol without modern authentication."


# --- any order, any days -----------------------------------------------------------------------------------------------

_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 5),  # day
        st.integers(0, 23),
        st.sampled_from([0, 0, 53003, 50076, 50126]),
        st.sampled_from([SMTP, "SMTP", "IMAP4"]),
    ),
    max_size=40,
)


@given(_EVENTS, st.randoms())
def test_adding_up_by_day_says_the_same_as_looking_at_every_sign_in(
    events: list[tuple[int, int, int, str]], random: Any
) -> None:
    """Whatever the order of rows and days, the refusals after the last that got in are exactly those."""
    start = datetime.combine((NOW - 10 * DAY).date(), datetime.min.time(), NOW.tzinfo)
    times = [(start + day * DAY + hour * HOUR, code, client) for day, hour, code, client in events]
    sums = OutcomeSums()
    days = sorted({time.date() for time, _, _ in times})
    random.shuffle(days)
    for day in days:
        tally = OutcomeTally(with_places=True)
        mine = [event for event in times if event[0].date() == day]
        random.shuffle(mine)
        for time, code, name in mine:
            tally.add("svc", (name, EXCHANGE, "Exchange", "legacy"), code, {}, time)
        for one in tally.total():
            sums.add(one, day)
    account = replace(SERVICE, outcomes=sums.of("svc"))
    for client in clients_of(account):
        names = {SMTP, "SMTP"} if client.key == "smtp" else {"IMAP4"}
        own = [(time, code) for time, code, name in times if name in names]
        last_in = max((time for time, code in own if code == 0), default=None)
        run = [time for time, code in own if code in (53003, 50076) and (last_in is None or time > last_in)]
        assert sum(one.since_last_in for one in client.run) == len(run)
        assert min((one.run_start for one in client.run if one.run_start), default=None) == min(run, default=None)
        assert (client.last_in.last_seen if client.last_in else None) == last_in
        assert sum(one.count for one in client.refused) == sum(code in (53003, 50076) for _, code in own)
        assert sum(one.count for one in client.neither) == sum(code == 50126 for _, code in own)
