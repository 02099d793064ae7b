"""What a scan of a large tenant costs: requests, memory."""

import asyncio
import math
import subprocess
import sys
from pathlib import Path

import pytest

from checks.ahead import ending_methods
from localgraph.builder import TenantBuilder
from localgraph.large import large_tenant
from localgraph.server import LocalGraph
from localgraph.tenant import LocalTenant
from tenant.model import Gap
from tenant.selection import Selection
from tests.tenant.reading import read

ROOT = Path(__file__).parents[2]
ACCOUNTS = 200
MOST_REQUESTS = 3 * math.ceil(ACCOUNTS / 20) + 20


@pytest.fixture(scope="module")
def large() -> LocalTenant:
    return large_tenant(users=100_000, service_accounts=ACCOUNTS, policies=195)


@pytest.mark.parametrize("way", ["list", "pattern"])
async def test_the_requests_of_a_scan_do_not_grow_with_the_tenant(large: LocalTenant, way: str) -> None:
    names = tuple(f"svc-{number + 1:04d}@large.example" for number in range(ACCOUNTS))
    selection = Selection(accounts=names) if way == "list" else Selection(patterns=("svc-*",))
    async with LocalGraph(large) as graph:
        reading = await read(graph, selection=selection)
        assert graph.http_requests <= MOST_REQUESTS
    assert len(reading.accounts) == ACCOUNTS
    assert reading.gaps == ()
    assert not isinstance(reading.tenant.policies, Gap)
    assert len(reading.tenant.policies) == 195


async def test_the_requests_are_few_where_all_accounts_await_registration_and_groups_nest_deeply() -> None:
    build = TenantBuilder(domains=("contoso.com",))
    for number in range(ACCOUNTS):
        build.user(f"svc{number:03d}@contoso.com", mfa="enabled", methods=["phone"], groups=["Level 0"])
    for level in range(4):
        build.group(f"Level {level + 1}", members=[f"Level {level}"])
    build.policy("MFA", include_groups=["Level 4"], grant=["mfa"])
    async with LocalGraph(build.build()) as graph:
        reading = await read(graph, *(f"svc{number:03d}@contoso.com" for number in range(ACCOUNTS)))
        assert graph.http_requests <= MOST_REQUESTS
    assert len(reading.tenant.nesting) >= 4


@pytest.mark.parametrize("licensed", [True, False])
async def test_the_requests_are_few_where_all_accounts_are_enforced(licensed: bool) -> None:
    build = TenantBuilder(domains=("contoso.com",), skus=("SPE_E5",) if licensed else ())
    for number in range(ACCOUNTS):
        build.user(f"svc{number:03d}@contoso.com", mfa="enforced", methods=["phone"], groups=["Level 0"])
    for level in range(4):
        build.group(f"Level {level + 1}", members=[f"Level {level}"])
    build.policy("MFA", include_groups=["Level 4"], grant=["mfa"]).recommendation("turnOffPerUserMFA")
    async with LocalGraph(build.build()) as graph:
        reading = await read(graph, *(f"svc{number:03d}@contoso.com" for number in range(ACCOUNTS)))
        assert graph.http_requests <= MOST_REQUESTS
    assert {ending_methods(one) is not None for one in reading.accounts} == {True}
    assert reading.tenant.advised_to_switch_off is True


_CHILD = """
import asyncio, sys
from tenant.graph import Graph
from tenant.reader import read_tenant
from tenant.selection import Selection

async def main():
    graph = Graph.connect(sys.argv[1], authority="", local_token="local-development-token")
    async with graph:
        reading = await read_tenant(graph, Selection(patterns=("*svc-0*",)))
    assert len(reading.accounts) == 200, reading.gaps
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))

asyncio.run(main())
"""


async def peak_mb(users: int) -> float:
    """The peak of memory of a process that looks at every user of a tenant."""
    with LocalGraph(large_tenant(users, ACCOUNTS)).in_thread() as graph:
        run = [sys.executable, "-c", _CHILD, graph.url]
        done = await asyncio.to_thread(subprocess.run, run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks of memory are read from Linux's /proc")
async def test_memory_does_not_grow_with_the_tenant_even_where_every_user_is_looked_at() -> None:
    small, large = await peak_mb(1_000), await peak_mb(15_000)
    assert large < 150
    assert large - small < 10
