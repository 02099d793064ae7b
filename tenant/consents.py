"""Reads which applications that aren't Microsoft's act for which accounts, and what tells a service account from a person.

Everything is bounded: consents are streamed, and those are held that concern mail, a wanted account or an application of few;
of those who are assigned to an application, one page is read; accounts are read in batches, and only those that something
already points to: the names of many, the groups and mailboxes of few.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from tenant.batch import Answer, Member, batch, collect
from tenant.gaps import Gaps
from tenant.graph import NOT_FOUND, Graph, GraphError, GraphRefused, Json, is_missing, items_of, next_link
from tenant.model import Account, Candidate, Consent

# Tenants of Microsoft that own its own applications. Source: Microsoft Entra documentation, "Verify first-party Microsoft
# applications in sign-in reports".
_MICROSOFT = frozenset({"f8cdef31-a31e-4b4a-93e4-5f571e91255a", "72f988bf-86f1-41af-91ab-2d7cd011db47"})
_MAIL = ("imap.", "pop.", "smtp.", "ews.", "mail.", "mailboxsettings.", "full_access_as_user", "exchange.")
MOST_GRANTS = 20_000
"""Consents that are held at once."""
FEW = 100
"""An application that so many accounts have says nothing about any of them; also the page of assignments that is read."""
_PAGE = 999
_IN_FILTER = 15
_USER = (
    "id,userPrincipalName,displayName,accountEnabled,userType,onPremisesSyncEnabled,passwordPolicies,givenName,surname,"
    "jobTitle,employeeId,mobilePhone"
)
_PERSONAL = ("jobTitle", "employeeId", "mobilePhone")


@dataclass(frozen=True, slots=True)
class Applications:
    """The applications of the tenant that aren't Microsoft's, and who consented to them."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Application id -> display name."""
    mail: tuple[str, ...] = ()
    """Ids of the applications that hold a delegated permission for mail, for somebody or for everybody."""
    consents: Mapping[str, tuple[Consent, ...]] = field(default_factory=dict)
    """Account id -> consents that concern mail, and all consents of the accounts that were asked for."""
    other_consents: Mapping[str, tuple[Consent, ...]] = field(default_factory=dict)
    """Account id -> consents that don't concern mail, to applications that few consented to."""
    principals: Mapping[str, str] = field(default_factory=dict)
    """Application id -> id of its service principal."""


async def read_applications(graph: Graph, gaps: Gaps, accounts: Collection[str]) -> Applications:
    """The applications and the consents; ``accounts`` are the ids whose every consent is wanted."""
    try:
        principals = {one.id: one async for one in _principals(graph)}
    except GraphError as error:
        gaps.add_optional("applications", error)
        return Applications()
    gaps.answered.add("applications")
    names = {one.app_id: one.name for one in principals.values()}
    ids = {one.app_id: one.id for one in principals.values()}
    mail: dict[str, None] = {}
    consents: dict[str, dict[str, Consent]] = {}
    others: dict[str, dict[str, Consent]] = {}
    held = held_others = 0
    try:
        async for grant in graph.pages(f"/oauth2PermissionGrants?$top={_PAGE}"):
            app = principals.get(_id(grant, "clientId"))
            if app is None:
                continue
            scopes = tuple(str(grant.get("scope") or "").split())
            about_mail = any(scope.lower().startswith(_MAIL) for scope in scopes)
            if about_mail:
                mail[app.app_id] = None
            user = _id(grant, "principalId")
            if user and (user in accounts or (about_mail and held < MOST_GRANTS)):
                held += 1
                known = consents.setdefault(user, {})
                before = known[app.app_id].scopes if app.app_id in known else ()
                known[app.app_id] = Consent(app.app_id, app.name, "consent", tuple(dict.fromkeys(before + scopes)))
            elif user and held_others < MOST_GRANTS and len(users := others.setdefault(app.app_id, {})) < FEW:
                held_others += 1
                users[user] = Consent(app.app_id, app.name, "consent", scopes)
    except GraphError as error:
        gaps.add_optional("consents", error)
        return Applications(names, principals=ids)
    gaps.answered.add("consents")
    whose = {user: tuple(found.values()) for user, found in consents.items()}
    return Applications(names, tuple(mail), whose, _of_few(others.values()), ids)


