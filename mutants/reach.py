"""Which tests run which function, measured once: a mutant can only be noticed by tests that run what it changes."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest


@dataclass(frozen=True, slots=True)
class Reach:
    """The tests that run each line, by file and line; the names are pytest's."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]

    def tests(self, file: str, source: str, row: int) -> frozenset[str] | None:
        """The tests that run the function around this row of ``file``; None where any test may notice a change.

        That is so outside of functions, in a decorated one (a cache runs it for the first test only), and where a function has
        run before the first test: what it gave is kept somewhere.
        """
        function = _function_around(source, row)
        if function is None or function.decorator_list:
            return None
        lines, last = self.lines.get(file, {}), function.end_lineno or function.lineno
        names = [lines.get(number, frozenset()) for number in range(function.body[0].lineno, last + 1)]
        found = frozenset[str]().union(*names)
        return None if "" in found else found


class Measuring:
    """A plugin of pytest: notes which lines of a folder each test runs."""

    def __init__(self, root: Path, folder: str) -> None:
        self._root = root
        self._coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[str(root / folder / "*.py")], messages=False
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_main(self) -> Iterator[None]:
        """Measures from the import of the first test on."""
        self._coverage.start()
        try:
            return (yield)
        finally:
            self._coverage.stop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """What runs now is run by this test."""
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._coverage.switch_context("")

    def reach(self) -> Reach:
        """What was measured."""
        data = self._coverage.get_data()
        return Reach(
            {
                Path(path).relative_to(self._root).as_posix(): {
                    number: frozenset(names) for number, names in data.contexts_by_lineno(path).items()
                }
                for path in data.measured_files()
            }
        )


def _function_around(source: str, row: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The innermost function that the row belongs to; its decorators and its first lines belong to it too."""
    found: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        # Outer functions come before inner ones.
        if first <= row <= (node.end_lineno or first):
            found = node
    return found
