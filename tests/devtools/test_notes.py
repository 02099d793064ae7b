"""Release notes come from the changelog."""

import pytest

from devtools.notes import notes, section

LOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- New.\n\n## [1.1.0] - 2026-12-01\n\n- Old.\n\n## [1.0.0] - 2026-11-01\n"


@pytest.mark.parametrize(
    ("version", "said"),
    [("Unreleased", "### Added\n\n- New."), ("1.1.0", "- Old."), ("1.0.0", ""), ("1.2.0", None), ("1.1", None)],
)
def test_they_are_what_stands_below_the_version(version: str, said: str | None) -> None:
    assert section(LOG, version) == said


def test_the_task_prints_them_and_names_a_version_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert notes([]) == 0
    assert capsys.readouterr().out.startswith("### Added")
    assert notes(["v0.0.1"]) == 1
    assert "no version 0.0.1" in capsys.readouterr().err