def _of_few(applications: Iterable[Mapping[str, Consent]]) -> dict[str, tuple[Consent, ...]]:
    """By account id, what is held of applications (account id -> what it has of one) that few have."""
    found: dict[str, list[Consent]] = {}
    for users in applications:
        if len(users) < FEW:
            for user, consent in users.items():
                found.setdefault(user, []).append(consent)
    return {user: tuple(consents) for user, consents in found.items()}


async def read_assigned(
    graph: Graph, gaps: Gaps, applications: Applications, app_ids: Iterable[str]
) -> dict[str, tuple[Consent, ...]]:
    """Who is assigned to some of the applications, by account id; an application to which many are assigned is left out.

    20 applications take one request, however many are assigned to them: no second page is read.
    """
    apps = [app for app in app_ids if app in applications.principals]
    query = f"appRoleAssignedTo?$select=principalId,principalType&$top={FEW}"
    members = [Member(f"/servicePrincipals/{quote(applications.principals[app])}/{query}") for app in apps]
    found: list[dict[str, Consent]] = []
    for app, answer in zip(apps, await batch(graph, members), strict=True):
        try:
            users = _few_users(answer)
        except GraphError as error:
            if not is_missing(error):
                gaps.add_optional("assigned_accounts", error)
        else:
            gaps.answered.add("assigned_accounts")
            found.append(dict.fromkeys(users, Consent(app, applications.names[app], "assignment")))
    return _of_few(found)


def _few_users(answer: Answer) -> list[str]:
    """Ids of the users that are assigned, by the first page of assignments; none where many are. Raises ``GraphError``."""
    if isinstance(answer, GraphError):
        raise answer
    items = items_of(answer)
    if len(items) >= FEW or next_link(answer):
        return []
    return [_id(item, "principalId") for item in items if str(item.get("principalType")).lower() == "user"]


async def read_assignments(
    graph: Graph, gaps: Gaps, applications: Applications, ids: Sequence[str]
) -> dict[str, tuple[Consent, ...]]:
    """The applications that aren't Microsoft's to which accounts are assigned, by account id."""
    names = {name.casefold(): app for app, name in applications.names.items()}
    path = "appRoleAssignments?$select=resourceDisplayName,resourceId"
    found: dict[str, tuple[Consent, ...]] = {}
    for id, items in await _collections(graph, gaps, "app_role_assignments", ids, path):
        shown = [str(item.get("resourceDisplayName") or "") for item in items]
        apps = dict.fromkeys(name for name in shown if name.casefold() in names)
        found[id] = tuple(Consent(names[name.casefold()], name, "assignment") for name in apps)
    return found


async def read_names(graph: Graph, gaps: Gaps, ids: Sequence[str]) -> list[Candidate]:
    """The accounts with these ids, in their order, without groups and mailboxes; deleted ones are left out.

    300 of them take one request.
    """
    wanted = [
        ", ".join(f"'{id}'" for id in ids[start : start + _IN_FILTER]) for start in range(0, len(ids), _IN_FILTER)
    ]
    paths = [f"/users?$select={_USER}&$filter={quote(f'id in ({some})')}" for some in wanted]
    found: dict[str, Json] = {}
    for answer in await batch(graph, [Member(path) for path in paths]):
        users = await collect(graph, answer)
        if isinstance(users, GraphError):
            gaps.add_optional("candidates", users)
        else:
            gaps.answered.add("candidates")
            found.update((_id(user, "id"), user) for user in users)
    return [_candidate(id, found[id]) for id in ids if id in found]


