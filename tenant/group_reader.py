"""Reads the groups that policies name, and how they nest, as far as a chain has to be explained."""

from collections.abc import Iterable, Mapping, Sequence

from tenant.batch import Answer, Member, batch, collect
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError, GraphRefused, Json, items_of
from tenant.model import Group
from tenant.search import REFINEMENT_REFUSED, key_segment

_DEEPEST = 20
"""Levels of nesting that are explained; membership itself has no limit."""
_GROUP = "#microsoft.graph.group"


async def read_groups(
    graph: Graph, gaps: Gaps, named: Iterable[str], known_names: Mapping[str, str]
) -> dict[str, Group]:
    """The groups that policies name, by id, together with the names of all groups that accounts are in.

    One that answers 404 is deleted and so has no members; one that can't be read carries its gap.
    """
    groups = {id: Group(id, name) for id, name in known_names.items()}
    ids = sorted(named)
    members = [Member(f"/groups/{key_segment(id)}?$select=id,displayName,visibility") for id in ids]
    for id, answer in zip(ids, await batch(graph, members), strict=True):
        name = known_names.get(id) or id
        if isinstance(answer, GraphRefused) and answer.status == 404:
            groups[id] = Group(id, name, deleted=id not in known_names)
        elif isinstance(answer, GraphError):
            groups[id] = Group(id, name, gap=gaps.add("groups", answer))
        else:
            hidden = str(answer.get("visibility") or "").lower() == "hiddenmembership"
            groups[id] = Group(id, str(answer.get("displayName") or name), hidden_membership=hidden)
    return groups


async def read_nesting(graph: Graph, wanted: Iterable[str], memberships: frozenset[str]) -> dict[str, frozenset[str]]:
    """Group id -> the groups directly in it, from the wanted groups down to those that accounts are in.

    Only for explaining: what can't be read is left out, and the chain is then shorter.
    """
    nesting: dict[str, frozenset[str]] = {}
    level = sorted(set(wanted))
    for _ in range(_DEEPEST):
        if not level:
            break
        for id, answer in zip(level, await _groups_in(graph, level), strict=True):
            items = await collect(graph, answer)
            children = () if isinstance(items, GraphError) else (str(item.get("id") or "").lower() for item in items)
            nesting[id] = frozenset(children) & memberships
        level = sorted({child for id in level for child in nesting[id]} - nesting.keys())
    return nesting


async def _groups_in(graph: Graph, ids: Sequence[str]) -> list[Answer]:
    """The answers with the groups directly in groups; where Graph won't filter members by type, from their first page."""
    cast = "microsoft.graph.group?$select=id,displayName&$top=999"
    answers = await batch(graph, [Member(f"/groups/{key_segment(id)}/members/{cast}") for id in ids])
    refused = [index for index, answer in enumerate(answers) if _is_unsupported(answer)]
    plain = [Member(f"/groups/{key_segment(ids[index])}/members?$select=id,displayName&$top=999") for index in refused]
    for index, answer in zip(refused, await batch(graph, plain), strict=True):
        answers[index] = answer if isinstance(answer, GraphError) else _only_groups(answer)
    return answers


def _only_groups(page: Json) -> Answer:
    try:
        return {"value": [item for item in items_of(page) if str(item.get("@odata.type") or "").lower() == _GROUP]}
    except GraphError as error:
        return error


def _is_unsupported(answer: Answer) -> bool:
    return isinstance(answer, GraphRefused) and answer.status in REFINEMENT_REFUSED
