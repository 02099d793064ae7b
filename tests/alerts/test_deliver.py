import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

import httpx
import pytest
from azure.data.tables.aio import TableServiceClient

from alerts.channel import Channel, ChannelError, Send
from alerts.deliver import Deliverer, DeliveryResult, LostContent, send_test
from alerts.ledger import CLAIM, KEPT, TABLE, ChannelState, Ledger
from alerts.model import About, Alert
from alerts.parts import Part
from alerts.retries import GIVE_UP_AFTER
from alerts.stored import dump
from alerts.table import AlertTable
from alerts.teams import TeamsChannel
from alerts.webhook import WebhookChannel
from tests.alerts import samples
from tests.alerts.receiver import Receiver
from tests.alerts.samples import NOW, alert, item
from tests.alerts.test_channels import SECRET
from tests.findings.crash import FaultyTransport, Killed

MADE = samples.typical()
LATER = NOW + timedelta(minutes=10)
Act = Callable[[], Awaitable[str]]


class Scripted:
    """A channel that does what it is told to, in turn; then it succeeds."""

    def __init__(self, name: str, *turns: Exception | Act, cut: tuple[int, ...] = (0,)) -> None:
        self.name = name
        self.turns = list(turns)
        self.starts = cut
        self.sent: list[str] = []

    def cut(self, alert: Alert) -> tuple[int, ...]:
        return self.starts

    def message(self, alert: Alert, part: Part) -> Send:
        async def send(now: datetime) -> str:
            turn = self.turns.pop(0) if self.turns else None
            if isinstance(turn, Exception):
                raise turn
            said = await turn() if turn else "taken"
            self.sent.append(part.id(alert))
            return said

        return send


@dataclass(slots=True)
class Messages:
    """What is put on the queue."""

    put: list[tuple[str, datetime, datetime | None]] = field(default_factory=list)

    async def __call__(self, alert_id: str, channel: str, when: datetime, retry_at: datetime | None) -> None:
        self.put.append((channel, when, retry_at))


async def deliver(
    made: Alert,
    channels: Sequence[Channel],
    ledger: Ledger,
    now: datetime,
    *,
    retry_at: datetime | None = None,
    only: str | None = None,
    **how: Any,
) -> DeliveryResult:
    """Keep an alert for these channels, deliver it, and finish it when that is done."""
    kept = await ledger.keep(made, [channel.name for channel in channels])
    deliverer = Deliverer(ledger, {channel.name: channel for channel in channels}, lambda: now, **how)
    result = await deliverer.deliver(kept, only=only, retry_at=retry_at)
    if result.done:
        await ledger.finish(kept, told=result.told)
    return result


async def said(ledger: Ledger, alert_id: str = "") -> Alert | None:
    """What an alert says, as it is kept."""
    kept = await ledger.find(alert_id or MADE.id)
    return await ledger.content(kept) if kept else None


def busy(**more: object) -> ChannelError:
    return ChannelError("It is busy.", **more)  # type: ignore[arg-type]


async def statuses(ledger: Ledger, alert_id: str = MADE.id) -> dict[str, str]:
    return {name: state.status.value for name, state in (await ledger.states(alert_id)).items()}


