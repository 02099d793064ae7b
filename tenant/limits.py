"""Keeps within the limits that Microsoft Graph documents, so that refusals (429) are the exception, and learns from those that come.

Every request belongs to a lane. Conditional Access takes one request a second, reports and logs five in ten seconds; the directory
counts resource units in a bucket that refills. What an account's own authentication methods count as is doubtful: the list of what
the reports' limit applies to names ``authenticationMethod``, and scripts that read them by the thousand are not refused. They
are asked freely until they are refused though few were asked; from then on they share the lane of the reports.

How many requests are on their way at the same time follows the answers: more while all is well, half as many after a refusal, no
more once an answer says that 80 % of the limit are spent.

Source: Microsoft Graph documentation, "Microsoft Graph service-specific throttling limits".
"""

import re
import time
from asyncio import Future, Lock, Semaphore, get_running_loop
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from tenant import turns

Sleep = Callable[[float], Awaitable[object]]


class Lane(StrEnum):
    """What requests share a limit with each other."""

    CONDITIONAL_ACCESS = "conditional access"
    REPORTS = "reports"
    METHODS = "authentication methods"
    DIRECTORY = "directory"


_LANES = (
    (re.compile(r"/identity/conditionalAccess/|/identityProtection/", re.IGNORECASE), Lane.CONDITIONAL_ACCESS),
    (re.compile(r"/auditLogs/|/reports/", re.IGNORECASE), Lane.REPORTS),
    (re.compile(r"/users/[^/]+/authentication/methods", re.IGNORECASE), Lane.METHODS),
)
_USER = re.compile(r"/users/[^/?]+", re.IGNORECASE)
_UNITS = {"users": 2, "transitivememberof": 2, "transitivemembers": 5, "oauth2permissiongrants": 2, "subscribedskus": 3}
_BUDGETS = ((500, 8000.0), (50, 5000.0), (0, 3500.0))
"""Users that a tenant has at least, and the resource units that it allows an app in ten seconds."""
_BUDGET_SECONDS = 10.0
_SHARE = 0.9
"""The part of the directory's budget that is used: an app's other instances want some too."""
_METHODS_LIMITED = 3600.0
"""Seconds for which own methods are taken for limited like reports once they were refused: it may have been a moment's load."""
_BLIND_HOLD = 2.0
"""Seconds for which a lane is left alone after a refusal that doesn't say for how long."""
_FIRST_AT_ONCE, MOST_AT_ONCE = 20, 80
"""Requests that are on their way at the same time: to begin with, and at most."""
_PREPARED = MOST_AT_ONCE + 20
"""Envelopes with questions to the directory that are put together or on their way: of thousands the others are only numbers meanwhile."""
_ALERT = 0.8
"""From this part of a limit on Graph says how much of it is spent."""


def lane_of(path: str) -> Lane:
    """The lane of a path, without version, or of a whole address."""
    return _lane(_of_anybody(path))


def units_of(path: str) -> int:
    """The resource units that a GET of a path is expected to cost: what the documentation says, and at least 1."""
    return _units(_of_anybody(path))


def _of_anybody(path: str) -> str:
    """The same for the same question about another user: there are few questions, and many users."""
    return _USER.sub("/users/x", path, count=1)


@lru_cache
def _lane(path: str) -> Lane:
    where = urlsplit(path).path
    return next((lane for pattern, lane in _LANES if pattern.search(f"{where}/")), Lane.DIRECTORY)


@lru_cache
def _units(path: str) -> int:
    parts = urlsplit(path)
    named = [
        segment for segment in parts.path.lower().split("/") if segment and not segment.startswith("microsoft.graph.")
    ]
    # /users/{id} costs what /users does: the key after the name of a collection is passed over.
    last = next((segment for segment in reversed(named[-2:]) if segment in _UNITS), "")
    options = dict(parse_qsl(parts.query))
    cost = _UNITS.get(last, 1) - ("$select" in options) + ("$expand" in options)
    top = options.get("$top", "")
    return max(1, cost - (top.isdecimal() and int(top) < 20))


Load = Mapping[Lane, int]
"""What a request takes: requests of a lane, units of the directory."""


def load_of(*paths: str) -> Load:
    """What requests for these paths take together."""
    found: Counter[Lane] = Counter()
    for path in paths:
        lane = lane_of(path)
        found[lane] += units_of(path) if lane is Lane.DIRECTORY else 1
    return found


