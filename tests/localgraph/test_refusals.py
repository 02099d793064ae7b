"""What a strict Graph doesn't let pass."""

import httpx
import pytest

from localgraph.builder import TenantBuilder
from tests.localgraph.kit import EVENTUAL, NO_TLS, talking

TENANT = TenantBuilder().user("svc@contoso.com", groups=["Apps"]).policy("P", grant=["mfa"]).build()
APPS = TENANT.group("Apps").id


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc", "Bearer wrong-token"])
async def test_nobody_gets_in_without_the_token(header: str | None) -> None:
    async with talking(TENANT) as talk:
        headers = {} if header is None else {"Authorization": header}
        async with httpx.AsyncClient(verify=NO_TLS) as client:
            answer = await client.get(f"{talk.graph.url}/v1.0/users", headers=headers)
            batch = await client.post(f"{talk.graph.url}/v1.0/$batch", json={"requests": []}, headers=headers)
    for found in (answer, batch):
        assert found.status_code == 401
        assert found.json()["error"]["code"] == "InvalidAuthenticationToken"
        assert found.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "query",
    [
        "$foo=1",
        "$select=",
        "$select=id,,displayName",
        "$select=id displayName",
        "$select=a/b",
        "$top=0",
        "$top=-1",
        "$top=many",
        "$top=1000",
        "$skip=3",
        "$skiptoken=nonsense",
        "$skiptoken=%ff",
        "$count=yes",
        "$orderby=displayName%20sideways",
        "$orderby=jobTitle",
        "$expand=everything",
        "$expand=a%20b",
        "$search=%22displayName:x%22",
        "$filter=",
        "$top=1&$top=2",
        "$select=id&select=id",
    ],
)
async def test_a_query_option_that_graph_would_refuse_is_refused(query: str) -> None:
    async with talking(TENANT) as talk:
        await talk.code(f"/v1.0/users?{query}")


@pytest.mark.parametrize(
    "path",
    [
        "/identity/conditionalAccess/policies?$select=id,nonsense",
        "/subscribedSkus?$select=nonsense",
        "/roleManagement/directory/roleAssignments?$select=nonsense",
        "/auditLogs/signIns?$select=nonsense",
        "/policies/identitySecurityDefaultsEnforcementPolicy?$top=1",
        "/users/svc@contoso.com?$filter=id eq 'x'",
        "/users/svc@contoso.com/mailboxSettings/userPurpose?$select=id",
        "/roleManagement/directory/roleAssignments?$expand=nonsense",
    ],
)
async def test_options_that_do_not_fit_the_object_are_refused(path: str) -> None:
    async with talking(TENANT) as talk:
        await talk.code(f"/v1.0{path}")


async def test_open_types_let_unknown_names_be_selected_and_leave_them_out() -> None:
    async with talking(TENANT) as talk:
        assert await talk.value("/v1.0/users?$select=id,nonsense") == [{"id": TENANT.user("svc@contoso.com").id}]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1.0/users/nobody@contoso.com", "Request_ResourceNotFound"),
        ("/v1.0/users/00000000-0000-0000-0000-000000000001/transitiveMemberOf", "Request_ResourceNotFound"),
        ("/v1.0/groups/00000000-0000-0000-0000-000000000001", "Request_ResourceNotFound"),
        ("/v1.0/groups/nonsense/transitiveMembers", "Request_ResourceNotFound"),
        ("/v1.0/identity/conditionalAccess/policies/nonsense", "ResourceNotFound"),
        ("/v1.0/nonsense", "ResourceNotFound"),
        ("/v1.0/users/svc@contoso.com/nonsense", "ResourceNotFound"),
        ("/v1.0/users/svc@contoso.com/authentication/requirements", "ResourceNotFound"),
        ("/v2.0/users", "BadRequest"),
        ("/users", "BadRequest"),
        ("/", "BadRequest"),
    ],
)
async def test_what_does_not_exist_is_404(path: str, code: str) -> None:
    async with talking(TENANT) as talk:
        assert await talk.code(path, 404) == code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1.0/users"),
        ("DELETE", f"/v1.0/groups/{APPS}"),
        ("PATCH", "/beta/users/svc@contoso.com/authentication/requirements"),
        ("GET", "/v1.0/directoryObjects/getByIds"),
        ("GET", "/v1.0/users/svc@contoso.com/sendMail"),
        ("GET", "/v1.0/$batch"),
    ],
)
async def test_a_wrong_method_is_405_and_says_which_is_right(method: str, path: str) -> None:
    async with talking(TENANT) as talk:
        answer = await talk.client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["Allow"] in {"GET", "POST"}


async def test_a_body_that_is_no_json_is_refused() -> None:
    async with talking(TENANT) as talk:
        for path in ("/v1.0/$batch", "/v1.0/directoryObjects/getByIds"):
            answer = await talk.client.post(path, content=b"{", headers={"Content-Type": "application/json"})
            assert answer.status_code == 400


@pytest.mark.parametrize("cast", ["microsoft.graph.nonsense", "microsoft.graph."])
async def test_a_cast_to_a_type_that_can_be_no_member_is_refused(cast: str) -> None:
    async with talking(TENANT) as talk:
        answer = await talk.client.get(f"/v1.0/groups/{APPS}/members/{cast}", headers=EVENTUAL)
        assert answer.status_code in {400, 404}
