"""Who moved into, or out of, which group or role, as the audit log shows it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from checks.memberships import Moves, groups_through, latest
from tenant.model import Account, AuditEvent, AuditTrail, Group
from tests.checks.kit import GROUPS_GAP, NOW, SERVICE, make_tenant

IN_G1 = replace(SERVICE, groups=frozenset({"g1"}))
UNREAD = replace(SERVICE, groups=GROUPS_GAP)


def move(days_ago: int, who: str, container: str, kind: str = "group_added") -> AuditEvent:
    return AuditEvent(NOW - timedelta(days=days_ago), kind, None, who, who, container_id=container)


def moves(*events: AuditEvent, nesting: Mapping[str, frozenset[str]] | None = None) -> Moves:
    newest_first = sorted(events, key=lambda event: event.time, reverse=True)
    groups = {"g1": Group("g1", "One"), "both": Group("both", "Both")}
    tenant = make_tenant(groups=groups, nesting=nesting or {})
    return Moves(tenant, AuditTrail(tuple(newest_first), NOW - timedelta(days=30)))


@pytest.mark.parametrize(
    ("asked", "roles", "found"),
    [
        ({"outer"}, set(), {"outer", "inner", "innermost"}),
        ({"inner"}, set(), {"inner", "innermost"}),
        ({"outer"}, {"role", "unused role"}, {"outer", "inner", "innermost", "role"}),
        ({"quiet"}, {"unused role"}, set()),
        ({"circle"}, set(), {"circle"}),
    ],
)
def test_of_groups_with_what_is_nested_in_them_and_of_roles_those_count_that_anybody_moved_into(
    asked: set[str], roles: set[str], found: set[str]
) -> None:
    known = moves(
        *(move(1, "anybody", one) for one in ("outer", "inner", "innermost", "role", "circle", "foreign")),
        nesting={
            "outer": frozenset({"inner", "quiet"}),
            "inner": frozenset({"innermost"}),
            "circle": frozenset({"back"}),
            "back": frozenset({"circle"}),
        },
    )
    for _ in range(2):
        assert known.among(frozenset(asked), frozenset(roles)) == found


@pytest.mark.parametrize(
    ("account", "days_ago"),
    [(SERVICE, 5), (IN_G1, 3), (UNREAD, 5), (replace(SERVICE, id="nobody"), None), (replace(IN_G1, id="nobody"), 3)],
)
def test_the_newest_move_of_the_account_or_of_a_group_that_it_is_in_counts(
    account: Account, days_ago: int | None
) -> None:
    known = moves(
        move(9, "svc", "x"), move(5, "svc", "x"), move(3, "g1", "x"), move(1, "other", "x"), move(2, "svc", "y")
    )
    newest = known.newest("x", account)
    assert (newest and newest.time) == (None if days_ago is None else NOW - timedelta(days=days_ago))
    assert known.newest("nowhere", account) is None


def test_without_the_groups_of_an_account_any_group_that_moved_may_have_brought_it_along_and_no_other_account() -> None:
    movers = ("svc", "g1", "nested", "both", "another", "zoe")
    known = moves(*(move(1, who, "x") for who in movers), nesting={"outer": frozenset({"nested", "both"})})
    assert {event.target_id for event in known.possible("x", UNREAD)} == {"svc", "g1", "nested", "both"}
    assert known.possible("nowhere", UNREAD) == []


@pytest.mark.parametrize(
    ("events", "account", "out"),
    [
        ((move(3, "svc", "g1", "group_removed"),), SERVICE, True),
        ((move(3, "svc", "g1", "group_removed"),), IN_G1, False),
        ((move(3, "svc", "g1"),), SERVICE, False),
        ((move(3, "svc", "g1", "group_removed"), move(2, "svc", "g1")), SERVICE, False),
        ((move(3, "svc", "g1"), move(2, "svc", "g1", "group_removed")), SERVICE, True),
        ((move(3, "svc", "g1", "role_removed"),), SERVICE, True),
        ((move(3, "other", "g1", "group_removed"),), SERVICE, False),
        ((), SERVICE, False),
    ],
)
def test_what_took_the_account_out_is_told_unless_it_is_in_again(
    events: tuple[AuditEvent, ...], account: Account, out: bool
) -> None:
    assert bool(moves(*events).out_of(["g1"], account)) is out


def test_without_the_log_nobody_moved() -> None:
    silent = Moves(make_tenant(), None)
    assert silent.among(frozenset({"g1"})) == frozenset()
    assert silent.newest("g1", SERVICE) is None


def test_unread_groups_are_none_that_an_account_is_known_to_be_in() -> None:
    assert IN_G1.known_groups == {"g1"}
    assert UNREAD.known_groups == frozenset()


def test_of_no_events_none_is_the_newest() -> None:
    first, second = move(2, "svc", "x"), move(1, "svc", "x")
    assert latest([]) is None
    assert latest([first, second]) is latest([second, first]) is second


def test_groups_that_once_were_in_one_belong_to_it_and_nothing_does_where_nobody_moved() -> None:
    known = moves(
        move(1, "g1", "outer", "group_removed"),
        move(2, "svc", "g1"),
        move(3, "person", "g1"),
        nesting={"outer": frozenset({"quiet"})},
    )
    assert known.with_once_nested(frozenset({"outer"})) == {"outer", "quiet", "g1"}
    assert known.with_once_nested(frozenset({"quiet"})) == frozenset()


def test_moves_concern_an_account_where_it_or_a_group_of_its_moved() -> None:
    known = moves(move(1, "svc", "x"), move(4, "svc", "x", "group_removed"), move(2, "g1", "x"), move(3, "other", "x"))
    found = known.concerning(frozenset({"x", "y"}), SERVICE)
    assert [(one.target_id, one.kind) for one in found] == [("svc", "group_added"), ("svc", "group_removed")]
    assert {one.target_id for one in known.concerning(frozenset({"x"}), IN_G1)} == {"svc", "g1"}
    assert known.concerning(frozenset({"x"}), replace(SERVICE, id="nobody")) == []
    assert known.concerning(frozenset({"y"}), SERVICE) == []


def groups(*ids: str) -> Account:
    return replace(SERVICE, groups=frozenset(ids))


@pytest.mark.parametrize(
    ("account", "events", "nesting", "edges"),
    [
        (groups("a"), (), {}, {("svc", "a")}),
        (groups("a", "b"), (), {"a": {"b"}}, {("b", "a"), ("svc", "b")}),
        (groups("a", "b"), (move(1, "svc", "a"),), {"a": {"b"}}, {("b", "a"), ("svc", "b"), ("svc", "a")}),
        (groups("a", "b"), (move(1, "b", "a"),), {}, {("b", "a"), ("svc", "b")}),
        (groups("b"), (move(1, "b", "a"),), {}, {("svc", "b")}),
        (groups(), (move(1, "b", "a"),), {}, {("b", "a")}),
        (groups(), (move(1, "svc", "a"),), {}, set()),
        (groups("a"), (move(1, "svc", "a", "group_removed"),), {}, {("svc", "a")}),
        (groups("a"), (move(1, "other", "a"),), {}, {("svc", "a")}),
        (groups("a", "b"), (), {"a": {"b"}, "b": {"a"}}, {("a", "b"), ("b", "a"), ("svc", "a"), ("svc", "b")}),
    ],
)
def test_who_is_in_which_group_today_fits_what_was_read(
    account: Account, events: tuple[AuditEvent, ...], nesting: Mapping[str, set[str]], edges: set[tuple[str, str]]
) -> None:
    known = moves(*events, nesting={group: frozenset(inside) for group, inside in nesting.items()})
    found = known.edges(frozenset({"a", "b"}), account)
    assert found == edges
    assert groups_through(found, account, frozenset({"a", "b"})) == account.groups


def test_a_group_that_is_not_told_of_stays_what_it_was() -> None:
    account = groups("a", "b", "c")
    assert groups_through({("c", "a")}, account, frozenset({"a", "b"})) == {"a", "c"}
    assert groups_through(set(), account, frozenset({"a", "b"})) == {"c"}
