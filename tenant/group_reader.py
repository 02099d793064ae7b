"""Reads the groups that policies name, and how they nest, as far as a chain has to be explained."""

from collections.abc import Iterable, Mapping

from tenant.batch import Member, batch, collect
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError, GraphRefused
from tenant.model import Account, Gap, Group
from tenant.selection import key_segment

_DEEPEST = 20
"""Levels of nesting that are explained; membership itself has no limit."""


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
        if isinstance(answer, GraphRefused) and answer.status == 404:
            groups[id] = Group(id, known_names.get(id) or id, deleted=id not in known_names)
        elif isinstance(answer, GraphError):
            groups[id] = Group(id, known_names.get(id) or id, gap=gaps.add("groups", answer))
        else:
            hidden = str(answer.get("visibility") or "").lower() == "hiddenmembership"
            groups[id] = Group(id, str(answer.get("displayName") or id), hidden_membership=hidden)
    return groups


async def read_nesting(graph: Graph, wanted: Iterable[str], accounts: Iterable[Account]) -> dict[str, frozenset[str]]:
    """Group id -> the groups directly in it, from the wanted groups down to those that accounts are in.

    Only for explaining: what can't be read is left out, and the chain is then shorter.
    """
    memberships = frozenset[str]().union(*(one.groups for one in accounts if not isinstance(one.groups, Gap)))
    nesting: dict[str, frozenset[str]] = {}
    level = sorted(set(wanted))
    for _ in range(_DEEPEST):
        if not level:
            break
        select = "microsoft.graph.group?$select=id,displayName&$top=999"
        answers = await batch(graph, [Member(f"/groups/{key_segment(id)}/members/{select}") for id in level])
        for id, answer in zip(level, answers, strict=True):
            items = await collect(graph, answer)
            children = [] if isinstance(items, GraphError) else [str(item.get("id") or "").lower() for item in items]
            nesting[id] = frozenset(children) & memberships
        level = sorted({child for id in level for child in nesting[id]} - nesting.keys())
    return nesting
