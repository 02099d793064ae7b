"""Finds the accounts that a group, a pattern or an attribute selects.

Graph filters where it can. Where it can't, or refuses the filter, every user of the tenant is looked at: once for all such
criteria, one page at a time, without holding the tenant in memory.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from tenant.gaps import Gaps
from tenant.graph import REFINEMENT_REFUSED, Graph, GraphError, GraphRefused, GraphUnreachable, Json
from tenant.group_reader import is_hidden, may_see_hidden_members
from tenant.odata import key_segment, literal
from tenant.selection import (
    PROPERTIES,
    AttributeMatch,
    Selection,
    extension_attribute,
    has_attribute,
    literal_ends,
    matches,
    selected_property,
)
from tenant.shapes import FOUND, MEMBERSHIP, fault
from tenant.together import Together

_ADVANCED = {"ConsistencyLevel": "eventual"}
_PAGE = 999
_USER = "#microsoft.graph.user"
_HIDDEN = "it shows nobody, and hides its members from an app without the permission Member.Read.Hidden"


@dataclass(frozen=True, slots=True)
class Hit:
    """A user that was found."""

    user: Json
    group: str | None = None
    """The selecting group, lower-cased; it counts as a membership even where memberships can't be read."""
    complete: bool = True
    """Whether ``user`` has all selected properties, and not only its names."""


@dataclass(frozen=True, slots=True)
class _Query:
    """A path that Graph may refuse."""

    path: str
    advanced: bool = False


@dataclass(frozen=True, slots=True)
class _Criterion:
    """A pattern or an attribute: how Graph is asked, and how the answer is checked."""

    name: str
    queries: tuple[_Query, ...]
    fits: Callable[[Json], bool]
    needs: str = "userPrincipalName"
    """The property that decides."""


async def find_accounts(graph: Graph, gaps: Gaps, selection: Selection, select: str) -> list[Hit]:
    """The accounts that groups, patterns and the attribute select; one that is found twice comes twice.

    Takes the ``$select`` of an account. A search that Graph refuses for good is a gap; raises ``GraphUnreachable``.
    """
    async with Together() as reads:
        members = [reads.start(_members(graph, gaps, group, select)) for group in selection.groups]
        searches = [reads.start(_matching(graph, gaps, one)) for one in _criteria(selection, select)]
        hits = [hit for search in members for hit in await search]
        found = [await search for search in searches]
    hits += [hit for more, _ in found for hit in more]
    unfiltered = [one for _, one in found if one is not None]
    return [*hits, *await _everybody(graph, gaps, unfiltered)] if unfiltered else hits


async def _matching(graph: Graph, gaps: Gaps, criterion: _Criterion) -> tuple[list[Hit], _Criterion | None]:
    """The accounts that a pattern or the attribute selects, and the criterion again where Graph doesn't filter by it."""
    hits: list[Hit] = []
    try:
        async for user in _first_supported(graph, criterion.queries):
            if garbled := fault(user, FOUND):
                gaps.add("selection", garbled, what=criterion.name, of=[criterion.name])
            elif criterion.fits(user):
                hits.append(Hit(user))
    except GraphUnreachable:
        raise
    except GraphError as error:
        if _unsupported(error):
            return hits, criterion
        gaps.add("selection", error, what=criterion.name, permission="User.Read.All", of=[criterion.name])
    return hits, None


async def _members(graph: Graph, gaps: Gaps, group: str, select: str) -> list[Hit]:
    """The users in a group, nested ones included, in the first of three shapes of the query that Graph supports."""
    name, path = _group_name(group), f"/groups/{key_segment(group)}/transitiveMembers"
    queries = (
        _Query(f"{path}/microsoft.graph.user?$select={select}&$top={_PAGE}"),
        _Query(f"{path}/microsoft.graph.user?$select={select}&$count=true&$top={_PAGE}", advanced=True),
        _Query(f"{path}?$select={select}&$top={_PAGE}"),
    )
    hits: list[Hit] = []
    empty = True
    try:
        async for user in _first_supported(graph, queries):
            empty = False
            if garbled := fault(user, MEMBERSHIP):
                gaps.add("selection", garbled, what=name, of=[name])
            elif str(user.get("@odata.type") or _USER).lower() == _USER:
                hits.append(Hit(user, group=group.lower()))
        if empty and await _hides_members(graph, group):
            gaps.add("selection", _HIDDEN, what=name, of=[name])
    except GraphUnreachable:
        raise
    except GraphError as error:
        gaps.add("selection", error, what=name, permission="GroupMember.Read.All", of=[name])
    return hits


