"""Shared by all tests: one Azurite for the run, an empty storage account for each test that wants one."""

import logging
import os
from collections.abc import Iterator

import hypothesis
import pytest

from devtools.azurite import Azurite, start_azurite
from settings import model, sources

# No deadlines: a loaded machine is no failure. CI always tries the same examples; new ones are for people to find.
hypothesis.settings.register_profile("project", deadline=None, derandomize="CI" in os.environ, print_blob=True)
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite for the whole run."""
    with start_azurite() as running:
        yield running


@pytest.fixture
def storage(azurite: Azurite) -> str:
    """The connection string of a storage account of the test's own, without tables or queues."""
    return azurite.new_account()


@pytest.fixture(autouse=True)
def loggers_as_they_come() -> None:
    """The function app silences libraries when it is imported; tests of what they log don't want that."""
    for name in ("azure", "httpx"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def no_waiting_for_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Graph on this machine lets in as many requests as come: nobody keeps to Microsoft's limits."""
    monkeypatch.setattr("tenant.turns.CONDITIONAL_ACCESS_SECONDS", 0.0)
    monkeypatch.setattr("tenant.turns.SECONDS", 0.0)


@pytest.fixture
def limits_of_microsoft(no_waiting_for_graph: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of how they are kept."""
    monkeypatch.setattr("tenant.turns.CONDITIONAL_ACCESS_SECONDS", 1.0)
    monkeypatch.setattr("tenant.turns.SECONDS", 10.0)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of the developer's own shell or ``local.settings.json``, nor how wide its terminal is."""
    monkeypatch.delenv("COLUMNS", raising=False)
    for field in model.Settings.model_fields:
        monkeypatch.delenv(model.env_name(field), raising=False)
    monkeypatch.setattr(sources, "LOCAL_SETTINGS", sources.LOCAL_SETTINGS.with_name("no such file"))
