"""The script that lets the app read Microsoft Graph, run against a stand-in for the Azure CLI."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import INFRA

TABLE = json.loads((INFRA / "data" / "graph-permissions.json").read_text(encoding="utf-8"))
REQUIRED = [one["value"] for one in TABLE["required"]]
OPTIONAL = [one["value"] for one in TABLE["optional"]]
IDS = {one["value"]: one["id"] for one in TABLE["required"] + TABLE["optional"]}
MAIL_SEND = "b633e1c5-b582-4048-a93e-9f11b44c7e96"
IDENTITY = "22222222-2222-4222-8222-222222222222"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="grant-permissions.sh needs bash")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run printed, and how it ended."""

    code: int
    out: str
    error: str

    def did(self, what: str) -> list[str]:
        """The permissions that were reported with these words."""
        return re.findall(rf"^{what} +(\S+)$", self.out, re.MULTILINE)


class Tenant:
    """A tenant in a file, and a way to run the script against it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.json"
        self._path = folder / "bin"
        self._path.mkdir()
        az = self._path / "az"
        fake = Path(__file__).with_name("fake_az.py").read_text(encoding="utf-8")
        az.write_text(f"#!{sys.executable} -IS\n{fake}", encoding="utf-8")
        az.chmod(0o755)
        self.change(identity=IDENTITY, kind="ManagedIdentity", offered={**IDS, "Mail.Send": MAIL_SEND}, assignments={})

    def command(self, name: str, script: str) -> None:
        """Another command on the PATH, as a shell script."""
        file = self._path / name
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)

    def change(self, **changes: Any) -> None:
        before = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        self._file.write_text(json.dumps({**before, **changes}), encoding="utf-8")

    @property
    def granted(self) -> set[str]:
        state = json.loads(self._file.read_text(encoding="utf-8"))
        names = {role: name for name, role in state["offered"].items()}
        return {names[role] for role in state["assignments"].values()}

    @property
    def changes(self) -> list[list[str]]:
        """Calls that changed something or tried to."""
        calls = json.loads(self._file.read_text(encoding="utf-8")).get("calls", [])
        return [call for call in calls if {"post", "delete", "patch"} & set(call)]

    @property
    def app(self) -> dict[str, Any] | None:
        """The app registration that was made."""
        found: dict[str, Any] | None = json.loads(self._file.read_text(encoding="utf-8")).get("app")
        return found

    def run(self, *arguments: str, script: str = "grant-permissions.sh") -> Outcome:
        done = subprocess.run(
            ["bash", str(INFRA / script), *arguments],
            env={"PATH": f"{self._path}{os.pathsep}{os.environ['PATH']}", "FAKE_AZ_STATE": str(self._file)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path)


def test_grants_what_is_required_and_nothing_else(tenant: Tenant) -> None:
    done = tenant.run("--identity", IDENTITY)
    assert (done.code, done.error) == (0, "")
    assert done.did("granted") == REQUIRED
    assert tenant.granted == set(REQUIRED)


def test_grants_optional_permissions_when_asked(tenant: Tenant) -> None:
    assert tenant.run(f"--identity={IDENTITY}", "--optional").code == 0
    assert tenant.granted == {*REQUIRED, *OPTIONAL}


def test_grants_single_optional_permissions_when_asked(tenant: Tenant) -> None:
    assert tenant.run("--identity", IDENTITY, "--also", "AuditLog.Read.All", "--also=Member.Read.Hidden").code == 0
    assert tenant.granted == {*REQUIRED, "AuditLog.Read.All", "Member.Read.Hidden"}


def test_refuses_to_grant_what_is_not_on_its_list(tenant: Tenant) -> None:
    done = tenant.run("--identity", IDENTITY, "--also", "Mail.ReadWrite")
    assert done.code == 1
    assert "Mail.ReadWrite is not an optional permission: they are Application.Read.All" in done.error
    assert tenant.changes == []


def test_without_identity_takes_that_of_the_azd_environment(tenant: Tenant) -> None:
    tenant.command("azd", f"[ \"$*\" = 'env get-value IDENTITY_PRINCIPAL_ID' ] && echo {IDENTITY}")
    done = tenant.run("--what-if")
    assert done.code == 0
    assert f"Managed identity of the current azd environment: {IDENTITY}" in done.out


def test_an_azd_without_environment_is_no_identity(tenant: Tenant) -> None:
    tenant.command("azd", "echo 'ERROR: no environment'; exit 1")
    done = tenant.run("--what-if")
    assert done.code == 1
    assert "--identity is missing." in done.error


def test_a_second_run_changes_nothing(tenant: Tenant) -> None:
    tenant.run("--identity", IDENTITY)
    before = len(tenant.changes)
    done = tenant.run("--identity", IDENTITY)
    assert done.code == 0
    assert done.did("already there") == REQUIRED
    assert len(tenant.changes) == before


def test_finds_what_is_granted_on_later_pages(tenant: Tenant) -> None:
    tenant.run("--identity", IDENTITY)
    before = len(tenant.changes)
    tenant.change(page_size=2)
    assert tenant.run("--identity", IDENTITY).did("already there") == REQUIRED
    assert len(tenant.changes) == before


def test_completes_what_is_partly_granted(tenant: Tenant) -> None:
    tenant.change(assignments={"a1": IDS["Policy.Read.All"]})
    done = tenant.run("--identity", IDENTITY)
    assert done.did("already there") == ["Policy.Read.All"]
    assert tenant.granted == set(REQUIRED)


@pytest.mark.parametrize("options", [(), ("--optional",), ("--revoke",)])
def test_what_if_changes_nothing(tenant: Tenant, options: tuple[str, ...]) -> None:
    tenant.change(assignments={"a1": IDS["Policy.Read.All"]})
    done = tenant.run("--identity", IDENTITY, "--what-if", *options)
    assert done.code == 0
    assert done.did("would revoke" if options == ("--revoke",) else "would grant")
    assert "Nothing was changed." in done.out
    assert tenant.changes == []


def test_revoke_takes_away_everything_it_can_grant_and_nothing_else(tenant: Tenant) -> None:
    tenant.run("--identity", IDENTITY, "--optional")
    other = "33333333-3333-4333-8333-333333333333"
    state_offered = {**IDS, "Mail.Send": MAIL_SEND, "Sites.Read.All": other}
    tenant.change(offered=state_offered, assignments={**tenant_assignments(tenant), "a-other": other})
    done = tenant.run("--identity", IDENTITY, "--revoke")
    assert done.code == 0
    assert set(done.did("revoked")) == {*REQUIRED, *OPTIONAL}
    assert tenant.granted == {"Sites.Read.All"}
    assert set(tenant.run("--identity", IDENTITY, "--revoke").did("not granted")) == {*REQUIRED, *OPTIONAL}


def tenant_assignments(tenant: Tenant) -> dict[str, str]:
    return {f"a-{name}": IDS[name] for name in tenant.granted}


@pytest.mark.parametrize("kind", ["Application", "Legacy"])
def test_refuses_anything_but_a_managed_identity(tenant: Tenant, kind: str) -> None:
    tenant.change(kind=kind)
    done = tenant.run("--identity", IDENTITY)
    assert done.code == 1
    assert f"is of type {kind}, not ManagedIdentity. Nothing was changed" in done.error
    assert tenant.changes == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "--identity is missing."),
        (("--identity",), "--identity needs the object ID of the managed identity after it."),
        (("--identity", "func-app-password-watch"), "func-app-password-watch is not an object ID"),
        (("--identity", IDENTITY, "--whatif"), "--whatif is not an option of this script."),
        (("--identity", f"{IDENTITY}/../../users"), "is not an object ID"),
    ],
)
def test_wrong_arguments_are_explained_and_change_nothing(
    tenant: Tenant, arguments: tuple[str, ...], sentence: str
) -> None:
    done = tenant.run(*arguments)
    assert done.code == 1
    assert sentence in done.error
    assert tenant.changes == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_refusal_stops_the_run_and_names_the_role_it_takes(tenant: Tenant, method: str) -> None:
    tenant.change(refuse=method)
    done = tenant.run("--identity", IDENTITY)
    assert done.code == 1
    assert "Insufficient privileges" in done.error
    assert "Granting needs Privileged Role Administrator." in done.error
    assert done.did("granted") == []


@pytest.mark.parametrize(
    ("lacking", "options"),
    [
        ("Policy.Read.All", ()),
        ("Member.Read.Hidden", ("--optional",)),
        ("AuditLog.Read.All", ("--also=AuditLog.Read.All",)),
    ],
)
def test_a_permission_that_this_cloud_lacks_is_named_before_anything_is_granted(
    tenant: Tenant, lacking: str, options: tuple[str, ...]
) -> None:
    tenant.change(offered={name: role for name, role in IDS.items() if name != lacking})
    done = tenant.run("--identity", IDENTITY, *options)
    assert done.code == 1
    assert f"does not offer {lacking}. Nothing was changed." in done.error
    assert tenant.changes == []
    assert tenant.run("--identity", IDENTITY, "--revoke").code == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--also", "AuditLog.Read.All", "--also", "AuditLog.Read.All"),
        ("--also=AuditLog.Read.All", "--optional"),
        ("--also", "auditlog.read.all", "--also", "AUDITLOG.READ.ALL"),
    ],
)
def test_a_permission_is_granted_once_however_often_and_in_whatever_case_it_is_asked_for(
    tenant: Tenant, options: tuple[str, ...]
) -> None:
    done = tenant.run("--identity", IDENTITY, *options)
    assert (done.code, done.error) == (0, "")
    assert done.did("granted").count("AuditLog.Read.All") == 1
    assert "AuditLog.Read.All" in tenant.granted


def test_the_end_says_what_changed_and_only_then_how_long_it_takes(tenant: Tenant) -> None:
    assert (
        f"\n{len(REQUIRED)} change(s) would be made. Nothing was changed."
        in tenant.run("--identity", IDENTITY, "--what-if").out
    )
    done = tenant.run("--identity", IDENTITY)
    assert f"\n{len(REQUIRED)} change(s) made. It can take some minutes" in done.out
    again = tenant.run("--identity", IDENTITY)
    assert again.out.endswith("\nNothing had to be changed.\n")
    assert "minutes" not in again.out


SAME_WORDS = [
    "is not an optional permission: they are",
    "Managed identity of the current azd environment:",
    "is missing.",
    "is not an object ID: copy the output IDENTITY_PRINCIPAL_ID.",
    "was not found:",
    "Nothing was changed: check the object ID.",
    "Microsoft Graph did not do it; the reason is above. Granting needs Privileged Role Administrator.",
    "This cloud's Microsoft Graph does not offer",
    "not granted    ",
    "would revoke   ",
    "revoked        ",
    "already there  ",
    "would grant    ",
    "granted        ",
    "this identity holds Mail.Send in Entra ID and can send mail as anybody in the tenant.",
    "change(s) would be made. Nothing was changed.",
    "change(s) made. It can take some minutes, rarely an hour, until they reach the app.",
    "Nothing had to be changed.",
]
"""Every situation, in the words that both scripts have for it. What each does then is tried above with the shell script."""


@pytest.mark.parametrize("words", SAME_WORDS)
def test_both_scripts_say_the_same(words: str) -> None:
    for script in ("grant-permissions.sh", "grant-permissions.ps1"):
        assert words in (INFRA / script).read_text(encoding="utf-8"), script


def test_the_powershell_script_ends_with_sentences_and_never_with_its_own_place() -> None:
    script = (INFRA / "grant-permissions.ps1").read_text(encoding="utf-8")
    assert "throw" not in script
    assert "[guid]" not in script, "a wrong ID would be an error of PowerShell's binder"
    assert "ValidateSet" not in script
    assert "Mandatory" not in script, "PowerShell would ask for it instead of looking into azd's environment"


def test_the_powershell_script_checks_everything_before_its_first_change() -> None:
    script = (INFRA / "grant-permissions.ps1").read_text(encoding="utf-8")
    assert script.index("does not offer") < script.index("-Method POST") < script.index("change(s) made")
    assert script.index("-notcontains $known[0]") < script.index("Connect-MgGraph -Environment")


def test_warns_when_the_identity_may_send_mail_as_anybody(tenant: Tenant) -> None:
    tenant.change(assignments={"a1": MAIL_SEND})
    done = tenant.run("--identity", IDENTITY, "--what-if")
    assert "can send mail as anybody in the tenant" in done.out
    assert "Mail.Send" not in {*REQUIRED, *OPTIONAL}


def test_an_app_registration_is_taken_only_where_that_is_said(tenant: Tenant) -> None:
    tenant.change(kind="Application")
    assert tenant.run("--identity", IDENTITY, "--application").did("granted") == REQUIRED
    tenant.change(kind="ManagedIdentity")
    assert "not Application. Nothing was changed" in tenant.run("--identity", IDENTITY, "--application").error


def test_help_explains_every_option(tenant: Tenant) -> None:
    done = tenant.run("--help")
    assert done.code == 0
    for option in ("--identity", "--also", "--optional", "--what-if", "--revoke", "--application"):
        assert option in done.out


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_script_is_clean_to_shellcheck() -> None:
    done = subprocess.run(
        ["shellcheck", str(INFRA / "grant-permissions.sh")], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
