"""Settings that nobody reads because their names are mistyped: whatever is asked, somebody meant another one."""

from contextlib import suppress

from commands.output import plain, say
from settings import SettingsError
from settings.sources import given_names
from settings.spelling import mistyped


def name_mistyped() -> None:
    """Say which of the names that are set are almost a setting's."""
    with suppress(SettingsError):  # a command that needs the settings says it
        for name, meant in mistyped(given_names()):
            say(plain(f"{name} is not a setting, so nothing reads it. Did you mean {meant}?"))
