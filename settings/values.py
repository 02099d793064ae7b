"""What a setting of each kind must look like: pure parsers from text to value.

Every parser takes the trimmed text of one setting and raises ``ValueError`` with the rest of a sentence that starts with
the setting's name: what is wrong, then what to do. Values that may be secret are never repeated in it.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

OFF = "off"
ATTRIBUTE_NAMES = (
    *(f"extensionAttribute{number}" for number in range(1, 16)),
    "employeeType",
    "department",
    "jobTitle",
    "companyName",
    "officeLocation",
    "employeeId",
)
"""Properties of a user that an organisation fills itself, and that Graph can filter on."""

VAULT_SECRETS = ("TEAMS_WEBHOOK_URL", "WEBHOOK_URL", "WEBHOOK_SECRET")
"""What every deployment refers to the vault for, whether or not a secret lies there (``infra/modules/app.bicep``). Whoever has another
setting come from there means it."""

AZURITE_CONNECTION = {
    "DefaultEndpointsProtocol": "http",
    "AccountName": "devstoreaccount1",
    "AccountKey": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "BlobEndpoint": "http://127.0.0.1:10000/devstoreaccount1",
    "QueueEndpoint": "http://127.0.0.1:10001/devstoreaccount1",
    "TableEndpoint": "http://127.0.0.1:10002/devstoreaccount1",
}
"""What ``UseDevelopmentStorage=true`` stands for: the published account of Azurite. Source: Microsoft Learn, "Connect to
Azurite with SDKs and tools"."""

_NOT_IN_PATTERN = re.compile(r"""[\s<>"\\/:;()|]""")
_NOT_IN_ACCOUNT = re.compile(r"""[\s<>"\\/:;()\[\]|*?]""")
_MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)}
_DAYS = {name: n for n, name in enumerate("sun mon tue wed thu fri sat".split())}
_CRON: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("second", 0, 59, {}),
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
"""Name, smallest and largest number, and names of the fields of a schedule."""


@dataclass(frozen=True, slots=True)
class AttributeMatch:
    """A user property and the value that marks a service account, e.g. ``extensionAttribute7`` and ``service``."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class StorageConnection:
    """Where the tables and queues are, and how to sign in: by connection string, or by service URIs and an identity."""

    connection_string: str | None = field(default=None, repr=False)
    table_uri: str | None = None
    queue_uri: str | None = None
    client_id: str | None = None
    """Client id of the user-assigned managed identity; None for the system-assigned one or a developer's own sign-in."""

    @property
    def known(self) -> bool:
        """Whether there are tables at all."""
        return bool(self.connection_string or self.table_uri)


def shown(value: str) -> str:
    """``value`` as it may stand in a message: quoted, at most 80 characters, without control characters."""
    short = value if len(value) <= 80 else value[:79] + "…"
    return '"' + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in short) + '"'


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or address without port or brackets) is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split_list(text: str) -> tuple[str, ...]:
    """The entries of a comma-separated list: trimmed, empty ones dropped, repeats (without case) dropped."""
    entries: dict[str, str] = {}
    for entry in (part.strip() for part in text.split(",")):
        if entry:
            entries.setdefault(entry.casefold(), entry)
    return tuple(entries.values())


