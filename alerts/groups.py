"""Changes with the same cause, told together: a thousand accounts behind one policy are one thing to say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import TypedDict

from alerts.model import Alert, AlertGap, AlertItem, Kind, NextStep, Severity
from alerts.text import clean
from alerts.wording import (
    ALREADY,
    BESIDE,
    BY_ONE_POLICY,
    HIDES_THE_OPTION,
    NAME,
    RETIRED,
    URGENCY,
    WITH_A_DAY,
    count,
    listed,
    phrase,
    product,
    sentence,
    service_accounts,
    some_lost,
    user_principal_name,
)
from basics.text import capital
from basics.times import day, moment

RESOLVED_NAMES = 5
"""Accounts that are named where something is resolved."""
BRIEF_NAMES = 3
"""Accounts that are named in a line."""
STEPS = 3
"""Next steps that are named where accounts of a group have different ones."""
STEP = 120
"""Characters of each of them."""
_EVIDENCE = "evidence"
"""The effect of a reason that speaks of sign-ins: its time is that of the newest one."""
_URGENCIES = tuple(URGENCY)
_CAN_WAIT = ("later", "tidy")
_ORDER = tuple(Kind)
"""Kinds from the most to the least pressing, as ``Kind`` lists them."""


class _Retired(TypedDict):
    """What is known of the end of what an account uses: arguments of ``phrase``."""

    ended: bool
    broken: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Items of the same kind, check, severity and cause."""

    items: tuple[AlertItem, ...]
    """At least one; by user principal name."""

    @property
    def first(self) -> AlertItem:
        """The item that speaks for all."""
        return self.items[0]

    @property
    def kind(self) -> Kind:
        """What happened."""
        return self.first.kind

    @property
    def severity(self) -> Severity:
        """How urgent it is."""
        return self.first.severity

    @property
    def accounts(self) -> int:
        """How many different accounts it concerns."""
        return len({item.account_id for item in self.items})

    @property
    def cause(self) -> str:
        """Why, in a sentence."""
        item = self.first
        if item.kind is Kind.RESOLVED:
            return clean(item.resolution or "") or "The last scan no longer found it."
        texts = {item.reasons[0].text if item.reasons else item.summary for item in self.items}
        if len(texts) == 1:
            return clean(texts.pop()) or clean(item.title)
        if not item.reasons:
            return f"{clean(item.shared)} The report shows it for each account."
        # Same policy, different ways into its scope: the sentence of one account would be wrong for the others.
        name = clean(self.policy_name or "", NAME)
        decides = f'The policy "{name}" decides' if name else "One policy decides"
        return f"{decides}; the report shows how it reaches each account."

    @property
    def policy_name(self) -> str | None:
        """The policy that decides, if one does."""
        reasons = self.first.reasons
        return reasons[0].policy_name if reasons else None

    @property
    def since(self) -> datetime | None:
        """Since when it has been so in the tenant, where it is the same for all."""
        times = {item.since for item in self.items}
        return times.pop() if len(times) == 1 else None

    @property
    def policy_changed(self) -> datetime | None:
        """When the deciding policy was last changed, by its own date: only an item that has no date of its own has that one."""
        decisive = (item.reasons[0] for item in self.items if item.since is None and item.reasons)
        return next((reason.since for reason in decisive if reason.policy_name and reason.effect != _EVIDENCE), None)

    @property
    def actor(self) -> str | None:
        """Who made it so, where it is the same for all."""
        actors = {item.actor for item in self.items}
        return actors.pop() if len(actors) == 1 else None

    @property
    def how(self) -> str:
        """When, by what change and through whom, where it is the same for all; else empty."""
        told = {item.how for item in self.items}
        return told.pop() if len(told) == 1 else ""

    @property
    def next_step(self) -> NextStep | None:
        """What to do first, where it is the same for all; else each of them with its accounts, and as steps what all begin with."""
        known = [
            (item.next_step, item.account_id) for item in self.items if item.next_step and clean(item.next_step.title)
        ]
        steps = list(dict.fromkeys(step for step, _ in known))
        if len(steps) < 2:
            return steps[0] if steps else None
        accounts: dict[str, set[str]] = {}
        for step, account in known:
            accounts.setdefault(clean(step.title, STEP), set()).add(account)
        if len(accounts) == 1:
            return NextStep(steps[0].title, _common(step.steps for step in steps))
        most = sorted(accounts.items(), key=lambda one: -len(one[1]))
        said = [f"{title.rstrip('.')} ({count(len(ids), 'account')})" for title, ids in most]
        return NextStep(listed(said[:STEPS], len(said)))


