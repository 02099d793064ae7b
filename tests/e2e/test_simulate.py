"""``cli.py simulate``: what it says would be is what a scan says once it is so, and it says what it can't know."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tests.e2e.conftest import Answer, Installation

SVC, OTHER, ADA, BG = "svc@contoso.com", "svc-other@contoso.com", "ada@contoso.com", "bg1@contoso.com"
GONE = "99999999-9999-4999-8999-999999999999"
EXEMPT, SECRET = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
NOWHERE = "dddddddd-dddd-4ddd-8ddd-dddddddddddd"
Json = dict[str, Any]
Change = Callable[[TenantBuilder], TenantBuilder]


def contoso(*, svc_in: tuple[str, ...] = (), mfa: str = "disabled", defaults: bool = False) -> TenantBuilder:
    """Two service accounts, one of them hidden by a policy, and groups that nest."""
    return (
        TenantBuilder(security_defaults=defaults)
        .user(SVC, mfa=mfa, groups=["Apps", *svc_in], methods=["authenticator"])
        .user(OTHER, mfa="enforced", methods=["authenticator"])
        .user(ADA)
        .user(BG)
        .group("Apps")
        .group("Devices")
        .group("All devices", members=["Devices"])
        .group("Break glass", members=[BG])
        .group("Exempt", id=EXEMPT, members=[ADA])
        .group("Above exempt", members=["Exempt"])
        .group("Secret", id=SECRET, hidden=True, members=[SVC])
        .strength("Ours", requirements="mfa")
        .policy("MFA for apps", include_groups=["Apps"], exclude_groups=["Break glass", "Exempt"], grant=["mfa"])
        .policy("Block for devices", include_groups=["All devices"], grant=["block"])
        .policy("Plain", include_users=[OTHER], grant=["compliantDevice"])
    )


@dataclass(slots=True)
class Site:
    """The command line in a tenant."""

    graph: LocalGraph

    def run(self, *arguments: str) -> Answer:
        return Installation(self.graph, None, "").run(*arguments)  # type: ignore[arg-type]

    def simulate(self, *arguments: str) -> Json:
        """The one simulation, as JSON."""
        (found,) = self.document(*arguments)["simulations"]
        return dict(found)

    def document(self, *arguments: str) -> Json:
        answer = self.run("simulate", "--format", "json", *arguments)
        assert answer.code == 0, answer.err
        return answer.document

    def answers(self) -> dict[str, tuple[str, str]]:
        """What a scan says of each account."""
        answer = self.run("scan", "--no-store", "--format", "json")
        return {
            one["user_principal_name"]: (one["visibility"], one["usability"]) for one in answer.document["accounts"]
        }


@contextmanager
def site(build: TenantBuilder) -> Iterator[Site]:
    with LocalGraph(build.build()).in_thread() as graph, pytest.MonkeyPatch.context() as environment:
        environment.setenv("GRAPH_ENDPOINT", graph.url)
        environment.setenv("SERVICE_ACCOUNTS", f"{SVC},{OTHER}")
        yield Site(graph)


def raw(name: str, *, strength: str = "", **users: Any) -> Json:
    """A policy as somebody has it in a file: MFA for mail."""
    grant: Json = {"operator": "OR", "builtInControls": [] if strength else ["mfa"]}
    if strength:
        grant["authenticationStrength"] = {"id": strength}
    return {
        "displayName": name,
        "state": "enabled",
        "conditions": {"users": users, "applications": {"includeApplications": ["All"]}, "clientAppTypes": ["all"]},
        "grantControls": grant,
    }


def put(folder: Path, *policies: Json) -> str:
    for number, policy in enumerate(policies):
        (folder / f"{number}.json").write_text(json.dumps(policy), encoding="utf-8")
    return str(folder)


BUILT_IN = "00000000-0000-0000-0000-000000000002"
POLICIES = [
    raw("Everybody", includeUsers=["All"]),
    raw("Strength by id", strength=BUILT_IN, includeUsers=["All"]),
    raw("Own strength by id", strength="ours", includeUsers=["All"]),
    raw("Nobody's strength", strength=GONE, includeUsers=["All"]),
    raw("A group that hides its members", includeGroups=[SECRET]),
    raw("A group that is gone", includeGroups=[GONE]),
    raw("Not those in a group that hides its members", includeUsers=["All"], excludeGroups=[SECRET]),
    raw("Not those in a group that is gone", includeUsers=["All"], excludeGroups=[GONE]),
]


@pytest.mark.parametrize("hidden_readable", [True, False])
@pytest.mark.parametrize("policy", POLICIES, ids=lambda one: one["displayName"])
def test_a_policy_in_a_file_does_what_it_does_in_the_tenant(
    tmp_path: Path, policy: Json, hidden_readable: bool
) -> None:
    policy = json.loads(json.dumps(policy).replace('"ours"', f'"{_own_strength()}"'))
    there, here = contoso().policy(raw=policy), contoso()
    for build in (there, here):
        build._tenant.hidden_members_readable = hidden_readable
    with site(there) as one:
        expected = one.answers()
    with site(here) as other:
        before = other.answers()
        found = other.simulate("--policy-file", put(tmp_path, policy))
    assert _after(found, before) == expected


def _own_strength() -> str:
    return str(next(one["id"] for one in contoso().build().strengths if one["displayName"] == "Ours"))


def _after(simulation: Json, before: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """What the simulation says of all accounts; those that it doesn't name stay as they are."""
    for one in simulation["accounts"]:
        assert tuple(one["before"].values()) == before[one["user_principal_name"]]
    return before | {one["user_principal_name"]: tuple(one["after"].values()) for one in simulation["accounts"]}


