"""The connection to Azure Table Storage: short waits, one clear error when it can't be reached."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import DefaultAzureCredential

from setting_values import StorageConnection

CLIENT_OPTIONS: dict[str, Any] = {
    "connection_timeout": 4,
    "read_timeout": 10,
    # Three attempts, 0.6 s and 1.2 s apart: the defaults of azure-core (ten attempts, up to 120 s apart) would leave an
    # administrator, or a function that costs money, waiting for minutes.
    "retry_total": 2,
    "retry_connect": 2,
    "retry_read": 2,
    "retry_backoff_factor": 0.6,
}


class StorageUnavailable(Exception):
    """Table Storage can't be reached or refuses the sign-in. The message says which address, and what to do."""


class HasStorage(Protocol):
    """The part of the settings that this module needs."""

    @property
    def storage(self) -> StorageConnection:
        """Where the tables are and how to sign in."""


@asynccontextmanager
async def tables(settings: HasStorage) -> AsyncIterator[TableServiceClient]:
    """A client of the storage account's tables, signed in by connection string or managed identity.

    Raises ``StorageUnavailable``, also for failures inside the ``async with`` block that mean that storage can't be
    reached or refuses the sign-in.
    """
    connection = settings.storage
    async with AsyncExitStack() as stack:
        if connection.connection_string:
            client = TableServiceClient.from_connection_string(connection.connection_string, **CLIENT_OPTIONS)
        elif connection.table_uri:
            # DefaultAzureCredential: the managed identity in Azure, the sign-in of az on an administrator's machine.
            credential: AsyncTokenCredential = await stack.enter_async_context(
                DefaultAzureCredential(managed_identity_client_id=connection.client_id)
            )
            client = TableServiceClient(connection.table_uri, credential=credential, **CLIENT_OPTIONS)
        else:
            raise StorageUnavailable("No storage is configured: set AzureWebJobsStorage.")
        await stack.enter_async_context(client)
        address = client.url
        try:
            yield client
        except (ServiceRequestError, ServiceResponseError) as error:
            raise StorageUnavailable(
                f"Table Storage at {address} cannot be reached ({type(error).__name__}): check AzureWebJobsStorage, "
                "the network rules of the storage account, and that Azurite runs if you use it."
            ) from error
        except ClientAuthenticationError as error:
            raise StorageUnavailable(
                f"Table Storage at {address} refused the sign-in: check the key in AzureWebJobsStorage, or give the "
                "identity the role Storage Table Data Contributor."
            ) from error
        except HttpResponseError as error:
            if error.status_code not in {401, 403}:
                raise
            raise StorageUnavailable(
                f"Table Storage at {address} refused the request with {error.status_code}: check the network rules of "
                "the storage account, and that the identity has the role Storage Table Data Contributor."
            ) from error


async def ensure_tables(client: TableServiceClient, names: Iterable[str]) -> None:
    """Creates the tables that don't exist yet; does nothing to those that do."""
    for name in names:
        await client.create_table_if_not_exists(name)
