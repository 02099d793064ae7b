"""A plan instead of a pile: findings that one cause explains are one item, findings that one step solves are one step. Pure.

Each finding that nobody accepted is in exactly one item and in exactly one step, so that the numbers add up. The steps that solve most
come first: of what is broken now, and then of everything.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from basics.text import capital
from basics.times import day
from checks.catalog import CANNOT_TELL, METHODS_END, OFF_FOR_THE_TENANT, RECOMMENDED_AWAY, REFUSED, SWITCHED_OFF
from checks.model import Severity, Way
from checks.phrases import agreeing, joined
from checks.tenant_switch import CLICK_PATH, SWITCH
from checks.urgency import Standing, Urgency
from checks.usage import RETIRED, SHARED

SECURITY_DEFAULTS = "Security Defaults"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Cause:
    """What decides a finding: a policy, Security Defaults, or nothing but the account itself."""

    policy_id: str | None = None
    policy_name: str | None = None
    """Security Defaults have a name and no id."""
    since: datetime | None = None
    """Since when, where the audit log says so."""
    actor: str | None = None


NO_POLICY = Cause()
"""The account itself, or a date."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An open finding of an account that nobody accepted."""

    check_id: str
    title: str
    severity: str
    standing: Standing
    cause: Cause = NO_POLICY
    what: str = ""
    """What ends, for a finding that speaks of a day."""
    refused_since: datetime | None = None
    """When refusals began, by the sign-in log."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """A remedy of an account."""

    way: str
    """As in :class:`Way`; empty where an older version wrote it down."""
    title: str
    steps: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """An account with what is wrong and what can be done."""

    id: str
    name: str
    problems: tuple[Problem, ...]
    ways: tuple[WayOut, ...] = ()
    """Best first."""


@dataclass(frozen=True, slots=True)
class Item:
    """Findings that one cause explains."""

    title: str
    standing: Standing
    severity: str
    """The worst of them."""
    policy_id: str | None
    policy_name: str | None
    since: datetime | None
    """Since when, where it is the same for all; of refused sign-ins, since when the first of them are."""
    actor: str | None
    checks: tuple[str, ...]
    findings: int
    accounts: tuple[tuple[str, str], ...]
    """Id and name, by name."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and what it solves."""

    title: str
    way: str
    steps: tuple[str, ...]
    url: str
    minutes: int | None
    """Roughly, for somebody who has done it before; None where it depends on others, e.g. on a vendor."""
    findings: int
    now: int
    """How many of them are broken now."""
    accounts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is behind everything that is open, and what to do about it."""

    steps: tuple[Step, ...]
    items: tuple[Item, ...]


def plan(subjects: Iterable[Subject]) -> Plan:
    """The plan for the accounts of a tenant; empty where nothing is open."""
    known = tuple(subjects)
    return Plan(_steps(known), _items(known))


# --- causes --------------------------------------------------------------------------------------------------------------------

_OF_POLICIES: Mapping[str, str] = {
    "APW-001": "hides the app password option for {}",
    "APW-002": "hides the app password option for {}",
    "APW-005": "hides the app password option in some circumstances for {}",
    "APW-006": "would hide the app password option for {}",
    "APW-007": "blocks legacy authentication for {} with the app password option",
    "APW-013": "would block legacy authentication for {}",
    REFUSED: "refuses sign-ins of {}",
}
"""What a policy does; ``{}`` stands for the accounts."""
_OF_ACCOUNTS: Mapping[str, tuple[str, str]] = {
    "APW-003": (
        "{} is stuck: per-user MFA is Enabled and not Enforced",
        "{} are stuck: per-user MFA is Enabled and not Enforced",
    ),
    "APW-004": ("{} has no MFA method registered yet", "{} have no MFA method registered yet"),
    CANNOT_TELL: ("{} can't be judged completely", "{} can't be judged completely"),
    SWITCHED_OFF: ("per-user MFA of {} was switched off", "per-user MFA of {} was switched off"),
    "APW-011": ("{} holds a directory role", "{} hold a directory role"),
    SHARED: ("{} is used by people as well", "{} are used by people as well"),
    OFF_FOR_THE_TENANT: (
        "app passwords are switched off for the whole tenant: {} would have the option",
        "app passwords are switched off for the whole tenant: {} would have the option",
    ),
    REFUSED: ("sign-ins of {} are refused", "sign-ins of {} are refused"),
    RECOMMENDED_AWAY: (
        "a recommendation of Microsoft's would hide the option from {}",
        "a recommendation of Microsoft's would hide the option from {}",
    ),
}
"""The same for one account and for several, where no policy is to be named."""


def _items(subjects: Sequence[Subject]) -> tuple[Item, ...]:
    groups: dict[tuple[object, ...], list[tuple[Subject, Problem]]] = {}
    for subject in subjects:
        for problem in subject.problems:
            groups.setdefault(_key(problem), []).append((subject, problem))
    return tuple(sorted(map(_item, groups.values()), key=_item_order))


def _key(problem: Problem) -> tuple[object, ...]:
    """One policy is one cause, whatever it does; otherwise findings of one check, and one date, are alike."""
    urgency, cause = problem.standing.urgency, problem.cause
    if _is_of_a_policy(problem):
        return urgency, cause.policy_id or cause.policy_name
    return urgency, "", problem.check_id, problem.what, problem.standing.on


def _is_of_a_policy(problem: Problem) -> bool:
    return problem.check_id in _OF_POLICIES and bool(problem.cause.policy_id or problem.cause.policy_name)


def _item(members: Sequence[tuple[Subject, Problem]]) -> Item:
    accounts = _accounts(subject for subject, _ in members)
    problems = [problem for _, problem in members]
    first = problems[0]
    by_policy = _is_of_a_policy(first)
    days = [problem.standing.on for problem in problems if problem.standing.on]
    return Item(
        title=_policy_title(members) if by_policy else _account_title(first, len(accounts)),
        standing=Standing(first.standing.urgency, min(days, default=None)),
        severity=max((problem.severity for problem in problems), key=_rank),
        policy_id=first.cause.policy_id if by_policy else None,
        policy_name=first.cause.policy_name if by_policy else None,
        since=_same(problem.cause.since for problem in problems) or _refused_since(problems),
        actor=_same(problem.cause.actor for problem in problems),
        checks=tuple(sorted({problem.check_id for problem in problems})),
        findings=len(members),
        accounts=accounts,
    )


def _refused_since(problems: Sequence[Problem]) -> datetime | None:
    """Since when sign-ins are refused, where there is nothing else to say of them and no policy's own date is known."""
    if any(problem.check_id != REFUSED or problem.cause.since for problem in problems):
        return None
    return min((problem.refused_since for problem in problems if problem.refused_since), default=None)


