"""Messages to the app's own queues that are to be seen later: a retry, or a scan that waits for another to end.

The output bindings of the functions put messages on queues at once; only this can delay them.
"""

import base64
from datetime import timedelta
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue.aio import QueueServiceClient

from connections.storage import HasStorage, StorageUnavailable, opened

ROLE = "Storage Queue Data Contributor"
LONGEST = timedelta(days=7)
"""How long a message can stay unseen. Source: Microsoft Learn, "Put Message (REST API)"."""


async def put_later(settings: HasStorage, queue: str, body: str, delay: timedelta) -> None:
    """Put a message on a queue that becomes visible after ``delay`` (at most ``LONGEST``), and never expires.

    The body is encoded as ``host.json`` says (base64). Raises ``StorageUnavailable``.
    """
    seconds = int(max(timedelta(), min(delay, LONGEST - timedelta(seconds=1))).total_seconds())
    text = base64.b64encode(body.encode()).decode("ascii")
    async with opened(QueueServiceClient, settings.storage, settings.storage.queue_uri) as service:
        client = service.get_queue_client(queue)
        try:
            try:
                await client.send_message(text, visibility_timeout=seconds, time_to_live=-1)
            except ResourceNotFoundError:
                await client.create_queue()
                await client.send_message(text, visibility_timeout=seconds, time_to_live=-1)
        except AzureError as error:
            parts = urlsplit(client.url)  # without the query: it may hold a shared access signature
            status = f" ({error.status_code})" if isinstance(error, HttpResponseError) and error.status_code else ""
            raise StorageUnavailable(
                f"The queue at {parts.scheme}://{parts.netloc}{parts.path} can't be written{status}: check "
                f"AzureWebJobsStorage, and that the app's identity has the role {ROLE} on the storage account."
            ) from error