CHANGES: list[tuple[str, list[str], TenantBuilder]] = [
    ("a state", ["--set", f"{SVC}=enforced"], contoso(mfa="enforced")),
    ("a state in another case", ["--set", f"{SVC.upper()}=ENABLED"], contoso(mfa="enabled")),
    ("Security Defaults", ["--security-defaults", "on"], contoso(defaults=True)),
    ("a group by id", ["--group", f"{SVC}={EXEMPT}"], contoso(svc_in=("Exempt",))),
    ("an exclusion", ["--exclude", f"{SVC}=MFA for apps"], contoso(svc_in=("Exempt",))),
    (
        "all of it",
        ["--set", f"{SVC}=enforced", "--group", f"{SVC}=Devices", "--security-defaults", "on"],
        contoso(mfa="enforced", svc_in=("Devices",), defaults=True),
    ),
    (
        "a group and an exclusion",
        ["--group", f"{SVC}=devices", "--exclude", f"{SVC}=MFA for apps"],
        contoso(svc_in=("Devices", "Exempt")),
    ),
]


@pytest.mark.parametrize(("options", "changed"), [one[1:] for one in CHANGES], ids=[one[0] for one in CHANGES])
def test_what_would_be_is_what_a_scan_says_once_it_is_so(options: list[str], changed: TenantBuilder) -> None:
    with site(changed) as there:
        expected = there.answers()
    with site(contoso()) as here:
        before = here.answers()
        found = here.simulate(*options)
    assert expected != before
    assert _after(found, before) == expected


def test_security_defaults_that_go_off_leave_what_the_policies_do_and_a_word_of_microsofts_own() -> None:
    with site(contoso(defaults=True)) as here:
        found = here.simulate("--security-defaults", "off")
    assert [one["after"]["usability"] for one in found["accounts"]] == ["blocked_by_policy", "blocked_by_policy"]
    assert any("Microsoft may create Conditional Access policies" in caution for caution in found["cautions"])


def test_security_defaults_beside_policies_that_are_on_are_said_to_be_impossible() -> None:
    with site(contoso()) as here:
        (caution,) = here.simulate("--security-defaults", "on")["cautions"]
    assert caution == "Security Defaults can't be switched on while Conditional Access policies are on, and 3 are."


def test_an_exclusion_names_the_group_that_the_policy_has_and_who_else_is_in_it() -> None:
    with site(contoso()) as here:
        found = here.simulate("--exclude", f"{SVC}=MFA for apps")
        answer = here.run("simulate", "--exclude", f"{SVC}=MFA for apps")
    used, other = found["exclusion_groups"]
    assert (used["name"], used["used"], used["members"], used["cautions"]) == ("Exempt", True, [ADA], [])
    assert (other["name"], other["used"], other["members"]) == ("Break glass", False, [BG])
    assert "break-glass accounts" in other["cautions"][0]
    assert found["title"] == f'If {SVC} is excluded from "MFA for apps" by membership of "Exempt"'
    assert f"    Also in it: {ADA}" in answer.out.splitlines()
    assert f"    In it: {BG}" in answer.out.splitlines()