def _policy_title(members: Sequence[tuple[Subject, Problem]]) -> str:
    """What a policy does, the worst first: ``"CA001" hides the app password option for 8 accounts, and refuses sign-ins of 3``."""
    name = members[0][1].cause.policy_name or "A policy without a name"
    of: dict[str, set[str]] = {}
    for subject, problem in members:
        of.setdefault(_OF_POLICIES[problem.check_id], set()).add(subject.id)
    said = [does.format(_count(len(of[does]))) for does in dict.fromkeys(_OF_POLICIES.values()) if does in of]
    quoted = name if name == SECURITY_DEFAULTS else f'"{name}"'
    if name == SECURITY_DEFAULTS:  # a name in the plural
        said = [one.replace("hides", "hide").replace("blocks", "block").replace("refuses", "refuse") for one in said]
    return f"{quoted} {joined(said)}"


def _account_title(problem: Problem, accounts: int) -> str:
    who = _count(accounts)
    if problem.check_id in (RETIRED, METHODS_END) and problem.what:
        verb = "uses" if accounts == 1 else "use"
        only = "has" if accounts == 1 else "have"
        it = agreeing(problem.what, "it", "them")
        uses = f"{who} {verb} {it}" if problem.check_id == RETIRED else f"{who} {only} no other MFA method"
        has, ends = agreeing(problem.what, "has", "have"), agreeing(problem.what, "ends", "end")
        if problem.standing.urgency is Urgency.NOW:
            return f"{capital(problem.what)} {has} ended: {uses}"
        if problem.standing.on:
            return f"{capital(problem.what)} {ends} on {day(problem.standing.on)}: {uses}"
        return f"{capital(problem.what)} {has} been retired, and sign-ins still get in: {uses}"
    titles = _OF_ACCOUNTS.get(problem.check_id)
    if titles is None:
        return f"{problem.title}: {who}"
    return capital(titles[accounts > 1].format(who))


def _item_order(item: Item) -> tuple[object, ...]:
    return (
        tuple(Urgency).index(item.standing.urgency),
        -_rank(item.severity),
        item.standing.on or date.max,
        -len(item.accounts),
        item.title,
    )


# --- steps ---------------------------------------------------------------------------------------------------------------------