def _common(each: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """What all of them begin with."""
    return tuple(one for one, *_ in takewhile(lambda alike: len(set(alike)) == 1, zip(*each, strict=False)))


def grouped(items: Iterable[AlertItem]) -> tuple[Group, ...]:
    """The items by cause, worst group first; resolved ones last."""
    groups: dict[tuple[object, ...], list[AlertItem]] = {}
    for item in items:
        groups.setdefault(_key(item), []).append(item)
    made = [
        Group(tuple(sorted(members, key=lambda item: (item.user_principal_name.casefold(), item.account_id, item.id))))
        for members in groups.values()
    ]
    return tuple(sorted(made, key=_urgency))


def by_urgency(groups: Iterable[Group]) -> tuple[tuple[str, tuple[Group, ...]], ...]:
    """The groups under their headings, in their order; without headings where there is but one kind of urgency."""
    parts: dict[str, list[Group]] = {}
    for group in groups:
        parts.setdefault(URGENCY.get(group.first.urgency, ""), []).append(group)
    if len(parts) == 1:
        return (("", tuple(next(iter(parts.values())))),)
    return tuple((title, tuple(members)) for title, members in parts.items())


def repeated_steps(groups: Iterable[Group]) -> frozenset[int]:
    """The places of groups whose next step an earlier one tells word for word."""
    told: set[NextStep] = set()
    again: set[int] = set()
    for place, step in enumerate(group.next_step for group in groups):
        if step in told:
            again.add(place)
        elif step is not None:
            told.add(step)
    return frozenset(again)


def told_in_full(problems: list[Group], alert: Alert) -> list[Group]:
    """The groups that are told in full: where everything is told at once, only what is broken now, if anything is."""
    broken = [group for group in problems if group.first.urgency == "now"] if alert.steps else []
    return broken or problems


def step_places(alert: Alert, group: Group) -> tuple[int, ...]:
    """The places of the next steps of a group's accounts among those of the alert, from 1; empty where one isn't among them."""
    titles = [step.title for step in alert.steps]
    wanted = {item.next_step.title for item in group.items if item.next_step}
    return tuple(sorted(titles.index(one) + 1 for one in wanted)) if wanted <= set(titles) else ()


def step_in_words(alert: Alert, group: Group, *, again: bool) -> str:
    """What a group's next step is: the place where it stands above, or its title."""
    if places := step_places(alert, group):
        return f"{'Step' if len(places) == 1 else 'Steps'} {listed(list(map(str, places)), len(places))} above."
    title = clean(group.next_step.title if group.next_step else "", STEPS * (STEP + 20))
    return f"{title.rstrip('.')}, as above." if again else sentence(title)


def way_back(alert: Alert, group: Group) -> str:
    """How to go back to what was before a policy, until something better is done; empty where that isn't the only cause."""
    news = not alert.baseline and group.kind in (Kind.OPENED, Kind.REOPENED)
    only = all(len(item.reasons) == 1 and item.reasons[0].policy_id for item in group.items)
    if not (news and only and group.first.check_id in BY_ONE_POLICY):
        return ""
    whom, them = ("the account", "it") if group.accounts == 1 else ("the accounts", "them")
    return f"Exclude {whom} from the policy until then. A password alone protects {them} meanwhile."


def statement(group: Group, *, total: int | None = None, baseline: bool = False) -> str:
    """What happened, in one line: ``Policy "X" now hides the app-password option for 412 of 500 service accounts``.

    ``total`` is the number of service accounts there are, where "of how many" is to be said.
    """
    item, accounts = group.first, group.accounts
    policy = clean(group.policy_name or "", NAME)
    if group.kind is Kind.RESOLVED:
        return f"{account_names(group, RESOLVED_NAMES)} ({clean(item.title)})"
    if accounts > 1 and policy and item.check_id in HIDES_THE_OPTION and group.kind in {Kind.OPENED, Kind.REOPENED}:
        # Of accounts that nobody watched before it isn't known that it did not.
        news = not baseline and all(item.newly or item.lost for item in group.items)
        hides = "now hides" if news else "hides"
        return f'Policy "{policy}" {hides} the app-password option for {_lower(service_accounts(accounts, total))}'
    if group.kind is Kind.CHANGED:
        return f"{_who(group, total)} {_changed(item, accounts)}"
    lost = len({item.account_id for item in group.items if item.lost})
    said = phrase(
        item.check_id,
        group.kind,
        accounts,
        title=item.title,
        baseline=baseline,
        newly=all(item.newly for item in group.items),
        lost=lost == accounts,
        **_retired(item),
    )
    some = some_lost(item.check_id, group.kind, lost) if lost < accounts else ""
    return f"{_who(group, total)} {said}{some}"


def said_of(group: Group) -> tuple[object, ...]:
    """What a statement says of a group but for whom: groups of which it is the same can be told in one."""
    item = group.first
    changed = _changed(item, 2) if group.kind is Kind.CHANGED else ""
    retired = tuple(_retired(item).values()) if item.check_id == RETIRED else ()
    return (group.kind, item.check_id, changed, *retired)


def _retired(item: AlertItem) -> _Retired:
    return _Retired(ended=item.title.endswith(ALREADY), broken=item.urgency in ("", "now") or not item.shared)


def _changed(item: AlertItem, accounts: int) -> str:
    """What became of a finding that people know already."""
    still = phrase(item.check_id, Kind.STILL_OPEN, accounts, title=item.title, **_retired(item))
    if item.settled:
        return f"{still}, after it came and went"
    if item.previous_severity is not None and item.previous_severity is not item.severity:
        return f"{still}; this is now rated {item.severity}, it was {item.previous_severity}"
    return f"{still}; what causes it changed"


def remark(group: Group) -> str | None:
    """What is special about this change, and what speaks against it, in sentences; None where nothing is."""
    return " ".join(said for said in (_special(group), _doubt(group)) if said) or None


def _doubt(group: Group) -> str | None:
    doubts = {item.account_id: item.doubt for item in group.items if item.doubt}
    if not doubts or group.kind is Kind.RESOLVED:
        return None
    if group.accounts == 1:
        return clean(next(iter(doubts.values())))
    which = "each of these accounts" if len(doubts) == group.accounts else f"{len(doubts):,} of these accounts"
    return f"Microsoft's What If or the sign-in log has another answer for {which}: the report shows both."


def _special(group: Group) -> str | None:
    item = group.first
    if item.settled:
        return "It kept changing, has been still for some days now, and this is how it stayed."
    if item.kind is Kind.FLAPPING:
        return "It changed several times within a week. Further changes are recorded, not told, until it settles."
    if item.kind is Kind.EXCEPTION_EXPIRED:
        return _exceptions_ended(group)
    return None


def _exceptions_ended(group: Group) -> str:
    """That what was accepted isn't any more; until when, and by whom, where it is the same for all."""
    ended = {(item.accepted_until, clean(item.accepted_by or "", NAME)) for item in group.items}
    if len(ended) > 1:
        return "The exceptions have ended, so this is told again from now on: the report shows each."
    (last, name) = ended.pop()
    owner = f", owner {name}" if name else ""
    until = f" (until {day(last)}{owner})" if last else ""
    return f"The exception{until} has ended, so this is told again from now on."


HOW = 400
"""Characters of what happened: two names of a tenant's, and who did it."""


def dated(group: Group) -> tuple[str, str] | None:
    """Since when, by what change, and through whom: a word or two and the rest of the sentence. None where nothing is known."""
    if group.how:
        return "Since", clean(group.how, HOW)
    actor = clean(group.actor or "", 160)
    by = f" by {actor}" if actor else ""
    if group.since is not None:
        return "Since", f"{moment(group.since)}{by}"
    if earliest := _first_of(group):
        return "Since", f"{moment(earliest[0])} {earliest[1]}"
    if actor:
        return "Done", f"by {actor}"
    if changed := group.policy_changed:
        return "Policy last changed", f"on {moment(changed)}"
    if group.kind is Kind.STILL_OPEN:
        first, last = (day(chosen(item.first_seen for item in group.items).date()) for chosen in (min, max))
        return "Found", f"on {first}" if first == last else f"between {first} and {last}"
    return None


def in_brief(group: Group) -> tuple[str, ...]:
    """What is said behind the statement where a group gets a line only: since when, or what ends; of what is broken now also by
    what change, and several accounts by name.
    """
    if group.kind is Kind.RESOLVED:
        return ()
    pressing = group.first.urgency not in _CAN_WAIT
    names = account_names(group, BRIEF_NAMES) if pressing and group.accounts > 1 else ""
    how = clean(group.how, HOW) if pressing else ""
    return tuple(filter(None, (names, f"since {how}" if how else _dated_in_brief(group))))


def _dated_in_brief(group: Group) -> str:
    if group.since is not None:
        return f"since {day(group.since.date())}"
    if earliest := _first_of(group):
        return f"since {day(earliest[0].date())} {earliest[1]}"
    return clean(group.first.shared, HOW).rstrip(".") if group.first.check_id in WITH_A_DAY else ""


def _first_of(group: Group) -> tuple[datetime, str] | None:
    """When it began for the first of a group's accounts, and how sure that is; None where the date of the policy says more."""
    known = [item.since for item in group.items if item.since]
    if len(known) == len(group.items):
        return min(known), "for the first of them"
    return (min(known), "for the first of them, as far as is known") if known and not group.policy_changed else None


def account_names(group: Group, limit: int, *, products: bool = False) -> str:
    """The accounts of a group in a sentence, at most ``limit`` of them by name; ``products``: with what uses them."""
    shown = list({item.account_id: item for item in group.items}.values())
    names = [f"{user_principal_name(item)}{product(item) if products else ''}" for item in shown[:limit]]
    return listed(names, len(shown))


@dataclass(frozen=True, slots=True)
class GapGroup:
    """The same thing that could not be read, for the tenant or for some accounts."""

    what: str
    """With a capital letter: ``The per-user MFA state of 20 accounts``."""
    error: str
    permission: str | None


def grouped_gaps(gaps: Iterable[AlertGap]) -> tuple[GapGroup, ...]:
    """Gaps that differ in nothing but the account, together; in the order of their first."""
    groups: dict[tuple[str, str, str | None], list[AlertGap]] = {}
    for gap in gaps:
        groups.setdefault((gap.label, gap.error, gap.permission), []).append(gap)
    return tuple(
        GapGroup(_of(label, members), clean(error, 200), clean(permission, 100) if permission else None)
        for (label, error, permission), members in groups.items()
    )


def _of(label: str, members: list[AlertGap]) -> str:
    what = capital(clean(label, 100))
    accounts = list(
        dict.fromkeys(clean(gap.user_principal_name or gap.account, NAME) for gap in members if gap.account)
    )
    if not accounts:
        return what
    # An input's own name may speak of "the account": "of" says which one.
    return f"{what} of {accounts[0] if len(accounts) == 1 else count(len(accounts), 'account')}"


def _who(group: Group, total: int | None) -> str:
    if group.accounts == 1:
        return user_principal_name(group.first)
    return service_accounts(group.accounts, total) if total else count(group.accounts, "service account")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _key(item: AlertItem) -> tuple[object, ...]:
    same = (item.kind, item.check_id, item.severity, item.previous_severity, item.settled, item.urgency, item.breaks_on)
    if item.kind is Kind.RESOLVED:
        return (*same, item.resolution)
    if not item.reasons:
        return (*same, item.shared or item.summary)
    decisive = item.reasons[0]
    return (*same, decisive.policy_id or decisive.policy_name or decisive.text)


def _urgency(group: Group) -> tuple[object, ...]:
    resolved = group.kind is Kind.RESOLVED
    item = group.first
    return (
        resolved,
        _URGENCIES.index(item.urgency) if item.urgency in _URGENCIES else 0,
        -group.severity.rank,
        _ORDER.index(group.kind),
        item.check_id in BESIDE,  # what this product is about comes before what goes with it
        item.check_id not in HIDES_THE_OPTION,
        -len(group.items),
        item.check_id,
        item.user_principal_name.casefold(),
        item.account_id,
    )