async def test_one_failing_channel_is_retried_without_repeating_the_others(
    ledger: Ledger, client: httpx.AsyncClient, teams: Receiver, hook: Receiver
) -> None:
    channels: list[Channel] = [TeamsChannel(teams.url, client), WebhookChannel(hook.url, SECRET, client)]
    teams.answer(200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429")

    first = await deliver(MADE, channels, ledger, NOW)
    assert first.done is False
    assert await statuses(ledger) == {"teams": "failed", "webhook": "delivered"}
    assert await ledger.undelivered(LATER) == [MADE.id]

    second = await deliver(MADE, channels, ledger, LATER)
    assert (second.done, second.problems) == (True, ())
    assert (len(teams.requests), len(hook.requests)) == (2, 1)
    assert await ledger.undelivered(LATER) == []


async def test_delivered_alert_is_not_sent_again(ledger: Ledger) -> None:
    channel = Scripted("teams")
    for _ in range(3):
        assert (await deliver(MADE, [channel], ledger, NOW)).done
    assert channel.sent == [MADE.id]


async def test_permanent_failure_waits_for_somebody_to_act_and_is_kept(
    ledger: Ledger, client: httpx.AsyncClient, teams: Receiver
) -> None:
    teams.answer(404)
    channels: list[Channel] = [TeamsChannel(teams.url, client), Scripted("webhook")]
    result = await deliver(MADE, channels, ledger, NOW)
    assert result.done is False
    assert result.problems == (
        "teams: The Teams workflow in TEAMS_WEBHOOK_URL answered 404: the workflow doesn't exist any more. Make a new one "
        "in Teams. Copy the workflow's address from Teams again into TEAMS_WEBHOOK_URL.",
    )
    assert await ledger.undelivered(LATER) == [MADE.id]
    assert not (await deliver(MADE, channels, ledger, LATER)).done
    assert len(teams.requests) == 1
    assert (await deliver(MADE, channels, ledger, NOW + timedelta(days=1))).done


async def test_receiver_that_asks_to_wait_is_left_alone_until_then(ledger: Ledger) -> None:
    channel = Scripted("teams", busy(retry_after=timedelta(minutes=15)))
    first = await deliver(MADE, [channel], ledger, NOW)
    assert [one.retry_at for one in first.results] == [NOW + timedelta(minutes=15)]
    early = await deliver(MADE, [channel], ledger, NOW + timedelta(minutes=14))
    assert (early.done, [one.retry_at for one in early.results]) == (False, [NOW + timedelta(minutes=15)])
    assert channel.sent == []
    assert (await deliver(MADE, [channel], ledger, NOW + timedelta(minutes=15))).done


async def test_two_messages_about_the_same_alert_send_it_once(ledger: Ledger) -> None:
    channel = Scripted("teams", lambda: asyncio.sleep(0.2, "taken"))
    one, other = await asyncio.gather(*(deliver(MADE, [channel], ledger, NOW) for _ in range(2)))
    assert channel.sent == [MADE.id]
    assert sorted([one.done, other.done]) == [False, True]


async def test_alert_of_a_killed_sender_is_sent_when_its_claim_runs_out(ledger: Ledger) -> None:
    await ledger.keep(MADE, ["teams"])
    assert await ledger.claim(ChannelState(MADE.id, "teams"), NOW)
    channel = Scripted("teams")
    assert not (await deliver(MADE, [channel], ledger, NOW + CLAIM / 2)).done
    assert channel.sent == []
    assert (await deliver(MADE, [channel], ledger, NOW + CLAIM)).done
    assert (await ledger.states(MADE.id))["teams"].attempts == 2


async def test_sender_whose_claim_ran_out_does_not_overwrite_the_next(ledger: Ledger) -> None:
    claimed = await ledger.claim(ChannelState(MADE.id, "teams"), NOW)
    assert claimed is not None
    taken = await ledger.claim(claimed, LATER)
    assert taken is not None
    assert await ledger.settle(claimed) is None
    assert await ledger.claim(ChannelState(MADE.id, "teams"), LATER) is None


async def test_fault_of_one_channel_is_raised_after_the_others_were_served(ledger: Ledger) -> None:
    broken, working = Scripted("teams", KeyError("bug")), Scripted("webhook")
    with pytest.raises(KeyError):
        await deliver(MADE, [broken, working], ledger, NOW)
    states = await ledger.states(MADE.id)
    assert {name: state.status.value for name, state in states.items()} == {"teams": "failed", "webhook": "delivered"}
    assert states["teams"].last_error == "Sending stopped with KeyError."
    assert (await deliver(MADE, [broken, working], ledger, NOW)).done
    assert working.sent == [MADE.id]


async def test_fault_in_making_a_message_is_an_attempt_too(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def message(alert: Alert, part: Part) -> Send:
        raise KeyError("bug")

    broken = Scripted("teams")
    monkeypatch.setattr(broken, "message", message)
    with pytest.raises(KeyError):
        await deliver(MADE, [broken], ledger, NOW)
    (state,) = (await ledger.states(MADE.id)).values()
    assert (state.status.value, state.attempts) == ("failed", 1)
    assert (await deliver(MADE, [broken], ledger, NOW + GIVE_UP_AFTER + timedelta(hours=1))).done


async def test_endless_sending_is_ended(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.deliver.SEND_SECONDS", 0.05)
    result = await deliver(MADE, [Scripted("teams", lambda: asyncio.sleep(60, "late"))], ledger, NOW)
    assert not result.done
    assert "No answer within" in result.problems[0]


async def test_sending_that_is_cancelled_can_be_taken_up_at_once(ledger: Ledger) -> None:
    sending = asyncio.Event()

    async def hang() -> str:
        sending.set()
        return await asyncio.sleep(60, "late")

    channel = Scripted("teams", hang)
    task = asyncio.create_task(deliver(MADE, [channel], ledger, NOW))
    async with asyncio.timeout(20):
        await sending.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await deliver(MADE, [channel], ledger, NOW)).done


async def test_old_news_is_given_up_and_kept(ledger: Ledger) -> None:
    channel = Scripted("teams", busy(), busy(), busy())
    await deliver(MADE, [channel], ledger, NOW)
    result = await deliver(MADE, [channel], ledger, NOW + GIVE_UP_AFTER + timedelta(hours=1))
    assert result.done
    assert result.problems == ("teams: Given up after 30 days and 1 attempt. The last one: It is busy.",)
    assert await statuses(ledger) == {"teams": "given_up"}
    again = await deliver(MADE, [channel], ledger, NOW + GIVE_UP_AFTER + timedelta(hours=2))
    assert again.done
    assert await said(ledger) == MADE


async def test_old_alert_that_was_never_tried_is_tried(ledger: Ledger) -> None:
    channel = Scripted("teams")
    assert (await deliver(MADE, [channel], ledger, NOW + 2 * GIVE_UP_AFTER)).done
    assert channel.sent == [MADE.id]


async def test_without_channels_there_is_nobody_to_tell_and_it_waits(ledger: Ledger) -> None:
    assert not (await deliver(MADE, [], ledger, NOW)).done
    assert await ledger.undelivered(LATER) == [MADE.id]


async def test_alerts_that_wait_are_found_oldest_first(ledger: Ledger) -> None:
    assert await ledger.undelivered(LATER) == []
    for number in (3, 1, 2):
        made = alert(item(1), alert_id=f"a{number}", created=NOW + timedelta(seconds=number))
        await deliver(made, [Scripted("teams", busy())], ledger, NOW)
    assert await ledger.undelivered(LATER) == ["a1", "a2", "a3"]
    assert await ledger.undelivered(NOW + timedelta(seconds=2)) == ["a1"]


@pytest.mark.parametrize("made", [MADE, samples.hostile(), samples.digest(), samples.failure(), samples.many(2000)])
async def test_alert_is_kept_whole_and_comes_back_the_same(ledger: Ledger, made: Alert) -> None:
    await ledger.keep(made, ["teams"])
    await ledger.keep(alert(item(99), alert_id=made.id), ["teams"])
    kept = await said(ledger, made.id)
    assert kept is not None
    assert kept.headline == made.headline
    if made is not samples.hostile():
        assert [one.id for one in kept.items] == [one.id for one in made.items]
    if not any("\ud800" <= letter <= "\udfff" for one in made.items for letter in one.display_name):
        assert kept == made


async def test_unknown_alert_is_none(ledger: Ledger) -> None:
    assert await ledger.find("nothing") is None
    assert await ledger.states("nothing") == {}


@pytest.mark.parametrize("alert_id", ["", "a/b", "a'b", "x" * 101, "a b", "channel"])
async def test_id_that_cannot_be_a_key_is_refused(ledger: Ledger, alert_id: str) -> None:
    with pytest.raises(ValueError, match="id of an alert"):
        await ledger.keep(alert(item(1), alert_id=alert_id), [])


async def test_secrets_and_line_breaks_do_not_get_into_the_ledger(
    ledger: Ledger, client: httpx.AsyncClient, teams: Receiver, storage: str
) -> None:
    teams.answer(500, "x", Retry_After="5")
    await deliver(MADE, [TeamsChannel(teams.url, client), Scripted("webhook", ChannelError("a\r\nb"))], ledger, NOW)
    async with TableServiceClient.from_connection_string(storage) as service:
        rows = [row async for row in service.get_table_client(TABLE).list_entities()]
    assert "top-secret-signature" not in str(rows)
    assert (await ledger.states(MADE.id))["webhook"].last_error == "a b"


async def test_finished_alerts_are_forgotten_after_a_long_time(ledger: Ledger) -> None:
    await deliver(MADE, [Scripted("teams")], ledger, NOW)
    unfinished = alert(item(1), alert_id="unfinished")
    await deliver(unfinished, [Scripted("teams", busy())], ledger, NOW)
    assert await ledger.prune(NOW + KEPT) == 0
    assert await ledger.prune(NOW + KEPT + timedelta(days=1)) == 1
    assert await said(ledger) is None
    assert await ledger.states(MADE.id) == {}
    assert await said(ledger, "unfinished") == unfinished


async def test_message_for_tests_tells_what_every_channel_answered(
    client: httpx.AsyncClient, teams: Receiver, hook: Receiver
) -> None:
    hook.answer(401)
    channels: list[Channel] = [TeamsChannel(teams.url, client), WebhookChannel(hook.url, SECRET, client)]
    results = await send_test(samples.test_message(), channels, lambda: NOW)
    assert [(result.channel, result.status.value) for result in results] == [
        ("teams", "delivered"),
        ("webhook", "failed"),
    ]
    assert results[0].sentence == "Teams accepted the message (202)."
    assert "WEBHOOK_SECRET" in results[1].sentence


async def test_what_an_alert_said_is_deleted_once_everybody_has_it(ledger: Ledger) -> None:
    await deliver(MADE, [Scripted("teams"), Scripted("webhook", busy())], ledger, NOW)
    assert await said(ledger) == MADE
    await deliver(MADE, [Scripted("teams"), Scripted("webhook")], ledger, LATER)
    assert await said(ledger) is None
    assert await statuses(ledger) == {"teams": "delivered", "webhook": "delivered"}


# Only one sends


async def test_sender_that_was_paused_until_another_took_over_does_not_send(ledger: Ledger) -> None:
    """Between claiming and sending the process stands still for longer than a claim lasts."""
    paused, other = Scripted("teams"), Scripted("teams")
    kept = await ledger.keep(MADE, ["teams"])

    class Paused(Ledger):
        async def claim(self, state: ChannelState, now: datetime) -> ChannelState | None:
            claimed = await ledger.claim(state, now)
            await Deliverer(ledger, {"teams": other}, lambda: LATER).deliver(kept)
            return claimed

        async def renew(self, claimed: ChannelState, now: datetime) -> ChannelState | None:
            return await ledger.renew(claimed, now)

    slow = Paused.__new__(Paused)
    slow.__dict__.update(ledger.__dict__)
    result = await Deliverer(slow, {"teams": paused}, lambda: NOW).deliver(kept)
    assert (paused.sent, other.sent) == ([], [MADE.id])
    assert not result.done
    assert await statuses(ledger) == {"teams": "delivered"}


async def test_sender_that_was_paused_while_it_looked_at_its_claim_looks_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, times = Scripted("teams"), [NOW]
    renewed = []
    renew = Ledger.renew

    async def slow(self: Ledger, claimed: ChannelState, now: datetime) -> ChannelState | None:
        renewed.append(now)
        answer = await renew(self, claimed, now)
        if len(renewed) == 1:
            times.append(LATER)
        return answer

    monkeypatch.setattr(Ledger, "renew", slow)
    kept = await ledger.keep(MADE, ["teams"])
    assert (await Deliverer(ledger, {"teams": channel}, lambda: times[-1]).deliver(kept)).done
    assert renewed == [NOW, LATER]
    assert channel.sent == [MADE.id]


async def test_message_about_an_alert_that_is_being_sent_comes_back_when_the_claim_has_run_out(ledger: Ledger) -> None:
    later = Messages()
    await ledger.keep(MADE, ["teams"])
    await ledger.claim(ChannelState(MADE.id, "teams"), NOW)
    await deliver(MADE, [Scripted("teams")], ledger, NOW, later=later)
    assert later.put == [("teams", NOW + CLAIM, None)]


# Tried again


async def test_each_failure_puts_one_message_for_the_next_attempt_further_away(ledger: Ledger) -> None:
    channel, later, now = Scripted("teams", *[busy()] * 6), Messages(), NOW
    waits = []
    for _ in range(6):
        await deliver(MADE, [channel], ledger, now, later=later)
        name, when, retry_at = later.put[-1]
        assert (name, when) == ("teams", retry_at)
        waits.append((when - now).total_seconds() / 60)
        now = when
    assert waits == [1, 5, 15, 60, 360, 360]
    assert len(later.put) == 6
    assert (await deliver(MADE, [channel], ledger, now, later=later)).done
    assert len(later.put) == 6


async def test_message_that_comes_too_early_goes_back_and_one_of_an_overtaken_chain_ends(ledger: Ledger) -> None:
    channel, later = Scripted("teams", busy(), busy()), Messages()
    await deliver(MADE, [channel], ledger, NOW, later=later)
    first = NOW.replace(microsecond=0) + timedelta(minutes=1)
    await deliver(MADE, [channel], ledger, NOW, later=later, only="teams", retry_at=first)
    await deliver(MADE, [channel], ledger, NOW, later=later)  # of a scan, which names no channel
    assert later.put == [("teams", first, first)] * 3
    await deliver(MADE, [channel], ledger, first, later=later, only="teams", retry_at=first)
    second = first + timedelta(minutes=5)
    assert later.put[3:] == [("teams", second, second)]
    for _ in range(2):  # the two that went back
        await deliver(MADE, [channel], ledger, first, later=later, only="teams", retry_at=first)
    assert len(later.put) == 4
    assert len(channel.turns) == 0


async def test_message_is_on_the_queue_before_the_failure_is_written(ledger: Ledger) -> None:
    """A process that dies in between leaves a message too many, which ends, and never one too few."""
    seen = []

    async def later(alert_id: str, channel: str, when: datetime, retry_at: datetime | None) -> None:
        seen.append((await ledger.states(alert_id))[channel].status.value)

    await deliver(MADE, [Scripted("teams", busy())], ledger, NOW, later=later)
    assert seen == ["sending"]


async def test_queue_that_cannot_be_written_is_raised_and_the_failure_kept(ledger: Ledger) -> None:
    async def later(alert_id: str, channel: str, when: datetime, retry_at: datetime | None) -> None:
        raise OSError("no queue")

    with pytest.raises(OSError, match="no queue"):
        await deliver(MADE, [Scripted("teams", busy())], ledger, NOW, later=later)
    assert await statuses(ledger) == {"teams": "failed"}


async def test_receiver_that_asked_to_be_left_alone_gets_no_other_alert_either(ledger: Ledger) -> None:
    later, channel = Messages(), Scripted("teams")
    until = NOW + timedelta(minutes=15)
    await ledger.book.change("teams", lambda record: replace(record, quiet_until=until))
    for eager in (False, True):
        result = await deliver(MADE, [channel], ledger, NOW, later=later, eager=eager)
        assert (result.done, result.problems) == (False, ("teams: It asked to be left alone.",))
    assert later.put == [("teams", until, None)] * 2
    assert (await deliver(MADE, [channel], ledger, until)).done


async def test_person_who_waits_tries_at_once(ledger: Ledger) -> None:
    channel = Scripted("teams", ChannelError("It is gone.", permanent=True))
    assert not (await deliver(MADE, [channel], ledger, NOW, eager=True)).done
    assert (await deliver(MADE, [channel], ledger, NOW, eager=True)).done


async def test_failure_at_a_terminal_beside_the_app_leaves_the_app_free_to_try(ledger: Ledger) -> None:
    later = Messages()
    await deliver(MADE, [Scripted("teams", ChannelError("x", permanent=True))], ledger, NOW, decides=False, later=later)
    assert (await ledger.states(MADE.id))["teams"].retry_at is None
    assert later.put == [("teams", NOW + timedelta(minutes=1), None)]
    assert (await deliver(MADE, [Scripted("teams")], ledger, NOW)).done


@pytest.mark.parametrize("column", ["claimed_until", "retry_at"])
async def test_time_written_by_a_clock_that_was_a_month_ahead_blocks_nothing(ledger: Ledger, column: str) -> None:
    ahead = NOW + timedelta(days=31)
    if column == "claimed_until":
        await ledger.keep(MADE, ["teams"])
        await ledger.claim(ChannelState(MADE.id, "teams"), ahead)
    else:
        await deliver(MADE, [Scripted("teams", busy())], ledger, ahead)
    assert (await deliver(MADE, [Scripted("teams")], ledger, NOW)).done


async def test_alert_made_by_a_clock_that_was_ahead_is_found(ledger: Ledger) -> None:
    await ledger.keep(alert(item(1), alert_id="ahead", created=NOW + timedelta(days=31)), ["teams"])
    await ledger.keep(alert(item(1), alert_id="now", created=NOW + timedelta(minutes=1)), ["teams"])
    assert await ledger.undelivered(NOW) == ["ahead"]


# What it is for


async def test_alert_waits_for_a_channel_that_it_is_for_and_that_is_not_set_here(ledger: Ledger) -> None:
    kept = await ledger.keep(MADE, ["teams", "webhook"])
    channel = Scripted("webhook")
    result = await Deliverer(ledger, {"webhook": channel}, lambda: NOW).deliver(kept)
    assert (result.done, result.problems) == (
        False,
        ("teams: It isn't set here (TEAMS_WEBHOOK_URL); the alert waits for it.",),
    )
    assert await ledger.undelivered(LATER) == [MADE.id]
    assert (await Deliverer(ledger, {"teams": Scripted("teams")}, lambda: LATER).deliver(kept)).done
    assert channel.sent == [MADE.id]


async def test_channel_that_was_added_later_does_not_get_it(ledger: Ledger) -> None:
    kept = await ledger.keep(MADE, ["teams"])
    added = Scripted("webhook")
    assert (await Deliverer(ledger, {"teams": Scripted("teams"), "webhook": added}, lambda: NOW).deliver(kept)).done
    assert added.sent == []


async def test_channel_that_stays_unset_is_given_up_after_a_month_by_who_decides(ledger: Ledger) -> None:
    kept = await ledger.keep(MADE, ["teams"])
    late = NOW + GIVE_UP_AFTER + timedelta(hours=1)
    assert not (await Deliverer(ledger, {}, lambda: late, decides=False).deliver(kept)).done
    result = await Deliverer(ledger, {}, lambda: late).deliver(kept)
    assert (result.done, result.told) == (True, False)
    assert result.problems == (
        "teams: Given up after 30 days: It isn't set here (TEAMS_WEBHOOK_URL); the alert waits for it.",
    )


# Parts


def three_parts(*turns: Exception | Act) -> Scripted:
    return Scripted("webhook", *turns, cut=(0, 2, 5))


async def ok() -> str:
    return "taken"


async def test_retry_goes_on_with_the_first_part_that_was_not_accepted(ledger: Ledger) -> None:
    channel = three_parts(ok, ok, busy(), busy())
    assert not (await deliver(MADE, [channel], ledger, NOW)).done
    state = (await ledger.states(MADE.id))["webhook"]
    assert (state.accepted, state.cut, state.failures) == (2, (0, 2, 5), 1)
    assert not (await deliver(MADE, [channel], ledger, LATER)).done
    assert (await deliver(MADE, [channel], ledger, LATER + timedelta(minutes=5))).done
    assert channel.sent == [MADE.id, f"{MADE.id}.2", f"{MADE.id}.3"]


async def test_version_that_would_cut_elsewhere_goes_on_with_the_cut_that_was_begun(ledger: Ledger) -> None:
    await deliver(MADE, [three_parts(ok, busy())], ledger, NOW)
    newer = Scripted("webhook", cut=(0, 1, 2, 3, 4))
    assert (await deliver(MADE, [newer], ledger, LATER)).done
    assert newer.sent == [f"{MADE.id}.2", f"{MADE.id}.3"]


async def test_part_that_was_accepted_starts_the_distances_anew(ledger: Ledger) -> None:
    channel, later, now = three_parts(busy(), busy(), busy(), ok, busy()), Messages(), NOW
    for _ in range(4):
        await deliver(MADE, [channel], ledger, now, later=later)
        now = later.put[-1][1]
    assert [(when - NOW).total_seconds() / 60 for _, when, _ in later.put] == [1, 6, 21, 22]


async def test_sender_that_lost_its_claim_between_two_parts_stops(ledger: Ledger) -> None:
    async def overtaken() -> str:
        (state,) = (await ledger.states(MADE.id)).values()
        assert await ledger.claim(state, LATER)
        return "taken"

    channel = three_parts(overtaken)
    await deliver(MADE, [channel], ledger, NOW)
    assert channel.sent == [MADE.id]
    assert await statuses(ledger) == {"webhook": "sending"}


async def test_sender_that_is_ended_between_two_parts_is_followed_by_one_who_goes_on(ledger: Ledger) -> None:
    channel = three_parts(ok, KeyError("bug"))
    with pytest.raises(KeyError):
        await deliver(MADE, [channel], ledger, NOW)
    assert (await deliver(MADE, [channel], ledger, NOW)).done
    assert channel.sent == [MADE.id, f"{MADE.id}.2", f"{MADE.id}.3"]


# What is kept


def storm(count: int) -> Alert:
    """Many changes that can hardly be compressed."""
    return alert(*(item(n, name=token_hex(150), upn=token_hex(150)) for n in range(count)), alert_id="storm")


async def test_alert_of_any_size_is_kept_whole_within_the_limits_of_table_storage(storage: str) -> None:
    transport = FaultyTransport()
    made = storm(20_000)
    async with TableServiceClient.from_connection_string(storage, transport=transport) as service:
        ledger = Ledger(service)
        kept = await ledger.keep(made, ["webhook"])
        assert await ledger.content(kept) == made
        assert kept.rows > 8
        assert transport.largest < 1024 * 1024
        sizes = [
            sum(len(value) for value in row.values() if isinstance(value, bytes))
            async for row in service.get_table_client(TABLE).list_entities()
        ]
        assert max(sizes) < 1024 * 1024


async def test_what_was_kept_first_is_what_is_sent(ledger: Ledger) -> None:
    first, second = alert(item(1), alert_id="a"), alert(item(2), item(3), alert_id="a")
    kept, again = await ledger.keep(first, ["teams"]), await ledger.keep(second, ["webhook"])
    assert kept == again
    assert (await ledger.content(again), again.channels) == (first, ("teams",))


async def test_of_two_processes_that_keep_at_the_same_time_one_decides_and_nothing_of_the_other_stays(
    ledger: Ledger, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = storm(8000), storm(8001)
    create, held = AlertTable.create_both, asyncio.Event()

    async def slow(self: AlertTable, last: Any, header: Any) -> None:
        if header["items"] == 8000:
            held.set()
            await ledger.keep(other, ["webhook"])
        await create(self, last, header)

    monkeypatch.setattr(AlertTable, "create_both", slow)
    kept = await ledger.keep(one, ["teams"])
    assert held.is_set()
    assert (kept.items, kept.channels, await ledger.content(kept)) == (8001, ("webhook",), other)
    await ledger.finish(kept, told=True)
    async with TableServiceClient.from_connection_string(storage) as service:
        assert [row["RowKey"] async for row in service.get_table_client(TABLE).list_entities()] == ["alert"]


async def test_process_that_dies_while_it_keeps_leaves_nothing_that_counts(storage: str) -> None:
    made, steps = storm(4000), 0
    while True:
        transport = FaultyTransport(steps, after=True)
        async with TableServiceClient.from_connection_string(storage, transport=transport) as service:
            with suppress(Killed):
                await Ledger(service).keep(replace(made, id=f"storm-{steps}"), ["teams"])
                break
        async with TableServiceClient.from_connection_string(storage) as service:
            ledger = Ledger(service)
            kept = await ledger.find(f"storm-{steps}")
            again = await ledger.keep(replace(made, id=f"storm-{steps}"), ["teams"])
            assert kept in (None, again)
            assert await ledger.content(again) == replace(made, id=f"storm-{steps}")
        steps += 1
    assert steps > 3


async def test_process_that_dies_while_it_finishes_leaves_an_alert_that_is_finished_later(storage: str) -> None:
    steps = 0
    while True:
        made = replace(storm(3000), id=f"storm-{steps}")
        async with TableServiceClient.from_connection_string(storage) as service:
            await Ledger(service).keep(made, ["teams"])
        transport = FaultyTransport(steps, after=True)
        async with TableServiceClient.from_connection_string(storage, transport=transport) as service:
            ledger = Ledger(service)
            with suppress(Killed):
                await deliver(made, [Scripted("teams")], ledger, NOW)
                break
        async with TableServiceClient.from_connection_string(storage) as service:
            ledger = Ledger(service)
            kept = await ledger.find(made.id)
            assert kept is not None
            assert made.id in await ledger.undelivered(LATER) or kept.done
            await deliver(made, [Scripted("teams")], ledger, LATER)
            assert await ledger.content(kept) is None
            assert made.id not in await ledger.undelivered(LATER)
        steps += 1
    assert steps > 3


async def test_alert_that_an_older_version_kept_is_delivered(ledger: Ledger, storage: str) -> None:
    row = {
        "PartitionKey": MADE.id,
        "RowKey": "alert",
        "created": NOW,
        "run_id": "run-1",
        "purpose": "changes",
        "items": 6,
        "status": "open",
        "data00": dump(MADE),
    }
    state = {"PartitionKey": MADE.id, "RowKey": "webhook", "status": "failed", "attempts": 2, "permanent": False}
    async with TableServiceClient.from_connection_string(storage) as service:
        await service.create_table(TABLE)
        for one in (row, state):
            await service.get_table_client(TABLE).create_entity(one)
    channel = Scripted("webhook")
    kept = await ledger.find(MADE.id)
    assert kept is not None
    assert kept.channels is None
    assert await ledger.content(kept) == MADE
    assert (await deliver(MADE, [channel], ledger, LATER)).done
    assert channel.sent == [MADE.id]
    assert await ledger.content(kept) is None


async def test_content_that_is_gone_before_the_alert_was_delivered_is_a_fault(ledger: Ledger, storage: str) -> None:
    kept = await ledger.keep(MADE, ["teams"])
    async with TableServiceClient.from_connection_string(storage) as service:
        await service.get_table_client(TABLE).delete_entity(MADE.id, f"0;{kept.token};0000")
    with pytest.raises(LostContent):
        await deliver(MADE, [Scripted("teams")], ledger, NOW)


# What is no longer true


async def test_notice_that_became_untrue_is_not_sent(ledger: Ledger) -> None:
    about = About(channel="teams", since=NOW, number=1)
    notice, channel = replace(samples.failure(), id="notice", about=about), Scripted("webhook", busy())
    await ledger.book.change("teams", lambda record: replace(record, since=NOW, notices=1))
    assert not (await deliver(notice, [channel], ledger, NOW)).done
    await ledger.book.change("teams", lambda record: replace(record, since=None, before=NOW))
    result = await deliver(notice, [channel], ledger, LATER)
    assert (result.done, result.problems, channel.sent) == (True, (), [])
    assert await statuses(ledger, "notice") == {"webhook": "withdrawn"}


async def test_notice_about_an_alert_that_was_delivered_after_all_is_not_sent(ledger: Ledger) -> None:
    await deliver(MADE, [Scripted("teams", busy())], ledger, NOW)
    notice = replace(samples.failure(), id="notice", about=About(alert_id=MADE.id))
    assert not (await deliver(notice, [Scripted("webhook", busy())], ledger, NOW)).done
    await deliver(MADE, [Scripted("teams")], ledger, LATER)
    channel = Scripted("webhook")
    assert (await deliver(notice, [channel], ledger, LATER)).done
    assert channel.sent == []
