"""``dev.py package``: the package of the app, built in an environment of its own that is small and made once."""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools.node import CACHE, ROOT

TOOLS = ("uv==0.13.9", "packaging==26.3", "pathspec==1.1.1")
"""What builds the package, on top of Python."""
FOLDER, ARCHIVE = ROOT / "out" / "package", ROOT / "out" / "app.zip"
"""Where the package lies, as a folder for azd (azure.yaml) and packed."""
DEFAULT_PYTHON = "3.13"
"""The default of the parameter ``pythonVersion``."""


class BuildError(Exception):
    """The package could not be built; the message says what to do."""


def package(arguments: Sequence[str]) -> int:
    """The task: build the package and pack it. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="dev.py package", description="Builds the package that is deployed.")
    parser.add_argument(
        "--python",
        default=os.environ.get("APP_PYTHON_VERSION") or DEFAULT_PYTHON,
        metavar="VERSION",
        help=f"the Python of the app: its parameter pythonVersion (default: APP_PYTHON_VERSION, or {DEFAULT_PYTHON})",
    )
    try:
        build(parser.parse_args(arguments).python)
    except BuildError as error:
        print(f"[dev.py] {error}", file=sys.stderr)
        return 1
    return 0


def build(python: str, *, source: bool = False) -> Path:
    """Build the package for a version of Python, or only its ``source`` for a build in Azure. Returns the packed file.

    Raises :class:`BuildError`.
    """
    builder = tools(python)
    shutil.rmtree(FOLDER, ignore_errors=True)
    ARCHIVE.unlink(missing_ok=True)
    command = [str(builder), "-m", "devtools.package", str(FOLDER), "--python", python, "--zip", str(ARCHIVE)]
    if subprocess.run([*command, *(["--source"] if source else [])], cwd=ROOT, check=False).returncode:
        raise BuildError(
            "The package could not be built: the reason is above. It needs the network, for the libraries."
        )
    return ARCHIVE


def interpreter(python: str) -> str:
    """The interpreter to build with: the app's own Python where this machine has it, else the one that runs this."""
    if ".".join(map(str, sys.version_info[:2])) == python:
        return sys.executable
    asks = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    for command in ([f"python{python}"], ["py", f"-{python}"]):
        if program := shutil.which(command[0]):
            # A name on the PATH may lead to nothing that runs, as those of version managers do.
            done = subprocess.run([program, *command[1:], "-c", asks], capture_output=True, text=True, check=False)
            version, _, found = done.stdout.strip().partition(" ")
            if done.returncode == 0 and version == python and found:
                return found
    return sys.executable


def tools(python: str) -> Path:
    """The interpreter of an environment with the tools, made where it is missing."""
    base = interpreter(python)
    made_from = hashlib.sha256(repr((base, sys.version, TOOLS)).encode()).hexdigest()[:12]
    folder = CACHE / f"package-{made_from}"
    scripts, name = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    ready = folder / ".complete"
    if not ready.exists():
        print("[dev.py] Making the environment that builds the package", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        pip = [str(folder / scripts / name), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command, advice in (
            ([base, "-m", "venv", str(folder)], "On Debian and Ubuntu install the package python3-venv."),
            ([*pip, *TOOLS], "Check the network, the proxy (HTTPS_PROXY) and the package index (PIP_INDEX_URL)."),
        ):
            if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode:
                raise BuildError(f"{' '.join(command[:4])} … failed: the reason is above. {advice}")
        ready.touch()
    return folder / scripts / name
