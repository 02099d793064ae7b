"""Alerts over days and weeks: who gets what, when, and what the others hear of a channel that fails."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.queue.aio import QueueServiceClient

from alerts.channel import SETTINGS, TITLES
from alerts.ledger import DeliveryStatus, Ledger
from alerts.model import Alert, Purpose
from alerts.stored import dump
from connections.queues import put_later
from connections.storage import tables
from findings.model import AccountRecord, Observation
from findings.store import FindingStore
from functions import queues
from jobs import tell
from jobs.alert_content import changes_alert
from jobs.channel_watch import NEWS
from settings import Settings
from settings.problems import CHANNEL_FIELDS
from tests.findings.build import account, seen
from tests.jobs.world import DAY, HOUR, MINUTE, World, cards, notices, told, world

BROKEN, STILL = "Alerts no longer get through to Teams", "Alerts still don't get through to Teams"
AGAIN, UNSET = "Alerts get through to Teams again", "The alert channel Teams is no longer set"


@pytest.fixture
async def app(storage: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with world(storage, monkeypatch) as made:
        yield made


# Retries


async def test_a_channel_that_fails_for_a_while_gets_it_soon_after_and_nobody_else_hears_of_it(app: World) -> None:
    app.teams.status = 503
    await app.alert("a")
    assert await app.run() == 1
    (when, _, body) = app.queue[0]
    assert json.loads(body)["channel"] == "teams"
    assert timedelta(0) < when - app.now <= MINUTE + timedelta(seconds=1)
    await app.run(20 * MINUTE)
    app.teams.status = 202
    await app.run(10 * MINUTE)
    assert await app.waiting() == []
    assert len(app.teams.requests) == 4
    assert len(app.hook.requests) == 1
    assert app.queue == []


async def test_teams_is_left_alone_for_as_long_as_it_asks(app: World) -> None:
    app.teams.answer(429, Retry_After="900")
    await app.alert("a")
    await app.run(5 * MINUTE)
    await app.alert("b")  # another one must not knock either
    await app.run(9 * MINUTE)
    assert len(app.teams.requests) == 1
    await app.run(2 * MINUTE)
    assert len(cards(app.teams)) == 3
    assert notices(app.hook) == []
    assert await app.waiting() == []


async def test_scans_never_make_a_second_chain_of_retries(app: World) -> None:
    app.teams.status = 404
    await app.alert("a")
    for _ in range(10):
        await app.scan()
        await app.run(DAY)
    assert len(app.teams.requests) == 10
    assert len(app.queue) == 1


async def test_what_never_gets_through_is_given_up_after_a_month_and_said_once(
    app: World, caplog: pytest.LogCaptureFixture
) -> None:
    app.teams.status = 404
    for alert_id in ("a", "b"):
        await app.alert(alert_id)
    await app.run(32 * DAY)
    assert await app.waiting() == []
    assert {one["teams"].status.value for one in [await app.states(name) for name in "ab"]} == {"given_up"}
    assert notices(app.hook) == [BROKEN, *[STILL] * 4, "An alert for Teams was given up"]
    assert caplog.text.count("Given up after 30 days") == 2
    assert len(app.hook.requests) == 2 + 6
    assert app.queue == []


# Notices about channels


async def test_a_channel_that_is_broken_for_days_is_told_once_weekly_and_when_it_works_again(app: World) -> None:
    app.teams.status = 404
    for day in range(9):
        if day % 3 == 0:
            await app.alert(f"a{day}")
        await app.scan()
        await app.run(DAY)
    assert notices(app.hook) == [BROKEN, STILL]
    app.teams.status = 202
    before = len(app.teams.requests)
    await app.run(DAY)
    assert notices(app.hook) == [BROKEN, STILL, AGAIN]
    assert len(app.teams.requests) - before == 3, "each alert once, and nothing about Teams to Teams"
    assert len(set(cards(app.teams)[before:])) == 1
    assert (await app.waiting(), app.queue) == ([], [])
    await app.alert("later")
    await app.run()
    assert len(notices(app.hook)) == 3


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says since the last time of channels that don't work."""
    found = [one.message for one in caplog.records]
    caplog.clear()
    return [one for one in found if one.startswith(("Alerts don't get through to ", "Alerts haven't got through to "))]


