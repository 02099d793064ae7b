"""Which accounts are watched: those that the settings select, and those that earlier scans watched until it is certain that
nobody means them any more. Pure.

A renamed account is watched on under its id. What selects accounts may be unreadable, or a setting may have got lost: then
the known accounts are watched on as well, and that the selection shrank is told instead of closing their findings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from basics.times import day
from findings.model import AccountRecord
from findings.sight import Unseen
from tenant.model import Account, Gap
from tenant.selection import Selection, names

DISCOVERY = "discovery"
"""What ``selected_by`` says of an account that discovery proposed."""
GRACE = timedelta(days=7)
"""How long accounts are watched on after the selection lost most of them at once."""
GRACE_DELETED = timedelta(days=1)
"""The same for accounts that no longer exist: there is nothing to watch, only a second look to take."""
DELETED = "The account no longer exists in the tenant."
NOT_SELECTED = "The account is no longer selected as a service account."
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Watch:
    """What becomes of the accounts of a scan."""

    accounts: tuple[Account, ...]
    """Those that are judged and shown."""
    watched: Mapping[str, AccountRecord | None]
    """Account id -> what was known of those that are kept; the others were only asked for."""
    selected_as: Mapping[str, str]
    """Account id -> the user principal name with which the settings last selected it; empty for a proposed one."""
    lost_since: Mapping[str, datetime]
    """Account id -> since when the settings don't select it, for those that are watched on nevertheless."""
    closing: Mapping[str, str]
    """Account id -> why it is watched no longer."""
    unseen: tuple[Unseen, ...]
    """What is to be told about it."""


def followed(known: Mapping[str, AccountRecord], accounts: Sequence[Account]) -> list[str]:
    """The ids of known accounts that a reading doesn't hold: they are looked up before anything is said about them."""
    read = {account.id for account in accounts}
    return sorted(id for id in known if id not in read)


def watch(
    accounts: Sequence[Account],
    known: Mapping[str, AccountRecord],
    selection: Selection,
    *,
    gone: frozenset[str] = frozenset(),
    unreadable: bool = False,
    discovery_unreadable: bool = False,
    asked: bool = False,
    now: datetime,
) -> Watch:
    """Decide which of the accounts that were read are watched.

    Args:
        accounts: As read: the selected ones, and those that were looked up because they are known (``followed``).
        known: The records of the accounts that the last scans watched, by id.
        selection: What the settings select.
        gone: The ids of known accounts that no longer exist.
        unreadable: Whether something that selects accounts couldn't be read.
        discovery_unreadable: The same for discovery.
        asked: Whether the accounts were asked for one by one, so that nothing is said about others.
        now: When they were read.
    """
    candidates: list[tuple[str, AccountRecord]] = []
    kept: dict[str, Account] = {}
    selected_as: dict[str, str] = {}
    only_asked: list[Account] = []
    still_lost: dict[str, datetime] = {}
    for account in accounts:
        record = known.get(account.id)
        if account.selected_by:
            selected_as[account.id] = _selected_as(account, record)
            kept[account.id] = account
        elif record is None:
            only_asked.append(account)
        else:
            selected_as[account.id] = record.selected_as
            why = _watched_on(account, record, selection, unreadable, discovery_unreadable, asked=asked)
            if why is None:
                candidates.append((account.id, record))
            elif record.lost_since and not _is_named_as_before(account, record, selection):
                still_lost[account.id] = record.lost_since
            kept[account.id] = replace(account, selected_by=(why or "no longer selected",))
    candidates += [(id, known[id]) for id in sorted(gone) if id in known and id not in kept]
    lost, closing = _lost(candidates, len(known), gone, now)
    watched_on = {id: account for id, account in kept.items() if id not in closing}
    shown = [_until(account, lost) for id, account in kept.items() if id not in closing]
    return Watch(
        accounts=tuple(sorted((*shown, *only_asked), key=lambda one: (one.user_principal_name.lower(), one.id))),
        watched={account.id: known.get(account.id) for account in shown},
        selected_as=selected_as,
        lost_since=lost | still_lost,
        closing=closing,
        unseen=(*_renamed(watched_on, known, selection), *_shrunk(lost | still_lost, known, gone)),
    )


def _selected_as(account: Account, record: AccountRecord | None) -> str:
    """The name with which the settings select an account. One that can't be read shows the name that it had last, which needn't
    be the one by which they know it.
    """
    if account.properties is not None and record is not None and record.selected_as:
        return record.selected_as
    return "" if account.selected_by == (DISCOVERY,) else account.user_principal_name


