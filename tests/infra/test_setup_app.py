"""The script that makes an app registration for scans outside Azure, run against a stand-in for the Azure CLI."""

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA
from tests.infra.test_grant_permissions import OPTIONAL, REQUIRED, Outcome, Tenant, tenant

__all__ = ["tenant"]
pytestmark = pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("openssl") is None, reason="setup-app.sh needs bash and openssl"
)
GITHUB = ("--github", "contoso/watch")
SUBJECT = "repo:contoso/watch:ref:refs/heads/main"


@pytest.fixture(autouse=True)
def application(tenant: Tenant) -> None:
    tenant.change(kind="Application")


def setup(tenant: Tenant, *arguments: str) -> Outcome:
    return tenant.run(*arguments, script="setup-app.sh")


def subjects(tenant: Tenant) -> list[str]:
    assert tenant.app is not None
    return [one["subject"] for one in tenant.app["federated"].values()]


def test_makes_a_registration_with_exactly_the_required_permissions(tenant: Tenant) -> None:
    done = setup(tenant, *GITHUB)
    assert (done.code, done.error) == (0, "")
    assert tenant.granted == set(REQUIRED)
    assert subjects(tenant) == [SUBJECT]
    assert "AZURE_CLIENT_ID=77777777-7777-4777-8777-777777777777" in done.out
    assert "AZURE_TENANT_ID=55555555-5555-4555-8555-555555555555" in done.out


def test_grants_optional_permissions_when_asked(tenant: Tenant) -> None:
    setup(tenant, *GITHUB, "--also", "AuditLog.Read.All")
    assert tenant.granted == {*REQUIRED, "AuditLog.Read.All"}
    setup(tenant, *GITHUB, "--optional")
    assert tenant.granted == {*REQUIRED, *OPTIONAL}


@pytest.mark.parametrize(
    ("more", "subject"),
    [
        (("--branch", "release"), "repo:contoso/watch:ref:refs/heads/release"),
        (("--environment=production",), "repo:contoso/watch:environment:production"),
    ],
)
def test_trusts_one_branch_or_one_environment(tenant: Tenant, more: tuple[str, ...], subject: str) -> None:
    assert setup(tenant, *GITHUB, *more).code == 0
    assert subjects(tenant) == [subject]


@pytest.mark.parametrize(
    ("cloud", "audience"),
    [
        ("AzureCloud", "api://AzureADTokenExchange"),
        ("AzureUSGovernment", "api://AzureADTokenExchangeUSGov"),
        ("AzureChinaCloud", "api://AzureADTokenExchangeChina"),
    ],
)
def test_the_audience_is_that_of_the_cloud(tenant: Tenant, cloud: str, audience: str) -> None:
    tenant.change(cloud=cloud)
    issuer = "https://login.microsoftonline.com/t/v2.0"
    assert setup(tenant, "--issuer", issuer, "--subject", "/eid1/c/pub/t/a/sc").code == 0
    assert tenant.app is not None
    (credential,) = tenant.app["federated"].values()
    assert (credential["issuer"], credential["subject"], credential["audiences"]) == (
        issuer,
        "/eid1/c/pub/t/a/sc",
        [audience],
    )


def test_makes_a_certificate_that_only_its_owner_reads(tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "scan.pem"
    done = setup(tenant, "--certificate", str(file))
    assert (done.code, done.error) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "PRIVATE KEY" in file.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.glob("scan*")] == ["scan.pem"]
    assert f"AZURE_CLIENT_CERTIFICATE_PATH={file}" in done.out
    assert tenant.app is not None
    (print,) = tenant.app["keys"]
    again = setup(tenant, "--certificate", str(file))
    assert f"already there  certificate {print}" in again.out


def test_a_second_run_changes_nothing(tenant: Tenant) -> None:
    setup(tenant, *GITHUB)
    made = tenant.app
    done = setup(tenant, *GITHUB)
    assert "already there  registration app-password-watch-scan" in done.out
    assert f"already there  federated credential {SUBJECT}" in done.out
    assert done.did("already there") == REQUIRED
    assert tenant.app == made


def test_another_way_in_replaces_the_one_before(tenant: Tenant, tmp_path: Path) -> None:
    setup(tenant, *GITHUB)
    done = setup(tenant, "--certificate", str(tmp_path / "a.pem"))
    assert f"taken away     federated credential {SUBJECT}" in done.out
    assert tenant.app is not None
    (first,) = tenant.app["keys"]
    setup(tenant, "--certificate", str(tmp_path / "b.pem"))
    assert len(tenant.app["keys"]) == 1
    assert tenant.app["keys"] != [first]
    setup(tenant, *GITHUB)
    assert (tenant.app["keys"], subjects(tenant)) == ([], [SUBJECT])


