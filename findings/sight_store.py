"""What can't be seen, in partition ``sight`` of table ``runs``, and what waits to be told of it.

::

    state;<key>          what can't be seen, since when, and when it was last told
    news;<alert id>      what is to be told in one alert

Both are written in one transaction: what is told and what is remembered as told don't exist without each other. The row of
news goes when every channel has it; an alert that was never put on a queue is found again by the next scan. News of a kind
that this version doesn't know is left as it is, and not told.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
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
_AT_A_TIME = 20
"""States and news that are kept together: well under what a transaction, or a card, can hold."""
_Item = TypeVar("_Item")


class SightStore:
    """Every method raises ``StorageError`` when Table Storage can't be used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._runs = Table(service, RUNS)
        self._odd = OddRows(of="partition")

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
        waiting = [
            (min(one.at for one in news), _after(NEWS, row))
            async for row in self._rows(NEWS)
            if (news := self._odd.read(RUNS, row, _news))
        ]
        return [alert_id for _, alert_id in sorted(waiting)]

    async def news_of(self, alert_id: str) -> tuple[tuple[SightNews, ...], tuple[str, ...]]:
        """What waits to be told in an alert, and the channels that it is for; nothing for any other alert."""
        row = await self._runs.get(SIGHT, join(NEWS, alert_id))
        news = self._odd.read(RUNS, row, _news) if row is not None else None
        if row is None or news is None:
            return (), ()
        return news, tuple(filter(None, str(row.get("channels") or "").split(",")))

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


def _after(kind: str, row: Mapping[str, Any]) -> str:
    """What a row is about, as its key says."""
    return from_key(row["RowKey"].removeprefix(f"{kind};"))


def _state(row: Columns) -> SightState:
    """Raises ``UnreadableRow`` where it doesn't say since when."""
    told_at = row.time_or_none("told_at")
    since = row.time("since") or told_at
    if since is None:
        raise UnreadableRow("since")
    return SightState(_unseen(row, _after(STATE, row)), since, row.text("run_id", ""), told_at)


def _news(row: Columns) -> tuple[SightNews, ...]:
    """Raises ``UnreadableRow`` where part of it can't be told: what is told goes, and this would go with it."""
    found = (row.document() or {}).get("news")
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise UnreadableRow("data")
    return tuple(_one_news(Columns(one)) for one in found)


def _one_news(values: Columns) -> SightNews:
    kind, since, at = values.word("kind", NewsKind), values.time("since"), values.time("at")
    if kind is None or since is None or at is None:
        raise UnreadableRow("news")
    return SightNews(kind, _unseen(values, values.text("key", "")), since, at)


def _unseen(values: Columns, key: str) -> Unseen:
    return Unseen(
        key=key,
        text=values.text("text", key),
        label=values.text_or_none("label") or "",
        at_once=values.mark("at_once"),
        ended=values.text_or_none("ended") or "",
        reminded=values.flag("reminded", True) if "reminded" in values else True,
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
