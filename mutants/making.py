"""Which mutants there are, and a sample of them. What is changed, and into what, are cosmic-ray's operators."""

import ast
import difflib
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

TELLING = re.compile(
    r"""core/(?:
        ReplaceBinaryOperator_(?:
            BitOr_(?:BitAnd|BitXor|Sub) | BitAnd_(?:BitOr|BitXor|Sub) | BitXor_(?:BitOr|BitAnd) | LShift_RShift | RShift_LShift
            | Add_(?:Sub|Mul) | Sub_(?:Add|BitOr|BitAnd) | Mul_(?:Add|FloorDiv) | Div_(?:Mul|FloorDiv) | FloorDiv_Mul | Mod_FloorDiv
        )
        | ReplaceComparisonOperator_(?:
            (?:Eq|NotEq|Lt|LtE|Gt|GtE)_(?:Eq|NotEq|Lt|LtE|Gt|GtE) | Is_IsNot | IsNot_Is
        )
        | ReplaceUnaryOperator_(?:Delete_\w+ | USub_UAdd)
        | AddNot | Replace(?:And|Or)With\w+ | Replace(?:True|False)With\w+ | Replace(?:Break|Continue)With\w+
        | ExceptionReplacer | NumberReplacer | RemoveDecorator | ZeroIterationForLoop
    )""",
    re.VERBOSE,
)
"""The operators that say something about tests. The others nearly all make a ``TypeError`` of sets and dates, which anything
would notice, or ask whether equal is the same (``==`` and ``is`` of members of an enum)."""

_FAMILY = re.compile(r"core/(?:Replace(?:Binary|Comparison|Unary)Operator|\w+)")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file."""

    file: str
    """Where, from the root of the project, with slashes."""
    operator: str
    occurrence: int
    """Which of the places in the file that the operator can change."""
    row: int
    column: int


def mutants_of(root: Path, files: Iterable[str]) -> list[Mutant]:
    """Every mutant of ``files``, in the order of the files. Annotations are left alone: nothing runs them."""
    return [mutant for file in files for mutant in _mutants_in(file, (root / file).read_text(encoding="utf-8"))]


def sample(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """``size`` of the mutants, or all there are: first the places are drawn, then one change of each.

    A comparison can be changed in five ways and a condition in one. Drawn from all mutants, comparisons would be most of the
    sample, and the same few again and again. A kind of change counts as a place of its own, so an ``if`` that begins with a
    comparison is two.
    """
    places: dict[tuple[str, int, int, str], list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        family = _FAMILY.match(mutant.operator)
        places[mutant.file, mutant.row, mutant.column, family.group() if family else ""].append(mutant)
    drawn = random.Random(seed)
    chosen = drawn.sample(list(places.values()), min(size, len(places)))
    return [drawn.choice(changes) for changes in chosen]


def mutated(source: str, mutant: Mutant) -> str:
    """The text of the file with the mutant's change. Raises ``ValueError`` where there is no such place."""
    changed: str | None = mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence)
    if changed is None:
        raise ValueError(f"{mutant.file} has no place {mutant.occurrence} for {mutant.operator}")
    return changed


def as_diff(file: str, before: str, after: str, context: int = 3) -> list[str]:
    """The lines of a unified diff."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), file, file, lineterm="", n=context))


def _mutants_in(file: str, source: str) -> Iterable[Mutant]:
    nodes = list(ast_nodes(get_ast(source)))
    skipped = _annotations(source)
    for name in sorted(filter(TELLING.fullmatch, operator_names())):
        operator = get_operator(name)()
        positions = (start for node in nodes for start, _end in operator.mutation_positions(node))
        for occurrence, (row, column) in enumerate(positions):
            if not any(first <= (row, column) < last for first, last in skipped):
                yield Mutant(file, name, occurrence, row, column)


def _annotations(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations begin and end, as rows and columns."""
    found: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
    return [
        ((one.lineno, one.col_offset), (one.end_lineno or 0, one.end_col_offset or 0))
        for one in found
        if one is not None
    ]
