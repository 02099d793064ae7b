"""Fixtures of several tests of the jobs."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from jobs import log_watch
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tests.jobs.logged import OTHER, PERSON, START, SVC, Tenant


@pytest.fixture
async def tenant(storage: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tenant]:
    builder = TenantBuilder().group("Policy group").group("Elsewhere")
    for name in (SVC, OTHER, PERSON):
        builder.user(name, mfa="disabled")
    built = builder.policy("MFA", include_groups=["Policy group"], grant=["mfa"], client_apps=["browser"]).build()
    built.now = START
    async with LocalGraph(built) as graph:
        monkeypatch.setenv("GRAPH_ENDPOINT", graph.url)
        monkeypatch.setenv("AzureWebJobsStorage", storage)
        monkeypatch.setenv("SERVICE_ACCOUNT_PATTERNS", "svc-*")
        monkeypatch.setenv("AUDIT_LOG", "on")
        # Azurite's own clock isn't the story's.
        monkeypatch.setattr(log_watch, "ensure_tables", _ensured)
        yield Tenant(graph, storage)


async def _ensured(*_: object) -> timedelta:
    return timedelta()
