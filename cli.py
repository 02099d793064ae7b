"""The command line: the same jobs as the functions, from a terminal.

Results go to stdout, progress and errors to stderr. Exit codes: docs/json.md. What each command takes is in ``commands/line/``, what it
does in a file of ``commands/``.
"""

import sys

try:
    from commands.main import COMMANDS, LINE, main
except KeyboardInterrupt:
    sys.exit(130)  # as whoever interrupts it later; a traceback helps nobody

__all__ = ["COMMANDS", "LINE", "main"]

if __name__ == "__main__":
    sys.exit(main())
