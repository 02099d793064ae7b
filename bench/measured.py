"""One measurement, and a table of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, and the bound that it should keep, in words."""

    what: str
    value: float
    unit: str
    bound: str = ""


def peak_kb() -> int:
    """The peak of this process's own memory in KB; ``getrusage`` would count the parent's on Linux."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def as_table(measured: Iterable[Measured]) -> str:
    """The measurements as a Markdown table."""
    rows = ["| What | Measured | Should stay under |", "|---|---:|---|"]
    rows += [f"| {one.what} | {one.value:,.2f} {one.unit} | {one.bound} |" for one in measured]
    return "\n".join(rows)
