"""Who is let in, and who isn't."""

import base64
import json
from typing import Any

import pytest

from functions.access import OPERATOR, READER, Refused, require

AZURE = {"WEBSITE_SITE_NAME": "app", "WEBSITE_AUTH_ENABLED": "True"}


LONG_ID = [{"typ": "roles", "val": READER}, {"typ": "oid", "val": "😀" * 300}]


def header(*roles: str, issuer: str = "aad", **changes: Any) -> dict[str, str]:
    """The header that App Service authentication writes."""
    claims = [{"typ": "oid", "val": "ada"}, *({"typ": "roles", "val": role} for role in roles)]
    content = {"auth_typ": issuer, "claims": claims, "name_typ": "name", "role_typ": "roles", **changes}
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(content).encode()).decode()}


@pytest.mark.parametrize(
    ("role", "held"), [(READER, READER), (READER, OPERATOR), (OPERATOR, OPERATOR)], ids=lambda value: value
)
def test_a_caller_with_the_role_is_let_in(role: str, held: str) -> None:
    assert require(role, header(held), AZURE, graph_is_local=False).id == "ada"


@pytest.mark.parametrize(
    ("role", "headers", "environment", "local", "status"),
    [
        pytest.param(READER, {}, AZURE, False, 401, id="nobody signed in"),
        pytest.param(READER, {}, AZURE, True, 401, id="a local Graph in Azure opens nothing"),
        pytest.param(OPERATOR, header(READER), AZURE, False, 403, id="reader asks for what operators do"),
        pytest.param(READER, header(), AZURE, False, 403, id="no role"),
        pytest.param(READER, header("Admin"), AZURE, False, 403, id="another role"),
        pytest.param(READER, header(READER), {"WEBSITE_SITE_NAME": "app"}, False, 403, id="no authentication in front"),
        pytest.param(
            READER,
            header(READER),
            {"WEBSITE_SITE_NAME": "app", "WEBSITE_AUTH_ENABLED": "False"},
            False,
            403,
            id="authentication switched off",
        ),
        pytest.param(READER, header(READER), {}, False, 403, id="a real Graph and no authentication"),
        pytest.param(READER, header(OPERATOR), {}, True, 401, id="forged on a developer's machine"),
        pytest.param(READER, {"x-ms-client-principal": "%%%"}, AZURE, False, 401, id="not base64"),
        pytest.param(READER, {"x-ms-client-principal": "e30="}, AZURE, False, 401, id="no claims"),
        pytest.param(READER, {"x-ms-client-principal": "bnVsbA=="}, AZURE, False, 401, id="null"),
        pytest.param(READER, header(READER, claims=LONG_ID), AZURE, False, 401, id="an object id that is no key"),
        pytest.param(READER, header(READER, claims=[1]), AZURE, False, 401, id="claims that are none"),
        pytest.param(READER, header(READER, issuer="facebook"), AZURE, False, 401, id="another identity provider"),
    ],
)
def test_others_are_refused(
    role: str, headers: dict[str, str], environment: dict[str, str], local: bool, status: int
) -> None:
    with pytest.raises(Refused) as refused:
        require(role, headers, environment, graph_is_local=local)
    assert refused.value.status == status
    assert str(refused.value).endswith((".", "first."))


ROLES = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param(
            {"ver": "2.0", "aud": "CLIENT_ID", "oid": "ada", "roles": "Operator", "scp": "user_impersonation"}, id="v2"
        ),
        pytest.param({"ver": "1.0", "aud": "api://t/app", "oid": "ada", "roles": "Operator", "appid": "a"}, id="v1"),
        pytest.param({"ver": "1.0", "aud": "api://t/app", OBJECT_ID: "ada", ROLES: "Operator"}, id="v1, long names"),
        pytest.param(
            {"ver": "2.0", "aud": "CLIENT_ID", "oid": "ada", "roles": "Operator", "idtyp": "app"}, id="a program"
        ),
        pytest.param(
            {"ver": "2.0", "aud": "CLIENT_ID", OBJECT_ID: "ada", "roles": "Operator", "nonce": "n"}, id="a browser"
        ),
    ],
)
@pytest.mark.parametrize("role_type", ["roles", ROLES])
def test_claims_of_both_versions_of_tokens_are_read(claims: dict[str, str], role_type: str) -> None:
    listed = [{"typ": name, "val": value} for name, value in claims.items()]
    headers = header(claims=listed, role_typ=role_type)
    assert require(OPERATOR, headers, AZURE, graph_is_local=False).id == "ada"


def test_a_developer_with_a_local_graph_is_let_in() -> None:
    assert require(OPERATOR, {}, {}, graph_is_local=True).id == "local"
