"""Loading the settings: what a caller can't do without, and one error that tells everything."""

from settings.model import Settings
from settings.problems import SettingsError

REQUIREMENTS: dict[str, tuple[frozenset[str], str]] = {
    "accounts": (
        frozenset(
            {
                "service_accounts",
                "service_account_groups",
                "service_account_patterns",
                "service_account_attribute",
            }
        ),
        "No service accounts are named: set SERVICE_ACCOUNTS, SERVICE_ACCOUNT_GROUPS, SERVICE_ACCOUNT_PATTERNS or "
        "SERVICE_ACCOUNT_ATTRIBUTE",
    ),
    "schedule": (frozenset({"scan_schedule"}), 'SCAN_SCHEDULE is not set: write when to scan, e.g. "0 0 6 * * *"'),
    "storage": (
        frozenset({"storage_connection_string", "storage_table_uri", "storage_queue_uri", "storage_account_name"}),
        "AzureWebJobsStorage is not set: set it to a connection string (UseDevelopmentStorage=true for Azurite), or set "
        "AzureWebJobsStorage__tableServiceUri and AzureWebJobsStorage__queueServiceUri to use a managed identity",
    ),
}
"""What a caller can demand: any one of these settings, and what to say when none is set."""


def load_settings(*, require: frozenset[str] = frozenset({"accounts", "storage"})) -> Settings:
    """All settings from the environment and ``local.settings.json``.

    ``require`` names what the caller can't do without: keys of ``REQUIREMENTS``.
    Raises ``SettingsError`` with everything that is missing or wrong.
    """
    problems: list[str] = []
    settings: Settings | None = None
    try:
        settings = Settings()
        given = frozenset(settings.model_fields_set)
    except SettingsError as error:
        problems, given = list(error.problems), error.given
    problems += [sentence for names, sentence in map(REQUIREMENTS.__getitem__, sorted(require)) if not names & given]
    if settings is None or problems:
        raise SettingsError(problems)
    return settings
