"""A tenant whose audit log somebody looks at."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.data.tables.aio import TableServiceClient

from evidence.store import StoredEvidence
from jobs.log_bookmark import NAME, Bookmark
from jobs.log_watch import Looked, watch_log
from jobs.messages import ScanMessage
from jobs.scan import ScanRequest, scan
from localgraph.server import LocalGraph
from settings import Settings, load_settings

SVC, OTHER, PERSON = "svc-1@contoso.com", "svc-2@contoso.com", "ada@contoso.com"
START = datetime(2026, 11, 26, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Json = dict[str, Any]


@dataclass
class Tenant:
    """A tenant, its log, and a clock."""

    graph: LocalGraph
    storage: str
    now: datetime = START
    asked: list[tuple[ScanMessage, timedelta]] = field(default_factory=list)
    number: int = 0

    @property
    def settings(self) -> Settings:
        return load_settings()

    def happens(
        self, activity: str, *targets: Json, late: timedelta = timedelta(), service: str = "Core Directory"
    ) -> None:
        """Something happens now; ``late``: it did before, and turns up now."""
        self.number += 1
        self.graph.tenant.audits.insert(
            0,
            {
                "id": f"event-{self.number}",
                "activityDisplayName": activity,
                "activityDateTime": (self.now - late).strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
                "loggedByService": service,
                "category": "Policy",
                "result": "success",
                "initiatedBy": {"user": {"id": "a", "userPrincipalName": PERSON}, "app": None},
                "targetResources": list(targets),
            },
        )

    def user(self, name: str) -> Json:
        found = self.graph.tenant.user(name)
        return {"id": found.id, "type": "User", "userPrincipalName": found.upn, "modifiedProperties": []}

    def passes(self, minutes: float) -> None:
        self.now += minutes * MINUTE
        self.graph.tenant.now = self.now

    async def scans(self, number: int = 1) -> Json:
        request = ScanRequest(f"run-{number}", "schedule")
        return (await scan(self.settings, request, clock=lambda: self.now)).document

    async def looks(self) -> Looked:
        self.graph.requests.clear()
        return await watch_log(self.settings, self.start, clock=lambda: self.now)

    async def start(self, message: ScanMessage, delay: timedelta, looked: Looked) -> None:
        assert looked.scan == message
        self.asked.append((message, delay))

    async def mark(self) -> Bookmark:
        async with TableServiceClient.from_connection_string(self.storage) as service:
            return Bookmark.of(await StoredEvidence(service).recall(NAME))