def list_of(parse: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    """A parser for comma-separated lists whose entries ``parse`` reads; tells every wrong entry."""

    def parse_list(text: str) -> tuple[str, ...]:
        values, problems = [], []
        for entry in split_list(text):
            try:
                values.append(parse(entry))
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return tuple(values)

    return parse_list


def account(text: str) -> str:
    """A user principal name or an object id (lower-cased)."""
    if GUID.fullmatch(text):
        return text.lower()
    if "*" in text or "?" in text:
        raise ValueError(f"holds {shown(text)}: patterns belong in SERVICE_ACCOUNT_PATTERNS")
    name, _, domain = text.rpartition("@")
    if not name or "@" in name or not domain.strip(".") or _NOT_IN_ACCOUNT.search(text) or not text.isprintable():
        raise ValueError(
            f"holds {shown(text)}: write user principal names such as svc-backup@contoso.com or object ids, "
            "with commas between them"
        )
    return text


def mail_address(text: str) -> str:
    """A mail address."""
    name, _, domain = text.rpartition("@")
    if not name or "@" in name or "." not in domain.strip(".") or _NOT_IN_ACCOUNT.search(text):
        raise ValueError(f"holds {shown(text)}: write mail addresses such as it@contoso.com, with commas between them")
    return text


def mailbox(text: str) -> str:
    """The mailbox that alerts are sent from: its user principal name or object id."""
    if "," in text:
        raise ValueError(f"is {shown(text)}: write one mailbox, e.g. alerts@contoso.com")
    try:
        return account(text)
    except ValueError:
        raise ValueError(f"is {shown(text)}: write one mailbox, e.g. alerts@contoso.com") from None


def object_id(text: str) -> str:
    """An object id (GUID), lower-cased."""
    if not GUID.fullmatch(text):
        raise ValueError(
            f"holds {shown(text)}: write the group's object id (Entra admin center > Groups > Overview), "
            "e.g. 3f1c2a9e-5b7d-4c1e-9f60-2d8a4b6c7e10"
        )
    return text.lower()


def budget(text: str) -> int:
    """A number of requests, 0 to 200."""
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or int(text) > 200:
        raise ValueError(f"is {shown(text)}: write a whole number from 0 to 200")
    return int(text)


def days_of_a_week(text: str) -> int:
    """A number of days, 0 to 7."""
    if not re.fullmatch(r"[0-7]", text, re.ASCII):
        raise ValueError(f"is {shown(text)}: write a whole number from 0 to 7")
    return int(text)


def client_id(text: str) -> str:
    """The client id of a managed identity, lower-cased."""
    if not GUID.fullmatch(text):
        raise ValueError(f"is {shown(text)}: write the managed identity's client id, a GUID")
    return text.lower()


def pattern(text: str) -> str:
    """A glob on the user principal name. One that no such name can match is refused: it would select nobody, and nothing would say so.

    Source: Microsoft Learn, "Prepare directory attributes for synchronization with Microsoft 365", userPrincipalName.
    """
    if _NOT_IN_PATTERN.search(text) or not (text.isascii() and text.isprintable()) or text.endswith("'"):
        raise ValueError(f"holds {shown(text)}: write patterns such as svc-*, with commas between them")
    if not re.search(r"[@*?\[]", text):
        raise ValueError(
            f"holds {shown(text)}, which is no whole user principal name: write {shown(text + '*')} for all that begin so"
        )
    return text


def attribute(text: str) -> AttributeMatch:
    """``name=value``; the name is matched without case and comes back as Graph writes it."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name or not value:
        raise ValueError(f"is {shown(text)}: write it as name=value, e.g. extensionAttribute7=service")
    known = {candidate.lower(): candidate for candidate in ATTRIBUTE_NAMES}
    if name.lower() not in known:
        raise ValueError(
            f"names the property {shown(name)}: use extensionAttribute1 to extensionAttribute15, "
            + ", ".join(ATTRIBUTE_NAMES[15:-1])
            + f" or {ATTRIBUTE_NAMES[-1]}"
        )
    return AttributeMatch(known[name.lower()], value)


def expected_secret(text: str) -> str:
    """The name of a setting for whose secret the vault has a place, or ``NONE``, upper-cased."""
    if text.upper() not in {*VAULT_SECRETS, "NONE"}:
        raise ValueError(f"holds {shown(text)}: use {', '.join(VAULT_SECRETS)}, with commas between them, or none")
    return text.upper()


def discovery_source(text: str) -> str:
    """One source of proposed accounts, lower-cased."""
    if text.lower() not in {"signins", "consents"}:
        raise ValueError(f"holds {shown(text)}: use signins, consents or both, or leave it empty")
    return text.lower()


def url(text: str) -> str:
    """An https URL, or an http URL to this machine. Never repeats the text: webhook URLs carry signatures."""
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a URL: write it as https://host/path") from None
    if parts.scheme not in {"https", "http"} or not host or re.search(r"\s", text) or not text.isprintable():
        raise ValueError("is not a URL: write it as https://host/path")
    try:
        _ = httpx.URL(text).host  # spells an internationalised name both ways
    except (httpx.InvalidURL, UnicodeError):
        raise ValueError("names a host that can't be: copy it again") from None
    if parts.username is not None:
        raise ValueError("holds a user name or password: write the URL without them")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("starts with http: use https (http is for this machine only, e.g. http://127.0.0.1:8080)")
    return text


def network(text: str) -> str:
    """A network of addresses in CIDR notation, or one address."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError(f"holds {shown(text)}: write networks such as 10.1.2.0/24, with commas between them") from None


def base_url(text: str) -> str:
    """The scheme and host of Microsoft Graph, without a final slash; a version at the end is dropped."""
    parts = urlsplit(url(text))
    if parts.path.strip("/") not in {"", "v1.0", "beta"} or parts.query or parts.fragment:
        raise ValueError(f"has more than a host: write only https://{parts.hostname}")
    return f"{parts.scheme}://{parts.netloc}"


def webhook_secret(text: str) -> str:
    """A Standard Webhooks secret: ``whsec_`` and the base64 of 24 to 64 random bytes.

    Source: the Standard Webhooks specification, "Signature scheme" (symmetric). Never repeats the text.
    """
    advice = (
        "write whsec_ followed by 24 to 64 random bytes in base64, "
        'e.g. the output of: python3 -c "import base64, secrets; '
        "print('whsec_' + base64.b64encode(secrets.token_bytes(32)).decode())\""
    )
    if not text.startswith("whsec_"):
        raise ValueError(f"does not start with whsec_: {advice}")
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError(f"is not valid base64 after whsec_: {advice}") from None
    if not 24 <= len(key) <= 64:
        raise ValueError(f"holds {len(key)} bytes: {advice}")
    return text


def schedule(text: str) -> str:
    """An NCRONTAB expression of six fields.

    Source: Microsoft Learn, "Timer trigger for Azure Functions", NCRONTAB expressions.
    """
    fields = text.split()
    example = (
        'write six fields {second} {minute} {hour} {day} {month} {day of week}, e.g. "0 0 6 * * *" for 06:00 daily'
    )
    if len(fields) == 5:
        raise ValueError(f'is {shown(text)}, which has five fields: put the second first, e.g. "0 {" ".join(fields)}"')
    if len(fields) != 6:
        raise ValueError(f"is {shown(text)}: {example}")
    for value, (name, low, high, names) in zip(fields, _CRON, strict=True):
        if not all(_is_cron_part(part, low, high, names) for part in value.split(",")):
            raise ValueError(f"is {shown(text)}, whose {name} {shown(value)} is not understood: {example}")
    return " ".join(fields)


def schedule_or_off(text: str) -> str:
    """The same, or ``off``; nothing is off as well."""
    return OFF if text.lower() in ("", OFF) else schedule(text)


def cron_numbers(schedule: str) -> list[list[int]]:
    """What each field of a schedule that :func:`schedule` returned stands for: sorted numbers; Sunday is 0."""
    fields = []
    for value, (_, low, high, names) in zip(schedule.split(), _CRON, strict=True):
        found: set[int] = set()
        for part in value.split(","):
            span, slash, step = part.partition("/")
            first, dash, last = span.partition("-")
            begin = low if span == "*" else _cron_number(first, names)
            # "5/15" goes on to the end; "5" and "5-5" don't.
            end = high if span == "*" or (slash and not dash) else _cron_number(last if dash else first, names)
            begin, end = sorted((begin or 0, end or 0))
            found.update(range(begin, end + 1, int(step) if slash else 1))
        fields.append(sorted(found))
    return fields


def _is_cron_part(part: str, low: int, high: int, names: Mapping[str, int]) -> bool:
    """Whether ``part`` is ``*``, a number, a name or a range of them, with an optional ``/step``."""
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span == "*":
        return True
    first, dash, last = span.partition("-")
    numbers = [_cron_number(first, names), _cron_number(last if dash else first, names)]
    return all(number is not None and low <= number <= high for number in numbers)


def _cron_number(text: str, names: Mapping[str, int]) -> int | None:
    if text.isascii() and text.isdigit():
        return int(text)
    return names.get(text.lower())


def storage_account_name(text: str) -> str:
    """The name of a storage account."""
    if not re.fullmatch(r"[a-z0-9]{3,24}", text):
        raise ValueError(f"is {shown(text)}: write the storage account's name, 3 to 24 small letters and digits")
    return text


def connection_string(text: str) -> str:
    """A storage connection string, ``UseDevelopmentStorage=true`` written out. Never repeats the text."""
    advice = "copy it from the storage account's page Access keys, or set AzureWebJobsStorage__tableServiceUri and "
    advice += "AzureWebJobsStorage__queueServiceUri instead"
    parts = {
        name.strip().lower(): value.strip()
        for name, equals, value in (part.partition("=") for part in text.split(";") if part.strip())
        if equals
    }
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return ";".join(f"{name}={value}" for name, value in AZURITE_CONNECTION.items())
    if not ({"accountname", "tableendpoint"} & parts.keys()):
        raise ValueError(f"is not a connection string (it has neither AccountName nor TableEndpoint): {advice}")
    if not ({"accountkey", "sharedaccesssignature"} & parts.keys()):
        raise ValueError(f"is a connection string without AccountKey or SharedAccessSignature: {advice}")
    try:
        base64.b64decode(parts.get("accountkey", ""), validate=True)
    except binascii.Error:
        raise ValueError(f"is a connection string whose AccountKey is not complete: {advice}") from None
    insecure = [
        name
        for name in ("tableendpoint", "queueendpoint", "blobendpoint")
        if parts.get(name, "").startswith("http:") and not is_loopback(urlsplit(parts[name]).hostname or "")
    ]
    if insecure or (parts.get("defaultendpointsprotocol") == "http" and "tableendpoint" not in parts):
        raise ValueError("is a connection string that uses http: use https (http is for this machine only)")
    return text
