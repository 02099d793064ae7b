"""A local Graph with a sign-in log of millions, for the benchmark of reading it: rows are made when they are asked for.

``python -m bench.large_log USERS ACCOUNTS SIGN_INS`` prints its address and serves until its input ends. It is the strict local Graph; only
what a filter can find at all is looked up in an index first, for no machine filters two million rows for each page.
"""

import asyncio
import re
import subprocess
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import groupby
from pathlib import Path
from unittest.mock import patch
from urllib.parse import unquote_plus

from basics.times import parse
from localgraph import server
from localgraph.builder import TenantBuilder
from localgraph.large import large_tenant
from localgraph.messages import Answer
from localgraph.routes import ROUTES
from localgraph.routes.logs import list_sign_ins
from localgraph.schema import Json
from localgraph.server import LocalGraph
from localgraph.service import Call
from localgraph.tenant import LocalTenant
from localgraph.times import iso

ROOT = Path(__file__).parent.parent
SPAN = timedelta(days=30)
POLICIES = 40
_PATH = "/auditLogs/signIns"
_OUTLOOK = "d3590ed6-52b3-4102-aeff-aad2292ab01c"
_VENDOR = "0b0e5a3c-0000-4000-8000-00000000cafe"
_EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
_SMTP, _IMAP, _OTHER, _APP, _BROWSER = (
    "Authenticated SMTP",
    "IMAP4",
    "Other clients",
    "Mobile Apps and Desktop clients",
    "Browser",
)
_SHARES = ((0.03, "selected"), (0.06, "colleagues"), (0.08, "guesses"), (0.09, "products"), (1.0, "people"))
"""Of all sign-ins: those of the service accounts; of 300 others that use a legacy client; guesses with any name; known products; people."""


_PRODUCTS = tuple(
    f"{vendor} Mail" for vendor in ("CodeTwo", "Veeam", "Freshdesk", "Zendesk", "ServiceNow", "Exclaimer")
)
"""Applications that may read mail, as known products call theirs."""


class LargeLog:
    """Rows by number, the newest first, and which numbers a value may be found under."""

    def __init__(self, tenant: LocalTenant, count: int) -> None:
        users = tenant.users.values()
        self._services = [one.id for one in users if one.upn.startswith("svc-")]
        self._people = [one.id for one in users if not one.upn.startswith("svc-")]
        self._apps = [one["appId"] for one in tenant.service_principals.values() if one["displayName"] in _PRODUCTS]
        self._newest, self._step = tenant.now, SPAN / count
        self._index: dict[str, array[int]] = defaultdict(lambda: array("I"))
        for number in range(count):
            for value in self._key(number):
                self._index[value].append(number)

    def found(self, query: str) -> list[Json]:
        """The rows of a filter's days in which one of its values stands as user, client or application, the newest first."""
        since, until = (
            self._number(parse(re.findall(rf"createdDateTime {word} (\S+)", query)[0])) for word in ("ge", "lt")
        )
        values = set(re.findall(r"eq '([^']*)'", query))
        numbers = merge(*(self._index[value] for value in values if value in self._index))
        return [self._row(number) for number, _ in groupby(numbers) if until - 1 <= number <= since + 1]

    def _number(self, when: datetime) -> int:
        return int((self._newest - when) / self._step)

    def _key(self, number: int) -> tuple[str, str, str]:
        """User, client and application of a row."""
        chance = (number * 2_654_435_761 % 2**32) / 2**32
        kind = next(kind for most, kind in _SHARES if chance < most)
        pick = number * 40_503 % 2**31
        anybody = self._people[pick % len(self._people)]
        if kind == "selected":
            return self._services[pick % len(self._services)], _SMTP, _EXCHANGE
        if kind == "colleagues":
            return self._people[pick % 300], _IMAP, _EXCHANGE
        if kind == "guesses":
            return anybody, _OTHER, _EXCHANGE
        if kind == "products":
            return self._people[pick % 600], _APP, self._apps[pick % len(self._apps)]
        return anybody, _BROWSER if pick % 3 else _APP, _OUTLOOK

    def _row(self, number: int) -> Json:
        user, client, app = self._key(number)
        when: datetime = self._newest - number * self._step
        refused = client == _SMTP and self._services.index(user) % 10 == 0
        code = 50126 if client == _OTHER else 53003 if refused else 0
        blocked = {
            "id": "5b1d2c00-0000-4000-8000-000000000001",
            "displayName": "CA002 Block legacy",
            "result": "failure",
            "enforcedGrantControls": ["Block"],
            "enforcedSessionControls": [],
        }
        return {
            "id": f"{number:08x}-0000-4000-9000-000000000000",
            "createdDateTime": iso(when),
            "userId": user,
            "clientAppUsed": client,
            "appId": app,
            "appDisplayName": f"Application {app[:8]}",
            "userAgent": "BAV2ROPC" if client in {_SMTP, _IMAP, _OTHER} else "Mozilla/5.0",
            "isInteractive": client == _BROWSER,
            "signInEventTypes": ["interactiveUser" if client == _BROWSER else "nonInteractiveUser"],
            "status": {"errorCode": code, "failureReason": None, "additionalDetails": None},
            "authenticationProtocol": "ropc" if client in {_SMTP, _IMAP, _OTHER} else "oAuth2",
            "authenticationRequirementPolicies": [],
            "appliedConditionalAccessPolicies": [blocked] if refused else [],
            "ipAddress": f"203.0.113.{number % 200}",
            "location": {"city": "Bristol", "state": "England", "countryOrRegion": "GB"},
        }


@contextmanager
def serving(users: int, accounts: int, sign_ins: int) -> Iterator[str]:
    """The address of such a Graph, in a process of its own."""
    command = [sys.executable, "-m", "bench.large_log", *map(str, (users, accounts, sign_ins))]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield (process.stdout.readline() if process.stdout else "").strip()
        finally:
            process.terminate()


def _applications() -> LocalTenant:
    build = TenantBuilder("Applications").service_principal("Microsoft Graph")
    for name in _PRODUCTS:
        build.service_principal(name, owner=_VENDOR).consent(name, "Mail.ReadWrite Mail.Send")
    return build.build()


async def _serve(users: int, accounts: int, sign_ins: int) -> None:
    tenant = large_tenant(users, accounts, POLICIES)
    applications = _applications()
    tenant.service_principals |= applications.service_principals
    tenant.permission_grants += applications.permission_grants
    found = lru_cache(maxsize=2)(LargeLog(tenant, sign_ins).found)

    def from_index(call: Call) -> Answer:
        call.tenant.sign_ins = found(unquote_plus(call.request.query).partition("&$skiptoken")[0])
        return list_sign_ins(call)

    routes = tuple(replace(one, handler=from_index) if one.template == _PATH else one for one in ROUTES)
    with patch.object(server, "ROUTES", routes):
        graph = LocalGraph(tenant)
    async with graph:
        print(graph.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    _, many, few, rows = sys.argv
    asyncio.run(_serve(int(many), int(few), int(rows)))
