"""docs/webhook.md and its schema say what is really sent."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from alerts.attachments import COLUMNS
from alerts.channel import send_whole
from alerts.episodes import Word
from alerts.model import Alert, Kind
from alerts.parts import parts_of
from alerts.webhook import TYPES, WebhookChannel, webhook_body, webhook_cut
from tests.alerts import samples

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "webhook.md").read_text(encoding="utf-8")
SCHEMA = json.loads((DOCS / "webhook.schema.json").read_text(encoding="utf-8"))
SECRET = "whsec_" + "QUJD" * 8
ALERTS = [
    samples.typical(),
    samples.one(),
    samples.many(1000),
    samples.good(),
    samples.gaps_only(),
    samples.failure(),
    samples.prediction(),
    samples.channel(),
    samples.channel(Word.WORKS),
    samples.test_message(),
    samples.digest(),
    samples.hostile(),
]


def closed(schema: Any) -> Any:
    """The schema without room for members that it doesn't name."""
    if isinstance(schema, dict):
        inner = {name: closed(value) for name, value in schema.items()}
        return {"additionalProperties": False, **inner} if "properties" in schema else inner
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.headline[:30])
def test_every_kind_of_alert_fits_the_schema_and_has_nothing_undocumented(alert: Alert) -> None:
    validator = Draft202012Validator(closed(SCHEMA), format_checker=Draft202012Validator.FORMAT_CHECKER)
    for part in parts_of(alert, tuple(webhook_cut(alert))):
        assert [error.message for error in validator.iter_errors(json.loads(webhook_body(alert, part)))] == []


def test_the_schema_names_every_kind_and_type() -> None:
    data = SCHEMA["properties"]["data"]["properties"]
    assert data["changes"]["items"]["properties"]["kind"]["enum"] == [kind.value for kind in Kind]
    assert SCHEMA["properties"]["type"]["enum"] == list(TYPES.values())
    assert all(f"`{name}`" in PAGE for name in TYPES.values())


def test_the_page_shows_every_member_and_every_column() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    example = json.loads(shown)
    assert [error.message for error in Draft202012Validator(closed(SCHEMA)).iter_errors(example)] == []
    assert [name for name in re.findall(r"`(\w+)`", PAGE.partition("CSV attachment")[2]) if name in COLUMNS] == [
        *COLUMNS
    ]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The receiver of the page, running: its address, and the file with what it prints."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    port, printed = free_port(), tmp_path / "printed"
    with printed.open("wb") as out:
        environment = {**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)}
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=out, stderr=subprocess.DEVNULL)
        try:
            until(lambda: answers(port))
            yield f"http://127.0.0.1:{port}/", printed
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}/", content=b"{}").status_code == 401
    except httpx.TransportError:
        return False


def until(done: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it didn't come about"
        time.sleep(0.05)


async def test_the_receiver_of_the_page_takes_an_alert_once_and_whole(receiver: tuple[str, Path]) -> None:
    url, printed = receiver
    small, large = samples.one(), replace(samples.many(1000), id="large")
    async with httpx.AsyncClient() as client:
        channel = WebhookChannel(url, SECRET, client)
        parts = parts_of(large, channel.cut(large))
        assert len(parts) > 2
        for _ in range(2):
            assert "204" in await send_whole(channel, small, datetime.now(UTC))
            for part in parts[:-1]:
                await channel.message(large, part)(datetime.now(UTC))
        assert printed.read_text(encoding="utf-8").splitlines() == [f"{small.headline} 1"]
        for _ in range(2):
            await channel.message(large, parts[-1])(datetime.now(UTC))
    assert printed.read_text(encoding="utf-8").splitlines()[1:] == [f"{large.headline} 1020"]
