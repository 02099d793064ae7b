"""Builds the package that is deployed: the app, its libraries, and of the Graph library only what the app can reach.

    python -m devtools.package OUT              install the libraries into the folder OUT, for Azure's machines
    python -m devtools.package OUT --installed  copy them from this environment instead
    python -m devtools.package OUT --source     the app alone, for a build in Azure
    ... --python 3.12                           for another Python than the template's default
    ... --zip FILE                              and pack the folder

``python3 dev.py package`` makes the environment that it needs. It runs on any machine: uv picks the libraries for Linux and the
Python of the app, whatever runs here. Only bytecode takes that Python itself. msgraph-sdk is 16,700 generated modules, of which
the app imports a handful: it signs in and sends, and reads JSON itself (CONTRIBUTING.md).
"""

import argparse
import ast
import compileall
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from pathspec import GitIgnoreSpec

from devtools.building import DEFAULT_PYTHON

ROOT = Path(__file__).parent.parent
LIBRARIES = Path(".python_packages", "lib", "site-packages")
"""Where the Functions host looks for an app's libraries."""
GENERATED = Path("msgraph", "generated")
LOCK = "requirements.lock"
"""Every package, with the hashes of its files."""
MODELS = "msgraph.generated.models"
PLATFORM = "x86_64-manylinux_2_28"
"""The machines of Flex Consumption, as uv calls them."""
FUNCIGNORE = "# Everything in this folder is deployed. Without this file azd would leave out the bytecode.\n"
BUILT = "built.json"
_USELESS_FOLDERS = {"__pycache__", "tests"}


def build(
    target: Path, *, installed: bool = False, trimmed: bool = True, compiled: bool = True, python: str = DEFAULT_PYTHON
) -> None:
    """Make the package in an empty or new folder.

    ``installed`` copies the libraries from this environment instead of downloading them; ``trimmed`` leaves out what the app
    can't reach; ``compiled`` adds bytecode, which the read-only package of a function app can't be given later; ``python``
    is the version of the app.
    """
    if target.exists() and any(target.iterdir()):
        raise SystemExit(f"{target} is not empty: name a new folder, so that nothing of another package stays in it.")
    copy_app(target)
    describe(target, python)
    libraries = target / LIBRARIES
    libraries.mkdir(parents=True)
    if installed:
        copy_installed(libraries, app_files(target) if trimmed else None)
    else:
        install(libraries, python)
    for folder in [*libraries.rglob("__pycache__")]:
        shutil.rmtree(folder)
    if trimmed:
        trim(libraries, app_files(target))
    if compiled:
        # Hash-based and unchecked: packing and unpacking change dates, and the package never changes in place.
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(target, quiet=2, stripdir=target, invalidation_mode=mode)
    (target / ".funcignore").write_text(FUNCIGNORE, encoding="utf-8")


def describe(target: Path, python: str) -> None:
    """Write into the package what it is, for ``jobs/installation.py``: its version, what it was built from, and for which Python."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    command = ["git", "describe", "--tags", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        commit = done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "not from a Git repository"
    content = {"version": version, "commit": commit, "python": python}
    (target / BUILT).write_text(json.dumps(content), encoding="utf-8")


def copy_app(target: Path) -> None:
    """The files of the app, as ``.funcignore`` says."""
    ignored = GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text(encoding="utf-8").splitlines())
    for folder, folders, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        wanted = [name for name in folders if not ignored.match_file(f"{(here / name).as_posix()}/")]
        folders[:] = [name for name in wanted if not (here / name).as_posix().startswith(".python_packages")]
        for name in files:
            if not ignored.match_file((here / name).as_posix()):
                (target / here).mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / here / name, target / here / name)


def app_files(target: Path) -> list[Path]:
    """The Python files of the app itself."""
    return [file for file in target.rglob("*.py") if LIBRARIES.parts[0] not in file.relative_to(target).parts]


def install(libraries: Path, python: str) -> None:
    """Install what ``requirements.lock`` names, file by file, for a version of Python on Azure's machines; ready-made wheels only."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config", "--only-binary", ":all:"]
    command += ["--python", sys.executable, "--python-version", python, "--python-platform", PLATFORM]
    command += ["--target", str(libraries), "--require-hashes", "--requirement", str(ROOT / LOCK)]
    subprocess.run(command, check=True)
    shutil.rmtree(libraries / "bin", ignore_errors=True)


