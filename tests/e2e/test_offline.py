"""Snapshots and simulations: what a scan read, repeated and varied without a tenant."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo.company import company, demo_settings
from demo.expected import EXPECTED
from localgraph.server import LocalGraph
from tests.e2e.conftest import Answer, Installation


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A snapshot of the demo company, and a pseudonymised one."""
    folder = tmp_path_factory.mktemp("snapshots")
    plain, pseudonymised = folder / "plain.json", folder / "pseudonymised.json"
    with LocalGraph(company()).in_thread() as graph, pytest.MonkeyPatch.context() as environment:
        for name, value in {**demo_settings(), "GRAPH_ENDPOINT": graph.url}.items():
            environment.setenv(name, value)
        _run("snapshot", "save", str(plain))
        _run("snapshot", "save", str(pseudonymised), "--pseudonymise")
    return plain, pseudonymised


def _run(*arguments: str) -> Answer:
    return Installation(None, None, "").run(*arguments)  # type: ignore[arg-type]


def test_a_snapshot_is_judged_offline_as_the_tenant_was(files: tuple[Path, Path]) -> None:
    accounts = _run("snapshot", "load", str(files[0]), "--format", "json").document["accounts"]
    verdicts = {one["user_principal_name"]: (one["visibility"], one["usability"]) for one in accounts}
    assert verdicts == {one.upn: (one.visibility, one.usability) for one in EXPECTED}


def test_pseudonyms_change_no_verdict_and_leave_no_name(files: tuple[Path, Path]) -> None:
    accounts = _run("snapshot", "load", str(files[1]), "--format", "json").document["accounts"]
    assert sorted((one["visibility"], one["usability"]) for one in accounts) == sorted(
        (one.visibility, one.usability) for one in EXPECTED
    )
    text = files[1].read_text(encoding="utf-8").lower()
    tenant = company()
    names = [user.upn for user in tenant.users.values()] + [group.name for group in tenant.groups.values()]
    ids = [*tenant.users, *tenant.groups, *(policy["id"] for policy in tenant.policies)]
    trusted = tenant.mfa_service["trustedIps"]["ipRanges"] if tenant.mfa_service else []
    assert trusted
    assert [name for name in [*names, *ids, *trusted] if len(name) > 3 and name.lower() in text] == []


def test_a_file_that_is_no_snapshot_is_refused_in_a_sentence(tmp_path: Path) -> None:
    target = tmp_path / "other.json"
    target.write_text('{"schema": 7}', encoding="utf-8")
    answer = _run("snapshot", "load", str(target))
    assert (answer.code, answer.out) == (2, "")
    assert "not a snapshot" in answer.err


@pytest.mark.parametrize("file", [0, 1])
@pytest.mark.parametrize(
    "place",
    [
        ("reading", "tenant", "policies"),
        ("reading", "tenant", "security_defaults"),
        ("reading", "tenant", "role_assignments"),
        ("reading", "tenant", "policies", 0, "include_users"),
        ("reading", "tenant", "policies", 0, "grant"),
        ("reading", "tenant", "policies", 0, "grant", "built_in"),
        ("reading", "accounts", 0, "groups"),
    ],
)
@pytest.mark.parametrize("named", [None, "of_tomorrow"])
def test_what_a_snapshot_does_not_say_is_not_taken_for_nothing(
    files: tuple[Path, Path], tmp_path: Path, file: int, place: tuple[str | int, ...], named: str | None
) -> None:
    content = json.loads(files[file].read_text(encoding="utf-8"))
    inner = content
    for one in place[:-1]:
        inner = inner[one]
    value = inner.pop(place[-1])
    if named:
        inner[named] = value
    assert _refusal(content, tmp_path / "edited.json") == f"{'.'.join(map(str, place))}: Field required."


def test_what_a_newer_version_wrote_into_a_snapshot_is_not_left_out(files: tuple[Path, Path], tmp_path: Path) -> None:
    content = json.loads(files[0].read_text(encoding="utf-8"))
    content["reading"]["tenant"]["policies"][1]["new_condition"] = ["x"]
    refusal = _refusal(content, tmp_path / "newer.json")
    assert refusal == "reading.tenant.policies.1.new_condition: Unknown field."


def _refusal(content: Any, target: Path) -> str:
    """Where and why a snapshot is refused, whether it is to be judged or simulated."""
    target.write_text(json.dumps(content), encoding="utf-8")
    beginning = "This is not a snapshot that this version's cli.py snapshot save wrote: "
    said = set()
    for arguments in (("snapshot", "load", str(target)), ("simulate", "--snapshot", str(target), "--waiting")):
        answer = _run(*arguments)
        assert (answer.code, answer.out) == (2, "")
        said.add(answer.err.partition(beginning)[2].strip())
    (refusal,) = said
    return refusal


