"""Keeping what somebody exported of the Exchange side, and showing it beside verdicts."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime

from checks.exchange import NOTHING, ExchangeSide, exchange_view
from checks.model import JudgedAccount
from connections.storage import TABLES, ensure_tables, tables
from evidence.exchange import parse_export, remember_exchange
from evidence.store import StoredEvidence
from reports.words import count
from settings import Settings

_WORDS = {
    "mailboxes": ("the SMTP AUTH setting of {}", "mailbox", "mailboxes"),
    "tenant": ("the tenant's SMTP AUTH setting", "", ""),
    "policies": ("{}", "authentication policy", "authentication policies"),
    "users": ("the authentication policy of {}", "user", "users"),
    "default_policy": ("the default authentication policy", "", ""),
}


async def import_exchange(settings: Settings, text: str, taken: datetime) -> str:
    """Keep what a file says, taken then, and say what it was. Raises ``NotExported``, ``StorageUnavailable``, ``StorageError``."""
    new = parse_export(text, taken)
    async with tables(settings) as service:
        await ensure_tables(service, TABLES)
        await remember_exchange(StoredEvidence(service), new)
    return _told(new)


def _told(new: ExchangeSide) -> str:
    for one in fields(new):
        if (export := getattr(new, one.name)) is not None:
            said, single, many = _WORDS[one.name]
            return said.format(count(len(export.values), single, many))
    raise AssertionError("an export says something")


def with_exchange(judged: Sequence[JudgedAccount], side: ExchangeSide, now: datetime) -> list[JudgedAccount]:
    """The accounts with what the Exchange side says of them."""
    if side == NOTHING:
        return list(judged)
    return [replace(one, exchange=exchange_view(one.account, side, now)) for one in judged]
