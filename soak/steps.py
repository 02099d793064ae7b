"""The stories: what happens in the small tenant, to the settings, to the services, and when somebody scans. Pure.

A story is data that prints as the code that makes it, so that the shortest story which shows a fault can be pasted into a test.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from soak.truth import RULE_STATES, STATES

ACCOUNTS = 4
RULES = 4
MINUTES_A_DAY = 24 * 60
INPUTS = (
    "conditional_access_policies",
    "security_defaults",
    "role_assignments",
    "role_eligibilities",
    "role_definitions",
    "organization",
    "groups",
    "selection",
    "group_memberships",
    "per_user_mfa",
    "mfa_registration",
    "account",
    "sign_ins",
    "everything",
)
"""What a scan reads, as Microsoft Graph is asked for it; ``everything``: it answers nothing at all."""
OF_ACCOUNTS = ("group_memberships", "per_user_mfa", "mfa_registration", "account")
"""Those that are read for each account."""
WAYS = ("403", "500", "cut", "null")
"""How a read fails: for want of a permission, because the service stumbles, with half an answer, or with one of which nothing is
as it must be: a list of one item that is null, also where there should be an object.
"""
OUTAGES = ("500", "429", "dropped", "lost", "half")
"""How a receiver fails: ``dropped`` before it took the alert; ``lost`` and ``half`` after it did, in its answer."""


@dataclass(frozen=True, slots=True)
class Mfa:
    """Somebody sets the per-user MFA state of an account."""

    account: int
    state: str


@dataclass(frozen=True, slots=True)
class Register:
    """An MFA method comes, or goes."""

    account: int
    yes: bool = True


@dataclass(frozen=True, slots=True)
class Enable:
    """An account is enabled, or disabled."""

    account: int
    yes: bool = True


@dataclass(frozen=True, slots=True)
class Delete:
    """An account is deleted."""

    account: int


@dataclass(frozen=True, slots=True)
class Rename:
    """An account gets another user principal name."""

    account: int
    name: str


@dataclass(frozen=True, slots=True)
class Role:
    """A directory role is assigned, or removed."""

    account: int
    yes: bool = True


@dataclass(frozen=True, slots=True)
class Join:
    """An account joins the group that some policies are for, or leaves it."""

    account: int
    yes: bool = True


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy is switched, and spares some accounts. 0: MFA for all, 1: MFA for the group, 2 and 3: block, likewise."""

    rule: int
    state: str
    spares: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Defaults:
    """Security Defaults are switched."""

    on: bool


@dataclass(frozen=True, slots=True)
class Select:
    """The settings select by ``list`` (of the accounts' names of this moment), ``pattern`` or ``group``, or ``nothing``."""

    how: str
    accounts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Discover:
    """The settings begin to look for further accounts in the sign-in log, or no longer do. Nobody signs in, and what is proposed is no
    finding: nothing is told of it.
    """

    on: bool


@dataclass(frozen=True, slots=True)
class Accept:
    """Somebody accepts a check of an account for some days; an empty check is all of them."""

    account: int
    check: str
    days: int


@dataclass(frozen=True, slots=True)
class Revoke:
    """The exceptions of an account end by hand."""

    account: int


@dataclass(frozen=True, slots=True)
class Break:
    """An input can't be read until it is mended; of one account, where one is named."""

    input: str
    way: str
    account: int | None = None


@dataclass(frozen=True, slots=True)
class Mend:
    """Everything can be read again."""


@dataclass(frozen=True, slots=True)
class Outage:
    """The receiver of alerts fails for its next calls."""

    calls: int
    way: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Time passes, then a scan of everything runs, and its alerts are sent."""

    after: int = MINUTES_A_DAY
    """Minutes since the last one."""
    kill: int | None = None
    """The process dies at this request to storage; the queue then repeats the run."""
    did: bool = True
    """Whether the service did what that request asked before the process died."""
    twice: bool = False
    """The queue delivers the message once more when the run is done."""
    ahead: int = 0
    """Minutes by which the machine's clock is ahead; negative: behind."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """Time passes, then one account is scanned, selected or not."""

    account: int
    after: int = 60


Step = (
    Mfa
    | Register
    | Enable
    | Delete
    | Rename
    | Role
    | Join
    | Policy
    | Defaults
    | Select
    | Discover
    | Accept
    | Revoke
    | Break
    | Mend
    | Outage
    | Scan
    | Recheck
)
Story = tuple[Step, ...]
"""Played from a tenant whose four accounts are listed, disabled for per-user MFA, and reached by no policy."""
CHECKS = ("", "APW-001", "APW-003", "APW-007", "APW-008", "APW-009", "APW-011")


def random_story(chance: random.Random, steps: int | None = None) -> Story:
    """A beginning, a first scan, then ``steps`` times (by default 1 to 7) some changes and another scan."""
    story: list[Step] = [_change(chance) for _ in range(chance.randint(2, 7))]
    if chance.random() < 0.4:
        story.append(_selection(chance))
    story.append(Scan(after=60))
    for _ in range(chance.randint(1, 7) if steps is None else steps):
        story += [chance.choices(*_HAPPENINGS)[0](chance) for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3)))]
        story.append(_look(chance))
    return tuple(story)


