"""Every setting of the product, declared: its name, its type, what it means.

Settings are environment variables: app settings in Azure, or the ``Values`` of ``local.settings.json``
(``settings/sources.py``). ``load_settings`` (``settings/loading.py``) reads them; what is wrong is told in the words of
``settings/problems.py``, all at once.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from basics.text import well_formed_json
from settings import problems, sources, values
from settings.problems import CHANNEL_FIELDS, Problem, SettingsError
from settings.values import AttributeMatch, StorageConnection

LOCAL_GRAPH_TOKEN = "local-development-token"  # noqa: S105
"""The fixed token for a Microsoft Graph on this machine; a real token never goes there."""

# Source: Microsoft Learn, "Microsoft Graph national cloud deployments"
GRAPH_HOSTS = {
    "global": "https://graph.microsoft.com",
    "usgov": "https://graph.microsoft.us",
    "usgovdod": "https://dod-graph.microsoft.us",
    "china": "https://microsoftgraph.chinacloudapi.cn",
}
LOGIN_AUTHORITIES = {
    "global": "https://login.microsoftonline.com",
    "usgov": "https://login.microsoftonline.us",
    "usgovdod": "https://login.microsoftonline.us",
    "china": "https://login.chinacloudapi.cn",
}
# Source: az cloud list, suffixes.storageEndpoint
STORAGE_SUFFIXES = {
    "global": "core.windows.net",
    "usgov": "core.usgovcloudapi.net",
    "usgovdod": "core.usgovcloudapi.net",
    "china": "core.chinacloudapi.cn",
}


def _parsed(parse: Callable[[str], Any]) -> BeforeValidator:
    """Applies ``parse`` to trimmed text; other values (defaults, values given in code) pass."""
    return BeforeValidator(lambda value: parse(value.strip()) if isinstance(value, str) else value)


def _secret(parse: Callable[[str], str]) -> BeforeValidator:
    def parse_secret(value: object) -> object:
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        return SecretStr(parse(value.strip())) if isinstance(value, str) else value

    return BeforeValidator(parse_secret)


_lower = BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value)


_EMPTY_IS_OFF = frozenset({"watch_schedule"})
"""Settings of which an empty one says something; any other counts as not set."""


class Settings(BaseSettings):
    """All settings, parsed. Build it with ``load_settings``, which turns every problem into one readable error."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True
    )

    service_accounts: Annotated[tuple[str, ...], NoDecode, _parsed(values.list_of(values.account))] = Field(
        default=(), description="Service accounts: user principal names or object ids, comma-separated."
    )
    service_account_groups: Annotated[tuple[str, ...], NoDecode, _parsed(values.list_of(values.object_id))] = Field(
        default=(),
        description="Object ids of groups whose members (nested ones too) are service accounts, comma-separated.",
    )
    service_account_patterns: Annotated[tuple[str, ...], NoDecode, _parsed(values.list_of(values.pattern))] = Field(
        default=(), description="Patterns on the user principal name with `*` and `?`, e.g. `svc-*,*-backup@*`."
    )
    service_account_attribute: Annotated[AttributeMatch | None, NoDecode, _parsed(values.attribute)] = Field(
        default=None,
        description="A user property and the value that marks service accounts: `extensionAttribute7=service`.",
    )
    service_account_discovery: Annotated[
        frozenset[str], NoDecode, _parsed(lambda text: frozenset(values.list_of(values.discovery_source)(text)))
    ] = Field(
        default=frozenset(),
        description="Where to look for accounts that nobody listed: `signins,consents`. Empty: nowhere.",
    )
    service_account_discovery_alerts: Annotated[Literal["confirmed", "all"], _lower] = Field(
        default="confirmed",
        description="Which accounts are judged and told of: `confirmed` (selected above) or `all` (proposed ones too).",
    )
    audit_log: Annotated[Literal["on", "off"], _lower] = Field(
        default="off",
        description="Whether the audit log is read, for since when an option is hidden and who did it: `on` or `off`. It "
        "costs a handful of requests per scan.",
    )
    what_if_budget: Annotated[int, NoDecode, _parsed(values.budget)] = Field(
        default=0,
        description="How many requests per scan ask Microsoft's What If about accounts with findings, one per second; `0`: "
        "none.",
    )
    products_file: Annotated[str | None, _parsed(str)] = Field(
        default=None,
        description="A file with products of your own, in the form of `checks/products.json`; they come before the known ones.",
    )
    scan_schedule: Annotated[str, _parsed(values.schedule)] = Field(
        default="0 0 6 * * *",
        description="When the scan runs: NCRONTAB, six fields, UTC. The timer needs it to be set in the function app.",
    )
    watch_schedule: Annotated[str, _parsed(values.schedule_or_off)] = Field(
        default="0 */5 * * * *",
        description="How often the audit log is looked at between scans, so that a change is told within minutes: NCRONTAB, six "
        "fields, UTC; `off` or empty: never. Only where `AUDIT_LOG` is `on`.",
    )
    whole_scan_days: Annotated[int, NoDecode, _parsed(values.days_of_a_week)] = Field(
        default=0,
        description="How many days a scheduled scan may carry over what was read of accounts that the audit log shows unchanged: `0`: "
        "never, each reads everything anew; `7` at most. Only where `AUDIT_LOG` is `on`.",
    )
    app_passwords_allowed: Annotated[Literal["yes", "no", "unknown"], _lower] = Field(
        default="unknown",
        description="The tenant's switch *Allow users to create app passwords to sign in to non-browser apps*, for when it "
        "can't be read: `yes`, `no` or `unknown`. What a scan reads counts, and a setting that says otherwise is named.",
    )
    graph_cloud: Annotated[Literal["global", "usgov", "usgovdod", "china"], _lower] = Field(
        default="global",
        description="The cloud the tenant lives in: `global` (also GCC), `usgov` (GCC High), `usgovdod`, `china`.",
    )
    graph_endpoint: Annotated[str | None, _parsed(values.base_url)] = Field(
        default=None,
        description="Another Microsoft Graph host, for tests. `http` only for this machine, with a fixed local token.",
    )
    teams_webhook_url: Annotated[SecretStr | None, _secret(values.url)] = Field(
        default=None, description="Address of the Teams workflow *When a Teams webhook request is received*. Secret."
    )
    alert_email_from: Annotated[str | None, _parsed(values.mailbox)] = Field(
        default=None, description="Mailbox that alerts are sent from."
    )
    alert_email_to: Annotated[tuple[str, ...], NoDecode, _parsed(values.list_of(values.mail_address))] = Field(
        default=(), description="Mail addresses that receive alerts, comma-separated."
    )
    alert_digest: Annotated[Literal["off", "daily", "weekly"], _lower] = Field(
        default="off",
        description="A message about what is still open, when a reminder is due: with every scheduled scan (`daily`), with "
        "those on Mondays (`weekly`), or never (`off`).",
    )
    alert_all_clear: Annotated[Literal["yes", "no"], _lower] = Field(
        default="no", description="Whether the digest also comes when nothing is open: `yes` or `no`."
    )
    alert_private_networks: Annotated[tuple[str, ...], NoDecode, _parsed(values.list_of(values.network))] = Field(
        default=(),
        description="Networks in which Teams' or your own webhook may lie although they aren't public, comma-separated: "
        "`10.1.2.0/24`. Empty: alerts go to public addresses only.",
    )
    webhook_url: Annotated[SecretStr | None, _secret(values.url)] = Field(
        default=None, description="Address that receives alerts as JSON, signed by Standard Webhooks. Secret."
    )
    webhook_secret: Annotated[SecretStr | None, _secret(values.webhook_secret)] = Field(
        default=None, description="Key of the signature: `whsec_` and 24 to 64 random bytes in base64. Secret."
    )
    expected_secrets: Annotated[tuple[str, ...], NoDecode, _parsed(values.list_of(values.expected_secret))] = Field(
        default=(),
        description="Which of `TEAMS_WEBHOOK_URL`, `WEBHOOK_URL` and `WEBHOOK_SECRET` must come from the vault, comma-separated, or "
        "`none`. A Key Vault reference of another one of them that leads to no secret counts as not set. Empty: every reference must "
        "lead to one, as that of any other setting must.",
    )
    report_url: Annotated[str | None, _parsed(values.url)] = Field(
        default=None, description="Address of the report that alerts link to."
    )
    azure_client_id: Annotated[str | None, _parsed(values.client_id)] = Field(
        default=None, description="Client id of the user-assigned managed identity. Empty: the system-assigned one."
    )
    storage_connection_string: Annotated[SecretStr | None, _secret(values.connection_string)] = Field(
        default=None,
        validation_alias="AzureWebJobsStorage",
        description="Storage connection string; `UseDevelopmentStorage=true` for Azurite. Secret.",
    )
    storage_table_uri: Annotated[str | None, _parsed(values.url)] = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__tableServiceUri",
        description="Table service of the storage account, with managed identity: `https://NAME.table.core.windows.net`.",
    )
    storage_queue_uri: Annotated[str | None, _parsed(values.url)] = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__queueServiceUri",
        description="Queue service of the storage account, with managed identity: `https://NAME.queue.core.windows.net`.",
    )
    storage_account_name: Annotated[str | None, _parsed(values.storage_account_name)] = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__accountName",
        description="In place of the two service addresses, in the global cloud: the storage account's name.",
    )
    storage_client_id: Annotated[str | None, _parsed(values.client_id)] = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__clientId",
        description="Client id of the managed identity for storage. Empty: as `AZURE_CLIENT_ID`.",
    )

    _broken_channels: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @property
    def broken_channels(self) -> Mapping[str, str]:
        """Alert channel (``teams``, ``webhook``, ``email``) -> what is wrong with its settings, in sentences.

        Its settings count as not set: one wrong address must keep neither the scan nor the other channels from working.
        """
        return self._broken_channels

    @property
    def graph_host(self) -> str:
        """Base URL of Microsoft Graph without a version, e.g. ``https://graph.microsoft.com``."""
        return self.graph_endpoint or GRAPH_HOSTS[self.graph_cloud]

    @property
    def login_authority(self) -> str:
        """Base URL of the sign-in service of the tenant's cloud."""
        return LOGIN_AUTHORITIES[self.graph_cloud]

    @property
    def graph_is_local(self) -> bool:
        """Whether Microsoft Graph is a server on this machine, which gets ``LOCAL_GRAPH_TOKEN``."""
        return values.is_loopback(urlsplit(self.graph_host).hostname or "")

    @property
    def storage(self) -> StorageConnection:
        """Where the tables and queues are. A connection string wins over service addresses, as it does in the host."""
        if self.storage_connection_string is not None:
            return StorageConnection(self.storage_connection_string.get_secret_value())
        name, suffix = self.storage_account_name, STORAGE_SUFFIXES[self.graph_cloud]
        return StorageConnection(
            table_uri=self.storage_table_uri or (f"https://{name}.table.{suffix}" if name else None),
            queue_uri=self.storage_queue_uri or (f"https://{name}.queue.{suffix}" if name else None),
            client_id=self.storage_client_id or self.azure_client_id,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values given in code, then the environment, then ``local.settings.json``."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _local_settings())

    @model_validator(mode="wrap")
    @classmethod
    def _tell_everything(cls, data: dict[str, Any], handler: ValidatorFunctionWrapHandler) -> Self:
        """Adds rules over several settings. What breaks one channel leaves it out; the rest is one ``SettingsError``."""
        given = {_field(key): well_formed_json(value) for key, value in data.items()}
        given = {name: value for name, value in given.items() if name in _EMPTY_IS_OFF or not problems.is_blank(value)}
        expected = problems.expected_secrets(given.get("expected_secrets"))
        unresolved = {name for name, value in given.items() if problems.is_key_vault_reference(value)}
        may_lack = frozenset() if expected is None else frozenset(values.VAULT_SECRETS) - expected
        unused = {name for name in unresolved if env_name(name) in may_lack}
        given = {name: value for name, value in given.items() if name not in unused}
        unresolved -= unused
        found = [Problem(name, problems.unresolved(env_name(name))) for name in cls.model_fields if name in unresolved]
        found += problems.between(given.keys(), env_name)
        usable = {name: value for name, value in given.items() if name not in unresolved}
        settings: Self | None = None
        try:
            settings = handler(usable)
        except ValidationError as error:
            found += [_problem(detail) for detail in error.errors(include_url=False)]
        if any(problem.channel is None for problem in found):
            raise SettingsError([problem.sentence for problem in found], frozenset(given))
        broken = problems.by_channel(found)
        if settings is None or broken:
            lost = {field for channel in broken for field in CHANNEL_FIELDS[channel]}
            settings = handler({name: value for name, value in usable.items() if name not in lost})
            settings._broken_channels = broken
        return settings


def settings_table() -> str:
    """Every setting as a Markdown table: name, default, meaning."""
    rows = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for name, info in Settings.model_fields.items():
        default = f"`{info.default}`" if isinstance(info.default, str | int) else ""
        rows.append(f"| `{env_name(name)}` | {default} | {info.description} |")
    return "\n".join(rows) + "\n"


def env_name(field: str) -> str:
    """The environment variable of a field of ``Settings``."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else field.upper()


def _field(key: str) -> str:
    """The field that a source's key means: its own name or its alias, without case."""
    names = {env_name(name).lower(): name for name in Settings.model_fields}
    return names.get(key.lower(), key)


def _problem(detail: Any) -> Problem:
    """What pydantic found."""
    field = str(detail["loc"][0])
    return Problem(field, problems.in_words(detail, env_name(field)))


def _local_settings() -> dict[str, Any]:
    """The settings of ``local.settings.json`` by field; numbers and lists of texts as the environment would have them."""
    known = {_field(name): sources.as_text(value) or value for name, value in sources.local_values().items()}
    return {name: value for name, value in known.items() if name in Settings.model_fields}