class Limits:
    """The limits as one client of Graph sees them. ``sleep`` waits, ``clock`` counts seconds."""

    def __init__(self, sleep: Sleep, clock: Callable[[], float] = time.monotonic) -> None:
        self._wait, self._clock = sleep, clock
        self._skipped = 0.0
        self._directory = _Bucket()
        self._windows = {
            Lane.CONDITIONAL_ACCESS: _Window(lambda: (1, turns.CONDITIONAL_ACCESS_SECONDS), self._now, self.sleep),
            Lane.REPORTS: _Window(lambda: (turns.REQUESTS, turns.SECONDS), self._now, self.sleep),
        }
        self._holds: dict[Lane, float] = {}
        self._at_once = _AtOnce()
        self._prepared = Semaphore(_PREPARED)
        self._methods: deque[float] = deque()
        self._methods_limited_until = 0.0
        self.refusals = Counter[Lane]()
        """The answers that asked for patience, by lane."""

    async def sleep(self, seconds: float) -> None:
        """Wait. A sleep that takes no time, as in a test, counts as if it had."""
        until = self._now() + seconds
        await self._wait(seconds)
        self._skipped += max(0.0, until - self._now())

    @asynccontextmanager
    async def turn(self, load: Load) -> AsyncIterator[None]:
        """Wait until a request with this load is within all limits, and hold a place among those that are on their way."""
        async with AsyncExitStack() as stack:
            for lane, amount in sorted(load.items()):  # in one order, so that nobody waits for each other
                counted = self._counted(lane)
                if window := self._windows.get(counted):
                    await stack.enter_async_context(window.turn(amount, lambda lane=counted: self._held(lane)))  # type: ignore[misc]
                else:
                    pause = self._directory.reserve(self._now(), amount)
                    await self._pause(max(pause, self._held(counted)))
            # Memberships by the hundred wait for nobody, and nobody for them but the end: what follows from other answers goes first.
            await stack.enter_async_context(self._at_once.place(ahead=Lane.DIRECTORY not in load))
            yield

    def preparing(self, lane: Lane) -> AbstractAsyncContextManager[object]:
        """Around everything that is done for one envelope: wait until it is worth putting it together, first come first served."""
        return self._prepared if lane is Lane.DIRECTORY else nullcontext()

    @property
    def methods_are_limited(self) -> bool:
        """Whether own authentication methods were refused lately where few were asked for, and so count as reports."""
        return self._now() < self._methods_limited_until

    @property
    def methods_are_free(self) -> bool:
        """Whether more own methods were answered lately than the reports' limit lets in."""
        return not self.methods_are_limited and not self._few_methods()

    def pieces(self, lane: Lane) -> int | None:
        """How many requests of a lane may go at the same time in one envelope; None for any number."""
        window = self._windows.get(self._counted(lane))
        return window.requests if window else None

    def has_users(self, number: int) -> None:
        """The tenant has at least so many users, on which its budget depends."""
        self._directory.at_least(number, self._now())

    def answered(self, path: str, units: int | None, headers: Mapping[str, object]) -> None:
        """Note what an answer says of the limits: the units that it cost, and how much of the limit is spent."""
        lane = lane_of(path)
        if lane is Lane.DIRECTORY and units is not None:
            self._directory.correct(units - units_of(path))
        if self._counted(lane) is Lane.METHODS:
            self._directory.correct((units or 0) - 1)  # only their answers say whether own methods count as units
        if lane is Lane.METHODS:
            self._methods.append(self._now())
        self._at_once.grow(_number(_header(headers, "x-ms-throttle-limit-percentage")))

    def refused(self, path: str, retry_after: float | None) -> None:
        """Note a refusal (429): its lane is left alone for as long as Graph says, or a little while where it doesn't."""
        lane = lane_of(path)
        self.refusals[lane] += 1
        if lane is Lane.METHODS and self._few_methods():
            self._methods_limited_until = self._now() + _METHODS_LIMITED
        counted = self._counted(lane)
        until = self._now() + (retry_after or _BLIND_HOLD)
        if until > self._holds.get(counted, 0.0):
            self._holds[counted] = until
            self._at_once.shrink()

    def _held(self, lane: Lane) -> float:
        """The seconds for which a lane is still to be left alone."""
        return self._holds.get(lane, 0.0) - self._now()

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await self.sleep(seconds)

    def _few_methods(self) -> bool:
        """Whether no more own methods were answered lately than the reports' limit lets in: a higher limit is none of theirs."""
        while self._methods and self._methods[0] < self._now() - _BUDGET_SECONDS:
            self._methods.popleft()
        return len(self._methods) <= turns.REQUESTS

    def _counted(self, lane: Lane) -> Lane:
        return Lane.REPORTS if lane is Lane.METHODS and self.methods_are_limited else lane

    def _now(self) -> float:
        return self._clock() + self._skipped