async def test_each_scan_logs_that_a_channel_does_not_work_while_it_lasts(
    app: World, caplog: pytest.LogCaptureFixture
) -> None:
    app.teams.status = 404
    await app.alert("a")
    await app.scan()
    await app.run(HOUR)
    assert len(lines(caplog)) == 1, "as soon as it is noticed"
    for _ in range(9):
        await app.scan()
        assert len(lines(caplog)) == 1, "once with each scan, also where others are told of it"
        await app.run(DAY)
        assert lines(caplog) == [], "and not with each attempt"
    app.teams.status = 202
    await app.run(DAY)
    lines(caplog)
    await app.scan()
    assert lines(caplog) == []


async def test_a_channel_that_was_taken_away_is_logged_for_a_week_and_without_another_as_long_as_it_lasts(
    app: World, caplog: pytest.LogCaptureFixture
) -> None:
    await app.review()
    app.environment.delenv("TEAMS_WEBHOOK_URL")
    await app.scan()
    assert len(lines(caplog)) == 1
    app.now += 8 * DAY
    await app.scan()
    assert lines(caplog) == []
    for name in ("WEBHOOK_URL", "WEBHOOK_SECRET"):
        app.environment.delenv(name)
    await app.scan()
    assert len(lines(caplog)) == 2


async def test_all_that_waits_is_sent_as_soon_as_one_alert_gets_through(app: World) -> None:
    app.teams.status = 404
    for number in range(5):
        await app.alert(f"a{number}")
        await app.run(HOUR)
    app.teams.status = 202
    await app.alert("new")
    await app.run(MINUTE)
    assert await app.waiting() == []
    assert len(app.teams.requests) == 5 + 6


async def test_a_test_that_gets_through_sends_what_waits(app: World) -> None:
    app.teams.status = 404
    await app.alert("a")
    await app.run(HOUR)
    await tell.send_test_alert(app.settings, clock=app.clock)
    await app.run(HOUR)
    assert len(cards(app.teams)) == 2
    app.teams.status = 202
    answers = await tell.send_test_alert(app.settings, clock=app.clock)
    assert [(one["channel"], one["delivered"]) for one in answers] == [("teams", True), ("webhook", True)]
    await app.run(MINUTE)
    assert (await app.waiting(), len(cards(app.teams))) == ([], 4)
    assert notices(app.hook) == [BROKEN, AGAIN]


async def test_a_test_by_the_app_that_gets_through_ends_the_time_for_which_a_channel_did_not_work(app: World) -> None:
    """Also where nothing waits any more, so that no later alert has to get through first."""
    app.teams.status = 404
    await app.alert("a")
    await app.run(HOUR)
    app.teams.status = 202
    async with tables(app.settings) as service:
        ledger = Ledger(service)
        for name, state in (await ledger.states("a")).items():
            if name == "teams":
                claimed = await ledger.claim(state, app.now)
                assert claimed
                await ledger.settle(replace(claimed, status=DeliveryStatus.WITHDRAWN))
    await tell.send_test_alert(app.settings, by_app=True, clock=app.clock)
    await app.run(MINUTE)
    assert notices(app.hook) == [BROKEN, AGAIN]


async def test_one_alert_that_a_channel_refuses_does_not_make_it_broken_again_and_again(app: World) -> None:
    app.teams.answer(413)
    await app.alert("too-large")
    await app.run()
    for day in range(5):
        await app.alert(f"a{day}")
        app.teams.answers = [(202, "", {}), (413, "", {})]
        await app.run(DAY)
        app.teams.answers = []
    assert set(await app.waiting()) <= {"too-large"}
    assert notices(app.hook)[0] == BROKEN
    assert len(notices(app.hook)) <= 2


async def test_notices_that_waited_for_another_broken_channel_are_not_sent_when_they_are_stale(app: World) -> None:
    app.teams.status = app.hook.status = 404
    await app.alert("a")
    for _ in range(10):
        await app.scan()
        await app.run(DAY)
    app.hook.requests.clear()
    app.teams.requests.clear()
    app.teams.status = app.hook.status = 202
    await app.run(DAY)
    news = {"svc-001@contoso.com is newly affected: MFA hides the app-password option"}
    assert set(told(app.hook)) == news
    assert set(cards(app.teams)) == news
    assert (await app.waiting(), app.queue) == ([], [])


async def test_of_two_channels_that_are_broken_the_first_to_recover_hears_of_the_other_once(app: World) -> None:
    app.teams.status = app.hook.status = 404
    await app.alert("a")
    for _ in range(9):
        await app.scan()
        await app.run(DAY)
    app.hook.requests.clear()
    app.hook.status = 202
    await app.run(DAY)
    assert notices(app.hook) == [STILL]
    app.teams.status = 202
    await app.run(DAY)
    assert notices(app.hook) == [STILL, AGAIN]


