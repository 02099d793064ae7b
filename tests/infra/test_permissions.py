"""Microsoft Graph permissions: one list, wherever it is written down."""

import json
import re
from typing import Any

from tenant.permissions import PERMISSIONS
from tests.infra.bicep import INFRA, parsed
from tests.infra.update_docs import with_permissions

# Source: Microsoft Learn, "Microsoft Graph permissions reference" (github.com/microsoftgraph/microsoft-graph-docs-contrib,
# concepts/includes/permissions-ids.md, type Application). DelegatedPermissionGrant.Read.All is newer than that list; its ID
# is that of the permissions of the Graph service principal, as several public tenants' exports show it.
PERMISSION_IDS = {
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "AuditLog.Read.All": "b0afded3-3588-46d8-8b3d-9842eff778da",
    "DelegatedPermissionGrant.Read.All": "81b4724a-58aa-41c1-8a55-84ef97466587",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "GroupMember.Read.All": "98830695-27a2-44f7-8c18-0c3ebc9698f6",
    "MailboxSettings.Read": "40f97065-369a-49f4-947c-6a255697ae91",
    "Member.Read.Hidden": "658aa5d8-239f-45c4-aa12-864f4fc7e490",
    "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
    "RoleManagement.Read.Directory": "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    "UserAuthenticationMethod.Read.All": "38d9df27-64da-44fd-b7c5-a6fbac20248f",
}

TABLE: dict[str, Any] = json.loads((INFRA / "data" / "graph-permissions.json").read_text(encoding="utf-8"))


def names(kind: str) -> list[str]:
    return [one["value"] for one in TABLE[kind]]


def test_table_is_the_map_of_the_code_without_mail() -> None:
    # Mail.Send is granted in Exchange Online for one mailbox; in Entra ID it would reach all of them.
    assert set(names("required")) == {one.name for one in PERMISSIONS if not one.optional}
    assert set(names("optional")) == {one.name for one in PERMISSIONS if one.optional} - {"Mail.Send"}


def test_documented_permissions_are_those_of_the_code() -> None:
    page = (INFRA.parent / "docs" / "security.md").read_text(encoding="utf-8")
    assert page == with_permissions(page), "run python -m tests.infra.update_docs"


def test_ids_are_those_of_the_named_permissions() -> None:
    assert TABLE["resourceAppId"] == "00000003-0000-0000-c000-000000000000"
    for one in [*TABLE["required"], *TABLE["optional"]]:
        assert PERMISSION_IDS[one["value"]] == one["id"], one["value"]


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
