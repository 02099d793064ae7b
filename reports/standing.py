"""Where findings and accounts of a scan document stand, and how many there are: worked out here for every channel.

The rule is ``checks/urgency.py``; this reads it off the document, in which findings stand as they are kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from checks.urgency import Deadline, Standing, Urgency, most_urgent, standing_of

Json = dict[str, Any]
Account = TypeVar("Account", bound=Mapping[str, Any])


@dataclass(frozen=True, slots=True)
class Groups:
    """How many accounts stand where: these numbers, the accepted and those without findings add up to all accounts."""

    accounts: Mapping[str, int] = field(default_factory=dict)
    """Urgency -> number of accounts."""
    next: date | None = None
    """The next day on which something breaks that works today."""

    def of(self, urgency: str) -> int:
        """How many accounts stand there."""
        return self.accounts.get(urgency, 0)


def with_urgency(account: Json) -> Json:
    """The account of a document with ``urgency`` for itself and for each of its findings, as they are in it."""
    deadlines = _deadlines(account)
    findings = [{**one, "urgency": standing_object(_standing(one, deadlines))} for one in account["findings"]]
    worst = most_urgent(_standing(one, deadlines) for one in findings if counts(one))
    return {**account, "findings": findings, "urgency": standing_object(worst) if worst else None}


def standing(finding: Mapping[str, Any], account: Mapping[str, Any]) -> Standing:
    """Where a finding of an account stands, whatever wrote the document down."""
    return _standing(finding, _deadlines(account))


def standing_of_account(account: Mapping[str, Any]) -> Standing | None:
    """Where an account stands by the findings that nobody accepted; None where there are none."""
    deadlines = _deadlines(account)
    return most_urgent(_standing(one, deadlines) for one in account["findings"] if counts(one))


class Tally:
    """Counts the accounts that pass by: for who looks at each of them once, for something else as well."""

    def __init__(self) -> None:
        self._found = Counter[str]()
        self._days: set[date] = set()

    def counting(self, accounts: Iterable[Account]) -> Iterator[Account]:
        """The same accounts, each counted as it passes by."""
        for account in accounts:
            deadlines = _deadlines(account)
            standings = [_standing(one, deadlines) for one in account["findings"] if counts(one)]
            if worst := most_urgent(standings):
                self._found[worst.urgency.value] += 1
            self._days |= {one.on for one in standings if one.on}
            yield account

    @property
    def groups(self) -> Groups:
        """How many of those that passed by stand where."""
        return Groups(dict(self._found), min(self._days, default=None))


def groups(accounts: Iterable[Mapping[str, Any]]) -> Groups:
    """How many accounts of a document stand where."""
    tally = Tally()
    for _ in tally.counting(accounts):
        pass
    return tally.groups


def counts(finding: Mapping[str, Any]) -> bool:
    """Whether a finding is open, and nobody has accepted it."""
    return finding["status"] == "open" and not finding.get("exception")


def _standing(finding: Mapping[str, Any], deadlines: Mapping[str, Deadline]) -> Standing:
    return standing_of(finding["check_id"], finding["severity"], deadlines.get(finding["check_id"]))


def _deadlines(account: Mapping[str, Any]) -> dict[str, Deadline]:
    """What ends for the account, as far as it can be read: another version may have written it."""
    return {
        one["check_id"]: Deadline(
            str(one.get("what") or ""),
            _day(one.get("date")),
            bool(one.get("ended")),
        )
        for one in account.get("deadlines") or ()
        if isinstance(one, Mapping) and one.get("check_id")
    }


def _day(found: Any) -> date | None:
    try:
        return date.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        return None


def standing_object(standing: Standing) -> Json:
    """Where something stands, as JSON."""
    return {"group": standing.urgency.value, "date": standing.on.isoformat() if standing.on else None}


ORDER = tuple(one.value for one in Urgency)
"""The groups, the most urgent first."""
