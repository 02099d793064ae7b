"""Makes ``graph_types.json``: the types that the local Graph serves, taken from Microsoft's published schema.

    python -m localgraph.update_graph_types v1.0.csdl.xml beta.csdl.xml

The arguments are the Conceptual Schema Definition files of the two versions, from the repository
microsoftgraph/msgraph-metadata (``schemas/``, MIT licence) or cut-outs of them.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

TARGET = Path(__file__).with_name("graph_types.json")
SOURCE = "microsoftgraph/msgraph-metadata, schemas/v1.0-Prod.csdl and schemas/beta-USSec.csdl of 2026-08-20 (MIT)"
_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"

SERVED = """
    organization user group directoryRole directoryObject servicePrincipal
    conditionalAccessPolicy whatIfAnalysisResult ipNamedLocation countryNamedLocation authenticationStrengthPolicy
    identitySecurityDefaultsEnforcementPolicy subscribedSku authentication
    authenticationMethod phoneAuthenticationMethod microsoftAuthenticatorAuthenticationMethod
    softwareOathAuthenticationMethod passwordAuthenticationMethod emailAuthenticationMethod fido2AuthenticationMethod
    temporaryAccessPassAuthenticationMethod windowsHelloForBusinessAuthenticationMethod
    externalAuthenticationMethod platformCredentialAuthenticationMethod userRegistrationDetails mailboxSettings
    unifiedRoleAssignment unifiedRoleDefinition unifiedRoleAssignmentScheduleInstance
    unifiedRoleEligibilityScheduleInstance appRoleAssignment oAuth2PermissionGrant directoryAudit signIn
    strongAuthenticationRequirements ipRange applicationContext userSignIn signInConditions
""".split()
"""Every type that an answer's root object can have; what they refer to is added."""


def extract(schemas: dict[str, ElementTree.Element]) -> dict[str, Any]:
    """The JSON for ``{version: root element of its schema}``. Beta falls back to v1.0 for types it doesn't declare."""
    versions = {version: dict(_declared(root)) for version, root in schemas.items()}
    result: dict[str, Any] = {"source": SOURCE}
    for version, types in versions.items():
        wanted = _reachable({**versions["v1.0"], **types}, SERVED)
        result[version] = {name: types[name] for name in sorted(wanted) if name in types}
    return result


def _declared(root: ElementTree.Element) -> Iterator[tuple[str, dict[str, Any]]]:
    for element in root:
        kind = element.tag.removeprefix(_EDM)
        name = element.get("Name", "")
        if kind == "EnumType":
            members = {member.get("Name", ""): int(member.get("Value", "0")) for member in element}
            yield name, {"enum": members, **({"flags": True} if element.get("IsFlags") == "true" else {})}
        elif kind in {"EntityType", "ComplexType"}:
            yield name, _structured(element)


def _structured(element: ElementTree.Element) -> dict[str, Any]:
    described: dict[str, Any] = {}
    if element.get("BaseType"):
        described["base"] = _plain(element.get("BaseType", ""))
    if element.get("OpenType") == "true":
        described["open"] = True
    described["properties"] = {
        item.get("Name", ""): _plain(item.get("Type", "")) + ("" if item.get("Nullable") != "false" else "!")
        for item in element.findall(f"{_EDM}Property")
    }
    described["navigation"] = {
        item.get("Name", ""): _plain(item.get("Type", "")) for item in element.findall(f"{_EDM}NavigationProperty")
    }
    return described


def _plain(type_name: str) -> str:
    return type_name.replace("microsoft.graph.", "").replace("graph.", "").replace("Edm.", "")


def _reachable(types: dict[str, dict[str, Any]], roots: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = [name for name in roots if name in types]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        described = types[name]
        named = [described.get("base", ""), *described.get("properties", {}).values()]
        plain = {item.rstrip("!").removeprefix("Collection(").removesuffix(")") for item in named}
        children = {other for other, value in types.items() if value.get("base") == name and name in _FAMILIES}
        waiting.extend(other for other in plain | children if other in types)
    return found


_FAMILIES = {"ipRange", "conditionalAccessExternalTenants", "signInContext"}
"""Abstract types whose derived types appear inside served objects."""


def main(arguments: list[str]) -> int:
    """Writes the file; returns the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    schemas = {
        version: ElementTree.parse(path).getroot()  # noqa: S314 - a file that the developer names
        for version, path in zip(("v1.0", "beta"), arguments, strict=True)
    }
    text = json.dumps(extract(schemas), separators=(",", ":"), sort_keys=True)
    TARGET.write_text(text.replace('},"', '},\n"') + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
