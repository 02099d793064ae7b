"""Fills the tenant model from Microsoft Graph: what is read once per scan, then the selected accounts.

The number of requests grows with the service accounts and the policies, not with the tenant.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from tenant.account_reader import AccountReader, Advance
from tenant.batch import Member, batch
from tenant.carried import NOTHING_CARRIED, Carried
from tenant.directory import Roles, read_directory
from tenant.gaps import Gaps, with_new
from tenant.graph import Graph, GraphError
from tenant.group_reader import read_groups, read_nesting
from tenant.model import Account, Gap, Policy, Tenant
from tenant.odata import key_segment
from tenant.policy_reader import read_policies, read_references
from tenant.recommendations import read_advice
from tenant.selection import Selection
from tenant.shapes import another
from tenant.together import Together

NOTHING_SELECTED = Selection()


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that a scan read."""

    tenant: Tenant
    accounts: tuple[Account, ...]
    """By user principal name."""
    gaps: tuple[Gap, ...]
    """Each unreadable input once."""


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """What became of earlier answers in a reading."""

    accounts: frozenset[str] = frozenset()
    """The ids of the accounts of which nothing but the properties was read anew."""
    surprises: tuple[str, ...] = ()
    """The ids of accounts of which Graph answers otherwise than was carried over, so that nothing was."""
    next: Carried = NOTHING_CARRIED
    """What a later reading may carry over."""


async def read_tenant(
    graph: Graph,
    selection: Selection,
    only: Sequence[str] | None = None,
    *,
    known: Mapping[str, str] = MappingProxyType({}),
    advance: Advance = lambda done, total: None,
) -> Reading:
    """Read the tenant and its service accounts.

    Takes a connected client, the ways in which accounts are selected, optionally the accounts (user principal names or
    ids) to read in place of all selected ones, and the ids of accounts that are ``known`` from earlier readings by user
    principal name in lower case: one that can't be read today keeps its id. ``advance`` hears how many accounts are read. Raises ``GraphError`` when there is no answer at all; every input that Graph
    refuses becomes a gap instead.
    """
    reading, _ = await read_tenant_again(graph, selection, only, NOTHING_CARRIED, known=known, advance=advance)
    return reading


async def read_tenant_again(
    graph: Graph,
    selection: Selection,
    only: Sequence[str] | None,
    carried: Carried,
    *,
    known: Mapping[str, str] = MappingProxyType({}),
    advance: Advance = lambda done, total: None,
    now: Callable[[], datetime] | None = None,
) -> tuple[Reading, CarriedOver]:
    """The same, with what may stand for a reading of accounts; also what became of that.

    ``now``: the time, asked for once Graph has answered; without it, Graph's own.
    """
    gaps = Gaps()
    async with Together() as reads:
        listed = reads.start(read_policies(graph, gaps))
        # Before anything that grows with the accounts: it shows whether there is an answer at all.
        directory = await read_directory(graph, gaps, now or graph.now)
        reader = AccountReader(graph, gaps, selection, known, advance, carried)
        accounts, names = await reader.read(only)
        policies = await listed
        references = reads.start(read_references(graph, gaps, policies.policies))
        named = groups_named_by(policies.policies)
        explained = named | _principals_of(directory.roles)
        inside = {} if reader.doubted else dict(carried.nesting)
        (groups, accounts), nesting, users, advised = await asyncio.gather(
            read_groups(graph, gaps, named, names, accounts),
            read_nesting(graph, explained, accounts, inside),
            _users_with_roles(graph, directory.roles, policies.policies, accounts),
            read_advice(graph, gaps, accounts, policies.recommendations),
        )
        strengths, named_locations = await references
    tenant = Tenant(
        id=directory.id,
        display_name=directory.display_name,
        security_defaults=directory.security_defaults,
        policies=policies.policies,
        unlisted_policies=policies.unlisted,
        unlisted_plans=policies.unlisted_plans,
        licences=policies.licences,
        strengths=strengths,
        named_locations=named_locations,
        groups=groups,
        nesting=nesting,
        role_assignments=directory.roles.active,
        role_eligibilities=directory.roles.eligible,
        role_holding_users=users,
        role_definitions=directory.roles.definitions,
        role_names=directory.roles.names,
        plans_unread=policies.plans_unread,
        mfa_service=policies.mfa_service,
        advised_to_switch_off=advised,
    )
    over = CarriedOver(reader.carried, reader.surprises, Carried(reader.answers, names, inside))
    return Reading(tenant, accounts, gaps.found()), over


