"""What was found while no alert channel was set waits: with the first one, everything that is open is told, in one alert and once."""

import asyncio
import json
from typing import Any

import pytest

from functions import queues
from jobs.tell import send_failure_notice, waiting_alerts
from settings import load_settings
from tests.e2e.conftest import BACKUP, MAILER, Installation
from tests.e2e.test_life import LOST

CHANNEL = ("WEBHOOK_URL", "WEBHOOK_SECRET")


@pytest.fixture
def channel(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> "Channel":
    return Channel(installation, monkeypatch)


class Channel:
    """The only channel of an installation, set and taken away."""

    def __init__(self, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        self._receiver, self._environment = installation.receiver, monkeypatch
        self._values = {"WEBHOOK_URL": f"{self._receiver.url}/webhook", "WEBHOOK_SECRET": self._receiver.secret}

    def set(self) -> None:
        for name, value in self._values.items():
            self._environment.setenv(name, value)

    def take_away(self) -> None:
        for name in CHANNEL:
            self._environment.delenv(name)

    def heard(self) -> list[dict[str, Any]]:
        """What it was told since the last time: the data of each call."""
        found = [json.loads(call.body)["data"] for call in self._receiver.calls]
        self._receiver.calls.clear()
        return found


def scan(*accounts: str) -> None:
    """A scan of the function app, and the alerts that follow from it."""
    message = queues.scheduled_scan()
    if accounts:
        message = json.dumps({**json.loads(message), "accounts": accounts, "trigger": "audit log"})
    for alert in asyncio.run(queues.run_scan(message.encode())):
        asyncio.run(queues.send_alert(alert.encode()))


def switch(installation: Installation, name: str, *, enabled: bool) -> None:
    """Have an account disabled, which ends its findings, or enabled again."""
    installation.graph.tenant.user(name).enabled = enabled
    installation.graph.tenant.changed()


def accounts_of(told: dict[str, Any]) -> set[str]:
    return {change["account"]["user_principal_name"] for change in told["changes"]}


def waiting() -> tuple[str, ...]:
    return asyncio.run(waiting_alerts(load_settings()))


def test_the_first_scan_with_a_channel_tells_everything_that_is_open_in_one_alert_and_once(
    installation: Installation, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    channel.take_away()
    scan()
    assert "nobody hears of it: no alert channel is set" in caplog.text
    caplog.clear()
    scan()
    assert "nobody hears of it" not in caplog.text, "nothing new was found"
    channel.set()
    scan()
    (told,) = channel.heard()
    assert told["headline"].startswith("Open now: ")
    assert told["baseline"] is True
    assert accounts_of(told) == {BACKUP, MAILER}
    assert {change["kind"] for change in told["changes"]} == {"opened"}
    assert told["steps"]
    assert "while no alert channel was set" in told["notes"][0]
    assert waiting() == ()
    scan()
    assert channel.heard() == []


def test_what_scans_found_one_by_one_is_told_as_it_stands_and_not_as_old_changes(
    installation: Installation, channel: Channel
) -> None:
    channel.take_away()
    scan()
    switch(installation, MAILER, enabled=False)
    scan()
    channel.set()
    scan()
    (told,) = channel.heard()
    assert accounts_of(told) == {BACKUP}
    assert {change["kind"] for change in told["changes"]} == {"opened"}


def test_what_the_scan_finds_that_tells_what_is_open_is_in_the_same_alert(
    installation: Installation, channel: Channel
) -> None:
    switch(installation, MAILER, enabled=False)
    channel.take_away()
    scan()
    switch(installation, MAILER, enabled=True)
    channel.set()
    scan()
    (told,) = channel.heard()
    assert accounts_of(told) == {BACKUP, MAILER}
    assert waiting() == ()


def test_a_scan_of_some_accounts_tells_it_too(installation: Installation, channel: Channel) -> None:
    channel.take_away()
    scan()
    channel.set()
    scan(BACKUP)
    (told,) = channel.heard()
    assert accounts_of(told) == {BACKUP, MAILER}
    scan()
    assert channel.heard() == []


def test_a_scan_of_some_accounts_does_not_tell_the_numbers_of_the_one_before_it(
    installation: Installation, channel: Channel
) -> None:
    channel.take_away()
    scan()
    channel.set()
    switch(installation, MAILER, enabled=False)
    scan(MAILER)
    (told,) = channel.heard()
    assert accounts_of(told) == {BACKUP}
    assert told["headline"] == f"Open now: {BACKUP} is missing the app-password option"
    assert (told["totals"]["accounts"], told["totals"]["high"], told["steps"]) == (3, None, [])


def test_a_channel_that_comes_back_hears_nothing_again_where_nothing_changed(
    installation: Installation, channel: Channel
) -> None:
    scan()
    assert len(channel.heard()) == 1
    channel.take_away()
    scan()
    channel.set()
    scan()
    assert channel.heard() == []


def test_a_channel_that_comes_back_hears_what_is_open_where_something_changed_meanwhile(
    installation: Installation, channel: Channel
) -> None:
    switch(installation, MAILER, enabled=False)
    scan()
    (first,) = channel.heard()
    assert first["headline"].startswith("First scan: ")
    channel.take_away()
    switch(installation, MAILER, enabled=True)
    scan()
    scan()
    channel.set()
    scan()
    (told,) = channel.heard()
    assert accounts_of(told) == {BACKUP, MAILER}
    scan()
    assert channel.heard() == []


def test_nothing_is_told_where_nothing_is_open_any_more(installation: Installation, channel: Channel) -> None:
    channel.take_away()
    scan()
    for name in (BACKUP, MAILER):
        switch(installation, name, enabled=False)
    scan()
    channel.set()
    scan()
    assert channel.heard() == []
    assert waiting() == ()


def test_what_waits_is_not_told_change_by_change_by_a_scan_that_fails(
    installation: Installation, channel: Channel
) -> None:
    channel.take_away()
    scan()
    assert len(waiting()) == 1
    channel.set()
    assert waiting() == ()


def go_blind_unheard(installation: Installation, channel: Channel) -> None:
    """Scans can't read the policies any more, while there is no channel."""
    channel.take_away()
    installation.graph.deny(*LOST)
    for _ in range(3):
        scan()


def test_blindness_that_nobody_heard_of_is_told_once_there_is_a_channel(
    installation: Installation, channel: Channel
) -> None:
    go_blind_unheard(installation, channel)
    channel.set()
    scan()
    (told,) = channel.heard()
    assert told["headline"].startswith("Can't see ")
    assert any("conditional access policies" in note.lower() for note in told["notes"])
    scan()
    assert channel.heard() == []


def test_blindness_that_is_over_is_not_told_to_a_channel_that_came_later(
    installation: Installation, channel: Channel
) -> None:
    go_blind_unheard(installation, channel)
    installation.graph.heal()
    scan()
    channel.set()
    scan()
    (told,) = channel.heard()
    assert told["headline"].startswith("Open now: ")


def test_without_a_channel_no_notice_is_kept_for_nobody(installation: Installation, channel: Channel) -> None:
    channel.take_away()
    asyncio.run(send_failure_notice(load_settings(), "some-alert", "A fault."))
    assert waiting() == ()