def test_where_a_policy_has_no_exclusion_group_the_account_is_excluded_by_name() -> None:
    with site(contoso()) as here:
        found = here.simulate("--exclude", f"{OTHER}=Plain")
    assert found["exclusion_groups"] == []
    assert [one["after"]["usability"] for one in found["accounts"]] == ["usable"]
    assert found["notes"] == [f'{OTHER} is excluded by name in "Plain" itself: it has no exclusion group.']


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        (TenantBuilder().group("Dynamic", rule="(user.department -eq 1)"), "none of its exclusion groups can take"),
        (TenantBuilder(), "it has no exclusion group"),
    ],
)
def test_a_group_that_can_take_nobody_or_is_gone_is_no_way_out(groups: TenantBuilder, why: str) -> None:
    excluded = [*groups._tenant.groups, GONE]
    build = groups.user(SVC).user(OTHER).policy("MFA", exclude_groups=excluded, grant=["mfa"])
    with site(build) as here:
        found = here.simulate("--exclude", f"{SVC}=MFA")
    assert [one["after"]["visibility"] for one in found["accounts"]] == ["not_offered"]
    assert found["notes"][0] == f'"MFA" excludes a group that doesn\'t exist: {GONE}.'
    assert why in found["notes"][-1]


def test_an_account_that_is_excluded_already_is_not_put_into_another_group() -> None:
    with site(contoso(svc_in=("Above exempt", "Break glass"))) as here:
        found = here.simulate("--exclude", f"{SVC}=MFA for apps")
    assert (found["count"], found["notes"]) == (0, [f'{SVC} is excluded from "MFA for apps" already.'])
    assert [one["name"] for one in found["exclusion_groups"] if one["used"]] == ["Break glass"]


def test_where_memberships_are_unread_an_exclusion_is_by_name() -> None:
    with site(contoso()) as here:
        here.graph.fail("users/[^/]+/transitiveMemberOf", 403)
        found = here.simulate("--exclude", f"{SVC}=MFA for apps")
    assert [(one["before"]["visibility"], one["after"]["visibility"]) for one in found["accounts"]] == [
        ("unknown", "not_offered")
    ]
    assert "the groups that the account is in can't be read" in found["notes"][-1]


def test_a_baseline_from_elsewhere_is_no_all_clear(tmp_path: Path) -> None:
    policies = [
        raw("Theirs", includeGroups=[GONE, "<your admins>"], includeRoles=[NOWHERE], includeUsers=[GONE]),
        raw("Also theirs", includeGroups=[GONE], excludeGroups=[NOWHERE]),
    ]
    policies[0]["conditions"]["locations"] = {"includeLocations": [NOWHERE], "excludeLocations": ["AllTrusted"]}
    with site(contoso()) as here:
        found = here.simulate("--policy-file", put(tmp_path, *policies))
        answer = here.run("simulate", "--policy-file", str(tmp_path))
    assert found["count"] == 0
    assert [(one["kind"], one["id"], one["use"]) for one in found["not_in_tenant"]] == [
        ("group", GONE, "included"),
        ("group", "<your admins>", "included"),
        ("location", NOWHERE, "included"),
        ("role", NOWHERE, "included"),
        ("user", GONE, "included"),
        ("group", NOWHERE, "excluded"),
    ]
    assert [one["name"] for one in found["reaching_nobody"]] == ["Theirs", "Also theirs"]
    lines = answer.out.splitlines()
    assert (
        lines[0] == "Caution: the policies name 3 groups, 1 location, 1 role and 1 user that this tenant doesn't have."
    )
    assert f'  group {GONE}: included by "Theirs", "Also theirs"' in lines
    assert '  group "<your admins>", which is no id: included by "Theirs"' in lines
    assert lines[-1].endswith("no account would change (2 were judged), which is no all-clear: see above")


def test_where_the_lookup_is_refused_nobody_says_that_something_is_missing(tmp_path: Path) -> None:
    with site(contoso()) as here:
        here.graph.fail(rf"GET /v1\.0/(groups|users)/{GONE}", 403)
        found = here.simulate("--policy-file", put(tmp_path, raw("P", includeGroups=[GONE], includeUsers=[GONE])))
        answer = here.run("simulate", "--policy-file", str(tmp_path))
    assert found["not_in_tenant"] == []
    assert [(one["kind"], one["permission"]) for one in found["not_looked_up"]] == [
        ("group", "GroupMember.Read.All"),
        ("user", "User.Read.All"),
    ]
    assert {one["after"]["usability"] for one in found["accounts"]} <= {"unknown"}
    assert "of which nobody could look up whether this tenant has them" in answer.out


