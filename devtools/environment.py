"""The environment of a task: ``.venv`` with the pinned packages, and Azurite, both inside the repository.

Each is kept as long as what it was made from is unchanged, so the second run installs nothing.
"""

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools import processes
from devtools.node import (
    CACHE,
    NODE_WHEEL,
    NPM_PROJECT,
    ROOT,
    Node,
    azurite_complete,
    azurite_folder,
    machine_node,
    wheel_node,
)

VENV = ROOT / ".venv"
RUNTIME = ("requirements.lock", "requirements-cli.lock")
DEVELOPMENT = (*RUNTIME, "requirements-dev.lock")
"""Files with hashes: pip then installs nothing that isn't in them."""

_BIN = "Scripts" if sys.platform == "win32" else "bin"


class SetupError(Exception):
    """The environment could not be made; the message says which step failed and what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A ready environment: its interpreter and the variables for processes in it."""

    python: str
    variables: dict[str, str]


def make_environment(requirements: Sequence[str], *, azurite: bool = True) -> Environment:
    """Installs what is missing of the packages in ``requirements`` (files in the repository) and, where it is needed, of Azurite.

    Says what it does and how long it took. Raises ``SetupError``.
    """
    variables = _variables()
    started = time.monotonic()
    own_node = machine_node()
    packages = _Packages(requirements, variables, node_wheel=own_node is None and azurite)
    if packages.ready() and (azurite_complete().exists() or not azurite):
        return Environment(str(packages.python), variables)
    CACHE.mkdir(exist_ok=True)
    if not packages.ready():
        packages.make_venv()
    # At the same time as the Python packages: npm waits for the network where pip unpacks.
    installing = _begin_azurite(packages, own_node, variables) if azurite else None
    try:
        if not packages.ready():
            arguments = [part for name in requirements for part in ("-r", str(ROOT / name))]
            # Locks name everything. Asked to look for more, pip may choose a version that has come out since, and refuse it.
            packages.install(["--no-deps", *arguments], f"Python packages of {' and '.join(requirements)}")
            packages.mark_ready()
        if installing:
            installing.finish()
    finally:
        if installing:
            installing.stop()
    _say(f"Environment ready after {time.monotonic() - started:.0f} s")
    return Environment(str(packages.python), variables)


def _begin_azurite(packages: "_Packages", own_node: Node | None, variables: dict[str, str]) -> "_AzuriteInstall | None":
    """Node.js where there is none, and Azurite's installation under way; None where it is installed."""
    if own_node is None:
        packages.install([NODE_WHEEL], "Node.js (this machine has none that is new enough)")
    node = own_node or wheel_node(packages.site_packages())
    if node is None:
        raise SetupError(f"{NODE_WHEEL} brings no Node.js for this machine. Install Node.js from https://nodejs.org.")
    return None if azurite_complete().exists() else _AzuriteInstall(node, variables)


