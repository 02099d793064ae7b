"""Reads the selected accounts: who they are, their per-user MFA state, their groups, their MFA registration."""

from collections.abc import AsyncIterator, Iterable, Sequence

from tenant.batch import Answer, Member, batch, collect
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError, GraphRefused, GraphUnreachable, Json
from tenant.methods import has_mfa_method
from tenant.model import Account, Gap, Registration
from tenant.selection import (
    Selection,
    key_segment,
    matching_attribute,
    matching_pattern,
    members_of,
    properties_for,
    reasons_for,
)

_BULK_STATE = "perUserMfaState"
_REPORT = "/reports/authenticationMethods/userRegistrationDetails"


class AccountReader:
    """Reads the accounts of one scan."""

    def __init__(self, graph: Graph, gaps: Gaps, selection: Selection) -> None:
        self._graph, self._gaps, self._selection = graph, gaps, selection
        self._select = properties_for(selection)
        self._group_names: dict[str, str] = {}
        self._selected_through: dict[str, set[str]] = {}
        """Account id -> the groups through which it was selected, known even where its memberships can't be read."""

    async def read(self, only: Sequence[str] | None) -> tuple[tuple[Account, ...], dict[str, str]]:
        """The selected accounts by user principal name, and the names of all groups they are in.

        ``only`` replaces the selection by accounts named one by one.
        """
        listed = tuple(only) if only else self._selection.accounts
        users, unreadable = await self._listed(listed)
        if not only:
            for user in [user async for user in self._found()]:
                users.setdefault(_id(user), user)
        ids = sorted(users)
        states = await self._states(ids)
        groups = await self._memberships(ids)
        registrations = await self._registrations([id for id in ids if _is_enabled(states[id])])
        accounts = [
            self._account(users[id], states[id], groups[id], registrations.get(id, Registration()), listed)
            for id in ids
        ]
        accounts += unreadable
        return tuple(sorted(accounts, key=lambda one: (one.user_principal_name.lower(), one.id))), self._group_names

    async def _listed(self, listed: Sequence[str]) -> tuple[dict[str, Json], list[Account]]:
        """The accounts that are named one by one, by id, and those that can't be read."""
        names = list({one.lower(): one for one in listed}.values())
        answers = await self._properties(names, f"{self._select},{_BULK_STATE}")
        # The state in the user list is undocumented: where Graph won't have it, the account is read without.
        again = [name for name, answer in zip(names, answers, strict=True) if _status(answer) in (400, 403)]
        without = dict(zip(again, await self._properties(again, self._select), strict=True))
        users: dict[str, Json] = {}
        unreadable: list[Account] = []
        for name, answer in zip(names, answers, strict=True):
            answer = without.get(name, answer)
            if _status(answer) == 404:
                self._gaps.not_found(name)
            elif isinstance(answer, GraphError):
                gap = self._gaps.add_for(name, "account_properties", answer)
                unreadable.append(Account(name, name, selected_by=("list",), properties=gap))
            else:
                users.setdefault(_id(answer), answer)
        return users, unreadable

    async def _properties(self, names: Sequence[str], select: str) -> list[Answer]:
        return await batch(self._graph, [Member(f"/users/{key_segment(name)}?$select={select}") for name in names])

    async def _found(self) -> AsyncIterator[Json]:
        """The accounts that group, pattern and attribute select."""
        selection = self._selection
        searches = [(f"group {id}", self._members(id)) for id in selection.groups]
        searches += [(f"pattern {one}", matching_pattern(self._graph, one, self._select)) for one in selection.patterns]
        if selection.attribute:
            wanted = selection.attribute
            searches.append((f"attribute {wanted.name}", matching_attribute(self._graph, wanted, self._select)))
        for name, users in searches:
            try:
                async for user in users:
                    yield user
            except GraphUnreachable:
                raise
            except GraphError as error:
                permission = "GroupMember.Read.All" if name.startswith("group ") else "User.Read.All"
                refused = isinstance(error, GraphRefused) and error.status == 403
                self._gaps.add("selection", f"{name}: {error}", permission=permission if refused else None)

    async def _members(self, group: str) -> AsyncIterator[Json]:
        async for user in members_of(self._graph, group, self._select):
            self._selected_through.setdefault(_id(user), set()).add(group.lower())
            yield user

    async def _states(self, ids: Sequence[str]) -> dict[str, str | None | Gap]:
        members = [Member(f"/users/{key_segment(id)}/authentication/requirements") for id in ids]
        answers = await batch(self._graph, members, version="beta")
        return {id: self._state(id, answer) for id, answer in zip(ids, answers, strict=True)}

    def _state(self, id: str, answer: Answer) -> str | None | Gap:
        if isinstance(answer, GraphError):
            return self._gaps.add_for(id, "per_user_mfa", answer)
        state = answer.get(_BULK_STATE)
        if isinstance(state, str) and state:
            return state
        self._gaps.add_for(id, "per_user_mfa", "the answer has no perUserMfaState value")
        return None

    async def _memberships(self, ids: Sequence[str]) -> dict[str, frozenset[str] | Gap]:
        path = "transitiveMemberOf?$select=id,displayName&$top=999"
        answers = await batch(self._graph, [Member(f"/users/{key_segment(id)}/{path}") for id in ids])
        found: dict[str, frozenset[str] | Gap] = {}
        for id, answer in zip(ids, answers, strict=True):
            items = await collect(self._graph, answer)
            if isinstance(items, GraphError):
                found[id] = self._gaps.add_for(id, "group_memberships", items)
            else:
                found[id] = frozenset(self._noted(item) for item in items if _is_group(item))
        return found

    def _noted(self, group: Json) -> str:
        id = _id(group)
        if name := str(group.get("displayName") or ""):
            self._group_names[id] = name
        return id

    async def _registrations(self, ids: Sequence[str]) -> dict[str, Registration]:
        """The registration report lags and needs a licence, so an answer other than yes is checked with the account."""
        rows = await batch(self._graph, [Member(f"{_REPORT}/{key_segment(id)}") for id in ids])
        reports = {id: _report(row) for id, row in zip(ids, rows, strict=True)}
        asked = [id for id in ids if not _says_yes(reports[id])]
        methods = await batch(self._graph, [Member(f"/users/{key_segment(id)}/authentication/methods") for id in asked])
        own: dict[str, tuple[str, ...] | Gap] = {}
        for id, answer in zip(asked, methods, strict=True):
            items = await collect(self._graph, answer)
            if not isinstance(items, GraphError):
                own[id] = tuple(str(item.get("@odata.type") or "unknown") for item in items)
            elif _says_no(reports[id]):
                own[id] = Gap("mfa_registration", str(items), account_id=id)  # the report decides: nothing is missing
            else:
                permission = "UserAuthenticationMethod.Read.All" if _status(items) == 403 else None
                gap = self._gaps.add_for(id, "mfa_registration", items)
                own[id] = Gap(gap.input, gap.error, permission, id)
        return {id: Registration(reports[id], own.get(id)) for id in ids}

    def _account(
        self,
        user: Json,
        state: str | None | Gap,
        groups: frozenset[str] | Gap,
        registration: Registration,
        listed: Iterable[str],
    ) -> Account:
        known = (frozenset() if isinstance(groups, Gap) else groups) | self._selected_through.get(_id(user), set())
        enabled, synced = user.get("accountEnabled"), user.get("onPremisesSyncEnabled")
        bulk = user.get(_BULK_STATE)
        upn = str(user.get("userPrincipalName") or _id(user))
        reasons = reasons_for(user, known, self._selection, self._group_names, tuple(listed))
        return Account(
            id=_id(user),
            user_principal_name=upn,
            display_name=str(user.get("displayName") or upn),
            selected_by=reasons,
            enabled=enabled if isinstance(enabled, bool) else None,
            user_type=user.get("userType"),
            external_user_state=user.get("externalUserState"),
            on_premises_sync_enabled=synced if isinstance(synced, bool) else None,
            per_user_mfa=state,
            per_user_mfa_bulk=bulk if isinstance(bulk, str) else None,
            groups=groups,
            registration=registration,
        )


def _report(row: Answer) -> tuple[str, ...] | Gap | None:
    if isinstance(row, GraphError):
        return None if _status(row) == 404 else Gap("mfa_registration", str(row), "AuditLog.Read.All")
    methods = row.get("methodsRegistered")
    return tuple(str(one) for one in methods) if isinstance(methods, list) else None


def _says_yes(report: tuple[str, ...] | Gap | None) -> bool:
    return isinstance(report, tuple) and has_mfa_method(report) is True


def _says_no(report: tuple[str, ...] | Gap | None) -> bool:
    return isinstance(report, tuple) and has_mfa_method(report) is False


def _is_enabled(state: str | None | Gap) -> bool:
    return isinstance(state, str) and state.lower() == "enabled"


def _is_group(item: Json) -> bool:
    """Roles and administrative units are in the list too; they are told apart by type, where Graph says it."""
    kind = str(item.get("@odata.type") or "#microsoft.graph.group").lower()
    return kind == "#microsoft.graph.group"


def _status(answer: Answer) -> int | None:
    return answer.status if isinstance(answer, GraphRefused) else None


def _id(item: Json) -> str:
    return str(item.get("id") or "").lower()
