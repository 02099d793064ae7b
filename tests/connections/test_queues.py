"""Messages that are seen later."""

import base64
import json
from datetime import timedelta

import pytest
from azure.storage.queue.aio import QueueServiceClient

from connections.queues import put_later
from connections.storage import StorageUnavailable
from settings.values import StorageConnection


class Here:
    """Settings that name a storage account."""

    def __init__(self, storage: StorageConnection) -> None:
        self.storage = storage


async def test_a_message_waits_for_its_time_on_a_queue_that_did_not_exist(storage: str) -> None:
    settings = Here(StorageConnection(storage))
    body = json.dumps({"alert_id": "a", "name": "Gdańsk"})
    await put_later(settings, "alerts", body, timedelta(hours=1))
    await put_later(settings, "alerts", body, timedelta())
    async with QueueServiceClient.from_connection_string(storage) as service:
        queue = service.get_queue_client("alerts")
        seen = [message async for message in queue.receive_messages()]
        assert [json.loads(base64.b64decode(one.content)) for one in seen] == [json.loads(body)]
        assert (await queue.get_queue_properties()).approximate_message_count == 2


async def test_where_no_queue_can_be_reached_one_sentence_says_so() -> None:
    with pytest.raises(StorageUnavailable, match="No storage account is configured"):
        await put_later(Here(StorageConnection()), "alerts", "{}", timedelta())
