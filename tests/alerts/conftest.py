"""Fixtures of the alert tests."""

from collections.abc import AsyncIterator

import httpx
import pytest
from azure.data.tables.aio import TableServiceClient

from alerts.addresses import THIS_MACHINE
from alerts.ledger import Ledger
from alerts.outgoing import http_client
from tests.alerts.receiver import Receiver, receiving


@pytest.fixture
async def ledger(storage: str) -> AsyncIterator[Ledger]:
    async with TableServiceClient.from_connection_string(storage) as service:
        yield Ledger(service)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(THIS_MACHINE) as made:
        yield made


@pytest.fixture
async def teams() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
