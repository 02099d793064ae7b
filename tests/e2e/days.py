"""Scans on several days: time as storage and Microsoft Graph show it, on a machine whose own clock stays behind."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from connections.storage import ensure_tables
from jobs import scan as scan_module
from jobs import teller
from tests.e2e.conftest import BACKUP, Answer, Installation
from tests.evidence.refused_accounts import SMTP, row


class Days:
    """An installation, one day after the other; day 0 is tomorrow, and scans are at eight (UTC)."""

    def __init__(self, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        self._installation = installation
        self._first = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(), UTC)
        self.now = self._first

        async def behind(service: TableServiceClient, names: Iterable[str]) -> timedelta:
            await ensure_tables(service, names)
            return datetime.now(UTC) - self.now

        monkeypatch.setattr(scan_module, "ensure_tables", behind)
        monkeypatch.setattr(teller, "ensure_tables", behind)
        monkeypatch.setattr("tenant.pacing.Pace.after", lambda *_: None)  # nobody waits here
        monkeypatch.setattr("tenant.pacing.Pace.after_silence", lambda *_: None)

    def at(self, day: int, hour: float) -> datetime:
        """A moment."""
        return self._first + timedelta(days=day, hours=hour)

    def scan(self, day: int, *arguments: str, hour: float = 8) -> Answer:
        """A scan on a day."""
        self.now = self.at(day, hour)
        self._installation.graph.date_skew = self.now - datetime.now(UTC)
        return self._installation.scan(*arguments)

    def sign_in(
        self, day: int, code: int = 0, client: str = SMTP, *, who: str = BACKUP, hour: float = 6, **more: Any
    ) -> None:
        """A sign-in stands in the log from now on."""
        tenant = self._installation.graph.tenant
        made = row(self.at(day, hour), code, client, **more)
        made |= {"id": f"sign-in {len(tenant.sign_ins)}", "userId": tenant.user(who).id}
        tenant.sign_ins = sorted([made, *tenant.sign_ins], key=lambda one: str(one["createdDateTime"]), reverse=True)
