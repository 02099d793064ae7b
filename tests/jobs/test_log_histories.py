"""Whoever's verdict a change of the tenant changes is looked at again because of what the audit log shows of it."""

from tests.jobs.log_histories import play


async def test_nobody_whose_verdict_changes_is_missed() -> None:
    missed, counts = await play(24, seed=11)
    assert missed == []
    assert sum(times for name, times in counts.items() if name.endswith(": verdicts changed")) >= 5, counts
