"""The reference: the life of a finding as docs/lifecycle.md tells it, in plain Python. Nothing here is shared with the product.

A scan comes as a :class:`View`: what it could read, and what the settings say. The model answers with what an administrator is
to be told, and remembers what is to be kept; ``soak/play.py`` compares both with what the real code does. Sections below have
the names of that page's.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from soak.truth import CANNOT_TELL, SWITCHED_OFF, Causes, Person, Seen

WEEK, DAY = timedelta(days=7), timedelta(days=1)
FLAPS, FLAPS_WITHIN, SETTLES_AFTER = 4, timedelta(days=7), timedelta(days=3)
Key = tuple[str, str]
"""(account id, check id)"""


@dataclass(frozen=True, slots=True)
class Look:
    """What a scan saw of an account that exists, or may exist."""

    person: Person
    """As it is; of an unreadable one nothing but the id may be used."""
    seen: Seen
    readable: bool
    selected: bool
    """Whether the settings select it, as far as could be read."""
    state: str | None
    """Its per-user MFA state; None where that is unread."""


@dataclass(frozen=True, slots=True)
class View:
    """One scan."""

    now: datetime
    run: str
    looks: Mapping[str, Look]
    """Account id -> what was seen; those that don't exist are left out."""
    names: frozenset[str] = frozenset()
    """The user principal names that the list or a pattern selects, of all that were ever used."""
    unreadable_selection: bool = False
    perhaps: frozenset[str] = frozenset()
    """Ids of accounts that may be in the selecting group: their memberships are unread."""
    blind: frozenset[str] = frozenset()
    """What couldn't be read, as blindness: keys."""
    in_the_dark: frozenset[str] = frozenset()
    """Keys of what this scan could neither see nor see to be over."""
    unasked: frozenset[str] = frozenset()
    """Keys of what nothing needs any more, so that this scan didn't look at it."""
    asked: str | None = None
    """The only account that was asked for."""
    accepted: frozenset[Key] = frozenset()
    """The findings that somebody accepted; with an empty check all of an account's."""


@dataclass(frozen=True, slots=True)
class Told:
    """Something that an administrator is told."""

    kind: str
    account: str
    check: str
    good_news: bool = False
    """Whether it may be called that."""


@dataclass(slots=True)
class Finding:
    """A finding as it stands."""

    open: bool
    first_seen: datetime
    changed_at: datetime
    run: str
    causes: Causes | None
    pending: bool = False
    accepted: bool = False
    flapping: bool = False
    moves: list[datetime] = field(default_factory=list)
    openings: int = 1


@dataclass(slots=True)
class Account:
    """What is known of an account."""

    upn: str
    selected_as: str = ""
    watched: bool = True
    lost_since: datetime | None = None
    state: str | None = None
    """The per-user MFA state that was last read."""
    switched_off: bool = False
    findings: dict[str, Finding] = field(default_factory=dict)


@dataclass(slots=True)
class Blindness:
    """Something that can't be seen."""

    run: str
    told_at: datetime | None = None


