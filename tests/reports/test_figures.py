"""The numbers behind the drawings."""

from reports.extras import ReportExtras
from reports.figures import Mark, matrix, trend
from tests.reports import samples
from tests.reports.samples import account, reason


def _run(day: int, status: str = "complete", **severities: int) -> samples.Json:
    finished = f"2026-11-{day:02}T07:00:00Z"
    return {"id": str(day), "status": status, "finished": finished, "accounts_total": 3, "severities": severities}


def test_the_trend_shows_finished_scans_oldest_first() -> None:
    runs = [
        _run(3, high=2, low=1),
        _run(1, high=1),
        _run(2, "failed", high=9),
        {**_run(4, "running"), "finished": None},
    ]
    runs.append({**_run(5, high=7), "partial": True})
    drawn = trend(ReportExtras(runs=runs))
    assert drawn
    assert [bar.day for bar in drawn.bars] == ["1 Nov 2026", "3 Nov 2026"]
    assert [bar.counts for bar in drawn.bars] == [(1, 0, 0), (2, 0, 1)]


def test_where_nothing_was_ever_open_there_is_nothing_to_draw() -> None:
    assert trend(ReportExtras(runs=[_run(1), _run(2)])) is None
    assert trend(ReportExtras(runs=[_run(1), _run(2, low=1), _run(3)])) is not None
    unread = {**_run(1), "status": "incomplete"}
    assert trend(ReportExtras(runs=[unread, _run(2)])) is not None, (
        "a scan that couldn't see everything found nothing: say so"
    )


def test_one_scan_is_no_trend() -> None:
    assert trend(ReportExtras(runs=[_run(1, high=1)])) is None


def test_the_axis_holds_the_highest_bar_and_has_round_steps() -> None:
    for highest, top in ((1, 4), (4, 4), (5, 8), (9, 12), (17, 20), (21, 40), (1000, 1200), (70_000, 80_000)):
        drawn = trend(ReportExtras(runs=[_run(1, high=highest), _run(2)]))
        assert drawn
        assert drawn.top == top


def test_only_the_last_scans_are_drawn() -> None:
    runs = [
        {**_run(1, high=1), "id": str(number), "finished": f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z"}
        for number in range(99)
    ]
    drawn = trend(ReportExtras(runs=runs))
    assert drawn
    assert len(drawn.bars) == 60
    assert drawn.bars[-1].label == "1 Jan 2026, 01:38 UTC"


def test_accounts_that_policies_treat_alike_share_a_row() -> None:
    drawn = matrix(samples.contoso()["accounts"])
    assert drawn
    rows = {row.name: row for row in drawn.rows}
    backup = rows["svc-backup@contoso.com"]
    assert backup.others == 2
    cell = backup.cells[drawn.policies.index(samples.SERVICE)]
    assert [mark.words for mark in cell] == ["requires MFA", "blocks legacy authentication"]


def test_marks_tell_always_sometimes_and_later_apart() -> None:
    one = account(
        "svc-a", "", "conditional", "conditional",
        reasons=[
            reason("", "demands_mfa", "A", "all users"),
            reason("", "blocks_legacy", "B", "all users", circumstances=["except from Head office"]),
            reason("", "would_demand_mfa", "C", "all users"),
            reason("", "excluded", "D", "named directly"),
            {**reason("", "demands_mfa", "E", "all users", circumstances=["new"]), "understood": False},
            reason("", "demands_mfa", None, "all users"),
            reason("", "per_user_state"),
        ],
    )  # fmt: skip
    drawn = matrix([one])
    assert drawn
    assert drawn.policies == ("A", "B", "C", "D", "E", "Security Defaults")
    marks = (
        *(Mark("M", "always"), Mark("B", "sometimes"), Mark("M", "later"), Mark("E", "always")),
        *(Mark("M", "perhaps"), Mark("M", "always")),
    )
    assert drawn.rows[0].cells == tuple((mark,) for mark in marks)
    assert Mark("M", "perhaps").words == "requires MFA, perhaps"


def test_policies_of_one_name_keep_their_own_columns() -> None:
    first, second = reason("", "demands_mfa", "Same", "all users"), reason("", "blocks_legacy", "Same", "all users")
    second["policy_id"] = "other"
    drawn = matrix([account("svc-a", "", "hidden", "usable", reasons=[first, second])])
    assert drawn
    assert drawn.policies == ("Same", "Same")


def test_no_policy_no_matrix() -> None:
    assert matrix([account("svc-a", "", "visible", "usable", reasons=[samples.ENFORCED])]) is None


def test_a_large_matrix_says_what_it_leaves_out() -> None:
    accounts = [
        account(f"svc-{number}", "", "hidden", "usable", reasons=[reason("", "demands_mfa", f"P{number}", "all users")])
        for number in range(50)
    ]
    drawn = matrix(accounts)
    assert drawn
    assert (len(drawn.rows), drawn.hidden_rows) == (40, 10)
    assert (len(drawn.policies), drawn.hidden_policies) == (24, 26)
