"""What can't be seen, in partition ``sight`` of table ``runs``, and what waits to be told of it.

::

    state;<key>          what can't be seen, since when, and when it was last told
    news;<alert id>      what is to be told in one alert

Both are written in one transaction: what is told and what is remembered as told don't exist without each other. The row of
news goes when every channel has it; an alert that was never put on a queue is found again by the next scan.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from azure.data.tables.aio import TableServiceClient

from findings.keys import from_key, join, prefix_range
from findings.odd import Columns, OddRows, UnreadableRow
from findings.packing import pack
from findings.rows import present
from findings.runs import RUNS
from findings.sight import NewsKind, Sight, SightNews, SightState, Unseen
from findings.tables import Operation, Table, upsert

SIGHT = "sight"
STATE, NEWS = "state", "news"
_AT_A_TIME = 40
"""States and news that are kept together: well under what a transaction can hold."""
_Item = TypeVar("_Item")


class SightStore:
    """Every method raises ``StorageError`` when Table Storage can't be used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._runs = Table(service, RUNS)
        self._odd = OddRows("sight")

    @property
    def odd(self) -> list[str]:
        """The rows that could not be read so far, or not in full, in sentences."""
        return self._odd.sentences

    async def load(self) -> list[SightState]:
        """Everything that is remembered."""
        rows = [row async for row in self._rows(STATE) if not row.get("gone")]
        return [state for row in rows if (state := self._odd.read(RUNS, row, _state))]

    async def keep(self, sight: Sight, alert_ids: Sequence[str], *, channels: tuple[str, ...] = ()) -> None:
        """Write what follows from a scan; its news is told in as many alerts as it takes (``alerts_needed``).

        ``alert_ids`` are their ids, ``channels`` the alert channels that they are for.
        """
        gone = {state.unseen.key for state in sight.dropped}
        waiting = {state.unseen.key: state for state in (*sight.kept, *sight.dropped)}
        for told, alert_id in zip(_pieces(sight.news), alert_ids, strict=True):
            mine = [waiting.pop(one.unseen.key) for one in told if one.unseen.key in waiting]
            keys = {"PartitionKey": SIGHT, "RowKey": join(NEWS, alert_id)}
            values = present(alert_id=alert_id, at=told[0].at, channels=",".join(channels) or None)
            row = keys | values | pack({"news": [_news_object(one) for one in told]})
            await self._runs.submit([upsert(row), *(_operation(state, gone) for state in mine)])
        for states in _pieces(tuple(waiting.values())):
            await self._runs.submit([_operation(state, gone) for state in states])
        await self._runs.delete((SIGHT, join(STATE, key)) for key in sorted(gone))

    @staticmethod
    def alerts_needed(sight: Sight) -> int:
        """How many alerts the news of a scan takes."""
        return len(_pieces(sight.news))

    async def untold_alert_ids(self) -> list[str]:
        """The alerts with news that waits to be told, the oldest first."""
        found = [self._odd.read(RUNS, row, _waiting) async for row in self._rows(NEWS)]
        return [alert_id for _, alert_id in sorted(one for one in found if one)]

    async def news_of(self, alert_id: str) -> tuple[tuple[SightNews, ...], tuple[str, ...]]:
        """What waits to be told in an alert, and the channels that it is for; nothing for any other alert."""
        row = await self._runs.get(SIGHT, join(NEWS, alert_id))
        if row is None:
            return (), ()
        return self._odd.read(RUNS, row, _news_and_channels) or ((), ())

    async def mark_told(self, alert_id: str) -> None:
        """Note that every channel is done with an alert. Doing it twice does no harm."""
        await self._runs.delete([(SIGHT, join(NEWS, alert_id))])

    def _rows(self, kind: str) -> Any:
        conditions = "PartitionKey eq @sight and RowKey ge @low and RowKey lt @high"
        return self._runs.query(conditions, {"sight": SIGHT, **prefix_range(kind)})


def _pieces(items: Sequence[_Item]) -> list[Sequence[_Item]]:
    return [items[start : start + _AT_A_TIME] for start in range(0, len(items), _AT_A_TIME)]


def _operation(state: SightState, gone: set[str]) -> Operation:
    keys = {"PartitionKey": SIGHT, "RowKey": join(STATE, state.unseen.key)}
    if state.unseen.key in gone:
        # First marked and then deleted: in a transaction, deleting what is gone already would fail everything.
        return upsert({**keys, "gone": True})
    values = present(since=state.since, run_id=state.run_id, told_at=state.told_at, **_unseen_columns(state.unseen))
    return upsert({**keys, **values})


def _state(row: Columns) -> SightState:
    since = row.time("since")
    if since is None:
        raise UnreadableRow("since")
    return SightState(_unseen(row), since, row.text("run_id", ""), row.time_or_none("told_at"))


def _waiting(row: Columns) -> tuple[datetime, str]:
    at = row.time("at")
    if at is None:
        raise UnreadableRow("at")
    return at, row.text("alert_id", from_key(row["RowKey"].rpartition(";")[2]))


def _news_and_channels(row: Columns) -> tuple[tuple[SightNews, ...], tuple[str, ...]]:
    channels = tuple(filter(None, (row.text_or_none("channels") or "").split(",")))
    try:
        return tuple(_news(one) for one in (row.document() or {}).get("news", ())), channels
    except (ValueError, KeyError, TypeError):
        raise UnreadableRow("news") from None


def _unseen(values: Mapping[str, Any]) -> Unseen:
    return Unseen(
        key=values["key"],
        text=values["text"],
        label=values.get("label") or "",
        at_once=bool(values.get("at_once")),
        ended=values.get("ended") or "",
        reminded=bool(values.get("reminded", True)),
    )


def _unseen_columns(one: Unseen) -> dict[str, Any]:
    return {
        "key": one.key,
        "text": one.text,
        "label": one.label,
        "at_once": one.at_once,
        "ended": one.ended,
        "reminded": one.reminded,
    }


def _news_object(news: SightNews) -> dict[str, Any]:
    return {
        "kind": news.kind.value,
        "since": news.since.astimezone(UTC).isoformat(),
        "at": news.at.astimezone(UTC).isoformat(),
        **_unseen_columns(news.unseen),
    }


def _news(values: Mapping[str, Any]) -> SightNews:
    return SightNews(
        NewsKind(values["kind"]),
        _unseen(values),
        datetime.fromisoformat(values["since"]),
        datetime.fromisoformat(values["at"]),
    )
