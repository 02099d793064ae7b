"""Every setting, typed and validated in one place."""

from settings.loading import load_settings
from settings.model import Settings
from settings.problems import SettingsError

__all__ = ["Settings", "SettingsError", "load_settings"]
