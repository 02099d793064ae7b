"""Azurite, Microsoft's storage emulator, for tests and the demo: started on free ports, ended with its parent."""

import base64
import itertools
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from devtools.node import azurite_complete, azurite_script, find_node

ACCOUNTS = 2000
"""Storage accounts that one Azurite serves. They cost nothing until used."""

START_SECONDS = 60

# Every account has the same key: the emulator listens on this machine only and is gone after the run.
_KEY = base64.b64encode(b"azurite").decode()
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)")


class AzuriteError(Exception):
    """Azurite is not installed or did not start."""


@dataclass(slots=True)
class Azurite:
    """A running Azurite. ``table_url`` and ``queue_url`` belong to the account of ``connection_string``."""

    table_service: str
    """Address of the Table service without an account, e.g. ``http://127.0.0.1:40001``."""
    queue_service: str
    blob_service: str
    process: "subprocess.Popen[str]" = field(repr=False)
    reader: "_Reader" = field(repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, ACCOUNTS)), repr=False)

    @property
    def connection_string(self) -> str:
        """The first account's connection string."""
        return self._connection_string(0)

    @property
    def table_url(self) -> str:
        """The first account's address in the Table service."""
        return f"{self.table_service}/{_account(0)}"

    @property
    def queue_url(self) -> str:
        """The first account's address in the Queue service."""
        return f"{self.queue_service}/{_account(0)}"

    def new_account(self) -> str:
        """The connection string of an account that nobody has used: no tables, no queues."""
        return self._connection_string(next(self._numbers))

    def close(self) -> None:
        """Ends Azurite; does nothing when it has ended already."""
        _end(self.process, self.reader, patience=5)

    def __enter__(self) -> "Azurite":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connection_string(self, number: int) -> str:
        name = _account(number)
        return (
            f"DefaultEndpointsProtocol=http;AccountName={name};AccountKey={_KEY};"
            f"BlobEndpoint={self.blob_service}/{name};QueueEndpoint={self.queue_service}/{name};"
            f"TableEndpoint={self.table_service}/{name}"
        )


def start_azurite(folder: Path | None = None) -> Azurite:
    """Starts Azurite on free ports of 127.0.0.1 and waits until it answers.

    ``folder`` keeps its data; without one everything stays in memory. Raises ``AzuriteError``.
    """
    if not azurite_complete().exists():
        raise AzuriteError("Azurite is not installed. Run: python3 dev.py setup")
    keep = ["--inMemoryPersistence"] if folder is None else ["--location", str(folder)]
    command = [
        find_node().node,
        *("--require", str(Path(__file__).with_name("exit_with_parent.cjs"))),
        str(azurite_script()),
        *("--silent", "--disableTelemetry", "--skipApiVersionCheck", *keep),
        *itertools.chain.from_iterable((f"--{service}Port", "0") for service in ("blob", "queue", "table")),
    ]
    process = subprocess.Popen(
        command,
        env=dict(os.environ, AZURITE_ACCOUNTS=";".join(f"{_account(number)}:{_KEY}" for number in range(ACCOUNTS))),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A process group of its own: Ctrl-C reaches the parent, which ends Azurite when it no longer needs it.
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 (asked for above)
    reader = _Reader(process.stdout)
    try:
        services = _wait_until_listening(process, reader)
    except BaseException:
        _end(process, reader, patience=0)
        raise
    return Azurite(services["Table"], services["Queue"], services["Blob"], process, reader)


def _end(process: "subprocess.Popen[str]", reader: "_Reader", *, patience: float) -> None:
    """Ends Azurite: by closing its standard input, and by force when that takes longer than ``patience`` seconds."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    reader.join()


def _account(number: int) -> str:
    return f"account{number:04d}"


def _wait_until_listening(process: "subprocess.Popen[str]", reader: "_Reader") -> dict[str, str]:
    """The address of each service, as Azurite prints them once it accepts connections."""
    said, deadline = "", time.monotonic() + START_SECONDS
    while True:
        try:
            line = reader.lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise AzuriteError(
                f"Azurite did not start within {START_SECONDS} s. It said: {said or 'nothing'}"
            ) from None
        if line is None:
            raise AzuriteError(f"Azurite ended with {process.wait()}. It said: {said[-2000:] or 'nothing'}")
        said += line
        services = dict(_LISTENING.findall(said))
        if len(services) == 3:
            return services


class _Reader(threading.Thread):
    """Puts each line of ``output`` into ``lines``, None at the end. Goes on, so that a full pipe never stops Azurite."""

    def __init__(self, output: IO[str]) -> None:
        super().__init__(name="azurite-output", daemon=True)
        self._output = output
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.start()

    def run(self) -> None:
        with self._output:
            for line in self._output:
                self.lines.put(line)
        self.lines.put(None)
