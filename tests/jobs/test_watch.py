"""Which accounts are watched: pure decisions over what was read and what was known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from findings.model import AccountRecord
from jobs.watch import DELETED, DISCOVERY, GRACE, GRACE_DELETED, NOT_SELECTED, Watch, followed, watch
from tenant.model import Account, Gap
from tenant.selection import Selection
from tests.findings.build import DAY, NOW
from tests.findings.build import account as record

LISTED = Selection(accounts=tuple(f"svc-a{number}@contoso.example" for number in range(1, 7)))


def read(id: str, *selected_by: str, upn: str | None = None, properties: Gap | None = None) -> Account:
    return Account(id, upn or f"svc-{id}@contoso.example", selected_by=selected_by, properties=properties)


def known(*ids: str, **columns: object) -> dict[str, AccountRecord]:
    """Accounts that were selected by their names before."""
    records = {id: replace(record(id), **columns) for id in ids}  # type: ignore[arg-type] # columns of the record
    return {id: replace(one, selected_as=one.selected_as or one.user_principal_name) for id, one in records.items()}


def decide(accounts: list[Account], before: dict[str, AccountRecord], **how: object) -> Watch:
    selection = how.pop("selection", LISTED)
    return watch(accounts, before, selection, **{"now": NOW, **how})  # type: ignore[arg-type] # keyword by keyword


def test_a_known_account_that_was_not_read_is_looked_up() -> None:
    assert followed(known("a1", "a2"), [read("a1", "list")]) == ["a2"]


def test_what_the_settings_select_is_watched() -> None:
    found = decide([read("a1", "list"), read("a2", "pattern: svc-*")], known("a1"))
    assert found.watched.keys() == {"a1", "a2"}
    assert found.selected_as == {"a1": "svc-a1@contoso.example", "a2": "svc-a2@contoso.example"}
    assert (found.closing, found.lost_since, found.unseen) == ({}, {}, ())


@pytest.mark.parametrize("how", [{}, {"asked": True}, {"unreadable": True}])
def test_what_was_lost_and_is_selected_again_is_lost_no_longer(how: dict[str, bool]) -> None:
    before = known("a1", "a2", "a3", lost_since=NOW - DAY)
    found = decide([read("a1", "list"), read("a2", "group: g"), read("a3", "group: g")], before, **how)
    assert found.watched.keys() == {"a1", "a2", "a3"}
    assert (found.closing, found.lost_since, found.unseen) == ({}, {}, ())


@pytest.mark.parametrize(("groups", "watched"), [(frozenset(), False), (Gap("group_memberships", "503"), True)])
def test_an_account_may_be_in_the_selecting_group_while_its_memberships_cannot_be_read(
    groups: frozenset[str] | Gap, watched: bool
) -> None:
    lost = replace(read("a1"), groups=groups)
    found = decide(
        [lost, read("a2", "group: g"), read("a3", "group: g")],
        known("a1", "a2", "a3"),
        selection=Selection(groups=("g",)),
    )
    assert ("a1" in {account.id for account in found.accounts}) is watched


def test_what_was_only_asked_for_is_shown_and_not_watched() -> None:
    found = decide([read("x")], known("a1"), asked=True)
    assert [one.id for one in found.accounts] == ["x"]
    assert found.watched == {}


def test_a_known_account_that_is_asked_for_stays_watched() -> None:
    assert decide([read("a1")], known("a1"), asked=True, selection=Selection()).watched.keys() == {"a1"}


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"unreadable": True}, "watched before; what selects it can't be read at present"),
        ({}, None),
        ({"discovery_unreadable": True}, None),
    ],
)
def test_an_account_that_nothing_selects_is_watched_on_only_while_that_is_uncertain(
    how: dict[str, object], why: str | None
) -> None:
    others = [read(f"a{number}", "list") for number in range(2, 7)]
    before = known(*(f"a{number}" for number in range(1, 7)))
    found = decide([read("a1"), *others], before, selection=Selection(groups=("g",)), **how)
    assert found.closing == ({} if why else {"a1": NOT_SELECTED})
    assert [one.selected_by for one in found.accounts if one.id == "a1"] == ([(why,)] if why else [])


def test_a_proposed_account_is_watched_on_while_discovery_cannot_see() -> None:
    proposed = {"a1": replace(record("a1"), selected_as="")}
    others = {**known("a2", "a3", "a4"), **proposed}
    read_now = [read("a1"), *(read(id, "list") for id in ("a2", "a3", "a4"))]
    names = Selection(accounts=LISTED.accounts[1:])
    assert decide(read_now, others, selection=names, discovery_unreadable=True).closing == {}
    assert decide(read_now, others, selection=names).closing == {"a1": NOT_SELECTED}
    assert decide([read("a1", DISCOVERY)], proposed).selected_as == {"a1": ""}


def test_an_account_that_cannot_be_read_is_watched_on() -> None:
    gap = Gap("account_properties", "500", account_id="a1", tenant_wide=False)
    found = decide([read("a1", properties=gap)], known("a1"))
    assert found.watched.keys() == {"a1"}
    assert found.closing == {}


def test_a_renamed_account_is_watched_on_and_told_with_the_setting_that_is_out_of_date() -> None:
    found = decide([read("a1", upn="new@contoso.example")], known("a1"))
    assert found.accounts[0].selected_by == ("renamed: it was svc-a1@contoso.example",)
    assert found.selected_as == {"a1": "svc-a1@contoso.example"}
    (told,) = found.unseen
    assert told.text.startswith("svc-a1@contoso.example was renamed to new@contoso.example.")
    assert "SERVICE_ACCOUNTS selects it by its old name only" in told.text
    assert (told.at_once, told.reminded, bool(told.ended)) == (True, True, True)


def test_a_renamed_account_that_cannot_be_read_for_once_is_still_known_by_the_name_that_selects_it() -> None:
    gap = Gap("account_properties", "403", "User.Read.All", account_id="a1", tenant_wide=False)
    renamed = known("a1", user_principal_name="new@contoso.example", selected_as="svc-a1@contoso.example")
    found = decide([read("a1", "list", upn="new@contoso.example", properties=gap)], renamed)
    assert found.selected_as == {"a1": "svc-a1@contoso.example"}


def test_a_rename_that_no_setting_minds_is_told_once() -> None:
    found = decide(
        [read("a1", "group: Apps", upn="new@contoso.example")], known("a1"), selection=Selection(groups=("g",))
    )
    (told,) = found.unseen
    assert (told.at_once, told.reminded, told.ended) == (True, False, "")
    assert "SERVICE_ACCOUNTS" not in told.text


def test_a_rename_out_of_a_setting_that_no_longer_names_it_ends_the_watch() -> None:
    before = known("a1", "a2", "a3")
    accounts = [read("a1", upn="new@contoso.example"), read("a2", "list"), read("a3", "list")]
    found = decide(accounts, before, selection=Selection(accounts=("svc-a2@contoso.example", "svc-a3@contoso.example")))
    assert found.closing == {"a1": NOT_SELECTED}


@pytest.mark.parametrize(
    ("lost", "of", "closed"),
    [(1, 3, True), (1, 1, False), (1, 2, True), (2, 3, False), (2, 4, False), (2, 5, True), (6, 6, False)],
)
def test_a_selection_that_loses_most_of_its_accounts_at_once_closes_nothing(lost: int, of: int, closed: bool) -> None:
    ids = [f"a{number}" for number in range(1, of + 1)]
    accounts = [read(id, *(() if index < lost else ("list",))) for index, id in enumerate(ids)]
    found = decide(accounts, known(*ids), selection=Selection())
    assert bool(found.closing) is closed
    assert bool(found.unseen) is not closed
    assert len(found.accounts) == (of - lost if closed else of)


def test_the_last_of_a_selection_whose_others_are_lost_already_is_not_gone_all_at_once() -> None:
    before = {**known("a1", "a2", lost_since=NOW - DAY), **known("a3")}
    found = decide([read("a1"), read("a2"), read("a3")], before, selection=Selection())
    texts = [one.text for one in found.unseen]
    assert [one.partition(":")[0] for one in texts] == [
        "2 of 3 service accounts are gone from what the settings select, all at once",
        "1 of 3 service accounts is gone from what the settings select",
    ]


@pytest.mark.parametrize(
    ("gone", "age", "closing"),
    [
        (False, GRACE - timedelta(seconds=1), {}),
        (False, GRACE, {"a1": NOT_SELECTED}),
        (True, GRACE_DELETED - timedelta(seconds=1), {}),
        (True, GRACE_DELETED, {"a1": DELETED}),
    ],
)
def test_after_a_while_the_watch_ends(gone: bool, age: timedelta, closing: dict[str, str]) -> None:
    before = known("a1", lost_since=NOW - age)
    found = decide([] if gone else [read("a1")], before, gone=frozenset({"a1"} if gone else ()), selection=Selection())
    assert found.closing == closing
    assert bool(found.lost_since) is not bool(closing)


def test_accounts_that_the_settings_select_again_are_lost_no_more() -> None:
    found = decide([read("a1", "list")], known("a1", lost_since=NOW - 3 * DAY))
    assert (found.lost_since, found.unseen) == ({}, ())


def test_a_deleted_account_ends_at_once_where_most_others_stay() -> None:
    before = known("a1", "a2", "a3")
    found = decide([read("a2", "list"), read("a3", "list")], before, gone=frozenset({"a1"}))
    assert found.closing == {"a1": DELETED}


def test_what_is_lost_stays_lost_while_that_cannot_be_seen() -> None:
    since = NOW - timedelta(days=2)
    lost = known("a1", "a2", lost_since=since)
    gap = Gap("account_properties", "500", account_id="a1", tenant_wide=False)
    for how, first in (
        ({"unreadable": True}, read("a1")),
        ({"asked": True}, read("a1")),
        ({}, read("a1", properties=gap)),
    ):
        found = decide([first, read("a2", "list")], lost, selection=Selection(), **how)
        assert found.lost_since == {"a1": since}
        assert [one.key for one in found.unseen] == [f"selection {since.isoformat()}"]


def test_a_new_name_that_the_settings_select_too_is_no_mistake_of_theirs() -> None:
    selection = Selection(patterns=("svc-*",))
    for selected in ((), ("pattern: svc-*",)):
        found = decide(
            [read("a1", *selected, upn="svc-new@contoso.example")], known("a1"), selection=selection, unreadable=True
        )
        (told,) = found.unseen
        assert (told.reminded, told.ended) == (False, "")


def test_a_renamed_account_that_is_no_longer_watched_is_not_told_to_be() -> None:
    others = [read(id, "list") for id in ("a2", "a3", "a4")]
    found = decide(
        [read("a1", upn="new@contoso.example"), *others],
        known("a1", "a2", "a3", "a4"),
        selection=Selection(accounts=tuple(one.user_principal_name for one in others)),
    )
    assert found.closing == {"a1": NOT_SELECTED}
    assert found.unseen == ()
