"""``dev.py lock`` and ``dev.py sbom``: every package with its version and hashes, and the list of what is deployed.

``requirements.txt``, ``requirements-cli.txt`` and ``requirements-dev.txt`` name what this project asks for. The locks beside them name everything that comes
with it, for every supported Python and system, with the hashes of the files: nothing else is installed, by ``dev.py`` or into the
package.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from devtools.building import DEFAULT_PYTHON, BuildError, tools
from devtools.node import CACHE, ROOT

LOCKS = {
    "requirements.txt": "requirements.lock",
    "requirements-cli.txt": "requirements-cli.lock",
    "requirements-dev.txt": "requirements-dev.lock",
}
"""What is asked for -> the lock of it. Each gets the versions of those before it."""
OLDEST = "3.11"
SBOM = ROOT / "out" / "sbom.cdx.json"
SBOM_TOOL = "cyclonedx-bom==7.5.0"


def lock(arguments: Sequence[str]) -> int:
    """The task: write the locks again. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="dev.py lock", description="Writes the locks of all packages.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that are allowed")
    upgrade = ["--upgrade"] if parser.parse_args(arguments).upgrade else []

    def write() -> None:
        for command in lock_commands(tools(DEFAULT_PYTHON), upgrade):
            _run(command)

    return _told(write)


def lock_commands(python: Path, options: Sequence[str] = ()) -> list[list[str]]:
    """What writes the locks, with an interpreter that has uv."""
    base = [str(python), "-m", "uv", "pip", "compile", "--quiet", "--no-config", "--no-header", "--universal"]
    base += ["--python-version", OLDEST, "--generate-hashes", *options]
    locked = list(LOCKS.items())
    return [
        [
            *base,
            *(part for _, before in locked[:place] for part in ("--constraint", before)),
            asked,
            "--output-file",
            lock,
        ]
        for place, (asked, lock) in enumerate(locked)
    ]


def sbom(arguments: Sequence[str]) -> int:
    """The task: write the list of everything that is deployed, with licences and hashes, as CycloneDX. Returns the exit code."""
    argparse.ArgumentParser(prog="dev.py sbom", description="Lists what is deployed, as CycloneDX JSON.").parse_args(
        arguments
    )
    code = _told(_write_sbom)
    if not code:
        print(SBOM)
    return code


def _write_sbom() -> None:
    uv = [str(tools(DEFAULT_PYTHON)), "-m", "uv"]
    made, reader = CACHE / "sbom-packages", CACHE / "sbom-tool"
    SBOM.parent.mkdir(exist_ok=True)
    for folder, wanted in ((made, ["--require-hashes", "-r", "requirements.lock"]), (reader, [SBOM_TOOL])):
        _run([*uv, "venv", "--quiet", "--clear", "--no-config", "--python", sys.executable, str(folder)])
        _run([*uv, "pip", "install", "--quiet", "--no-config", "--python", str(_python(folder)), *wanted])
    known = ["environment", str(_python(made)), "--pyproject", "pyproject.toml", "--output-reproducible"]
    _run([str(_python(reader)), "-m", "cyclonedx_py", *known, "--of", "JSON", "-o", str(SBOM)])


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _run(command: Sequence[str]) -> None:
    if subprocess.run(command, cwd=ROOT, check=False, stdin=subprocess.DEVNULL).returncode:
        raise BuildError(f"{' '.join(command[:5])} … failed: the reason is above. It needs the network.")


def _told(work: Callable[[], object]) -> int:
    try:
        work()
    except BuildError as error:
        print(f"[dev.py] {error}", file=sys.stderr)
        return 1
    return 0
