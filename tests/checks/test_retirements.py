"""What Microsoft takes away on a date: the data, and both sides of each date."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks import retirements as dates
from checks.causes import Causes
from checks.facts import FactsError
from checks.judge import judge
from checks.model import Effect, JudgedAccount, Verdict
from checks.notices import notices_for
from checks.policy import effect_of
from checks.retirements import (
    CUSTOM_CONTROLS,
    Control,
    Protocol,
    load_retirements,
    newest_reading,
    retired_controls,
    retired_protocols,
    retirements,
)
from checks.usage import usage_findings
from tenant.model import AuditEvent, AuditTrail, SignInUse
from tests.checks.kit import GROUPS, MODERN, NOW, REPORT_ONLY, SERVICE, Json, make_tenant, member_of, policy, reasons

DATA = json.loads(Path(dates.__file__).with_name("retirements.json").read_text(encoding="utf-8"))
CONTROLS = [entry for entry in retirements() if isinstance(entry, Control)]
DAY = timedelta(days=1)
APPROVED, CUSTOM = date(2026, 6, 30), date(2027, 5, 1)
APPROVED_APP: dict[str, Any] = {"grant": ("approvedApplication",)}
CUSTOM_CONTROL: dict[str, Any] = {"grant": (), "grant_members": {"customAuthenticationFactors": ["duo"]}}
MFA_OR_APPROVED: dict[str, Any] = {"grant": ("mfa", "approvedApplication")}
MFA_OR_CUSTOM: dict[str, Any] = {"grant": ("mfa",), "grant_members": {"customAuthenticationFactors": ["duo"]}}

BLOCKED = ("not_offered", "blocked_by_policy")
NOTHING = ("not_offered", "usable")
SOFTENED = ("conditional", "blocked_by_policy")
HIDDEN = ("hidden", "blocked_by_policy")


def on(day: date, *policies: Json, **account: Any) -> JudgedAccount:
    """The service account, judged on that day."""
    now = datetime.combine(day, time(7), UTC)
    (only,) = judge(make_tenant(policies), [replace(SERVICE, **account)], now=now)
    return only


def answers(judged: JudgedAccount) -> tuple[str, str]:
    return str(judged.verdict.visibility), str(judged.verdict.usability)


@pytest.mark.parametrize(
    ("members", "day", "before", "since"),
    [
        (APPROVED_APP, APPROVED, BLOCKED, NOTHING),
        (CUSTOM_CONTROL, CUSTOM, BLOCKED, NOTHING),
        (MFA_OR_APPROVED, APPROVED, SOFTENED, HIDDEN),
        (MFA_OR_CUSTOM, CUSTOM, SOFTENED, HIDDEN),
        (MFA_OR_APPROVED | {"operator": "AND"}, APPROVED, HIDDEN, HIDDEN),
        ({"grant": ("approvedApplication", "compliantApplication")}, APPROVED, BLOCKED, BLOCKED),
        ({"grant": ("approvedApplication", "compliantDevice"), "operator": "AND"}, APPROVED, BLOCKED, BLOCKED),
        ({"grant": ("approvedApplication", "newControl")}, APPROVED, ("conditional",) * 2, ("conditional",) * 2),
        # Under AND the known control blocked legacy authentication; what is left may be anything.
        (
            {"grant": ("approvedApplication", "newControl"), "operator": "AND"},
            APPROVED,
            SOFTENED,
            ("conditional", "conditional"),
        ),
        ({"grant": ("APPROVEDAPPLICATION",)}, APPROVED, BLOCKED, NOTHING),
    ],
)
def test_a_retired_control_counts_as_not_selected_from_its_date_on(
    members: dict[str, Any], day: date, before: tuple[str, str], since: tuple[str, str]
) -> None:
    raw = policy(**members)
    assert answers(on(day - DAY, raw)) == before
    assert answers(on(day, raw)) == since
    assert answers(on(day + 365 * DAY, raw)) == since


@pytest.mark.parametrize(
    ("members", "day", "words"),
    [
        (APPROVED_APP, APPROVED, "approved client app, which Microsoft has retired on 30 Jun 2026"),
        (CUSTOM_CONTROL, CUSTOM, "custom control, which Microsoft has retired in May 2027"),
    ],
)
def test_a_policy_whose_only_control_is_retired_says_so_and_does_nothing(
    members: dict[str, Any], day: date, words: str
) -> None:
    raw = policy("Old block", groups=("g2",), users=(), **members)
    before, since = (on(when, raw, **member_of("g1", "g2")) for when in (day - DAY, day))
    assert not [reason for reason in before.verdict.reasons if words in reason.text]
    (said,) = [reason for reason in since.verdict.reasons if words in reason.text]
    assert "no longer blocks legacy authentication" in said.text
    assert "member of All service accounts" in said.text
    assert (said.effect, said.policy_name, said.since and said.since.date()) == (Effect.EXCLUDED, "Old block", day)
    assert not reasons(since, Effect.BLOCKS_LEGACY)


def test_a_mfa_demand_that_has_lost_its_other_way_in_says_why() -> None:
    raw = policy(**MFA_OR_APPROVED)
    (before,), (since,) = (reasons(on(day, raw), Effect.DEMANDS_MFA) for day in (APPROVED - DAY, APPROVED))
    assert before.circumstances
    assert "retired" not in before.text
    assert since.circumstances == ()
    assert "No longer a way round it: approved client app, which Microsoft has retired on 30 Jun 2026." in since.text


def test_an_operator_that_is_missing_is_no_and() -> None:
    (reason,) = reasons(on(APPROVED, policy(operator=None, **MFA_OR_APPROVED)), Effect.DEMANDS_MFA)
    assert "No longer a way round it: approved client app" in reason.text


def test_the_dates_are_read_once() -> None:
    assert retirements() is retirements()
    assert retired_protocols() is retired_protocols()
    assert retired_controls(APPROVED) is retired_controls(APPROVED)


def test_under_and_a_retired_control_was_no_way_round() -> None:
    (reason,) = reasons(on(APPROVED, policy(operator="AND", **MFA_OR_APPROVED)), Effect.DEMANDS_MFA)
    assert "retired" not in reason.text


@pytest.mark.parametrize(
    "raw",
    [
        policy(state=REPORT_ONLY, **APPROVED_APP),
        policy(state="disabled", **APPROVED_APP),
        policy(clients=MODERN, **APPROVED_APP),
        policy(apps=("00000003-0000-0ff1-ce00-000000000000",), **APPROVED_APP),
        policy(users=(), groups=("gx",), **APPROVED_APP),
        policy(not_users=("svc",), **APPROVED_APP),
        policy(grant=("compliantDevice", "approvedApplication")),
    ],
    ids=["report-only", "off", "modern clients", "SharePoint", "somebody else", "excluded", "another control"],
)
def test_a_retired_control_that_never_kept_the_account_out_is_not_worth_a_word(raw: Json) -> None:
    assert "retired" not in "".join(reason.text for reason in on(APPROVED, raw).verdict.reasons)


def test_a_policy_that_does_nothing_any_more_spares_nobody() -> None:
    """Being excluded from it is no news, and neither is a group of it that is gone."""
    gone = {**GROUPS, "g1": replace(GROUPS["g1"], deleted=True)}
    raw = policy(groups=("g1",), not_users=("svc",), **APPROVED_APP)
    now = datetime.combine(APPROVED, time(7), UTC)
    (judged,) = judge(make_tenant([raw], groups=gone), [SERVICE], now=now)
    assert [reason.effect for reason in judged.verdict.reasons] == [Effect.PER_USER_STATE]


def test_the_audit_log_is_not_blamed_for_a_date_of_microsofts() -> None:
    raw = policy("Old block", **APPROVED_APP)
    event = AuditEvent(NOW - DAY, "policy_added", "ada@contoso.com", "old block", "Old block")
    trail = AuditTrail((event,), NOW - 30 * DAY)
    explained = Causes(make_tenant([raw]), trail, NOW).explain(on(NOW.date(), raw))
    (reason,) = reasons(explained, Effect.EXCLUDED)
    assert (reason.actor, reason.since and reason.since.date()) == (None, APPROVED)


def test_without_retired_controls_an_effect_is_the_same_on_every_day() -> None:
    tenant = make_tenant([policy(), policy("Q", grant=("compliantDevice",))])
    assert isinstance(tenant.policies, tuple)
    for one in tenant.policies:
        assert effect_of(one, tenant, date(2020, 1, 1)) == effect_of(one, tenant, date(2040, 1, 1))


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.control)
def test_a_control_goes_on_its_own_day(control: Control) -> None:
    assert control.control.lower() not in retired_controls(control.on - DAY)
    assert retired_controls(control.on)[control.control.lower()] is control
    members = {CUSTOM_CONTROLS: ["duo"]} if control.control == CUSTOM_CONTROLS else {}
    raw = policy(grant=() if members else (control.control,), grant_members=members)
    assert (answers(on(control.on - DAY, raw)), answers(on(control.on, raw))) == (BLOCKED, NOTHING)


@pytest.mark.parametrize("protocol", retired_protocols(), ids=lambda protocol: protocol.name)
def test_what_is_said_of_a_protocol_changes_on_its_day(protocol: Protocol) -> None:
    client = min(protocol.clients)
    use = SignInUse("svc", client, "x", "Exchange", "", "background", 9, 3, NOW - 9 * DAY, NOW - DAY)
    account = replace(SERVICE, sign_ins=(use,))

    def summary(day: date) -> str:
        return next(one.summary for one in usage_findings(account, day) if one.check_id == "APW-010")

    assert protocol.before in summary(protocol.on - DAY)
    assert protocol.since in summary(protocol.on)
    same = [usage_findings(account, protocol.on + days * DAY)[0].fingerprint for days in (-1, 0, 1)]
    assert len(set(same)) == 1  # a day that passes is no news by itself


def test_the_nearest_date_is_told_first() -> None:
    verdict = on(NOW.date(), per_user_mfa="enforced").verdict
    assert next(one.on for one in notices_for(verdict, date(2026, 12, 1))) == date(2026, 12, 31)
    assert next(one.on for one in notices_for(verdict, date(2027, 3, 31))) == date(2027, 4, 1)


def test_nothing_is_told_of_protocols_where_no_app_password_comes_into_question() -> None:
    verdict: Verdict = on(NOW.date()).verdict
    assert notices_for(verdict, NOW.date()) == ()


def test_every_entry_says_where_it_comes_from_and_when_that_was_read() -> None:
    assert all(entry.source and entry.read <= newest_reading(retirements()) for entry in retirements())
    assert newest_reading(retirements()) == max(date.fromisoformat(entry["read"]) for entry in DATA["retirements"])
    assert all(control.on.day == 1 for control in CONTROLS if control.month)
    clients = [client.lower() for protocol in retired_protocols() for client in protocol.clients]
    assert len(clients) == len(set(clients))


def _entry(number: int, **members: object) -> Callable[[Json], None]:
    return lambda data: data["retirements"][number].update(members)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda data: data.update(retirements=[]), "retirements"),
        (lambda data: data.pop("note"), "note"),
        (_entry(0, on="soon"), "on"),
        (_entry(0, read=None), "read"),
        (_entry(0, kind="product"), "kind"),
        (_entry(0, clients=[]), "clients"),
        (_entry(0, url="http://example.com"), "url"),
        (_entry(3, source=""), "source"),
        (_entry(3, clients=["SMTP"]), "clients"),
        (_entry(4, control="approvedapplication"), "approvedapplication stands there twice"),
    ],
)
def test_a_file_with_a_mistake_is_refused_in_words(spoil: Callable[[Json], None], problem: str) -> None:
    data = json.loads(json.dumps(DATA))
    spoil(data)
    with pytest.raises(FactsError, match=problem):
        load_retirements(json.dumps(data))


def test_a_file_that_is_no_json_is_refused() -> None:
    with pytest.raises(FactsError, match="the file"):
        load_retirements("{")
