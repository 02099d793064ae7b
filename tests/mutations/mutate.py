"""Spoils JSON in one place: what comes out is never another valid answer, only a malformed one."""

import copy
import random
from collections.abc import Iterator
from typing import Any

Json = Any
Path = tuple[str | int, ...]

JUNK: tuple[Json, ...] = (
    None,
    5,
    -1.5,
    True,
    "",
    " ",
    [],
    ["x"],
    [None],
    [[]],
    {},
    {"a": 1},
    {"id": "x"},
    {"value": []},
)
# What may be null in a valid answer, and then says something else than it said.
_NULLABLE = frozenset(
    {
        "grantControls",
        "authenticationStrength",
        "applicationFilter",
        "deviceFilter",
        "visibility",
        "userType",
        "externalUserState",
        "directoryScopeId",
        "termsOfUse",
    }
)
# Without these an answer isn't what it claims to be.
_NEEDED = frozenset({"id", "value", "conditions", "users", "applications", "state", "isEnabled", "principalId"})
_NEEDED |= {"roleDefinitionId", "perUserMfaState", "includeUsers"}
_FLAGS = frozenset({"transferMethods", "insiderRiskLevels", "guestOrExternalUserTypes"})
# Lists and objects of which an empty one is a valid answer.
_EMPTY_OBJECT = frozenset({"grantControls", "authenticationStrength", "sessionControls", "applicationFilter"})


def mutated(body: Json, chance: random.Random) -> tuple[str, Json]:
    """What was done, in words, and the body with one place spoilt."""
    while True:
        spoilt = copy.deepcopy(body)
        path = chance.choice(list(_places(body)))
        how = chance.choice(("replace", "replace", "replace", "remove", "insert", "cut"))
        done = _spoil(spoilt, path, how, chance)
        if done is not None:
            return done


def _spoil(body: Json, path: Path, how: str, chance: random.Random) -> tuple[str, Json] | None:
    where = "/".join(map(str, path)) or "(all)"
    old = _at(body, path)
    if how == "insert" and isinstance(old, list):
        junk = chance.choice([one for one in JUNK if _is_odd_item(old, one)])
        old.insert(chance.randint(0, len(old)), junk)
        return f"{where}: inserted {junk!r}", body
    if how == "remove" and path and path[-1] in _NEEDED and isinstance(_at(body, path[:-1]), dict):
        del _at(body, path[:-1])[path[-1]]
        return f"{where}: removed", body
    if how == "cut" and not path:
        return "cut short", str(body).encode()[: chance.randint(0, 40)]
    if how != "replace":
        return None
    junk = chance.choice(JUNK)
    if not _is_wrong(path, old, junk):
        return None
    if not path:
        return f"{where}: {junk!r}", junk
    _at(body, path[:-1])[path[-1]] = junk
    return f"{where}: {junk!r}", body


def _is_wrong(path: Path, old: Json, junk: Json) -> bool:
    """Whether ``junk`` can't stand where ``old`` stood."""
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    item = bool(path) and isinstance(path[-1], int)
    if name.startswith("@odata.context"):
        return False
    if old is None:
        return junk is not None and not (isinstance(junk, str) and not junk.strip())
    if junk is None:
        return item or name in _NEEDED or (isinstance(old, list) and name not in _NULLABLE)
    if name in _FLAGS and isinstance(junk, str | list):
        return False
    if isinstance(junk, dict) and isinstance(old, dict):
        return not (item or name in _EMPTY_OBJECT or not path) and name in _NEEDED
    if isinstance(old, list) and isinstance(junk, list):
        return bool(junk) and _is_odd_item(old, junk[0])
    if isinstance(junk, str) and isinstance(old, str):
        return name in ("id", "principalId", "roleDefinitionId") or item
    return type(old) is not type(junk)


def _is_odd_item(items: list[Json], junk: Json) -> bool:
    """Whether ``junk`` can't be one of the items: a text among objects, an object among texts, or nothing at all."""
    if isinstance(junk, str) and not junk.strip():
        return True
    if items and isinstance(items[0], dict):
        return not isinstance(junk, dict) or not junk
    return not isinstance(junk, str)


def _places(value: Json, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _places(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _places(member, (*path, index))


def _at(value: Json, path: Path) -> Json:
    for part in path:
        value = value[part]
    return value