async def with_groups_and_mailboxes(graph: Graph, gaps: Gaps, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The accounts with the groups that they are in and the purpose of their mailboxes."""
    ids = [one.account.id for one in candidates]
    path = "transitiveMemberOf?$select=id&$top=999"
    groups = dict(await _collections(graph, gaps, "group_memberships", ids, path))
    purposes = await batch(graph, [Member(f"/users/{quote(id)}/mailboxSettings/userPurpose") for id in ids])
    return [
        replace(
            one,
            account=replace(
                one.account, groups=frozenset(_id(group, "id") for group in groups.get(one.account.id, ()))
            ),
            mailbox_purpose=_purpose(gaps, answer),
        )
        for one, answer in zip(candidates, purposes, strict=True)
    ]


def _candidate(id: str, user: Json) -> Candidate:
    persons_name = bool(user.get("givenName") and user.get("surname"))
    return Candidate(
        account=Account(
            id=id,
            user_principal_name=str(user.get("userPrincipalName") or id),
            display_name=str(user.get("displayName") or ""),
            enabled=user.get("accountEnabled") is not False,
            user_type=str(user.get("userType") or "Member"),
            on_premises_sync_enabled=user.get("onPremisesSyncEnabled") is True,
        ),
        password_never_expires="DisablePasswordExpiration" in str(user.get("passwordPolicies") or ""),
        persons_name=persons_name,
        personal_details=persons_name and any(user.get(name) for name in _PERSONAL),
    )


async def find_by_name(graph: Graph, gaps: Gaps, beginnings: Iterable[str], most: int) -> list[str]:
    """Ids of up to ``most`` accounts whose user principal name begins like this (Graph takes 15 in one filter)."""
    wanted = " or ".join(f"startswith(userPrincipalName,'{one}')" for one in beginnings)
    ids: list[str] = []
    try:
        async for user in graph.pages(f"/users?$select=id&$filter={quote(wanted)}&$top={_PAGE}"):
            ids.append(_id(user, "id"))
            if len(ids) >= most:
                break
        gaps.answered.add("candidates")
    except GraphError as error:
        gaps.add_optional("candidates", error)
    return ids


@dataclass(frozen=True, slots=True)
class _Principal:
    id: str
    app_id: str
    name: str


async def _principals(graph: Graph) -> AsyncIterator[_Principal]:
    select = "id,appId,displayName,appOwnerOrganizationId,servicePrincipalType"
    async for item in graph.pages(f"/servicePrincipals?$select={select}&$top={_PAGE}"):
        kind = str(item.get("servicePrincipalType") or "Application").lower()
        if kind == "application" and _id(item, "appOwnerOrganizationId") not in _MICROSOFT:
            yield _Principal(_id(item, "id"), _id(item, "appId"), str(item.get("displayName") or ""))


async def _collections(
    graph: Graph, gaps: Gaps, input_name: str, ids: Sequence[str], path: str
) -> list[tuple[str, list[Json]]]:
    answers = await batch(graph, [Member(f"/users/{quote(id)}/{path}") for id in ids])
    found: list[tuple[str, list[Json]]] = []
    for id, answer in zip(ids, answers, strict=True):
        items = await collect(graph, answer)
        if isinstance(items, GraphError):
            if not is_missing(items):
                gaps.add_optional(input_name, items)
        else:
            gaps.answered.add(input_name)
            found.append((id, items))
    return found


def _purpose(gaps: Gaps, answer: Answer) -> str | None:
    """The purpose of a mailbox; an account without one answers 404."""
    if isinstance(answer, GraphError) and not (is_missing(answer) or _has_no_mailbox(answer)):
        gaps.add_optional("mailbox_purpose", answer)
        return None
    gaps.answered.add("mailbox_purpose")
    return None if isinstance(answer, GraphError) else str(answer.get("value") or "").lower() or None


def _has_no_mailbox(error: GraphError) -> bool:
    """Whether Graph says by the code that it is the mailbox which isn't there, or not in the cloud."""
    return isinstance(error, GraphRefused) and error.status == NOT_FOUND and "mailbox" in error.code.lower()


def _id(item: Json, name: str) -> str:
    return str(item.get(name) or "").lower()
