"""The app's own queues: messages that are to be seen later (a retry, or a scan that waits for another to end), and how many wait.

The output bindings of the functions put messages on queues at once; only this can delay them.
"""

import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue.aio import QueueServiceClient

from connections.storage import HasStorage, StorageUnavailable, opened

ROLE = "Storage Queue Data Contributor"
LONGEST = timedelta(days=7)
"""How long a message can stay unseen. Source: Microsoft Learn, "Put Message (REST API)"."""


async def look_at_queues(settings: HasStorage, names: Iterable[str]) -> dict[str, int | None]:
    """How many messages are on each queue, about; None for a queue that doesn't exist yet.

    Writes the metadata of each queue as it is, which shows whether it can be written and starts nothing. Raises
    ``StorageUnavailable``.
    """
    found: dict[str, int | None] = {}
    async with opened(QueueServiceClient, settings.storage, settings.storage.queue_uri) as service:
        for name in names:
            client = service.get_queue_client(name)
            with _unavailable(client.url, "used"):
                try:
                    properties = await client.get_queue_properties()
                    await client.set_queue_metadata(properties.metadata)
                    found[name] = properties.approximate_message_count
                except ResourceNotFoundError:
                    found[name] = None
    return found


async def put_later(settings: HasStorage, queue: str, body: str, delay: timedelta) -> None:
    """Put a message on a queue that becomes visible after ``delay`` (at most ``LONGEST``), and never expires.

    The body is encoded as ``host.json`` says (base64). Raises ``StorageUnavailable``.
    """
    seconds = int(max(timedelta(), min(delay, LONGEST - timedelta(seconds=1))).total_seconds())
    text = base64.b64encode(body.encode()).decode("ascii")
    async with opened(QueueServiceClient, settings.storage, settings.storage.queue_uri) as service:
        client = service.get_queue_client(queue)
        with _unavailable(client.url, "written"):
            try:
                await client.send_message(text, visibility_timeout=seconds, time_to_live=-1)
            except ResourceNotFoundError:
                await client.create_queue()
                await client.send_message(text, visibility_timeout=seconds, time_to_live=-1)


@contextmanager
def _unavailable(url: str, what: str) -> Iterator[None]:
    """Says in one sentence why a queue can't be used."""
    try:
        yield
    except AzureError as error:
        parts = urlsplit(url)  # without the query: it may hold a shared access signature
        status = f" ({error.status_code})" if isinstance(error, HttpResponseError) and error.status_code else ""
        raise StorageUnavailable(
            f"The queue at {parts.scheme}://{parts.netloc}{parts.path} can't be {what}{status}: check "
            f"AzureWebJobsStorage, and that the app's identity has the role {ROLE} on the storage account."
        ) from error
