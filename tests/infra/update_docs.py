"""Writes the generated tables into the docs: parameters into ``deploy.md``, permissions into ``security.md``.

python -m tests.infra.update_docs
"""

import json
import re
from typing import Any

from tenant.permissions import permissions_table
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


def with_permissions(page: str) -> str:
    """The text of ``security.md`` with the current table of permissions."""
    return _replaced(page, "permissions", permissions_table())


def _replaced(page: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if begin not in page or end not in page:
        raise ValueError(f"the page has no place for the table of {name}")
    return re.sub(f"(?<={re.escape(begin)}).*(?={re.escape(end)})", lambda _: table, page, flags=re.DOTALL)


def main() -> None:
    """Rewrites both pages."""
    for page, renewed in ((DOCS / "deploy.md", with_parameters), (DOCS / "security.md", with_permissions)):
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
