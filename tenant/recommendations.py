"""Reads whether Microsoft recommends the tenant to switch off per-user MFA, which would take the app-password option from everybody.

Source: Microsoft Graph beta reference, "List recommendations" and "recommendationBase": the types ``turnOffPerUserMFA`` and
``switchFromPerUserMFA``, and the values of ``status``. No verdict depends on it: a refusal leaves open whether there is one.
"""

from collections.abc import Sequence

from tenant.batch import Answer, Member, collect
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError, Json
from tenant.model import Account

PATH = "/directory/recommendations"
VERSION = "beta"
INPUT = "recommendations"
_TYPES = frozenset({"turnoffperusermfa", "switchfromperusermfa"})
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
# Without this header Graph writes members that are newer than the API version as unknownFutureValue.
ASKED = Member(PATH, {"Prefer": "include-unknown-enum-members"})
"""What asks for them, in beta."""


def matters_to(accounts: Sequence[Account]) -> bool:
    """Whether one of the accounts may have the option that a recommendation would take."""
    return any(isinstance(one.per_user_mfa, str) and one.per_user_mfa.lower() == "enforced" for one in accounts)


async def read_advice(graph: Graph, gaps: Gaps, first: Answer) -> bool | None:
    """Whether such a recommendation is active, where ``first`` is the answer to ``ASKED``; None where that can't be told.

    A refusal is an optional gap.
    """
    items = await collect(graph, first)
    if isinstance(items, GraphError):
        gaps.add_optional(INPUT, items)
        return None
    return advised(items)


def advised(items: Sequence[Json]) -> bool | None:
    """Whether one of the recommendations is to switch off per-user MFA and active; None where one has a status nobody knows."""
    answers = {_is_active(item) for item in items if _is_about_it(item)}
    return True if True in answers else None if None in answers else False


def _is_about_it(item: Json) -> bool:
    """By its type, or by the name at the end of its id where the type is newer than the API version."""
    named = (str(item.get("recommendationType")), str(item.get("id")).rpartition(".")[2])
    return any(name.casefold() in _TYPES for name in named)


def _is_active(item: Json) -> bool | None:
    status = str(item.get("status")).casefold()
    return True if status == _ACTIVE else False if status in _ENDED else None
