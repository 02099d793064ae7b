"""``python -m demo serve``."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]


def test_it_serves_the_company_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "demo", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("Alderleaf Instruments on http://127.0.0.1:")
            url = line.split(" on ")[1].split(" ")[0]
            headers = {"Authorization": "Bearer local-development-token"}
            found = httpx.get(f"{url}/v1.0/organization", headers=headers).json()
            assert found["value"][0]["displayName"] == "Alderleaf Instruments"
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
