"""Snapshots: everything that a scan read, as one JSON file without secrets, to repeat, test and share a scan offline.

The file is described by the JSON schema that ``schema`` returns (docs/snapshot.schema.json). It has every member: one that isn't
there, or that this version doesn't know, would be judged as if the tenant had nothing of the kind. Pseudonymised, every name and
every id of the tenant is replaced by one that means nothing; equal ones stay equal, so that the verdicts stay the same.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from basics.documents import read_json
from basics.text import well_formed
from checks.managed import by_microsoft
from checks.missing import with_missing
from checks.scope import DIRECTORY_SYNCHRONIZATION_ACCOUNTS
from jobs.look import Seen, judge_reading
from jobs.outcome import summary_of
from jobs.watch import watch
from reports.document import Json, scan_document
from settings import Settings
from tenant.model import Account, AuthenticationStrength, Gap, Group, MfaService, Policy, RoleAssignment, Tenant
from tenant.reader import Reading
from tenant.selection import Selection

VERSION: Literal[1] = 1
_TOKENS = frozenset({"all", "none", "guestsorexternalusers", "alltrusted"})


class UnreadableSnapshot(ValueError):
    """A file that is no snapshot; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a scan read, and when."""

    schema: Literal[1]
    taken: datetime
    pseudonymised: bool
    reading: Reading


_ADAPTER: TypeAdapter[Snapshot] = TypeAdapter(Snapshot)


def dump(reading: Reading, taken: datetime, *, pseudonymise: bool = False) -> str:
    """The snapshot of a reading as JSON."""
    if pseudonymise:
        reading = _Pseudonyms(secrets.token_bytes(32)).reading(reading)
    plain = _ADAPTER.dump_python(Snapshot(VERSION, taken, pseudonymise, reading), mode="json")
    return well_formed(json.dumps(plain, ensure_ascii=False, indent=2))


def load(text: str) -> Snapshot:
    """The snapshot in a JSON text. Raises :class:`UnreadableSnapshot`."""
    try:
        saved = _ADAPTER.validate_json(text)
        written = read_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _unreadable(".".join(str(part) for part in first["loc"]), first["msg"]) from None
    except ValueError as error:
        raise _unreadable("", str(error)) from None
    if odd := _odd_member(written, _ADAPTER.dump_python(saved, mode="json")):
        raise _unreadable(*odd)
    return saved


def _unreadable(where: str, why: str) -> UnreadableSnapshot:
    return UnreadableSnapshot(
        f"This is not a snapshot that this version's cli.py snapshot save wrote: {where or 'the file'}: {why}."
    )


def _odd_member(written: Any, understood: Any, where: str = "") -> tuple[str, str] | None:
    """The first member that isn't in the file, or that nobody would read, and what is wrong with it; None where there is none."""
    if isinstance(written, dict) and isinstance(understood, dict):
        for name in [*understood, *written]:
            place = f"{where}.{name}".lstrip(".")
            if name not in written:
                return place, "Field required"
            if name not in understood:
                return place, "Unknown field"
            if odd := _odd_member(written[name], understood[name], place):
                return odd
    elif isinstance(written, list) and isinstance(understood, list):
        for number, (one, other) in enumerate(zip(written, understood, strict=False)):
            if odd := _odd_member(one, other, f"{where}.{number}"):
                return odd
    return None


def document_of(settings: Settings, saved: Snapshot) -> Json:
    """The scan document of a snapshot, judged as of then; nothing is kept. Raises ``ProductsError``."""
    reading, taken = saved.reading, saved.taken
    nobody = watch(reading.accounts, {}, Selection(), now=taken)
    judged = judge_reading(settings, reading, taken)
    reading = replace(reading, gaps=with_missing(reading.gaps, judged))
    seen = Seen(reading, judged, 0, taken, nobody)
    summary = summary_of("snapshot", taken, taken, seen, app_passwords_allowed=settings.app_passwords_allowed)
    return scan_document(summary, seen.judged)


def schema() -> dict[str, Any]:
    """The JSON schema of a snapshot: every member is there, and no other."""
    found = _ADAPTER.json_schema()
    for one in (found, *found["$defs"].values()):
        one |= {"required": [*one["properties"]], "additionalProperties": False}
    return found