_MOVES = frozenset({Way.APP_ONLY, Way.OAUTH, Way.RELAY})
_OPTION = frozenset(
    {"APW-001", "APW-002", "APW-003", "APW-004", "APW-005", "APW-006", "APW-007", SWITCHED_OFF, "APW-013"}
)
_BY_MOVING = _OPTION | {OFF_FOR_THE_TENANT, REFUSED, RETIRED, METHODS_END, RECOMMENDED_AWAY}
"""What no longer matters to a product that signs in without the account's password."""
_SOLVES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_MOVES, _BY_MOVING),
    Way.ENFORCE: frozenset({"APW-003"}),
    Way.REGISTER: frozenset({"APW-004"}),
    Way.METHOD: frozenset({METHODS_END}),
    Way.GRANT: frozenset({CANNOT_TELL}),
    Way.EWS: frozenset({RETIRED}),
    Way.PER_USER: _OPTION,
    Way.EXCLUDE: _OPTION,
}
_FITS: Mapping[str, Way] = {"APW-003": Way.ENFORCE, "APW-004": Way.REGISTER, METHODS_END: Way.METHOD}
"""The small step that solves a finding, taken before one that replaces the whole sign-in."""
_OWN: Mapping[str, WayOut] = {
    OFF_FOR_THE_TENANT: WayOut(
        "switch",
        "Allow app passwords again, or accept that nobody is offered one",
        (f"Switch on {SWITCH} ({CLICK_PATH}), if the accounts need app passwords.",),
    ),
    CANNOT_TELL: WayOut(
        "look",
        "Look up what could not be read",
        ("The reasons of each account name it: open it in the Entra admin center, and scan again.",),
    ),
    SWITCHED_OFF: WayOut(
        "ask",
        "Ask who switched per-user MFA off, and set it to Enforced again where the product needs it",
        ("In the Entra admin center, open Entra ID > Users > Per-user MFA.",),
    ),
    "APW-011": WayOut(
        "role",
        "Take the directory role from the account",
        (
            "In the Entra admin center, open the account, then Assigned roles, and remove what the product doesn't need.",
        ),
    ),
    SHARED: WayOut(
        "people",
        "Give people accounts of their own",
        ("Grant them access to the mailbox instead, and change the password of the account.",),
    ),
    RECOMMENDED_AWAY: WayOut(
        "dismiss",
        "Dismiss the recommendation, or exclude these accounts from it",
        ("In the Entra admin center, open Overview > Recommendations.",),
    ),
}
"""What to do where no remedy of the account is about the finding."""
_FIRST_OWN = frozenset({OFF_FOR_THE_TENANT})
"""One switch solves these for every account."""
_EFFORT: Mapping[str, tuple[int, int]] = {
    Way.GRANT: (5, 0),
    Way.ENFORCE: (3, 2),
    Way.REGISTER: (0, 10),
    Way.METHOD: (0, 10),
    Way.RELAY: (15, 2),
    "switch": (5, 0),
    "role": (3, 2),
    "dismiss": (5, 0),
}
"""Minutes for a step and for each account, roughly. The others depend on vendors and people, and no time is said."""


def _steps(subjects: Sequence[Subject]) -> tuple[Step, ...]:
    groups: dict[tuple[str, str], list[tuple[Subject, Problem, WayOut]]] = {}
    for subject in subjects:
        for problem in subject.problems:
            way = _way(subject, problem)
            groups.setdefault((way.way, way.title), []).append((subject, problem, way))
    return tuple(sorted(map(_step, groups.values()), key=_step_order))


def _way(subject: Subject, problem: Problem) -> WayOut:
    return way_out_of(problem.check_id, subject.ways) or WayOut(
        "page", f"Read what to do about {problem.check_id}: {problem.title}"
    )


def way_out_of(check_id: str, ways: Sequence[WayOut]) -> WayOut | None:
    """What to do about a finding of this check: what fits it, then the best of the account's ways that solves it; None for neither."""
    own = _OWN.get(check_id)
    if own and check_id in _FIRST_OWN:
        return own
    solving = [one for one in ways if check_id in _SOLVES.get(one.way, _BY_MOVING if not one.way else ())]
    fitting = [one for one in solving if one.way == _FITS.get(check_id)]
    return next(iter((*fitting, *solving)), own)


def _step(members: Sequence[tuple[Subject, Problem, WayOut]]) -> Step:
    accounts = _accounts(subject for subject, _, _ in members)
    way = members[0][2]
    effort = _EFFORT.get(way.way)
    alike = all(one.steps == way.steps for _, _, one in members)
    return Step(
        title=way.title,
        way=way.way,
        steps=way.steps if alike else way.steps[:1],  # the rest differs, and stands with each account
        url=way.url,
        minutes=_rounded(effort[0] + effort[1] * len(accounts)) if effort else None,
        findings=len(members),
        now=sum(problem.standing.urgency is Urgency.NOW for _, problem, _ in members),
        accounts=accounts,
    )


def _step_order(step: Step) -> tuple[object, ...]:
    return -step.now, -step.findings, step.minutes or math.inf, step.title


def _rounded(minutes: int) -> int:
    return 5 * round(minutes / 5)


# --- both ----------------------------------------------------------------------------------------------------------------------


def _accounts(subjects: Iterable[Subject]) -> tuple[tuple[str, str], ...]:
    found = {subject.id: subject.name for subject in subjects}
    return tuple(sorted(found.items(), key=lambda one: (one[1].casefold(), one[0])))


def _same(values: Iterable[_T | None]) -> _T | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _rank(severity: str) -> int:
    """For comparing; a severity of another version is below all."""
    return Severity(severity).rank if severity in tuple(Severity) else 0


def _count(number: int) -> str:
    return f"{number:,} account{'' if number == 1 else 's'}"