class _Packages:
    """The virtual environment, and which sets of packages are complete in it."""

    def __init__(self, requirements: Sequence[str], variables: dict[str, str], *, node_wheel: bool) -> None:
        self.python = VENV / _BIN / ("python.exe" if sys.platform == "win32" else "python")
        self._variables = variables
        self._wanted = self._marker(requirements, node_wheel)
        # Development packages come on top of the runtime ones, and contain them.
        self._enough = {self._wanted, self._marker(DEVELOPMENT, node_wheel)}
        self._usable = self._enough | {self._marker(RUNTIME, node_wheel)}

    @staticmethod
    def _marker(requirements: Sequence[str], node_wheel: bool) -> Path:
        made_from = [sys.version, str(VENV), NODE_WHEEL if node_wheel else ""]
        made_from += [(ROOT / name).read_text(encoding="utf-8") for name in requirements]
        return VENV / f".complete-{hashlib.sha256(repr(made_from).encode()).hexdigest()[:16]}"

    def ready(self) -> bool:
        return self.python.exists() and any(marker.exists() for marker in self._enough)

    def mark_ready(self) -> None:
        self._wanted.touch()

    def make_venv(self) -> None:
        """Makes ``.venv`` anew, unless what it has is a good start for what is wanted."""
        if self.python.exists() and any(marker.exists() for marker in self._usable):
            return
        if VENV.exists():
            _say("Removing .venv: it is incomplete, or made from other packages")
            shutil.rmtree(VENV)
        _run_step(
            [sys.executable, "-m", "venv", str(VENV)],
            "Making .venv",
            "On Debian and Ubuntu install the package python3-venv.",
            self._variables,
        )

    def install(self, arguments: Sequence[str], what: str) -> None:
        # Without compiling: of msgraph-sdk's 60,000 modules a run imports a few hundred.
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
        _run_step(
            [*pip, "--no-input", *arguments],
            f"Installing {what}",
            "Check the network, the proxy (HTTPS_PROXY) and the package index (PIP_INDEX_URL).",
            self._variables,
        )

    def site_packages(self) -> Path:
        """The folder that pip installs into."""
        if sys.platform == "win32":
            return VENV / "Lib" / "site-packages"
        return VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


class _AzuriteInstall:
    """``npm ci`` under way."""

    def __init__(self, node: Node, variables: dict[str, str]) -> None:
        _say("Installing Azurite with npm")
        self._started = time.monotonic()
        folder = azurite_folder()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(NPM_PROJECT, folder)
        path = os.pathsep.join([str(Path(node.node).parent), variables.get("PATH", "")])
        options = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--loglevel=error"]
        self._process = processes.start(
            [*node.npm, "ci", *options], folder=folder, env=dict(variables, PATH=path), quiet=True
        )

    def finish(self) -> None:
        said, _ = self._process.communicate()
        if self._process.returncode:
            raise _failure(
                "Installing Azurite with npm",
                said,
                "Check the network, the proxy (HTTPS_PROXY) and the registry (npm config get registry).",
            )
        azurite_complete().touch()
        _say(f"Installed Azurite with npm in {time.monotonic() - self._started:.0f} s")

    def stop(self) -> None:
        processes.kill(self._process)


def _variables() -> dict[str, str]:
    """The variables for everything that runs in the environment."""
    variables = dict(os.environ, VIRTUAL_ENV=str(VENV), PIP_USER="0", PYTHONUNBUFFERED="1")
    variables["PATH"] = os.pathsep.join([str(VENV / _BIN), variables.get("PATH", os.defpath)])
    # Without bytecode each of the hundreds of processes that the tests start would compile all that it imports: some seconds.
    for name in ("PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PIP_TARGET", "PIP_PREFIX"):
        variables.pop(name, None)
    home = variables.get("HOME")
    if sys.platform != "win32" and not (home and os.access(home, os.W_OK)):
        # npm and others keep caches there and fail without it.
        replacement = CACHE / "home"
        replacement.mkdir(parents=True, exist_ok=True)
        variables["HOME"] = str(replacement)
    return variables


def _run_step(command: Sequence[str], title: str, advice: str, variables: dict[str, str]) -> None:
    _say(title)
    started = time.monotonic()
    process = processes.start(command, folder=ROOT, env=variables, quiet=True)
    try:
        said, _ = process.communicate()
    finally:
        processes.kill(process)
    if process.returncode:
        raise _failure(title, said, advice)
    _say(f"{title}: done in {time.monotonic() - started:.0f} s")


def _failure(title: str, said: str, advice: str) -> SetupError:
    lines = [line for line in said.strip().splitlines() if line.strip()]
    return SetupError("\n".join([f"{title} failed. {advice} It said:", *(f"  {line}" for line in lines[-15:])]))


def _say(text: str) -> None:
    print(f"[dev.py] {text}", file=sys.stderr, flush=True)
