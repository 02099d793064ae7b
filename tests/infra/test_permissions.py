"""Microsoft Graph permissions: one list, wherever it is written down."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tenant.permissions import PERMISSIONS
from tests.infra.bicep import INFRA, parsed
from tests.infra.evaluate import Scope
from tests.infra.update_generated import permission_data, with_powershell_lists, with_shell_lists

IDS: dict[str, str] = json.loads(Path(__file__).with_name("permission_ids.json").read_text(encoding="utf-8"))["ids"]

TABLE: dict[str, Any] = json.loads((INFRA / "data" / "graph-permissions.json").read_text(encoding="utf-8"))


def names(kind: str) -> list[str]:
    return [one["value"] for one in TABLE[kind]]


def test_table_is_the_map_of_the_code_without_mail() -> None:
    assert set(names("required")) == {one.name for one in PERMISSIONS if not one.optional}
    assert set(names("optional")) == {one.name for one in PERMISSIONS if one.optional} - {"Mail.Send"}


def test_generated_parts_are_current() -> None:
    again = "run python -m tests.infra.update_generated"
    for file, renewed in (("grant-permissions.sh", with_shell_lists), ("grant-permissions.ps1", with_powershell_lists)):
        text = (INFRA / file).read_text(encoding="utf-8")
        assert text == renewed(text), again
    assert (INFRA / "data" / "graph-permissions.json").read_text(encoding="utf-8") == permission_data(), again


def test_ids_are_those_of_the_named_permissions() -> None:
    assert TABLE["resourceAppId"] == "00000003-0000-0000-c000-000000000000"
    for one in [*TABLE["required"], *TABLE["optional"]]:
        assert IDS[one["value"]] == one["id"], one["value"]


def test_every_permission_only_reads() -> None:
    for name in [*names("required"), *names("optional")]:
        assert re.search(r"\.Read(\.|$)", name), name


def test_nothing_is_listed_twice() -> None:
    listed = [*names("required"), *names("optional")]
    assert len(listed) == len(set(listed))


def test_shell_script_grants_the_table() -> None:
    script = (INFRA / "grant-permissions.sh").read_text(encoding="utf-8")
    for kind in ("required", "optional"):
        block = re.search(rf"^{kind.upper()}=\(\n(.*?)^\)", script, re.MULTILINE | re.DOTALL)
        assert block
        assert block[1].split() == names(kind)


def test_powershell_script_grants_the_table() -> None:
    script = (INFRA / "grant-permissions.ps1").read_text(encoding="utf-8")
    for kind in ("required", "optional"):
        block = re.search(rf"^\${kind}Permissions = @\(\n(.*?)^\)", script, re.MULTILINE | re.DOTALL)
        assert block
        assert re.findall(r"'([^']+)'", block[1]) == names(kind)


def test_bicep_grants_the_table() -> None:
    tree = parsed(INFRA / "graph" / "permissions.bicep")
    assert tree["variables"]["permissions"]["value"]["function"]["parameters"]["file_path"] == (
        "../data/graph-permissions.json"
    )
    grants = tree["resources"]["grants"]["config"]
    assert grants["loop_type"]["detail"]["array_name"] == "wanted"
    assert tree["parameters"]["includeOptional"]["default"] is False


@pytest.mark.parametrize(
    ("parameters", "optional"),
    [
        ({}, ["AuditLog.Read.All"]),
        ({"auditLog": "off"}, []),
        ({"includeOptional": True}, names("optional")),
        ({"includeOptional": True, "auditLog": "off"}, names("optional")),
    ],
)
def test_bicep_grants_what_a_deployment_that_is_not_told_otherwise_needs(
    parameters: dict[str, Any], optional: list[str]
) -> None:
    scope = Scope(INFRA / "graph" / "permissions.bicep", {"permissions": TABLE, **parameters})
    assert [one["value"] for one in scope["wanted"]] == [*names("required"), *optional]
    main = parsed(INFRA / "main.bicep")["parameters"]["auditLog"]
    here = parsed(INFRA / "graph" / "permissions.bicep")["parameters"]["auditLog"]
    assert (here["default"], here["type"]) == (main["default"], main["type"])