@pytest.mark.parametrize("arguments", [("snapshot", "load"), ("simulate", "--policy-file")])
@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file or directory"), (b"\xe0PNG\x00", "is not a text file in UTF-8")]
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], content: bytes | None, said: str
) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNTS", "svc-backup@contoso.com")
    monkeypatch.setenv("GRAPH_ENDPOINT", "http://127.0.0.1:9")
    target = tmp_path / "given.json"
    if content is not None:
        target.write_bytes(content)
    answer = _run(*arguments, str(target))
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert str(target) in answer.err
    assert "Errno" not in answer.err
    assert len(answer.err.splitlines()) == 1


def _simulate(snapshot: Path, *arguments: str) -> list[dict[str, Any]]:
    answer = _run("simulate", "--snapshot", str(snapshot), "--format", "json", *arguments)
    assert answer.code == 0, answer.err
    found: list[dict[str, Any]] = json.loads(answer.out)["simulations"]
    return found


def test_switching_a_report_only_policy_on_shows_who_would_lose_the_option(files: tuple[Path, Path]) -> None:
    (outcome,) = _simulate(files[0], "--enable-policy", "CA012 MFA for integrations")
    assert outcome["accounts"] == [
        {
            "id": outcome["accounts"][0]["id"],
            "user_principal_name": "svc-monitoring@alderleaf.example",
            "before": {"visibility": "predicted", "usability": "usable"},
            "after": {"visibility": "hidden", "usability": "blocked_by_policy"},
            "because": outcome["accounts"][0]["because"],
        }
    ]


def test_every_waiting_policy_is_simulated_in_turn(files: tuple[Path, Path]) -> None:
    titles = {outcome["title"] for outcome in _simulate(files[0], "--waiting")}
    assert 'If "CA012 MFA for integrations" is switched on' in titles


def test_an_exclusion_brings_an_account_out_of_a_policy(files: tuple[Path, Path]) -> None:
    excluded = "svc-codetwo-backup@alderleaf.example=CA001 Require MFA for all users"
    (outcome,) = _simulate(files[0], "--exclude", excluded)
    (account,) = outcome["accounts"]
    assert account["before"]["visibility"] == "hidden"
    assert account["after"] == {"visibility": "not_offered", "usability": "usable"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])  # the last two are Windows PowerShell's
def test_a_new_policy_from_a_file_is_simulated(files: tuple[Path, Path], tmp_path: Path, encoding: str) -> None:
    policy = {
        "displayName": "MFA everywhere",
        "state": "disabled",
        "conditions": {"users": {"includeUsers": ["All"]}, "applications": {"includeApplications": ["All"]}},
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    }
    target = tmp_path / "policy.json"
    target.write_text(json.dumps(policy), encoding=encoding)
    (outcome,) = _simulate(files[0], "--policy-file", str(target))
    after = {account["after"]["visibility"] for account in outcome["accounts"]}
    assert after >= {"hidden"}


def test_a_simulation_is_shown_in_the_words_of_the_report(files: tuple[Path, Path]) -> None:
    answer = _run("simulate", "--snapshot", str(files[0]), "--enable-policy", "CA012 MFA for integrations")
    title, account, because, *_ = answer.out.splitlines()
    assert (title, account) == (
        'If "CA012 MFA for integrations" is switched on: 1 account would change',
        "  svc-monitoring@alderleaf.example: app password option: About to be hidden -> Hidden; "
        "legacy authentication: Not blocked by a policy -> Blocked by a policy",
    )
    assert because.startswith('    The policy "CA012 MFA for integrations" requires multifactor authentication')


def test_a_snapshot_says_what_it_does_not_hold(files: tuple[Path, Path], tmp_path: Path) -> None:
    gone = "99999999-9999-4999-8999-999999999999"
    conditions = {"users": {"includeGroups": [gone]}, "applications": {"includeApplications": ["All"]}}
    policy = {"displayName": "P", "conditions": conditions, "grantControls": {"builtInControls": ["block"]}}
    (tmp_path / "policy.json").write_text(json.dumps(policy), encoding="utf-8")
    (outcome,) = _simulate(files[0], "--policy-file", str(tmp_path))
    assert outcome["not_in_tenant"] == []
    assert [(one["id"], one["error"]) for one in outcome["not_looked_up"]] == [(gone, "the snapshot doesn't hold it")]
    assert {one["after"]["usability"] for one in outcome["accounts"]} == {"unknown"}


def test_a_group_of_a_snapshot_is_known_by_its_name(files: tuple[Path, Path]) -> None:
    (outcome,) = _simulate(files[0], "--group", "svc-codetwo-backup@alderleaf.example=mfa exceptions")
    assert [one["user_principal_name"] for one in outcome["accounts"]] == ["svc-codetwo-backup@alderleaf.example"]
    assert any("a snapshot doesn't hold all groups" in caution for caution in outcome["cautions"])


def test_an_unknown_policy_is_refused_in_a_sentence(files: tuple[Path, Path]) -> None:
    answer = _run("simulate", "--snapshot", str(files[0]), "--enable-policy", "Nothing")
    assert answer.code == 2
    assert 'no Conditional Access policy with the id or name "Nothing"' in answer.err
