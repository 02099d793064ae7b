"""What must hold for every tenant, whatever its policies say."""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.decided import undecided
from checks.judge import judge
from checks.model import Usability, Visibility
from tenant.model import Account, AuthenticationStrength, Gap, Group, MfaDemand, Registration, Tenant
from tenant.policies import parse_policy
from tests.checks import test_conditions, test_grants, test_missing_inputs, test_scope, test_states
from tests.checks.kit import (
    DEFAULTS_GAP,
    ELIGIBILITIES_GAP,
    EXCHANGE,
    GLOBAL_ADMINISTRATOR,
    GROUPS,
    GROUPS_GAP,
    LOCATIONS_GAP,
    METHODS_GAP,
    MODERN,
    NOW,
    PLANS_GAP,
    POLICIES_GAP,
    PREVIEWS_GAP,
    PROPERTIES_GAP,
    REGISTRATION_GAP,
    REPORT_ONLY,
    ROLES_GAP,
    SERVICE,
    SHAREPOINT,
    STATE_GAP,
    STRENGTHS_GAP,
    Case,
    Json,
    answers,
    holds,
    judged,
    make_tenant,
    policy,
)

GA = GLOBAL_ADMINISTRATOR
HIDING = ["not_offered", "predicted", "conditional", "hidden"]
BLOCKING = ["usable", "conditional", "blocked_by_policy"]

TABLE: list[Case] = [
    *test_conditions.CASES,
    *test_grants.CASES,
    *test_scope.USERS_AND_GROUPS,
    *test_scope.EXCLUSIONS,
    *test_scope.ROLES,
    *test_states.STATES,
    *test_states.DEFAULTS,
    *test_states.REGISTRATION,
    *test_missing_inputs.CASES,
]
TENANT_GAPS: list[Mapping[str, Any]] = [
    {"security_defaults": DEFAULTS_GAP},
    {"policies": POLICIES_GAP},
    {"unlisted_policies": PREVIEWS_GAP},
    {"unlisted_plans": PLANS_GAP},
    {"strengths": STRENGTHS_GAP},
    {"named_locations": LOCATIONS_GAP},
    {"role_assignments": ROLES_GAP},
    {"role_eligibilities": ELIGIBILITIES_GAP},
]
ACCOUNT_GAPS: list[Mapping[str, Any]] = [
    {"groups": GROUPS_GAP},
    {"per_user_mfa": STATE_GAP},
    {"registration": Registration(REGISTRATION_GAP, METHODS_GAP)},
    {"properties": PROPERTIES_GAP},
]


def without_groups(tenant: Tenant) -> Tenant:
    """The tenant, of whose groups (but the deleted ones) none could be read."""
    gap = Gap("groups", "403", "GroupMember.Read.All")
    return replace(tenant, groups={id_: g if g.deleted else replace(g, gap=gap) for id_, g in tenant.groups.items()})


def less_readable(tenant: Tenant, account: Account) -> list[tuple[Tenant, Account]]:
    """The same situation with one input missing, for each input in turn."""
    return [
        *((replace(tenant, **gap), account) for gap in TENANT_GAPS),
        *((tenant, replace(account, **gap)) for gap in ACCOUNT_GAPS),
        (without_groups(tenant), account),
    ]


def stands(before: tuple[str, str], after: tuple[str, str]) -> bool:
    """Whether a verdict with less to read is the same one, or open."""
    blocks = {"blocked_by_policy", "blocked_by_security_defaults"}
    same_block = {before[1], after[1]} <= blocks
    return after[0] in (before[0], "unknown") and (after[1] in (before[1], "unknown") or same_block)


def excuses(before: tuple[str, str]) -> bool:
    """Synchronization accounts are known by their role; without roles the contract judges them as others, by name."""
    return before[0] == "not_applicable"


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_a_missing_input_never_contradicts_the_readable_answer(case: Case) -> None:
    before = answers(case.the_tenant, case.the_account)
    for tenant, account in less_readable(case.the_tenant, case.the_account):
        after = answers(tenant, account)
        assert excuses(before) or stands(before, after), (before, after, tenant, account)


# --- generated tenants -------------------------------------------------------------------------------------------------

