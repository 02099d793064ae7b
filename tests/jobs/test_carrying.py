"""What a scan carries over of earlier ones: only what nothing is known to have changed, and never the last word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import carrying
from jobs.carrying import changed_by, is_kept, may_carry
from jobs.messages import LOG, SCHEDULE
from jobs.scan import ScanRequest, scan
from localgraph.tenant import LocalUser
from settings import load_settings
from tenant.carried import Answers, Carried
from tenant.log_events import LogEvent, Target
from tenant.model import Registration
from tests.jobs.carried_histories import play
from tests.jobs.logged import OTHER, SVC, Json, Tenant

IN, ELSE = "group-of-a", "group-of-nobody"
ANSWERS = Answers("p", "disabled", frozenset(), Registration())
CARRIED = Carried({"a": replace(ANSWERS, groups=frozenset({IN})), "b": ANSWERS})
ANYBODY = None


def event(activity: str, *targets: Target, service: str = "Core Directory", **more: Any) -> LogEvent:
    return LogEvent("1", datetime(2026, 11, 26, tzinfo=UTC), activity, service, "ada@contoso.com", targets, **more)


def user(id: str) -> Target:
    return Target(id, "user", "somebody@contoso.com")


def group(id: str) -> Target:
    return Target(id, "group", "A group")


PIM = "Add member to role completed (PIM activation)"


@pytest.mark.parametrize(
    ("happened", "whose"),
    [
        (event("Update policy", Target("p", "policy"), service="Conditional Access"), set()),
        (event("Update named location", service="Conditional Access"), set()),
        (event("Update user", user("a")), {"a"}),
        (event("Disable Strong Authentication", user("b")), {"b"}),
        (event("User registered security info", user("b"), service="Authentication Methods"), {"b"}),
        (event("Update user", user("somebody else")), set()),
        (event("Add member to group", user("a"), group(ELSE), container=ELSE), {"a"}),
        (event("Remove member from group", user("a"), container=IN), {"a"}),
        (event("Add member to group", user("a")), {"a"}),
        (event("Add member to group", group(IN), group(ELSE), container=ELSE), ANYBODY),
        (event("Add member to group", group(IN), container=ELSE), ANYBODY),
        (event("Add member to group", Target("a", "", "who?"), container=ELSE), ANYBODY),
        (event("Add member to group", Target(IN, "other", "what?"), group(ELSE), container=ELSE), ANYBODY),
        (event("Add member to group", Target("app", "serviceprincipal", "An app"), group(ELSE), container=ELSE), set()),
        (event("Remove member from group", group(ELSE), group(IN), container=IN), ANYBODY),
        (event("Add member to group", group(IN)), ANYBODY),
        (event("Add member to group", Target("", "user", "who?"), group(IN), container=IN), ANYBODY),
        (event("Add member to group"), ANYBODY),
        (event("Update group", group(IN)), ANYBODY),
        (event("Update group", group(ELSE)), set()),
        (event("Delete group", group(IN)), ANYBODY),
        (event("Restore group", group(ELSE)), ANYBODY),
        (event("Add member to role", group(IN), Target("r", "role"), container="r"), set()),
        (event(PIM, user("a"), Target("", "other"), Target("r", "role"), service="PIM"), {"a"}),
        (event("MFA Service Policy Update", Target("t", "tenant"), about_tenant=True), ANYBODY),
        (
            event("Authentication Methods Policy Update", Target("p", "policy"), service="Authentication Methods"),
            ANYBODY,
        ),
    ],
    ids=lambda one: one.activity if isinstance(one, LogEvent) else "",
)
def test_whose_answers_an_event_may_have_changed(happened: LogEvent, whose: set[str] | None) -> None:
    assert changed_by([happened], CARRIED) == (None if whose is None else frozenset(whose))


def test_many_events_together() -> None:
    assert changed_by([event("Update user", user("a")), event("Update user", user("b"))], CARRIED) == frozenset("ab")
    assert changed_by([event("Update user", user("a")), event("Delete group", group(IN))], CARRIED) is ANYBODY


@pytest.mark.parametrize(
    ("environment", "by_log", "by_schedule"),
    [
        ({"AUDIT_LOG": "on"}, True, False),
        ({"AUDIT_LOG": "on", "WHOLE_SCAN_DAYS": "7"}, True, True),
        ({"AUDIT_LOG": "on", "WATCH_SCHEDULE": "off", "WHOLE_SCAN_DAYS": "7"}, False, True),
        ({"AUDIT_LOG": "on", "WATCH_SCHEDULE": "off"}, False, False),
        ({"AUDIT_LOG": "off", "WHOLE_SCAN_DAYS": "7"}, False, False),
    ],
)
def test_which_scans_may_carry_over(
    environment: dict[str, str], by_log: bool, by_schedule: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**environment, "SERVICE_ACCOUNTS": SVC}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(require=frozenset())
    assert (may_carry(settings, LOG), may_carry(settings, SCHEDULE)) == (by_log, by_schedule)
    assert not any(may_carry(settings, trigger) for trigger in ("request", "command line", "queue", ""))
    assert is_kept(settings) == (by_log or by_schedule)


# Scans that follow one another


async def scans(tenant: Tenant, number: int, trigger: str = LOG, *accounts: str) -> Json:
    tenant.graph.requests.clear()
    request = ScanRequest(f"run-{number:03}", trigger, accounts)
    return (await scan(tenant.settings, request, clock=lambda: tenant.now)).document


def asked(tenant: Tenant, what: str) -> int:
    """How often the accounts' own answers were asked for."""
    return sum(what in one.path for one in tenant.graph.requests)


