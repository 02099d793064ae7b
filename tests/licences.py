"""The licences of everything that is deployed, as the packages themselves say: docs/licences.md is made from them."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements.lock"
PERMISSIVE = frozenset({"MIT", "MIT-0", "BSD-3-Clause", "BSD", "Apache-2.0", "ISC", "PSF-2.0"})
"""Ask for nothing but that the notice stays."""
ACCEPTED = {
    "certifi": "MPL-2.0 asks that changes of its own files are given on; the app changes none, and Azure's and this project's code stay as they are."
}
"""Licences beyond these, and why they do no harm."""
_NAMES = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_LONGEST = 40


def licences() -> dict[str, str]:
    """Package -> its licence, by its SPDX name where it is known; empty where nothing says it."""
    names = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: _licence(name) for name in sorted(set(names))}


def unknown(licence: str) -> list[str]:
    """The parts of a licence that aren't permissive; of alternatives one is enough."""
    alternatives = [re.split(r"\s+AND\s+", one.strip("() ")) for one in re.split(r"\s+OR\s+", licence)]
    return min(([one for one in parts if one not in PERMISSIVE] for parts in alternatives), key=len)


def page() -> str:
    """The page."""
    rows = [f"| {name} | {licence} |" for name, licence in licences().items()]
    accepted = [f"- {name}: {why}" for name, why in ACCEPTED.items()]
    return (
        "# Licences\n\nOf everything that is deployed with the app (`requirements.lock`), as the packages themselves say. The project's own: "
        "[MIT](../LICENSE). `python3 dev.py sbom` lists the same with versions and hashes, as CycloneDX.\n\n"
        "All of them are permissive, but:\n\n"
        + "\n".join(accepted)
        + "\n\n| package | licence |\n|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _licence(name: str) -> str:
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return ""
    classifiers = [
        one.rpartition(" :: ")[2] for one in said.get_all("Classifier") or [] if one.startswith("License ::")
    ]
    short = (
        said["License"] if said["License"] and len(said["License"]) <= _LONGEST and "\n" not in said["License"] else ""
    )
    found = said["License-Expression"] or short or next(iter(classifiers), "")
    return _NAMES.get(found, found)
