"""Inputs that coverage leads to, for every parser: atheris, which is no dependency of the suite.

In an environment of its own, with what the app needs:

    python -m tests.fuzz.guided --corpus .cache/fuzz -max_total_time=3600 -seed=7

Further arguments go to libFuzzer. The first byte of an input chooses the parser, the rest is what it reads. ``--corpus`` keeps what reached new
code, so that the next run begins there; what a parser raises beside its own refusal ends the run, and its input is written beside.
``--try FILE`` reads such an input once more.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 1e308, "", " ", "x" * 600, "\ud800", "\x00", "\u202e", "Infinity", "all"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-13-01", "https://xn--a/", "{", '{"a":1}', "[[[["),
    *([], {}, [None], [[]], {"": ""}, [{"id": 1}]),
)
"""What takes the place of a member, to be changed further by bytes."""
PACKAGES = ("alerts", "basics", "checks", "evidence", "findings", "functions", "jobs", "settings", "tenant")


def spoilt(content: bytes, number: int) -> bytes:
    """JSON with one place changed, dropped or doubled, as ``number`` says; other bytes as they are."""
    dice = random.Random(number)
    try:
        value = json.loads(content)
        return json.dumps(_changed(value, dice), ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return content


def _changed(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict) and value and dice.random() < 0.8:
        name = dice.choice(sorted(value))
        if dice.random() < 0.1:
            return {key: kept for key, kept in value.items() if key != name}
        return {**value, name: _changed(value[name], dice)}
    if isinstance(value, list) and value and dice.random() < 0.8:
        at = dice.randrange(len(value))
        if dice.random() < 0.1:
            return value[: at + 1] + value[at:]
        return [*value[:at], _changed(value[at], dice), *value[at + 1 :]]
    return dice.choice(ODD)


def main(arguments: list[str]) -> None:
    """Run until libFuzzer ends it."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", allow_abbrev=False)
    options.add_argument("--corpus", type=Path, default=Path(".cache/fuzz"), help="folder of what reached new code")
    options.add_argument("--try", dest="again", type=Path, help="an input to read once more")
    known, passed_on = options.parse_known_args(arguments)

    import atheris

    with atheris.instrument_imports(include=list(PACKAGES)):
        from tests.fuzz.parsers import PARSERS
    parsers = list(PARSERS.values())

    def read(data: bytes) -> None:
        if not data:
            return
        parser = parsers[data[0] % len(parsers)]
        try:
            parser.read(data[1:])
        except parser.refuses as refused:
            str(refused).encode("utf-8")  # what is said of it can be said anywhere

    if known.again:
        read(known.again.read_bytes())
        return

    def mutated(data: bytes, largest: int, number: int) -> bytes:
        if len(data) > 1 and number % 2:
            return (data[:1] + spoilt(data[1:], number))[:largest]
        return bytes(atheris.Mutate(data, largest))

    known.corpus.mkdir(parents=True, exist_ok=True)
    for number, parser in enumerate(parsers):
        (known.corpus / f"example-{number}").write_bytes(bytes([number]) + json.dumps(parser.example).encode())
    setup: Callable[..., object] = atheris.Setup
    setup(
        [sys.argv[0], str(known.corpus), "-max_len=8192", "-timeout=20", "-rss_limit_mb=2500", *passed_on],
        read,
        custom_mutator=mutated,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
