"""Bicep files: they parse, use names that exist, and agree with each other."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import BICEP_FILES, INFRA, Resource, literals, parsed, paths, resources, written_values
from tests.infra.update_azure_names import table_key

NAMES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("azure_names.json").read_text(encoding="utf-8"))

RESOURCES = [pytest.param(item, id=f"{item.file.name}:{item.symbol}") for item in resources()]


@pytest.mark.parametrize("file", BICEP_FILES, ids=lambda file: str(file.relative_to(INFRA)))
def test_file_parses_and_says_what_it_is_for(file: Path) -> None:
    assert parsed(file)["metadata"]["description"]["value"].strip()


@pytest.mark.parametrize("file", BICEP_FILES, ids=lambda file: str(file.relative_to(INFRA)))
def test_every_parameter_is_documented(file: Path) -> None:
    for name, parameter in parsed(file)["parameters"].items():
        documented = [one["argument"] for one in parameter["decorators"] if one["type"] == "description"]
        assert documented, f"{name} has no @description"
        assert documented[0].endswith("."), f"{name}: write a sentence"


@pytest.mark.parametrize("item", RESOURCES)
def test_resource_type_api_version_and_property_names_exist(item: Resource) -> None:
    assert table_key(item) in NAMES, "new type or version: run update_azure_names.py, which checks it"
    known = NAMES[table_key(item)]
    assert known["source"]
    for path, value in paths(item):
        assert path in known["properties"], f"{path} is not checked yet: run update_azure_names.py"
        allowed = known["properties"][path]
        for written in written_values(item, value):
            assert not allowed or written in allowed, f"{path} can't be {written}"


def test_table_of_names_holds_nothing_that_is_no_longer_used() -> None:
    used = {table_key(item) for item in resources()}
    assert NAMES.keys() == used
    for key, known in NAMES.items():
        written = {path for item in resources() if table_key(item) == key for path, _ in paths(item)}
        assert known["properties"].keys() == written, key


@pytest.mark.parametrize("file", BICEP_FILES, ids=lambda file: str(file.relative_to(INFRA)))
def test_compiles_offline_from_its_own_files(file: Path) -> None:
    for name, module in parsed(file).get("modules", {}).items():
        assert module["type"] == "local", f"{name} comes from a registry"
        assert (file.parent / module["detail"]["path"]).is_file()
    for loaded in re.findall(r"loadJsonContent\('([^']+)'\)", file.read_text(encoding="utf-8")):
        assert json.loads((file.parent / loaded).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", BICEP_FILES, ids=lambda file: str(file.relative_to(INFRA)))
def test_modules_get_exactly_the_parameters_they_declare(file: Path) -> None:
    for name, module in parsed(file).get("modules", {}).items():
        config = module["config"]
        given = config.get("config", config)["params"].keys()
        declared = parsed(file.parent / module["detail"]["path"])["parameters"]
        required = {one for one, parameter in declared.items() if parameter["default"] is None}
        assert given <= declared.keys(), name
        assert required <= given, name


@pytest.mark.parametrize("file", BICEP_FILES, ids=lambda file: str(file.relative_to(INFRA)))
def test_every_parameter_and_variable_is_used(file: Path) -> None:
    tree = parsed(file)
    text = " ".join(
        str(literal)
        for section in ("variables", "resources", "modules", "outputs", "parameters")
        for literal in literals(tree.get(section, {}))
    )
    for name in [*tree["parameters"], *tree.get("variables", {})]:
        assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is declared and never used"


def test_both_ways_of_deploying_take_the_same_parameters() -> None:
    own_group = dict(parsed(INFRA / "main.bicep")["parameters"])
    existing_group = dict(parsed(INFRA / "resources.bicep")["parameters"])
    del own_group["resourceGroupName"]
    assert own_group.pop("location")["default"] != existing_group.pop("location")["default"]
    assert own_group == existing_group


@pytest.mark.parametrize("file", ["main.parameters.json", "parameters.example.json"])
def test_parameter_files_name_existing_parameters_with_values_that_are_allowed(file: str) -> None:
    declared = parsed(INFRA / "main.bicep")["parameters"]
    given = json.loads((INFRA / file).read_text(encoding="utf-8"))["parameters"]
    assert given.keys() <= declared.keys()
    for name, entry in given.items():
        decorators = {one["type"]: one.get("argument") for one in declared[name]["decorators"]}
        kind = {"string": str, "int": int, "bool": bool, "object": dict}[declared[name]["type"]]
        value = from_environment(entry["value"], kind)
        assert type(value) is kind, name
        if allowed := decorators.get("allowed"):
            assert value in allowed, name


def from_environment(value: Any, kind: type) -> Any:
    """What azd makes of ``${NAME=default}`` without the name: it turns the text into what the parameter takes."""
    found = re.fullmatch(r"\$\{\w+(?:=(.*))?\}", str(value))
    if not found or kind is str:
        return found[1] or "" if found else value
    return json.loads(found[1])


def test_azd_hands_over_every_parameter_but_the_tenant_and_what_is_no_text() -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert parsed(INFRA / "main.bicep")["parameters"].keys() - given.keys() == {"authTenantId", "tags"}


def test_nobody_has_to_edit_a_tracked_file() -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    names = [re.fullmatch(r"\$\{([A-Z_]+)(=.*)?\}", entry["value"]) for entry in given.values()]
    assert all(names)
    # Images with Python set this variable, and azd reads the variables of the machine, too.
    assert "PYTHON_VERSION" not in {found[1] for found in names if found}


def test_azd_defaults_are_the_defaults_of_the_template() -> None:
    declared = parsed(INFRA / "main.bicep")["parameters"]
    given = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    for name in given.keys() - {"environmentName", "location"}:
        default = declared[name]["default"]
        assert from_environment(given[name]["value"], type(default)) == default, name


def test_azd_finds_the_app_and_the_outputs_it_needs() -> None:
    manifest = (INFRA.parent / "azure.yaml").read_text(encoding="utf-8")
    service = re.search(r"^services:\n  (\w+):", manifest, re.MULTILINE)
    assert service
    site = next(item for item in resources() if item.type == "Microsoft.Web/sites")
    assert {"'azd-service-name'": service[1]} in site.body["tags"]["function"]["parameters"].values()
    for output in re.findall(r"get-value (\w+)", manifest):
        assert output in parsed(INFRA / "main.bicep")["outputs"]


def functions() -> dict[str, set[str]]:
    """The functions of the app and the queues that each is bound to, read without importing the app and its SDKs."""
    tree = ast.parse((INFRA.parent / "function_app.py").read_text(encoding="utf-8"))
    return {
        node.name: {
            str(ast.literal_eval(keyword.value))
            for decorator in node.decorator_list
            for keyword in (decorator.keywords if isinstance(decorator, ast.Call) else [])
            if keyword.arg == "queue_name"
        }
        for node in tree.body
        if isinstance(node, ast.AsyncFunctionDef) and node.decorator_list
    }


def test_queues_are_those_that_the_functions_are_bound_to() -> None:
    variables = parsed(INFRA / "modules" / "storage.bicep")["variables"]
    assert set(variables["queueNames"]["value"]) == set().union(*functions().values())


def test_tables_are_those_that_the_code_opens() -> None:
    from connections.storage import TABLES

    assert set(parsed(INFRA / "modules" / "storage.bicep")["variables"]["tableNames"]["value"]) == set(TABLES)


def test_alert_rules_ask_for_lines_that_are_written() -> None:
    queries = parsed(INFRA / "modules" / "alerts.bicep")["variables"]
    queues = (INFRA.parent / "functions" / "queues.py").read_text(encoding="utf-8")
    start, middle = re.findall(r'(?:startswith|contains) "([^"]+)"', queries["scanOverdueQuery"]["value"])
    assert re.search(rf'"{start}%s:[^"]*{middle}', queues), (
        "functions/queues.py no longer logs the line that the alert rule waits for"
    )
    named = set(re.findall(r'"Functions\.(\w+)"', queries["poisonQuery"]["value"]))
    assert named == {name for name in functions() if name.endswith("_poison")}
