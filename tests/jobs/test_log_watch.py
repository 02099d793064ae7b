"""Between two scans: what the audit log shows starts a scan of those whom it concerns, once, and nothing is lost on the way."""

import asyncio
import copy
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from evidence.store import StoredEvidence
from findings.run_record import RunRecord, RunStatus
from findings.runs import LOST, RunStore
from findings.sight_store import SightStore
from findings.store import FindingStore
from functions.queues import scan_failed
from jobs import log_watch
from jobs.endings import SETTLED
from jobs.log_bookmark import NAME, Bookmark
from jobs.log_watch import QUIET, Looked, watch_log
from jobs.messages import AGAIN, LOG, ScanMessage
from jobs.scan import ScanRequest, scan
from jobs.tell import waiting_alerts
from localgraph.audit_events import events_between
from tenant.graph import GraphUnreachable
from tests.jobs.logged import MINUTE, OTHER, PERSON, START, SVC, Json, Tenant


async def test_a_changed_policy_has_everything_looked_at(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update conditional access policy", service="Conditional Access")
    tenant.passes(3)
    looked = await tenant.looks()
    ((message, delay),) = tenant.asked
    assert (message.trigger, message.accounts, delay) == (LOG, (), timedelta())
    assert (looked.scan, looked.whom) == (message, "all accounts")
    (event,) = looked.reach.events
    assert (event.activity, event.actor) == ("Update conditional access policy", "ada@contoso.com")


async def test_an_event_of_an_account_has_that_account_looked_at(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update user", tenant.user(SVC))
    tenant.happens("Update user", tenant.user(PERSON))
    tenant.passes(3)
    await tenant.looks()
    ((message, _),) = tenant.asked
    assert message.accounts == (tenant.graph.tenant.user(SVC).id,)


async def test_what_has_just_happened_waits_two_minutes_for_more(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update conditional access policy", service="Conditional Access")
    tenant.passes(0.25)
    await tenant.looks()
    ((_, delay),) = tenant.asked
    assert delay == timedelta(seconds=105)


async def test_each_event_starts_one_scan_however_often_the_log_shows_it(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update user", tenant.user(SVC))
    for _ in range(15):
        tenant.passes(5)
        await tenant.looks()
    assert len(tenant.asked) == 1


async def test_an_event_that_turns_up_late_counts(tenant: Tenant) -> None:
    await tenant.scans()
    for _ in range(8):
        tenant.passes(5)
        await tenant.looks()
    tenant.happens("Update user", tenant.user(SVC), late=20 * MINUTE)
    await tenant.looks()
    assert len(tenant.asked) == 1


async def test_what_a_scan_has_seen_already_starts_none(tenant: Tenant) -> None:
    tenant.happens("Update conditional access policy", service="Conditional Access")
    tenant.passes(10)
    await tenant.scans()
    tenant.passes(5)
    await tenant.looks()
    assert tenant.asked == []
    tenant.happens("Update user", tenant.user(SVC), late=6 * MINUTE)  # less than two minutes before the scan
    await tenant.looks()
    assert len(tenant.asked) == 1


async def test_before_the_first_scan_nothing_is_known_that_could_change(tenant: Tenant) -> None:
    tenant.happens("Update conditional access policy", service="Conditional Access")
    await tenant.looks()
    assert tenant.asked == []


async def test_what_happens_while_the_first_scan_goes_on_is_looked_at_after_it(tenant: Tenant) -> None:
    began = tenant.now
    tenant.passes(5)
    tenant.happens("Update conditional access policy", service="Conditional Access")
    tenant.passes(2)
    await tenant.looks()
    await tenant.scans()
    async with TableServiceClient.from_connection_string(tenant.storage) as service:
        await RunStore(service).change("run-1", lambda run: run and replace(run, started=began))
    tenant.passes(5)
    await tenant.looks()
    assert [message.accounts for message, _ in tenant.asked] == [()]


async def test_a_quiet_log_costs_one_request_and_seldom_a_write(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.scans()
    written: list[str] = []
    remember = StoredEvidence.remember

    async def counted(self: StoredEvidence, name: str, what: Any) -> None:
        written.append(name)
        await remember(self, name, what)

    monkeypatch.setattr(StoredEvidence, "remember", counted)
    for _ in range(12):
        tenant.passes(5)
        assert (await tenant.looks()).requests == len(tenant.graph.requests) == 1
    assert written == [NAME] * 3


async def test_who_dies_before_the_bookmark_is_kept_asks_again(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update user", tenant.user(SVC))
    with monkeypatch.context() as dying:
        dying.setattr(StoredEvidence, "remember", _dies)
        with pytest.raises(RuntimeError):
            await tenant.looks()
    tenant.passes(5)
    await tenant.looks()
    assert len(tenant.asked) == 2


async def _dies(*_: object) -> None:
    raise RuntimeError


async def test_who_cannot_ask_for_the_scan_keeps_the_event(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update user", tenant.user(SVC))
    with monkeypatch.context() as broken:
        broken.setattr(Tenant, "start", _dies)
        with pytest.raises(RuntimeError):
            await tenant.looks()
    await tenant.looks()
    assert len(tenant.asked) == 1


async def test_the_log_is_read_on_from_where_it_was_left_days_ago(tenant: Tenant) -> None:
    await tenant.scans()
    await tenant.looks()
    tenant.passes(60)
    tenant.happens("Update user", tenant.user(SVC))
    tenant.passes(3 * 24 * 60)
    await tenant.looks()
    assert len(tenant.asked) == 1


async def test_what_nobody_can_know_any_more_has_everything_looked_at(tenant: Tenant) -> None:
    await tenant.scans()
    await tenant.looks()
    tenant.passes(8 * 24 * 60)
    await tenant.scans(2)
    looked = await tenant.looks()
    assert [message.accounts for message, _ in tenant.asked] == [()]
    assert looked.why_everybody == "the audit log wasn't read for longer than it is kept"
    tenant.passes(5)
    await tenant.looks()
    assert len(tenant.asked) == 1


async def test_a_clock_that_was_ahead_hides_nothing(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.graph.date_skew = timedelta()
    async with TableServiceClient.from_connection_string(tenant.storage) as service:
        await StoredEvidence(service).remember(NAME, Bookmark(tenant.now + timedelta(days=40)).kept)
    tenant.passes(5)
    await tenant.looks()
    assert [message.accounts for message, _ in tenant.asked] == [()]
    assert (await tenant.mark()).until == tenant.now


async def test_a_scan_that_a_clock_that_was_ahead_asked_for_is_waited_for_no_longer_than_any(tenant: Tenant) -> None:
    await tenant.scans()
    async with TableServiceClient.from_connection_string(tenant.storage) as service:
        ahead = Bookmark(tenant.now, asked={"gone": tenant.now + timedelta(days=40)})
        await StoredEvidence(service).remember(NAME, ahead.kept)
    tenant.passes(5)
    await tenant.looks()
    assert (await tenant.mark()).asked == {"gone": tenant.now}
    tenant.passes(LOST / MINUTE + 1)
    await tenant.looks()
    assert not (await tenant.mark()).asked


async def test_a_scan_saw_nothing_of_what_happens_before_a_time_that_a_clock_that_was_ahead_left_of_it(
    tenant: Tenant,
) -> None:
    await tenant.scans()
    async with TableServiceClient.from_connection_string(tenant.storage) as service:
        runs = RunStore(service)
        (last,) = await runs.newest(since=START - timedelta(days=1))
        until = {**last.remembered, "carried_since": (tenant.now + timedelta(days=40)).isoformat()}
        await runs.save(replace(last, remembered=until))
    tenant.passes(10)
    tenant.happens("Update user", tenant.user(SVC))
    tenant.passes(3)
    await tenant.looks()
    assert len(tenant.asked) == 1


async def test_more_events_than_one_look_takes_have_everything_looked_at(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.scans()
    tenant.passes(10)
    for _ in range(30):
        tenant.happens("Update user", tenant.user(PERSON))
    tenant.graph.page_sizes["directoryAudits"] = 1
    looked = await tenant.looks()
    assert [message.accounts for message, _ in tenant.asked] == [()]
    assert looked.why_everybody == "the audit log has more events than one look takes"


async def test_many_accounts_are_looked_at_all_together(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_watch, "MOST_ACCOUNTS", 1)
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update user", tenant.user(SVC))
    tenant.happens("Update user", tenant.user(OTHER))
    await tenant.looks()
    assert [message.accounts for message, _ in tenant.asked] == [()]


async def test_an_event_from_a_clock_that_is_ahead_delays_the_scan_by_no_more_than_the_quiet_time(
    tenant: Tenant,
) -> None:
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update user", tenant.user(SVC), late=timedelta(days=-4000))
    await tenant.looks()
    ((_, delay),) = tenant.asked
    assert delay == QUIET


async def test_a_scan_starts_when_a_change_can_be_seen_everywhere() -> None:
    assert QUIET >= SETTLED


async def test_the_first_look_reads_on_from_the_last_scan(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update user", tenant.user(SVC))
    tenant.passes(20 * 60)
    await tenant.looks()
    assert len(tenant.asked) == 1


async def test_a_change_that_a_scan_makes_relevant_while_it_goes_on_is_judged_again_after_it(tenant: Tenant) -> None:
    """The scan may have read too early, and only when it is over its groups and accounts are known."""
    await tenant.scans()
    tenant.passes(10)
    joins = tenant.user(PERSON)
    tenant.graph.tenant.user(PERSON).upn = "svc-3@contoso.com"  # the event of that never shows
    tenant.graph.tenant.changed()
    began = tenant.now
    async with TableServiceClient.from_connection_string(tenant.storage) as service:
        runs = RunStore(service)
        await runs.save(RunRecord("run-2", RunStatus.RUNNING, began, trigger="schedule"))
        tenant.passes(1)
        tenant.happens("Disable account", joins)
        tenant.passes(4)
        await tenant.looks()
        assert tenant.asked == []
        await scan(tenant.settings, ScanRequest("run-2", "schedule"), clock=lambda: tenant.now)
        await runs.change("run-2", lambda run: run and replace(run, started=began))
    tenant.passes(5)
    await tenant.looks()
    assert [message.accounts for message, _ in tenant.asked] == [(joins["id"],)]


async def asked_in_vain(tenant: Tenant) -> None:
    """A look asks for a scan, which fails for good."""
    await tenant.scans()
    tenant.passes(10)
    tenant.happens("Update user", tenant.user(SVC))
    await tenant.looks()
    ((failing, _),) = tenant.asked
    async with TableServiceClient.from_connection_string(tenant.storage) as service:
        failed = RunRecord(failing.run_id, RunStatus.FAILED, tenant.now, tenant.now, trigger=LOG, partial=True)
        await RunStore(service).save(failed)


async def test_a_scan_that_failed_for_good_is_asked_for_again(tenant: Tenant) -> None:
    await asked_in_vain(tenant)
    for _ in range(11):  # the queue may try it again
        tenant.passes(5)
        await tenant.looks()
    assert len(tenant.asked) == 1
    tenant.passes(5)
    looked = await tenant.looks()
    assert [message.accounts for message, _ in tenant.asked[1:]] == [()]
    assert looked.why_everybody == "a scan that the audit log called for failed"
    tenant.passes(5)
    await tenant.looks()
    assert len(tenant.asked) == 2


async def test_a_scan_that_failed_is_not_asked_for_again_where_one_of_everything_was_done(tenant: Tenant) -> None:
    await asked_in_vain(tenant)
    tenant.passes(30)
    await tenant.scans(2)
    tenant.passes(60)
    await tenant.looks()
    assert len(tenant.asked) == 1
    assert not (await tenant.mark()).asked


async def test_which_groups_count_is_known_of_a_scan_that_could_not_read_the_log(tenant: Tenant) -> None:
    tenant.graph.deny("AuditLog.Read.All")
    await tenant.scans()
    tenant.graph.heal()
    tenant.passes(10)
    tenant.happens("Delete group", {"id": tenant.graph.tenant.group("Policy group").id, "type": "Group"})
    tenant.happens("Delete group", {"id": tenant.graph.tenant.group("Elsewhere").id, "type": "Group"})
    looked = await tenant.looks()
    assert [message.accounts for message, _ in tenant.asked] == [()]
    assert len(looked.reach.events) == 1


async def test_a_busy_hour_has_everything_looked_at_once(tenant: Tenant) -> None:
    await tenant.scans()
    await tenant.looks()
    tenant.passes(10)
    for _ in range(30):
        tenant.happens("Update user", tenant.user(PERSON))
        tenant.passes(0.1)
    tenant.graph.page_sizes["directoryAudits"] = 2
    await tenant.looks()
    assert [message.accounts for message, _ in tenant.asked] == [()]
    tenant.passes(2)
    await tenant.scans(2)
    for _ in range(8):
        tenant.passes(5)
        await tenant.looks()
    assert len(tenant.asked) == 1
    tenant.happens("Update user", tenant.user(SVC))
    await tenant.looks()
    assert tenant.asked[-1][0].accounts == (tenant.graph.tenant.user(SVC).id,)


async def notes(tenant: Tenant) -> list[str]:
    async with TableServiceClient.from_connection_string(tenant.storage) as service:
        return [state.unseen.text for state in await SightStore(service).load()]


async def test_a_log_that_cannot_be_read_is_told_after_an_hour_and_once(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.graph.deny("AuditLog.Read.All")
    told: list[str] = []
    for _ in range(30):
        tenant.passes(5)
        looked = await tenant.looks()
        assert "403" in looked.error
        told += looked.alert_ids
    assert len(told) == 1
    (note,) = await notes(tenant)
    assert "AuditLog.Read.All" in note
    assert note.endswith("Since 26 Nov 2026, 06:05 UTC changes are noticed by the scheduled scans only.")


async def test_what_happened_while_it_could_not_be_read_is_found_when_it_can(tenant: Tenant) -> None:
    await tenant.scans()
    await tenant.looks()
    tenant.graph.deny("AuditLog.Read.All")
    for _ in range(20):
        tenant.passes(5)
        await tenant.looks()
    tenant.happens("Update user", tenant.user(SVC), late=90 * MINUTE)
    tenant.graph.heal()
    tenant.passes(5)
    looked = await tenant.looks()
    assert len(tenant.asked) == 1
    assert await notes(tenant) == []
    assert len(looked.alert_ids) == 2, "that it began, which nobody has sent in this test, and that it ended"


async def test_a_scan_that_can_read_the_log_does_not_say_that_the_watch_can(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.graph.fail("directoryAudits.*PIM", 403)  # only the watch asks for that
    for _ in range(14):
        tenant.passes(5)
        await tenant.looks()
    assert len(await notes(tenant)) == 1
    await tenant.scans(2)
    assert len(await notes(tenant)) == 1
    tenant.graph.heal()
    tenant.passes(5)
    await tenant.looks()
    assert await notes(tenant) == []


async def test_where_nobody_watches_a_scan_that_can_read_the_log_says_so(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.scans()
    tenant.graph.deny("AuditLog.Read.All")
    for _ in range(14):
        tenant.passes(5)
        await tenant.looks()
    tenant.graph.heal()
    monkeypatch.setenv("WATCH_SCHEDULE", "off")
    await tenant.scans(2)
    assert await notes(tenant) == []


async def test_a_hiccup_is_no_news(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.graph.fail("directoryAudits", 500)
    tenant.passes(5)
    assert not (await tenant.looks()).alert_ids
    tenant.graph.heal()
    tenant.passes(5)
    await tenant.looks()
    assert (await tenant.mark()).failing is None
    assert await notes(tenant) == []


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"until": 5},
        {"until": "x"},
        {"until": "2026-11-26T06:00:00Z", "done": [1]},
        {"done": {"a": None}},
        {"until": None},
    ],
)
def test_a_bookmark_that_cannot_be_read_counts_as_none(kept: Json) -> None:
    assert Bookmark.of(kept) in (Bookmark(), Bookmark(done={}, asked={}))


def test_a_bookmark_is_kept_whole() -> None:
    mark = Bookmark(START, {"a": START - MINUTE}, START + MINUTE, True, {"run-1": START})
    assert Bookmark.of(json.loads(json.dumps(mark.kept))) == mark
    assert asyncio.iscoroutinefunction(watch_log)


@pytest.mark.parametrize("watched", [False, True])
async def test_a_scheduled_scan_says_what_a_look_should_have_found(tenant: Tenant, watched: bool) -> None:
    await tenant.scans()
    await tenant.looks()
    tenant.passes(60)
    joins_the_policy_group(tenant)
    tenant.passes(5)
    if watched:
        await looks_and_scans(tenant)
        assert len(tenant.asked) == 1
    tenant.passes(5 * 60)
    notes = (await tenant.scans(2))["run"]["notes"]
    assert [note for note in notes if "no look at it found" in note] == notes
    assert bool(notes) is not watched


async def test_a_quarter_of_an_hour_in_which_graph_fails_is_no_news_however_often_the_log_has_it_scanned(
    tenant: Tenant,
) -> None:
    await tenant.scans()
    tenant.passes(60)
    tenant.graph.fail("conditionalAccess/policies", 403)
    for _ in range(3):
        tenant.passes(10)
        await log_scans(tenant)
    assert await told_of_hiccup(tenant) == []
    tenant.passes(15)
    await log_scans(tenant)
    assert await told_of_hiccup(tenant) != []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks Graph a second time, so that no test waits for it."""
    monkeypatch.setattr("tenant.pacing.Pace.after", lambda *_: None)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trigger", [LOG, "schedule"])
async def test_a_policy_that_breaks_an_account_while_graph_fails_is_found_when_it_answers(
    tenant: Tenant, trigger: str
) -> None:
    await tenant.scans()
    await tenant.looks()
    tenant.passes(60)
    joins_the_policy_group(tenant)
    tenant.graph.fail("/transitiveMemberOf", 503)
    tenant.passes(5)
    if trigger == LOG:
        await looks_and_scans(tenant)
    else:
        await tenant.scans(2)
    assert await told_of_hiccup(tenant) == []
    tenant.graph.heal()
    tenant.passes(25)
    assert not (await tenant.looks()).scan
    tenant.passes(5)
    looked = await looks_and_scans(tenant)
    assert "may answer now" in looked.why_everybody
    assert looked.scan
    assert looked.scan.trigger == AGAIN
    (alert,) = await told_of_hiccup(tenant)
    assert await told_in(tenant, alert) == [("opened", SVC)]
    tenant.passes(12 * 60)
    assert not (await tenant.looks()).scan


@pytest.mark.usefixtures("impatient")
async def test_some_hours_in_which_graph_fails_are_no_news_because_somebody_looked_again(tenant: Tenant) -> None:
    await a_day_later_graph_fails(tenant)
    for minutes in (30, 60, 120):
        tenant.passes(minutes)
        await looks_and_scans(tenant)
        assert await told_of_hiccup(tenant) == []
    tenant.passes(24 * 60 - 210)
    await tenant.scans(3)
    assert await told_of_hiccup(tenant) != []


@pytest.mark.usefixtures("impatient")
async def test_a_scheduled_scan_that_got_no_answer_at_all_is_done_again(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.graph.fail("/", 0)
    tenant.passes(24 * 60)
    with pytest.raises(GraphUnreachable):
        await tenant.scans(2)
    tenant.graph.heal()
    tenant.passes(30)
    assert (await looks_and_scans(tenant)).whom == "all accounts"
    assert await told_of_hiccup(tenant) == []


@pytest.mark.usefixtures("impatient")
async def test_another_try_that_fails_is_no_news_and_comes_again(tenant: Tenant) -> None:
    await a_day_later_graph_fails(tenant)
    tenant.passes(30)
    looked = await tenant.looks()
    assert looked.scan
    tenant.graph.fail("/", 0)
    with pytest.raises(GraphUnreachable):
        await does(tenant, looked.scan)
    await scan_failed(looked.scan.text.encode())
    assert await told_of_hiccup(tenant) == []
    tenant.graph.heal()
    tenant.passes(60)
    assert (await looks_and_scans(tenant)).whom == "all accounts"
    assert await told_of_hiccup(tenant) == []


@pytest.mark.usefixtures("impatient")
async def test_what_a_permission_would_open_is_not_looked_at_again(tenant: Tenant) -> None:
    await tenant.scans()
    tenant.graph.deny("Policy.Read.All")
    tenant.passes(24 * 60)
    await tenant.scans(2)
    tenant.passes(35)
    assert not (await tenant.looks()).scan


@pytest.mark.usefixtures("impatient")
async def test_it_is_asked_for_once_however_long_the_scan_takes_to_begin(tenant: Tenant) -> None:
    await a_day_later_graph_fails(tenant)
    for _ in range(4):
        tenant.passes(20)
        await tenant.looks()
    assert len(tenant.asked) == 1


async def log_scans(tenant: Tenant) -> None:
    """A scan of everything that the audit log called for."""
    request = ScanRequest(f"log-{tenant.now:%H%M}", LOG)
    await scan(tenant.settings, request, clock=lambda: tenant.now)


async def looks_and_scans(tenant: Tenant) -> Looked:
    """A look, and the scan that it asked for."""
    looked = await tenant.looks()
    assert looked.scan
    await does(tenant, looked.scan)
    return looked


async def does(tenant: Tenant, asked: ScanMessage) -> None:
    """A scan that was asked for."""
    request = ScanRequest(asked.run_id, asked.trigger, asked.accounts)
    await scan(tenant.settings, request, clock=lambda: tenant.now)


async def a_day_later_graph_fails(tenant: Tenant) -> None:
    """A scheduled scan that could read everything, and the next one, which can't read memberships."""
    await tenant.scans()
    tenant.graph.fail("/transitiveMemberOf", 503)
    tenant.passes(24 * 60)
    await tenant.scans(2)


def joins_the_policy_group(tenant: Tenant) -> None:
    """A service account comes into the group that the policy names, and the log shows it."""
    was, now = copy.deepcopy(tenant.graph.tenant), tenant.graph.tenant
    (group,) = (one for one in now.groups.values() if one.name == "Policy group")
    group.members.append(now.user(SVC).id)
    now.changed()
    now.audits = events_between(was, now, at=tenant.now)


async def told_in(tenant: Tenant, alert: str) -> list[tuple[str, str]]:
    """What an alert tells: what became of whom."""
    async with TableServiceClient.from_connection_string(tenant.storage) as service:
        changes = [change async for change in FindingStore(service).history_since(START)]
    return [(one.kind.value, one.user_principal_name) for one in changes if one.alert_id == alert and not one.silence]


async def told_of_hiccup(tenant: Tenant) -> list[str]:
    """The alerts that wait to be sent."""
    return list(await waiting_alerts(tenant.settings, clock=lambda: tenant.now))
