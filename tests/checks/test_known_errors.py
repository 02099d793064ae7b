"""The data about errors: complete, and what is wrong with a file is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks import known_errors as errors
from checks.facts import FactsError
from checks.known_errors import Cause, known_errors, load_errors
from checks.sign_in_codes import MFA_CODES, OTHER_CODES, POLICY_CODES

DATA = json.loads(Path(errors.__file__).with_name("errors.json").read_text(encoding="utf-8"))


def test_every_error_says_what_it_means_what_to_do_and_where_that_comes_from() -> None:
    for error in known_errors():
        assert error.means.endswith("."), error.id
        assert all(step.endswith((".", "?", "info.")) for step in error.do), error.id
        assert error.source.startswith("https://"), error.id


BY_CODE = {code: error for error in known_errors() for code in error.codes}


@pytest.mark.parametrize("code", sorted({*POLICY_CODES, *MFA_CODES, *OTHER_CODES}))
def test_every_code_that_a_finding_puts_into_words_can_be_explained(code: int) -> None:
    """What a report says of an error code of the sign-in log, ``cli.py explain`` and docs/errors.md know, too."""
    assert code in BY_CODE


def test_what_counts_as_refused_by_a_policy_is_explained_as_one() -> None:
    by_policy = {Cause.POLICY, Cause.DEVICE, Cause.SECURITY_DEFAULTS}
    assert {code: BY_CODE[code].cause for code in POLICY_CODES if BY_CODE[code].cause not in by_policy} == {}
    assert {BY_CODE[code].cause for code in MFA_CODES} == {Cause.MFA}
    counted = [code for code in OTHER_CODES if BY_CODE[code].cause in by_policy]
    assert counted == [], "what counts as no refusal is explained as one"


def test_no_source_is_a_mirror_or_a_staging_place() -> None:
    hosts = {"learn.microsoft.com", "login.microsoftonline.com", "techcommunity.microsoft.com"}
    assert {address.split("/")[2] for error in known_errors() for address in (error.url, error.source)} <= hosts


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["errors"][0].pop(name)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_without("means"), "means"),
        (_without("source"), "source"),
        (_without("read"), "read"),
        (lambda data: data["errors"][0].update(cause="magic"), "cause"),
        (lambda data: data["errors"][0].update(url="http://example.com"), "url"),
        (lambda data: data["errors"][0].update(do=[]), "do"),
        (lambda data: data["errors"][0].update(colour="red"), "colour"),
        (lambda data: data["errors"][0].update(codes=["x"]), "codes"),
        (lambda data: data["errors"][0].update(texts=[], codes=[], replies=[]), "nothing to be recognised by"),
        (lambda data: data["errors"].append(data["errors"][0]), "stands there twice"),
        (lambda data: data["errors"][0].update(codes=[53003]), "53003 stands there twice"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_is_wrong(spoil: Callable[[dict[str, Any]], None], problem: str) -> None:
    data = json.loads(json.dumps(DATA))
    spoil(data)
    with pytest.raises(FactsError, match=problem):
        load_errors(json.dumps(data))


def test_a_file_that_is_no_json_is_refused() -> None:
    with pytest.raises(FactsError, match="the file"):
        load_errors("{")
