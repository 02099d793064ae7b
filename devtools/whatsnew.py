"""``dev.py whatsnew TAG``: what an upgrade from a version brings, before it is deployed.

What changed, in the words of the changelog; and whether permissions, settings or parameters did, from the files themselves.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devtools.node import ROOT

Show = Callable[[str], str]
"""The text of a file of a version; empty where it has none."""


@dataclass(frozen=True, slots=True)
class Version:
    """What an administrator has to do with."""

    changelog: tuple[str, ...]
    required: frozenset[str]
    """Permissions."""
    optional: frozenset[str]
    settings: frozenset[str]
    parameters: dict[str, str]
    """Name -> default, as it is written."""


def whatsnew(arguments: Sequence[str]) -> int:
    """The task. Returns the exit code: 1 where there is no such version."""
    parser = argparse.ArgumentParser(
        prog="dev.py whatsnew",
        description="What changed since a version, and whether permissions, settings or parameters did.",
    )
    parser.add_argument("tag", metavar="TAG", help="the version that is deployed: its tag, or a commit")
    tag = parser.parse_args(arguments).tag
    git = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{tag}^{{commit}}"]
    if subprocess.run(git, cwd=ROOT, capture_output=True, check=False).returncode:
        print(f"[dev.py] There is no version {tag} here: git fetch --tags gets those that there are.", file=sys.stderr)
        return 1
    print("\n".join(compared(version(_of(tag)), version(_here))))
    return 0


def version(show: Show) -> Version:
    """What a version has, read from its files."""
    permissions = json.loads(show("infra/data/graph-permissions.json") or "{}")
    settings = re.findall(r"^\| `(\w+)`", show("docs/settings.md"), re.MULTILINE)
    parameters = re.findall(r"^param (\w+) \w+(?: = (.*))?$", show("infra/main.bicep"), re.MULTILINE)
    return Version(
        tuple(line for line in show("CHANGELOG.md").splitlines() if line.strip()),
        _names(permissions, "required"),
        _names(permissions, "optional"),
        frozenset(settings),
        {name: default or "must be given" for name, default in parameters},
    )


def compared(old: Version, new: Version) -> list[str]:
    """What is new, in lines."""
    known = set(old.changelog)
    news = [line for line in new.changelog if line not in known]
    lines = ["What changed:", *(f"  {line}" for line in news or ["Nothing that the changelog names."]), ""]
    for title, before, after in (
        ("Permissions", old.required, new.required),
        ("Optional permissions", old.optional, new.optional),
        ("Settings", old.settings, new.settings),
        ("Parameters", frozenset(old.parameters), frozenset(new.parameters)),
    ):
        lines += _difference(title, before, after)
    both = old.parameters.keys() & new.parameters.keys()
    moved = sorted(name for name in both if old.parameters[name] != new.parameters[name])
    lines += [f"Default of {name}: {new.parameters[name]}; it was {old.parameters[name]}." for name in moved]
    return lines


def _difference(title: str, before: frozenset[str], after: frozenset[str]) -> list[str]:
    more, less = sorted(after - before), sorted(before - after)
    if not more and not less:
        return [f"{title}: as before."]
    lines = [f"{title}, new: {', '.join(more)}."] if more else []
    return [*lines, f"{title}, gone: {', '.join(less)}."] if less else lines


def _names(permissions: object, kind: str) -> frozenset[str]:
    found = permissions.get(kind) if isinstance(permissions, dict) else None
    return frozenset(one if isinstance(one, str) else str(one.get("value")) for one in found or ())


def _of(tag: str) -> Show:
    def show(path: str) -> str:
        done = subprocess.run(
            ["git", "show", f"{tag}:{path}"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
        )
        return done.stdout if done.returncode == 0 else ""

    return show


def _here(path: str) -> str:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.is_file() else ""
