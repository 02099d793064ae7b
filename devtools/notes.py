"""``dev.py notes``: what a version brings, in the words of the changelog, as the text of its release."""

import argparse
import re
import sys
from collections.abc import Sequence

from devtools.node import ROOT

NEXT = "Unreleased"


def notes(arguments: Sequence[str]) -> int:
    """The task. Returns the exit code: 1 where the changelog has no such version."""
    parser = argparse.ArgumentParser(prog="dev.py notes", description="The release notes of a version.")
    parser.add_argument("version", nargs="?", default=NEXT, help="default: what isn't released yet")
    version = parser.parse_args(arguments).version.removeprefix("v")
    found = section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if found is None:
        print(f"[dev.py] CHANGELOG.md has no version {version}.", file=sys.stderr)
        return 1
    print(found)
    return 0


def section(changelog: str, version: str) -> str | None:
    """What stands below the heading of a version; None where there is none."""
    _, *parts = re.split(r"^## \[([^\]]+)\].*$", changelog, flags=re.MULTILINE)
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True)).get(version)
