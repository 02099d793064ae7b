"""What a saved reading shows of things that a question names. Pure: what it doesn't hold stays unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tenant.lookups import LookedUp
from tenant.model import Gap, Group, GroupDetails, Policy, Registration, Tenant
from tenant.policy_reader import need_locations, need_strengths
from tenant.reader import Reading
from tenant.references import groups_named_by, is_object_id, users_named_by

_NOT_HELD = "the snapshot doesn't hold it"


class SavedLookups:
    """A saved reading, asked as the tenant would be (``tenant.lookups.Lookups``)."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def named_by(self, reading: Reading, policies: Sequence[Policy]) -> LookedUp:
        """The reading with a gap for everything that the policies name and it doesn't hold."""
        tenant = reading.tenant
        groups = {
            id: Group(id, id, gap=_gap("groups")) if is_object_id(id) else Group(id, id, deleted=True)
            for id in groups_named_by(policies) - tenant.groups.keys()
        }
        known = {account.id for account in reading.accounts}
        users: dict[str, bool | Gap] = dict.fromkeys(known, True)
        users |= {id: _gap("account_properties") for id in users_named_by(policies) - known}
        own = tenant.known_policies
        strengths, locations = tenant.strengths, tenant.named_locations
        if need_strengths(policies) and not need_strengths(own):
            strengths = _gap("authentication_strengths")
        if need_locations(policies) and not need_locations(own):
            locations = _gap("named_locations")
        tenant = replace(tenant, groups={**tenant.groups, **groups}, strengths=strengths, named_locations=locations)
        return LookedUp(replace(reading, tenant=tenant), users)

    async def ids_of(self, names: Sequence[str]) -> dict[str, tuple[str, ...] | Gap]:
        """Display name -> the ids of the groups of that name that it holds."""
        groups = self._reading.tenant.groups.values()
        return {
            name: tuple(one.id for one in groups if one.display_name.casefold() == name.casefold() and not one.deleted)
            for name in names
        }

    async def groups(self, ids: Sequence[str]) -> dict[str, GroupDetails | None | Gap]:
        """Group id -> what it shows of it: of members only the service accounts, of nesting only what explained a chain."""
        return {id: self._details(id) for id in ids}

    def _details(self, id: str) -> GroupDetails | None | Gap:
        tenant = self._reading.tenant
        group = tenant.groups.get(id)
        if group is None:
            return _gap("groups")
        if group.deleted:
            return None
        accounts = self._reading.accounts
        members = (one.user_principal_name for one in accounts if id in one.known_groups)
        return GroupDetails(
            id,
            group.display_name,
            containers=_containers(tenant, id),
            containers_gap=Gap("groups", "a snapshot doesn't hold all groups that a group is in", tenant_wide=False),
            members=tuple(sorted(members, key=str.casefold)),
            members_gap=Gap("groups", "a snapshot shows only the service accounts in it", tenant_wide=False),
        )

    async def registrations(self, ids: Sequence[str]) -> dict[str, Registration]:
        """Account id -> that its MFA registration was not read."""
        return {id: Registration(own=_gap("mfa_registration")) for id in ids}


def _containers(tenant: Tenant, id: str) -> Mapping[str, str]:
    """The groups that are known to contain the group, through any number of others."""
    found: set[str] = set()
    level = {id}
    while level:
        level = {one for one, children in tenant.nesting.items() if children & level} - found - {id}
        found |= level
    return {one: tenant.groups[one].display_name if one in tenant.groups else one for one in found}


def _gap(input_name: str) -> Gap:
    return Gap(input_name, _NOT_HELD, tenant_wide=False)