def test_a_policy_that_is_off_is_looked_up_when_it_is_switched_on() -> None:
    build = contoso().policy("Off", state="off", include_groups=[GONE, "Secret"], grant=["mfa"])
    build._tenant.hidden_members_readable = False
    with site(build) as here:
        found = here.simulate("--enable-policy", "Off", "--set", f"{SVC}=disabled", "--exclude", f"{SVC}=MFA for apps")
    assert [(one["kind"], one["id"]) for one in found["not_in_tenant"]] == [("group", GONE)]
    assert [one["after"]["visibility"] for one in found["accounts"]] == ["unknown"]


def test_report_only_policies_in_turn_stand_beside_everything_else() -> None:
    build = contoso().policy("Soon", state="report-only", grant=["mfa"]).policy("Later", state="report-only")
    with site(build) as here:
        document = here.document("--waiting", "--set", f"{SVC}=enforced")
    assert [one["title"] for one in document["simulations"]] == [
        f'If per-user MFA of {SVC} is Enforced and "{name}" is switched on' for name in ("Later", "Soon")
    ]
    for one in document["simulations"]:
        assert SVC in {account["user_principal_name"] for account in one["accounts"]}


def test_an_exclusion_from_one_new_policy_is_none_from_another(tmp_path: Path) -> None:
    both = put(tmp_path, raw("One", includeUsers=["All"]), raw("Two", includeUsers=["All"]))
    out = ["--policy-file", both, "--exclude", f"{SVC}=MFA for apps", "--exclude", f"{SVC}=One"]
    with site(contoso()) as here:
        some = here.simulate(*out)
        everything = here.simulate(*out, "--exclude", f"{SVC}=Two")
    assert (some["count"], some["policy_id"]) == (0, None)
    assert [account["after"]["visibility"] for account in everything["accounts"]] == ["not_offered"]


def test_where_policies_are_unreadable_nobody_says_that_none_is_report_only() -> None:
    with site(contoso()) as here:
        here.graph.fail("conditionalAccess/policies", 403)
        answer = here.run("simulate", "--waiting")
    assert (answer.code, answer.out) == (2, "")
    assert "The Conditional Access policies can't be read (403" in answer.err


def test_what_policies_for_workloads_name_is_not_looked_up(tmp_path: Path) -> None:
    workload = raw("Workloads", includeGroups=[GONE])
    workload["conditions"]["clientApplications"] = {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}
    with site(contoso()) as here:
        found = here.simulate("--policy-file", put(tmp_path, workload))
        assert not [one for one in here.graph.requests if GONE in one.path]
    assert (found["count"], found["not_in_tenant"]) == (0, [])


def test_that_nothing_would_change_is_said_plainly(tmp_path: Path) -> None:
    with site(contoso()) as here:
        answer = here.run("simulate", "--set", f"{OTHER}=enforced")
    assert answer.out.splitlines() == [
        f"If per-user MFA of {OTHER} is Enforced: no account would change (2 were judged)",
        f"  Note: Per-user MFA of {OTHER} is Enforced already.",
    ]


def test_that_nobody_was_judged_is_no_all_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    with site(contoso()) as here:
        monkeypatch.setenv("SERVICE_ACCOUNTS", "nobody@contoso.com")
        document = here.document("--security-defaults", "on")
        answer = here.run("simulate", "--security-defaults", "on")
    assert document["judged"] == []
    assert [gap["input"] for gap in document["gaps"]] == ["account nobody@contoso.com"]
    assert "No service account was found" in answer.out
    assert "no account would change (0 were judged), which is no all-clear: see above" in answer.out


def test_why_an_account_cannot_be_judged_is_said(tmp_path: Path) -> None:
    build = contoso(svc_in=("Exempt",))
    build._tenant.hidden_members_readable = False
    with site(build) as here:
        folder = put(tmp_path, raw("A group that hides its members", includeGroups=[SECRET]))
        document = here.document("--policy-file", folder)
        answer = here.run("simulate", "--policy-file", folder)
    assert [one["after"]["visibility"] for one in document["simulations"][0]["accounts"]] == ["unknown"]
    assert [gap["permission"] for gap in document["gaps"]] == ["Member.Read.Hidden"]
    assert 'the group "Secret" hides its members' in answer.out.partition("What could not be read:")[2]