async def test_two_processes_tell_of_a_broken_channel_once(app: World) -> None:
    app.teams.status = 404
    for alert_id in ("a", "b", "c"):
        await app.keep(alert_id)
    await asyncio.gather(
        *(tell.send_alert(app.settings, alert_id, by_app=True, clock=app.clock) for alert_id in ("a", "b", "c"))
    )
    await app.run(HOUR)
    ids = [request.headers["webhook-id"] for request in app.hook.requests]
    assert len(ids) == len(set(ids)) == 4
    assert notices(app.hook) == [BROKEN]


async def test_a_wrong_setting_is_told_through_the_others_and_when_it_is_right_again(
    app: World, caplog: pytest.LogCaptureFixture
) -> None:
    await app.review()
    right = app.teams.url
    app.environment.setenv("TEAMS_WEBHOOK_URL", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/t)")
    for _ in range(3):
        await app.scan()
        await app.run(DAY)
    assert notices(app.hook) == [BROKEN]
    assert "TEAMS_WEBHOOK_URL is a Key Vault reference that was not resolved" in app.hook.requests[0].body.decode()
    assert "teams: TEAMS_WEBHOOK_URL is a Key Vault reference" in caplog.text
    await app.alert("a")
    await app.run()
    assert await app.waiting() == ["a"]
    app.environment.setenv("TEAMS_WEBHOOK_URL", right)
    await app.scan()
    await app.run(MINUTE)
    assert (len(app.teams.requests), await app.waiting()) == (1, [])
    assert notices(app.hook) == [BROKEN, AGAIN]


async def test_secrets_are_in_no_notice_and_no_log(app: World, caplog: pytest.LogCaptureFixture) -> None:
    app.teams.status = 404
    await app.alert("a")
    await app.run(8 * DAY)
    said = caplog.text + "".join(request.body.decode() for request in app.hook.requests)
    assert "top-secret-signature" not in said


# What an alert is for


async def test_a_channel_that_is_taken_away_keeps_what_waits_and_is_news_once(
    app: World, caplog: pytest.LogCaptureFixture
) -> None:
    app.teams.status = 503
    await app.alert("a")
    await app.run()
    app.environment.delenv("TEAMS_WEBHOOK_URL")
    for _ in range(9):
        await app.scan()
        await app.run(DAY)
    assert notices(app.hook) == [UNSET]
    notice = json.loads(app.hook.requests[-1].body)["data"]["notes"]
    assert "The function app has not had TEAMS_WEBHOOK_URL since" in notice[0]
    assert notice[2].startswith("1 alert waits for it")
    assert "The function app no longer has TEAMS_WEBHOOK_URL" in caplog.text
    assert (await app.waiting(), await app.known()) == (["a"], ("webhook",))
    await app.alert("b")
    await app.run()
    assert await app.waiting() == ["a"], "what is new is for the channels that there are"
    app.environment.setenv("TEAMS_WEBHOOK_URL", app.teams.url)
    app.teams.status = 202
    await app.scan()
    await app.run(MINUTE)
    assert (await app.waiting(), len(app.teams.requests)) == ([], 2)
    assert notices(app.hook) == [UNSET, AGAIN]


async def test_what_waits_for_a_channel_that_never_comes_back_is_given_up_and_said(app: World) -> None:
    await app.review()
    await app.keep("a")
    app.environment.delenv("TEAMS_WEBHOOK_URL")
    for _ in range(32):
        await app.scan()
        await app.run(DAY)
    assert await app.waiting() == []
    assert notices(app.hook) == [UNSET, "An alert for Teams was given up"]


async def test_a_terminal_with_one_channel_does_not_mark_an_alert_as_told_for_all(app: World) -> None:
    await app.review()
    app.environment.delenv("TEAMS_WEBHOOK_URL")
    await app.keep("a")
    result = await tell.send_alert(app.settings, "a", clock=app.clock)
    assert result is not None
    assert (result.done, result.problems) == (
        False,
        ("teams: It isn't set here (TEAMS_WEBHOOK_URL); the alert waits for it.",),
    )
    assert (len(app.hook.requests), await app.waiting(), await app.known()) == (1, ["a"], ("teams", "webhook"))
    app.environment.setenv("TEAMS_WEBHOOK_URL", app.teams.url)
    await app.run(MINUTE)
    assert (len(app.teams.requests), len(app.hook.requests), await app.waiting()) == (1, 1, [])


