"""Collects what could not be read: each input once for the whole tenant, however many accounts it hits."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypedDict

from tenant.graph import GraphError, GraphRefused, is_licence_error, may_pass
from tenant.model import Gap
from tenant.permissions import audit_log_refused, opening_to_a_person, permission_for

Key = tuple[str, str]


class Gaps:
    """The gaps of one reading."""

    def __init__(self) -> None:
        self._found: dict[Key, Gap] = {}
        self._objects: dict[Key, set[str]] = {}
        self.answered: set[str] = set()
        """The inputs of which something was asked and answered, where that depends on what else is found (``tenant/consents.py``)."""

    def add(
        self,
        input_name: str,
        error: GraphError | str,
        *,
        what: str = "",
        permission: str | None = None,
        of: Iterable[str] = (),
    ) -> Gap:
        """Note that an input of the tenant could not be read, and return the gap.

        ``what`` says which part of the input; ``permission`` opens it where it isn't the usual one for the input; ``of`` are the
        objects (``Gap.objects``) that it is about.
        """
        text = f"{what}: {error}" if what else str(error)
        gap = Gap(input_name, text, **_opens(error, permission or permission_for(input_name)), objects=tuple(of))
        return self._noted((input_name, f"{what}: {_kind(error)}"), gap)

    def add_for(self, account_id: str, input_name: str, error: GraphError | str, *, passing: bool = False) -> Gap:
        """Note that an input of an account could not be read, and return the account's own gap.

        ``passing``: whether another source of it may show it some time later.
        """
        gap = account_gap(account_id, input_name, error, permission_for(input_name))
        return self._noted((input_name, f"account: {_kind(error)}"), replace(gap, passing=gap.passing or passing))

    def add_optional(self, input_name: str, error: GraphError | str, *, text: str = "", of: Iterable[str] = ()) -> Gap:
        """Note that an input on which no verdict depends could not be read; ``text`` says it better than the error does.

        ``of``: see ``add``.
        """
        licence = isinstance(error, GraphError) and is_licence_error(error)  # no permission helps
        opens = _opens(error, None if licence else permission_for(input_name))
        gap = Gap(input_name, text or str(error), **opens, tenant_wide=False, optional=True, objects=tuple(of))
        return self._noted((input_name, f"optional: {_kind(error)}"), gap)

    def add_audit_log(self, error: GraphError) -> Gap:
        """Note that the audit log could not be read: a refusal may ask for two permissions."""
        refused = isinstance(error, GraphRefused) and error.status == 403 and not is_licence_error(error)
        return self.add_optional("audit_log", error, text=audit_log_refused(error) if refused else "")

    def not_found(self, account: str) -> None:
        """Note that an account which somebody named doesn't exist."""
        text = "404 there is no such account: check the spelling, or remove it from the list"
        gap = Gap(f"account {account}", text, account_id=account, tenant_wide=False, not_found=True)
        self._found.setdefault((gap.input, gap.error), gap)

    def found(self) -> tuple[Gap, ...]:
        """All gaps by input; one that hits several accounts is told once, and says how many."""
        told = (self._told(key, gap) for key, gap in self._found.items())
        return tuple(sorted(told, key=lambda gap: (gap.input, gap.error)))

    def _noted(self, key: Key, gap: Gap) -> Gap:
        known = self._found.setdefault(key, gap)
        if gap.passing and not known.passing:
            self._found[key] = replace(known, passing=True)
        self._objects.setdefault(key, set()).update(gap.objects)
        return gap

    def _told(self, key: Key, gap: Gap) -> Gap:
        objects = tuple(sorted(self._objects.get(key, ())))
        if gap.account_id is None or len(objects) <= 1:
            return replace(gap, objects=objects)
        return replace(gap, error=f"{gap.error} (for {len(objects)} accounts)", account_id=None, objects=objects)


def gap_of(input_name: str, error: GraphError | str, *, tenant_wide: bool = True) -> Gap:
    """That an input could not be read, for whoever notes it nowhere."""
    return Gap(input_name, str(error), **_opens(error, permission_for(input_name)), tenant_wide=tenant_wide)


def account_gap(account_id: str, input_name: str, error: GraphError | str, permission: str | None) -> Gap:
    """That an input of an account could not be read; ``permission`` opens it, if it was refused."""
    opens = _opens(error, permission)
    return Gap(input_name, str(error), **opens, account_id=account_id, tenant_wide=False, objects=(account_id,))


def with_new(known: tuple[Gap, ...], found: Iterable[Gap]) -> tuple[Gap, ...]:
    """The gaps that are known, and of the others those that say something else.

    One that says the same is about its objects, too.
    """
    gaps = {(gap.input, gap.error): gap for gap in known}
    for gap in found:
        same = gaps.setdefault((gap.input, gap.error), gap)
        objects = tuple(dict.fromkeys((*same.objects, *gap.objects)))
        gaps[gap.input, gap.error] = replace(same, objects=objects)
    return tuple(gaps.values())


def _kind(error: GraphError | str) -> str:
    """What makes two errors the same: Graph's messages name ids and times, its status and code don't."""
    return f"{error.status} {error.code}" if isinstance(error, GraphRefused) else str(error)


class _Opens(TypedDict):
    permission: str | None
    for_a_person: str
    passing: bool


def _opens(error: GraphError | str, permission: str | None) -> _Opens:
    """Only a refusal is opened by a permission; a server error or a throttled request passes."""
    if permission is None or not isinstance(error, GraphRefused) or error.status != 403:
        passing = isinstance(error, GraphError) and may_pass(error)
        return _Opens(permission=None, for_a_person="", passing=passing)
    to_a_person = "" if error.scopes is None else opening_to_a_person(permission, error.scopes)
    return _Opens(permission=permission, for_a_person=to_a_person, passing=False)