_conditions = st.fixed_dictionaries(
    {},
    optional={
        "locations": st.sampled_from(
            [
                {"includeLocations": ["All"]},
                {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]},
                {"includeLocations": ["l1"]},
            ]
        ),
        "platforms": st.sampled_from([{"includePlatforms": ["all"]}, {"includePlatforms": ["iOS"]}]),
        "userRiskLevels": st.sampled_from([[], ["high"]]),
        "insiderRiskLevels": st.sampled_from([None, "minor,elevated"]),
        "authenticationFlows": st.sampled_from([{"transferMethods": "none"}, {"transferMethods": "deviceCodeFlow"}]),
        "newCondition": st.sampled_from([None, [], ["x"], False]),
    },
)
_some = st.sampled_from


def _lists(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


_policy = st.builds(
    policy,
    name=_some(["p1", "p2", "p3", "p4", "Microsoft-managed: x"]),
    state=_some(["enabled", "enabled", "enabled", REPORT_ONLY, "disabled", "brandNew"]),
    users=_lists("All", "svc", "someone", "None"),
    groups=_lists("g1", "g2"),
    roles=_lists(GA, "r2"),
    not_users=_lists("svc", "someone"),
    not_groups=_lists("gx", "g2"),
    not_roles=_lists(GA, "r2"),
    apps=_lists("All", EXCHANGE, "Office365", SHAREPOINT),
    not_apps=_lists(SHAREPOINT, EXCHANGE),
    clients=_some(
        [None, ("all",), ("browser",), MODERN, ("other",), ("exchangeActiveSync",), ("newApp",), ("browser", "other")]
    ),
    grant=st.one_of(st.none(), _lists("mfa", "block", "compliantDevice", "newControl", "passwordChange")),
    operator=_some(["AND", "OR"]),
    grant_members=_some([{}, {}, {"termsOfUse": ["t"]}, {"authenticationStrength": {"id": "s1"}}, {"newMember": 1}]),
    conditions=_conditions,
)
_policies = st.lists(_policy, max_size=4, unique_by=lambda raw: raw["id"])
_roles = st.lists(
    st.builds(
        holds,
        _some([GA, "r2"]),
        by=_some(["svc", "g1", "someone"]),
        scope=_some(["/", "/administrativeUnits/a"]),
        built_in=_some([True, True, False]),
    ),
    max_size=2,
).map(tuple)
_account = st.builds(
    lambda groups, state, registered, demands: replace(
        SERVICE, groups=groups, per_user_mfa=state, registration=Registration(registered), mfa_demands=demands
    ),
    st.frozensets(_some(["g1", "g2", "gx"])),
    _some(["disabled", "disabled", "disabled", "enabled", "enforced", None]),
    _some([(), ("mobilePhone",), ("newMethod",)]),
    st.lists(st.builds(MfaDemand, _some(["multiConditionalAccess", "user"]), st.just(NOW)), max_size=1).map(tuple),
)
_tenant = st.builds(
    lambda policies, defaults, roles, eligible, satisfied: make_tenant(
        policies,
        security_defaults=defaults,
        role_assignments=roles,
        role_eligibilities=eligible,
        strengths={"s1": AuthenticationStrength("s1", "S", satisfied)},
    ),
    _policies,
    _some([False, False, True]),
    _roles,
    _roles,
    _some(["mfa", "none"]),
)
_quiet = settings(deadline=None)


@_quiet
@given(_tenant, _account)
def test_no_missing_input_contradicts_what_can_be_read(tenant: Tenant, account: Account) -> None:
    before = answers(tenant, account)
    for poorer, account_ in less_readable(tenant, account):
        assert stands(before, answers(poorer, account_)), (before, answers(poorer, account_))


_STRENGTH: Mapping[str, Any] = {"grant": (), "grant_members": {"authenticationStrength": {"id": "s1"}}}
_PIECES = {
    "demands": {},
    "demands by strength": _STRENGTH,
    "demands at a risk": {"conditions": {"userRiskLevels": ["high"]}},
    "demands by strength at a risk": {**_STRENGTH, "conditions": {"userRiskLevels": ["high"]}},
    "demands of a group": {"users": (), "groups": ("g1",)},
    "demands of a role by strength": {**_STRENGTH, "users": (), "roles": ("r2",)},
    "blocks legacy clients": {"clients": ("other",), "grant": ("block",)},
    "would demand": {"state": REPORT_ONLY},
    "would demand by strength": {**_STRENGTH, "state": REPORT_ONLY},
    "Microsoft-managed: would demand": {"state": REPORT_ONLY},
    "Microsoft-managed: would demand by strength": {**_STRENGTH, "state": REPORT_ONLY},
    "would block": {"state": REPORT_ONLY, "clients": ("other",), "grant": ("block",)},
}
_WEIGHT = ("low", "medium", "high")


@pytest.mark.parametrize("names", list(combinations(_PIECES, 2)), ids=" + ".join)
@pytest.mark.parametrize("state", ["disabled", "enforced"])
def test_no_finding_is_over_or_slighter_because_something_can_no_longer_be_read(
    names: tuple[str, ...], state: str
) -> None:
    tenant = make_tenant(
        [policy(name, **_PIECES[name]) for name in names],
        strengths={"s1": AuthenticationStrength("s1", "S", "mfa")},
        groups={**GROUPS, "gh": Group("gh", "Hidden", hidden_membership=True)},
        role_eligibilities=(holds("r2", by="svc"),),
        role_assignments=(holds(GA, by="gh"),),
    )
    account = replace(SERVICE, groups=frozenset({"g1", "gh"}), per_user_mfa=state)
    seen = {finding.check_id: finding for finding in judged(tenant, account).findings}
    assert seen
    hidden = (tenant, replace(account, groups=frozenset({"g1"})))
    for poorer, account_ in (*less_readable(tenant, account), hidden):
        left = judged(poorer, account_)
        still = {finding.check_id: finding for finding in left.findings}
        open_ = undecided(left, log_read=True, on_evidence=False)
        assert seen.keys() <= still.keys() | open_, (poorer, account_)
        slighter = {
            id
            for id in seen.keys() & still.keys()
            if _WEIGHT.index(still[id].severity) < _WEIGHT.index(seen[id].severity)
        }
        assert slighter <= left.verdict.inexact, (poorer, account_)


@_quiet
@given(_tenant, _account, st.permutations(range(len(TENANT_GAPS))), st.permutations(range(len(ACCOUNT_GAPS))))
def test_two_missing_inputs_say_no_more_than_one(
    tenant: Tenant, account: Account, first: list[int], second: list[int]
) -> None:
    one = replace(tenant, **TENANT_GAPS[first[0]])
    before = answers(one, account)
    for poorer, account_ in (
        (replace(one, **TENANT_GAPS[first[1]]), account),
        (one, replace(account, **ACCOUNT_GAPS[second[0]])),
    ):
        assert stands(before, answers(poorer, account_))


def at_most(lower: tuple[str, str], upper: tuple[str, str]) -> bool:
    """Whether ``lower`` hides and blocks no more than ``upper``; values off the scale must be equal."""

    def fits(scale: list[str], one: str, other: str) -> bool:
        return scale.index(one) <= scale.index(other) if one in scale and other in scale else one == other

    return fits(HIDING, lower[0], upper[0]) and fits(BLOCKING, lower[1], upper[1])


@_quiet
@given(_policies, _account, st.data())
def test_an_exclusion_never_hides_or_blocks_more(policies: list[Json], account: Account, data: st.DataObject) -> None:
    account = replace(account, mfa_demands=())
    if not policies:
        return
    before = answers(make_tenant(policies), account)
    chosen = data.draw(st.integers(0, len(policies) - 1))
    list_, who = data.draw(
        _some([("excludeUsers", "svc"), ("excludeGroups", "g1"), ("excludeGroups", "gx"), ("excludeRoles", GA)])
    )
    changed = json.loads(json.dumps(policies))
    changed[chosen]["conditions"]["users"][list_].append(who)
    assert at_most(answers(make_tenant(changed), account), before)


@_quiet
@given(_policies, _account, _policy)
def test_one_more_policy_never_hides_or_blocks_less(policies: list[Json], account: Account, more: Json) -> None:
    account = replace(account, mfa_demands=())
    assert at_most(
        answers(make_tenant(policies), account), answers(make_tenant([*policies, {**more, "id": "more"}]), account)
    )


@_quiet
@given(_policies, _account, st.randoms(use_true_random=False))
def test_the_order_of_policies_does_not_matter(policies: list[Json], account: Account, random: Any) -> None:
    shuffled = list(policies)
    random.shuffle(shuffled)
    assert judged(make_tenant(policies), account) == judged(make_tenant(shuffled), account)


@_quiet
@given(_tenant, st.lists(_account, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_an_account_is_judged_alike_whoever_is_judged_before(
    tenant: Tenant, accounts: list[Account], random: Any
) -> None:
    numbered = [replace(account, id=f"svc{n}" if n else "svc") for n, account in enumerate(accounts)]
    alone = {account.id: judge(tenant, [account], now=NOW)[0] for account in numbered}
    random.shuffle(numbered)
    assert {one.account.id: one for one in judge(tenant, numbered, now=NOW)} == alone


def in_other_case(value: Any) -> Any:
    """The JSON with every text in the other case; names of members stay."""
    if isinstance(value, Mapping):
        return {name: in_other_case(member) for name, member in value.items()}
    if isinstance(value, list):
        return [in_other_case(member) for member in value]
    return value.swapcase() if isinstance(value, str) else value


@_quiet
@given(_policies, _account)
def test_the_case_of_ids_and_tokens_does_not_matter(policies: list[Json], account: Account) -> None:
    state = account.per_user_mfa
    other = replace(account, per_user_mfa=state.swapcase() if isinstance(state, str) else state)
    assert answers(make_tenant(policies), account) == answers(
        make_tenant([in_other_case(raw) for raw in policies]), other
    )


_unknown_place = _some(
    [
        ("conditions",),
        ("conditions", "users"),
        ("conditions", "applications"),
        ("grantControls",),
        (),
        ("conditions", "locations"),
        ("conditions", "platforms"),
        ("conditions", "devices"),
        ("conditions", "authenticationFlows"),
    ]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | _some(["All", "mfa", "svc", "enabled", EXCHANGE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_something = (
    st.booleans() | st.integers() | st.text(min_size=1) | st.lists(st.integers(), min_size=1) | st.just({"a": {"b": 1}})
)


@_quiet
@given(_policy, _account, _unknown_place, _something)
def test_an_unknown_member_never_hides_or_blocks_for_certain(
    raw: Json, account: Account, place: tuple[str, ...], value: Any
) -> None:
    target = raw = json.loads(json.dumps(raw))
    for name in place:
        target[name] = target.get(name) or {}
        target = target[name]
    target["partialEnablementStrategy" if not place else "brandNew"] = value
    verdict = judged(make_tenant([raw]), replace(account, mfa_demands=())).verdict
    assert verdict.visibility is not Visibility.HIDDEN
    assert verdict.usability is not Usability.BLOCKED_BY_POLICY


@_quiet
@given(_policy, st.data())
def test_an_annotation_changes_nothing(raw: Json, data: st.DataObject) -> None:
    place = data.draw(_unknown_place)
    noted = target = json.loads(json.dumps(raw))
    for name in place:
        if not target.get(name):
            return
        target = target[name]
    target["anything@odata.type"] = data.draw(_something)
    target["@odata.context"] = data.draw(_something)
    assert parse_policy(noted) == parse_policy(json.loads(json.dumps(raw)))


_names = _some(
    [
        "id",
        "displayName",
        "state",
        "conditions",
        "users",
        "includeUsers",
        "excludeGroups",
        "applications",
        "includeApplications",
        "applicationFilter",
        "clientAppTypes",
        "locations",
        "platforms",
        "devices",
        "deviceFilter",
        "grantControls",
        "operator",
        "builtInControls",
        "authenticationStrength",
        "clientApplications",
        "authenticationFlows",
        "transferMethods",
        "modifiedDateTime",
        "deletedDateTime",
        "signInRiskLevels",
        "insiderRiskLevels",
        "includeGuestsOrExternalUsers",
    ]
)
_flat = st.dictionaries(_names, _json, max_size=4)
_shaped = st.dictionaries(_names, _flat | _json, max_size=4)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(_names, _shaped | _json, max_size=6), _account)
def test_judging_never_fails_whatever_a_policy_holds(raw: Json, account: Account) -> None:
    judged(make_tenant([raw]), account)


@_quiet
@given(_policy, _names, _json, _account)
def test_judging_never_fails_where_one_member_is_odd(raw: Json, name: str, odd: Any, account: Account) -> None:
    def spoil(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: odd if key == name else spoil(member) for key, member in value.items()}
        return value

    judged(make_tenant([spoil(raw)]), account)
