"""Since when and by whom, app passwords that came and went, and what Microsoft's What If said: shown wherever a scan is."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import reports
from commands.drawn.scan import render_table
from reports.html import render_html
from tests.reports import samples
from tests.reports.markup import read
from tests.reports.test_html import embedded

CAUSE = (
    'Hidden since 21 Nov 2026, 14:42 UTC, when the policy "X" was switched from report-only to on, by ada@contoso.com.'
)
CONFIRMED = "Confirmed by Microsoft's What If, 22 Nov 2026."
DIFFERENT = "Microsoft's What If, asked on 2026-11-22, sees it differently: this and that."


def document(check: dict[str, str] | None) -> dict[str, Any]:
    made = copy.deepcopy(samples.contoso())
    first = made["accounts"][0]
    first["reasons"][0] |= {"actor": "ada@contoso.com", "cause": CAUSE, "since_is_policy_date": False}
    first["app_password_events"] = [{"kind": "deleted", "time": "2026-11-05T09:02:00Z", "actor": "ada@contoso.com"}]
    first["cross_check"] = check
    return made


AGREES = {"result": "agrees", "text": CONFIRMED, "date": "2026-11-22"}


def test_they_fit_the_published_schema() -> None:
    schema = json.loads((Path(reports.__file__).parent / "schema" / "scan.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(document(AGREES))


def test_the_page_holds_them() -> None:
    data = embedded(read(render_html(document(AGREES))))
    first = next(one for one in data["accounts"] if one["i"] == document(None)["accounts"][0]["id"])
    assert CAUSE in [data["reasons"][place].get("cause") for place in first["r"]]
    assert [data["texts"][place] for place in first["e"]] == ["Deleted 5 Nov 2026, 09:02 UTC by ada@contoso.com"]
    assert [data["texts"][place] for place in first["k"]] == [CONFIRMED]
    assert sum("k" in one for one in data["accounts"]) == 1


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (AGREES, True),
        ({**AGREES, "result": "disagrees", "text": DIFFERENT}, True),
        ({**AGREES, "result": "not_checked", "text": "It can't tell."}, False),
        (None, False),
    ],
)
def test_the_terminal_says_the_cause_and_whether_microsoft_agrees(check: dict[str, str] | None, said: bool) -> None:
    text = render_table(document(check), 300)
    assert CAUSE in text
    assert ((check or {"text": "What If"})["text"] in text) is said
