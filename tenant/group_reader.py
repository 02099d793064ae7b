"""Reads the groups that policies name, and how they nest, as far as a chain has to be explained."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from tenant.batch import Answer, Member, batch, batch_any, collect
from tenant.gaps import Gaps
from tenant.graph import REFINEMENT_REFUSED, Graph, GraphError, Json, is_missing, items_of
from tenant.model import Account, Gap, Group
from tenant.odata import key_segment
from tenant.shapes import GROUP, MEMBERSHIP, another, fault

_DEEPEST = 20
"""Levels of nesting that are explained; membership itself has no limit."""
_SEES_HIDDEN = "Member.Read.Hidden"
_GROUP = "#microsoft.graph.group"
_MEMBER_OF = re.compile(r"\buser\.memberof\b", re.IGNORECASE)


async def read_groups(
    graph: Graph, gaps: Gaps, named: Iterable[str], known_names: Mapping[str, str], accounts: Sequence[Account]
) -> tuple[dict[str, Group], tuple[Account, ...]]:
    """The groups that policies name, by id, together with the names of all groups that accounts are in.

    One that doesn't exist is deleted and so has no members; one that can't be read carries its gap. Returns the accounts too,
    with the hidden memberships that only the group's own list of members shows.
    """
    groups = {id: Group(id, name) for id, name in known_names.items()}
    ids = sorted(named)
    paths = [f"/groups/{key_segment(id)}" for id in ids]
    answers = await batch_any(
        graph, [(f"{path}?$select=id,displayName,visibility,membershipRule", path) for path in paths]
    )
    for id, answer in zip(ids, answers, strict=True):
        name = known_names.get(id) or id
        if is_missing(answer):
            groups[id] = Group(id, name, deleted=id not in known_names)
        elif isinstance(answer, GraphError):
            groups[id] = Group(id, name, gap=gaps.add("groups", answer, of=[id]))
        elif garbled := fault(answer, GROUP) or another(answer, id):
            groups[id] = Group(id, name, gap=gaps.add("groups", garbled, of=[id]))
        else:
            rule = str(answer.get("membershipRule") or "")
            groups[id] = Group(
                id,
                str(answer.get("displayName") or name),
                hidden_membership=is_hidden(answer),
                dynamic=bool(rule),
                by_member_of=bool(_MEMBER_OF.search(rule)),
            )
    shown = await _members_of_hidden(graph, [id for id in ids if groups[id].hidden_membership], accounts)
    groups |= {id: replace(groups[id], hidden_membership=False) for id in shown}
    return groups, tuple(_with_memberships(account, shown) if shown else account for account in accounts)


async def _members_of_hidden(
    graph: Graph, hidden: Sequence[str], accounts: Sequence[Account]
) -> dict[str, frozenset[str]]:
    """Group id -> its members, for the hidden groups that show them: with ``Member.Read.Hidden`` they aren't hidden.

    An empty list shows nothing, for it may be that the members are hidden, unless the app's own token says that it may see them.
    """
    listed = _accounts_by_group(accounts)
    members: dict[str, frozenset[str]] = {id: frozenset() for id in hidden if id in listed}
    asked = [id for id in hidden if id not in listed]
    users = "transitiveMembers/microsoft.graph.user?$select=id&$top=999"
    answers = await batch(graph, [Member(f"/groups/{key_segment(id)}/{users}") for id in asked])
    for id, answer in zip(asked, answers, strict=True):
        items = await collect(graph, answer, MEMBERSHIP)
        if isinstance(items, GraphError):
            continue
        if items or await may_see_hidden_members(graph):
            members[id] = frozenset(str(item.get("id") or "").lower() for item in items)
    return members


async def may_see_hidden_members(graph: Graph) -> bool:
    """Whether the app's token lists the permission to see hidden memberships; False where it can't be told."""
    with suppress(GraphError):
        return _SEES_HIDDEN in (await graph.app_permissions() or ())
    return False


def _with_memberships(account: Account, members: Mapping[str, frozenset[str]]) -> Account:
    if isinstance(account.groups, Gap):
        return account
    return replace(account, groups=account.groups | {id for id, users in members.items() if account.id in users})


async def read_nesting(
    graph: Graph,
    wanted: Iterable[str],
    accounts: Sequence[Account],
    known: dict[str, frozenset[str]] | None = None,
) -> dict[str, frozenset[str]]:
    """Group id -> the groups directly in it, from the wanted groups down to those that accounts are in.

    Only for explaining: what can't be read is left out, and the chain is then shorter. A group can only be nested in another
    if all its accounts are in the other too, so most groups need not be asked. Those ``known`` aren't asked either, and whatever is
    read is known afterwards.
    """
    known = {} if known is None else known
    listed = _accounts_by_group(accounts)
    nesting: dict[str, frozenset[str]] = {}
    level = sorted(set(wanted))
    for _ in range(_DEEPEST):
        level = [id for id in level if _may_contain_a_group(id, listed)]
        if not level:
            break
        known |= await _groups_in(graph, [id for id in level if id not in known])
        nesting |= {id: known.get(id, frozenset()).intersection(listed) for id in level}
        level = sorted({child for id in level for child in nesting[id]} - nesting.keys())
    return nesting


async def read_nested(graph: Graph, groups: Iterable[str]) -> frozenset[str]:
    """The ids of groups, in lower case, with those of all groups that are in them; of one that can't be read only its own."""
    ids = sorted({id.lower() for id in groups})
    inside = "transitiveMembers/microsoft.graph.group?$select=id&$top=999"
    answers = await batch(graph, [Member(f"/groups/{key_segment(id)}/{inside}") for id in ids])
    lists = [await collect(graph, answer) for answer in answers]
    nested = {
        str(item.get("id") or "").lower() for items in lists if not isinstance(items, GraphError) for item in items
    }
    return frozenset(nested.union(ids) - {""})


