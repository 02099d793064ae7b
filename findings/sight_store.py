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

from findings.keys import join, prefix_range
from findings.packing import pack, unpack
from findings.rows import present, utc, utc_or_none
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

    async def load(self) -> list[SightState]:
        """Everything that is remembered."""
        return [_state(row) async for row in self._rows(STATE) if _readable(row)]

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
        rows = [(row["at"], str(row["alert_id"])) async for row in self._rows(NEWS) if "alert_id" in row]
        return [alert_id for _, alert_id in sorted(rows)]

    async def news_of(self, alert_id: str) -> tuple[tuple[SightNews, ...], tuple[str, ...]]:
        """What waits to be told in an alert, and the channels that it is for; nothing for any other alert."""
        row = await self._runs.get(SIGHT, join(NEWS, alert_id))
        if row is None:
            return (), ()
        channels = tuple(filter(None, str(row.get("channels") or "").split(",")))
        return tuple(_news(one) for one in (unpack(row) or {}).get("news", ())), channels

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


def _readable(row: Mapping[str, Any]) -> bool:
    return not row.get("gone") and {"key", "text", "since", "run_id"} <= row.keys()


def _state(row: Mapping[str, Any]) -> SightState:
    return SightState(_unseen(row), utc(row["since"]), row["run_id"], utc_or_none(row.get("told_at")))


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
