"""The command that changes the rules in small ways: what it changes, what it runs, what it says."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mutants import running
from mutants.__main__ import ROOT, main, pure_modules
from mutants.equivalents import Equivalent, change_of, entry_for, listed, outdated
from mutants.making import Mutant, mutants_of, mutated, sample
from mutants.reach import Reach

AGE = '''\
"""A rule."""

LIMIT: "int | None" = 3


def old(age: int | None, kept: bool = True) -> bool:
    """Whether something is old."""
    if age is None and not kept:
        return False
    return age is not None and age > 7
'''
TESTED = """\
import pytest

from checks.age import old


def test_it_needs_storage(azurite: str) -> None:
    raise AssertionError


@pytest.mark.parametrize(("age", "is_old"), [(6, False), (7, False), (8, True), (9, True), (None, False)])
def test_more_than_seven_is_old(age: int | None, is_old: bool) -> None:
    assert old(age) is is_old
"""
UNTESTED = "from checks.age import old\n\n\ndef test_it_answers() -> None:\n    old(8)\n"
NOT_KEPT = Equivalent(
    "checks/age.py", "if age is None and not kept:", "if age is None and kept:", "the next line says so too"
)
REFUTED = Equivalent("checks/age.py", "return age is not None and age > 7", "return age is not None or age > 7", "")
GONE = Equivalent("checks/gone.py", "a", "b", "")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One rule and its tests."""
    write(tmp_path, "checks/age.py", AGE)
    write(tmp_path, "tests/checks/test_age.py", TESTED)
    write(tmp_path, "tests/conftest.py", "import pytest\n\n\n@pytest.fixture\ndef azurite() -> str:\n    return ''\n")
    write(
        tmp_path,
        "pyproject.toml",
        '[tool.pytest.ini_options]\naddopts = ["--import-mode=importlib"]\npythonpath = ["."]\n',
    )
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def mutate(project: Path, *arguments: str, entries: tuple[Equivalent, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """As ``dev.py mutate`` does it, for another project."""
    script = f"""
        import sys
        from pathlib import Path
        from mutants import running
        from mutants.__main__ import main
        from mutants.equivalents import Equivalent
        running.LEAST_SECONDS = 1
        sys.exit(main(sys.argv[1:], Path({str(project)!r}), {entries!r}))
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), "--seed=1", "--module=checks/age.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_mutants_are_changes_of_what_runs(project: Path) -> None:
    changes = {change_of(AGE, mutated(AGE, mutant)) for mutant in mutants_of(project, ["checks/age.py"])}
    assert ("return age is not None and age > 7", "return age is not None and age >= 7") in changes
    assert ("return age is not None and age > 7", "return age is not None and age > 8") in changes
    assert ("return age is not None and age > 7", "return age is not None or age > 7") in changes
    assert ("if age is None and not kept:", "if age is None and kept:") in changes
    assert ('LIMIT: "int | None" = 3', 'LIMIT: "int | None" = 4') in changes
    assert not [came for _, came in changes if came.startswith("def ") and "int | None" not in came]


def test_a_seed_draws_the_same_places_again(project: Path) -> None:
    every = mutants_of(project, ["checks/age.py"])
    assert sample(every, 5, seed=3) == sample(every, 5, seed=3) != sample(every, 5, seed=4)
    assert len(sample(every, 5, seed=3)) == 5


def test_a_place_is_drawn_once_however_many_changes_it_has(project: Path) -> None:
    every = mutants_of(project, ["checks/age.py"])
    drawn = sample(every, 10**6, seed=3)
    assert len(drawn) < len(every)
    comparisons = [mutant for mutant in drawn if "Comparison" in mutant.operator]
    assert len({(mutant.row, mutant.column) for mutant in comparisons}) == len(comparisons) == 3


def test_a_mutant_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no place 9"):
        mutated(AGE, Mutant("checks/age.py", "core/AddNot", 9, 1, 1))


def test_what_tests_notice_dies_and_the_rest_is_shown_and_fails(project: Path) -> None:
    before = contents(project)
    answer = mutate(project, "--sample=100", "--workers=2", entries=(NOT_KEPT, REFUTED, GONE))
    assert answer.returncode == 1, answer.stderr
    assert "-    if age is None and not kept:\n+    if age is None or not kept:" in answer.stdout
    assert "age >= 7" not in answer.stdout
    assert "1 equivalent" in answer.stdout
    assert "and  kept" not in answer.stdout
    assert f"Listed as equivalent, but a test notices it: {REFUTED.file}: {REFUTED.line}" in answer.stdout
    assert "there is no such mutant (any more): checks/gone.py: a" in answer.stdout
    assert contents(project) == before


def test_enough_deaths_are_a_success_and_tests_that_assert_nothing_are_none(project: Path) -> None:
    write(project, "checks/age.py", "def old(age: int | None) -> bool:\n    return age is not None and age > 7\n")
    answer = mutate(project, "--sample=100")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "(100.0%)" in answer.stdout
    write(project, "tests/checks/test_age.py", UNTESTED)
    answer = mutate(project, "--sample=100")
    assert answer.returncode == 1
    assert "(0.0%)" in answer.stdout


def test_an_entry_that_speaks_of_no_mutant_is_outdated(project: Path) -> None:
    changed = Equivalent("checks/age.py", "return age is not None and age > 6", "return age is not None or age > 6", "")
    assert outdated([NOT_KEPT, REFUTED, GONE, changed], project) == [GONE, changed]


def test_an_entry_speaks_of_one_change_only() -> None:
    after = AGE.replace("not kept", "kept")
    assert entry_for([NOT_KEPT], "checks/age.py", AGE, after) == NOT_KEPT
    assert entry_for([NOT_KEPT], "checks/other.py", AGE, after) is None
    assert entry_for([NOT_KEPT], "checks/age.py", AGE, AGE.replace("> 7", "> 8")) is None


def test_a_mutant_that_never_ends_dies(project: Path) -> None:
    write(
        project,
        "checks/age.py",
        "def old(age: int) -> bool:\n    while age > 7:\n        age = age - 9\n    return age < 0\n",
    )
    tested = "from checks.age import old\n\n\ndef test_age() -> None:\n    assert old(8)\n    assert not old(7)\n"
    write(project, "tests/checks/test_age.py", tested)
    answer = mutate(project, "--sample=100", "--seconds=100")
    assert "0 of them by timeout" not in answer.stdout
    assert "by timeout" in answer.stdout


def test_a_mutant_that_cannot_be_imported_says_nothing_of_tests(project: Path) -> None:
    write(project, "checks/age.py", "LIMITS = (1, 2)[1 - 1]\nassert LIMITS == 1\n")
    write(project, "tests/checks/test_age.py", "import checks.age\n\n\ndef test_nothing() -> None:\n    pass\n")
    answer = mutate(project, "--sample=100")
    assert "0 that can't be imported" not in answer.stdout
    assert "that can't be imported" in answer.stdout


def test_tests_that_fail_without_a_change_are_told(project: Path) -> None:
    write(project, "tests/checks/test_age.py", "def test_it() -> None:\n    raise AssertionError('what is wrong')\n")
    answer = mutate(project)
    assert answer.returncode == 1
    assert "tests/checks fails with the code as it is" in answer.stderr
    assert "what is wrong" in answer.stderr


def test_a_file_that_does_not_exist_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--module", "checks/nothing.py"])
    assert ended.value.code == 2
    assert "there is no file checks/nothing.py" in capsys.readouterr().err


SOURCE = """\
LIMIT = 3


@cache
def kept() -> int:
    return 1


def outer(x: int) -> int:
    def inner() -> int:
        return 2

    return inner() + x
"""


@pytest.mark.parametrize(
    ("row", "tests"),
    [(1, None), (4, None), (6, None), (9, {"one", "two"}), (10, {"two"}), (11, {"two"}), (13, {"one", "two"})],
)
def test_what_a_change_may_be_noticed_by(row: int, tests: set[str] | None) -> None:
    lines = {6: frozenset({"one"}), 10: frozenset({"one"}), 11: frozenset({"two"}), 13: frozenset({"one"})}
    assert Reach({"a.py": lines}).tests("a.py", SOURCE, row) == tests


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (0, "survived"),
        (1, "killed"),
        (2, "unimportable"),
        (3, "killed"),
        (4, "unimportable"),
        (5, "survived"),
        (-signal.SIGXCPU, "timeout"),
        (-signal.SIGSEGV, "killed"),
    ],
)
def test_an_exit_code_says_what_became_of_a_mutant(code: int, outcome: str) -> None:
    assert running.outcome_of(code) == outcome


def test_what_ran_before_the_tests_may_be_noticed_by_any() -> None:
    assert Reach({"a.py": {11: frozenset({"", "one"})}}).tests("a.py", SOURCE, 11) is None
    assert Reach({}).tests("a.py", SOURCE, 11) == frozenset()


def test_the_tests_of_a_file_are_those_of_its_folder() -> None:
    assert running.tests_of("checks/scope.py") == "tests/checks"
    assert running.tests_of("findings/compare.py") == "tests/findings"


def test_what_is_pure_exists_and_needs_no_storage() -> None:
    files = pure_modules(ROOT)
    assert {"checks/visibility.py", "findings/compare.py"} <= set(files)
    for file in files:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert "azure" not in text.replace("Azure", ""), file
        assert "import asyncio" not in text, file


def test_every_equivalent_mutant_can_be_made_and_has_a_reason() -> None:
    entries = listed()
    assert outdated(entries, ROOT) == []
    assert [entry for entry in entries if len(entry.reason) < 20] == []
    assert len({(entry.file, entry.line, entry.mutant) for entry in entries}) == len(entries)
