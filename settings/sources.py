"""Where settings come from: the environment, and ``local.settings.json`` at the top of the project (the environment wins)."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from basics.documents import read_json
from settings.problems import SettingsError

LOCAL_SETTINGS = Path(__file__).parents[1] / "local.settings.json"
_chosen: ContextVar[bool] = ContextVar("chosen", default=False)


@contextmanager
def only(values: Mapping[str, str], ours: Callable[[str], bool]) -> Iterator[None]:
    """Within this, settings are these values and no others: what the environment says of ``ours`` and ``local.settings.json`` don't
    count. What belongs to one tenant must not reach another. Libraries see the values as well, in the environment.
    """
    before = dict(os.environ)
    token = _chosen.set(True)
    for name in filter(ours, before):
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        _chosen.reset(token)
        os.environ.clear()
        os.environ.update(before)


def given_names() -> frozenset[str]:
    """The names of everything that is set, by the environment and by ``local.settings.json``, settings or not."""
    return frozenset(os.environ) | frozenset(local_values())


def in_azure(environment: Mapping[str, str]) -> bool:
    """Whether this process runs in App Service, which sets these. Source: Microsoft Learn, "Environment variables and app settings"."""
    return bool(environment.get("WEBSITE_SITE_NAME") or environment.get("WEBSITE_INSTANCE_ID"))


def local_values() -> dict[str, Any]:
    """The ``Values`` of ``local.settings.json``, which Azure Functions Core Tools use too; empty when there is no file."""
    if _chosen.get():
        return {}
    try:
        content = read_json(LOCAL_SETTINGS.read_text(encoding="utf-8-sig"))
        found = dict(content["Values"])
        if content.get("IsEncrypted"):
            raise SettingsError([f"{LOCAL_SETTINGS.name} is encrypted: decrypt it with func settings decrypt"])
        return found
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(
            [f'{LOCAL_SETTINGS.name} cannot be read: write it as JSON, {{"IsEncrypted": false, "Values": {{...}}}}']
        ) from None


def as_text(value: object) -> str | None:
    """A value of a file as the environment would have it: a text, a number, or a list of texts; None for anything else."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
