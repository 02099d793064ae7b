"""Writes what is generated: the table of parameters in ``deploy.md``, what ``infra/main.bicep`` repeats of ``resources.bicep``,
and the lists of permissions.

python -m tests.infra.update_generated
"""

import json
import re
from pathlib import Path
from typing import Any

from tenant.permissions import PERMISSIONS
from tests.infra.bicep import INFRA, parsed

DOCS = INFRA.parent / "docs"


def parameters_table() -> str:
    """The parameters of ``infra/main.bicep`` as a Markdown table: name, default, meaning with the allowed values."""
    rows = ["| parameter | default | meaning |", "|---|---|---|"]
    for name, parameter in parsed(INFRA / "main.bicep")["parameters"].items():
        decorators = {one["type"]: one.get("argument") for one in parameter["decorators"]}
        meaning = decorators["description"].replace("*", r"\*")
        if allowed := decorators.get("allowed"):
            meaning += " One of " + ", ".join(f"`{value}`" for value in allowed) + "."
        rows.append(f"| `{name}` | {_default(parameter['default'])} | {meaning} |")
    return "\n".join(rows) + "\n"


def _default(value: Any) -> str:
    if value is None:
        return "must be given"
    if value == "":
        return ""
    if isinstance(value, dict) and value:  # deployment().location and tenant().tenantId
        member = value["operator"]["operands"]["operand_2"]
        return {"location": "where the deployment is", "tenantId": "the subscription's"}[member]
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def with_parameters(page: str) -> str:
    """The text of ``deploy.md`` with the current table of parameters."""
    return _replaced(page, "parameters", parameters_table())


def with_repeated_parameters(template: str) -> str:
    """The text of ``main.bicep`` with the parameters of ``resources.bicep``, and all of them handed on.

    Bicep has no way to say once what two entries take: each lists its own parameters.
    """
    source = (INFRA / "resources.bicep").read_text(encoding="utf-8")
    begin, end = (
        "main.bicep repeats this file: python -m tests.infra.update_generated\n",
        "// End of what main.bicep repeats.",
    )
    repeated = source.partition(begin)[2].partition(end)[0]
    template = re.sub(
        r"(?<=is repeated: python -m tests\.infra\.update_generated\n).*(?=// End of what is repeated\.)",
        lambda _: repeated,
        template,
        flags=re.DOTALL,
    )
    names = ["environmentName", "location", *re.findall(r"^param (\w+)", repeated, re.MULTILINE)]
    handed_on = "".join(f"    {name}: {name}\n" for name in names)
    return re.sub(r"(?<=  params: \{\n).*?(?=^  \}\n)", handed_on, template, flags=re.DOTALL | re.MULTILINE)


def _replaced(page: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if begin not in page or end not in page:
        raise ValueError(f"the page has no place for the table of {name}")
    return re.sub(f"(?<={re.escape(begin)}).*(?={re.escape(end)})", lambda _: table, page, flags=re.DOTALL)


def granted(*, optional: bool) -> list[str]:
    """The permissions that ``infra/`` grants in Entra ID, by name.

    ``Mail.Send`` is left out: Exchange Online grants it for one mailbox, in Entra ID it would reach all of them.
    """
    return sorted(one.name for one in PERMISSIONS if one.optional is optional and one.name != "Mail.Send")


def permission_data() -> str:
    """The text of ``infra/data/graph-permissions.json``. Raises KeyError for a permission whose ID nobody looked up."""
    ids = json.loads(Path(__file__).with_name("permission_ids.json").read_text(encoding="utf-8"))["ids"]
    lists = (
        f'  "{name}": [\n'
        + ",\n".join(f'    {{ "value": "{one}", "id": "{ids[one]}" }}' for one in granted(optional=optional))
        + "\n  ]"
        for name, optional in (("required", False), ("optional", True))
    )
    resource = '  "resourceAppId": "00000003-0000-0000-c000-000000000000"'
    return "{\n" + ",\n".join([resource, *lists]) + "\n}\n"


def with_shell_lists(script: str) -> str:
    """The text of ``grant-permissions.sh`` with the current lists."""
    for name, optional in (("REQUIRED", False), ("OPTIONAL", True)):
        lines = "".join(f"  {one}\n" for one in granted(optional=optional))
        script = re.sub(rf"(?<=^{name}=\(\n).*?(?=^\))", lines, script, flags=re.MULTILINE | re.DOTALL)
    return script


def with_powershell_lists(script: str) -> str:
    """The text of ``grant-permissions.ps1`` with the current lists."""
    for name, optional in (("required", False), ("optional", True)):
        lines = "".join(f"    '{one}'\n" for one in granted(optional=optional))
        begin = rf"(?<=^\${name}Permissions = @\(\n)"
        script = re.sub(rf"{begin}.*?(?=^\))", lines, script, flags=re.MULTILINE | re.DOTALL)
    return script


def main() -> None:
    """Rewrites every file that has a generated part."""
    (INFRA / "data" / "graph-permissions.json").write_text(permission_data(), encoding="utf-8")
    for file, renewed in (
        (INFRA / "main.bicep", with_repeated_parameters),
        (DOCS / "deploy.md", with_parameters),
        (INFRA / "grant-permissions.sh", with_shell_lists),
        (INFRA / "grant-permissions.ps1", with_powershell_lists),
    ):
        file.write_text(renewed(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
