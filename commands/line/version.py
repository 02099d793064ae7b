"""Which version this is. It stands in ``pyproject.toml``, and in what was installed from it."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
NAME = "app-password-watch"


def version() -> str:
    """The version of this checkout, or else of the installed package."""
    try:
        return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])
    except FileNotFoundError:
        from importlib import metadata  # takes longer than everything else here

        return metadata.version(NAME)
