"""A simulation in the terminal: what makes it doubtful comes first, and every name that decides is there."""

from typing import Any

import pytest

from reports.simulation import simulation_lines

Json = dict[str, Any]
ID, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ACCOUNT = "33333333-3333-4333-8333-333333333333"
POLICY = {"id": "p", "name": "CA001"}
SHIFT = {
    "id": "a",
    "user_principal_name": "svc@contoso.com",
    "before": {"visibility": "visible", "usability": "usable"},
    "after": {"visibility": "visible", "usability": "blocked_by_policy"},
    "because": "It blocks.",
}


def lines(gaps: tuple[Json, ...] = (), **members: Any) -> list[str]:
    outcome = {
        "title": "If it is so",
        "policy_id": None,
        "count": len(members.get("accounts", ())),
        "accounts": [],
        "undecided": [],
        "not_in_tenant": [],
        "not_looked_up": [],
        "reaching_nobody": [],
        "cautions": [],
        "notes": [],
        "exclusion_groups": [],
        **members,
    }
    judged = [{"id": ACCOUNT, "user_principal_name": "svc@contoso.com"}]
    return list(simulation_lines({"schema": 1, "gaps": list(gaps), "judged": judged, "simulations": [outcome]}))


def reference(kind: str = "group", id: str = ID, use: str = "included", policies: int = 1) -> Json:
    named = [{"id": str(number), "name": f"CA{number}"} for number in range(policies)]
    return {"kind": kind, "id": id, "use": use, "policies": named}


def exclusion(**members: Any) -> Json:
    plain = {"members": [], "more_members": False, "members_unread": None, "also_excluded_from": [], "included_by": []}
    return {
        "account": "svc",
        "policy": POLICY,
        "id": "g",
        "name": "G",
        "used": True,
        "cautions": [],
        **plain,
        **members,
    }


def test_an_account_that_cannot_be_judged_is_not_said_to_stay_as_it_is() -> None:
    undecided = [{"id": ACCOUNT, "user_principal_name": "svc@contoso.com"}]
    said, whom = lines(undecided=undecided)
    assert said == "If it is so: no account is known to change, but none of 1 could be judged: see below"
    assert whom == "  1 account can't be judged with what could be read: svc@contoso.com"


def test_an_account_is_shown_before_and_after_with_the_reason() -> None:
    assert lines(accounts=[SHIFT]) == [
        "If it is so: 1 account would change",
        "  svc@contoso.com: app password option: Offered; legacy authentication: Not blocked by a policy -> Blocked by a policy",
        "    It blocks.",
    ]


@pytest.mark.parametrize(
    ("members", "result"),
    [
        ({}, "no account would change (1 was judged)"),
        (
            {"not_in_tenant": [reference()]},
            "no account would change (1 was judged), which is no all-clear: see above",
        ),
        (
            {"not_looked_up": [{**reference("location"), "error": "403", "permission": None}]},
            "no account would change (1 was judged), which is no all-clear: see above",
        ),
        (
            {"not_in_tenant": [reference(use="excluded")]},
            "no account would change (1 was judged), as far as this tenant has what the policies name: see above",
        ),
        (
            {"not_in_tenant": [reference()], "accounts": [SHIFT]},
            "1 account would change, as far as this tenant has what the policies name: see above",
        ),
    ],
)
def test_the_result_is_no_more_certain_than_what_it_rests_on(members: Json, result: str) -> None:
    assert f"If it is so: {result}" in lines(**members)


def test_what_the_tenant_lacks_stands_at_the_top_by_id_and_policy() -> None:
    missing = [reference(policies=5), reference("role", OTHER, "excluded"), reference("group", "<group>", "excluded")]
    strength = reference("authentication_strength", OTHER, "required")
    found = lines(not_in_tenant=[*missing, strength], reaching_nobody=[POLICY])
    assert found[:7] == [
        "Caution: the policies name 2 groups, 1 role and 1 authentication strength that this tenant doesn't have.",
        "What such an id includes reaches nobody here, and what it excludes exempts nobody.",
        f'  group {ID}: included by "CA0", "CA1", "CA2" and 2 more',
        f'  role {OTHER}: excluded from "CA0"',
        '  group "<group>", which is no id: excluded from "CA0"',
        f'  authentication strength {OTHER}: required by "CA0"',
        'Caution: this policy reaches nobody here: "CA001"',
    ]


def test_what_nobody_could_look_up_says_what_would_open_it() -> None:
    unread = {**reference(), "error": "403 Forbidden", "permission": "GroupMember.Read.All"}
    assert lines(not_looked_up=[unread])[:2] == [
        "Caution: the policies name 1 group of which nobody could look up whether this tenant has them.",
        f'  group {ID}: included by "CA0" (403 Forbidden; grant GroupMember.Read.All)',
    ]


def test_what_could_not_be_read_comes_last_with_the_names_of_accounts() -> None:
    gap = {"input": "per_user_mfa", "error": "403", "permission": None, "account": ACCOUNT, "optional": False}
    found = lines((gap, {**gap, "input": "sign_ins", "optional": True}))
    assert found[1:] == ["", "What could not be read:", "  Per-user MFA state of svc@contoso.com: 403."]


def test_accounts_that_cannot_be_judged_are_named() -> None:
    some = [{"id": str(number), "user_principal_name": f"svc-{number}"} for number in range(12)]
    names = ", ".join(f"svc-{number}" for number in range(10))
    assert f"  12 accounts can't be judged with what could be read: {names} and 2 more" in lines(undecided=some)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, ["    Nobody else is in it."]),
        ({"used": False}, ["    Nobody is in it."]),
        ({"members": ["a", "b"], "more_members": True}, ["    Also in it: a, b and others"]),
        ({"used": False, "members": ["a"]}, ["    In it: a"]),
        ({"members_unread": "403"}, ["    Who is in it could not be read (403)."]),
        (
            {"members": ["a"], "members_unread": "403"},
            ["    Also in it: a", "    Who else is in it could not be read (403)."],
        ),
        (
            {"also_excluded_from": [POLICY], "included_by": [POLICY]},
            [
                "    Nobody else is in it.",
                '    Whoever is in it is excluded from "CA001" as well.',
                '    Whoever is in it is included by "CA001" as well.',
            ],
        ),
        ({"cautions": ["No good."]}, ["    Nobody else is in it.", "    Caution: No good."]),
    ],
)
def test_an_exclusion_group_is_shown_with_who_is_in_it(members: Json, said: list[str]) -> None:
    _, _, *found = lines(exclusion_groups=[exclusion(**members)])
    assert found == said
