"""The command line: the same jobs as the functions, from a terminal.

Results go to stdout, progress and errors to stderr. Exit codes: docs/json.md. Each command is a file of ``commands/``.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from commands import (
    alerts,
    checks,
    compensate,
    discover,
    doctor,
    exceptions,
    exchange,
    explain,
    findings,
    forget,
    legacy,
    permissions,
    questions,
    report,
    scan,
    simulate,
    snapshot,
)
from commands.arguments import Command, parsed
from commands.output import FAILED, say
from jobs.errors import EXPECTED, sentence

COMMANDS = (
    *(scan, discover, legacy, findings, report, checks, explain, questions, permissions, doctor),
    *(exceptions, simulate, compensate, snapshot, exchange, forget, alerts),
)
"""In the order in which ``--help`` shows them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parsed(_parser(), arguments)
    command: Command = options.command
    try:
        return asyncio.run(command(options))
    except KeyboardInterrupt:
        say("Interrupted. What was kept so far stays; the next scan goes on from there.")
        return 130
    except EXPECTED as error:
        say(sentence(error))
        return FAILED
    except BrokenPipeError:
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cli.py", description="Finds service accounts for which the app-password option is hidden or useless."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
