"""What commands are made of: their options and arguments, and the call of what does the work, which is imported only then."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, TypeAlias

import click

from basics.text import well_formed_json
from commands.line.kinds import CLIENT, OUTPUT, TENANT

Options: TypeAlias = SimpleNamespace
"""What a command was given: a member for each of its options and arguments."""
SEVERITIES = ("low", "medium", "high")
WAYS = ("browser", "device-code")
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True, slots=True)
class Work:
    """A command that was called rightly: where its function is (``module:name``), and what it was given."""

    where: str
    options: Options

    def function(self) -> Callable[[Options], Coroutine[None, None, int]]:
        """What does the work and returns the exit code. Importing it takes as long as importing the app."""
        module, _, name = self.where.partition(":")
        found: Callable[[Options], Coroutine[None, None, int]] = getattr(import_module(module), name)
        return found


class Command(click.Command):
    """A command that knows which of its options exclude each other, and whether one of them must be there."""

    def __init__(
        self,
        name: str,
        help: str,
        where: str,
        parameters: Iterable[click.Parameter] = (),
        *,
        either: Sequence[str] = (),
        must: bool = False,
    ) -> None:
        super().__init__(
            name,
            help=help,
            short_help=help.partition("\n")[0],
            params=[*parameters, *_TELLING],
            callback=_calls(where),
            context_settings=dict(_CONTEXT),
        )
        self._either, self._must = either, must

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As every command does it; a text with blanks in it is a word, whatever it begins with."""
        # A piece of a log may begin with a hyphen ("-ERR Logon failure"): no option has blanks in its name.
        words = [f" {one}" if one.startswith("-") and " " in one.partition("=")[0] else one for one in args]
        rest = super().parse_args(ctx, words)
        if ctx.params.get("summary") and ctx.params["format"] != "table" and not ctx.resilient_parsing:
            raise click.UsageError("--summary goes with --format table", ctx)
        if self._either and not ctx.resilient_parsing:
            given = [name for name in self._either if ctx.params[name.lstrip("-").replace("-", "_")]]
            if len(given) > 1:
                raise click.UsageError(f"{' and '.join(given)} exclude each other", ctx)
            if self._must and not given:
                called = {
                    one.name: one.make_metavar(ctx).strip("[]")
                    for one in self.get_params(ctx)
                    if one.param_type_name == "argument"
                }
                raise click.UsageError(
                    f"one of {' and '.join(called.get(name, name) for name in self._either)} is needed", ctx
                )
        return rest


class Actions(click.Group):
    """A command with actions below it; ``where`` is what it does without any, for one that does something then."""

    def __init__(
        self,
        name: str,
        help: str,
        actions: Iterable[click.Command],
        *,
        where: str | None = None,
        parameters: Iterable[click.Parameter] = (),
        below: str = "ACTION",
    ) -> None:
        super().__init__(
            name,
            help=help,
            short_help=help,
            commands=list(actions),
            params=[*parameters, *(_TELLING if where else ())],
            callback=_calls(where) if where else None,
            invoke_without_command=where is not None,
            subcommand_metavar=f"[{below}] ..." if where else f"{below} ...",
            context_settings=dict(_CONTEXT),
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were added, and not of the alphabet."""
        return list(self.commands)


def option(*names: str, **how: Any) -> click.Option:
    """An option; ``how`` is what click takes. A default among choices is shown."""
    if isinstance(how.get("type"), click.Choice):
        how.setdefault("show_default", True)
    return click.Option(names, **how)


def flag(name: str, help: str) -> click.Option:
    """An option that is there or not."""
    return click.Option([name], is_flag=True, help=help)


def several(*names: str, help: str, **how: Any) -> click.Option:
    """An option that can be given more than once."""
    return click.Option(names, multiple=True, help=help, **how)


def argument(name: str, **how: Any) -> click.Argument:
    """An argument without a name in front of it."""
    return click.Argument([name], **how)


def choice(*values: str) -> click.Choice[str]:
    """One of some words."""
    return click.Choice(values)


def output(*, default: str = "stdout") -> click.Option:
    """``--output``."""
    return option("--output", type=OUTPUT, metavar="FILE", help=f"Write there instead of {default}; - is stdout.")


def formats(*values: str) -> click.Option:
    """``--format``, the first one by default."""
    return option("--format", type=choice(*values), default=values[0], help="How the result is written.")


def signing_in(*, every: bool = False) -> list[click.Option]:
    """``--profile``, ``--sign-in``, ``--tenant`` and ``--client-id``."""
    return [
        profile(every=every),
        option("--sign-in", type=choice(*WAYS), help="Read the tenant as yourself, and not as an app; keeps no token."),
        option(
            "--tenant",
            type=TENANT,
            metavar="DOMAIN_OR_ID",
            help="With --sign-in: the tenant; default: the one that you belong to.",
        ),
        option(
            "--client-id",
            type=CLIENT,
            metavar="ID",
            help="With --sign-in: what you sign in with; default: Microsoft Graph Command Line Tools.",
        ),
    ]


def profile(*, every: bool = False) -> click.Option:
    """``--profile``; ``every``: whether ``all`` is one."""
    more = "; all: each of them in turn, with an overview" if every else ""
    return option("--profile", metavar="NAME", help=f"With the settings of a profile (docs/tenants.md){more}.")


_TELLING = (
    click.Option(
        ["-q", "--quiet"], is_flag=True, help="Say nothing of how it goes: only what was found, and what went wrong."
    ),
    click.Option(["-v", "--verbose"], is_flag=True, help="Say each request, and where an error came from."),
)


def _calls(where: str) -> Callable[..., Work]:
    def call(**given: Any) -> Work:
        # A terminal may hand over bytes that are no UTF-8. Names of files stay as they are.
        return Work(
            where,
            Options(
                **{
                    name: well_formed_json(list(value) if isinstance(value, tuple) else value)
                    for name, value in given.items()
                }
            ),
        )

    return call