async def read_more(
    graph: Graph, reading: Reading, ids: Sequence[str], *selected_by: str, selection: Selection = NOTHING_SELECTED
) -> Reading:
    """A reading with further accounts, read like the selected ones.

    Why they count is what selects them of ``selection``, as their own properties and memberships show it, and ``selected_by``; where
    one doesn't show whether it has the attribute, that is a gap of the selection. One that doesn't exist becomes a gap that says so (``Gap.not_found``), under its id.
    """
    gaps = Gaps()
    named = groups_named_by(reading.tenant.policies)
    reader = AccountReader(graph, gaps, selection)
    found, names = await reader.read(ids)
    if selection.attribute and any(one.id in reader.unproved and not one.selected_by for one in found):
        what = f"attribute {selection.attribute.name}"
        gaps.add("selection", "it isn't shown of an account that was looked for by its id", what=what, of=[what])
    (groups, accounts), nesting = await asyncio.gather(
        read_groups(graph, gaps, named, names, found), read_nesting(graph, named, found)
    )
    tenant = replace(
        reading.tenant,
        groups={**groups, **reading.tenant.groups},
        nesting=_merged(nesting, reading.tenant.nesting),
    )
    more = tuple(replace(account, selected_by=(*account.selected_by, *selected_by)) for account in accounts)
    gaps_now = with_new(reading.gaps, gaps.found())
    return replace(reading, tenant=tenant, accounts=(*reading.accounts, *more), gaps=gaps_now)


def _merged(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Both: each was read only as far as its own accounts needed it."""
    return {id: one.get(id, frozenset()) | other.get(id, frozenset()) for id in {*one, *other}}


def groups_named_by(policies: tuple[Policy, ...] | Gap) -> set[str]:
    """The groups of all policies that can reach a user."""
    if isinstance(policies, Gap):
        return set()
    return {
        group
        for policy in policies
        if not (policy.deleted or policy.workload_identities or policy.state == "disabled")
        for group in policy.include_groups | policy.exclude_groups
    }


def _principals_of(roles: Roles, named: frozenset[str] | None = None) -> set[str]:
    """Everyone who holds a role, or one of the ``named`` ones; groups are among them."""
    held = [one for one in (roles.active, roles.eligible) if not isinstance(one, Gap)]
    return {
        assignment.principal_id
        for assignments in held
        for assignment in assignments
        if named is None or assignment.template_id in named
    }


async def _users_with_roles(
    graph: Graph, roles: Roles, policies: tuple[Policy, ...] | Gap, accounts: Sequence[Account]
) -> frozenset[str]:
    """Who of those that hold a role that a policy names is a user.

    It matters where an account's memberships are unread: it may hold a role through any group, but through no user.
    """
    if isinstance(policies, Gap) or not any(isinstance(account.groups, Gap) for account in accounts):
        return frozenset()
    named = frozenset().union(*(policy.include_roles | policy.exclude_roles for policy in policies))
    principals, known = _principals_of(roles, named), {account.id for account in accounts}
    asked = sorted(principals - known)
    answers = await batch(graph, [Member(f"/users/{key_segment(id)}?$select=id") for id in asked])
    found = {
        id
        for id, answer in zip(asked, answers, strict=True)
        if not (isinstance(answer, GraphError) or another(answer, id))
    }
    return frozenset(found | (principals & known))
