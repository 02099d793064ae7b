"""A person's own sign-in, in place of the app's: whoever connects within it is that person to Microsoft Graph."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from settings import Settings
from tenant.permissions import delegated_scopes
from tenant.person import Person, ShowCode, SignIn

_person: ContextVar[Person | None] = ContextVar("person", default=None)


def person() -> Person | None:
    """Who is signed in; None where the app's own identity counts."""
    return _person.get()


def scopes_for(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The delegated permissions that a scan can't do without, and those that add to what the settings ask for."""
    return delegated_scopes(discovery=bool(settings.service_account_discovery))


@asynccontextmanager
async def signed_in(settings: Settings, sign_in: SignIn, show_code: ShowCode) -> AsyncIterator[Person]:
    """Have a person sign in; within it every connection to Microsoft Graph is that person's.

    Raises ``SignInRefused``.
    """
    someone = Person(sign_in, show_code)
    try:
        await someone.authenticate(*scopes_for(settings))
        token = _person.set(someone)
        try:
            yield someone
        finally:
            _person.reset(token)
    finally:
        await someone.close()
