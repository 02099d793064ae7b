"""What changed, grouped."""

from reports.changes import grouped
from tests.reports import samples
from tests.reports.samples import NOW, RUN, change

_ACCOUNTS = [samples.account(f"svc-{number:04}", "", "hidden", "usable") for number in range(1000)]


def test_a_thousand_alike_changes_are_one_line() -> None:
    groups = grouped([change(one, "APW-001", "opened", NOW, RUN, "The policy X requires MFA.") for one in _ACCOUNTS])
    assert len(groups) == 1
    assert [account.name for account in groups[0].accounts][:2] == ["svc-0000@contoso.com", "svc-0001@contoso.com"]
    assert len(groups[0].accounts) + groups[0].others == 1000


def test_worse_comes_before_better_and_high_before_low() -> None:
    one = _ACCOUNTS[0]
    groups = grouped(
        [
            change(one, "APW-001", "resolved", NOW, RUN, "Gone."),
            change(one, "APW-005", "opened", NOW, RUN, ""),
            change(one, "APW-003", "changed", NOW, RUN, ""),
            change(one, "APW-001", "opened", NOW, RUN, ""),
            change(one, "APW-004", "reopened", NOW, RUN, ""),
        ]
    )
    assert [(group.label, group.check_id) for group in groups] == [
        ("New", "APW-001"),
        ("New", "APW-005"),
        ("Back again", "APW-004"),
        ("Changed", "APW-003"),
        ("Resolved", "APW-001"),
    ]


def test_the_option_itself_comes_before_how_the_account_is_used() -> None:
    used = [change(one, "APW-010", "opened", NOW, RUN, "IMAP") for one in _ACCOUNTS[:9]]
    hidden = change(_ACCOUNTS[0], "APW-003", "opened", NOW, RUN, "")
    made = [{**one, "severity": "high"} for one in (*used, hidden)]
    assert [group.check_id for group in grouped(made)] == ["APW-003", "APW-010"]


def test_a_resolved_finding_says_what_is_true_instead() -> None:
    resolved = {
        **change(_ACCOUNTS[0], "APW-001", "resolved", NOW, RUN, "old"),
        "resolution": "The option is there again.",
    }
    assert grouped([resolved])[0].text == "The option is there again."


def test_silent_changes_say_why() -> None:
    made = change(_ACCOUNTS[0], "APW-001", "opened", NOW, RUN, "")
    notes = [
        grouped([{**made, **more}])[0].note
        for more in (
            {"silence": "exception"},
            {"silence": "flapping"},
            {"flapping": "started"},
            {"flapping": "settled"},
            {},
        )
    ]
    assert notes == ["accepted", "keeps coming and going", "keeps coming and going", "stable again", ""]
