"""``--profile``: settings per tenant, in a file of whoever sits here; and a scan of every tenant that has some.

A profile takes nothing from the settings in the environment or in ``local.settings.json``: what belongs to one tenant must not reach
another. It holds no secrets, but may name the variable that holds one.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import click

from basics.version import NAME
from commands.drawn.paper import Paper
from commands.line.kinds import CLIENT, STDOUT, TENANT
from commands.line.parts import SEVERITIES, WAYS, Options, Work
from commands.output import DONE, FAILED, FOUND, INCOMPLETE, progress, put
from reports.document import Json, severities
from settings import Settings, SettingsError
from settings.model import env_name
from settings.sources import as_text, only
from settings.spelling import mistyped

ALL = "all"
"""The profile that is every profile."""
PLACE = "{profile}"
"""What stands for a profile's name in the name of a file."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FROM = "env:"
_SIGNING_IN = {"tenant", "sign_in", "client_id"}
_WHOSE = "AZURE_TENANT_ID"
"""Which tenant azure-identity signs in to: that of another profile's customer would be scanned under this one's name."""
_IDENTITY = (_WHOSE, "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST")
"""What azure-identity reads besides our settings, and is no secret."""
_IDENTITY_SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD")
_HARMLESS = {"usedevelopmentstorage=true"}
_LOOKS_SECRET = re.compile(r"(accountkey|sharedaccesssignature|sig|password|client_secret)\s*=|^whsec_", re.IGNORECASE)
_WORST_FIRST = (FOUND, FAILED, INCOMPLETE, DONE)
"""Of several scans: a finding is never hidden behind one that failed."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What one tenant is scanned with."""

    name: str
    settings: Mapping[str, str]
    """Variable -> value; a value that begins with ``env:`` names the variable that holds it."""
    signing_in: Mapping[str, str]
    """Of ``tenant``, ``sign_in`` and ``client_id`` those that are set."""


def profiles_file() -> Path:
    """Where the profiles are: in the folder in which this platform keeps what a user configures."""
    return Path(click.get_app_dir(NAME)) / "profiles.toml"


def run_with(work: Work, run: Callable[[Work], int], told: Callable[[Callable[[], int]], int]) -> int:
    """Do it with the profile that it names, or with each. ``told`` tells what goes wrong meanwhile. Raises ``SettingsError``."""
    wanted = work.options.profile
    profiles = load_profiles(profiles_file())
    if wanted == ALL:
        return _each(work, profiles, run, told)
    found = next((one for one in profiles if one.name == wanted), None)
    if found is None:
        known = ", ".join(one.name for one in profiles)
        raise SettingsError([f'there is no profile "{wanted}" in {profiles_file()}: it has {known}'])
    return _one(work, found, run)