def test_a_membership_whose_own_nesting_is_refused_leaves_open_what_it_decides() -> None:
    with site(contoso()) as here:
        here.graph.fail(r"GET /v1\.0/groups/[^/]+/transitiveMemberOf", 403)
        found = here.simulate("--group", f"{SVC}=Devices", "--exclude", f"{SVC}=MFA for apps")
    (account,) = found["accounts"]
    assert account["after"]["usability"] == "unknown"
    assert any('In which groups "Devices" itself is could not be read' in caution for caution in found["cautions"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Say what to simulate"),
        (["--set", SVC], "Write --set as ACCOUNT=enforced|enabled|disabled"),
        (["--set", f"{SVC}=on"], '"on" is no per-user MFA state: write enforced, enabled or disabled.'),
        (["--set", f"{ADA}=enforced"], f'"{ADA}" is not among the selected service accounts.'),
        (["--set", f"{SVC}=enforced", "--set", f"{SVC}=enabled"], f"{SVC} is set to two states: give one."),
        (["--group", f"={EXEMPT}"], "Write --group as ACCOUNT=GROUP"),
        (["--group", f"{SVC}=Nope"], 'There is no group with the id or name "Nope".'),
        (["--group", f"{SVC}={GONE}"], f'There is no group with the id or name "{GONE}".'),
        (["--group", "nobody=Devices"], '"nobody" is not among the selected service accounts.'),
        (["--exclude", SVC], "Write --exclude as ACCOUNT=POLICY"),
        (["--exclude", f"{SVC}=Nope"], 'There is no Conditional Access policy with the id or name "Nope".'),
        (["--enable-policy", "Nope"], 'There is no Conditional Access policy with the id or name "Nope".'),
        (["--policy-file", "/nowhere"], "/nowhere: No such file or directory."),
    ],
)
def test_what_cannot_be_simulated_is_one_sentence(options: list[str], said: str) -> None:
    with site(contoso()) as here:
        answer = here.run("simulate", *options)
    assert (answer.code, answer.out) == (2, "")
    *progress, sentence = answer.err.splitlines()
    assert said in sentence
    assert all(line.startswith("Reading the tenant") for line in progress)


def test_two_groups_of_one_name_are_told_apart_by_their_ids_only() -> None:
    build = contoso()
    build._tenant.groups[NOWHERE] = type(build._tenant.groups[EXEMPT])(NOWHERE, "Exempt")
    with site(build) as here:
        answer = here.run("simulate", "--group", f"{SVC}=Exempt")
    assert (answer.code, answer.out) == (2, "")
    assert '2 groups are named "Exempt": give the id of one.' in answer.err


def test_a_policy_name_may_hold_an_equals_sign() -> None:
    with site(contoso().policy("A=B", include_users=[OTHER], grant=["block"])) as here:
        assert here.simulate("--exclude", f"{OTHER}=A=B")["policy_id"] is not None


def test_names_of_the_tenant_do_not_steer_the_terminal() -> None:
    build = contoso().policy("\x1b[2JEvil", include_users=[OTHER], exclude_groups=["\x1b]0;x"], grant=["block"])
    with site(build.group("\x1b]0;x", members=[ADA])) as here:
        answer = here.run("simulate", "--exclude", f"{OTHER}=\x1b[2JEvil")
    assert answer.code == 0
    assert "\x1b" not in answer.out


def test_a_simulation_only_reads() -> None:
    with site(contoso()) as here:
        here.simulate("--group", f"{SVC}=Devices", "--exclude", f"{SVC}=MFA for apps", "--set", f"{SVC}=enabled")
        assert {one.method for one in here.graph.requests if one.template != "POST /$batch"} == {"GET"}


def _members(value: Any) -> Any:
    """The names of all members, at any depth."""
    if isinstance(value, dict):
        return {name: _members(member) for name, member in value.items()}
    return _members(value[0]) if isinstance(value, list) and value else None


def test_the_json_page_shows_the_members_that_are_printed(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    (shown,) = (one for one in map(json.loads, re.findall(r"```json\n(.*?)```", page, re.DOTALL)) if "judged" in one)
    with site(contoso()) as here:
        found = here.document(
            "--exclude", f"{SVC}=MFA for apps", "--policy-file", put(tmp_path, raw("P", includeGroups=[GONE]))
        )
    assert shown.keys() == found.keys()
    (shown_one,), (found_one,) = shown["simulations"], found["simulations"]
    assert shown_one.keys() == found_one.keys()
    for member in ("accounts", "exclusion_groups", "not_in_tenant"):
        assert _members(shown_one[member]).keys() == _members(found_one[member]).keys(), member
