"""Who is to be looked at again because of what the audit log says. Pure.

Of a service account that is watched everything counts; of a group what changes its members, where they count for a policy or for the
selection; of Conditional Access and of the tenant's own switches everything, for everybody. What is left out here is found by the next
scheduled scan.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tenant.log_events import LogEvent, Target
from tenant.selection import Selection, names, selected_property

_RESTORED = "restore user"


@dataclass(frozen=True, slots=True)
class Scope:
    """What can change a verdict, as far as the last scans know."""

    accounts: frozenset[str]
    """Ids of the accounts that are watched, in lower case."""
    groups: frozenset[str]
    """Ids of the groups whose members count, in lower case: for a policy, with those nested in them, and for the selection."""
    selection: Selection
    """What the settings select."""
    nested: frozenset[str] = frozenset()
    """Ids of the groups that are in those which select, in lower case."""

    @property
    def selecting(self) -> frozenset[str]:
        """Ids of the groups whose members are selected, in lower case."""
        return self.nested.union(group.lower() for group in self.selection.groups)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom events concern."""

    everybody: bool = False
    accounts: frozenset[str] = frozenset()
    """Ids of the accounts that they concern; what they are where it is everybody says nothing."""
    events: tuple[LogEvent, ...] = ()
    """Those that concern anybody, in the order of the log."""


NOBODY = Reach()


def reach_of(events: Iterable[LogEvent], scope: Scope) -> Reach:
    """Whom the events concern, altogether."""
    everybody, accounts, relevant = False, set[str](), list[LogEvent]()
    for event in events:
        concerned = accounts_of(event, scope)
        if concerned is None or concerned:
            relevant.append(event)
        everybody |= concerned is None
        accounts |= concerned or frozenset()
    return Reach(everybody, frozenset(accounts), tuple(relevant))


def accounts_of(event: LogEvent, scope: Scope) -> frozenset[str] | None:
    """Ids of the accounts that one event concerns; None for everybody."""
    if event.about_conditional_access or event.about_tenant or event.about_policy:
        return None
    found = frozenset(target.id for target in event.targets if target.id in scope.accounts)
    return None if _changes_who_counts(event, scope) else found


def _changes_who_counts(event: LogEvent, scope: Scope) -> bool:
    """Whether accounts that nobody knows of may count from now on, or others in a way that the event doesn't name."""
    if event.container:
        # A group in a group brings all its members along. Who comes into a group that selects may be new, and who leaves it is
        # watched no longer: either is for a scan of everything to say.
        return event.container in scope.selecting or (bool(event.groups) and _may_count(event, scope))
    if event.groups & (scope.groups | scope.selecting):
        return True
    return any(_changes_selection(target, scope, event) for target in event.targets)


def _may_count(event: LogEvent, scope: Scope) -> bool:
    """Whether the members of the group, or the holders of the role, count: which roles do, only policies say."""
    return event.container in scope.groups or event.about_role


def _changes_selection(target: Target, scope: Scope, event: LogEvent) -> bool:
    """Whether what the event set, or brought back, may select an account that isn't watched, or no longer select one that is."""
    if target.type != "user":
        return False
    selection, wanted = scope.selection, scope.selection.attribute
    set_properties = (
        {wanted.name.casefold(), selected_property(wanted).casefold()} & target.changed.keys() if wanted else set[str]()
    )
    if target.id in scope.accounts:
        return bool(set_properties)
    named = {target.name, target.changed.get("userprincipalname", ""), target.id}
    if any(names(selection, name) for name in named if name):
        return True
    if event.activity.casefold() == _RESTORED and (selection.groups or wanted):
        return True  # it is in its groups again, and has its properties
    # A value may stand among others; one that the log leaves out may be any.
    return wanted is not None and any(
        not (text := target.changed[name]) or wanted.value.casefold() in text.casefold() for name in set_properties
    )
