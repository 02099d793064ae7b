"""Profiles: settings per tenant, without secrets and without those of another tenant; and a scan of all of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.profiles import load_profiles, profiles_file
from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from settings import SettingsError
from tests.e2e.conftest import BACKUP, run_cli, small_tenant

FINE = "svc-fine@fabrikam.com"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any configuration."""
    for name in ("HOME", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str) -> None:
    profiles_file().parent.mkdir(parents=True, exist_ok=True)
    profiles_file().write_text(text, encoding="utf-8")


@pytest.fixture
def tenants() -> Iterator[tuple[LocalGraph, LocalGraph]]:
    """Contoso, which has a finding of high severity, and Fabrikam, which has none."""
    fine = TenantBuilder().user(FINE, mfa="enforced", methods=["authenticator"]).build()
    with LocalGraph(small_tenant().build()).in_thread() as contoso, LocalGraph(fine).in_thread() as fabrikam:
        write(
            f"""
            [contoso]
            GRAPH_ENDPOINT = "{contoso.url}"
            SERVICE_ACCOUNTS = ["{BACKUP}"]

            [fabrikam]
            GRAPH_ENDPOINT = "{fabrikam.url}"
            service_account_patterns = "svc-*"
            """
        )
        yield contoso, fabrikam


def problems(text: str) -> str:
    write(text)
    with pytest.raises(SettingsError) as error:
        load_profiles(profiles_file())
    return str(error.value)


def test_the_file_is_where_this_platform_keeps_configuration(home: Path) -> None:
    assert profiles_file().name == "profiles.toml"
    assert profiles_file().is_relative_to(home)