@dataclass(slots=True)
class Model:
    """Everything that is remembered between scans."""

    accounts: dict[str, Account] = field(default_factory=dict)
    unseen: dict[str, Blindness] = field(default_factory=dict)
    told: Counter[Told] = field(default_factory=Counter)
    """All that there was to tell of findings, ever."""
    notes: Counter[str] = field(default_factory=Counter)
    """The same of what can't be seen: ``began KEY`` (and reminders), ``ended KEY``, ``unasked KEY``. What is read one by one has a
    key for each of its objects, which follow the input.
    """

    def scan(self, view: View) -> None:
        """A scan that was done."""
        ends = self._watch(view)
        if view.asked is None:
            self._notice(view, ends)
        for id, account in self.accounts.items():
            if id in ends:
                self._end(view, id, account)
            elif id in view.looks and self._is_judged(view, id):
                self._judge(view, id, account, view.looks[id])
            elif account.watched and (view.asked is None or view.asked == id):
                self._touch(view, id, account)

    def failed_scan(self, run: str, now: datetime) -> None:
        """A scan of everything that failed as a whole."""
        self._see_blindness("scans", run, now, at_once=False, due=self._is_due("scans", now))

    def open_findings(self) -> dict[Key, Finding]:
        """What is open now."""
        return {
            (id, check): finding
            for id, account in self.accounts.items()
            for check, finding in account.findings.items()
            if finding.open
        }

    def shown(self, id: str) -> bool:
        """Whether the account stands in the document of a scan."""
        return id in self.accounts and self.accounts[id].watched

    # Which accounts are watched

    def _is_judged(self, view: View, id: str) -> bool:
        return (view.asked is None or view.asked == id) and self.accounts[id].watched

    def _watch(self, view: View) -> set[str]:
        """Note who is watched from now on; returns the accounts that aren't any more."""
        known = {id: account for id, account in self.accounts.items() if account.watched}
        lost = []
        for id, look in view.looks.items():
            if view.asked not in (None, id):
                continue
            if look.selected and (look.readable or id in known):
                if id not in self.accounts:
                    self.accounts[id] = Account(look.person.upn)
                self.accounts[id].watched = True
                self.accounts[id].lost_since = None
                if look.readable:
                    self.accounts[id].selected_as = look.person.upn
                    if id not in known:  # nobody watched when it got the name that it has
                        self.accounts[id].upn = look.person.upn
            elif id in known and look.readable and not self._meant(view, known[id], look):
                lost.append(id)
        lost += [id for id in known if id not in view.looks and view.asked in (None, id)]
        most = len(lost) == len(known) or 2 <= len(lost) >= len(known) / 2
        ends = set()
        for id in lost:
            account = known[id]
            account.lost_since = account.lost_since or (view.now if most else None)
            grace = DAY if id not in view.looks else WEEK
            if account.lost_since is None or view.now - account.lost_since >= grace:
                ends.add(id)
        return ends

    def _meant(self, view: View, account: Account, look: Look) -> bool:
        """Whether an account that nothing selects is watched on all the same."""
        if view.unreadable_selection or view.asked or look.person.id in view.perhaps:
            return True
        if _still_named(view, account, look.person.upn):
            account.lost_since = None
            return True
        return False

    # What can't be seen

    def _notice(self, view: View, ends: set[str]) -> None:
        """Blindness, and what there is to say about the selection."""
        current = dict.fromkeys(view.blind, False)
        watched = {id: account for id, account in self.accounts.items() if account.watched and id not in ends}
        current |= dict.fromkeys(_about_selection(view, watched), True)
        if not watched and not any(look.selected and not look.readable for look in view.looks.values()):
            current["nothing selected"] = True
        due = {_input(key) for key in current if self._is_due(key, view.now)}
        for key, at_once in current.items():
            self._see_blindness(key, view.run, view.now, at_once=at_once, due=_input(key) in due)
        # Of an account that the settings leave out from this scan on, nobody says what could be read.
        left = {key for key in self.unseen if key.startswith("input") and key.split()[-1] in ends & view.looks.keys()}
        for key in [key for key in self.unseen if key not in current and key not in view.in_the_dark - left]:
            over = self.unseen.pop(key)
            silent = (
                key.startswith(("shrunk", "once"))
                or _is_renamed_again(key, current)
                or _is_moot(view, key, watched.keys() | ends)
            )
            if over.told_at and not silent:
                self.notes[f"{'unasked' if key in view.unasked | left else 'ended'} {key}"] += 1

    def _is_due(self, key: str, now: datetime) -> bool:
        known = self.unseen.get(key)
        return known is not None and known.told_at is not None and now - known.told_at >= WEEK

    def _see_blindness(self, key: str, run: str, now: datetime, *, at_once: bool, due: bool) -> None:
        known = self.unseen.setdefault(key, Blindness(run))
        again = known.told_at is not None and due and _is_reminded(key)
        first = known.told_at is None and (at_once or known.run != run)
        if first or again:
            known.told_at = now
            self.notes[f"began {key.removeprefix('once ')}"] += 1
        known.run = run

    # Events and states

    def _judge(self, view: View, id: str, account: Account, look: Look) -> None:
        if look.readable:
            account.upn = look.person.upn
        if look.state:
            if look.state != "disabled":
                account.switched_off = False
            elif account.state in ("enabled", "enforced"):
                account.switched_off = True
            account.state = look.state
        if not look.seen.applicable:
            for check, finding in account.findings.items():
                self._happen(view, id, check, finding, "resolved" if finding.open else None, closing=True)
            return
        failing = dict(look.seen.failing)
        if account.switched_off and look.state == "disabled":
            failing[SWITCHED_OFF] = frozenset()
        for check in sorted(account.findings.keys() | failing.keys()):
            if check in failing:
                self._fails(view, id, account, check, failing[check])
            elif check not in look.seen.undecided:
                finding = account.findings[check]
                self._happen(view, id, check, finding, "resolved" if finding.open else None)
            else:
                self._look_at_exception(view, id, check, account.findings[check])

    def _touch(self, view: View, id: str, account: Account) -> None:
        """A known account of which nothing was seen."""
        for check, finding in account.findings.items():
            self._look_at_exception(view, id, check, finding)

    def _fails(self, view: View, id: str, account: Account, check: str, causes: Causes | None) -> None:
        finding = account.findings.get(check)
        if finding is None:
            finding = Finding(False, view.now, view.now, view.run, None, openings=0)
            account.findings[check] = finding
        event = None
        if not finding.open:
            event = "reopened" if finding.openings else "opened"
            finding.open, finding.first_seen = True, view.now
            finding.openings += 1
            finding.causes = causes
        elif causes is not None:
            event = "changed" if finding.causes is not None and finding.causes != causes else None
            finding.causes = causes
        if check == CANNOT_TELL and event and not finding.flapping:
            finding.pending, event = True, None  # a hiccup until a second scan sees it too: history only
            finding.changed_at = view.now
        elif finding.pending and finding.run != view.run and not _same_hiccup(view, finding):
            finding.pending, event = False, "opened" if finding.openings == 1 else "reopened"
        self._happen(view, id, check, finding, event, exact=causes is not None)
        finding.run = view.run

    def _end(self, view: View, id: str, account: Account) -> None:
        """Nobody watches the account any more."""
        account.watched, account.lost_since = False, None
        for check, finding in account.findings.items():
            told = (finding.open or finding.flapping) and not finding.pending and not _accepted(view, id, check)
            if told:
                self.told[Told("resolved", id, check)] += 1
            finding.openings -= finding.pending
            finding.open = finding.pending = finding.flapping = finding.accepted = False
            finding.moves = []

    def _happen(
        self,
        view: View,
        id: str,
        check: str,
        finding: Finding,
        event: str | None,
        *,
        exact: bool = True,
        closing: bool = False,
    ) -> None:
        """Something happened to a finding, or it was found unmoved; tell it, unless there is a reason not to."""
        kind: str | None = event
        if event == "resolved":
            finding.open = False
            if finding.pending:
                finding.pending, event, kind = False, None, None
                finding.changed_at = view.now
                finding.openings -= 1
        if event:
            finding.changed_at = view.now
            finding.moves = [*(time for time in finding.moves if view.now - time < FLAPS_WITHIN), view.now][-FLAPS:]
            if finding.flapping:
                kind = None
            elif len(finding.moves) == FLAPS:
                finding.flapping, kind = True, "flapping"
        elif finding.flapping and exact and view.now - finding.changed_at >= SETTLES_AFTER:
            finding.flapping, finding.moves = False, []
            kind = "changed" if finding.open else "resolved"
        if kind and not _accepted(view, id, check):
            self.told[Told(kind, id, check, good_news=kind == "resolved" and not closing)] += 1
        self._look_at_exception(view, id, check, finding)

    def _look_at_exception(self, view: View, id: str, check: str, finding: Finding) -> None:
        accepted = finding.open and _accepted(view, id, check)
        if finding.accepted and finding.open and not accepted:
            # What began to flap in silence is told as flapping now: its further changes won't be.
            self.told[Told("flapping" if finding.flapping else "exception_expired", id, check)] += 1
        finding.accepted = accepted
        if accepted:
            finding.pending = False


