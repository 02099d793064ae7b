"""The Exchange side that somebody exported: read from the files of documented one-liners, kept with the day on which they were taken.

A file says by its columns what it is. CSV (of Export-Csv: a line ``#TYPE`` may stand first, a semicolon may part the columns) and JSON
(of ConvertTo-Json: one object, or a list) of:

- Get-CASMailbox: ``SmtpClientAuthenticationDisabled`` beside ``ExternalDirectoryObjectId``, ``UserPrincipalName`` or ``PrimarySmtpAddress``
- Get-TransportConfig: ``SmtpClientAuthenticationDisabled`` alone
- Get-AuthenticationPolicy: ``AllowBasicAuthSmtp`` beside ``Name``
- Get-User: ``AuthenticationPolicy`` beside ``ExternalDirectoryObjectId`` or ``UserPrincipalName``
- Get-OrganizationConfig: ``DefaultAuthenticationPolicy``
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from basics.documents import read_json
from checks.exchange import ExchangeSide, Export
from evidence.store import Evidence

NAME = "exchange"
MOST_ROWS = 10_000
"""Mailboxes or users of one import: what is kept has to fit into one row of a table."""
_IDENTITIES = ("externaldirectoryobjectid", "userprincipalname", "primarysmtpaddress")
_NAMES = ("name", "displayname", "alias", "identity", "samaccountname", "emailaddresses", "windowsemailaddress")
"""Columns of Get-CASMailbox and Get-Mailbox that say whose mailbox it is, and by which none is found."""
_SWITCH, _ALLOWS, _POLICY, _DEFAULT = (
    "smtpclientauthenticationdisabled",
    "allowbasicauthsmtp",
    "authenticationpolicy",
    "defaultauthenticationpolicy",
)

_MORE = None
"""Under which csv.DictReader has what comes after the last column."""
Row = Mapping[str, Any]
Value = TypeVar("Value")


class NotExported(ValueError):
    """A file that holds none of these exports, or one that can't be right; the text is one sentence."""


def parse_export(text: str, taken: datetime) -> ExchangeSide:
    """What a file says. Raises :class:`NotExported`."""
    rows = _rows(text)
    if not rows:
        raise NotExported("The file holds no rows.")
    if len(rows) > MOST_ROWS:
        raise NotExported(
            f"The file holds {len(rows):,} rows, and {MOST_ROWS:,} are kept at most: export the service accounts' mailboxes alone."
        )
    columns = set().union(*rows)
    identified = bool(columns & set(_IDENTITIES))
    if _ALLOWS in columns and "name" in columns:
        named = ((_named(row["name"]).casefold(), _truth(row, _ALLOWS)) for row in rows if row.get("name"))
        return ExchangeSide(policies=Export(taken, _by_key(named)))
    if _SWITCH in columns and identified:
        switches = ((key, _truth(row, _SWITCH)) for row in rows for key in _keys(row))
        return ExchangeSide(mailboxes=Export(taken, _by_key(switches)))
    if _POLICY in columns and identified:
        policies = ((key, _named(_there(row, _POLICY))) for row in rows for key in _keys(row))
        return ExchangeSide(users=Export(taken, _by_key(policies)))
    if _SWITCH in columns and len(rows) == 1 and not _is_of_a_mailbox(rows[0]):
        return ExchangeSide(tenant=Export(taken, {"": _truth(rows[0], _SWITCH)}))
    if _DEFAULT in columns and len(rows) == 1:
        return ExchangeSide(default_policy=Export(taken, {"": _named(_there(rows[0], _DEFAULT))}))
    shown = ", ".join(sorted(columns)[:8])
    raise NotExported(
        f"The columns ({shown}) are those of none of the exports that docs/exchange.md shows: mailboxes and users need "
        "ExternalDirectoryObjectId or UserPrincipalName beside the setting."
    )


