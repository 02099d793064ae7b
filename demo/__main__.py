"""The demo: one scan of the demo company, by the code of the functions, from a tenant to a told finding.

    python3 dev.py demo [--keep] [--open]

starts a local Microsoft Graph, Azurite and a receiver for alerts, scans three times, and ends everything again; with ``--keep`` it
leaves them running until Ctrl-C, and prints the settings with which every command works on them.
``python -m demo serve`` only serves the company's Microsoft Graph (``demo/serve.py``).
"""

import argparse
import asyncio
import io
import json
import logging
import os
import shlex
import shutil
import sys
import tempfile
import time
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commands.drawn.scan import render_table
from commands.output import is_colourful, speak_utf8, write
from demo import serve
from demo.company import company, demo_settings
from demo.receiver import Received, Receiver
from devtools.azurite import start_azurite
from functions import queues
from jobs import views
from localgraph.server import LocalGraph
from reports.words import count
from settings import load_settings

ALERT_MAILBOX = "invoices@alderleaf.example"
QUOTE = "'"
REPORT = Path(__file__).resolve().parent.parent / ".cache" / "demo" / "report.html"


def main(arguments: Sequence[str]) -> int:
    """Run the demo, or what ``arguments`` name. Returns the exit code."""
    speak_utf8()
    if arguments and arguments[0] == "serve":
        return serve.main(arguments[1:])
    options = _options(arguments)
    logging.basicConfig(level=logging.WARNING)
    try:
        with ExitStack() as running:
            graph = running.enter_context(LocalGraph(company()).in_thread())
            _say(f"Demo tenant: a local Microsoft Graph at {graph.url}")
            folder = running.enter_context(tempfile.TemporaryDirectory(prefix="azurite-"))
            azurite = start_azurite(Path(folder))
            running.callback(azurite.close)
            _say(f"Storage: Azurite at {azurite.table_url}")
            receiver = running.enter_context(Receiver().in_thread())
            _say(f"Alerts: a receiver at {receiver.url} that plays Teams and a webhook")
            settings = {
                **demo_settings(),
                **receiver.settings,
                "GRAPH_ENDPOINT": graph.url,
                "AzureWebJobsStorage": azurite.connection_string,
                "SERVICE_ACCOUNT_DISCOVERY": "signins,consents",
                "ALERT_EMAIL_FROM": ALERT_MAILBOX,
                "ALERT_EMAIL_TO": "administrators@alderleaf.example",
            }
            os.environ.update(settings)
            asyncio.run(_demo(graph, receiver))
            if options.keep:
                _heading("To try")
                _say(
                    "In another terminal, in this folder; then any command of the README, e.g. .venv/bin/python cli.py findings:\n"
                )
                _say(settings_line(settings, powershell=sys.platform == "win32"))
                _say("\nMicrosoft Graph, storage and receiver run on until Ctrl-C.")
            _heading("Report")
            _say(f"Open it in a browser: {REPORT.as_uri()}")
            if options.open:
                webbrowser.open(REPORT.as_uri())
            while options.keep:
                time.sleep(1)
    except KeyboardInterrupt:
        _say("\nInterrupted; everything that was started has ended.")
        return 130
    return 0


def settings_line(settings: Mapping[str, str], *, powershell: bool) -> str:
    """Settings as one line for a shell, which sets them for everything that is started in it."""
    if powershell:
        return "; ".join(f"$env:{name} = '{value.replace(QUOTE, QUOTE * 2)}'" for name, value in settings.items())
    return f"export {' '.join(f'{name}={shlex.quote(value)}' for name, value in settings.items())}"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py demo", description="One scan of a made-up company, from end to end.")
    parser.add_argument(
        "--keep", action="store_true", help="leave everything running until Ctrl-C, to try the commands on it"
    )
    parser.add_argument("--open", action="store_true", help="open the report in the browser")
    return parser.parse_args(arguments)


async def _demo(graph: LocalGraph, receiver: Receiver) -> None:
    _heading("First scan")
    before = graph.http_requests
    alerts = await _scan()
    _say(f"{graph.http_requests - before} requests to Microsoft Graph")
    async with views.opened(load_settings()) as service:
        document = await views.document(service, datetime.now(UTC))
        page = io.StringIO()
        await views.report(service, "html", datetime.now(UTC), page.write)
    _heading("Findings")
    print(render_table(document, width=shutil.get_terminal_size((110, 40)).columns, color=is_colourful(sys.stdout)))

    _heading("Alerts")
    for message in alerts:
        await queues.send_alert(message.encode())
    for call in receiver.calls:
        _say(_received(call))
    for mail in graph.mails:
        _say(f"Mail from {mail['from']} through Microsoft Graph")

    _heading("Second scan")
    told = len(receiver.calls)
    for message in await _scan():
        await queues.send_alert(message.encode())
    _say("What a scan can't read is told by the second one in a row that can't read it either:")
    for call in receiver.calls[told:]:
        _say(_received(call))

    _heading("Third scan")
    told = len(receiver.calls) + len(graph.mails)
    for message in await _scan():
        await queues.send_alert(message.encode())
    news = len(receiver.calls) + len(graph.mails) - told
    _say("Nothing has changed, so nobody is told anything." if not news else f"{news} more messages were sent.")

    REPORT.parent.mkdir(parents=True, exist_ok=True)
    write(page.getvalue(), REPORT)


async def _scan() -> list[str]:
    """What the timer, the queue and ``run_scan`` do together. Returns the messages for the queue ``alerts``."""
    message = queues.scheduled_scan()
    _say(f"Message on the queue scans: {message}")
    alerts = await queues.run_scan(message.encode())
    _say(f"Messages on the queue alerts: {len(alerts)}")
    return alerts


def _received(call: Received) -> str:
    body: dict[str, Any] = json.loads(call.body)
    size = f"{len(call.body.encode()) / 1024:.1f} KB"
    if call.path == "/teams":
        return f"Teams got an Adaptive Card of {size}"
    signed = "with a valid signature" if call.signature_valid else "WITHOUT a valid signature"
    data = body["data"]
    return f'The webhook got {size} {signed}: "{data["headline"]}" ({count(len(data["changes"]), "change", "changes")}, id {call.id})'


def _heading(text: str) -> None:
    print(f"\n=== {text} ===", flush=True)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
