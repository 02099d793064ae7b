"""Runs a module with storage on this machine that stays: Azurite in a folder of the user's own, which it ends with.

``python -m devtools.kept NAME MODULE [ARGUMENT ...]``; ``NAME`` tells one tenant's folder from another's.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from devtools import quiet
from devtools.azurite import AzuriteError, start_azurite

FAILED = 2
SETTING = "AzureWebJobsStorage"
"""Where the Functions host, and what it runs, look for storage."""
_FOLDER = "app-password-watch"


def data_folder(platform: str, variables: Mapping[str, str], home: Path) -> Path:
    """Where programs keep a user's data on a platform (``sys.platform``): a folder of our own there."""
    if platform == "win32":
        base = Path(variables.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(variables.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / _FOLDER


def folder_for(name: str, base: Path) -> Path:
    """The folder of one tenant below ``base``; made, for its owner only."""
    safe = re.sub(r"[^a-z0-9.-]", "_", name.lower()).strip(".") or "default"
    folder = base / safe
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix":
        folder.chmod(0o700)
    return folder


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[bool]:
    """Whether nobody else uses the folder; it is ours while this lasts, and free again when this process ends in whatever way."""
    with (folder / "in use").open("a+b") as file:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def main() -> int:
    """Starts Azurite, then runs the module named second with the other arguments."""
    name = sys.argv.pop(1)
    folder = folder_for(name, data_folder(sys.platform, os.environ, Path.home()))
    with only_one(folder) as ours:
        if not ours:
            print(f"Another scan uses {folder}: wait until it is over.", file=sys.stderr)
            return FAILED
        try:
            azurite = start_azurite(folder / "azurite")
        except AzuriteError as error:
            print(error, file=sys.stderr)
            return FAILED
        with azurite:
            os.environ[SETTING] = azurite.connection_string
            print(f"What is found is kept in {folder}, which only you can read.", file=sys.stderr)
            return quiet.main()


if __name__ == "__main__":
    sys.exit(main())
