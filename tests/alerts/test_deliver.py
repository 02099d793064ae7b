import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import httpx
import pytest
from azure.data.tables.aio import TableServiceClient

from alerts.channel import Channel, ChannelError
from alerts.deliver import GIVE_UP_AFTER, DeliveryFailed, deliver, send_test
from alerts.ledger import CLAIM, KEPT, TABLE, ChannelState, Ledger
from alerts.model import Alert, AlertGap
from alerts.stored import dump, load
from alerts.teams import TeamsChannel
from alerts.webhook import WebhookChannel
from tests.alerts import samples
from tests.alerts.receiver import Receiver
from tests.alerts.samples import HOSTILE, NOW, alert, item
from tests.alerts.test_channels import SECRET

MADE = samples.typical()
LATER = NOW + timedelta(minutes=10)
Send = Callable[[], Awaitable[str]]


class Scripted:
    """A channel that does what it is told to, in turn; then it succeeds."""

    def __init__(self, name: str, *turns: Exception | Send) -> None:
        self.name = name
        self.turns = list(turns)
        self.sent: list[str] = []

    async def send(self, alert: Alert, *, now: datetime) -> str:
        turn = self.turns.pop(0) if self.turns else None
        if isinstance(turn, Exception):
            raise turn
        said = await turn() if turn else "taken"
        self.sent.append(alert.id)
        return said


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
    assert (first.done, first.retry) == (False, True)
    assert await statuses(ledger) == {"teams": "failed", "webhook": "delivered"}
    assert await ledger.undelivered(LATER) == [MADE.id]

    second = await deliver(MADE, channels, ledger, LATER)
    assert (second.done, second.retry, second.problems) == (True, False, ())
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
    assert (result.done, result.retry) == (False, False)
    assert result.problems == (
        "teams: The Teams workflow in TEAMS_WEBHOOK_URL answered 404: the workflow doesn't exist any more. Make a new one "
        "in Teams. Copy the workflow's address from Teams again into TEAMS_WEBHOOK_URL.",
    )
    assert await ledger.undelivered(LATER) == [MADE.id]
    assert (await deliver(MADE, channels, ledger, LATER)).done


async def test_receiver_that_asks_to_wait_is_left_alone_until_then(ledger: Ledger) -> None:
    channel = Scripted("teams", busy(retry_after=timedelta(minutes=5)))
    first = await deliver(MADE, [channel], ledger, NOW)
    assert first.retry_at == NOW + timedelta(minutes=5)
    early = await deliver(MADE, [channel], ledger, NOW + timedelta(minutes=4))
    assert (early.done, early.retry, early.retry_at) == (False, True, NOW + timedelta(minutes=5))
    assert channel.sent == []
    assert (await deliver(MADE, [channel], ledger, NOW + timedelta(minutes=5))).done


async def test_two_messages_about_the_same_alert_send_it_once(ledger: Ledger) -> None:
    channel = Scripted("teams", lambda: asyncio.sleep(0.2, "taken"))
    one, other = await asyncio.gather(*(deliver(MADE, [channel], ledger, NOW) for _ in range(2)))
    assert channel.sent == [MADE.id]
    assert sorted([one.done, other.done]) == [False, True]
    assert one.retry or other.retry


async def test_alert_of_a_killed_sender_is_sent_when_its_claim_runs_out(ledger: Ledger) -> None:
    await ledger.keep(MADE)
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


