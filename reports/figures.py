"""The numbers behind the two drawings of a report; the templates draw them."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports import times
from reports.chain import source_of
from reports.extras import Json, ReportExtras
from reports.page_data import rank
from reports.text import readable
from reports.words import SEVERITY

_RUNS = 60
_ROWS = 40
_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One scan in the trend."""

    label: str
    """When it ended, e.g. ``22 Nov 2026, 07:00 UTC``."""
    day: str
    counts: tuple[int, ...]
    """Open findings by severity, worst first."""
    accounts: int
    unknown: int
    complete: bool

    @property
    def total(self) -> int:
        """All open findings."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Trend:
    """Open findings over the last scans, oldest first."""

    bars: tuple[Bar, ...]
    top: int
    """The highest value of the axis."""


def trend(extras: ReportExtras) -> Trend | None:
    """The trend, or None where fewer than two scans are known, or nothing was open at any of them."""
    done = extras.whole_runs()
    if len(done) < 2:
        return None
    bars = tuple(_bar(run) for run in sorted(done, key=lambda run: str(run["finished"]))[-_RUNS:])
    highest = max(bar.total for bar in bars)
    if not highest and all(bar.complete for bar in bars):
        return None
    step = next(
        step for size in range(12) for step in (digit * 10**size for digit in (1, 2, 3, 4, 5)) if 4 * step >= highest
    )
    return Trend(bars, 4 * step)


def _bar(run: Json) -> Bar:
    finished = times.parse(run["finished"])
    severities = run.get("severities") or {}
    return Bar(
        times.moment(finished),
        times.day(finished),
        tuple(int(severities.get(name, 0)) for name in SEVERITY),
        int(run.get("accounts_total") or 0),
        int((run.get("visibility") or {}).get("unknown", 0)),
        run["status"] == "complete",
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """What a policy does to an account."""

    letter: str
    """``M`` requires MFA, ``B`` blocks legacy authentication, ``I`` blocks interactive sign-in, ``E`` excluded."""
    strength: str
    """``always``, ``sometimes`` (in some circumstances), ``perhaps`` (nobody knows) or ``later`` (not in force yet)."""

    @property
    def words(self) -> str:
        """The mark in words."""
        does = {
            "M": "requires MFA",
            "B": "blocks legacy authentication",
            "I": "blocks interactive sign-in",
            "E": "doesn't apply",
        }[self.letter]
        how = {"sometimes": " in some circumstances", "perhaps": ", perhaps", "later": " once it is in force"}
        return does + how.get(self.strength, "")


@dataclass(frozen=True, slots=True)
class Row:
    """Accounts that the same policies treat alike."""

    name: str
    """The first of them."""
    others: int
    """How many more there are."""
    cells: tuple[tuple[Mark, ...], ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Accounts against policies."""

    policies: tuple[str, ...]
    rows: tuple[Row, ...]
    hidden_rows: int
    """Kinds of accounts that are left out."""
    hidden_policies: int


_MARKS = {
    "demands_mfa": "M",
    "would_demand_mfa": "M",
    "blocks_legacy": "B",
    "would_block_legacy": "B",
    "blocks_interactive": "I",
    "excluded": "E",
}


def matrix(accounts: Sequence[Json]) -> Matrix | None:
    """The matrix, worst accounts first; None where no policy does anything to any account."""
    kinds: dict[tuple[tuple[str, Mark], ...], list[Json]] = {}
    names: dict[str, str] = {}
    reach: dict[str, int] = {}
    known: dict[tuple[int, ...], tuple[tuple[str, Mark], ...]] = {}  # accounts that are alike may share their reasons
    for account in sorted(accounts, key=lambda one: (-rank(one), str(one["user_principal_name"]).casefold())):
        same = tuple(map(id, account["reasons"]))
        marks = known[same] if same in known else known.setdefault(same, _marks(account["reasons"], names))
        if marks:
            kinds.setdefault(marks, []).append(account)
            for policy in {policy for policy, _ in marks}:
                reach[policy] = reach.get(policy, 0) + 1
    if not kinds:
        return None
    policies = sorted(reach, key=lambda policy: (-reach[policy], names[policy].casefold(), policy))
    shown = policies[:_COLUMNS]
    rows = [
        Row(
            readable(like[0]["user_principal_name"]),
            len(like) - 1,
            tuple(tuple(mark for of, mark in marks if of == policy) for policy in shown),
        )
        for marks, like in kinds.items()
    ]
    return Matrix(
        tuple(names[policy] for policy in shown),
        tuple(rows[:_ROWS]),
        max(0, len(rows) - _ROWS),
        max(0, len(policies) - _COLUMNS),
    )


def _marks(reasons: Sequence[Json], names: dict[str, str]) -> tuple[tuple[str, Mark], ...]:
    marks = dict[tuple[str, Mark], None]()
    for reason in reasons:
        source, letter = source_of(reason), _MARKS.get(reason["effect"])
        if source is None or letter is None:
            continue
        policy = reason["policy_id"] or source
        names.setdefault(policy, source)
        later = reason["effect"].startswith("would_")
        now = "sometimes" if reason.get("circumstances") else "always"
        strength = "later" if later else now if reason.get("understood", True) else "perhaps"
        marks[policy, Mark(letter, strength)] = None
    return tuple(marks)
