"""Reads the selected accounts: who they are, their per-user MFA state, their groups, their MFA registration."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from sys import intern
from types import MappingProxyType

from basics.breath import breathing
from tenant.batch import SIZE, Answer, Done, Member, batch, batch_any, collect, in_pieces
from tenant.carried import NOTHING_CARRIED, STATES, Answers, Carried, agree, answers_of, properties_digest
from tenant.gaps import Gaps
from tenant.graph import Graph, GraphError, GraphRefused, Json, is_missing
from tenant.model import Account, Gap, Registration
from tenant.odata import key_segment
from tenant.registration import read_registered, read_registrations
from tenant.search import find_accounts
from tenant.selection import PROPERTIES, Selection, properties_for, reasons_for, shows_attribute
from tenant.shapes import MEMBERSHIP, USER, another, fault

_BULK_STATE = "perUserMfaState"
Advance = Callable[[int, int], None]
"""Told how many accounts are read, and how many there are."""
_Read = tuple[str | None | Gap, frozenset[str] | Gap, Registration]
"""Per-user MFA state, groups and MFA registration."""
_NO_GROUPS = frozenset({"#microsoft.graph.directoryrole", "#microsoft.graph.administrativeunit"})


class AccountReader:
    """Reads the accounts of one scan."""

    def __init__(
        self,
        graph: Graph,
        gaps: Gaps,
        selection: Selection,
        known: Mapping[str, str] = MappingProxyType({}),
        advance: Advance = lambda done, total: None,
        carried: Carried = NOTHING_CARRIED,
    ) -> None:
        """``known``: user principal name in lower case -> id, of accounts that were read before. ``advance`` hears how far it is.

        ``carried``: what may stand for a reading of accounts whose properties are what they were.
        """
        self._advance, self._carried = advance, carried
        self._graph, self._gaps, self._selection, self._known = graph, gaps, selection, known
        self._listed = frozenset(name.lower() for name in selection.accounts)
        self._select = properties_for(selection)
        self._asked_with: dict[str, str] = {}
        """The ``$select`` with which each account was asked for last, by the name that it was asked for by."""
        self._group_names: dict[str, str] = {}
        self._users: dict[str, Json] = {}
        self._unreadable: list[Account] = []
        self.unproved: set[str] = set()
        """The ids of accounts that may have the attribute that selects: it isn't shown of them."""
        self._selected_through: dict[str, set[str]] = {}
        """Account id -> the groups through which it was selected, known even where its memberships can't be read."""
        self.answers: dict[str, Answers] = {}
        """What a later scan may carry over: of each account of which everything could be read."""
        self.carried: frozenset[str] = frozenset()
        """The ids of the accounts of which nothing but the properties was read anew."""
        self.surprises: tuple[str, ...] = ()
        """The accounts of which Graph answers otherwise than was carried over."""
        self.doubted = False
        """Whether any of what was carried over wasn't confirmed, so that nothing stands for a reading."""

    async def read(self, only: Sequence[str] | None) -> tuple[tuple[Account, ...], dict[str, str]]:
        """The selected accounts by user principal name, and the names of all groups they are in.

        ``only`` are accounts named one by one that are read in place of all selected ones, selected or not.
        """
        asked = tuple(dict.fromkeys(only or self._selection.accounts))
        incomplete = [] if only else await self._find()
        await self._identify([*asked, *incomplete], frozenset(one.lower() for one in asked))
        ids = sorted(self._users)
        self._graph.limits.has_users(len(ids))
        read = await self._read(ids)
        accounts = [self._account(self._users[id], *answers) async for id, answers in breathing(read.items())]
        accounts += self._unreadable
        return tuple(sorted(accounts, key=lambda one: (one.user_principal_name.lower(), one.id))), self._group_names

    async def _read(self, ids: Sequence[str]) -> dict[str, _Read]:
        """What is read of the accounts one by one, or was, as long as nothing shows that it isn't so any more."""
        standing = {id: known for id in ids if (known := self._carried.answers.get(id)) is not None}
        standing = {id: known async for id, known in breathing(standing.items()) if self._fits(id, known)}
        over = standing.keys() - self._carried.proof
        read = await self._ask([id for id in ids if id not in over])
        doubted = [id for id in standing.keys() & read.keys() if not agree(standing[id], self.answers.get(id))]
        self.surprises = tuple(sorted(id for id in doubted if id in self.answers))
        self.doubted = bool(doubted)
        if doubted:
            read |= await self._ask(sorted(over))
            over = set()
        self.carried = frozenset(over)
        self.answers |= {id: standing[id] for id in over}
        for id in over:
            self._group_names |= {
                group: name for group in standing[id].groups if (name := self._carried.names.get(group))
            }
        return read | {id: (standing[id].state, standing[id].groups, standing[id].registration) for id in over}

    def _fits(self, id: str, answers: Answers) -> bool:
        """Whether what is read of every account at every scan is what it was with these answers."""
        selecting = {group.lower() for group in self._selection.groups}
        through = answers.groups & selecting == self._selected_through.get(id, set())
        return through and answers.properties == properties_digest(self._users[id])

    async def _ask(self, ids: Sequence[str]) -> dict[str, _Read]:
        done = self._counted(len(ids), ways=2)
        (states, registrations), groups = await asyncio.gather(
            self._states_and_registrations(ids, done), in_pieces(ids, lambda piece: self._memberships(piece, done))
        )
        read = {id: (states[id], groups[id], registrations.get(id, Registration())) for id in ids}
        async for id, one in breathing(read.items()):
            if (answers := answers_of(self._users[id], *one)) is not None:
                self.answers[id] = answers
        return read

    def _counted(self, accounts: int, ways: int) -> Done:
        """Counts the answers to several questions about each account as accounts."""
        answered = 0

        def done(more: int) -> None:
            nonlocal answered
            answered += more
            self._advance(answered // ways, accounts)

        return done

    async def _states_and_registrations(
        self, ids: Sequence[str], done: Done
    ) -> tuple[dict[str, str | None | Gap], dict[str, Registration]]:
        states = await in_pieces(ids, lambda piece: self._states(piece, done))
        registrations = await read_registrations(self._graph, self._gaps, self._worth_asking(ids, states))
        # Those of Enforced accounts decide no verdict, so they come after those that do.
        enforced = [id for id in ids if _is_state(states[id], "enforced") and self._may_sign_in(id)]
        return states, registrations | await read_registered(self._graph, self._gaps, enforced)

    def _worth_asking(self, ids: Sequence[str], states: Mapping[str, str | None | Gap]) -> list[str]:
        """The accounts whose registration decides something: those that are Enabled.

        Where the state is unknown it may be Enabled: the first of these show whether their registrations can be read as well.
        """
        enabled = [id for id in ids if _is_state(states[id], "enabled")]
        unsure = [id for id in ids if not _is_state(states[id], *STATES) and self._may_sign_in(id)]
        return [*enabled, *unsure[:SIZE]]

    def _may_sign_in(self, id: str) -> bool:
        return self._users[id].get("accountEnabled") is not False

    async def _find(self) -> list[str]:
        """Search for accounts. Returns the ids of those that are still to be read."""
        incomplete: dict[str, None] = {}
        for hit in await find_accounts(self._graph, self._gaps, self._selection, self._select):
            id = _id(hit.user)
            if hit.group:
                self._selected_through.setdefault(id, set()).add(hit.group)
            if hit.complete and fault(hit.user, USER) is None:
                self._users.setdefault(id, hit.user)
            else:
                incomplete[id] = None
        return [id for id in incomplete if id not in self._users]

    async def _identify(self, references: Sequence[str], asked: frozenset[str]) -> None:
        """Read the properties of accounts that are known by an id or a user principal name, unless they were found.

        That one of those ``asked`` for doesn't exist is said.
        """
        found = self._users.keys() | {str(user.get("userPrincipalName")).lower() for user in self._users.values()}
        names = [name for name in {one.lower(): one for one in references}.values() if name.lower() not in found]
        selects = list(dict.fromkeys((f"{self._select},{_BULK_STATE}", self._select, PROPERTIES)))
        answers = await self._properties(names, selects)
        for name in names:
            answer = answers[name]
            error = answer if isinstance(answer, GraphError) else _unusable(answer, name)
            if not (isinstance(answer, GraphError) or error):
                self._users.setdefault(_id(answer), answer)
                wanted = self._selection.attribute
                if wanted and not shows_attribute(answer, self._asked_with[name], wanted):
                    self.unproved.add(_id(answer))
            elif error and not is_missing(answer):
                id = self._known.get(name.lower(), name)
                gap = self._gaps.add_for(id, "account_properties", error)
                reasons = ("list",) if name.lower() in self._listed else ()
                self._unreadable.append(Account(id, name, selected_by=reasons, properties=gap))
            elif name.lower() in asked:
                self._gaps.not_found(name)

    async def _properties(self, names: Sequence[str], selects: Sequence[str]) -> dict[str, Answer]:
        """The users' properties by name, with the first ``$select`` that Graph allows.

        It may refuse the undocumented state, or the property that selects: the first batch shows that for all others.
        """
        select, *simpler = selects
        answers = await self._with_select(names[:SIZE], select)
        if not (simpler and any(map(_is_refused, answers.values()))):
            answers |= await self._with_select(names[SIZE:], select)
        again = [name for name in names if name not in answers or _is_refused(answers[name])]
        if simpler and again:
            answers |= await self._properties(again, simpler)
        return answers

    async def _with_select(self, names: Sequence[str], select: str) -> dict[str, Answer]:
        members = [Member(f"/users/{key_segment(name)}?$select={select}") for name in names]
        self._asked_with |= dict.fromkeys(names, select)
        return dict(zip(names, await batch(self._graph, members), strict=True))

    async def _states(self, ids: Sequence[str], done: Done) -> dict[str, str | None | Gap]:
        members = [Member(f"/users/{key_segment(id)}/authentication/requirements") for id in ids]
        answers = await batch(self._graph, members, version="beta", done=done)
        return {id: self._state(id, answer) for id, answer in zip(ids, answers, strict=True)}

    def _state(self, id: str, answer: Answer) -> str | None | Gap:
        if isinstance(answer, GraphError):
            return self._gaps.add_for(id, "per_user_mfa", answer)
        state = answer.get(_BULK_STATE)
        if isinstance(state, str) and state:
            return state
        self._gaps.add_for(id, "per_user_mfa", "the answer has no perUserMfaState value")
        return None

    async def _memberships(self, ids: Sequence[str], done: Done) -> dict[str, frozenset[str] | Gap]:
        paths = [f"/users/{key_segment(id)}/transitiveMemberOf" for id in ids]
        shapes = [(f"{path}?$select=id,displayName&$top=999", f"{path}?$select=id,displayName", path) for path in paths]
        answers = await batch_any(self._graph, shapes, done=done)
        lists = await asyncio.gather(*(collect(self._graph, answer, MEMBERSHIP) for answer in answers))
        found: dict[str, frozenset[str] | Gap] = {}
        for id, items in zip(ids, lists, strict=True):
            if isinstance(items, GraphError):
                found[id] = self._gaps.add_for(id, "group_memberships", items)
            else:
                found[id] = frozenset(self._noted(item) for item in items if _is_group(item))
        return found

    def _noted(self, group: Json) -> str:
        id = _id(group)
        if name := str(group.get("displayName") or ""):
            self._group_names[id] = name
        return intern(id)  # many accounts are in the same groups

    def _account(
        self,
        user: Json,
        state: str | None | Gap,
        groups: frozenset[str] | Gap,
        registration: Registration,
    ) -> Account:
        id = _id(user)
        known = (frozenset() if isinstance(groups, Gap) else groups) | self._selected_through.get(id, set())
        enabled, synced = user.get("accountEnabled"), user.get("onPremisesSyncEnabled")
        upn = _text(user, "userPrincipalName") or id
        return Account(
            id=id,
            user_principal_name=upn,
            display_name=_text(user, "displayName") or upn,
            selected_by=reasons_for(user, known, self._selection, self._group_names),
            enabled=enabled if isinstance(enabled, bool) else None,
            user_type=_text(user, "userType"),
            external_user_state=_text(user, "externalUserState"),
            on_premises_sync_enabled=synced if isinstance(synced, bool) else None,
            per_user_mfa=state,
            per_user_mfa_bulk=_text(user, _BULK_STATE),
            groups=groups,
            registration=registration,
        )


def _is_state(state: str | None | Gap, *wanted: str) -> bool:
    return isinstance(state, str) and state.lower() in wanted


def _is_group(item: Json) -> bool:
    """Roles and administrative units are in the list too; they are told apart by type, where Graph says it."""
    return str(item.get("@odata.type")).lower() not in _NO_GROUPS


def _is_refused(answer: Answer) -> bool:
    return _status(answer) in (400, 403)


def _unusable(user: Json, asked: str) -> GraphError | None:
    """What is wrong with a user that was asked for by an id or a user principal name."""
    return fault(user, USER) or another(user, asked, "userPrincipalName")


def _status(answer: Answer) -> int | None:
    return answer.status if isinstance(answer, GraphRefused) else None


def _text(item: Json, name: str) -> str | None:
    value = item.get(name)
    return value if isinstance(value, str) else None


def _id(item: Json) -> str:
    return str(item.get("id") or "").lower()
