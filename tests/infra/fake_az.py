"""Stands in for the Azure CLI when a test runs ``grant-permissions.sh`` or ``setup-app.sh``: a tiny Microsoft Graph kept in a JSON file.

The file (path in ``FAKE_AZ_STATE``) holds ``offered`` (permission -> ID), ``assignments`` (assignment ID -> permission ID),
``kind`` (type of the service principal), ``page_size``, ``refuse`` (method that Graph answers with 403) and, written here,
``calls``, and of ``setup-app.sh`` ``app``: name, keys and federated credentials of the only registration. It understands the queries that the script really asks and fails at any other. It runs a dozen times per test and
so imports next to nothing.
"""

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOST = "https://graph.example"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
TENANT, OBJECT, APP = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "567")
GRAPH_PRINCIPAL = "11111111-1111-4111-8111-111111111111"


class Refused(Exception):
    """What Graph doesn't do; the text goes to stderr."""


def main(arguments: list[str]) -> int:
    """Runs one ``az`` command; returns its exit code."""
    file = os.environ["FAKE_AZ_STATE"]
    with open(file, encoding="utf-8") as before:
        state: dict[str, Any] = json.load(before)
    state.setdefault("calls", []).append(arguments)
    try:
        sys.stdout.write(answer(arguments, state))
    except Refused as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 1
    finally:
        with open(file, "w", encoding="utf-8") as after:
            json.dump(state, after)
    return 0


def answer(arguments: list[str], state: "dict[str, Any]") -> str:
    """The standard output of a command, which may change ``state``."""
    if arguments[:2] == ["cloud", "show"]:
        return f"{state.get('cloud', 'AzureCloud')}\n" if arguments[-3] == "name" else f"{HOST}/\n"
    if arguments[:2] != ["rest", "--only-show-errors"]:
        raise Refused(f"unexpected command: {arguments}")
    arguments = [one for one in arguments if one != "Prefer=create-if-missing"]
    asked = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    method, url = asked["--method"], asked["--url"]
    if method == state.get("refuse"):
        raise Refused("Forbidden: Insufficient privileges to complete the operation.")
    if "/servicePrincipals" not in url or ("/servicePrincipals(appId='" in url and GRAPH_APP not in url):
        return registration(method, url.removeprefix(f"{HOST}/v1.0"), asked, state)
    path = url.removeprefix(f"{HOST}/v1.0/servicePrincipals")
    if method == "get":
        return lines(query(path, asked["--query"], state))
    assigned_to = f"/{GRAPH_PRINCIPAL}/appRoleAssignedTo"
    if method == "post" and path == assigned_to and asked["--headers"] == "Content-Type=application/json":
        body = json.loads(asked["--body"])
        if body["resourceId"] != GRAPH_PRINCIPAL or body["principalId"] != state["identity"]:
            raise Refused("Bad request: wrong principal or resource.")
        if body["appRoleId"] in state["assignments"].values():
            raise Refused("Bad request: Permission being assigned already exists on the object.")
        state["assignments"][f"assignment-{len(state['assignments'])}-{body['appRoleId'][:8]}"] = body["appRoleId"]
        return ""
    if method == "delete" and path.startswith(f"{assigned_to}/"):
        del state["assignments"][path.removeprefix(f"{assigned_to}/")]
        return ""
    raise Refused(f"unexpected request: {method} {url}")


def registration(method: str, path: str, asked: "dict[str, str]", state: "dict[str, Any]") -> str:
    """What Microsoft Graph does about app registrations."""
    app, body = state.get("app"), json.loads(asked.get("--body", "null"))
    if path == "/organization?$select=id":
        return f"{TENANT}\n"
    name, _, rest = path.removeprefix("/applications(uniqueName='").partition("')")
    if method == "get" and rest == "?$select=id,appId" and asked["--query"] == "[id, appId]":
        if app is None or app["name"] != name:
            raise Refused(
                f"Not Found({{'code': 'Request_ResourceNotFound', 'message': \"Resource '{name}' does not exist\"}})"
            )
        return f"{OBJECT}\n{APP}\n"
    if method == "patch" and path.startswith("/applications(uniqueName='") and not rest:
        if body != {"displayName": name, "signInAudience": "AzureADMyOrg"}:
            raise Refused("Bad request: not what is wanted.")
        state["app"] = {"name": name, "keys": [], "federated": {}, "principal": False}
        return ""
    if app is None:
        raise Refused("Not Found(Request_ResourceNotFound)")
    if path.startswith(f"/servicePrincipals(appId='{APP}')"):
        if method == "patch":
            app["principal"] = True
            return ""
        if not app["principal"]:
            raise Refused("Not Found(Request_ResourceNotFound)")
        return f"{state['identity']}\n"
    path = path.removeprefix(f"/applications/{OBJECT}")
    if (
        method == "get"
        and path == "?$select=keyCredentials"
        and asked["--query"] == "keyCredentials[].[customKeyIdentifier]"
    ):
        return lines([[key] for key in app["keys"]])
    if method == "patch" and path == "":
        app["keys"] = [thumbprint(one["key"]) for one in body["keyCredentials"]]
        return ""
    if (
        method == "get"
        and path == "/federatedIdentityCredentials"
        and asked["--query"] == "value[].[id, issuer, subject]"
    ):
        return lines([[id, one["issuer"], one["subject"]] for id, one in app["federated"].items()])
    if method == "post" and path == "/federatedIdentityCredentials":
        app["federated"][f"f{len(state['calls'])}"] = body
        return ""
    if method == "delete" and path.startswith("/federatedIdentityCredentials/"):
        del app["federated"][path.rpartition("/")[2]]
        return ""
    raise Refused(f"unexpected request: {method} {path}")


def thumbprint(key: str) -> str:
    """What Entra ID calls a certificate."""
    import base64
    import hashlib

    return hashlib.sha1(base64.b64decode(key, validate=True), usedforsecurity=False).hexdigest().upper()


def query(path: str, wanted: str, state: "dict[str, Any]") -> list[list[str]]:
    """Rows of a GET, for the JMESPath expressions of the script."""
    if path == "(appId='00000003-0000-0000-c000-000000000000')?$select=id" and wanted == "id":
        return [[GRAPH_PRINCIPAL]]
    if path == f"/{state['identity']}?$select=servicePrincipalType" and wanted == "servicePrincipalType":
        return [[state["kind"]]]
    all_roles = "appRoles[?contains(allowedMemberTypes, 'Application')].[value, id]"
    if path == f"/{GRAPH_PRINCIPAL}?$select=appRoles" and wanted == all_roles:
        return [[value, role] for value, role in state["offered"].items()]
    first_page = f"/{state['identity']}/appRoleAssignments?$top=999"
    if path.startswith(first_page):
        start, size = int(path.partition("&$skiptoken=")[2] or 0), state.get("page_size", 999)
        if wanted == '"@odata.nextLink"':
            more = start + size < len(state["assignments"])
            return [[f"{HOST}/v1.0/servicePrincipals{first_page}&$skiptoken={start + size}"]] if more else []
        if wanted == f"value[?resourceId=='{GRAPH_PRINCIPAL}'].[appRoleId, id]":
            return [[role, assignment] for assignment, role in list(state["assignments"].items())[start : start + size]]
    raise Refused(f"unexpected query: {path} {wanted}")


def lines(rows: list[list[str]]) -> str:
    """Rows the way ``--output tsv`` prints them."""
    return "".join("\t".join(row) + "\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
