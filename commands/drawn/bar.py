"""Bars for what takes long: how many accounts are read, or kept, of how many."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from commands.output import is_colourful, is_quiet
from reports.words import count

Show = Callable[[int, int], None]
"""Shows that so many of so many accounts are done."""


@contextmanager
def bars() -> Iterator[Callable[[str], Show]]:
    """Gives what makes a bar on the terminal for one kind of work (read, kept); nothing is shown where there is no terminal, or
    nobody wants to know. However it ends, the terminal is as it was.
    """
    if is_quiet() or not sys.stderr.isatty():
        yield lambda what: lambda done, total: None
        return
    colourful = is_colourful(sys.stderr)
    console = Console(
        file=sys.stderr,
        force_terminal=True,
        color_system="standard" if colourful else None,
        no_color=not colourful,
        legacy_windows=False,
    )
    progress = Progress(
        BarColumn(30), TextColumn("{task.description}", markup=False), console=console, auto_refresh=False
    )

    def bar(what: str) -> Show:
        task = progress.add_task("", visible=False)

        def show(done: int, total: int) -> None:
            progress.start()
            said = f"{done:,} of {count(total, 'account', 'accounts')} {what}"
            progress.update(task, completed=done, total=max(total, 1), description=said, visible=True, refresh=True)

        return show

    try:
        yield bar
    finally:
        progress.stop()
