"""Graph's documented limits are kept before it refuses; what it does refuse makes this side slower."""

import asyncio
from collections.abc import Callable

import pytest

from tenant.limits import Lane, Limits, lane_of, load_of, units_of


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def moments(limits: Limits, time: Time, *paths: str) -> list[float]:
    """When each of the requests, one after the other, was let through."""
    found = []
    for path in paths:
        async with limits.turn(load_of(path)):
            found.append(round(time.now, 3))
        limits.answered(path, None, {})
    return found


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def limits(time: Time, limits_of_microsoft: None) -> Limits:
    return Limits(time.sleep, time)


@pytest.mark.parametrize(
    ("path", "lane", "units"),
    [
        ("/identity/conditionalAccess/policies", Lane.CONDITIONAL_ACCESS, 1),
        ("https://graph.microsoft.com/beta/identity/conditionalAccess/plans?$skiptoken=x", Lane.CONDITIONAL_ACCESS, 1),
        ("/auditLogs/directoryAudits?$top=1000", Lane.REPORTS, 1),
        ("/reports/authenticationMethods/userRegistrationDetails/1", Lane.REPORTS, 1),
        ("/users/1/authentication/methods", Lane.METHODS, 1),
        ("/users/1/authentication/requirements", Lane.DIRECTORY, 1),
        ("/users/1", Lane.DIRECTORY, 2),
        ("/users/1?$select=id", Lane.DIRECTORY, 1),
        ("/users/1/transitiveMemberOf?$select=id&$top=999", Lane.DIRECTORY, 1),
        ("/groups/1/transitiveMembers/microsoft.graph.user?$top=5", Lane.DIRECTORY, 4),
        ("/users?$expand=manager", Lane.DIRECTORY, 3),
        ("/organization", Lane.DIRECTORY, 1),
    ],
)
def test_a_request_counts_as_the_documentation_says(path: str, lane: Lane, units: int) -> None:
    assert (lane_of(path), units_of(path)) == (lane, units)


async def test_conditional_access_is_asked_once_a_second_and_reports_five_times_in_ten(
    limits: Limits, time: Time
) -> None:
    policies = ["/identity/conditionalAccess/policies"] * 3
    assert await moments(limits, time, *policies) == [0, 1, 2]
    assert await moments(limits, time, *["/auditLogs/signIns"] * 7) == [2, 2, 2, 2, 2, 12, 12]


async def test_own_methods_are_free_until_they_are_refused_though_few_were_asked(limits: Limits, time: Time) -> None:
    path = "/users/1/authentication/methods"
    assert await moments(limits, time, *[path] * 5) == [0] * 5
    limits.refused(path, 10)
    assert limits.methods_are_limited
    assert limits.pieces(Lane.METHODS) == 5
    assert await moments(limits, time, *[path] * 6) == [10] * 5 + [20]


async def test_own_methods_that_are_refused_after_many_only_wait(limits: Limits, time: Time) -> None:
    path = "/users/1/authentication/methods"
    await moments(limits, time, *[path] * 50)
    limits.refused(path, 3)
    assert not limits.methods_are_limited
    assert await moments(limits, time, path) == [3]


async def test_the_directory_is_read_as_fast_as_its_bucket_refills(limits: Limits, time: Time) -> None:
    async with limits.turn({Lane.DIRECTORY: 3150}):
        assert time.now == 0, "nine tenths of what the smallest tenant allows at once"
    async with limits.turn({Lane.DIRECTORY: 315}):
        assert time.now == pytest.approx(1)
    limits.has_users(500)
    async with limits.turn({Lane.DIRECTORY: 4050}):
        assert time.now == pytest.approx(1), "a large tenant allows more"


@pytest.mark.parametrize(("units", "waits"), [(1, True), (2, True), (None, False)])
async def test_own_methods_take_of_the_bucket_what_their_answers_say(
    limits: Limits, time: Time, units: int | None, waits: bool
) -> None:
    """Whether they count as units of the directory is not documented."""
    for _ in range(200):
        async with limits.turn({Lane.METHODS: 20}):
            pass
        for _ in range(20):
            limits.answered("/users/1/authentication/methods", units, {})
    assert (time.now > 0) is waits


@pytest.mark.parametrize(("retry_after", "waits"), [(7.0, 7), (None, 2)])
async def test_after_a_refusal_the_whole_lane_waits(
    limits: Limits, time: Time, retry_after: float | None, waits: float
) -> None:
    limits.refused("/users/1", retry_after)
    assert await moments(limits, time, "/organization", "/auditLogs/signIns") == [waits, waits]


async def at_once(limits: Limits) -> int:
    """How many requests are on their way at the same time, of many that want to be."""
    under_way, most, over = 0, 0, asyncio.Event()

    async def ask() -> None:
        nonlocal under_way, most
        async with limits.turn({}):
            under_way += 1
            most = max(most, under_way)
            await over.wait()

    tasks = [asyncio.create_task(ask()) for _ in range(200)]
    await asyncio.sleep(0.01)
    over.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return most


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda limits: None, 20),
        (lambda limits: [limits.answered("/users/1", 1, {}) for _ in range(100)], 80),
        (lambda limits: limits.refused("/users/1", 0.001), 10),
        (lambda limits: limits.answered("/users/1", 1, {"X-MS-Throttle-Limit-Percentage": "1.1"}), 10),
        (
            lambda limits: [
                limits.answered("/users/1", 1, {"x-ms-throttle-limit-percentage": "0.9"}) for _ in range(9)
            ],
            20,
        ),
    ],
)
async def test_how_many_are_on_their_way_follows_the_answers(
    limits: Limits, happens: Callable[[Limits], object], expected: int
) -> None:
    happens(limits)
    assert await at_once(limits) == expected


async def test_whoever_gives_up_leaves_the_place_to_the_next(limits: Limits) -> None:
    assert await at_once(limits) == 20
    assert await at_once(limits) == 20


async def test_what_follows_from_other_answers_goes_ahead_of_memberships_by_the_hundred(limits: Limits) -> None:
    order: list[str] = []
    answered = asyncio.Event()

    async def ask(lane: Lane, name: str) -> None:
        async with limits.turn({lane: 1}):
            order.append(name)
            await answered.wait()

    memberships = [asyncio.create_task(ask(Lane.DIRECTORY, f"memberships {number}")) for number in range(60)]
    await asyncio.sleep(0)
    methods = [asyncio.create_task(ask(Lane.METHODS, f"methods {number}")) for number in range(2)]
    await asyncio.sleep(0)
    answered.set()
    await asyncio.gather(*memberships, *methods)
    assert order[20:22] == ["methods 0", "methods 1"]
    assert [one for one in order if one.startswith("memberships")] == [f"memberships {number}" for number in range(60)]


@pytest.mark.parametrize(("lane", "most"), [(Lane.DIRECTORY, 100), (Lane.METHODS, 300)])
async def test_of_thousands_of_envelopes_to_the_directory_only_those_that_can_go_soon_are_put_together(
    lane: Lane, most: int
) -> None:
    limits, inside, seen = Limits(asyncio.sleep), 0, 0

    async def send() -> None:
        nonlocal inside, seen
        async with limits.preparing(lane):
            inside += 1
            seen = max(seen, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(send() for _ in range(300)))
    assert seen == most
