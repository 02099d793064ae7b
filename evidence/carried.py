"""What the last scans read of the accounts one by one, kept so that the next one may carry it over.

It lies in rows of its own of table ``signins``: ``carried`` says how old it is and in how many parts it lies, and ``carried;000`` and so on are
the parts, ``carried;nesting`` which groups are in which. An account always lies in the same part, so that a change writes one. What can't be read of it is read anew of Microsoft Graph.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from evidence.store import Evidence
from tenant.carried import NOTHING_CARRIED, STATES, Answers, Carried
from tenant.model import Gap, Registration
from tenant.shapes import parse_time

NAME = "carried"
"""Under which it is kept."""
NESTING = f"{NAME};nesting"
"""Under which it is kept which groups are in which."""
FORM = 1
"""Of what is kept: another version of the app may read more of an account, or keep it otherwise."""
IN_A_PART = 2000
"""Accounts in a part, on the average: with their groups they take a third of what a row may hold."""
MOST_PARTS = 999

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """What is kept, and how old it is."""

    carried: Carried
    whole: datetime
    """When everything was read anew for the last time, by Graph's clock."""
    until: datetime
    """Up to when nothing was known that changed any of it."""
    parts: int = 0
    """In how many parts it lies; 0 where it doesn't lie anywhere yet."""


async def kept_answers(evidence: Evidence) -> KeptAnswers | None:
    """What is kept; None where nothing is, or nothing that can be used. Raises ``StorageError``."""
    head = await evidence.recall(NAME)
    whole, until, parts = parse_time(head.get("whole")), parse_time(head.get("until")), head.get("parts")
    if head.get("form") != FORM or whole is None or until is None or not isinstance(parts, int):
        return None
    read = [_read(await evidence.recall(_name(number))) for number in range(min(parts, MOST_PARTS))]
    nesting = _read_nesting(await evidence.recall(NESTING))
    answers = {id: one for part in read for id, one in part.answers.items()}
    names = {id: name for part in read for id, name in part.names.items()}
    return KeptAnswers(Carried(answers, names, nesting), whole, until, parts)


async def keep_answers(evidence: Evidence, now: KeptAnswers, before: KeptAnswers | None = None) -> None:
    """Keep answers in place of those that were kept, which are ``before`` where they were read: then only parts that changed are written.

    Raises ``StorageError``.
    """
    number = min(-(-len(now.carried.answers) // IN_A_PART) or 1, MOST_PARTS)
    lies = _parts(before.carried, number) if before and before.parts == number else [None] * number
    for at, (part, old) in enumerate(zip(_parts(now.carried, number), lies, strict=True)):
        if part != old:
            await evidence.remember(_name(at), part)
    if before is None or before.carried.nesting != now.carried.nesting:
        nesting = {id: sorted(inside) for id, inside in sorted(now.carried.nesting.items())}
        await evidence.remember(NESTING, {"inside": nesting})
    # To the microsecond: whose record is younger than this was read again since.
    times = {"whole": now.whole.isoformat(), "until": now.until.isoformat()}
    await evidence.remember(NAME, {"form": FORM, "parts": number, **times})


def _name(part: int) -> str:
    return f"{NAME};{part:03}"


def _parts(carried: Carried, number: int) -> list[Json]:
    """So many documents, each with its share of the accounts and the groups that these are in."""
    shares: list[list[str]] = [[] for _ in range(number)]
    for id in sorted(carried.answers):
        shares[int(sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) % number].append(id)
    return [_part(carried, share) for share in shares]


def _part(carried: Carried, ids: Iterable[str]) -> Json:
    share = {id: carried.answers[id] for id in ids}
    groups = sorted({group for one in share.values() for group in one.groups})
    place = {group: number for number, group in enumerate(groups)}
    return {
        "groups": [[group, carried.names.get(group, "")] for group in groups],
        "accounts": [
            [
                id,
                one.properties,
                one.state,
                sorted(place[group] for group in one.groups),
                _listed(one.registration.report),
                _listed(one.registration.own),
            ]
            for id, one in share.items()
        ],
    }


def _read_nesting(kept: Json) -> dict[str, frozenset[str]]:
    """Which groups are in which; of what can't be read, nothing: it is read anew."""
    try:
        return {str(id): frozenset(map(str, inside)) for id, inside in kept["inside"].items()}
    except (AttributeError, KeyError, TypeError):
        return {}


def _listed(names: tuple[str, ...] | Gap | None) -> list[str] | None:
    return list(names) if isinstance(names, tuple) else None


def _read(part: Json) -> Carried:
    """What a part holds; of one that can't be read, nothing: whoever is missing is read anew."""
    try:
        groups = [(str(id), str(name)) for id, name in part["groups"]]
        answers = {str(row[0]): _answers(row, groups) for row in part["accounts"]}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return NOTHING_CARRIED
    return Carried(answers, {id: name for id, name in groups if name})


def _answers(row: Sequence[Any], groups: Sequence[tuple[str, str]]) -> Answers:
    """Raises what a row of another form raises."""
    _, properties, state, places, report, own = row
    if state.lower() not in STATES or min(places, default=0) < 0:
        raise ValueError("no row of answers")
    registration = Registration(_names(report), _names(own))
    return Answers(str(properties), state, frozenset(groups[place][0] for place in places), registration)


def _names(listed: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if listed is None else tuple(map(str, listed))