def _input(key: str) -> str:
    """What is reminded of at once: an input with all its objects."""
    return " ".join(key.split()[:2]) if key.startswith("input") else key


def _about_selection(view: View, watched: Mapping[str, Account]) -> set[str]:
    """Renames, and selections that shrank: known for certain, so that they need no second scan."""
    found = set()
    for id, account in watched.items():
        if account.lost_since:
            found.add(f"shrunk {account.lost_since.isoformat()}")
        look = view.looks.get(id)
        if look is None or not look.readable:
            continue
        upn = look.person.upn
        if _still_named(view, account, upn):
            found.add(f"renamed {id} {upn}")
        elif upn != account.upn:
            found.add(f"once renamed {id} {upn}")
    return found


def _is_renamed_again(key: str, current: Iterable[str]) -> bool:
    """Whether what ends is a name that an account had between two others: the new rename is what is told."""
    kind, _, rest = key.partition(" ")
    again = f"renamed {rest.partition(' ')[0]} "
    return kind == "renamed" and any(one.removeprefix("once ").startswith(again) for one in current)


def _is_moot(view: View, key: str, known: Collection[str]) -> bool:
    """Whether what ends is the rename of an account that is gone: nobody put the settings right."""
    kind, _, rest = key.partition(" ")
    id = rest.partition(" ")[0]
    return kind == "renamed" and (id not in view.looks or id not in known)


def _still_named(view: View, account: Account, upn: str) -> bool:
    """Whether the settings select an account by a name that it had before, and not by the one that it has."""
    return account.selected_as != upn and account.selected_as in view.names and upn not in view.names


def _same_hiccup(view: View, finding: Finding) -> bool:
    """Whether the finding was seen so recently that a recheck says nothing new."""
    return view.asked is not None and view.now - finding.first_seen < timedelta(minutes=30)


def _is_reminded(key: str) -> bool:
    """Blindness and what somebody has to put right; not what happened once, nor what no verdict depends on."""
    return not key.startswith(("shrunk", "once", "missing", "input sign_ins", "input mfa_methods"))


def _accepted(view: View, id: str, check: str) -> bool:
    return (id, check) in view.accepted or (id, "") in view.accepted
