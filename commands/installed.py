"""The start of the installed package: in the wheel this file is ``app_password_watch/__init__.py``, and our folders lie beside it."""

import sys
from pathlib import Path

NAME = "app-password-watch"


def main() -> int:
    """Run the command line. Our folders are found first, and only in this process."""
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        from commands.main import main as run

        return run(program=NAME)
    except KeyboardInterrupt:
        return 130  # as whoever interrupts it later; a traceback helps nobody
