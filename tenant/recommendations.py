"""Reads whether Microsoft recommends the tenant to switch off per-user MFA, which would take the app-password option from everybody.

Source: Microsoft Graph beta reference, "List recommendations" and "recommendationBase": the types ``turnOffPerUserMFA`` and
``switchFromPerUserMFA``, and the values of ``status``. No verdict depends on it: a refusal leaves open whether there is one.
"""

from collections.abc import Sequence

from tenant.batch import Answer, Member, batch, collect
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError, Json
from tenant.model import Account

PATH = "/directory/recommendations"
VERSION = "beta"
INPUT = "recommendations"
_TYPES = frozenset({"turnoffperusermfa", "switchfromperusermfa"})
_NEWER = "unknownfuturevalue"
_ACTIVE = "active"
_ENDED = frozenset(
    {
        "completedbysystem",
        "completedbyuser",
        "dismissed",
        "postponed",
        "riskaccepted",
        "thirdparty",
        "planned",
        "alternatemitigation",
        "needsmoreaction",
    }
)


def matters_to(accounts: Sequence[Account]) -> bool:
    """Whether one of the accounts may have the option that a recommendation would take."""
    return any(isinstance(one.per_user_mfa, str) and one.per_user_mfa.lower() == "enforced" for one in accounts)


async def read_advice(graph: Graph, gaps: Gaps, accounts: Sequence[Account], first: Answer | None) -> bool | None:
    """Whether such a recommendation is active; None where that can't be told, or concerns none of the accounts.

    ``first``: the answer to the first request, where somebody asked already. A refusal is an optional gap.
    """
    if not matters_to(accounts):
        return None
    if first is None:
        (first,) = await batch(graph, [Member(PATH)], version=VERSION)
    items = await collect(graph, first)
    if isinstance(items, GraphError):
        gaps.add_optional(INPUT, items)
        return None
    answer = advised(items)
    if answer is None:
        gaps.add_optional(
            INPUT, "the answer doesn't say of every recommendation what it is about, or whether it is active"
        )
    return answer


def advised(items: Sequence[Json]) -> bool | None:
    """Whether one of the recommendations is to switch off per-user MFA and active; None where one that isn't over may be: it has
    a status that nobody knows, or doesn't say what it is about.
    """
    answers = {_both(_is_about_it(item), _is_active(item)) for item in items}
    return True if True in answers else None if None in answers else False


def _both(one: bool | None, other: bool | None) -> bool | None:
    return False if False in (one, other) else None if None in (one, other) else True


def _is_about_it(item: Json) -> bool | None:
    """By its type, or by the name at the end of its id where the type is newer than the API version; None where neither says it."""
    kind = _text(item, "recommendationType")
    _, dot, name = _text(item, "id").rpartition(".")
    if {kind, name} & _TYPES:
        return True
    return False if kind not in ("", _NEWER) or (dot and name) else None


def _text(item: Json, name: str) -> str:
    value = item.get(name)
    return value.casefold() if isinstance(value, str) else ""


def _is_active(item: Json) -> bool | None:
    """None where it has no status, or one that nobody knows."""
    status = str(item.get("status")).casefold()
    return True if status == _ACTIVE else False if status in _ENDED else None