async def test_what_fails_at_a_terminal_beside_the_app_says_nothing_about_the_channel(app: World) -> None:
    await app.review()
    app.environment.setenv("TEAMS_WEBHOOK_URL", "http://127.0.0.1:9/?sig=of-somebody-else")
    await app.keep("a")
    await tell.send_alert(app.settings, "a", clock=app.clock)
    app.environment.setenv("TEAMS_WEBHOOK_URL", app.teams.url)
    await app.run(2 * MINUTE)
    assert (len(app.teams.requests), notices(app.hook), await app.waiting()) == (1, [], [])


async def test_a_terminal_without_an_app_tells_of_a_broken_channel_itself(app: World) -> None:
    app.teams.status = 404
    for _ in range(3):
        await app.keep("a")
        await tell.send_alert(app.settings, "a", clock=app.clock)
        app.now += DAY
    assert notices(app.hook) == [BROKEN]
    assert (app.queue, await app.known()) == ([], None)


def without_channels(app: World) -> None:
    for name in ("TEAMS_WEBHOOK_URL", "WEBHOOK_URL", "WEBHOOK_SECRET"):
        app.environment.delenv(name)


@pytest.mark.parametrize("by_app", [True, False], ids=["the app", "a terminal"])
async def test_without_any_channel_nothing_counts_as_told(app: World, by_app: bool) -> None:
    without_channels(app)
    async with tables(app.settings) as service:
        store = FindingStore(service)
        await store.keep(judged(app), [seen()], alert_id="group")
        assert await tell.send_alert(app.settings, "group", by_app=by_app, clock=app.clock) is None
        assert await store.untold_alert_ids() == ["group"]


async def test_what_is_given_up_when_no_channel_is_left_waits_for_one(app: World) -> None:
    await app.review()
    app.teams.status = app.hook.status = 404
    async with tables(app.settings) as service:
        store = FindingStore(service)
        await store.keep(judged(app), [seen()], alert_id="group", channels=("teams", "webhook"))
        await tell.send_alert(app.settings, "group", by_app=True, clock=app.clock)
        without_channels(app)
        await app.run(31 * DAY)
        await app.scan()
        await app.run()
        assert {one.status for one in (await app.states("group")).values()} == {DeliveryStatus.GIVEN_UP}
        assert await store.untold_alert_ids() == ["group"]
        assert await store.untold_alert_ids(for_somebody=True) == []


async def test_what_is_given_up_while_channels_are_set_counts_as_told(app: World) -> None:
    app.teams.status = app.hook.status = 404
    async with tables(app.settings) as service:
        store = FindingStore(service)
        await store.keep(judged(app), [seen()], alert_id="group", channels=("teams", "webhook"))
        await tell.send_alert(app.settings, "group", by_app=True, clock=app.clock)
        await app.run(31 * DAY)
        assert await store.untold_alert_ids() == []


# What is told


def judged(app: World, account_id: str = "a1") -> AccountRecord:
    return account(account_id, at=app.now, document={"visibility": "hidden", "reasons": []})


def checks(count: int) -> list[Observation]:
    return [seen(f"APW-{number:03}") for number in range(1, count + 1)]


