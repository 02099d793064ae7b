"""JSON that others wrote, and times as text, go through one function each: whoever takes a short cut brings an old fault back."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = "alerts checks commands connections evidence findings functions jobs reports settings tenant".split()
OWN_WAY = {
    ("checks/product_files.py", "json.loads("): "tells of members that stand twice; each text is checked after it",
    ("checks/facts.py", "json.loads("): "files of this project",
    ("commands/deployed.py", "json.loads("): "what az prints, of which an address is taken",
}
"""File and call, and why it is none of the kind."""
SHORT_CUTS = [
    r"json\.loads?\(",
    r"\.strftime\(",
    r"\{[^{}\n]*:[^{}\n]*%Y[^{}\n]*\}",
    r"astimezone\(UTC\)\.isoformat\(timespec",
]


@pytest.mark.parametrize("pattern", SHORT_CUTS)
def test_nobody_takes_a_short_cut(pattern: str) -> None:
    found = {
        (file.relative_to(ROOT).as_posix(), match[0])
        for folder in PRODUCT
        for file in (ROOT / folder).rglob("*.py")
        for match in re.finditer(pattern, file.read_text(encoding="utf-8"))
    }
    assert found <= OWN_WAY.keys(), "basics/documents.py and basics/times.py read and write these"
