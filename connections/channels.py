"""The alert channels that the settings configure; mail goes through Microsoft Graph."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from alerts.addresses import THIS_MACHINE, Network
from alerts.channel import BrokenChannel, Channel
from alerts.email import EmailChannel, MailAnswer, MailSender
from alerts.outgoing import http_client
from alerts.teams import TeamsChannel
from alerts.webhook import WebhookChannel
from connections.graph import graph_for
from settings import Settings
from settings.sources import in_azure
from tenant.graph import Graph, GraphError, GraphRefused

Json = dict[str, Any]


def configured(settings: Settings) -> tuple[str, ...]:
    """The names of the channels that are configured here; those whose settings are wrong as well."""
    given = {
        TeamsChannel.name: settings.teams_webhook_url,
        WebhookChannel.name: settings.webhook_url,
        EmailChannel.name: settings.alert_email_from,
    }
    return tuple(name for name, value in given.items() if value or name in settings.broken_channels)


@asynccontextmanager
async def open_channels(settings: Settings) -> AsyncIterator[Sequence[Channel]]:
    """The channels, ready to send; one whose settings are wrong refuses everything and says why."""
    async with http_client(_networks(settings)) as client, AsyncExitStack() as stack:
        channels: list[Channel] = [BrokenChannel(name, why) for name, why in settings.broken_channels.items()]
        if settings.teams_webhook_url:
            channels.append(TeamsChannel(settings.teams_webhook_url.get_secret_value(), client))
        if settings.webhook_url and settings.webhook_secret:
            secret = settings.webhook_secret.get_secret_value()
            channels.append(WebhookChannel(settings.webhook_url.get_secret_value(), secret, client))
        if settings.alert_email_from:
            graph = await stack.enter_async_context(graph_for(settings, background=False))
            channels.append(EmailChannel(_mail_sender(graph), settings.alert_email_from, settings.alert_email_to))
        yield channels


def _networks(settings: Settings) -> tuple[Network, ...]:
    """Where a webhook may lie although it isn't public. In Azure this machine is not among it: there it offers tokens."""
    chosen = tuple(map(ip_network, settings.alert_private_networks))
    return chosen if in_azure(os.environ) else (*chosen, *THIS_MACHINE)


def _mail_sender(graph: Graph) -> MailSender:
    async def send(mailbox: str, content: bytes | Json) -> MailAnswer:
        try:
            await graph.send_mail(mailbox, content)
        except GraphRefused as refused:
            waits = timedelta(seconds=refused.retry_after) if refused.retry_after else None
            return MailAnswer(refused.status, refused.code, waits)
        except GraphError:
            return MailAnswer(0)
        return MailAnswer(202)

    return send
