"""Settings: what is accepted, what is refused, in which words, and that secrets stay secret."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings import Settings, SettingsError, load_settings
from settings import sources as module
from settings.model import LOCAL_GRAPH_TOKEN, env_name, settings_table
from settings.values import AZURITE_CONNECTION, VAULT_SECRETS, AttributeMatch, StorageConnection

ROOT = Path(__file__).parents[2]
GROUP = "3F1C2A9E-5b7d-4c1e-9f60-2d8a4b6c7e10"
SECRET = "whsec_" + b64encode(bytes(range(32))).decode()
NOTHING: frozenset[str] = frozenset()

SetEnvironment = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> SetEnvironment:
    """Sets environment variables for one test."""

    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


def problems(require: frozenset[str] = NOTHING) -> tuple[str, ...]:
    """What is wrong: with everything, or with one channel after the other."""
    try:
        broken = load_settings(require=require).broken_channels
    except SettingsError as told:
        return told.problems
    assert broken, "nothing is wrong"
    return tuple(sentence.removesuffix(".") for sentence in broken.values())


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("SERVICE_ACCOUNTS", " svc-a@contoso.com ,, SVC-A@contoso.com,", "service_accounts", ("svc-a@contoso.com",)),
        ("SERVICE_ACCOUNTS", "o'neil@contoso.com", "service_accounts", ("o'neil@contoso.com",)),
        ("SERVICE_ACCOUNTS", "田中.サービス@例え.jp,müller@straße.de", "service_accounts", ("田中.サービス@例え.jp", "müller@straße.de")),
        ("SERVICE_ACCOUNTS", "scan_fabrikam.com#EXT#@contoso.onmicrosoft.com", "service_accounts", ("scan_fabrikam.com#EXT#@contoso.onmicrosoft.com",)),
        ("SERVICE_ACCOUNTS", GROUP, "service_accounts", (GROUP.lower(),)),
        ("SERVICE_ACCOUNT_GROUPS", GROUP, "service_account_groups", (GROUP.lower(),)),
        ("SERVICE_ACCOUNT_PATTERNS", "svc-*, *-backup@*", "service_account_patterns", ("svc-*", "*-backup@*")),
        ("SERVICE_ACCOUNT_ATTRIBUTE", "extensionattribute7 = service", "service_account_attribute", AttributeMatch("extensionAttribute7", "service")),
        ("SERVICE_ACCOUNT_ATTRIBUTE", "department=A=B", "service_account_attribute", AttributeMatch("department", "A=B")),
        ("SERVICE_ACCOUNT_DISCOVERY", "SignIns, consents", "service_account_discovery", frozenset({"signins", "consents"})),
        ("SERVICE_ACCOUNT_DISCOVERY", "", "service_account_discovery", frozenset()),
        ("APP_PASSWORDS_ALLOWED", "Yes", "app_passwords_allowed", "yes"),
        ("GRAPH_CLOUD", "USGovDoD", "graph_cloud", "usgovdod"),
        ("GRAPH_ENDPOINT", "http://127.0.0.1:8080/", "graph_endpoint", "http://127.0.0.1:8080"),
        ("GRAPH_ENDPOINT", "https://graph.example.com/v1.0/", "graph_endpoint", "https://graph.example.com"),
        ("SCAN_SCHEDULE", "0  */15 8-18 * Jan-mar,12 mon-FRI", "scan_schedule", "0 */15 8-18 * Jan-mar,12 mon-FRI"),
        ("ALERT_EMAIL_FROM", "alerts@contoso.com", "alert_email_from", "alerts@contoso.com"),
        ("REPORT_URL", "https://contoso.azurewebsites.net/api/report", "report_url", "https://contoso.azurewebsites.net/api/report"),
        ("AZURE_CLIENT_ID", GROUP, "azure_client_id", GROUP.lower()),
    ],
)  # fmt: skip
def test_a_right_value_is_read(environment: SetEnvironment, name: str, text: str, field: str, value: object) -> None:
    environment(ALERT_EMAIL_TO="it@contoso.com", **{"ALERT_EMAIL_FROM": "alerts@contoso.com", name: text})
    assert getattr(load_settings(require=NOTHING), field) == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("SERVICE_ACCOUNTS", "svc backup", 'SERVICE_ACCOUNTS holds "svc backup": write user principal names'),
        ("SERVICE_ACCOUNTS", "a@contoso.com;b@contoso.com", "with commas between them"),
        ("SERVICE_ACCOUNTS", "a@b@contoso.com", 'holds "a@b@contoso.com"'),
        ("SERVICE_ACCOUNTS", "@contoso.com", 'holds "@contoso.com"'),
        ("SERVICE_ACCOUNTS", "svc-a", 'holds "svc-a"'),
        ("SERVICE_ACCOUNTS", "svc-*@contoso.com", "patterns belong in SERVICE_ACCOUNT_PATTERNS"),
        ("SERVICE_ACCOUNTS", "a\x1b[31m@contoso.com", 'holds "a\N{REPLACEMENT CHARACTER}[31m@contoso.com"'),
        ("SERVICE_ACCOUNT_GROUPS", "Backup apps", 'SERVICE_ACCOUNT_GROUPS holds "Backup apps": write the group\'s object id'),
        ("SERVICE_ACCOUNT_PATTERNS", "svc *", 'SERVICE_ACCOUNT_PATTERNS holds "svc *": write patterns such as svc-*'),
        ("SERVICE_ACCOUNT_PATTERNS", "svc\N{EN DASH}*", 'SERVICE_ACCOUNT_PATTERNS holds "svc\N{EN DASH}*": write patterns such as svc-*'),
        ("SERVICE_ACCOUNT_PATTERNS", '"svc-*"', "write patterns such as svc-*"),
        ("SERVICE_ACCOUNT_PATTERNS", "'svc-*'", "write patterns such as svc-*"),
        ("SERVICE_ACCOUNT_PATTERNS", "svc-*;app-*", "with commas between them"),
        ("SERVICE_ACCOUNT_PATTERNS", "(svc|app)-*", "with commas between them"),
        ("SERVICE_ACCOUNT_PATTERNS", "app-*,svc-", 'SERVICE_ACCOUNT_PATTERNS holds "svc-", which is no whole user principal name: write "svc-*" for all'),
        ("EXPECTED_SECRETS", "teams-webhook-url", 'EXPECTED_SECRETS holds "teams-webhook-url": use TEAMS_WEBHOOK_URL, WEBHOOK_URL, WEBHOOK_SECRET'),
        ("EXPECTED_SECRETS", "TEAMS_WEBHOOK_URL;WEBHOOK_URL", "with commas between them, or none"),
        ("SERVICE_ACCOUNT_ATTRIBUTE", "extensionAttribute7", 'SERVICE_ACCOUNT_ATTRIBUTE is "extensionAttribute7": write it as name=value, e.g. extensionAttribute7=service'),
        ("SERVICE_ACCOUNT_ATTRIBUTE", "=service", "write it as name=value"),
        ("SERVICE_ACCOUNT_ATTRIBUTE", "extensionAttribute16=x", 'names the property "extensionAttribute16": use extensionAttribute1 to'),
        ("SERVICE_ACCOUNT_DISCOVERY", "signins,mail", 'SERVICE_ACCOUNT_DISCOVERY holds "mail": use signins, consents or both'),
        ("SCAN_SCHEDULE", "0 6 * * *", 'SCAN_SCHEDULE is "0 6 * * *", which has five fields: put the second first, e.g. "0 0 6 * * *"'),
        ("SCAN_SCHEDULE", "daily", 'SCAN_SCHEDULE is "daily": write six fields'),
        ("SCAN_SCHEDULE", "0 60 6 * * *", 'whose minute "60" is not understood'),
        ("SCAN_SCHEDULE", "0 0 6 * * 7", 'whose day of week "7" is not understood'),
        ("SCAN_SCHEDULE", "0 */0 6 * * *", 'whose minute "*/0" is not understood'),
        ("SCAN_SCHEDULE", "0 0 6 ? * L", 'whose day "?" is not understood'),
        ("SCAN_SCHEDULE", "0 0 6 ٣ * *", "is not understood"),
        ("APP_PASSWORDS_ALLOWED", "true", 'APP_PASSWORDS_ALLOWED is "true": use yes, no or unknown'),
        ("GRAPH_CLOUD", "gcc", 'GRAPH_CLOUD is "gcc": use global, usgov, usgovdod or china'),
        ("GRAPH_ENDPOINT", "http://graph.example.com", "GRAPH_ENDPOINT starts with http: use https"),
        ("GRAPH_ENDPOINT", "http://127.0.0.1.evil.example", "GRAPH_ENDPOINT starts with http: use https"),
        ("GRAPH_ENDPOINT", "http://localhost.evil.example", "GRAPH_ENDPOINT starts with http: use https"),
        ("GRAPH_ENDPOINT", "http://127.0.0.1@evil.example", "GRAPH_ENDPOINT holds a user name or password"),
        ("GRAPH_ENDPOINT", "ftp://graph.example.com", "GRAPH_ENDPOINT is not a URL"),
        ("GRAPH_ENDPOINT", "graph.microsoft.com", "GRAPH_ENDPOINT is not a URL"),
        ("GRAPH_ENDPOINT", "https://graph.microsoft.com:port", "GRAPH_ENDPOINT is not a URL"),
        ("GRAPH_ENDPOINT", "https://graph.microsoft.com/v1.0/users", "GRAPH_ENDPOINT has more than a host: write only https://graph.microsoft.com"),
        ("TEAMS_WEBHOOK_URL", "http://contoso.webhook.example/x", "TEAMS_WEBHOOK_URL starts with http: use https"),
        ("ALERT_PRIVATE_NETWORKS", "10.1.2.3/24", 'ALERT_PRIVATE_NETWORKS holds "10.1.2.3/24": write networks'),
        ("ALERT_PRIVATE_NETWORKS", "intern", 'ALERT_PRIVATE_NETWORKS holds "intern": write networks'),
        ("GRAPH_ENDPOINT", "https://xn--a", "GRAPH_ENDPOINT names a host that can't be"),
        ("REPORT_URL", "report", "REPORT_URL is not a URL: write it as https://host/path"),
        ("AZURE_CLIENT_ID", "my-identity", "AZURE_CLIENT_ID is \"my-identity\": write the managed identity's client id"),
        ("AzureWebJobsStorage", "contoso", "AzureWebJobsStorage is not a connection string"),
        ("AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=contoso", "without AccountKey or SharedAccessSignature"),
        ("AzureWebJobsStorage", "AccountName=contoso;AccountKey=abc", "whose AccountKey is not complete"),
        ("AzureWebJobsStorage", "DefaultEndpointsProtocol=http;AccountName=contoso;AccountKey=YWJj", "uses http: use https"),
        ("AzureWebJobsStorage", "AccountName=x;AccountKey=YWJj;TableEndpoint=http://storage.example/x", "uses http: use https"),
        ("AzureWebJobsStorage__accountName", "https://contoso.table.core.windows.net", "write the storage account's name"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_sentence_that_says_what_to_do(
    environment: SetEnvironment, name: str, text: str, sentence: str
) -> None:
    environment(**{name: text})
    (problem,) = problems()
    assert sentence in problem
    assert problem.startswith(f"{name} ")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ALERT_EMAIL_FROM": "a@contoso.com"}, "ALERT_EMAIL_TO is not set although ALERT_EMAIL_FROM is"),
        ({"ALERT_EMAIL_TO": "a@contoso.com"}, "ALERT_EMAIL_FROM is not set although ALERT_EMAIL_TO is"),
        ({"WEBHOOK_URL": "https://a.example"}, "WEBHOOK_SECRET is not set although WEBHOOK_URL is"),
        ({"WEBHOOK_SECRET": SECRET}, "WEBHOOK_URL is not set although WEBHOOK_SECRET is"),
        (
            {"AzureWebJobsStorage__tableServiceUri": "https://a.table.core.windows.net"},
            "AzureWebJobsStorage__queueServiceUri is not set although AzureWebJobsStorage__tableServiceUri is: set both",
        ),
        (
            {"AzureWebJobsStorage__queueServiceUri": "https://a.queue.core.windows.net"},
            "AzureWebJobsStorage__tableServiceUri is not set although AzureWebJobsStorage__queueServiceUri is: set both",
        ),
    ],
)
def test_settings_that_belong_together_are_demanded_together(
    environment: SetEnvironment, variables: dict[str, str], sentence: str
) -> None:
    environment(**variables)
    (problem,) = problems()
    assert sentence in problem


CHANNELS = {
    "teams": {"TEAMS_WEBHOOK_URL": "https://teams.example/?sig=s"},
    "webhook": {"WEBHOOK_URL": "https://hook.example", "WEBHOOK_SECRET": SECRET},
    "email": {"ALERT_EMAIL_FROM": "alerts@contoso.com", "ALERT_EMAIL_TO": "it@contoso.com"},
}
VAULT = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)"


def usable(settings: Settings) -> set[str]:
    """The channels that the settings have everything for."""
    found = {"teams": settings.teams_webhook_url, "webhook": settings.webhook_url and settings.webhook_secret}
    found["email"] = settings.alert_email_from if settings.alert_email_to else None  # type: ignore[assignment]
    return {name for name, value in found.items() if value}


@pytest.mark.parametrize(
    ("channel", "name", "text"),
    [
        ("teams", "TEAMS_WEBHOOK_URL", VAULT),
        ("teams", "TEAMS_WEBHOOK_URL", "http://contoso.example"),
        ("webhook", "WEBHOOK_URL", VAULT),
        ("webhook", "WEBHOOK_URL", ""),
        ("webhook", "WEBHOOK_SECRET", VAULT),
        ("webhook", "WEBHOOK_SECRET", "hunter2"),
        ("webhook", "WEBHOOK_SECRET", " "),
        ("email", "ALERT_EMAIL_FROM", "alerts"),
        ("email", "ALERT_EMAIL_FROM", ""),
        ("email", "ALERT_EMAIL_TO", "it@contoso.com, ops"),
    ],
)
def test_what_is_wrong_with_one_channel_breaks_that_channel_only(
    environment: SetEnvironment, channel: str, name: str, text: str
) -> None:
    environment(**{key: value for settings in CHANNELS.values() for key, value in settings.items()})
    environment(**{name: text})
    settings = load_settings(require=NOTHING)
    assert settings.broken_channels.keys() == {channel}
    assert name in settings.broken_channels[channel]
    assert settings.broken_channels[channel].endswith(".")
    assert usable(settings) == CHANNELS.keys() - {channel}
    assert settings.model_copy(update={"audit_log": "off"}).broken_channels == settings.broken_channels


def test_several_channels_can_be_broken_each_with_all_that_is_wrong(environment: SetEnvironment) -> None:
    environment(TEAMS_WEBHOOK_URL=VAULT, WEBHOOK_URL="hook", WEBHOOK_SECRET="hunter2")
    broken = load_settings(require=NOTHING).broken_channels
    assert broken.keys() == {"teams", "webhook"}
    assert "WEBHOOK_URL is not a URL" in broken["webhook"]
    assert "WEBHOOK_SECRET does not start with whsec_" in broken["webhook"]
    assert "hunter2" not in str(broken)


def test_no_channel_is_broken_that_is_right_or_not_set(environment: SetEnvironment) -> None:
    assert load_settings(require=NOTHING).broken_channels == {}
    environment(**CHANNELS["webhook"])
    assert load_settings(require=NOTHING).broken_channels == {}


@pytest.mark.parametrize("expected", ["none", "NONE", "WEBHOOK_URL,WEBHOOK_SECRET"])
def test_a_reference_to_a_secret_that_nobody_expects_counts_as_not_set(
    environment: SetEnvironment, expected: str
) -> None:
    environment(TEAMS_WEBHOOK_URL=VAULT, **CHANNELS["webhook"], EXPECTED_SECRETS=expected)
    settings = load_settings(require=NOTHING)
    assert settings.broken_channels == {}
    assert usable(settings) == {"webhook"}


@pytest.mark.parametrize(
    "expected", ["", " , ", "\N{NO-BREAK SPACE}", "TEAMS_WEBHOOK_URL", "webhook_url, teams_webhook_url"]
)
def test_a_reference_to_a_secret_that_is_expected_breaks_its_channel(
    environment: SetEnvironment, expected: str
) -> None:
    environment(TEAMS_WEBHOOK_URL=VAULT, EXPECTED_SECRETS=expected)
    assert load_settings(require=NOTHING).broken_channels.keys() == {"teams"}


@pytest.mark.parametrize("name", sorted({env_name(field) for field in Settings.model_fields} - {*VAULT_SECRETS}))
@pytest.mark.parametrize("expected", ["none", "WEBHOOK_URL"])
def test_only_what_the_deployment_refers_to_may_lead_to_no_secret(
    environment: SetEnvironment, expected: str, name: str
) -> None:
    environment(**{**CHANNELS["email"], "EXPECTED_SECRETS": expected, name: VAULT})
    try:
        said = str(load_settings(require=NOTHING).broken_channels)
    except SettingsError as error:
        said = str(error)
    assert f"{name} is a Key Vault reference that was not resolved" in said


def test_a_reference_that_leads_to_a_secret_is_used_whether_or_not_it_is_expected(environment: SetEnvironment) -> None:
    environment(**CHANNELS["teams"], EXPECTED_SECRETS="none")
    assert usable(load_settings(require=NOTHING)) == {"teams"}


def test_half_a_webhook_is_broken_even_if_its_other_half_is_not_expected(environment: SetEnvironment) -> None:
    environment(**{**CHANNELS["webhook"], "WEBHOOK_SECRET": VAULT}, EXPECTED_SECRETS="none")
    assert (
        "WEBHOOK_SECRET is not set although WEBHOOK_URL is" in load_settings(require=NOTHING).broken_channels["webhook"]
    )


def test_everything_wrong_is_told_at_once(environment: SetEnvironment) -> None:
    environment(
        SERVICE_ACCOUNT_GROUPS="Backup apps, Printers",
        SCAN_SCHEDULE="daily",
        GRAPH_CLOUD="mars",
        WEBHOOK_URL="http://contoso.example",
        ALERT_EMAIL_FROM="a@contoso.com",
        ALERT_EMAIL_TO=" , ",
    )
    with pytest.raises(SettingsError) as told:
        load_settings()
    text = str(told.value)
    assert text.startswith("7 settings need your attention:\n- ")
    assert len(text.splitlines()) == 8
    for expected in ("Backup apps", "Printers", "SCAN_SCHEDULE", "GRAPH_CLOUD", "WEBHOOK_URL", "WEBHOOK_SECRET",
                     "ALERT_EMAIL_TO", "AzureWebJobsStorage is not set"):  # fmt: skip
        assert expected in text
    # The groups are wrong, not missing.
    assert "No service accounts are named" not in text


def test_what_the_caller_needs_must_be_set() -> None:
    assert load_settings(require=NOTHING).service_accounts == ()
    assert [problem.partition(":")[0] for problem in problems(frozenset({"accounts", "storage", "schedule"}))] == [
        "No service accounts are named",
        "SCAN_SCHEDULE is not set",
        "AzureWebJobsStorage is not set",
    ]


@pytest.mark.parametrize(
    "way",
    [
        {"SERVICE_ACCOUNTS": "svc-a@contoso.com"},
        {"SERVICE_ACCOUNT_GROUPS": GROUP},
        {"SERVICE_ACCOUNT_PATTERNS": "svc-*"},
        {"SERVICE_ACCOUNT_ATTRIBUTE": "employeeType=service"},
    ],
)
def test_any_one_way_to_select_accounts_is_enough(environment: SetEnvironment, way: dict[str, str]) -> None:
    environment(**way)
    load_settings(require=frozenset({"accounts"}))


@pytest.mark.parametrize("name", ["SERVICE_ACCOUNTS", "TEAMS_WEBHOOK_URL", "WEBHOOK_SECRET", "AzureWebJobsStorage"])
def test_an_unresolved_key_vault_reference_is_told_as_such(environment: SetEnvironment, name: str) -> None:
    environment(
        WEBHOOK_URL="https://a.example", **{"WEBHOOK_SECRET": SECRET, name: "@Microsoft.KeyVault(SecretUri=https://v)"}
    )
    (problem,) = problems()
    assert problem.startswith(f"{name} is a Key Vault reference that was not resolved: check ")


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("no-prefix-" + SECRET, "does not start with whsec_"),
        ("whsec_not base64 at all!", "is not valid base64"),
        ("whsec_" + b64encode(b"x" * 23).decode(), "holds 23 bytes"),
        ("whsec_" + b64encode(b"x" * 65).decode(), "holds 65 bytes"),
    ],
)
def test_a_weak_or_malformed_webhook_secret_is_refused(environment: SetEnvironment, secret: str, why: str) -> None:
    environment(WEBHOOK_URL="https://a.example", WEBHOOK_SECRET=secret)
    (problem,) = problems()
    assert why in problem
    assert "24 to 64 random bytes" in problem
    assert secret not in problem


@pytest.mark.parametrize("length", [24, 64])
def test_a_webhook_secret_of_allowed_length_is_accepted(environment: SetEnvironment, length: int) -> None:
    secret = "whsec_" + b64encode(b"\xff" * length).decode()
    environment(WEBHOOK_URL="http://[::1]:9000/hook", WEBHOOK_SECRET=secret)
    settings = load_settings(require=NOTHING)
    assert settings.webhook_secret is not None
    assert settings.webhook_secret.get_secret_value() == secret


@given(
    hidden=st.text(alphabet=st.characters(codec="ascii", categories=("L", "N")), min_size=12, max_size=40).map(
        "7x{}x7".format
    )
)
def test_no_error_and_no_representation_repeats_a_secret(hidden: str) -> None:
    secrets = {
        "TEAMS_WEBHOOK_URL": f"http://x.example/?sig={hidden}",
        "WEBHOOK_URL": f"https://x.example:port/?sig={hidden}",
        "WEBHOOK_SECRET": f"whsec_{hidden}!",
        "AzureWebJobsStorage": f"AccountName=contoso;Key={hidden}",
    }
    fields = {name: field for field in Settings.model_fields for name in secrets if env_name(field) == name}
    with pytest.raises(SettingsError) as told:
        Settings(**{fields[name]: value for name, value in secrets.items()})  # type: ignore[arg-type]
    assert len(told.value.problems) == 4
    assert hidden not in str(told.value)
    right = Settings(teams_webhook_url=f"https://x.example/?sig={hidden}")  # type: ignore[arg-type]
    assert hidden not in repr(right)
    assert hidden not in repr(StorageConnection(hidden))


@pytest.mark.parametrize(
    ("cloud", "host", "authority"),
    [
        ("global", "https://graph.microsoft.com", "https://login.microsoftonline.com"),
        ("usgov", "https://graph.microsoft.us", "https://login.microsoftonline.us"),
        ("usgovdod", "https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
        ("china", "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_its_own_graph_and_sign_in(
    environment: SetEnvironment, cloud: str, host: str, authority: str
) -> None:
    environment(GRAPH_CLOUD=cloud)
    settings = load_settings(require=NOTHING)
    assert (settings.graph_host, settings.login_authority, settings.graph_is_local) == (host, authority, False)


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://localhost", True),
        ("https://graph.example.com", False),
        ("https://localhost.example.com", False),
    ],
)
def test_only_this_machine_counts_as_local(environment: SetEnvironment, endpoint: str, local: bool) -> None:
    environment(GRAPH_ENDPOINT=endpoint)
    settings = load_settings(require=NOTHING)
    assert settings.graph_host == endpoint
    assert settings.graph_is_local is local
    assert LOCAL_GRAPH_TOKEN not in repr(settings)


def test_development_storage_means_the_published_account_of_azurite(environment: SetEnvironment) -> None:
    environment(AzureWebJobsStorage="UseDevelopmentStorage=true")
    text = load_settings(require=frozenset({"storage"})).storage.connection_string
    assert text is not None
    assert dict(part.split("=", 1) for part in text.split(";")) == AZURITE_CONNECTION


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {
                "AzureWebJobsStorage__tableServiceUri": "https://a.table.core.windows.net",
                "AzureWebJobsStorage__queueServiceUri": "https://a.queue.core.windows.net",
                "AzureWebJobsStorage__clientId": GROUP,
                "AzureWebJobsStorage__credential": "managedidentity",
            },
            ("https://a.table.core.windows.net", "https://a.queue.core.windows.net", GROUP.lower()),
        ),
        (
            {"AzureWebJobsStorage__accountName": "contoso", "AZURE_CLIENT_ID": GROUP},
            ("https://contoso.table.core.windows.net", "https://contoso.queue.core.windows.net", GROUP.lower()),
        ),
    ],
)
def test_storage_by_managed_identity(
    environment: SetEnvironment, variables: dict[str, str], expected: tuple[str, str, str]
) -> None:
    environment(**variables)
    storage = load_settings(require=frozenset({"storage"})).storage
    assert storage.connection_string is None
    assert (storage.table_uri, storage.queue_uri, storage.client_id) == expected


def local_settings(monkeypatch: pytest.MonkeyPatch, folder: Path, content: str) -> None:
    path = folder / "local.settings.json"
    path.write_text(content, encoding="utf-8-sig")
    monkeypatch.setattr(module, "LOCAL_SETTINGS", path)


def test_local_settings_are_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: SetEnvironment
) -> None:
    values = {"SERVICE_ACCOUNTS": "file@contoso.com", "GRAPH_CLOUD": "china", "FUNCTIONS_WORKER_RUNTIME": "python"}
    local_settings(monkeypatch, tmp_path, json.dumps({"IsEncrypted": False, "Values": values}))
    environment(SERVICE_ACCOUNTS="environment@contoso.com")
    settings = load_settings(require=NOTHING)
    assert (settings.service_accounts, settings.graph_cloud) == (("environment@contoso.com",), "china")


def test_local_settings_may_be_numbers_and_lists_within_the_same_bounds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = {"WHAT_IF_BUDGET": 5, "SERVICE_ACCOUNT_PATTERNS": ["svc-*", "app-*"]}
    local_settings(monkeypatch, tmp_path, json.dumps({"Values": values}))
    settings = load_settings(require=NOTHING)
    assert (settings.what_if_budget, settings.service_account_patterns) == (5, ("svc-*", "app-*"))
    wrong = {"WHAT_IF_BUDGET": 5000, "WHOLE_SCAN_DAYS": 30, "SERVICE_ACCOUNTS": ["svc-*"]}
    local_settings(monkeypatch, tmp_path, json.dumps({"Values": wrong}))
    assert {problem.partition(" ")[0] for problem in problems()} == wrong.keys()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"Values": 3}', "cannot be read"),
        ('{"IsEncrypted": true, "Values": {"SERVICE_ACCOUNTS": "CfDJ8"}}', "is encrypted"),
    ],
)
def test_broken_local_settings_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str, why: str
) -> None:
    local_settings(monkeypatch, tmp_path, content)
    (problem,) = problems()
    assert problem.startswith("local.settings.json ")
    assert why in problem


def test_the_sample_of_local_settings_is_valid_and_names_real_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sample = (ROOT / "local.settings.json.example").read_text(encoding="utf-8")
    local_settings(monkeypatch, tmp_path, sample)
    assert load_settings(require=frozenset({"accounts", "storage", "schedule"})).service_accounts
    known = {env_name(field) for field in Settings.model_fields} | {"FUNCTIONS_WORKER_RUNTIME"}
    assert json.loads(sample)["Values"].keys() <= known


def test_the_table_of_settings_has_every_setting_with_its_meaning() -> None:
    rows = settings_table().splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    for row, field in zip(rows, Settings.model_fields, strict=True):
        name, _default, meaning = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1])
        assert name == f"`{env_name(field)}`"
        assert meaning.endswith(".")
