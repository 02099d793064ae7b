"""The way of an account from the timer to a card, as CONTRIBUTING.md tells it: every function is called, in that order."""

import asyncio
import re
import runpy
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import azure.functions as func
import pytest

from tests.e2e.conftest import Installation

ROOT = Path(__file__).parents[2]


class _Out:
    """What a function puts on a queue."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def set(self, value: str | list[str]) -> None:
        self.messages += [value] if isinstance(value, str) else value


class _Calls:
    """The functions of the project that were called, by file and qualified name, in the order of their first call."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], None] = {}

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(ROOT)):
            self.seen.setdefault((Path(code.co_filename).relative_to(ROOT).as_posix(), code.co_qualname))


def _walk() -> list[tuple[str, str]]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = text.partition("## How one account travels")[2].partition("\n## ")[0]
    return [(file, name) for name, file in re.findall(r"`([A-Za-z_][\w.]*)`\s+\(`([\w/]+\.py)`\)", told)]


async def _everything() -> None:
    """What the Functions host does between the timer and the last message."""
    # Fresh each time: an app gives its functions out once.
    app: func.FunctionApp = runpy.run_path(str(ROOT / "function_app.py"))["app"]
    started: dict[str, Any] = {str(one.get_function_name()): one.get_user_function() for one in app.get_functions()}
    scans, alerts = _Out(), _Out()
    await started["scheduled_scan"](None, scans)
    for message in scans.messages:
        await started["run_scan"](func.QueueMessage(body=message), alerts)
    for message in alerts.messages:
        await started["send_alerts"](func.QueueMessage(body=message))


def test_an_account_travels_as_contributing_says(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMS_WEBHOOK_URL", installation.receiver.settings["TEAMS_WEBHOOK_URL"])
    for other in ("WEBHOOK_URL", "WEBHOOK_SECRET"):  # channels are served at the same time: one alone has an order
        monkeypatch.delenv(other)
    calls, before, before_in_threads = _Calls(), sys.getprofile(), threading.getprofile()
    threading.setprofile(calls)  # judging and the like is done in threads
    sys.setprofile(calls)
    threading.setprofile(calls)  # what computes for long does so in a thread
    try:
        asyncio.run(_everything())
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
        threading.setprofile(before_in_threads)
    assert [call.path for call in installation.receiver.calls] == ["/teams"]
    told = _walk()
    assert len(told) > 30
    called = list(calls.seen)
    assert [one for one in told if one not in calls.seen] == []
    assert told == sorted(told, key=called.index)
