"""Names that are almost a setting's: they are read by nobody, and nothing else would say so."""

from collections.abc import Iterable
from difflib import get_close_matches

from settings.model import Settings, env_name

_AGAIN = "APPSETTING_"
"""Begins the names under which App Service sets every app setting a second time. Source: Microsoft Learn, "Environment variables and
app settings"."""


def mistyped(names: Iterable[str]) -> list[tuple[str, str]]:
    """Of what is set, the names that are almost a setting's, each with the setting that it is near to."""
    # Azure sets names of its own, much like those of ours that begin with Azure.
    known = {
        env_name(field).upper() for field in Settings.model_fields if not env_name(field).upper().startswith("AZURE")
    }
    return [
        (name, close[0])
        for name in sorted(names)
        if name.upper().removeprefix(_AGAIN) not in known
        and (close := get_close_matches(name.upper(), known, n=1, cutoff=0.85))
    ]
