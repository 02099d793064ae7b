"""The shapes of Microsoft Graph's answers, as far as verdicts depend on them: one place that tells a readable answer from a
malformed one. Pure.

A member that is missing or null is left to the reader, unless it is an id, or the name of a user, that is needed; a member of the wrong kind is not
readable, and never stands for "nothing there". Members that a shape doesn't name are kept and not looked at. Source of the kinds:
Microsoft's published schema (microsoftgraph/msgraph-metadata).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from unicodedata import normalize

from basics.times import NO_DATE, parse
from tenant.graph import GraphGarbled, Json

Kind = Callable[[object], bool]
"""Whether a value is of a kind."""
Shape = Mapping[str, Kind]
"""The members of an object that matter, and the kind of each."""


def is_id(value: object) -> bool:
    """Whether a value is an id, or a name that an account must have: some text. Never null."""
    return isinstance(value, str) and not (not value or value.isspace())


def is_text(value: object) -> bool:
    """Whether a value is a text, or null."""
    return value is None or isinstance(value, str)


def is_truth(value: object) -> bool:
    """Whether a value is true or false, or null."""
    return value is None or isinstance(value, bool)


def is_texts(value: object) -> bool:
    """Whether a value is a list of texts none of which is blank, or null."""
    return value is None or (isinstance(value, list) and all(map(is_id, value)))


def is_flags(value: object) -> bool:
    """Whether a value is a flags enum: one text with commas, as Graph writes it, or a list of texts."""
    return is_text(value) or is_texts(value)


def is_object(value: object) -> bool:
    """Whether a value is an object, or null."""
    return value is None or isinstance(value, dict)


def is_time(value: object) -> bool:
    """Whether a value is a time, or null or empty."""
    return value is None or value == "" or _parsed(value) is not None


def parse_time(value: object) -> datetime | None:
    """An ISO 8601 time of Graph (up to 7 decimals) as an aware UTC datetime; None where it is absent or unreadable.

    The first day of the year 1 is how .NET writes that there is no date: an end that never comes, a deletion that never was.
    """
    parsed = _parsed(value)
    return None if parsed is None or parsed < NO_DATE + timedelta(days=1) else parsed


def _parsed(value: object) -> datetime | None:
    try:
        return parse(value) if isinstance(value, str) and value else None
    except ValueError:
        return None


ANY: Shape = {}
"""Of what no verdict depends on."""
POLICY: Shape = {"id": is_id}
"""Of a policy only the id makes the list unreadable; what else is wrong with it stays with the policy (``policies.py``)."""
STRENGTH: Shape = {"id": is_id, "requirementsSatisfied": is_text}
LOCATION: Shape = {"id": is_id}
USER: Shape = {
    "id": is_id,
    "userPrincipalName": is_id,
    "accountEnabled": is_truth,
    "userType": is_text,
    "externalUserState": is_text,
}
FOUND: Shape = {"id": is_id, "userPrincipalName": is_id, "onPremisesExtensionAttributes": is_object}
"""A user that a search found: what decides whether it is selected."""
MEMBERSHIP: Shape = {"id": is_id, "@odata.type": is_text}
GROUP: Shape = {"id": is_id, "visibility": is_text}
ORGANIZATION: Shape = {"id": is_id}
ROLE_DEFINITION: Shape = {"id": is_id, "templateId": is_text, "isBuiltIn": is_truth}
ROLE_ASSIGNMENT: Shape = {
    "principalId": is_id,
    "roleDefinitionId": is_id,
    "directoryScopeId": is_text,
    "appScopeId": is_text,
}
"""Also of activated and eligible roles."""
METHOD: Shape = {"@odata.type": is_text}
REGISTRATION: Shape = {"methodsRegistered": is_texts}


def fault(item: Json, shape: Shape) -> GraphGarbled | None:
    """What is wrong with an object; None where each of its members is of its kind."""
    for name, fits in shape.items():
        if not fits(item.get(name)):
            return GraphGarbled(200, f'the answer has no readable "{name}"')
    return None


def another(item: Json, asked: str, *names: str) -> GraphGarbled | None:
    """What is wrong with the answer to a question about one object: it is about another one, or about none that has an id.

    ``names``: members other than the id by which it may have been asked for.
    """
    said = (item.get(name) for name in ("id", *names))
    if _folded(asked) in (_folded(value) for value in said if isinstance(value, str)):
        return None
    return GraphGarbled(200, "the answer is about something else than what was asked")


def _folded(text: str) -> str:
    """In whichever spelling Graph takes for the same name."""
    return normalize("NFKC", text).casefold()


def shaped(item: Json, shape: Shape) -> Json:
    """The object itself, such as an item of a list: one that is malformed makes the whole list unreadable.

    Raises :class:`~tenant.graph.GraphGarbled`: what a list lacks must not be taken for something that isn't there.
    """
    if garbled := fault(item, shape):
        raise garbled
    return item


Members = Mapping[str, "Kind | Members"]
"""The members of an object and, where they are objects, theirs."""


def strangers(value: Mapping[str, Any], known: Members, path: str) -> Iterator[str]:
    """The paths of the members, at any depth, that aren't ``known`` and aren't empty."""
    for name, member in members_of(value):
        if name not in known:
            if not is_empty(member):
                yield f"{path}.{name}"
        elif isinstance(member, Mapping) and isinstance(inner := known[name], Mapping):
            yield from strangers(member, inner, f"{path}.{name}")


def malformed(value: Mapping[str, Any], known: Members, path: str) -> Iterator[str]:
    """The paths of the ``known`` members, at any depth, that are of the wrong kind: read as nothing, they would be lost."""
    for name, kind in known.items():
        member, here = value.get(name), f"{path}.{name}"
        if not isinstance(kind, Mapping):
            if not kind(member):
                yield here
        elif isinstance(member, Mapping):
            yield from malformed(member, kind, here)
        elif member is not None:
            yield here


def members_of(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members of an object without OData annotations (names with ``@``) and OData actions (names that begin with ``#``)."""
    return ((name, member) for name, member in value.items() if "@" not in name and not name.startswith("#"))


def is_empty(value: object) -> bool:
    """Whether a value is null, or nothing but nulls and empty collections at any depth."""
    if isinstance(value, Mapping):
        return all(is_empty(member) for _, member in members_of(value))
    if isinstance(value, (list, tuple)):
        return all(is_empty(member) for member in value)
    return value is None or value == ""
