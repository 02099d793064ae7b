"""A sheet as wide as a terminal. Every text on it is taken as it is: names from a tenant are neither markup nor commands."""

import io
import itertools
import re
import shutil
from collections.abc import Collection, Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from commands.output import as_called
from reports.text import readable

NARROWEST = 60
_PADDING = re.compile(r" +(?=(?:\x1b\[0m)?$)")
_GUTTER = 2
"""Columns between two cells."""
_FALLBACK = (110, 40)
"""Columns and lines where output goes into a pipe or a file."""
STYLES = {
    "high": "bold red",
    "medium": "yellow",
    "low": "blue",
    "none": "green",
    "accepted": "dim",
    "heading": "bold",
    "quiet": "dim",
}


def terminal_size() -> tuple[int, int]:
    """Columns and lines of the terminal; COLUMNS and LINES win."""
    size = shutil.get_terminal_size(_FALLBACK)
    return size.columns, size.lines


class Paper:
    """A sheet that is written from top to bottom; ``str`` gives what stands on it."""

    def __init__(self, width: int | None = None, *, color: bool = False) -> None:
        """As wide as the terminal unless ``width`` is given, 60 columns at least; ``color`` adds ANSI colours."""
        self._file = io.StringIO()
        self._width = max(terminal_size()[0] if width is None else width, NARROWEST)
        self._console = Console(
            file=self._file,
            width=self._width,
            height=100,  # with only one of them given, rich asks the terminal
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
        )

    def __str__(self) -> str:
        return "".join(f"{_PADDING.sub('', line)}\n" for line in self._file.getvalue().splitlines())

    def blank(self) -> None:
        """An empty line."""
        self._console.print()

    def write(
        self, text: str, style: str | None = None, indent: str = "", hang: str | None = None, *, whole: bool = False
    ) -> None:
        """A text, wrapped between its words; its first line begins with ``indent``, the others with ``hang``.

        ``whole``: an address that is longer than a line isn't cut, because somebody copies it; the lines get as long as it takes.
        """
        rest = indent if hang is None else hang
        columns = self._width - max(cell_len(indent), cell_len(rest))
        said = readable(as_called(text))
        if whole:
            columns = max(columns, *map(cell_len, said.split()))
        for number, line in enumerate(Text(said).wrap(self._console, columns)):
            line.rstrip()
            shown = Text(rest if number else indent) + line
            shown.stylize(STYLES.get(style or "", ""))
            self._console.print(shown, soft_wrap=True)

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[str]],
        styles: Sequence[str] = (),
        *,
        whole: Sequence[int] = (0,),
        names: int | None = None,
    ) -> None:
        """A table with a line above that says what its columns are. Nothing is cut: what doesn't fit goes on below.

        ``styles``: of the first cell of each row. ``whole``: the columns whose cells stay on one line; so do ``names``, which
        somebody copies, where a third of the width is enough for them.
        """
        cells = [[Text(readable(cell)) for cell in row] for row in rows]
        together = set(whole)
        if names is not None and max((row[names].cell_len for row in cells), default=0) <= self._width // 3:
            together.add(names)
        widths = self._widths([[Text(name) for name in head], *cells], together)
        columns = [
            Column(Text(name, STYLES["quiet"]), no_wrap=number in together, overflow="fold", width=width)
            for number, (name, width) in enumerate(zip(head, widths, strict=True))
        ]
        table = Table(*columns, box=None, pad_edge=False, padding=(0, _GUTTER, 0, 0), header_style="")
        for row, style in zip(cells, styles or itertools.repeat(""), strict=False):
            row[0].stylize(STYLES.get(style, ""))
            table.add_row(*row)
        self._console.print(table)

    def _widths(self, rows: Sequence[Sequence[Text]], together: Collection[int]) -> list[int | None]:
        """How wide each column has to be where not all fit: the widest give way first, and none cuts a word while another can give.

        ``None`` leaves it to the table: where everything fits, and where nothing would help.
        """
        columns = list(zip(*rows, strict=True))
        wanted = [max(cell.cell_len for cell in column) for column in columns]
        room = self._width - _GUTTER * (len(columns) - 1)
        words = [
            wanted[number]
            if number in together
            else max(max(map(cell_len, cell.plain.split()), default=0) for cell in column)
            for number, column in enumerate(columns)
        ]
        if sum(wanted) <= room or sum(words) > room:
            return [None] * len(columns)
        most = next(most for most in range(max(wanted), 0, -1) if sum(_between(words, wanted, most)) <= room)
        found, spare = _between(words, wanted, most), room - sum(_between(words, wanted, most))
        for number, width in enumerate(found):
            if spare and width < wanted[number]:
                found[number], spare = width + 1, spare - 1
        return list(found)


def _between(least: Sequence[int], wanted: Sequence[int], most: int) -> list[int]:
    """Each width as wanted, but not above ``most``, unless it can't be less."""
    return [max(low, min(high, most)) for low, high in zip(least, wanted, strict=True)]
