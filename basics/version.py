"""Which version this is. It stands in ``pyproject.toml``, in the package that runs in Azure, and in what was installed."""

import json
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = "app-password-watch"


@cache
def version() -> str:
    """The version of this checkout, or else of the package: the deployed one says it of itself (``devtools/package.py``)."""
    try:
        return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    except FileNotFoundError:
        pass
    try:
        return str(json.loads((ROOT / "built.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        from importlib import metadata  # takes longer than everything else here

        try:
            return metadata.version(NAME)
        except metadata.PackageNotFoundError:
            return "unknown"
