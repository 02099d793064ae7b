"""Debian's chromium, and axe-core, where they are installed."""

import shutil
from pathlib import Path

from devtools.node import CACHE


def find_chromium() -> str | None:
    """The chromium of the machine, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def find_axe() -> Path | None:
    """axe-core as npm installed it into one of the folders of the cache, or None."""
    return next(iter(sorted(CACHE.glob("*/node_modules/axe-core/axe.min.js"))), None)