def load_profiles(file: Path) -> tuple[Profile, ...]:
    """The profiles of a file. Raises ``SettingsError`` with everything that is wrong; no message repeats a value."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError:
        raise SettingsError([f"there are no profiles: write {file} (docs/tenants.md)"]) from None
    except ValueError as error:  # TOML, or its encoding
        where = re.search(r"\(at [^)]*\)", str(error))
        raise SettingsError([f"{file} is no TOML{f' {where[0]}' if where else ''}"]) from None
    problems: list[str] = []
    profiles = tuple(_profile(name, table, problems) for name, table in content.items())
    if not profiles:
        problems.append(f"{file} has no profile: begin one with [name]")
    if problems:
        raise SettingsError(problems)
    return profiles


def _profile(name: str, table: object, problems: list[str]) -> Profile:
    if not isinstance(table, dict):
        problems.append(f"{name} stands outside of a profile: begin one with [name]")
        return Profile(name, {}, {})
    if name == ALL or not _NAME.fullmatch(name):
        problems.append(f'"{name}" is no name of a profile: letters, digits, dots and hyphens, and not "{ALL}"')
    texts = {key: as_text(value) for key, value in table.items()}
    problems += [
        f"{name}: {key} is neither a text, nor a number, nor a list of texts"
        for key, one in texts.items()
        if one is None
    ]
    known = {env_name(field).upper(): env_name(field) for field in Settings.model_fields}
    known |= {one: one for one in (*_IDENTITY, *_IDENTITY_SECRETS)}
    settings, signing_in = dict[str, str](), dict[str, str]()
    for key, text in texts.items():
        if text is None:
            continue
        if key in _SIGNING_IN:
            signing_in[key] = text
        elif key.upper() in known:
            settings[known[key.upper()]] = text
        else:
            meant = "".join(f": did you mean {near}" for _, near in mistyped([key])[:1])
            problems.append(f"{name}: {key} is not a setting{meant}")
    problems += [f"{name}: {one}" for one in (*_secrets(settings), *_wrong(signing_in))]
    return Profile(name, settings, signing_in)


def _secrets(settings: Mapping[str, str]) -> list[str]:
    """What is a secret and stands in the file, in sentences."""
    ours = {env_name(name) for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    return [
        f'{name} is a secret, and this file holds none: put it into an environment variable and write "{_FROM}ITS_NAME" here'
        for name, value in settings.items()
        if not value.startswith(_FROM)
        and value.lower().strip("; ") not in _HARMLESS
        and (name in ours or name in _IDENTITY_SECRETS or _LOOKS_SECRET.search(value))
    ]


def _wrong(signing_in: Mapping[str, str]) -> list[str]:
    found = []
    for name, kind in (("tenant", TENANT), ("client_id", CLIENT)):
        try:
            kind.convert(signing_in.get(name), None, None)
        except click.BadParameter as error:
            found.append(f"{name}: {error.message}")
    if signing_in.get("sign_in", WAYS[0]) not in WAYS:
        found.append(f"sign_in is {' or '.join(WAYS)}")
    if signing_in and "sign_in" not in signing_in:
        found.append(
            f"{' and '.join(signing_in)}: goes with sign_in; an app registration has AZURE_TENANT_ID and AZURE_CLIENT_ID"
        )
    return found


def _values(profile: Profile) -> dict[str, str]:
    """The settings with the secrets that the environment holds. Raises ``SettingsError``."""
    values, missing = dict[str, str](), []
    for name, value in profile.settings.items():
        if not value.startswith(_FROM):
            values[name] = value
        elif (found := os.environ.get(value.removeprefix(_FROM))) is None:
            missing.append(
                f"{profile.name}: {name} is taken from the variable {value.removeprefix(_FROM)}, which isn't set"
            )
        else:
            values[name] = found
    if missing:
        raise SettingsError(missing)
    return values


def _one(work: Work, profile: Profile, run: Callable[[Work], int]) -> int:
    ours = {env_name(field).upper() for field in Settings.model_fields} | {_WHOSE}
    given = vars(work.options)
    if "sign_in" in given and not (given["sign_in"] or given["tenant"] or given["client_id"]):
        given.update(profile.signing_in)
    with only(_values(profile), lambda name: name.upper() in ours):
        return run(work)


def _each(
    work: Work, profiles: tuple[Profile, ...], run: Callable[[Work], int], told: Callable[[Callable[[], int]], int]
) -> int:
    """A scan with each profile, an overview, and one exit code: that of the worst."""
    options = work.options
    if work.where != "commands.scan:run":
        raise click.UsageError(f"--profile {ALL} goes with scan: name one profile")
    if options.account or options.deployed:
        raise click.UsageError(f"--profile {ALL} scans what each profile selects: leave --account and --deployed out")
    to_stdout = options.output in (None, STDOUT)
    if (to_stdout and options.format != "table") or not (to_stdout or PLACE in options.output.name):
        raise click.UsageError(f"--profile {ALL} writes a file for each: --output report-{PLACE}.html, for example")
    results = []
    for profile in profiles:
        progress(f"== {profile.name}")
        own: Options = SimpleNamespace(**vars(options), scanned=None)
        if not to_stdout:
            own.output = own.output.with_name(own.output.name.replace(PLACE, profile.name))
        else:
            put(f"== {profile.name}")
        code = told(
            partial(_one, Work(work.where, own), profile, run)
        )  # what fails for one keeps no other from being scanned
        results.append((profile.name, code, own.scanned))
    put(overview(results))
    return next(code for code in _WORST_FIRST if code in {code for _, code, _ in results})


def overview(results: list[tuple[str, int, Json | None]]) -> str:
    """A row for each profile: its tenant, its accounts, its open findings, and whether everything could be read."""
    paper, rows = Paper(), []
    for name, code, document in results:
        if document is None or code == FAILED:
            rows.append((name, "", "", *("" for _ in SEVERITIES), "failed: why is said above"))
            continue
        run, found = document["run"], list(severities(document))
        rows.append(
            (
                name,
                run.get("tenant_name") or run["tenant_id"] or "",
                f"{len(document['accounts']):,}",
                *(str(found.count(level)) for level in reversed(SEVERITIES)),
                "complete" if run["complete"] else "incomplete",
            )
        )
    head = ("Profile", "Tenant", "Accounts", *(level.capitalize() for level in reversed(SEVERITIES)), "Scan")
    paper.blank()
    paper.table(head, rows, whole=(0, 2, 3, 4, 5))
    return str(paper)