def _accounts_by_group(accounts: Iterable[Account]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for account in accounts:
        for group in account.known_groups:
            found.setdefault(group, set()).add(account.id)
    return {group: frozenset(ids) for group, ids in found.items()}


def _may_contain_a_group(group: str, listed: Mapping[str, frozenset[str]]) -> bool:
    """Whether another of the accounts' groups may be in the group."""
    mine = listed.get(group, frozenset())
    return any(theirs <= mine for other, theirs in listed.items() if other != group)


async def _groups_in(graph: Graph, ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Of groups that could be read the ids of those directly in them; where Graph won't filter members by type, those on the first page."""
    select = "$select=id,displayName&$top=999"
    paths = [f"/groups/{key_segment(id)}/members" for id in ids]
    shapes = [(f"{path}/microsoft.graph.group?{select}", f"{path}?{select}") for path in paths]
    answers = await batch_any(graph, shapes, refused=REFINEMENT_REFUSED)
    found = {id: await _groups_from(graph, answer) for id, answer in zip(ids, answers, strict=True)}
    return {
        id: frozenset(str(group.get("id") or "").lower() for group in groups)
        for id, groups in found.items()
        if groups is not None
    }


async def _groups_from(graph: Graph, first: Answer) -> list[Json] | None:
    try:
        items = None if isinstance(first, GraphError) else items_of(first)
    except GraphError:
        items = None
    if items is None:
        return None
    groups = [item for item in items if is_group(item)]
    if len(groups) < len(items):
        return groups  # members of all kinds: a chain in words isn't worth paging through all people of a company
    further = await collect(graph, first)
    return None if isinstance(further, GraphError) else further


def is_hidden(group: Json) -> bool:
    """Whether a group hides its members from readers without ``Member.Read.Hidden``."""
    return str(group.get("visibility") or "").lower() == "hiddenmembership"


def is_group(item: Json) -> bool:
    """Whether an item of a list of directory objects is a group; one without a type is."""
    return str(item.get("@odata.type") or _GROUP).lower() == _GROUP
