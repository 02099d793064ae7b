"""``--sign-in``: a command reads the tenant as the person who sits here, and not as an app."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import click

from commands.line.parts import Options
from commands.output import plain, progress, say
from connections.sign_in import person, scopes_for, signed_in
from jobs.doctor import Line
from reports.words import gap_sentence
from settings import Settings, SettingsError
from tenant.permissions import PERMISSIONS, opening_to_a_person
from tenant.person import GRAPH_COMMAND_LINE_TOOLS, SignIn, Way


@asynccontextmanager
async def as_asked(options: Options, settings: Settings) -> AsyncIterator[None]:
    """Sign in, where that is asked for; what is read within it is read as that person.

    Raises ``click.UsageError`` for what doesn't go together, and ``SignInRefused``.
    """
    if options.sign_in is None:
        if options.tenant or options.client_id:
            raise click.UsageError("--tenant and --client-id go with --sign-in: add --sign-in browser or device-code")
        yield
        return
    sign_in = _asked(options, settings)
    required, optional = scopes_for(settings)
    _say_before(sign_in, required, optional)
    logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # what it would say is said in a sentence
    async with signed_in(settings, sign_in, _show_code) as someone:
        progress(plain(f"Signed in as {someone.name} (tenant {someone.tenant_id})."))
        yield


def without_mail(settings: Settings) -> Settings:
    """Settings with which no alert is mailed: a person would send it from the own mailbox, so it waits for the app, which may."""
    return settings.model_copy(update={"alert_email_from": None, "alert_email_to": ()})


def gap_lines(gaps: Sequence[Mapping[str, Any]], accounts: Mapping[str, str]) -> list[str]:
    """What could not be read, a line each, with what opens it for whoever reads the tenant."""
    lines = [plain(f"Could not read: {gap_sentence(gap, accounts)}") for gap in gaps]
    if (someone := person()) is not None:
        missing = {str(gap["permission"]) for gap in gaps if gap["permission"]} - someone.scopes & _offered()
        if missing:
            lines.append(f"An administrator consents at {someone.sign_in.consent_address(sorted(missing))}")
    return lines


def for_a_person(line: Line) -> Line:
    """What was found out about a permission, with what a person can do about it in place of what opens it to an app."""
    someone, name = person(), line.topic.removeprefix("permission ")
    if someone is None or not line.fix or name == line.topic:
        return line
    return replace(line, fix=opening_to_a_person(name, someone.scopes))


def _offered() -> frozenset[str]:
    return frozenset(one.name for one in PERMISSIONS if one.scope)


def _asked(options: Options, settings: Settings) -> SignIn:
    if settings.graph_is_local:
        raise click.UsageError(f"{settings.graph_host} is on this machine and takes a fixed token: leave --sign-in out")
    if settings.graph_cloud == "china" and not options.client_id:
        raise SettingsError(
            [
                "Microsoft Graph Command Line Tools isn't known in China: register a public client there and name it with --client-id"
            ]
        )
    host = urlsplit(settings.graph_host)
    return SignIn(
        Way(options.sign_in),
        settings.login_authority,
        f"https://{host.hostname}",
        options.tenant,
        options.client_id or GRAPH_COMMAND_LINE_TOOLS,
    )


def _say_before(sign_in: SignIn, required: Sequence[str], optional: Sequence[str]) -> None:
    """Who must have agreed to what, before a browser opens."""
    name = "Microsoft Graph Command Line Tools" if sign_in.client_id == GRAPH_COMMAND_LINE_TOOLS else sign_in.client_id
    say(
        f"You sign in with {name} at {urlsplit(sign_in.authority).hostname}. It asks to read, and never to write: "
        f"{', '.join(required)}. Taken as well where consent was given before: {', '.join(optional)}."
    )
    say(
        "Each of them needs an administrator's consent (Cloud Application Administrator or above), once for the tenant; a Global Reader "
        "can consent to none of them, and can read everything once it is given. An administrator consents while signing in, or at\n"
        f"  {sign_in.consent_address([*required, *optional])}"
    )


def _show_code(address: str, code: str, ends: datetime) -> None:
    minutes = max(1, round((ends - datetime.now(UTC)).total_seconds() / 60))
    say(plain(f"Open {address} and enter the code {code} (within {minutes} minutes)."))