def random_year(chance: random.Random, days: int = 365) -> Story:
    """A scan a day; each input fails with a tenth's chance each day, and every few days something truly changes."""
    story: list[Step] = [_change(chance) for _ in range(5)]
    for _ in range(days):
        story.append(Mend())
        story += [_failure_of(chance, name) for name in INPUTS if name != "everything" and chance.random() < 0.1]
        if chance.random() < 0.25:
            story.append(_change(chance))
        story.append(Scan())
    return tuple(story)


def simpler(step: Step) -> list[Step]:
    """The same step with less in it."""
    found: list[Step] = []
    if isinstance(step, Scan):
        found += [replace(step, kill=None)] if step.kill is not None else []
        found += [replace(step, twice=False)] if step.twice else []
        found += [replace(step, ahead=0)] if step.ahead else []
        found += [replace(step, after=MINUTES_A_DAY)] if step.after != MINUTES_A_DAY else []
    if isinstance(step, Policy) and step.spares:
        found.append(replace(step, spares=()))
    if isinstance(step, Outage) and step.calls > 1:
        found.append(replace(step, calls=1))
    if isinstance(step, Break) and step.way != "403":
        found.append(replace(step, way="403"))
    return found


def _account(chance: random.Random) -> int:
    return chance.randrange(ACCOUNTS)


def _some(chance: random.Random) -> tuple[int, ...]:
    return tuple(number for number in range(ACCOUNTS) if chance.random() < 0.7)


def _change(chance: random.Random) -> Step:
    """Something that truly changes verdicts."""
    account = _account(chance)
    makers: tuple[Callable[[], Step], ...] = (
        lambda: Mfa(account, chance.choice(STATES)),
        lambda: Mfa(account, chance.choice(STATES)),
        lambda: Policy(
            chance.randrange(RULES), chance.choice((*RULE_STATES, "on")), (account,) if chance.random() < 0.3 else ()
        ),
        lambda: Policy(chance.randrange(RULES), chance.choice(RULE_STATES)),
        lambda: Register(account, chance.random() < 0.6),
        lambda: Role(account, chance.random() < 0.6),
        lambda: Join(account, chance.random() < 0.6),
        lambda: Defaults(chance.random() < 0.5),
    )
    return chance.choice(makers)()


def _identity(chance: random.Random) -> Step:
    account = _account(chance)
    makers: tuple[Callable[[], Step], ...] = (
        lambda: Enable(account, chance.random() < 0.4),
        lambda: Enable(account, yes=False),
        lambda: Delete(account),
        lambda: Rename(account, f"{chance.choice(('svc', 'moved'))}-{account}-{chance.randrange(3)}@contoso.com"),
    )
    return chance.choice(makers)()


def _selection(chance: random.Random) -> Step:
    return Select(chance.choices(("list", "pattern", "group", "nothing"), (6, 3, 3, 1))[0], _some(chance))


def _discovery(chance: random.Random) -> Step:
    return Discover(chance.random() < 0.6)


def _failure(chance: random.Random) -> Step:
    return _failure_of(chance, chance.choice(INPUTS))


def _failure_of(chance: random.Random, name: str) -> Step:
    one = _account(chance) if name in OF_ACCOUNTS and chance.random() < 0.7 else None
    return Break(name, "403" if name == "everything" else chance.choice(WAYS), one)


def _acceptance(chance: random.Random) -> Step:
    if chance.random() < 0.4:
        return Revoke(_account(chance))
    return Accept(_account(chance), chance.choice(CHECKS), chance.choice((0, 1, 3, 10, 60)))


def _outage(chance: random.Random) -> Step:
    return Outage(chance.randint(1, 3), chance.choice(OUTAGES))


_HAPPENINGS = (
    (_change, _identity, _selection, _failure, lambda chance: Mend(), _acceptance, _outage, _discovery),
    (10, 3, 2, 6, 5, 2, 2, 2),
)
"""What may happen between two scans, and how often."""


def _look(chance: random.Random) -> Step:
    if chance.random() < 0.12:
        return Recheck(_account(chance), chance.choice((2, 60, 600)))
    days = chance.choices((1, 0.1, 2, 3.2, 6.8, 8, 15), (10, 3, 3, 2, 1, 2, 1))[0]
    killed = chance.random() < 0.15
    return Scan(
        after=int(days * MINUTES_A_DAY) + chance.randrange(1, 30),
        kill=chance.randrange(90) if killed else None,
        did=chance.random() < 0.5,
        twice=chance.random() < 0.08,
        ahead=chance.choice((-40000, -200, 200, 40000)) if chance.random() < 0.06 else 0,
    )


def written(story: Story) -> str:
    """The story as Python, to be pasted into a test."""
    lines = "".join(f"    {step!r},\n" for step in story)
    return f"story = (\n{lines})\nassert play(story) is None\n"


def span(story: Story) -> timedelta:
    """How long a story lasts."""
    return timedelta(minutes=sum(step.after for step in story if isinstance(step, Scan | Recheck)))
