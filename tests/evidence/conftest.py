"""The tenants, served."""

from collections.abc import AsyncIterator

import pytest

from localgraph.server import LocalGraph
from tests.evidence.changing import SVC, joined, tenant
from tests.evidence.company import Company


@pytest.fixture
async def graph() -> AsyncIterator[LocalGraph]:
    async with LocalGraph(tenant().build()) as running:
        running.tenant.audits = [joined(running, SVC, "2026-11-20T09:15:00.0000000Z")]
        yield running


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    made = Company()
    async with made.graph:
        yield made
