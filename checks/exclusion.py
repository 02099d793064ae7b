"""Exclusion groups: what a policy already has to exempt accounts, and which of them is a good place for one. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tenant.model import Gap, Group, GroupDetails, Policy, Tenant

# How people call the accounts that must get in when nothing else does; a service account doesn't belong among them.
_EMERGENCY = re.compile(r"break[\W_]*glass|emergency|notfall|bris[\W_]*de[\W_]*glace|noodtoegang", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ExclusionGroup:
    """A group that a policy excludes, and what becoming a member of it means besides."""

    group: GroupDetails
    also_excluded_from: tuple[Policy, ...]
    """Other policies that exclude it or a group that it is in, by name."""
    included_by: tuple[Policy, ...]
    """Policies that include it or a group that it is in, by name."""
    roles: tuple[str, ...]
    """Directory roles that its members hold, active or eligible, by name."""
    for_emergencies: bool
    """Whether its name, or a member's, says that it holds break-glass accounts."""

    @property
    def can_take(self) -> bool:
        """Whether somebody can be added to it."""
        return not self.group.dynamic

    @property
    def cautions(self) -> tuple[str, ...]:
        """What speaks against putting a service account into it, a sentence each."""
        found = []
        if self.for_emergencies:
            found.append(
                "By its name or its members' it holds break-glass accounts: "
                "no place for a service account. Give the policy a group of its own for those."
            )
        if self.group.dynamic:
            found.append("A rule says who is in it, so nobody can be added by hand.")
        if self.group.synchronised:
            found.append("It is synchronised from an on-premises directory, and can only be changed there.")
        if self.roles:
            found.append(f"Its members hold directory roles: {', '.join(self.roles)}.")
        return tuple(found)


def exclusion_group(tenant: Tenant, policy: Policy, group: GroupDetails) -> ExclusionGroup:
    """What is to be known of a group that the policy excludes. Takes the tenant as it would be."""
    ids = {group.id, *group.containers}
    others = sorted(filter(_counts, tenant.known_policies), key=lambda one: (one.display_name.casefold(), one.id))
    held = [one for one in (tenant.role_assignments, tenant.role_eligibilities) if not isinstance(one, Gap)]
    roles = {one.role_name or one.template_id for list_ in held for one in list_ if one.principal_id in ids}
    return ExclusionGroup(
        group,
        also_excluded_from=tuple(one for one in others if one.exclude_groups & ids and one.id != policy.id),
        included_by=tuple(one for one in others if one.include_groups & ids),
        roles=tuple(sorted(roles)),
        for_emergencies=any(map(_EMERGENCY.search, (group.display_name, *group.members))),
    )


def groups_to_join(policy: Policy, groups: Mapping[str, Group]) -> tuple[str, ...]:
    """Names of the groups that a policy excludes and that a service account can be added to, as far as a scan knows them.

    Not those that no longer exist, that a rule fills, or that hold break-glass accounts by their name.
    """
    found = (groups.get(id) for id in policy.exclude_groups)
    names = (
        one.display_name
        for one in found
        if one and not (one.deleted or one.dynamic or one.gap or _EMERGENCY.search(one.display_name))
    )
    return tuple(sorted(names, key=str.casefold))


def best_first(groups: Iterable[ExclusionGroup]) -> list[ExclusionGroup]:
    """The groups in the order in which an administrator would take them: those first that do nothing else."""
    return sorted(
        groups,
        key=lambda one: (
            not one.can_take,
            one.for_emergencies,
            bool(one.roles),
            len(one.included_by),
            len(one.also_excluded_from),
            one.group.synchronised,
            one.group.display_name.casefold(),
            one.group.id,
        ),
    )


def _counts(policy: Policy) -> bool:
    return not (policy.deleted or policy.workload_identities)
