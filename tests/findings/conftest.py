"""A client of an empty storage account for each test."""

from collections.abc import AsyncIterator

import pytest
from azure.data.tables.aio import TableServiceClient

from findings.store import FindingStore


@pytest.fixture
async def service(storage: str) -> AsyncIterator[TableServiceClient]:
    """The tables of the test's own storage account."""
    async with TableServiceClient.from_connection_string(storage, retry_total=0) as client:
        yield client


@pytest.fixture
def store(service: TableServiceClient) -> FindingStore:
    """The findings in it."""
    return FindingStore(service)
