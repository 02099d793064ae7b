"""What can't be seen, in partition ``sight`` of table ``runs``, and what waits to be told of it.

::

    state;<key>          what can't be seen, since when, and when it was last told; of an input that is read one by one,
                         the same of each object (packed), and in the columns what an earlier version makes of it
    news;<alert id>      what is to be told in one alert

Both are written in one transaction: what is told and what is remembered as told don't exist without each other. The row of
news goes when every channel has it; an alert that was never put on a queue is found again by the next scan. News of a kind
that this version doesn't know is left as it is, and not told.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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
        return [state for row in rows for state in self._odd.read(RUNS, row, _states) or ()]

    async def keep(self, sight: Sight, alert_ids: Sequence[str], *, channels: tuple[str, ...] = ()) -> None:
        """Write what follows from a scan; its news is told in as many alerts as it takes (``alerts_needed``).

        ``alert_ids`` are their ids, ``channels`` the alert channels that they are for.
        """
        states = _by_key((state.unseen.key, state) for state in sight.kept)
        gone = {state.unseen.key for state in sight.dropped} - states.keys()
        waiting = states | dict.fromkeys(gone, ())
        for told, alert_id in zip(_pieces_of(sight.news), alert_ids, strict=True):
            mine = {key: waiting.pop(key) for key in dict.fromkeys(one.unseen.key for one in told) if key in waiting}
            keys = {"PartitionKey": SIGHT, "RowKey": join(NEWS, alert_id)}
            values = present(alert_id=alert_id, at=told[0].at, channels=",".join(channels) or None)
            row = keys | values | pack({"news": [_news_object(one) for one in told]})
            await self._runs.submit([upsert(row), *itertools.starmap(_operation, mine.items())])
        for rows in _pieces(tuple(waiting.items())):
            await self._runs.submit(list(itertools.starmap(_operation, rows)))
        await self._runs.delete((SIGHT, join(STATE, key)) for key in sorted(gone))

    @staticmethod
    def alerts_needed(sight: Sight) -> int:
        """How many alerts the news of a scan takes."""
        return len(_pieces_of(sight.news))

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

    async def retell(self) -> None:
        """Forget the news that was for no channel: what lasts of it counts as not told, and is news for the next scan.

        Call it when a scan begins that can tell somebody. Dying in between does no harm: the news goes last.
        """
        rows = [row async for row in self._rows(NEWS) if not row.get("channels")]
        unheard = {one.unseen.key for row in rows for one in self._odd.read(RUNS, row, _news) or ()}
        states = [state for state in await self.load() if state.unseen.key in unheard] if unheard else []
        for key, known in _by_key((state.unseen.key, replace(state, told_at=None)) for state in states).items():
            await self._runs.submit([_operation(key, known)])
        for row in rows:
            if self._odd.read(RUNS, row, _news):
                await self._runs.delete([(SIGHT, row["RowKey"])])

    async def mark_told(self, alert_id: str) -> None:
        """Note that every channel is done with an alert. Doing it twice does no harm."""
        await self._runs.delete([(SIGHT, join(NEWS, alert_id))])

    def _rows(self, kind: str) -> Any:
        conditions = "PartitionKey eq @sight and RowKey ge @low and RowKey lt @high"
        return self._runs.query(conditions, {"sight": SIGHT, **prefix_range(kind)})


def _pieces(items: Sequence[_Item]) -> list[Sequence[_Item]]:
    return [items[start : start + _AT_A_TIME] for start in range(0, len(items), _AT_A_TIME)]


def _by_key(items: Iterable[tuple[str, _Item]]) -> dict[str, Sequence[_Item]]:
    found: dict[str, list[_Item]] = {}
    for key, item in items:
        found.setdefault(key, []).append(item)
    return dict(found)


def _pieces_of(news: Sequence[SightNews]) -> list[list[SightNews]]:
    """Pieces that hold everything that there is to tell of a key: it is written together with what is remembered of it."""
    pieces: list[list[SightNews]] = []
    for of_one in _by_key((one.unseen.key, one) for one in news).values():
        if not pieces or len(pieces[-1]) + len(of_one) > _AT_A_TIME:
            pieces.append([])
        pieces[-1] += of_one
    return pieces


def _operation(key: str, states: Sequence[SightState]) -> Operation:
    """Write what is remembered of a key; nothing where there are no states."""
    keys = {"PartitionKey": SIGHT, "RowKey": join(STATE, key)}
    if not states:
        # First marked and then deleted: in a transaction, deleting what is gone already would fail everything.
        return upsert({**keys, "gone": True})
    # The columns are what an earlier version reads of it, which knows no objects.
    told = [state.told_at for state in states if state.told_at]
    first = replace(states[0], since=min(state.since for state in states), told_at=min(told, default=None))
    values = present(since=first.since, run_id=first.run_id, told_at=first.told_at, **_unseen_columns(first.unseen))
    return upsert({**keys, **values, **(pack({"groups": _groups(states)}) if any(map(_object, states)) else {})})


def _object(state: SightState) -> str:
    return state.unseen.object


def _groups(states: Sequence[SightState]) -> list[dict[str, Any]]:
    """The objects of a key, those together of which the same is known."""
    alike: dict[SightState, list[SightState]] = {}
    for state in states:
        alike.setdefault(replace(state, unseen=replace(state.unseen, object="", name="")), []).append(state)
    return [
        {
            **_unseen_columns(one.unseen),
            "since": _text(one.since),
            "told_at": _text(one.told_at),
            "run_id": one.run_id,
            "objects": [[state.unseen.object, state.unseen.name] for state in objects],
        }
        for one, objects in alike.items()
    ]


def names_objects(document: Mapping[str, Any]) -> bool:
    """Whether what is packed in a row of this partition is about any object, or was never about some."""
    groups = document.get("groups")
    return not isinstance(groups, list) or any(_named(one.get("objects")) for one in groups if isinstance(one, dict))


def _text(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat() if time else None


def _after(kind: str, row: Mapping[str, Any]) -> str:
    """What a row is about, as its key says."""
    return from_key(row["RowKey"].removeprefix(f"{kind};"))


def _states(row: Columns) -> list[SightState]:
    """One for each object; what is odd about the objects counts as if an earlier version had kept none. Raises ``UnreadableRow``."""
    state = _state(row, _after(STATE, row))
    groups = (row.document() or {}).get("groups")
    found = [
        replace(one, unseen=replace(one.unseen, object=object, name=name))
        for group in (groups if isinstance(groups, list) else ())
        if isinstance(group, dict)
        for one in (_state(Columns(group), state.unseen.key),)
        for object, name in _named(group.get("objects"))
    ]
    return found or [state]


def _state(row: Columns, key: str) -> SightState:
    """Raises ``UnreadableRow`` where it doesn't say since when."""
    told_at = row.time_or_none("told_at")
    since = row.time("since") or told_at
    if since is None:
        raise UnreadableRow("since")
    return SightState(_unseen(row, key), since, row.text("run_id", ""), told_at)


def _named(objects: object) -> list[tuple[str, str]]:
    pairs = [one for one in objects if isinstance(one, list) and len(one) == 2] if isinstance(objects, list) else []
    return [(object, name) for object, name in pairs if isinstance(object, str) and isinstance(name, str)]


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
    names = values.get("names")
    return SightNews(
        kind,
        _unseen(values, values.text("key", "")),
        since,
        at,
        tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else (),
        values.count("more", 0) if "more" in values else 0,
    )


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
        "since": _text(news.since),
        "at": _text(news.at),
        "names": list(news.names),
        "more": news.more,
        **_unseen_columns(news.unseen),
    }
