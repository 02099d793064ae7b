"""What is kept of who signs in with a password, and for how long; rows that are not what was kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.password_use import PasswordUse
from evidence.store import PassingEvidence
from jobs.passwords import import_report, keep_passwords, kept_passwords, names_in, password_rows

NOW = datetime(2026, 11, 26, 7, tzinfo=UTC)
DAY = timedelta(days=1)
USE = PasswordUse("id", "Svc@contoso.com", "", True, "IMAP4", "legacy", "Exchange", 1, 2, 3, NOW, None)
REPORT = "Sender address,Messages sent\nfax@contoso.com,7\n"


class Noting(PassingEvidence):
    """Counts what can't be read."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []

    def note(self, name: str) -> None:
        self.noted.append(name)


async def names(evidence: PassingEvidence, now: datetime = NOW) -> list[str]:
    rows, _, _ = await kept_passwords(evidence, {}, now)
    return [row["user_principal_name"] for row in rows]


async def test_what_a_scan_saw_replaces_what_one_before_saw_and_an_import_stays() -> None:
    evidence = PassingEvidence()
    await import_report(evidence, REPORT, NOW)
    await keep_passwords(evidence, password_rows([USE], NOW), NOW)
    assert await names(evidence) == ["Svc@contoso.com", "fax@contoso.com"]
    await keep_passwords(evidence, [], NOW)
    assert await names(evidence) == ["fax@contoso.com"]


@pytest.mark.parametrize(("days", "there"), [(0, True), (90, True), (91, False)])
async def test_an_import_is_let_go_after_ninety_days(days: int, there: bool) -> None:
    evidence = PassingEvidence()
    await import_report(evidence, REPORT, NOW)
    await keep_passwords(evidence, [], NOW + days * DAY)
    assert bool(await names(evidence)) is there


async def test_both_names_of_an_account_are_known_for_whoever_is_to_be_forgotten() -> None:
    evidence = PassingEvidence()
    await keep_passwords(evidence, password_rows([USE], NOW), NOW)
    assert await names_in(evidence) == [{"id", "svc@contoso.com"}]


@pytest.mark.parametrize("rows", [7, [7], [{}], [{"account": "x"}], "x"])
async def test_rows_that_cannot_be_read_are_noted_and_left_out(rows: Any) -> None:
    evidence = Noting()
    await evidence.remember("password_uses", {"rows": rows})
    assert await names(evidence) == []
    assert await names_in(evidence) in ([], [set()], [{"x"}])
    assert evidence.noted == ["password_uses"]


@pytest.mark.parametrize(
    "report",
    [
        {"rows": 7, "imported": "2026-11-20T08:00:00Z"},
        {"rows": [["a@contoso.com", 1]], "imported": "2026-11-20T08:00:00Z"},
        {"rows": [[7, 1, None]], "imported": "2026-11-20T08:00:00Z"},
        {"rows": [["a@contoso.com", 1, None]], "imported": "once"},
        {"rows": [["a@contoso.com", 1, None]]},
    ],
)
async def test_an_import_that_cannot_be_read_is_noted_and_left_out(report: dict[str, Any]) -> None:
    evidence = Noting()
    await evidence.remember("smtp_report", report)
    assert await names(evidence) == []
    assert evidence.noted == ["smtp_report"]
