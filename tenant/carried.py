"""What was read of the accounts one by one, for a later scan that asks again only about those that may have changed. Pure.

An account's properties are read by every scan: they come by the hundred. Its per-user MFA state, its groups and its MFA registration take
requests of its own, and these are what is carried over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from tenant.graph import Json
from tenant.model import Gap, Registration

STATES = frozenset({"disabled", "enabled", "enforced"})
"""The per-user MFA states that there are: what else Graph may say of an account is asked for at every scan."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What Microsoft Graph answered about one account, all of it readable."""

    properties: str
    """Equal as long as the properties of the account are: whoever changes one of them may have changed more."""
    state: str
    groups: frozenset[str]
    """As the account's own memberships show them."""
    registration: Registration


@dataclass(frozen=True, slots=True)
class Carried:
    """What may stand for a reading of accounts."""

    answers: Mapping[str, Answers] = field(default_factory=dict)
    """By account id."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Group id -> display name, of the groups that they are in."""
    nesting: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Group id -> ids of the groups directly in it, of those that were read."""
    proof: frozenset[str] = frozenset()
    """Ids of accounts that are read all the same: where Graph answers otherwise of any of them, nothing stands for a reading."""


NOTHING_CARRIED = Carried()


def answers_of(
    user: Json, state: str | None | Gap, groups: frozenset[str] | Gap, registration: Registration
) -> Answers | None:
    """The answers about an account, to be carried over; None where not all of them could be read."""
    if isinstance(groups, Gap) or isinstance(registration.report, Gap) or isinstance(registration.own, Gap):
        return None
    if not isinstance(state, str) or state.lower() not in STATES:
        return None
    return Answers(properties_digest(user), state, groups, registration)


def agree(one: Answers, other: Answers | None) -> bool:
    """Whether two readings of an account say the same. Its MFA registration has two sources, and which of them is asked hangs on how many
    accounts are: only what both readings took from the same source can differ.
    """
    if other is None or (one.properties, one.state, one.groups) != (other.properties, other.state, other.groups):
        return False
    mine, theirs = one.registration, other.registration
    return all(
        sorted(a) == sorted(b)
        for a, b in ((mine.own, theirs.own), (mine.report, theirs.report))
        if isinstance(a, tuple) and isinstance(b, tuple)
    )


def properties_digest(user: Json) -> str:
    """Equal for users with equal properties; annotations of the answer are none."""
    properties = {name: value for name, value in user.items() if not name.startswith("@")}
    return sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()[:16]