@pytest.fixture
def crowd(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """Six more service accounts; two of all are read in each scan to see whether what is carried over is true."""
    monkeypatch.setattr(carrying, "PROOF", 2)
    for number in range(6):
        id = f"00000000-0000-4000-9000-{number:012}"
        tenant.graph.tenant.users[id] = LocalUser(id, f"svc-crowd-{number}@contoso.com", "Crowd")
    tenant.graph.tenant.changed()
    return tenant


def verdicts(document: Json) -> Json:
    return {one["user_principal_name"]: one["visibility"] for one in document["accounts"]}


def notes(document: Json) -> str:
    return " ".join(document["run"]["notes"])


async def test_a_scan_that_the_log_asked_for_reads_whom_something_may_have_changed(crowd: Tenant) -> None:
    first = await scans(crowd, 1, SCHEDULE)
    assert asked(crowd, "/authentication/requirements") == 8
    crowd.passes(30)
    policy = crowd.graph.tenant.policies[0]
    policy["conditions"]["users"]["includeUsers"] = ["All"]
    crowd.happens("Update conditional access policy", service="Conditional Access")
    crowd.graph.tenant.user(SVC).mfa = "enforced"
    crowd.happens("Update user", crowd.user(SVC))
    second = await scans(crowd, 2)
    assert asked(crowd, "/authentication/requirements") == asked(crowd, "/transitiveMemberOf") == 3
    assert verdicts(second)[SVC] == "visible"
    assert verdicts(second)[OTHER] != verdicts(first)[OTHER]
    assert "Of 5 accounts the audit log shows no change" in notes(second)
    assert "26 Nov 2026, 06:00 UTC" in notes(second)
    assert verdicts(await scans(crowd, 3, SCHEDULE)) == verdicts(second)
    assert asked(crowd, "/authentication/requirements") == 8


@pytest.mark.parametrize("trigger", [SCHEDULE, "request", "command line"])
async def test_any_other_scan_reads_everything(crowd: Tenant, trigger: str) -> None:
    await scans(crowd, 1, SCHEDULE)
    crowd.passes(30)
    document = await scans(crowd, 2, trigger)
    assert asked(crowd, "/authentication/requirements") == 8
    assert notes(document) == ""


async def test_scheduled_scans_carry_over_for_as_long_as_the_setting_says(
    crowd: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOLE_SCAN_DAYS", "3")
    read = []
    for number in range(1, 6):
        await scans(crowd, number, SCHEDULE)
        read.append(asked(crowd, "/authentication/requirements"))
        crowd.passes(24 * 60)
    assert read == [8, 2, 2, 8, 2]


async def test_what_the_log_does_not_show_is_noticed_in_those_that_are_read_all_the_same(
    crowd: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scans(crowd, 1, SCHEDULE)
    crowd.passes(30)
    crowd.graph.tenant.user(SVC).mfa = crowd.graph.tenant.user(OTHER).mfa = "enforced"
    monkeypatch.setattr(carrying, "_proof", lambda ids, now: frozenset({crowd.graph.tenant.user(SVC).id}))
    document = await scans(crowd, 2)
    assert asked(crowd, "/authentication/requirements") == 8
    assert verdicts(document)[OTHER] == "visible"
    assert "of 1 account Microsoft Graph shows something else than before" in notes(document)


async def test_a_lost_permission_is_told_of_everybody_whose_answers_it_takes(crowd: Tenant) -> None:
    await scans(crowd, 1, SCHEDULE)
    crowd.passes(30)
    crowd.graph.fail("/authentication/requirements", 403)
    document = await scans(crowd, 2)
    assert set(verdicts(document).values()) == {"unknown"}
    assert "the audit log shows no change" not in notes(document)


async def test_other_accounts_are_read_all_the_same_each_time(crowd: Tenant) -> None:
    await scans(crowd, 1, SCHEDULE)
    seen = set()
    for number in range(2, 6):
        crowd.passes(30)
        await scans(crowd, number)
        seen |= {one.path for one in crowd.graph.requests if "/authentication/requirements" in one.path}
    assert len(seen) > 4


async def test_whose_properties_changed_is_read_anew_whatever_the_log_shows(crowd: Tenant) -> None:
    await scans(crowd, 1, SCHEDULE)
    crowd.passes(30)
    changed = crowd.graph.tenant.user(SVC)
    changed.upn, changed.mfa = "svc-renamed@contoso.com", "enforced"
    document = await scans(crowd, 2)
    assert verdicts(document)["svc-renamed@contoso.com"] == "visible"


async def test_a_later_recheck_is_not_undone_by_what_was_read_before_it(crowd: Tenant) -> None:
    await scans(crowd, 1, SCHEDULE)
    crowd.passes(30)
    crowd.graph.tenant.user(SVC).mfa = "enforced"
    await scans(crowd, 2, "request", SVC)
    crowd.passes(30)
    assert verdicts(await scans(crowd, 3))[SVC] == "visible"


@pytest.mark.parametrize("minutes", [60 * 24 * 6, 60 * 24 * 8])
async def test_what_is_too_old_is_not_carried_over(crowd: Tenant, minutes: int) -> None:
    await scans(crowd, 1, SCHEDULE)
    crowd.passes(minutes)
    document = await scans(crowd, 2)
    whole = minutes > 60 * 24 * 7
    assert (asked(crowd, "/authentication/requirements") == 8) == whole
    assert bool(notes(document)) != whole


async def test_nothing_is_carried_over_where_the_log_cannot_be_read(crowd: Tenant) -> None:
    await scans(crowd, 1, SCHEDULE)
    crowd.passes(30)
    crowd.graph.fail("/auditLogs/directoryAudits", 403)
    await scans(crowd, 2)
    assert asked(crowd, "/authentication/requirements") == 8


async def test_what_the_log_showed_too_late_for_a_scan_is_looked_at_when_it_turns_up(crowd: Tenant) -> None:
    await scans(crowd, 1, SCHEDULE)
    crowd.passes(30)
    await crowd.looks()
    crowd.graph.tenant.user(SVC).mfa = "enforced"  # the log shows it in ten minutes
    crowd.passes(5)
    crowd.happens("Update conditional access policy", service="Conditional Access")
    crowd.passes(3)
    await crowd.looks()
    await scans(crowd, 2)
    crowd.passes(2)
    crowd.happens("Update user", crowd.user(SVC), late=timedelta(minutes=10))
    await crowd.looks()
    assert [message.accounts for message, _ in crowd.asked] == [(), (crowd.graph.tenant.user(SVC).id,)]


# Whatever changes


async def test_carrying_over_says_what_reading_everything_says() -> None:
    differences, counts = await play(20, seed=5)
    assert differences == []
    assert counts["carried over"] > counts["read anew"] > 0


async def test_what_no_log_shows_is_noticed_where_it_is_looked_for() -> None:
    differences, counts = await play(20, seed=2, unlogged=0.6, proof=True)
    assert differences == []
    assert counts["surprises"] > 0
