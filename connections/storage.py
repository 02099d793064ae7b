"""The connection to Azure Table Storage: short waits, one clear error when it can't be reached."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import DefaultAzureCredential
from azure.storage.queue.aio import QueueServiceClient

from alerts.ledger import TABLE as ALERTS
from connections.kept import kept, stays_open
from evidence.store import TABLE as SIGN_INS
from findings.exceptions import EXCEPTIONS
from findings.kept_pages import PAGES
from findings.runs import RUNS
from findings.store import FINDINGS, HISTORY
from settings.values import StorageConnection

CLIENT_OPTIONS: dict[str, Any] = {
    # The defaults of azure-core (ten attempts, up to two minutes apart, minutes for each) would leave an administrator, or
    # a function that costs money, waiting. Unreachable: 3 attempts of 3 s. No answer: 2 of 6 s. Busy (503): 5 attempts,
    # up to 10 s apart. Table Storage itself ends a query after 5 s and gives a continuation.
    "connection_timeout": 3,
    "read_timeout": 6,
    "retry_total": 5,
    "retry_connect": 2,
    "retry_read": 1,
    "retry_status": 5,
    "retry_backoff_factor": 0.6,
    "retry_backoff_max": 10,
}

TABLES = (FINDINGS, RUNS, HISTORY, EXCEPTIONS, SIGN_INS, ALERTS, PAGES)
"""Every table there is."""
Client = TypeVar("Client", TableServiceClient, QueueServiceClient)
ROLE = "Storage Table Data Contributor"


class StorageUnavailable(Exception):
    """Table Storage can't be reached or refuses the sign-in. The message says which address, and what to do."""


class HasStorage(Protocol):
    """The part of the settings that this module needs."""

    @property
    def storage(self) -> StorageConnection:
        """Where the tables are and how to sign in."""


@asynccontextmanager
async def opened(kind: type[Client], connection: StorageConnection, address: str | None) -> AsyncIterator[Client]:
    """A client, signed in by connection string or by identity; ``address``: where the service is for an identity.

    Sends nothing yet. Raises ``StorageUnavailable`` when the settings name neither. In the function app it stays open.
    """
    if stays_open():
        key = (kind, connection, address)
        client, _ = await kept(key, lambda: _open(kind, connection, address), lambda found: found[1].aclose())
        yield client
        return
    client, stack = await _open(kind, connection, address)
    async with stack:
        yield client


async def _open(
    kind: type[Client], connection: StorageConnection, address: str | None
) -> tuple[Client, AsyncExitStack]:
    """A client, and what closes it."""
    options = {**CLIENT_OPTIONS, "use_env_settings": behind_a_proxy()}
    async with AsyncExitStack() as stack:
        if connection.connection_string:
            client = kind.from_connection_string(connection.connection_string, **options)
        elif address:
            # The managed identity in Azure, the sign-in of `az login` on an administrator's machine.
            credential = await stack.enter_async_context(
                DefaultAzureCredential(managed_identity_client_id=connection.client_id)
            )
            client = kind(address, credential=credential, **options)
        else:
            raise StorageUnavailable("No storage account is configured: set AzureWebJobsStorage.")
        return await stack.enter_async_context(client), stack.pop_all()


def behind_a_proxy() -> bool:
    """Whether this machine's environment names a proxy.

    The client looks for one, and for a password in a file, at every request, each time in a thread: that is half of what a request costs
    the processor, and nothing where there is none.
    """
    return bool(getproxies())


@asynccontextmanager
async def tables(settings: HasStorage) -> AsyncIterator[TableServiceClient]:
    """A client of the storage account's tables. Sends nothing yet; raises as :func:`opened` does, and ``StorageUnavailable`` for what
    the SDK raises within it: not everything that uses the tables says in words what went wrong.
    """
    async with opened(TableServiceClient, settings.storage, settings.storage.table_uri) as client:
        with _unavailable(client):
            yield client


async def ensure_tables(client: TableServiceClient, names: Iterable[str]) -> timedelta:
    """Creates those tables of ``names`` that don't exist; one request when all do.

    As the first use of a connection it also finds out whether storage can be reached, and returns how far this machine's clock is
    ahead of the storage account's, at least (zero where that doesn't say). Raises ``StorageUnavailable``.
    """
    ahead: list[timedelta] = []
    asked = datetime.now(UTC)

    def note(response: Any) -> None:
        with suppress(TypeError, ValueError):
            there = parsedate_to_datetime(response.http_response.headers.get("Date", ""))
            ahead.append(ahead_at_least(asked, datetime.now(UTC), there))

    with _unavailable(client):
        existing = {table.name async for table in client.list_tables(raw_response_hook=note)}
        for name in names:
            if name not in existing:
                await client.create_table_if_not_exists(name)
    return ahead[0] if ahead else timedelta()


def ahead_at_least(asked: datetime, answered: datetime, there: datetime) -> timedelta:
    """How far a clock is certainly ahead of another one, or behind it (negative); zero where it may be right.

    Between ``asked`` and ``answered`` the other one said ``there``, without fractions of a second.
    """
    least, most = asked - there - timedelta(seconds=1), answered - there
    return max(least, timedelta()) + min(most, timedelta())


@contextmanager
def _unavailable(client: TableServiceClient) -> Iterator[None]:
    """Says in one sentence why storage can't be used."""
    # Without the query: it may hold a shared access signature.
    parts = urlsplit(client.url)
    where = f"Table Storage at {parts.scheme}://{parts.netloc}{parts.path}"
    try:
        yield
    except (ServiceRequestError, ServiceResponseError) as error:
        raise StorageUnavailable(
            f"{where} can't be reached: check AzureWebJobsStorage, the network rules of the storage account, "
            "and that Azurite runs if you use it."
        ) from error
    except HttpResponseError as error:
        if isinstance(error, ClientAuthenticationError) or error.status_code in {401, 403}:
            raise StorageUnavailable(
                f"{where} refuses access ({_answer(error)}): check the key in AzureWebJobsStorage, or give the identity the "
                f"role {ROLE} on the storage account, and check the account's network rules."
            ) from error
        raise StorageUnavailable(
            f"{where} answered {_answer(error)}: check AzureWebJobsStorage, and try again in a few minutes."
        ) from error


def _answer(error: HttpResponseError) -> str:
    """Status and error code of an answer; the first line of the error where there was no answer."""
    code = getattr(error, "error_code", None)
    known = [str(part) for part in (error.status_code, getattr(code, "value", code)) if part]
    return " ".join(known) or str(error).strip().partition("\n")[0][:200]
