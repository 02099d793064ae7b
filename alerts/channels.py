"""The channels that are configured."""

from collections.abc import Sequence

import httpx

from alerts.channel import Channel
from alerts.email import EmailChannel, MailSender
from alerts.teams import TeamsChannel
from alerts.webhook import WebhookChannel


def configured_channels(
    client: httpx.AsyncClient,
    *,
    teams_url: str | None = None,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    mail_from: str | None = None,
    mail_to: Sequence[str] = (),
    mail_sender: MailSender | None = None,
) -> tuple[Channel, ...]:
    """A channel for each of Teams, webhook and mail whose settings are all there.

    Args:
        client: From ``outgoing.http_client``; must stay open while the channels are used.
        teams_url: ``TEAMS_WEBHOOK_URL``.
        webhook_url: ``WEBHOOK_URL``.
        webhook_secret: ``WEBHOOK_SECRET``.
        mail_from: ``ALERT_EMAIL_FROM``.
        mail_to: ``ALERT_EMAIL_TO``.
        mail_sender: What sends mail through Microsoft Graph.
    """
    channels: list[Channel] = []
    if teams_url:
        channels.append(TeamsChannel(teams_url, client))
    if webhook_url and webhook_secret:
        channels.append(WebhookChannel(webhook_url, webhook_secret, client))
    if mail_from and mail_to and mail_sender:
        channels.append(EmailChannel(mail_sender, mail_from, mail_to))
    return tuple(channels)
