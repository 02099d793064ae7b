"""An option that the tenant has switched off for everybody is never called offered, wherever it is shown."""

import csv
import io

import pytest

from commands.drawn.scan import render_table
from reports.document import shift_object
from reports.extras import ReportExtras
from reports.files import render_csv
from reports.html import render_html
from reports.page_data import page_data
from reports.words import OPTION, SWITCHED_OFF, VISIBILITY, option_of, shift_in_words
from tests.checks.kit import NOW, SERVICE, make_tenant, policy, shifts
from tests.reports import samples
from tests.reports.samples import Json, account, document

OFF = samples.reason("App passwords are switched off for the whole tenant.", "tenant_switch_off")
HAVING = ("visible", "stuck", "pending")
LABEL = "Off for the whole tenant"


def shown(visibility: str, *, off: bool = True) -> Json:
    return account("svc-a", "", visibility, "usable", reasons=[OFF] if off else [])


@pytest.mark.parametrize("visibility", VISIBILITY)
def test_only_who_has_the_option_or_will_have_it_is_shown_as_switched_off(visibility: str) -> None:
    assert option_of(shown(visibility)) == (SWITCHED_OFF if visibility in HAVING else visibility)
    assert option_of(shown(visibility, off=False)) == visibility
    assert OPTION[visibility] is VISIBILITY[visibility]


@pytest.mark.parametrize("visibility", HAVING)
def test_table_csv_and_page_say_switched_off(visibility: str) -> None:
    made = document([shown(visibility)])
    row = next(csv.DictReader(io.StringIO(render_csv(made))))
    assert (row["visibility"], row["visibility_label"]) == (visibility, LABEL)
    assert LABEL in render_table(made)
    data = page_data(made, ReportExtras())
    assert [data["visibility"][one["v"]][0] for one in data["accounts"]] == [LABEL]
    for text in (render_table(made), render_html(made, ReportExtras()).split("<script")[0]):
        assert VISIBILITY[visibility].label not in text.replace("not offered", "")


def test_a_simulated_change_says_switched_off_too() -> None:
    before = {"visibility": "hidden", "usability": "usable", "switched_off": True}
    after = before | {"visibility": "visible"}
    assert (
        shift_in_words(before, after)
        == f"app password option: Hidden -> {LABEL}; legacy authentication: Not blocked by a policy"
    )
    on = shift_in_words(
        {"visibility": "hidden", "usability": "usable"}, {"visibility": "visible", "usability": "usable"}
    )
    assert on == "app password option: Hidden -> Offered; legacy authentication: Not blocked by a policy"


@pytest.mark.parametrize("allowed", ["yes", "no", "unknown"])
def test_a_simulation_hands_over_whether_it_is_switched_off(allowed: str) -> None:
    tenant = make_tenant([policy()])
    (shift,) = shifts(tenant, make_tenant(), [SERVICE], app_passwords_allowed=allowed, now=NOW)
    made = shift_object(shift)
    assert [one.get("switched_off", False) for one in (made["before"], made["after"])] == [allowed == "no"] * 2
