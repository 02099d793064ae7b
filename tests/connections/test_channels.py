"""Which channels the settings configure, and what becomes of one whose settings are wrong."""

import pytest

from alerts.channel import ChannelError, send_whole
from connections.channels import configured, open_channels
from settings import load_settings
from tests.alerts.samples import NOW, one

SECRET = "whsec_" + "QUJD" * 8
ALL = {
    "TEAMS_WEBHOOK_URL": "https://teams.example/",
    "WEBHOOK_URL": "https://hook.example/",
    "WEBHOOK_SECRET": SECRET,
    "ALERT_EMAIL_FROM": "a@contoso.com",
    "ALERT_EMAIL_TO": "b@contoso.com",
}


@pytest.mark.parametrize(
    ("changed", "names", "broken"),
    [
        ({}, ("teams", "webhook", "email"), ()),
        ({"TEAMS_WEBHOOK_URL": ""}, ("webhook", "email"), ()),
        ({"TEAMS_WEBHOOK_URL": "teams"}, ("teams", "webhook", "email"), ("teams",)),
        ({"WEBHOOK_SECRET": ""}, ("teams", "webhook", "email"), ("webhook",)),
        ({"ALERT_EMAIL_TO": "", "WEBHOOK_URL": "hook"}, ("teams", "webhook", "email"), ("webhook", "email")),
        (dict.fromkeys(ALL, ""), (), ()),
    ],
)
async def test_channels_are_those_that_are_configured_and_the_wrong_ones_refuse_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], names: tuple[str, ...], broken: tuple[str, ...]
) -> None:
    for name, value in {**ALL, "GRAPH_ENDPOINT": "http://127.0.0.1:9", **changed}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(require=frozenset())
    assert configured(settings) == names
    async with open_channels(settings) as channels:
        assert {channel.name for channel in channels} == set(names)
        for channel in channels:
            if channel.name in broken:
                with pytest.raises(ChannelError, match=r"WEBHOOK_|ALERT_EMAIL_") as error:
                    await send_whole(channel, one(), NOW)
                assert error.value.permanent
                assert str(error.value) == settings.broken_channels[channel.name]