class _Pseudonyms:
    """Replaces names and ids by keyed hashes; the key is thrown away with this object."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def reading(self, reading: Reading) -> Reading:
        accounts = tuple(self._account(account) for account in reading.accounts)
        return Reading(self._tenant(reading.tenant), accounts, tuple(self._gap(gap) for gap in reading.gaps))

    def _tenant(self, tenant: Tenant) -> Tenant:
        policies = tenant.policies
        locations = tenant.named_locations
        return replace(
            tenant,
            id=self._id(tenant.id),
            display_name=self._name("tenant", tenant.display_name),
            security_defaults=self._kept(tenant.security_defaults),
            policies=self._gap(policies) if isinstance(policies, Gap) else tuple(map(self._policy, policies)),
            unlisted_policies=self._kept(tenant.unlisted_policies),
            unlisted_plans=self._kept(tenant.unlisted_plans),
            licences=self._kept(tenant.licences),
            strengths=self._strengths(tenant.strengths),
            named_locations=self._gap(locations)
            if isinstance(locations, Gap)
            else {self._location(id): self._name("location", name) for id, name in locations.items()},
            groups={self._id(id): self._group(group) for id, group in tenant.groups.items()},
            nesting={self._id(id): self._all(children, self._id) for id, children in tenant.nesting.items()},
            role_assignments=self._assignments(tenant.role_assignments),
            role_eligibilities=self._assignments(tenant.role_eligibilities),
            role_holding_users=self._all(tenant.role_holding_users, self._id),
            role_definitions=self._kept(tenant.role_definitions),
            role_names={},
            mfa_service=self._mfa_service(tenant.mfa_service),
        )

    def _mfa_service(self, settings: MfaService | None) -> MfaService | None:
        """Addresses tell who it is; how many there are doesn't."""
        return settings and replace(
            settings, trusted_ips=tuple(self._name("range", one) for one in settings.trusted_ips)
        )

    def _account(self, account: Account) -> Account:
        local, at, domain = account.user_principal_name.partition("@")
        initial = ".onmicrosoft.com" if domain.lower().endswith(".onmicrosoft.com") else ".example"
        guest = "#EXT#" if "#ext#" in local.lower() else ""
        synced = "Sync_" if re.match(r"sync_|adtoaadsyncserviceaccount", local, re.IGNORECASE) else ""
        upn = f"{synced}{self._name('account', local)}{guest}{at}{self._name('domain', domain)}{initial}"
        groups = account.groups
        return replace(
            account,
            id=self._id(account.id),
            user_principal_name=upn,
            display_name=self._name("account", local),
            selected_by=tuple(one.partition(":")[0] for one in account.selected_by),
            properties=self._kept(account.properties),
            per_user_mfa=self._kept(account.per_user_mfa),
            groups=self._gap(groups) if isinstance(groups, Gap) else self._all(groups, self._id),
            sign_ins=(),
            outcomes=(),
            consents=(),
        )

    def _policy(self, policy: Policy) -> Policy:
        managed = "Microsoft-managed: " if by_microsoft(policy) else ""
        return replace(
            policy,
            id=self._id(policy.id),
            display_name=managed + self._name("policy", policy.display_name),
            description="",
            include_users=self._all(policy.include_users, self._id),
            exclude_users=self._all(policy.exclude_users, self._id),
            include_groups=self._all(policy.include_groups, self._id),
            exclude_groups=self._all(policy.exclude_groups, self._id),
            include_locations=tuple(map(self._location, policy.include_locations)),
            exclude_locations=tuple(map(self._location, policy.exclude_locations)),
            device_filter=policy.device_filter and "(left out)",
            application_filter=policy.application_filter and replace(policy.application_filter, rule="(left out)"),
        )

    def _group(self, group: Group) -> Group:
        name = self._name("group", group.display_name)
        return replace(group, id=self._id(group.id), display_name=name, gap=self._kept(group.gap))

    def _strengths(
        self, strengths: Mapping[str, AuthenticationStrength] | Gap
    ) -> Mapping[str, AuthenticationStrength] | Gap:
        if isinstance(strengths, Gap):
            return self._gap(strengths)
        return {id: replace(one, display_name=self._name("strength", id)) for id, one in strengths.items()}

    def _assignments(self, assignments: tuple[RoleAssignment, ...] | Gap) -> tuple[RoleAssignment, ...] | Gap:
        if isinstance(assignments, Gap):
            return self._gap(assignments)
        return tuple(
            replace(
                one,
                principal_id=self._id(one.principal_id),
                role_name=one.role_name if one.built_in else self._name("role", one.role_name),
                scope=one.scope if one.scope == "/" else "(scoped)",
            )
            for one in assignments
        )

    def _gap(self, gap: Gap) -> Gap:
        """The status and code of an error may stay; its message may name somebody."""
        input_name = gap.input.partition(" ")[0]
        error = re.match(r"[\d]{3} \w+|[\d]{3}", gap.error)
        account = self._id(gap.account_id) if gap.account_id else None
        return replace(gap, input=input_name, error=error[0] if error else "(left out)", account_id=account, objects=())

    def _kept(self, value: Any) -> Any:
        return self._gap(value) if isinstance(value, Gap) else value

    def _all(self, ids: frozenset[str], change: Callable[[str], str]) -> frozenset[str]:
        return frozenset(map(change, ids))

    def _location(self, id: str) -> str:
        return id if id.lower() in _TOKENS else self._id(id)

    def _id(self, id: str) -> str:
        if id.lower() in _TOKENS or id.lower() == DIRECTORY_SYNCHRONIZATION_ACCOUNTS or not id:
            return id
        digest = self._hash(id.lower())
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"

    def _name(self, kind: str, name: str) -> str:
        return f"{kind}-{self._hash(f'{kind}/{name}')[:8]}"

    def _hash(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
