"""Runs the command line: finds out what was asked for, does it, and ends with the exit code that docs/json.md promises."""

from collections.abc import Callable, Sequence

import click

from commands import output
from commands.line.kept import ALERTS, CHECKS, EXCEPTIONS, EXCHANGE, FINDINGS, FORGET, LEGACY, QUESTIONS, REPORT
from commands.line.parts import Actions, Work
from commands.line.reading import COMPENSATE, DISCOVER, DOCTOR, EXPLAIN, PERMISSIONS, SCAN, SIMULATE, SNAPSHOT, WATCH

COMMANDS: tuple[click.Command, ...] = (
    *(SCAN, WATCH, DISCOVER, LEGACY, FINDINGS, REPORT, CHECKS, EXPLAIN, QUESTIONS, PERMISSIONS, DOCTOR),
    *(EXCEPTIONS, SIMULATE, COMPENSATE, SNAPSHOT, EXCHANGE, FORGET, ALERTS),
)
"""In the order in which ``--help`` shows them."""
_SCANNING = frozenset({"commands.scan:run", "commands.watch:run"})
_KEPT = " What was kept so far stays; the next scan goes on from there."


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from basics.version import NAME, version

    click.echo(f"{NAME} {version()}")
    ctx.exit()


LINE = Actions(
    "cli.py",
    "Finds service accounts for which the app-password option is hidden or useless.",
    COMMANDS,
    below="COMMAND",
    parameters=[
        click.Option(
            ["-V", "--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version and exit.",
        )
    ],
)
"""Every command with its arguments."""


def main(arguments: Sequence[str] | None = None, program: str = "cli.py") -> int:
    """Run one command, by default that of ``sys.argv``, and return its exit code. ``program`` is what it was called as."""
    output.speak_utf8()
    output.be_called(program)
    try:
        asked = LINE.main(None if arguments is None else list(arguments), prog_name=program, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return output.FAILED
    except click.Abort:
        return output.INTERRUPTED
    except SystemExit:  # completion is told, or nobody reads on what help says
        return output.DONE
    return _done(asked) if isinstance(asked, Work) else int(asked or output.DONE)


def _done(work: Work) -> int:
    """Do what was asked for; what is expected to go wrong ends in a sentence."""
    output.be(quiet=work.options.quiet, verbose=work.options.verbose)
    try:
        if vars(work.options).get("profile") is None:
            return _run(work)
        from commands.profiles import run_with

        return told(lambda: run_with(work, _run, told))
    except KeyboardInterrupt:
        output.say(f"Interrupted.{_KEPT if _keeps(work) else ''}")
        return output.INTERRUPTED


def _keeps(work: Work) -> bool:
    given = vars(work.options)
    return work.where in _SCANNING and not (given.get("no_store") or given.get("deployed"))


def _run(work: Work) -> int:
    import asyncio

    function = work.function()
    from commands.mistyped import name_mistyped

    if function.__module__ != "commands.doctor":  # which has a line for each
        name_mistyped()
    return told(lambda: asyncio.run(function(work.options)))


def told(do: Callable[[], int]) -> int:
    """The exit code of what is done; what is expected to go wrong is told in a sentence, and so are options that don't go together."""
    from jobs.errors import EXPECTED, sentence

    try:
        return do()
    except click.UsageError as error:
        error.show()
        return output.FAILED
    except EXPECTED as error:
        output.origin(error)
        output.say(sentence(error))
        return output.FAILED
