"""Every mistake gets one clear sentence and the right exit code."""

import pytest

import cli
from tests.e2e.conftest import BACKUP, Installation


def test_an_unknown_account_is_named(installation: Installation) -> None:
    answer = installation.scan("--account", "nobody@contoso.com")
    assert answer.code == 3
    assert "nobody@contoso.com" in answer.err
    assert "no such account" in answer.err


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("SERVICE_ACCOUNTS", "not an account", "SERVICE_ACCOUNTS"),
        ("SERVICE_ACCOUNT_ATTRIBUTE", "extensionAttribute7", "name=value"),
        ("GRAPH_ENDPOINT", "http://graph.example.com", "GRAPH_ENDPOINT"),
        ("APP_PASSWORDS_ALLOWED", "perhaps", "APP_PASSWORDS_ALLOWED"),
    ],
)
def test_a_malformed_setting_is_named_with_what_to_do(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    monkeypatch.setenv(setting, value)
    answer = installation.scan()
    assert answer.code == 2
    assert said in answer.err


def test_a_malformed_setting_of_one_channel_is_named_and_stops_nothing_else(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAMS_WEBHOOK_URL", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/teams)")
    answer = installation.scan()
    assert answer.code == 1
    assert "Alerts can't go to teams from here: TEAMS_WEBHOOK_URL is a Key Vault reference" in answer.err
    assert ("opened", BACKUP, "APW-001") in installation.told()
    tested = installation.run("alerts", "test")
    assert tested.code == 2
    assert "teams: TEAMS_WEBHOOK_URL is a Key Vault reference that was not resolved" in tested.out
    assert "webhook: The webhook answered 202." in tested.out


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("GRAPH_ENDPOINT", "http://127.0.0.1:9", "Microsoft Graph at http://127.0.0.1:9 can't be reached"),
        (
            "AzureWebJobsStorage",
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;TableEndpoint=http://127.0.0.1:9/a;"
            "QueueEndpoint=http://127.0.0.1:9/a;BlobEndpoint=http://127.0.0.1:9/a",
            "can't be reached",
        ),
    ],
)
def test_an_unreachable_service_is_named(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    monkeypatch.setenv(setting, value)
    answer = installation.scan()
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.strip().splitlines()) <= 2


def test_an_unreachable_webhook_loses_nothing(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_URL", "http://127.0.0.1:9/hook?sig=secret")
    answer = installation.scan()
    assert answer.code == 1
    assert "The alert is kept" in answer.err
    assert "secret" not in answer.err
    monkeypatch.setenv("WEBHOOK_URL", f"{installation.receiver.url}/webhook")
    installation.scan()
    assert ("opened", BACKUP, "APW-001") in installation.told()


def test_a_failed_scan_keeps_what_was_known(installation: Installation) -> None:
    installation.scan()
    installation.graph.fail(r"(GET|POST) /v1\.0/", 0)
    assert installation.scan().code == 2
    installation.graph.heal()
    told = len(installation.told())
    installation.scan()
    assert len(installation.told()) == told


def test_nothing_found_is_no_all_clear_where_nothing_was_looked_at(installation: Installation) -> None:
    for form in ("table", "csv"):
        answer = installation.run("findings", "--format", form)
        assert (answer.code, answer.out) == (2, "")
        assert "no finished scan yet" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--check", "APW-01"), 'no check "APW-01"'), (("--account", "svc-bakcup@contoso.com"), "svc-bakcup@contoso.com")],
)
def test_a_mistyped_filter_is_told(installation: Installation, arguments: tuple[str, ...], said: str) -> None:
    installation.scan()
    answer = installation.run("findings", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_a_check_may_be_written_in_small_letters(installation: Installation) -> None:
    installation.scan()
    assert BACKUP in installation.run("findings", "--check", "apw-001").out
    assert installation.run("findings", "--check", "apw-002").out == "No findings.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scan", "--account", " "), "Invalid value for '--account': it is empty"),
        (
            ("exceptions", "add", "--account", "a", "--reason", "r", "--owner", "o", "--until", "31.3.2027"),
            "Invalid value for '--until': \"31.3.2027\" is not a date: write it as YYYY-MM-DD",
        ),
    ],
)
def test_a_wrong_argument_is_told_in_words(
    installation: Installation, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert cli.main(arguments) == 2
    assert said in capsys.readouterr().err


def test_what_could_not_be_read_is_told_with_its_account(installation: Installation) -> None:
    installation.graph.tenant.user(BACKUP).mfa = None
    assert f"Could not read: Per-user MFA state of {BACKUP}: " in installation.scan().err
