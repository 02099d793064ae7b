"""Looks up, in a few requests, what a question about a tenant names beyond what a scan reads of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote

from tenant.batch import Answer, Member, batch, batch_any, collect
from tenant.gaps import Gaps, gap_of, with_new
from tenant.graph import Graph, GraphError, Json, is_missing, items_of
from tenant.group_reader import is_group, read_groups, read_nesting
from tenant.model import Gap, Group, GroupDetails, Policy, Registration
from tenant.odata import key_segment, literal
from tenant.policy_reader import read_what_they_need
from tenant.reader import Reading
from tenant.references import groups_named_by, is_object_id, users_named_by
from tenant.registration import read_registrations
from tenant.shapes import another

_MOST_MEMBERS = 999
"""Members of a group that are listed: one page."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """A reading with what further policies name."""

    reading: Reading
    users: Mapping[str, bool | Gap]
    """Whether each user that they name exists, by id."""


class Lookups(Protocol):
    """Where the answers come from."""

    async def named_by(self, reading: Reading, policies: Sequence[Policy]) -> LookedUp:
        """The reading with the groups, strengths and locations that the policies name."""

    async def ids_of(self, names: Sequence[str]) -> dict[str, tuple[str, ...] | Gap]:
        """Display name -> the ids of all groups of that name."""

    async def groups(self, ids: Sequence[str]) -> dict[str, GroupDetails | None | Gap]:
        """Group id -> what is to be known of it; None where there is no such group."""

    async def registrations(self, ids: Sequence[str]) -> dict[str, Registration]:
        """Account id -> its MFA registration."""


class GraphLookups:
    """The tenant itself. What Graph refuses is a gap in the reading that comes out, or in the answer."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def named_by(self, reading: Reading, policies: Sequence[Policy]) -> LookedUp:
        """See :class:`Lookups`. What isn't an id isn't asked for: no tenant has it."""
        gaps, tenant = Gaps(), reading.tenant
        named = groups_named_by(policies) - tenant.groups.keys()
        asked = {id for id in named if is_object_id(id)}
        known = {account.id for account in reading.accounts}
        users = sorted(id for id in users_named_by(policies) - known if is_object_id(id))
        (groups, accounts), nesting, answers, tenant = await asyncio.gather(
            read_groups(self._graph, gaps, asked, {}, reading.accounts),
            read_nesting(self._graph, asked, reading.accounts),
            batch(self._graph, [Member(f"/users/{key_segment(id)}?$select=id") for id in users]),
            read_what_they_need(self._graph, gaps, tenant, policies),
        )
        no_ids = {id: Group(id, id, deleted=True) for id in named - asked}
        tenant = replace(
            tenant, groups={**tenant.groups, **groups, **no_ids}, nesting={**nesting, **reading.tenant.nesting}
        )
        found: dict[str, bool | Gap] = dict.fromkeys(known, True)
        found |= {id: self._exists(id, answer, gaps) for id, answer in zip(users, answers, strict=True)}
        return LookedUp(Reading(tenant, accounts, with_new(reading.gaps, gaps.found())), found)

    def _exists(self, id: str, answer: Answer, gaps: Gaps) -> bool | Gap:
        if is_missing(answer):
            return False
        error = answer if isinstance(answer, GraphError) else another(answer, id)
        return gaps.add("account_properties", error, what="users") if error else True

    async def ids_of(self, names: Sequence[str]) -> dict[str, tuple[str, ...] | Gap]:
        """See :class:`Lookups`. Graph compares names without case."""
        answers = await batch(self._graph, [Member(f"/groups?$filter={_named(name)}&$select=id") for name in names])
        found = {}
        for name, answer in zip(names, answers, strict=True):
            items = await collect(self._graph, answer)
            found[name] = _gap(items) if isinstance(items, GraphError) else tuple(_id(item) for item in items)
        return found

    async def groups(self, ids: Sequence[str]) -> dict[str, GroupDetails | None | Gap]:
        """See :class:`Lookups`."""
        shapes = [shape for id in ids for shape in _shapes(f"/groups/{key_segment(id)}")]
        answers = await batch_any(self._graph, shapes)
        each = zip(answers[::3], answers[1::3], answers[2::3], strict=True)
        return {id: await self._details(id, *three) for id, three in zip(ids, each, strict=True)}

    async def _details(self, id: str, group: Answer, containers: Answer, members: Answer) -> GroupDetails | None | Gap:
        if is_missing(group):
            return None
        if isinstance(group, GraphError):
            return _gap(group)
        if error := another(group, id):
            return _gap(error)
        above, users = _containers(await collect(self._graph, containers)), _users(members)
        return GroupDetails(
            id,
            str(group.get("displayName") or id),
            containers={} if isinstance(above, Gap) else above,
            containers_gap=above if isinstance(above, Gap) else None,
            members=() if isinstance(users, Gap) else users,
            members_gap=users if isinstance(users, Gap) else None,
            more_members=not isinstance(members, GraphError) and members.get("@odata.nextLink") is not None,
            dynamic="dynamicmembership" in str(group.get("groupTypes")).lower(),
            synchronised=group.get("onPremisesSyncEnabled") is True,
        )

    async def registrations(self, ids: Sequence[str]) -> dict[str, Registration]:
        """See :class:`Lookups`."""
        return await read_registrations(self._graph, Gaps(), ids)


def _shapes(path: str) -> tuple[tuple[str, ...], ...]:
    """What is asked about one group: itself, the groups that it is in, and the users in it; simpler shapes behind each."""
    names, users = "$select=id,displayName&$top=999", f"$select=id,userPrincipalName&$top={_MOST_MEMBERS}"
    return (
        (f"{path}?$select=id,displayName,groupTypes,onPremisesSyncEnabled", path),
        (f"{path}/transitiveMemberOf/microsoft.graph.group?{names}", f"{path}/transitiveMemberOf?{names}"),
        (f"{path}/transitiveMembers/microsoft.graph.user?{users}", f"{path}/transitiveMembers?{users}"),
    )


def _named(name: str) -> str:
    return quote(f"displayName eq {literal(name)}", safe="")


def _containers(answer: list[Json] | GraphError) -> dict[str, str] | Gap:
    if isinstance(answer, GraphError):
        return _gap(answer)
    groups = [item for item in answer if is_group(item)]
    if not all(_id(item) for item in groups):
        return Gap("groups", "a group in the answer has no id", tenant_wide=False)
    return {_id(item): str(item.get("displayName") or item["id"]) for item in groups}


def _users(page: Answer) -> tuple[str, ...] | Gap:
    """Names of the users on the first page."""
    if isinstance(page, GraphError):
        return _gap(page)
    try:
        names = [str(one["userPrincipalName"]) for one in items_of(page) if one.get("userPrincipalName")]
    except GraphError as error:
        return _gap(error)
    return tuple(sorted(names, key=str.casefold))


def _id(item: Json) -> str:
    return str(item.get("id") or "").lower()


def _gap(error: GraphError) -> Gap:
    return gap_of("groups", error, tenant_wide=False)