async def test_a_storm_is_told_whole_in_parts_and_only_then_counts_as_told(
    app: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.webhook.MAX_BYTES", 12_000)
    async with tables(app.settings) as service:
        store = FindingStore(service)
        for number in range(60):
            await store.keep(judged(app, f"a{number}"), checks(3), alert_id="storm")
        for status in (202, 202, 202, 202, 202, 503):
            app.hook.answer(status)
        await tell.send_alert(app.settings, "storm", by_app=True, clock=app.clock)
        assert len(app.hook.requests) == 6
        assert await store.untold_alert_ids() == ["storm"]
        await app.run(2 * MINUTE)
        assert await store.untold_alert_ids() == []
    bodies = [json.loads(request.body)["data"] for request in app.hook.requests]
    assert [one["part"] for one in bodies] == [1, 2, 3, 4, 5, 6, *range(6, bodies[0]["parts"] + 1)]
    assert bodies[0]["parts"] > 6
    assert app.hook.requests[5].body == app.hook.requests[6].body
    assert app.hook.requests[5].headers["webhook-id"] == app.hook.requests[6].headers["webhook-id"] == "storm.6"
    carried = {change["id"] for one in bodies for change in one["changes"]}
    assert len(carried) == 180
    assert len(app.teams.requests) == 1


async def test_an_alert_is_put_together_and_packed_once(app: World, monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[str] = []
    composed: list[str] = []

    def count_dump(made: Alert) -> bytes:
        packed.append(made.id)
        return dump(made)

    def count_compose(settings: Settings, alert_id: str, *given: Any, **more: Any) -> Alert:
        composed.append(alert_id)
        return changes_alert(settings, alert_id, *given, **more)

    monkeypatch.setattr("alerts.ledger.dump", count_dump)
    monkeypatch.setattr("jobs.teller.changes_alert", count_compose)
    app.teams.status = 503
    async with tables(app.settings) as service:
        await FindingStore(service).keep(judged(app), [seen()], alert_id="group")
    for _ in range(3):
        await tell.send_alert(app.settings, "group", by_app=True, clock=app.clock)
        await app.run(10 * MINUTE)
    assert (packed.count("group"), composed) == (1, ["group"])


async def test_changes_that_were_found_after_their_group_was_told_are_told_in_an_alert_of_their_own(app: World) -> None:
    async with tables(app.settings) as service:
        store = FindingStore(service)
        await store.keep(judged(app, "a1"), [seen()], alert_id="group")
        await tell.send_alert(app.settings, "group", by_app=True, clock=app.clock)
        await store.keep(judged(app, "a2"), [seen()], alert_id="group")  # a scan that was frozen and went on
        assert await store.untold_alert_ids() == ["group"]
        app.hook.answer(503)
        await tell.send_alert(app.settings, "group", by_app=True, clock=app.clock)
        await app.run(2 * MINUTE)
        assert await store.untold_alert_ids() == []
        await tell.send_alert(app.settings, "group", by_app=True, clock=app.clock)
    names = [
        change["account"]["user_principal_name"]
        for request in app.hook.requests
        for change in json.loads(request.body)["data"]["changes"]
    ]
    assert names == ["svc-a1@contoso.example", "svc-a2@contoso.example", "svc-a2@contoso.example"]
    assert len(app.teams.requests) == 2
    assert await app.waiting() == []


async def test_the_same_notice_has_the_same_body_whatever_is_known_later(app: World) -> None:
    app.hook.answer(503)
    for why in ("The first reason.", "Another reason."):
        await tell.send_failure_notice(app.settings, "alert-1", why, clock=app.clock)
        app.now += MINUTE
    await app.run(HOUR)
    calls = {(request.headers["webhook-id"], request.body) for request in app.hook.requests}
    assert len(calls) == 1
    assert len(app.hook.requests) == 2
    assert len(app.teams.requests) == 1
    assert b"The first reason." in app.hook.requests[0].body


# The functions


async def test_the_function_puts_the_next_attempt_on_the_real_queue_and_returns(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(storage, monkeypatch) as app:
        monkeypatch.setattr("jobs.teller.put_later", put_later)
        app.teams.status = 503
        app.now = datetime.now(UTC)
        await app.keep("a")
        await queues.send_alert(b'{"alert_id": "a"}')
        state = (await app.states("a"))["teams"]
        assert state.retry_at is not None
        async with QueueServiceClient.from_connection_string(storage) as service:
            queue = service.get_queue_client("alerts")
            assert (await queue.get_queue_properties()).approximate_message_count == 1
            assert await queue.peek_messages() == []
        early = json.dumps({"alert_id": "a", "channel": "teams", "retry_at": state.retry_at.isoformat()})
        await queues.send_alert(early.encode())
        assert len(app.teams.requests) == 1


async def test_a_poison_message_is_told_once_and_never_raises(app: World, caplog: pytest.LogCaptureFixture) -> None:
    app.now = datetime.now(UTC)
    await app.keep("a")
    for body in (b'{"alert_id": "a"}', b'{"alert_id": "a"}', b"[]", b'{"alert_id": "a/b"}'):
        await queues.alert_failed(body)
    assert notices(app.hook) == ["An alert about your service accounts could not be delivered"]
    assert "could not be told either: A queue message of 2 bytes has no" in caplog.text
    app.environment.setenv("AzureWebJobsStorage", "AccountName=x")
    await queues.alert_failed(b'{"alert_id": "b"}')


def test_every_alert_about_the_tenant_counts_as_one_that_people_wait_for() -> None:
    assert set(Purpose) - NEWS == {Purpose.FAILURE, Purpose.RECOVERED, Purpose.TEST}


def test_the_settings_and_the_channels_have_the_same_names() -> None:
    assert CHANNEL_FIELDS.keys() == SETTINGS.keys() == TITLES.keys()