async def test_endless_sending_is_ended(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.deliver.SEND_SECONDS", 0.05)
    result = await deliver(MADE, [Scripted("teams", lambda: asyncio.sleep(60, "late"))], ledger, NOW)
    assert result.retry
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
    assert result.problems == ("teams: Given up after 30 days and 1 attempts. The last one: It is busy.",)
    assert await statuses(ledger) == {"teams": "given_up"}
    again = await deliver(MADE, [channel], ledger, NOW + GIVE_UP_AFTER + timedelta(hours=2))
    assert again.done
    assert await ledger.load(MADE.id) == MADE


async def test_old_alert_that_was_never_tried_is_tried(ledger: Ledger) -> None:
    channel = Scripted("teams")
    assert (await deliver(MADE, [channel], ledger, NOW + 2 * GIVE_UP_AFTER)).done
    assert channel.sent == [MADE.id]


async def test_without_channels_there_is_nobody_to_tell(ledger: Ledger) -> None:
    assert (await deliver(MADE, [], ledger, NOW)).done
    assert await ledger.undelivered(LATER) == []


async def test_alerts_that_wait_are_found_oldest_first(ledger: Ledger) -> None:
    assert await ledger.undelivered(LATER) == []
    for number in (3, 1, 2):
        made = alert(item(1), alert_id=f"a{number}", created=NOW + timedelta(seconds=number))
        await deliver(made, [Scripted("teams", busy())], ledger, NOW)
    assert await ledger.undelivered(LATER) == ["a1", "a2", "a3"]
    assert await ledger.undelivered(NOW + timedelta(seconds=2)) == ["a1"]


@pytest.mark.parametrize("made", [MADE, samples.hostile(), samples.digest(), samples.failure(), samples.many(2000)])
async def test_alert_is_kept_whole_and_comes_back_the_same(ledger: Ledger, made: Alert) -> None:
    await ledger.keep(made)
    await ledger.keep(alert(item(99), alert_id=made.id))
    kept = await ledger.load(made.id)
    assert kept is not None
    assert kept.headline == made.headline
    if made is not samples.hostile():
        assert [one.id for one in kept.items] == [one.id for one in made.items]
    if not any("\ud800" <= letter <= "\udfff" for one in made.items for letter in one.display_name):
        assert kept == made


def test_alert_too_large_to_be_kept_loses_the_least_urgent_items_but_not_the_counts() -> None:
    made = alert(*(item(n, name=name * 5, upn=f"{n}{name}") for n in range(300) for name in HOSTILE))
    content = dump(made, limit=20_000)
    kept = load(content)
    assert kept
    assert len(content) <= 20_000
    assert 0 < len(kept.items) < len(made.items)
    assert kept.counts == made.counts


def test_alert_with_more_gaps_than_can_be_kept_loses_some() -> None:
    gaps = [AlertGap("per_user_mfa", "the per-user MFA state", f"{n} {hash(n)}", None, f"svc-{n}") for n in range(5000)]
    kept = load(dump(alert(item(1), gaps=gaps), limit=10_000))
    assert kept
    assert 0 < len(kept.gaps) < 5000
    assert kept.items == ()
    assert kept.counts == {"opened": 1}


async def test_unknown_alert_is_none(ledger: Ledger) -> None:
    assert await ledger.load("nothing") is None
    assert await ledger.states("nothing") == {}


@pytest.mark.parametrize("alert_id", ["", "a/b", "a'b", "x" * 101, "a b"])
async def test_id_that_cannot_be_a_key_is_refused(ledger: Ledger, alert_id: str) -> None:
    with pytest.raises(ValueError, match="id of an alert"):
        await ledger.keep(alert(item(1), alert_id=alert_id))


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
    assert await ledger.load(MADE.id) is None
    assert await ledger.states(MADE.id) == {}
    assert await ledger.load("unfinished") == unfinished


async def test_message_for_tests_tells_what_every_channel_answered(
    client: httpx.AsyncClient, teams: Receiver, hook: Receiver
) -> None:
    hook.answer(401)
    channels: list[Channel] = [TeamsChannel(teams.url, client), WebhookChannel(hook.url, SECRET, client)]
    results = await send_test(samples.test_message(), channels, NOW)
    assert [(result.channel, result.status.value) for result in results] == [
        ("teams", "delivered"),
        ("webhook", "failed"),
    ]
    assert results[0].sentence == "Teams accepted the message (202)."
    assert "WEBHOOK_SECRET" in results[1].sentence


async def test_error_for_the_queue_says_where_it_failed(ledger: Ledger) -> None:
    result = await deliver(MADE, [Scripted("teams", busy())], ledger, NOW)
    assert str(DeliveryFailed(result)) == f"Alert {MADE.id} is not delivered everywhere yet. teams: It is busy."


async def test_what_an_alert_said_is_deleted_once_everybody_has_it(ledger: Ledger) -> None:
    await deliver(MADE, [Scripted("teams"), Scripted("webhook", busy())], ledger, NOW)
    assert await ledger.load(MADE.id) == MADE
    await deliver(MADE, [Scripted("teams"), Scripted("webhook")], ledger, LATER)
    assert await ledger.load(MADE.id) is None
    assert await statuses(ledger) == {"teams": "delivered", "webhook": "delivered"}