async def _hides_members(graph: Graph, group: str) -> bool:
    """Whether a group may hide its members from the app: a list without anybody doesn't say then that nobody is in it."""
    found = await graph.get(f"/groups/{key_segment(group)}?$select=id,visibility")
    return is_hidden(found) and not await may_see_hidden_members(graph)


async def _everybody(graph: Graph, gaps: Gaps, criteria: Sequence[_Criterion]) -> list[Hit]:
    hits: list[Hit] = []
    needed = ",".join(dict.fromkeys(["id", "userPrincipalName", *(one.needs for one in criteria)]))
    names = [one.name for one in criteria]
    try:
        async for user in graph.pages(f"/users?$select={needed}&$top={_PAGE}"):
            if garbled := fault(user, FOUND):
                gaps.add("selection", garbled, what=", ".join(names), of=names)
            elif any(one.fits(user) for one in criteria):
                hits.append(Hit(user, complete=False))
    except GraphUnreachable:
        raise
    except GraphError as error:
        gaps.add("selection", error, what=", ".join(names), permission="User.Read.All", of=names)
    return hits


def criteria_of(selection: Selection) -> list[str]:
    """What accounts are searched by, as the gaps of the selection call it."""
    return [*map(_group_name, selection.groups), *(one.name for one in _criteria(selection, PROPERTIES))]


def _group_name(group: str) -> str:
    return f"group {group}"


def _criteria(selection: Selection, select: str) -> list[_Criterion]:
    found = [_pattern(pattern, select) for pattern in selection.patterns]
    return [*found, _attribute(selection.attribute, select)] if selection.attribute else found


def _pattern(pattern: str, select: str) -> _Criterion:
    prefix, suffix = literal_ends(pattern)
    queries: tuple[_Query, ...] = ()
    if prefix:
        queries = (_filtered(f"startswith(userPrincipalName,{literal(prefix)})", select, advanced=False),)
    elif suffix:
        queries = (_filtered(f"endswith(userPrincipalName,{literal(suffix)})", select, advanced=True),)
    return _Criterion(
        f"pattern {pattern}", queries, lambda user: matches(pattern, str(user.get("userPrincipalName") or ""))
    )


def _attribute(wanted: AttributeMatch, select: str) -> _Criterion:
    extension = extension_attribute(wanted.name)
    name = f"onPremisesExtensionAttributes/{extension}" if extension else wanted.name
    expression = f"{name} eq {literal(wanted.value)}"
    # Which properties need an advanced query is a matter of the property; the other kind is tried after it.
    kinds = (True, False) if extension else (False, True)
    return _Criterion(
        f"attribute {wanted.name}",
        tuple(_filtered(expression, select, advanced=advanced) for advanced in kinds),
        lambda user: has_attribute(user, wanted),
        selected_property(wanted),
    )


def _filtered(expression: str, select: str, *, advanced: bool) -> _Query:
    path = f"/users?$select={select}&$filter={quote(expression, safe='()/,')}&$top={_PAGE}"
    return _Query(f"{path}&$count=true" if advanced else path, advanced)


async def _first_supported(graph: Graph, queries: Sequence[_Query]) -> AsyncIterator[Json]:
    """The items of the first query that Graph supports. Raises the first refusal where it supports none."""
    refusal: GraphRefused | None = None
    for query in queries:
        try:
            async for item in graph.pages(query.path, headers=_ADVANCED if query.advanced else None):
                yield item
        except GraphRefused as refused:
            if not _unsupported(refused):
                raise
            refusal = refusal or refused
        else:
            return
    raise refusal or GraphRefused(501, "NoFilter", "there is no filter for this")


def _unsupported(error: GraphError) -> bool:
    return isinstance(error, GraphRefused) and error.status in REFINEMENT_REFUSED
