"""Every package has a version and hashes, what is installed here is what they say, and nobody's licence is unknown."""

import re
import tomllib
from collections.abc import Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devtools import locking
from devtools.building import BuildError
from devtools.environment import DEVELOPMENT, RUNTIME
from devtools.locking import LOCKS, lock_commands
from tests import licences

ROOT = Path(__file__).parents[2]
DEPLOYED = "functions jobs connections reports evidence checks tenant findings alerts settings basics".split()
BETAS = {"azure-monitor-opentelemetry-exporter", "opentelemetry-semantic-conventions"}
"""Packages with a beta version: what they do is left out where they fail (tests/connections/test_telemetry.py)."""


def entries(name: str) -> dict[str, str]:
    """Each requirement of a lock, as it is written -> its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9][^\s\\]*[^\\\n]*?) ?\\\n((?:    --hash=\S+(?: \\)?\n)+)", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)), "each entry has hashes"
    return dict(found)


def applying(name: str) -> dict[str, str]:
    """Package -> the version that a lock has for this Python and system."""
    wanted = [Requirement(line) for line in entries(name)]
    return {
        one.name: str(one.specifier).removeprefix("==") for one in wanted if not one.marker or one.marker.evaluate()
    }


def installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} isn't installed: this environment was not made from the lock")


@pytest.mark.parametrize(("asked", "lock"), LOCKS.items())
def test_what_is_asked_for_is_what_is_locked(asked: str, lock: str) -> None:
    locked = {(one.name, str(one.specifier)) for one in map(Requirement, entries(lock))}
    for line in (ROOT / asked).read_text(encoding="utf-8").splitlines():
        wanted = line.partition("#")[0].strip()
        if wanted and not wanted.startswith("-r "):
            one = Requirement(wanted)
            assert (one.name.replace("_", "-"), str(one.specifier)) in locked, "run: python3 dev.py lock"


def test_development_has_the_same_versions_as_what_is_deployed() -> None:
    *others, development = (entries(lock) for lock in LOCKS.values())
    assert all(one.items() <= development.items() for one in others)


def test_what_only_the_command_line_needs_does_not_burden_the_app() -> None:
    runtime, line = (applying(name) for name in ("requirements.lock", "requirements-cli.lock"))
    assert {"click", "rich"} <= line.keys()
    assert runtime.keys().isdisjoint(line)
    deployed = [*ROOT.glob("*.py"), *(file for one in DEPLOYED for file in (ROOT / one).rglob("*.py"))]
    assert len(deployed) > 100
    for file in deployed:
        assert not re.search(r"^\s*(?:import|from) (?:click|rich)\b", file.read_text(encoding="utf-8"), re.MULTILINE), (
            file
        )


def test_what_is_installed_here_is_what_is_locked() -> None:
    for name, version in applying("requirements-dev.lock").items():
        assert installed(name).version == version, name


@pytest.mark.parametrize("locks", [RUNTIME[:1], RUNTIME, DEVELOPMENT], ids=str)
def test_whatever_a_locked_package_needs_is_locked_too(locks: Sequence[str]) -> None:
    """What is installed together is installed as it is locked, and nothing besides."""
    locked = {name: version for lock in locks for name, version in applying(lock).items()}
    for name in locked:
        for needed in map(Requirement, installed(name).requires or ()):
            if not needed.marker or needed.marker.evaluate({"extra": ""}):
                assert needed.specifier.contains(locked[canonicalize_name(needed.name)], prereleases=True), name


@pytest.mark.parametrize("name", applying("requirements.lock"))
def test_the_licence_of_everything_that_is_deployed_is_known_and_asks_for_nothing(name: str) -> None:
    installed(name)
    found = licences.licences()[name]
    assert found, "nothing says what the licence is"
    if name in licences.ACCEPTED:
        assert licences.ACCEPTED[name].startswith(found)
    else:
        assert licences.unknown(found) == []


def test_of_alternative_licences_one_is_enough_and_of_several_none_may_ask_for_more() -> None:
    assert licences.unknown("Apache-2.0 OR GPL-3.0-only") == []
    assert licences.unknown("MIT AND LGPL-2.1-only") == ["LGPL-2.1-only"]
    assert licences.unknown("") == [""]


def test_the_list_of_what_is_deployed_has_the_hashes_of_everything() -> None:
    names = {"azure-core": "azure_core", "jinja2": "Jinja2"}
    components = [
        {"name": names.get(name, name), "version": version} for name, version in applying("requirements.lock").items()
    ]
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    listed = locking.with_hashes({"bomFormat": "CycloneDX", "components": components}, text)
    assert listed["bomFormat"] == "CycloneDX"
    found = [[one["content"] for one in part["externalReferences"][-1]["hashes"]] for part in listed["components"]]
    assert len(found) == len(components)
    assert all(hashes and all(f"sha256:{one}" in text for one in hashes) for hashes in found)
    with pytest.raises(BuildError, match="left-pad 1"):
        locking.with_hashes({"components": [{"name": "left-pad", "version": "1"}]}, text)


def test_betas_are_those_that_nothing_needs() -> None:
    found = {
        one.name
        for one in map(Requirement, entries("requirements.lock"))
        if re.search(r"\d(a|b|rc)\d", str(one.specifier))
    }
    assert found == BETAS


def test_the_workflow_looks_both_locks_up() -> None:
    jobs: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    steps = [step.get("run", "") for step in jobs["audit"]["steps"]]
    assert all(
        any(step.startswith("pip-audit") and step.endswith(f" {lock}") for step in steps) for lock in LOCKS.values()
    )


def test_the_locks_are_for_every_python_that_is_supported(tmp_path: Path) -> None:
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    runtime, line, development = lock_commands(Path("python"))
    assert [one for one in line if one.startswith("requirements")] == [
        "requirements.lock",
        "requirements-cli.txt",
        "requirements-cli.lock",
    ]
    assert runtime[runtime.index("--python-version") + 1] == oldest.removeprefix(">=")
    assert "--universal" in runtime
    assert "--generate-hashes" in development
