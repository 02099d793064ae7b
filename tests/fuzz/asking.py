"""Requests without end at the app in Microsoft's worker: schemathesis over docs/openapi.json, for nobody, Readers and Operators.

    python -m tests.fuzz.asking --requests 100000 --seed 7 [--seconds 3000] [--schemathesis PATH]

A small tenant, storage and receivers of alerts run on this machine; the tenant is scanned once, so that there is something to be
found. Each round is one run of schemathesis with the next seed, by turns as each role. After each it says how many requests there
were and what memory the worker holds. Exit code 1: the app raised, or answered with 500 or more.
"""

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cli
from demo.receiver import Receiver
from devtools.azurite import start_azurite
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph

ROOT = Path(__file__).parents[2]
NAMES = ("svc-backup@contoso.com", "svc-o'mailer@contoso.com", "svc-表示@contoso.com")
ROLES = ("Operator", "Reader", "Operator", "", "Operator", "Nobody's role")
"""By turns; empty: nobody is signed in. Most as Operators, who get furthest."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
_WORKERS = 4


@contextmanager
def installation() -> Iterator[dict[str, str]]:
    """What the app needs, scanned once; its settings."""
    builder = TenantBuilder().group("Backup apps")
    builder = builder.user(NAMES[0], mfa="disabled", groups=["Backup apps"])
    builder = builder.user(NAMES[1], mfa="enabled", methods=["authenticator"])
    builder = builder.user(NAMES[2], mfa="enforced", methods=["authenticator"])
    tenant = builder.policy("MFA", include_groups=["Backup apps"], grant=["mfa"], client_apps=["browser"]).build()
    with ExitStack() as stack:
        graph = stack.enter_context(LocalGraph(tenant).in_thread())
        receiver = stack.enter_context(Receiver().in_thread())
        azurite = stack.enter_context(start_azurite())
        settings = {
            "GRAPH_ENDPOINT": graph.url,
            "AzureWebJobsStorage": azurite.connection_string,
            "SERVICE_ACCOUNTS": ",".join(NAMES),
            **receiver.settings,
        }
        os.environ.update(settings)
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            before, sys.stdout = sys.stdout, nowhere
            try:
                cli.main(["scan"])
            finally:
                sys.stdout = before
        yield settings


@contextmanager
def app(settings: Mapping[str, str], port: int, *, limits: bool) -> Iterator[str]:
    """The app in the worker, behind HTTP; its address."""
    command = [sys.executable, "-m", "tests.fuzz.host", "--port", str(port), *([] if limits else ["--no-limits"])]
    environment = {**os.environ, **settings, "WEBSITE_AUTH_ENABLED": "true"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("The worker didn't start.")
        yield address
    finally:
        process.terminate()
        process.wait()


def figures(address: str) -> dict[str, Any]:
    """What was asked so far, and the memory of the worker."""
    with urllib.request.urlopen(f"{address}/-/figures") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def one_round(program: str, address: str, role: str, seed: int, examples: int, log: Path) -> int:
    """One run of schemathesis; its exit code."""
    command = [program, "run", f"{address}/openapi.json", "--checks", CHECKS, "--seed", str(seed)]
    command += ["--max-examples", str(examples), "--workers", str(_WORKERS), "--mode", "all", "--no-color"]
    command += ["--continue-on-failure", "--warnings", "off", "--suppress-health-check", "all"]
    command += ["--phases", "examples,coverage,fuzzing", "--request-timeout", "60"]
    if role:
        command += ["--header", f"Authorization: Bearer {role}"]
    with log.open("a", encoding="utf-8") as out:
        return subprocess.run(command, cwd=tempfile.gettempdir(), stdout=out, stderr=out, check=False).returncode


def main() -> int:
    """Ask until there were enough requests, or the time is over. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.asking", description="Fuzzes the HTTP functions.")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7, help="of the first round; each has the next one")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no round after this time")
    parser.add_argument("--examples", type=int, default=300, help="for each operation, in a round")
    parser.add_argument("--port", type=int, default=7399)
    parser.add_argument("--limits", action="store_true", help="with the limits of requests in a minute")
    parser.add_argument("--schemathesis", default=str(Path(sys.executable).with_name("schemathesis")))
    parser.add_argument("--log", type=Path, default=Path(".cache/schemathesis.log"))
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends as well
    began, found = time.monotonic(), dict[str, Any]()
    with installation() as settings, app(settings, asked.port, limits=asked.limits) as address:
        for number, role in enumerate(itertools.cycle(ROLES)):
            seed = asked.seed + number
            code = one_round(asked.schemathesis, address, role, seed, asked.examples, asked.log)
            found = figures(address)
            seconds = time.monotonic() - began
            sys.stdout.write(
                f"{seconds:6.0f} s  seed {seed} as {role or 'nobody'}: schemathesis {code}; {found['requests']:,} requests, "
                f"{found['by_status']}, raised {len(found['raised'])}, 500 or more {len(found['broken'])}, "
                f"{found['memory']} MB, {found['open_files']} files\n"
            )
            sys.stdout.flush()
            if found["requests"] >= asked.requests or seconds >= asked.seconds:
                break
        sys.stdout.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        return 1 if found["raised"] or found["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
