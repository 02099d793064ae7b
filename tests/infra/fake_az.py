"""Stands in for the Azure CLI when a test runs ``grant-permissions.sh``: a tiny Microsoft Graph kept in a JSON file.

The file (path in ``FAKE_AZ_STATE``) holds ``offered`` (permission -> ID), ``assignments`` (assignment ID -> permission ID),
``kind`` (type of the service principal), ``page_size``, ``refuse`` (method that Graph answers with 403) and, written here,
``calls``. It understands the queries that the script really asks and fails at any other. It runs a dozen times per test and
so imports next to nothing.
"""

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOST = "https://graph.example"
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
        return f"{HOST}/\n"
    if arguments[:2] != ["rest", "--only-show-errors"]:
        raise Refused(f"unexpected command: {arguments}")
    asked = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    method, url = asked["--method"], asked["--url"]
    if method == state.get("refuse"):
        raise Refused("Forbidden: Insufficient privileges to complete the operation.")
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