class _Window:
    """So many requests in so many seconds, wherever the seconds begin.

    They are counted where they arrive, and that is some time before the answer: an answered request counts from its answer on.
    Where only one is let in at a time, the next one waits for the answer.
    """

    def __init__(self, rate: Callable[[], tuple[int, float]], now: Callable[[], float], sleep: Sleep) -> None:
        self._rate, self._now, self._sleep = rate, now, sleep
        self._taken: deque[_Taken] = deque()
        self._order = Lock()

    @property
    def requests(self) -> int | None:
        """How many requests fit at once; None where nothing is limited."""
        requests, seconds = self._rate()
        return requests if seconds else None

    @asynccontextmanager
    async def turn(self, amount: int, held: Callable[[], float]) -> AsyncIterator[None]:
        """Wait until so many more requests are within the limit, and the lane isn't held."""
        requests, _ = self._rate()
        async with AsyncExitStack() as stack:
            async with AsyncExitStack() as order:
                await order.enter_async_context(self._order)
                while (pause := max(self._until(amount), held())) > 0:
                    await self._sleep(pause)
                mine = [_Taken(self._now()) for _ in range(amount)]
                self._taken.extend(mine)
                if requests == 1:
                    await stack.enter_async_context(order.pop_all())
            try:
                yield
            finally:
                for one in mine:
                    one.at = self._now()

    def _until(self, amount: int) -> float:
        """The seconds until so many more requests are within the limit."""
        requests, seconds = self._rate()
        while len(self._taken) > requests:
            self._taken.popleft()
        over = len(self._taken) + min(amount, requests) - requests
        return (
            max((one.at + seconds - self._now() for one in list(self._taken)[:over]), default=0.0) if over > 0 else 0.0
        )


@dataclass(slots=True)
class _Taken:
    """A request that counts."""

    at: float


class _Bucket:
    """The directory's resource units: a full bucket to begin with, which refills steadily."""

    def __init__(self) -> None:
        self._users, self._budget = 0, _BUDGETS[-1][1] * _SHARE
        self._level = self._budget
        self._at: float | None = None

    def at_least(self, users: int, now: float) -> None:
        """Take a larger tenant's budget, where there are that many users."""
        self._users = max(self._users, users)
        budget = next(units for most, units in _BUDGETS if self._users >= most) * _SHARE
        self._refill(now)
        self._level += budget - self._budget
        self._budget = budget

    def reserve(self, now: float, units: int) -> float:
        """Take units; returns the seconds until the bucket holds them."""
        self._refill(now)
        self._level -= units
        return max(0.0, -self._level * _BUDGET_SECONDS / self._budget)

    def correct(self, more: int) -> None:
        """Take the units that an answer cost beyond what was expected, or give back those that it didn't."""
        self._level -= more

    def _refill(self, now: float) -> None:
        if self._at is not None:
            self._level = min(self._budget, self._level + (now - self._at) * self._budget / _BUDGET_SECONDS)
        self._at = now


class _AtOnce:
    """How many requests may be on their way at the same time."""

    def __init__(self) -> None:
        self._most, self._under_way = float(_FIRST_AT_ONCE), 0
        self._ahead: deque[Future[None]] = deque()
        self._waiting: deque[Future[None]] = deque()
        self._careful = False

    @asynccontextmanager
    async def place(self, *, ahead: bool = False) -> AsyncIterator[None]:
        """Wait for a place, first come first served, but ``ahead`` of those that aren't, and hold it."""
        await self._enter(self._ahead if ahead else self._waiting)
        try:
            yield
        finally:
            self._under_way -= 1
            self._let_in()

    async def _enter(self, queue: deque[Future[None]]) -> None:
        if self._under_way < int(self._most) and not (self._ahead or self._waiting):
            self._under_way += 1
            return
        mine: Future[None] = get_running_loop().create_future()
        queue.append(mine)
        try:
            await mine
        except BaseException:
            if mine.done() and not mine.cancelled():  # let in, and gone again at the same moment
                self._under_way -= 1
                self._let_in()
            raise

    def _let_in(self) -> None:
        while (queue := self._ahead or self._waiting) and self._under_way < int(self._most):
            one = queue.popleft()
            if not one.done():
                self._under_way += 1
                one.set_result(None)

    def grow(self, spent: float | None) -> None:
        """After an answer that was no refusal; ``spent`` is the part of the limit that is used, where Graph says so."""
        if spent is not None and spent >= 1:
            self.shrink()
        elif spent is None or spent < _ALERT:
            self._most = min(MOST_AT_ONCE, self._most + (1 / self._most if self._careful else 1))
        else:
            self._careful = True

    def shrink(self) -> None:
        """After a refusal."""
        self._careful, self._most = True, max(1.0, self._most / 2)


def units_in(headers: Mapping[str, object]) -> int | None:
    """The resource units that an answer says it cost; None where it doesn't say so."""
    text = _header(headers, "x-ms-resource-unit")
    return int(text) if text.isdecimal() else None


def _header(headers: Mapping[str, object], name: str) -> str:
    return next((str(value) for key, value in headers.items() if key.lower() == name), "")


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