@pytest.mark.parametrize("before", ["main2", "mai", "Main"])
def test_trust_in_another_branch_of_a_similar_name_is_none_in_this_one(tenant: Tenant, before: str) -> None:
    setup(tenant, *GITHUB, "--branch", before)
    done = setup(tenant, *GITHUB)
    assert f"set            federated credential {SUBJECT}" in done.out
    assert subjects(tenant) == [SUBJECT]


def test_the_powershell_script_compares_subjects_letter_by_letter_as_entra_does() -> None:
    text = (INFRA / "setup-app.ps1").read_text(encoding="utf-8")
    compared = re.findall(r"\.subject -(\w+)", text)
    assert compared
    assert set(compared) == {"ceq"}


def test_revoke_takes_away_every_right_and_every_way_in(tenant: Tenant, tmp_path: Path) -> None:
    setup(tenant, "--certificate", str(tmp_path / "a.pem"), "--optional")
    done = setup(tenant, "--revoke")
    assert (done.code, done.error) == (0, "")
    assert tenant.granted == set()
    assert tenant.app is not None
    assert (tenant.app["keys"], tenant.app["federated"]) == ([], {})
    assert "az ad app delete --id 77777777-7777-4777-8777-777777777777" in done.out
    assert setup(tenant, "--revoke").code == 0


def test_revoking_what_is_not_there_changes_nothing(tenant: Tenant) -> None:
    done = setup(tenant, "--revoke")
    assert (done.code, tenant.changes) == (0, [])
    assert "There is no registration app-password-watch-scan" in done.out


def test_what_if_changes_nothing(tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "new.pem"
    assert "would make" in setup(tenant, "--certificate", str(file), "--what-if").out
    assert tenant.changes == []
    setup(tenant, *GITHUB)
    before = len(tenant.changes)
    for arguments in (("--certificate", str(file)), ("--revoke",), (*GITHUB, "--branch", "other")):
        done = setup(tenant, *arguments, "--what-if")
        assert done.code == 0, done.error
        assert re.search(r"^would (make|take away|set|revoke)", done.out, re.MULTILINE)
    assert len(tenant.changes) == before
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Say how it signs in"),
        (("--github", "contoso"), "contoso is not a repository: write OWNER/REPO."),
        (("--certificate", "x.pem", *GITHUB), "exclude each other"),
        ((*GITHUB, "--branch", "a", "--environment", "b"), "exclude each other"),
        (("--branch", "a", "--certificate", "x.pem"), "go with --github"),
        (("--issuer", "http://example.com", "--subject", "s"), "needs --issuer https://"),
        (("--issuer", "https://example.com"), "needs --issuer https://... and --subject"),
        (("--issuer", "https://example.com", "--subject", 'a", "b": "c'), "hold a character that none has"),
        (("--name", "a'b", *GITHUB), "letters, digits and hyphens"),
        (("--whatif",), "--whatif is not an option of this script."),
        (("--name",), "--name needs a value after it."),
    ],
)
def test_wrong_arguments_are_explained_and_change_nothing(
    tenant: Tenant, arguments: tuple[str, ...], sentence: str
) -> None:
    done = setup(tenant, *arguments)
    assert done.code == 1
    assert sentence in done.error
    assert tenant.changes == []


@pytest.mark.parametrize("method", ["patch", "post"])
def test_a_refusal_stops_the_run_and_names_the_role_it_takes(tenant: Tenant, method: str) -> None:
    tenant.change(refuse=method)
    done = setup(tenant, *GITHUB)
    assert done.code == 1
    assert "Insufficient privileges" in done.error
    assert "takes Application Administrator and Privileged Role Administrator" in done.error


def test_help_explains_every_option(tenant: Tenant) -> None:
    done = setup(tenant, "--help")
    assert done.code == 0
    script = (INFRA / "setup-app.sh").read_text(encoding="utf-8")
    for option in set(re.findall(r"^    (--[\w-]+)\)", script, re.MULTILINE)):
        assert option in done.out


SAME_WORDS = [
    "Say how it signs in",
    "exclude each other",
    "would set ",
    "taken away ",
    "already there ",
    "the only one",
]


@pytest.mark.parametrize("words", SAME_WORDS)
def test_both_scripts_say_the_same(words: str) -> None:
    for script in ("setup-app.sh", "setup-app.ps1"):
        assert words in (INFRA / script).read_text(encoding="utf-8"), script


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_script_is_clean_to_shellcheck() -> None:
    done = subprocess.run(["shellcheck", str(INFRA / "setup-app.sh")], capture_output=True, text=True, check=False)
    assert done.stdout == ""
