"""Conditional Access policies that people hand over as files: one file, or all of a folder, in Graph's JSON."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from basics.documents import read_json
from checks.simulate import CannotSimulate
from jobs.text_files import read_text
from reports.text import readable
from tenant.model import Policy
from tenant.policies import parse_policy


def read_policies(places: Iterable[Path]) -> tuple[Policy, ...]:
    """The policies of files, and of every ``*.json`` in folders, by name of the file.

    A file holds one policy, a list of them, or the page that Graph answers (``{"value": [...]}``). Raises ``OSError``,
    ``NotText``, and ``CannotSimulate`` with the name of the file that is wrong.
    """
    found: dict[str, tuple[Path, Policy]] = {}
    policies: list[Policy] = []
    for file in (file for place in places for file in _files(place)):
        for policy in map(parse_policy, _items(file)):
            if policy.id in found:
                other, known = found[policy.id]
                if known != policy:
                    raise CannotSimulate(
                        f"{_name(other)} and {_name(file)} hold different policies with the id {readable(policy.id)}: "
                        "leave one of them out."
                    )
                continue
            if policy.id:
                found[policy.id] = (file, policy)
            policies.append(policy)
    return tuple(policies)


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    files = sorted(file for file in place.iterdir() if file.suffix.lower() == ".json" and file.is_file())
    if not files:
        raise CannotSimulate(f"There is no *.json file in the folder {_name(place)}.")
    return files


def _items(file: Path) -> Iterator[dict[str, Any]]:
    text = read_text(file)
    try:
        content = read_json(text)
    except ValueError:
        raise CannotSimulate(f"{_name(file)} holds no JSON.") from None
    if isinstance(content, dict) and isinstance(content.get("value"), list):
        if content.get("@odata.nextLink"):
            raise CannotSimulate(f"{_name(file)} is only one page of a list: save the pages after it too.")
        content = content["value"]
    items = content if isinstance(content, list) else [content]
    if not items:
        raise CannotSimulate(f"{_name(file)} holds an empty list.")
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict) or not isinstance(item.get("conditions"), dict):
            which = f"Item {number} of {_name(file)}" if isinstance(content, list) else _name(file)
            raise CannotSimulate(f"{which} is no Conditional Access policy as Microsoft Graph writes it in JSON.")
        yield item


def _name(file: Path) -> str:
    return readable(str(file))
