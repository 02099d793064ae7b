"""A person signs in, by device code and by browser, against an Entra ID that is as strict as the real one; the product is unchanged."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

import cli
from demo.company import company
from demo.receiver import Receiver
from localentra.directory import Blocked, Client, Person
from tenant import person
from tests.e2e.conftest import BACKUP, Answer, run_cli, small_tenant
from tests.localentra.kit import ADA, CLIENT, SCOPES, TENANT, Cloud, cloud, lived_in

ROOT = Path(__file__).parents[2]
REQUIRED = {
    *("Policy.Read.All", "User.Read.All", "GroupMember.Read.All", "RoleManagement.Read.Directory"),
    *("Organization.Read.All", "UserAuthenticationMethod.Read.All"),
}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("SERVICE_ACCOUNT_PATTERNS", "svc-*")
    with cloud(tmp_path, small_tenant().build()) as running, lived_in(running, monkeypatch):
        yield running


def scan(way: str, *more: str) -> Answer:
    return run_cli("scan", "--format", "json", "--sign-in", way, *more)


@pytest.mark.parametrize("way", ["device-code", "browser"])
def test_a_person_who_signs_in_scans_the_whole_tenant(there: Cloud, way: str) -> None:
    answer = scan(way, "--tenant", "contoso.com")
    assert answer.code == 1, answer.err
    assert answer.document["run"]["complete"]
    assert answer.account(BACKUP)["visibility"] == "hidden"
    assert f"Signed in as {ADA} (tenant {TENANT})." in answer.err
    assert "nothing is kept and nobody is told" in answer.err
    if way == "device-code":
        assert re.search(
            r"Open https://microsoft.com/devicelogin and enter the code \w+ \(within 15 minutes\)", answer.err
        )
    assert there.detour.refused == []


def test_only_what_is_required_is_asked_for_and_the_rest_is_taken_where_it_was_given(there: Cloud) -> None:
    assert scan("device-code").code == 1
    assert there.entra.asked == [REQUIRED]


def test_what_an_administrator_must_agree_to_is_said_before_anybody_is_asked(there: Cloud) -> None:
    said = scan("device-code").err
    before = said.partition("Open https://microsoft.com/devicelogin")[0]
    assert all(scope in before for scope in REQUIRED)
    assert "a Global Reader can consent to none of them" in before
    assert "https://login.microsoftonline.com/organizations/v2.0/adminconsent?client_id=" in before


def test_an_administrator_consents_while_signing_in(there: Cloud) -> None:
    there.entra.directory.consented.clear()
    there.entra.person = Person(ADA, administrator=True)
    assert scan("browser").code == 1
    assert there.entra.directory.allowed(CLIENT) == REQUIRED


def declined(there: Cloud) -> None:
    there.entra.person = Person(ADA, declines=True)


def no_administrator(there: Cloud) -> None:
    there.entra.directory.consented.clear()


def absent(there: Cloud) -> None:
    there.entra.person = Person(ADA, absent=True)
    there.entra.code_seconds = 1


def blocked(there: Cloud) -> None:
    there.entra.directory.blocked = Blocked.EVERYTHING


def no_device_code(there: Cloud) -> None:
    there.entra.directory.blocked = Blocked.DEVICE_CODE


def by_defaults(there: Cloud) -> None:
    there.entra.directory.blocked = Blocked.DEVICE_CODE_BY_DEFAULTS


def unknown_scope(there: Cloud) -> None:
    there.entra.directory.scopes -= {"UserAuthenticationMethod.Read.All"}


def unknown_client(there: Cloud) -> None:
    there.entra.directory.clients.clear()


def no_public_client(there: Cloud) -> None:
    there.entra.directory.clients[CLIENT] = Client(CLIENT, device_code=False)


def other_redirects(there: Cloud) -> None:
    there.entra.directory.clients[CLIENT] = Client(CLIENT, redirects=("https://contoso.com",))


@pytest.mark.parametrize(
    ("way", "change", "sentence"),
    [
        ("device-code", declined, "The sign-in was declined in the browser (AADSTS70018): start again"),
        ("browser", declined, "Nobody has consented that the client"),
        ("device-code", no_administrator, "or the consent was declined (AADSTS90094): an administrator"),
        ("browser", no_administrator, "or the consent was declined (AADSTS90094): an administrator"),
        ("device-code", absent, "The code has expired before anybody finished signing in with it"),
        ("device-code", blocked, "Conditional Access blocks this sign-in (AADSTS53003)"),
        ("browser", blocked, "Nobody finished signing in in the browser in time"),
        ("device-code", no_device_code, "many tenants block the device code flow as such: use --sign-in browser"),
        ("device-code", by_defaults, "Security Defaults block this sign-in (AADSTS530035)"),
        ("device-code", unknown_scope, "a delegated permission doesn't exist in this cloud"),
        ("browser", unknown_scope, "a delegated permission doesn't exist in this cloud"),
        ("device-code", unknown_client, "can't be used in the tenant (AADSTS700016): register a public client"),
        ("device-code", no_public_client, "can't be used in the tenant (AADSTS7000218): register a public client"),
        ("browser", other_redirects, "Nobody finished signing in in the browser in time"),
    ],
)
def test_each_refusal_is_one_sentence(
    there: Cloud, monkeypatch: pytest.MonkeyPatch, way: str, change: Callable[[Cloud], None], sentence: str
) -> None:
    monkeypatch.setattr(person, "BROWSER_SECONDS", 1)
    change(there)
    answer = scan(way)
    told = answer.err.strip().splitlines()[-1]
    assert answer.code == 2
    assert sentence in told
    assert told.endswith(".")
    assert answer.out == ""
    assert "Trace ID" not in answer.err
    assert there.graph.requests == []


def test_a_tenant_that_does_not_exist_is_named(there: Cloud) -> None:
    answer = scan("device-code", "--tenant", "fabrikam.com")
    assert answer.code == 2
    assert "There is no tenant fabrikam.com at login.microsoftonline.com" in answer.err


def test_a_device_code_that_is_blocked_leaves_the_browser(there: Cloud) -> None:
    no_device_code(there)
    assert scan("browser").code == 1


def test_what_a_person_lacks_is_said_for_each_input(there: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_LOG", "on")
    there.entra.directory.consented[CLIENT] = set(REQUIRED)
    answer = scan("device-code")
    assert "The audit log" in answer.err
    assert "Nobody has consented to AuditLog.Read.All yet." in answer.err
    assert "scope=https://graph.microsoft.com/AuditLog.Read.All" in answer.err
    there.entra.person = Person(ADA, reader=False)
    answer = scan("device-code")
    assert answer.code == 3
    assert answer.account(BACKUP)["visibility"] == "unknown"
    lack = "You were given Policy.Read.All, and lack the role: sign in as somebody with Global Reader."
    assert lack in answer.err
    assert {gap.get("for_a_person") for gap in answer.document["run"]["gaps"] if gap["permission"]} >= {lack}
    assert any(lack in reason["text"] for reason in answer.account(BACKUP)["reasons"])
    assert lack in str(answer.account(BACKUP)["findings"])


@pytest.mark.parametrize("form", ["table", "html", "csv"])
def test_a_person_is_not_told_to_grant_something_to_an_app(there: Cloud, tmp_path: Path, form: str) -> None:
    there.entra.person = Person(ADA, reader=False)
    where = tmp_path / "report"
    answer = run_cli("scan", "--sign-in", "device-code", "--format", form, "--output", str(where))
    said = answer.err + answer.out + (where.read_text("utf-8") if where.exists() else "")
    assert "sign in as somebody with Global Reader" in said
    assert "application permission" not in said
    assert "its managed identity" not in said


def test_what_a_person_may_read_is_found_out_by_asking(there: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    there.entra.directory.consented[CLIENT] = set(REQUIRED)
    monkeypatch.setenv("COLUMNS", "160")  # every fix in one line
    answer = run_cli("permissions", "--check", "--sign-in", "device-code")
    assert re.search(r"^ok +permission Policy.Read.All +Granted.$", answer.out, re.MULTILINE)
    _, _, missing = answer.out.partition("permission AuditLog.Read.All")
    fix = next(line.strip() for line in missing.splitlines() if "Fix: " in line)
    assert fix == "Fix: Nobody has consented to AuditLog.Read.All yet."
    assert "grant-permissions" not in answer.out


def test_every_command_that_reads_the_tenant_does_so_as_a_person(there: Cloud, tmp_path: Path) -> None:
    assert run_cli("simulate", "--security-defaults", "on", "--sign-in", "device-code").code == 0
    assert run_cli("snapshot", "save", str(tmp_path / "scan.json"), "--sign-in", "device-code").code == 0
    assert run_cli("discover", "--sign-in", "device-code").code in (0, 3)
    assert run_cli("compensate", BACKUP, "--address", "203.0.113.7", "--sign-in", "device-code").code == 0
    answer = run_cli("explain", "53003", "--account", BACKUP, "--sign-in", "device-code")
    assert answer.code == 0
    assert f"{BACKUP} (read now" in answer.out
    assert len(there.entra.asked) == 5


def test_nobody_signs_in_to_have_words_explained(there: Cloud) -> None:
    answer = run_cli("explain", "53003", "--sign-in", "browser")
    assert (answer.code, answer.out) == (2, "")
    assert "--sign-in goes with --account" in answer.err
    assert there.entra.asked == []


def test_doctor_looks_as_the_person_who_signs_in(there: Cloud) -> None:
    answer = run_cli("doctor", "--sign-in", "device-code", "--format", "json")
    lines = {line["topic"]: line for line in answer.document["lines"]}
    assert lines["Microsoft Graph"]["level"] == "ok"
    assert f"You are signed in as {ADA}" in lines["Microsoft Graph"]["text"]
    assert lines["permission Policy.Read.All"]["level"] == "ok"


def test_doctor_calls_nothing_wrong_that_a_scan_by_a_person_does_without(
    there: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AzureWebJobsStorage", raising=False)
    monkeypatch.delenv("SERVICE_ACCOUNTS", raising=False)
    monkeypatch.delenv("SERVICE_ACCOUNT_PATTERNS", raising=False)
    answer = run_cli("doctor", "--sign-in", "device-code", "--format", "json")
    said = {line["text"]: line["level"] for line in answer.document["lines"] if line["topic"] == "settings"}
    assert {level for text, level in said.items() if text.startswith("No ")} == {"not tried"}
    assert any("keeps nothing" in text for text in said)
    assert run_cli("doctor").code == 2, "the app itself needs both"


def test_doctor_of_the_app_itself_takes_no_person(there: Cloud) -> None:
    answer = run_cli("doctor", "--deployed", "--sign-in", "browser")
    assert (answer.code, answer.out) == (2, "")
    assert "--sign-in doesn't go with --deployed" in answer.err
    assert there.entra.asked == []


def test_the_page_names_every_command_that_a_person_can_sign_in_with() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    said = page.partition("## Signing in on your machine")[2].partition("\n## ")[0]
    with_it = set(commands_with("--sign-in", cli.LINE, ""))
    assert {"scan", "discover", "snapshot save"} <= with_it
    for command in with_it - {"scan", "permissions"}:
        assert f"`{command}`" in said.replace("\n", " "), command
    assert "`permissions --check`" in said


def commands_with(option: str, command: click.Command, name: str) -> Iterator[str]:
    """The commands that take an option, by their names."""
    if any(option in parameter.opts for parameter in command.params):
        yield name
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from commands_with(option, inner, f"{name} {inner.name}".strip())


def test_what_is_kept_is_told_by_every_channel_but_mail_which_waits_for_the_app(
    there: Cloud, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver().in_thread() as receiver:
        for name, value in {
            **receiver.settings,
            "AzureWebJobsStorage": storage,
            "ALERT_EMAIL_FROM": "it@contoso.com",
            "ALERT_EMAIL_TO": "it@contoso.com",
        }.items():
            monkeypatch.setenv(name, value)
        answer = scan("device-code")
    assert answer.code == 1, answer.err
    assert {call.path for call in receiver.calls} == {"/teams", "/webhook"}
    assert not [request for request in there.graph.requests if "sendMail" in request.path]
    assert "nothing is kept" not in answer.err


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("way", ["device-code", "browser"])
def test_ctrl_c_ends_the_wait_for_a_person_at_once(there: Cloud, way: str) -> None:
    there.entra.person = Person(ADA, absent=True)
    there.entra.interval = 5
    command = [sys.executable, str(ROOT / "cli.py"), "scan", "--sign-in", way]
    variables = {**os.environ, "BROWSER": "true"}  # a browser that opens, and nothing more
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        waiting = "enter the code" if way == "device-code" else "adminconsent"
        said = []
        for line in process.stderr:
            said.append(line)
            if waiting in line:
                break
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err, said


def test_a_token_that_ends_during_the_scan_is_renewed(there: Cloud) -> None:
    there.entra.tokens.seconds = 10
    assert scan("device-code").document["run"]["complete"]


@pytest.mark.parametrize("name", ["usgov", "usgovdod"])
def test_in_a_national_cloud_its_own_addresses_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("GRAPH_CLOUD", name)
    monkeypatch.setenv("SERVICE_ACCOUNTS", BACKUP)
    with cloud(tmp_path, small_tenant().build(), name) as there, lived_in(there, monkeypatch):
        assert scan("device-code").code == 1
        assert there.detour.refused == []


def test_china_needs_a_client_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPH_CLOUD", "china")
    monkeypatch.setenv("SERVICE_ACCOUNTS", BACKUP)
    answer = scan("device-code")
    assert (answer.code, answer.out) == (2, "")
    assert "isn't known in China" in answer.err
    own = "11111111-2222-4333-8444-555555555555"
    with cloud(tmp_path, small_tenant().build(), "china") as there, lived_in(there, monkeypatch):
        there.entra.directory.clients = {own: Client(own)}
        there.entra.directory.consented = {own: set(SCOPES)}
        assert scan("device-code", "--client-id", own).code == 1
        assert there.detour.refused == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--tenant", "contoso.com"), "--tenant and --client-id go with --sign-in"),
        (("--sign-in", "browser", "--no-store"), "takes a fixed token: leave --sign-in out"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.setenv("GRAPH_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("SERVICE_ACCOUNTS", BACKUP)
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    answer = run_cli("scan", *arguments)
    assert answer.code == 2
    assert sentence in answer.err


@pytest.mark.parametrize("arguments", [("--tenant", "con toso"), ("--tenant", "../x"), ("--client-id", "graph")])
def test_a_tenant_or_client_that_is_none_is_refused(arguments: tuple[str, str]) -> None:
    answer = scan("browser", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert f"Invalid value for '{arguments[0]}'" in answer.err


def test_the_demo_company_gets_the_same_verdicts_from_a_person_as_from_an_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_ACCOUNT_PATTERNS", "svc-*")
    with cloud(tmp_path, company()) as there, lived_in(there, monkeypatch):
        answer = scan("device-code")
        signed_in = answer.document["accounts"]
    assert "lack the role" not in answer.err  # what Graph hides from everybody isn't the person's fault
    with monkeypatch.context() as plain:
        from localgraph.server import LocalGraph

        with LocalGraph(company()).in_thread() as graph:
            plain.setenv("GRAPH_ENDPOINT", graph.url)
            as_app = run_cli("scan", "--format", "json", "--no-store").document["accounts"]
    answers = [[(one["id"], one["visibility"], one["usability"]) for one in found] for found in (signed_in, as_app)]
    assert answers[0] == answers[1]
