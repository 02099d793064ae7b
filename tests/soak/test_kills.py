"""The proxy in front of storage, and a short soak; a long one is ``python3 dev.py soak``."""

import random
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from findings.errors import ConflictError
from findings.tables import Table, put, upsert
from soak import happened, kills
from soak.happened import Truth
from soak.moody_receivers import TEAMS, WEBHOOK, Call
from soak.proxy import Proxy, Trouble
from soak.rest import what_is_wrong
from soak.sending import Moment, Sends

NO_RETRIES: dict[str, Any] = {"retry_total": 0, "retry_status": 0, "retry_connect": 0, "retry_read": 0}
DONE = [Trouble.DONE_BUT_BUSY, Trouble.DONE_BUT_CUT_OFF]
CLAIMED, ASKED, ANSWERED, NOTED = Moment
NOT_DONE = [Trouble.BUSY, Trouble.CUT_OFF]


class Always(random.Random):
    """Dice that make the same thing happen to every request."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(1)
        self._trouble = trouble

    def choice(self, _: Any) -> Any:
        return self._trouble


def row(key: str, **values: Any) -> dict[str, Any]:
    return {"PartitionKey": "p", "RowKey": key, **values}


async def test_what_nothing_happens_to_passes_as_it_is(storage: str) -> None:
    async with (
        Proxy(storage, random.Random(1)) as proxy,
        TableServiceClient.from_connection_string(proxy.connection_string, **NO_RETRIES) as service,
    ):
        table = Table(service, "things")
        await table.put(row("o'hara;表示 %&", text="a+b", when=datetime.now(UTC)), None)
        await table.submit([upsert(row(f"row {number}")) for number in range(100)])
        found = [one async for one in table.query("RowKey eq @key", {"key": "o'hara;表示 %&"})]
        assert [one["text"] for one in found] == ["a+b"]
        assert len([one async for one in table.query("PartitionKey eq @p", {"p": "p"})]) == 101
        with pytest.raises(ConflictError):
            await table.submit([put(row("row 1"), None), upsert(row("row 2"))])
        await table.delete_version("p", found[0]["RowKey"], str(found[0].metadata["etag"]))
        assert await table.get("p", found[0]["RowKey"]) is None


async def test_a_wrong_key_is_refused_through_the_proxy_too(storage: str) -> None:
    async with Proxy(storage, random.Random(1)) as proxy:
        wrong = proxy.connection_string.replace("AccountKey=", "AccountKey=AAAA")
        async with TableServiceClient.from_connection_string(wrong, **NO_RETRIES) as service:
            with pytest.raises(AzureError, match="AuthorizationFailure"):
                await service.create_table("things")


async def test_messages_pass_as_they_are(storage: str) -> None:
    async with (
        Proxy(storage, random.Random(1)) as proxy,
        QueueServiceClient.from_connection_string(proxy.connection_string, **NO_RETRIES) as service,
    ):
        queue = await service.create_queue("messages")
        await queue.send_message("eyJhIjogMX0=")
        (message,) = [one async for one in queue.receive_messages(visibility_timeout=1)]
        assert message.content == "eyJhIjogMX0="
        await queue.update_message(message, visibility_timeout=0)
        assert [one.dequeue_count async for one in queue.receive_messages()] == [2]


@pytest.mark.parametrize("trouble", [*DONE, *NOT_DONE, Trouble.SLOW])
async def test_a_request_fails_done_or_not_done(storage: str, trouble: Trouble) -> None:
    async with (
        Proxy(storage, Always(trouble)) as proxy,
        TableServiceClient.from_connection_string(proxy.connection_string, **NO_RETRIES) as through,
        TableServiceClient.from_connection_string(storage) as beside,
    ):
        await beside.create_table("things")
        proxy.odds = 1
        if trouble is Trouble.SLOW:
            await through.get_table_client("things").create_entity(row("1"))
        else:
            with pytest.raises(AzureError):
                await through.get_table_client("things").create_entity(row("1"))
        written = [one async for one in beside.get_table_client("things").list_entities()]
        assert len(written) == (trouble not in NOT_DONE)
        assert proxy.troubles == {trouble: 1}


async def test_what_the_caller_repeats_after_a_lost_answer_is_done_twice(storage: str) -> None:
    async with (
        QueueServiceClient.from_connection_string(storage) as beside,
        Proxy(storage, Always(Trouble.DONE_BUT_BUSY)) as proxy,
        QueueServiceClient.from_connection_string(proxy.connection_string, **NO_RETRIES) as through,
    ):
        queue = await beside.create_queue("messages")
        proxy.odds = 1
        for _ in range(2):
            with suppress(AzureError):
                await through.get_queue_client("messages").send_message("again")
        assert (await queue.get_queue_properties()).approximate_message_count == 2


def test_the_truth_says_what_is_to_be_told_after_each_change() -> None:
    model = Truth(random.Random(1))
    for _ in range(20):
        before = model.open
        model.change()
        assert {user.upn for user in model.tenant().users.values()} == set(happened.NAMES)
        assert all(model.told[kind, name, check] for name, check in before - model.open for kind in ["resolved"])
    assert {check for _, _, check in model.told} == {"APW-001", "APW-003", "APW-004", "APW-009"}


def called(channel: str, alert_id: str, change_id: str, kind: str = "opened") -> Call:
    change = {"id": change_id, "kind": kind, "account": {"user_principal_name": "a"}, "check_id": "APW-001"}
    return Call(channel, alert_id, {"type": "app_password_scan.changed", "data": {"changes": [change]}}, accepted=True)


async def test_what_is_lost_is_seen(storage: str) -> None:
    model = Truth(random.Random(1))
    model.change()
    found = await what_is_wrong(storage, model, [], {"run-1"})
    assert "The run run-1 was asked for and left no record" in found
    kinds = ["Open, and not kept", "Not in the history", "Not told"]
    assert [sum(one.startswith(kind) for one in found) for kind in kinds] == [len(model.open)] * 3


async def test_what_is_told_twice_wrongly_or_to_one_channel_only_is_seen(storage: str) -> None:
    calls = [called(WEBHOOK, "1", "x"), called(WEBHOOK, "2", "x"), called(TEAMS, "1", "x"), called(TEAMS, "2", "x")]
    found = await what_is_wrong(
        storage, Truth(random.Random(1)), [*calls, called(WEBHOOK, "3", "y", "resolved")], set()
    )
    assert found == [
        "Too often or wrongly told: ('opened', 'a', 'APW-001') (1x)",
        "Too often or wrongly told: ('resolved', 'a', 'APW-001') (1x)",
        "Told in 2 alerts: ('opened', 'a', 'APW-001')",
        "Never told to teams: ('resolved', 'a', 'APW-001')",
        "Never told to teams: the alert 3",
    ]


PATH = "/devstoreaccount1/alerts(PartitionKey='a',RowKey='teams')"


def test_a_process_sends_from_the_claim_until_all_is_told() -> None:
    sends = Sends()
    moments = [
        sends.wrote("PUT", "/devstoreaccount1/findings(PartitionKey='a',RowKey='b')", b"{}") or sends.moment,
        sends.wrote("POST", "/devstoreaccount1/alerts", b'{"RowKey": "webhook", "status": "sending"}'),
        sends.wrote("PUT", PATH, b'{"status": "sending"}'),
        sends.called(TEAMS, answered=False),
        sends.called(TEAMS, answered=True),
        sends.wrote("PUT", PATH, b'{"status": "delivered"}'),
    ]
    assert moments == [None, CLAIMED, CLAIMED, ASKED, ANSWERED, NOTED]
    assert sends.moment is NOTED
    sends.wrote("PUT", "/devstoreaccount1/alerts(PartitionKey='a',RowKey='alert')", b'{"status": "done"}')
    assert sends.moment is None


def test_what_failed_waits_and_is_not_being_sent() -> None:
    sends = Sends()
    sends.wrote("PUT", PATH, b'{"status": "sending"}')
    sends.wrote("PUT", PATH, b'{"status": "failed"}')
    assert sends.moment is None


def test_an_account_changes_once_in_a_round_so_that_it_does_not_matter_which_scan_sees_it() -> None:
    model = Truth(random.Random(3))
    for number in range(6):
        before = dict.fromkeys(happened.NAMES, 0)
        model.change()
        told = model.told.copy()
        while model.change_another():
            pass
        for _, name, _ in (model.told - told).elements():
            before[name] += 1
        assert max(before.values()) <= 4  # what ends and what begins of one change
        if not number:  # whether it was switched off would depend on which scan came first
            assert all(check != "APW-009" for _, _, check in model.told - told)


def test_nothing_is_lost_or_wrongly_told_by_instances_that_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "KILLS_PER_ROUND", 3)
    said: list[str] = []
    assert kills.run(3, 1, said.append) == [], said
