"""Policies from files and folders: all of them, or one sentence about the file that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from checks.simulate import CannotSimulate
from jobs.policy_files import read_policies
from jobs.text_files import NotText
from tests.checks.kit import policy


def put(folder: Path, name: str, content: Any) -> Path:
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def names(*places: Path) -> list[str]:
    return [one.display_name for one in read_policies(places)]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (policy("A"), ["A"]),
        ([policy("B"), policy("A")], ["B", "A"]),
        ({"@odata.context": "…", "value": [policy("A"), policy("B")]}, ["A", "B"]),
    ],
)
def test_a_file_holds_one_policy_a_list_or_a_page(tmp_path: Path, content: Any, found: list[str]) -> None:
    assert names(put(tmp_path, "given.json", content)) == found


def test_a_folder_is_read_by_the_names_of_its_files(tmp_path: Path) -> None:
    put(tmp_path, "b.json", policy("B"))
    put(tmp_path, "a.JSON", [policy("A2"), policy("A1")])
    put(tmp_path, "readme.md", "# Not a policy")
    (tmp_path / "c.json").mkdir()
    assert names(tmp_path) == ["A2", "A1", "B"]


def test_files_and_folders_add_up(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    put(tmp_path / "folder", "a.json", policy("A"))
    assert names(put(tmp_path, "z.json", policy("Z")), tmp_path / "folder") == ["Z", "A"]


def test_a_policy_that_comes_twice_counts_once(tmp_path: Path) -> None:
    put(tmp_path, "a.json", policy("A"))
    put(tmp_path, "b.json", [policy("A"), policy("B")])
    assert names(tmp_path) == ["A", "B"]


def test_policies_without_an_id_are_all_kept(tmp_path: Path) -> None:
    assert names(put(tmp_path, "a.json", [policy("A", id=None), policy("A", id=None)])) == ["A", "A"]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("", "bad.json holds no JSON"),
        ("{", "bad.json holds no JSON"),
        ("[" * 100_000, "bad.json holds no JSON"),
        ([], "bad.json holds an empty list"),
        ({"value": []}, "bad.json holds an empty list"),
        ("7", "bad.json is no Conditional Access policy"),
        ("null", "bad.json is no Conditional Access policy"),
        ({"displayName": "a group", "groupTypes": []}, "bad.json is no Conditional Access policy"),
        ({"displayName": "P", "conditions": None}, "bad.json is no Conditional Access policy"),
        ({"displayName": "P", "conditions": ["x"]}, "bad.json is no Conditional Access policy"),
        ({"value": {"conditions": {}}}, "bad.json is no Conditional Access policy"),
        ([policy("A"), None], "Item 2 of .*bad.json is no Conditional Access policy"),
        ({"value": [policy("A"), {"id": "x"}]}, "Item 2 of .*bad.json is no Conditional Access policy"),
        ({"value": [policy("A")], "@odata.nextLink": "https://…"}, "bad.json is only one page of a list"),
    ],
)
def test_the_file_that_is_wrong_is_named(tmp_path: Path, content: Any, wrong: str) -> None:
    put(tmp_path, "a.json", policy("Fine"))
    put(tmp_path, "bad.json", content)
    with pytest.raises(CannotSimulate, match=wrong):
        read_policies([tmp_path])


def test_two_versions_of_a_policy_are_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path, "new.json", policy("A", displayName="New"))
    put(tmp_path, "old.json", policy("A"))
    with pytest.raises(CannotSimulate, match=r"new\.json and .*old\.json hold different policies with the id a"):
        read_policies([tmp_path])


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotSimulate, match=r"no \*\.json file"):
        read_policies([tmp_path])


def test_what_is_no_text_or_is_not_there_is_told_as_everywhere(tmp_path: Path) -> None:
    (tmp_path / "picture.json").write_bytes(b"\xe0PNG")
    with pytest.raises(NotText):
        read_policies([tmp_path])
    with pytest.raises(FileNotFoundError):
        read_policies([tmp_path / "nowhere"])


def test_a_file_name_does_not_steer_the_terminal(tmp_path: Path) -> None:
    put(tmp_path, "a\x1b[2J.json", "{")
    with pytest.raises(CannotSimulate) as error:
        read_policies([tmp_path])
    assert str(error.value).isprintable()
