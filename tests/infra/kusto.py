"""Answers the Kusto queries of the alert rules and the docs from records: the few operators that they use, and no other."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from types import SimpleNamespace
from typing import Any

Row = dict[str, Any]

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_INFIX = re.compile(r'([\w.()]+) (startswith|contains|matches regex) @?("[^"]*")')


class _Properties(SimpleNamespace):
    """A dynamic column: what a record doesn't have is null."""

    def __getattr__(self, name: str) -> None:
        return None


def ask(query: str, tables: Mapping[str, Sequence[Row]], now: datetime) -> list[Row]:
    """The rows that a query gives at a time. Raises ValueError for what isn't understood."""
    source, *steps = [line.removeprefix("|").strip() for line in query.strip().splitlines()]
    names = source.removeprefix("union isfuzzy=true ")
    rows = [dict(row) for name in names.split(", ") for row in tables.get(name, ())]
    for step in steps:
        verb, _, rest = step.partition(" ")
        if verb == "where":
            rows = [row for row in rows if _value(rest, row, now)]
        elif verb == "extend":
            rows = [{**row, **{name: _value(text, row, now) for name, text in _named(rest)}} for row in rows]
        elif verb == "summarize":
            rows = _summarized(rest, rows, now)
        elif verb == "project":
            wanted = _named(rest)
            rows = [{name: _value(text, row, now) for name, text in wanted} for row in rows]
        elif verb == "parse":
            rows = [_parsed(rest, row) for row in rows]
        elif verb != "order":
            raise ValueError(f"unknown operator: {step}")
    return rows


def _named(text: str) -> list[tuple[str, str]]:
    """``A = x, B = y`` and ``A, B``, split at the commas outside of brackets and quotes."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == '"'
        depth += 0 if quoted else {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    pairs = [re.fullmatch(r"\s*(?:(\w+) = )?(.*?)\s*", part, re.DOTALL) for part in parts]
    return [(pair[1] or pair[2], pair[2]) for pair in pairs if pair]


def _value(text: str, row: Row, now: datetime) -> Any:
    code = _INFIX.sub(lambda found: f"{found[2].replace(' ', '_')}({found[1]}, r{found[3]})", text)
    code = re.sub(r"\bago\((\d+)([dhm])\)", r'ago(\1, "\2")', code)
    functions: dict[str, Callable[..., Any]] = {
        "ago": lambda count, unit: now - timedelta(**{_UNITS[unit]: count}),
        "coalesce": lambda *values: next((value for value in values if value not in (None, "")), ""),
        "contains": lambda text, part: part.lower() in str(text or "").lower(),
        "isnull": lambda value: value is None,
        "matches_regex": lambda text, pattern: re.search(pattern, str(text or "")) is not None,
        "startswith": lambda text, part: str(text or "").lower().startswith(part.lower()),
        "substring": lambda text, start, count: text[start : start + count],
        "tolong": lambda value: None if value is None else int(value),
        "tostring": lambda value: "" if value is None else str(value),
    }
    known = {"Message": "", "OuterMessage": "", **row}
    known["Properties"] = _Properties(**row.get("Properties", {}))
    return eval(code, {"__builtins__": {}}, {**functions, **known})  # noqa: S307 -- our own queries


def _summarized(text: str, rows: list[Row], now: datetime) -> list[Row]:
    aggregates, _, keys = text.partition(" by ")
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    wanted = _named(keys) if keys else []
    for row in rows:
        groups[tuple(_value(key, row, now) for _, key in wanted)].append(row)
    if not wanted and not groups:
        groups[()] = []  # without keys there is always one row
    return [
        {
            **dict(zip((name for name, _ in wanted), key, strict=True)),
            **{name: _aggregate(one, group, now) for name, one in _named(aggregates)},
        }
        for key, group in groups.items()
    ]


def _aggregate(text: str, rows: list[Row], now: datetime) -> Any:
    found = re.fullmatch(r"(\w+)\((.*?)(?:, 50)?\)", text)
    if not found:
        raise ValueError(f"unknown aggregate: {text}")
    if found[1] == "count":
        return len(rows)
    values = [_value(found[2], row, now) for row in rows]
    if found[1] == "countif":
        return sum(map(bool, values))
    numbers = [value for value in values if value is not None]
    whole: dict[str, Callable[[list[Any]], Any]] = {"min": min, "max": max, "percentile": median}
    return whole[found[1]](numbers) if numbers else None


def _parsed(text: str, row: Row) -> Row:
    column, pattern = re.fullmatch(r"(\w+) with (.*)", text).groups()  # type: ignore[union-attr]
    names, expression = [], ""
    for literal, name, kind in re.findall(r'"([^"]*)"|(\w+)(?::(\w+))?|\*', pattern):
        if literal:
            expression += re.escape(literal)
        elif name:
            names.append((name, kind))
            expression += r"(\d+)" if kind else "(.*?)"
        else:
            expression += ".*"
    found = re.fullmatch(expression, row[column], re.DOTALL)
    values = found.groups() if found else [None] * len(names)
    return {
        **row,
        **{name: int(value) if kind and value else value for (name, kind), value in zip(names, values, strict=True)},
    }
