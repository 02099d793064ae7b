"""``dev.py whatsnew``: what an upgrade brings."""

from collections.abc import Callable

import pytest

from devtools.whatsnew import compared, version, whatsnew

PERMISSIONS = '{"required": [{"value": "User.Read.All"}%s], "optional": [{"value": "AuditLog.Read.All"}]}'
SETTINGS = "| Setting | Default |\n|---|---|\n| `SERVICE_ACCOUNTS` |  |\n%s"
BICEP = "param environmentName string\nparam maximumInstanceCount int = %s\n%s"


def files(**changes: str) -> Callable[[str], str]:
    """The files of a version."""
    found = {
        "CHANGELOG.md": "# Changelog\n\n- Old.\n",
        "infra/data/graph-permissions.json": PERMISSIONS % "",
        "docs/settings.md": SETTINGS % "",
        "infra/main.bicep": BICEP % ("40", ""),
        **{name.replace("__", "/"): text for name, text in changes.items()},
    }
    return lambda path: found.get(path, "")


def test_it_says_what_changed_and_whether_permissions_settings_or_parameters_did() -> None:
    new = {
        "CHANGELOG.md": "# Changelog\n\n- New.\n- Old.\n",
        "infra/data/graph-permissions.json": PERMISSIONS % ', {"value": "Policy.Read.All"}',
        "docs/settings.md": SETTINGS % "| `EXPECTED_SECRETS` |  |\n",
        "infra/main.bicep": BICEP % ("2", "param moreTags string = ''\n"),
    }
    assert compared(version(files()), version(lambda path: new[path])) == [
        "What changed:",
        "  - New.",
        "",
        "Permissions, new: Policy.Read.All.",
        "Optional permissions: as before.",
        "Settings, new: EXPECTED_SECRETS.",
        "Parameters, new: moreTags.",
        "Default of maximumInstanceCount: 2; it was 40.",
    ]


def test_nothing_new_is_said_as_well() -> None:
    lines = compared(version(files()), version(files()))
    assert lines[1] == "  Nothing that the changelog names."
    assert "Permissions: as before." in lines


def test_a_version_that_had_none_of_the_files_is_no_error() -> None:
    assert "Permissions, new: User.Read.All." in compared(version(lambda _: ""), version(files()))


def test_this_version_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert whatsnew(["HEAD"]) == 0
    assert "Permissions: as before." in capsys.readouterr().out


@pytest.mark.parametrize("tag", ["no-such-tag", "--output=x", "HEAD;ls"])
def test_a_version_that_is_not_there_is_said(tag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert whatsnew(["--", tag]) == 1
    assert "There is no version" in capsys.readouterr().err