def _rows(text: str) -> list[Row]:
    """The rows of CSV or JSON, with the names of columns in lower case."""
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        try:
            found = read_json(stripped)
        except ValueError:
            raise NotExported("The file begins like JSON and isn't: export it again with ConvertTo-Json.") from None
        items = found if isinstance(found, list) else [found]
        if not all(isinstance(item, dict) for item in items):
            raise NotExported("The file's JSON must be an object, or a list of objects.")
        return [{str(name).lower(): value for name, value in item.items()} for item in items]
    lines = [line for line in stripped.splitlines() if not line.startswith("#TYPE")]
    head = lines[0] if lines else ""
    delimiter = max((",", ";", "\t"), key=head.count)
    try:
        read = list(csv.DictReader(io.StringIO("\n".join(lines)), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise NotExported(f"The file is no CSV that can be read ({error}).") from None
    if any(None in row.values() for row in read) or (stripped.endswith(delimiter) and not text.endswith("\n")):
        raise NotExported("The file breaks off: a row has fewer columns than the first line. Export it again.")
    if any(any(row.get(_MORE) or ()) for row in read):
        raise NotExported("A row of the file has more columns than the first line: export it again with Export-Csv.")
    return [{str(name).strip().lower(): value for name, value in row.items() if name} for row in read]


def _by_key(pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """The pairs as a mapping. Raises :class:`NotExported` where one name has two values: which is the newer one nobody knows."""
    found: dict[str, Value] = {}
    for key, value in pairs:
        if found.setdefault(key, value) != value:
            raise NotExported(f"The file says two things of {key[:80]!r}: export it again, into a new file.")
    return found


def _is_of_a_mailbox(row: Row) -> bool:
    """Whether a row names somebody: then it isn't the tenant's, whose transport settings have a name that is always the same."""
    names = (str(row[name] or "").strip().lower() for name in _NAMES if name in row)
    return any(name and not name.endswith("transport settings") for name in names)


def _keys(row: Row) -> list[str]:
    """What an account is found by: one name alone, the best that is there, so that forgetting it leaves no other behind."""
    return [str(row[name]).strip().lower() for name in _IDENTITIES if row.get(name)][:1]


def _truth(row: Row, name: str) -> bool | None:
    """A switch as PowerShell writes it; empty and null mean that there is no setting. Raises :class:`NotExported`."""
    value = _there(row, name)
    if isinstance(value, bool) or value is None:
        return value
    words: dict[str, bool | None] = {"true": True, "false": False, "": None, "$null": None}
    said = str(value).strip().lower()
    if said not in words:
        raise NotExported(f"The column {name} holds {said[:40]!r}: it must be True, False or empty.")
    return words[said]


def _there(row: Row, name: str) -> Any:
    """What a row says; what it leaves out is no "there is no setting". Raises :class:`NotExported`."""
    if name not in row:
        raise NotExported(f"Not every row has {name}: export it again.")
    return row[name]


def _named(value: Any) -> str:
    """The name of an authentication policy: the last part of a path, or the name in what ConvertTo-Json makes of an object."""
    if isinstance(value, Mapping):
        value = value.get("Name")
    return str(value or "").strip().replace("\\", "/").rpartition("/")[2]


async def recall_exchange(evidence: Evidence) -> ExchangeSide:
    """What was kept; what can't be read counts as never exported, and is noted. Raises ``StorageError``."""
    all_kept = await evidence.recall_all(f"{NAME}_")
    found: dict[str, Export[Any]] = {}
    for one in fields(ExchangeSide):
        kept = all_kept.get(f"{NAME}_{one.name}")
        if not kept:
            continue
        export = _export(kept.get("values"), kept.get("taken"))
        if export is None:
            evidence.note(f"{NAME}_{one.name}")
        else:
            found[one.name] = export
    return ExchangeSide(**found)


async def remember_exchange(evidence: Evidence, new: ExchangeSide) -> None:
    """Keep what is new, each kind in place of what was kept of it. Raises ``StorageError``.

    The values are a list of pairs, so that forgetting a person finds theirs (``evidence/store.py``).
    """
    for one in fields(new):
        export: Export[Any] | None = getattr(new, one.name)
        if export is not None:
            values = [[key, value] for key, value in export.values.items()]
            await evidence.remember(f"{NAME}_{one.name}", {"taken": export.taken.isoformat(), "values": values})


def _export(pairs: Any, taken: Any) -> Export[Any] | None:
    try:
        when = datetime.fromisoformat(taken)
    except (TypeError, ValueError):
        return None
    if when.tzinfo is None or not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
        return None
    return Export(when, dict(pairs))


def _is_pair(pair: Any) -> bool:
    ok = isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2
    return ok and isinstance(pair[0], str) and (pair[1] is None or isinstance(pair[1], bool | str))
