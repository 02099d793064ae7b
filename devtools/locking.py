"""``dev.py lock`` and ``dev.py sbom``: every package with its version and hashes, and the list of what is deployed.

``requirements.txt``, ``requirements-cli.txt`` and ``requirements-dev.txt`` name what this project asks for. The locks beside them name everything that comes
with it, for every supported Python and system, with the hashes of the files: nothing else is installed, by ``dev.py`` or into the
package.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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
    listed = with_hashes(
        json.loads(SBOM.read_text(encoding="utf-8")), (ROOT / LOCKS["requirements.txt"]).read_text("utf-8")
    )
    SBOM.write_text(json.dumps(listed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def with_hashes(listed: dict[str, Any], lock: str) -> dict[str, Any]:
    """A list of components with the hashes that a lock has for each: of its files, one of which was installed.

    What reads an environment doesn't know them. Raises :class:`BuildError` for a component that the lock doesn't have.
    """
    known = {
        (_normal(name), version): re.findall(r"--hash=sha256:([0-9a-f]{64})", hashes)
        for name, version, hashes in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)(.*(?:\n {4}--hash.*)+)", lock, re.MULTILINE)
    }
    components = []
    for one in listed["components"]:
        name, version = _normal(one["name"]), one["version"]
        if not known.get((name, version)):
            raise BuildError(f"{one['name']} {version} isn't in {LOCKS['requirements.txt']}.")
        files = {
            "type": "distribution",
            "url": f"https://pypi.org/project/{name}/{version}/",
            "comment": "the hashes of all its files",
            "hashes": [{"alg": "SHA-256", "content": hash} for hash in known[name, version]],
        }
        components.append({**one, "externalReferences": [*one.get("externalReferences", ()), files]})
    return {**listed, "components": components}


def _normal(name: str) -> str:
    """The name of a package as every index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


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