def _watched_on(
    account: Account,
    record: AccountRecord,
    selection: Selection,
    unreadable: bool,
    discovery_unreadable: bool,
    *,
    asked: bool,
) -> str | None:
    """Why a known account that nothing selects is watched on; None where the settings don't mean it any more."""
    if account.properties is not None:
        return "watched before; it can't be read at present"
    if _is_named_as_before(account, record, selection):
        return f"renamed: it was {record.selected_as}"
    in_a_group = bool(selection.groups) and isinstance(account.groups, Gap)  # it may be: nobody can say
    if unreadable or in_a_group or (discovery_unreadable and not record.selected_as):
        return "watched before; what selects it can't be read at present"
    if asked:
        return "watched before"
    return None


def _is_named_as_before(account: Account, record: AccountRecord, selection: Selection) -> bool:
    """Whether the settings select the account by a name that it had before, and not by the one that it has."""
    return (
        account.properties is None
        and bool(record.selected_as)
        and _renames(record.selected_as, account)
        and names(selection, record.selected_as)
        and not names(selection, account.user_principal_name)
    )


def _renames(before: str, account: Account) -> bool:
    return before.casefold() != account.user_principal_name.casefold()


def _lost(
    candidates: Sequence[tuple[str, AccountRecord]], known: int, gone: frozenset[str], now: datetime
) -> tuple[dict[str, datetime], dict[str, str]]:
    """Since when accounts are lost that are watched on, and why the others are watched no longer."""
    most = len(candidates) == known or 2 <= len(candidates) >= known / 2
    lost: dict[str, datetime] = {}
    closing: dict[str, str] = {}
    for id, record in candidates:
        since = record.lost_since or (now if most else None)
        if since is None or now - since >= (GRACE_DELETED if id in gone else GRACE):
            closing[id] = DELETED if id in gone else NOT_SELECTED
        else:
            lost[id] = since
    return lost, closing


def _until(account: Account, lost: Mapping[str, datetime]) -> Account:
    if account.id not in lost:
        return account
    return replace(account, selected_by=(f"no longer selected; watched on until {day(lost[account.id] + GRACE)}",))


def _renamed(kept: Mapping[str, Account], known: Mapping[str, AccountRecord], selection: Selection) -> list[Unseen]:
    found = []
    listed = {name.lower() for name in selection.accounts}
    for id, account in kept.items():
        record = known.get(id)
        if record is None or account.properties is not None:
            continue
        new, before = account.user_principal_name, record.user_principal_name
        outdated = record.selected_as if _is_named_as_before(account, record, selection) else None
        if not outdated and not _renames(before, account):
            continue
        setting = "SERVICE_ACCOUNTS" if outdated and outdated.lower() in listed else "SERVICE_ACCOUNT_PATTERNS"
        was = before if _renames(before, account) else outdated
        text = f"{was} was renamed to {new}. It is watched on, and its findings go on."
        if outdated:
            text += f" {setting} selects it by its old name only: put the new one there."
        text += " The product that signs in with it needs the new name too."
        found.append(
            Unseen(
                # That the settings are out of date is news of its own: they may become so long after the rename was told.
                f"{'renamed' if outdated else 'once renamed'} {id} {new}",
                text,
                ended=f"The settings no longer select {new} by its old name {outdated}." if outdated else "",
                at_once=True,
                reminded=bool(outdated),
                instead_of=f"renamed {id} ",  # where it was renamed before: that name is over, and nothing was put right
            )
        )
    return found


def _shrunk(lost: Mapping[str, datetime], known: Mapping[str, AccountRecord], gone: frozenset[str]) -> list[Unseen]:
    """What to tell where the selection lost most of its accounts at once."""
    if not lost:
        return []
    by_start: dict[datetime, list[str]] = {}
    for id, since in lost.items():
        by_start.setdefault(since, []).append(id)
    return [_shrunk_at(since, ids, known, gone) for since, ids in by_start.items()]


def _shrunk_at(since: datetime, ids: Sequence[str], known: Mapping[str, AccountRecord], gone: frozenset[str]) -> Unseen:
    upns = sorted(known[id].user_principal_name for id in ids)
    shown = ", ".join(upns[:_NAMED]) + (f" and {len(upns) - _NAMED} more" if len(upns) > _NAMED else "")
    missing = sum(id in gone for id in ids)
    count = f"{len(ids)} of {len(known)} service accounts" if len(known) > 1 else "The only service account"
    verb = "is" if len(ids) == 1 else "are"
    at_once = ", all at once" if len(ids) > 1 else ""
    what = f"{count} {verb} gone from what the settings select{at_once}: {shown}."
    deleted = f" {missing} of them no longer exist{'s' if missing == 1 else ''} in the tenant." if missing else ""
    until = since + (GRACE_DELETED if missing == len(ids) else GRACE)
    return Unseen(
        f"selection {since.isoformat()}",
        f"{what}{deleted} If a setting, a group or a name was changed by mistake, put it right: no finding was closed, and "
        f"they are watched on until {day(until)}. If it is meant, there is nothing to do.",
        at_once=True,
        reminded=False,
    )