def test_a_scan_has_the_settings_of_its_profile_and_none_of_another(
    tenants: tuple[LocalGraph, LocalGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNTS", "svc-of-another@fabrikam.com")
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    monkeypatch.setenv("APP_PASSWORDS_ALLOWED", "no")
    answer = run_cli("scan", "--profile", "contoso", "--no-store", "--format", "json")
    assert answer.code == 1, answer.err
    assert [one["user_principal_name"] for one in answer.document["accounts"]] == [BACKUP]
    assert answer.document["run"]["app_passwords"]["contradiction"] is None, "of the settings of another nothing counts"
    kept = run_cli("scan", "--profile", "contoso")
    assert kept.code == 2, "the storage of another isn't taken"
    assert "AzureWebJobsStorage is not set" in kept.err


@pytest.mark.parametrize(("line", "tenant"), [("", None), ('AZURE_TENANT_ID = "mine"', "mine")])
def test_the_tenant_of_another_is_not_signed_in_to(
    line: str, tenant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f'[contoso]\nAZURE_CLIENT_ID = "66666666-7777-8888-9999-000000000000"\n{line}')
    monkeypatch.setenv("AZURE_TENANT_ID", "of another")
    seen = []

    async def run(options: object) -> int:
        seen.append(os.environ.get("AZURE_TENANT_ID"))
        return 0

    monkeypatch.setattr("commands.discover.run", run)
    run.__module__ = "commands.discover"
    assert run_cli("discover", "--profile", "contoso").code == 0
    assert (seen, os.environ["AZURE_TENANT_ID"]) == ([tenant], "of another")


def test_local_settings_do_not_count_either(
    tenants: tuple[LocalGraph, LocalGraph], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "local.settings.json").write_text('{"Values": {"SERVICE_ACCOUNTS": "other@x.com"}}', encoding="utf-8")
    monkeypatch.setattr("settings.sources.LOCAL_SETTINGS", home / "local.settings.json")
    answer = run_cli("scan", "--profile", "fabrikam", "--no-store", "--format", "json")
    assert [one["user_principal_name"] for one in answer.document["accounts"]] == [FINE]
    assert answer.code == 0


def test_all_of_them_have_one_overview_and_one_exit_code(
    tenants: tuple[LocalGraph, LocalGraph], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = run_cli("scan", "--profile", "all", "--no-store")
    assert answer.code == 1
    assert answer.out.index("== contoso") < answer.out.index("== fabrikam")
    head, first, second = answer.out.splitlines()[-3:]
    assert head.split() == ["Profile", "Tenant", "Accounts", "High", "Medium", "Low", "Scan"]
    assert (first.split()[0], first.split()[-4:]) == ("contoso", ["1", "0", "0", "complete"])
    assert (second.split()[0], second.split()[-4:]) == ("fabrikam", ["0", "0", "0", "complete"])
    assert run_cli("scan", "--profile", "all", "--no-store", "--fail-on", "none").code == 0

    written = run_cli("scan", "--profile", "all", "--no-store", "--format", "html", "--output", "scan-{profile}.html")
    assert written.code == 1
    assert written.out.split()[0] == "Profile"
    assert BACKUP in (home / "scan-contoso.html").read_text(encoding="utf-8")
    assert FINE in (home / "scan-fabrikam.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("contoso", "code"), [("found", 1), ("none", 2)])
def test_one_that_fails_keeps_no_other_from_being_scanned_and_hides_no_finding(
    tenants: tuple[LocalGraph, LocalGraph], monkeypatch: pytest.MonkeyPatch, contoso: str, code: int
) -> None:
    monkeypatch.setattr("tenant.pacing.Pace.after_silence", lambda self: None)
    text = profiles_file().read_text(encoding="utf-8")
    write(f'[broken]\nGRAPH_ENDPOINT = "http://127.0.0.1:9"\nSERVICE_ACCOUNTS = "{BACKUP}"\n{text}')
    answer = run_cli("scan", "--profile", "all", "--no-store", *(("--fail-on", "none") if contoso == "none" else ()))
    assert answer.code == code
    rows = {line.split()[0]: line for line in answer.out.splitlines()[-3:]}
    assert "failed: why is said above" in rows["broken"]
    assert all("complete" in rows[name] for name in ("contoso", "fabrikam"))


def test_what_is_unreadable_somewhere_is_said_by_the_exit_code(tenants: tuple[LocalGraph, LocalGraph]) -> None:
    tenants[1].deny("RoleManagement.Read.Directory")
    answer = run_cli("scan", "--profile", "all", "--no-store", "--fail-on", "none")
    assert answer.code == 3
    assert answer.out.splitlines()[-1].endswith("incomplete")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scan", "--profile", "nobody"), 'there is no profile "nobody"'),
        (("findings", "--profile", "all"), "goes with scan"),
        (("scan", "--profile", "all", "--account", BACKUP), "leave --account and --deployed out"),
        (("scan", "--profile", "all", "--format", "json"), "writes a file for each"),
        (("scan", "--profile", "all", "--format", "json", "--output", "x.json"), "writes a file for each"),
        (("scan", "--profile", "all", "--format", "json", "--output", "-"), "writes a file for each"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tenants: tuple[LocalGraph, LocalGraph], arguments: tuple[str, ...], said: str
) -> None:
    answer = run_cli(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert tenants[0].requests == tenants[1].requests == []


def test_without_a_file_its_place_is_said() -> None:
    answer = run_cli("scan", "--profile", "contoso")
    assert (answer.code, answer.out) == (2, "")
    assert f"there are no profiles: write {profiles_file()}" in answer.err


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ('WEBHOOK_SECRET = "whsec_S3CRET"', "S3CRET"),
        ('webhook_url = "https://x.example/S3CRET"', "S3CRET"),
        ('TEAMS_WEBHOOK_URL = "https://x.example/S3CRET"', "S3CRET"),
        ('AzureWebJobsStorage = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=S3CRET"', "S3CRET"),
        ('AZURE_CLIENT_SECRET = "S3CRET"', "S3CRET"),
        ('REPORT_URL = "https://x.example/?sig=S3CRET"', "S3CRET"),
    ],
)
def test_a_secret_in_the_file_is_refused_in_a_sentence_that_does_not_repeat_it(line: str, secret: str) -> None:
    said = problems(f"[contoso]\n{line}")
    assert "is a secret, and this file holds none" in said
    assert secret not in said


def test_a_secret_may_be_named_by_its_variable(
    tenants: tuple[LocalGraph, LocalGraph], storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = profiles_file().read_text(encoding="utf-8")
    write(text.replace("[contoso]", '[contoso]\nAzureWebJobsStorage = "env:CONTOSO_STORAGE"'))
    missing = run_cli("scan", "--profile", "contoso")
    assert missing.code == 2
    assert "AzureWebJobsStorage is taken from the variable CONTOSO_STORAGE, which isn't set" in missing.err
    monkeypatch.setenv("CONTOSO_STORAGE", storage)
    assert run_cli("scan", "--profile", "contoso").code == 1
    assert BACKUP in run_cli("findings", "--profile", "contoso").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no profile"),
        ("[contoso\n", "is no TOML (at line 1"),
        ('tenant = "contoso.com"', "tenant stands outside of a profile"),
        ("[all]", '"all" is no name of a profile'),
        ('["../x"]', "is no name of a profile"),
        ('[a]\nSERVICE_ACCOUNT_PATERNS = "svc-*"', "did you mean SERVICE_ACCOUNT_PATTERNS"),
        ("[a]\nSERVICE_ACCOUNTS = true", "neither a text, nor a number"),
        ('[a]\nsign_in = "browser"\ntenant = "con toso"', '"con toso" is not a domain or id of a tenant'),
        ('[a]\nsign_in = "password"', "sign_in is browser or device-code"),
        ('[a]\ntenant = "contoso.com"', "tenant: goes with sign_in"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_in_a_sentence(text: str, said: str) -> None:
    assert said in problems(text)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    said = problems('[a]\nWEBHOOK_SECRET = "x"\n[b]\nNO = "x"\n[c]\nsign_in = "no"')
    assert all(f"- {name}: " in said for name in "abc")


def test_a_profile_signs_in_as_it_says_and_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[contoso]\nsign_in = "device-code"\ntenant = "contoso.com"\n')
    asked = []

    async def run(options: object) -> int:
        asked.append((options.sign_in, options.tenant))  # type: ignore[attr-defined]
        return 0

    monkeypatch.setattr("commands.discover.run", run)
    run.__module__ = "commands.discover"
    assert run_cli("discover", "--profile", "contoso").code == 0
    assert run_cli("discover", "--profile", "contoso", "--sign-in", "browser").code == 0
    assert asked == [("device-code", "contoso.com"), ("browser", None)]