def copy_installed(libraries: Path, app: Iterable[Path] | None = None) -> None:
    """Copy what ``requirements.txt`` names, and what that needs, from this environment.

    With the files of ``app``, what :func:`trim` would delete of the generated modules isn't copied in the first place.
    """
    kept: dict[Path, set[Path | None]] = {}
    for one in _distributions():
        site = Path(str(one.locate_file("")))
        if app is not None and site not in kept:
            kept[site] = {_file(site, name) for name in reachable(site, app)}
        keep = kept.get(site)
        for file in one.files or ():
            source = site.joinpath(*file.parts)
            generated = file.parts[:2] == GENERATED.parts
            if ".." in file.parts or file.suffix == ".pyc" or (generated and keep is not None and source not in keep):
                continue
            if source.is_file():
                (libraries / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, libraries / file)


def _distributions() -> Iterator[Distribution]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    waiting = [line.partition("#")[0].strip() for line in lines]
    seen: set[tuple[str, frozenset[str]]] = set()
    names: set[str] = set()
    for line in waiting:
        if not line:
            continue
        wanted = Requirement(line)
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        key = (name, frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        found = distribution(name)
        waiting += [one for one in found.requires or () if _applies(Requirement(one), wanted.extras)]
        if name not in names:
            names.add(name)
            yield found


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ["", *extras])


def trim(libraries: Path, app: Iterable[Path]) -> None:
    """Delete what is generated and out of the app's reach, type stubs, and the libraries' own tests."""
    keep = {_file(libraries, name) for name in reachable(libraries, app)}
    generated = [
        file for file in (libraries / GENERATED).rglob("*") if file.is_file()
    ]  # 38 MB of it are a list of its API
    for file in [*generated, *libraries.glob("msgraph_sdk-*.dist-info/RECORD")]:
        if file not in keep:
            file.unlink()
    for folder in [folder for folder in libraries.rglob("*") if folder.is_dir() and folder.name in _USELESS_FOLDERS]:
        shutil.rmtree(folder, ignore_errors=True)
    for stub in [*libraries.rglob("*.pyi")]:
        stub.unlink()
    for folder in sorted((one for one in libraries.rglob("*") if one.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def reachable(libraries: Path, app: Iterable[Path]) -> set[str]:
    """Names of the modules of ``msgraph`` that the app imports, and those that they import.

    Imports inside functions count among the models, which import one another when an answer is parsed. Those of request
    builders don't: each leads to a part of Graph's API that only somebody who writes its name can ask for.
    """
    waiting = [
        name for file in app for name in _imports(file, "", inside_functions=True) if name.startswith("msgraph.")
    ]
    waiting += ["msgraph"] if waiting else []
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] != "msgraph":
            continue
        file = _file(libraries, name)
        if file is None:
            continue
        found.add(name)
        waiting.append(name.rpartition(".")[0])
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _imports(file, package, inside_functions=name.startswith(MODELS))
    return found


def _file(libraries: Path, name: str) -> Path | None:
    if not name:
        return None
    base = libraries.joinpath(*name.split("."))
    return next((one for one in (base / "__init__.py", base.with_suffix(".py")) if one.is_file()), None)


def _imports(file: Path, package: str, *, inside_functions: bool) -> list[str]:
    """Names that a file imports, and those with what is taken from them: either may be a module."""
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(file.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)
    return names


def size(folder: Path) -> tuple[int, int]:
    """Files below a folder, and their bytes."""
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return len(sizes), sum(sizes)


def pack(folder: Path, archive: Path) -> None:
    """All files of a folder as a zip, but what only azd reads."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file != folder / ".funcignore":
                packed.write(file, file.relative_to(folder))


def main(arguments: list[str] | None = None) -> int:
    """Build a package. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.package", description="Builds the package that is deployed."
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    parser.add_argument(
        "--installed", action="store_true", help="copy the libraries of this environment, don't download"
    )
    parser.add_argument("--source", action="store_true", help="the app alone, without libraries")
    parser.add_argument("--python", default=DEFAULT_PYTHON, metavar="VERSION", help="the Python of the app, e.g. 3.12")
    parser.add_argument("--zip", type=Path, metavar="FILE", help="pack it")
    asked = parser.parse_args(arguments)
    here = ".".join(map(str, sys.version_info[:2]))
    if asked.source:
        copy_app(asked.out)
        shutil.copy2(ROOT / LOCK, asked.out / "requirements.txt")  # the only name that a build in Azure looks for
        describe(asked.out, asked.python)
    else:
        build(
            asked.out, installed=asked.installed, compiled=asked.installed or here == asked.python, python=asked.python
        )
        if not asked.installed and here != asked.python:
            print(
                f"Without bytecode, for this is Python {here} and the app's is {asked.python}: each start takes longer."
            )
    files, total = size(asked.out)
    print(f"{asked.out}: {files:,} files, {total / 1e6:.1f} MB")
    if asked.zip:
        pack(asked.out, asked.zip)
        print(f"{asked.zip}: {asked.zip.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
