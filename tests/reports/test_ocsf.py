"""The lines for a SIEM: each is what OCSF's own published schema asks, and says no more than is known."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from checks.catalog import known_checks
from checks.model import Usability, Verdict, Visibility
from checks.required import REQUIRED
from checks.resolutions import Ending, ending_of, why_resolved
from findings.compare import no_longer_found
from jobs.watch import DELETED, NOT_SELECTED
from reports.ocsf import Origin, ocsf_lines, render_ocsf
from tests.reports import hostile, samples
from tests.reports.samples import DAY, NOW, iso

SCHEMA = json.loads(
    (Path(__file__).parent / "ocsf" / "compliance_finding-1.8.0.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)
ORIGIN = Origin("1.2.3", "https://watch.contoso.com/api/report")
RUN = {
    "id": "run-2", "started": iso(NOW - timedelta(seconds=9)), "finished": iso(NOW), "tenant_id": "t-1", "tenant_name": "Contoso",
}  # fmt: skip
ACCOUNT: dict[str, Any] = samples.contoso()["accounts"][0]


def problems(event: Any) -> list[str]:
    """What the schema says against an event, and where a number and the word beside it disagree."""
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(event)] + list(
        disagreements(event, SCHEMA)
    )


def disagreements(value: Any, schema: dict[str, Any]) -> list[str]:
    """OCSF says each number in words as well, in a sibling: the caption of the number, unless the number is Other (99)."""
    schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema
    if isinstance(value, list):
        return [one for item in value for one in disagreements(item, schema.get("items", {}))]
    if not isinstance(value, dict):
        return []
    found = []
    for name, one in value.items():
        described = schema.get("properties", {}).get(name, {})
        word = value.get(described.get("x-sibling"))
        if "x-captions" in described and one != 99 and word not in (None, described["x-captions"][str(one)]):
            found.append(f"{name} is {one}, and beside it stands {word}")
        found += disagreements(one, described)
    return found


def kept(**changes: Any) -> dict[str, Any]:
    """A finding as it is kept: seen by the scan before last for the first time, and still open."""
    return {
        "account": ACCOUNT["id"], "user_principal_name": "svc@contoso.com", "display_name": "", "check_id": "APW-001",
        "severity": "high", "status": "open", "title": "Hidden", "summary": "It is hidden.", "cause": None,
        "first_seen": iso(NOW - 3 * DAY), "first_ever": iso(NOW - 9 * DAY), "last_seen": iso(NOW),
        "changed_at": iso(NOW - 3 * DAY), "resolved_at": None, "resolution": None, "occurrences": 2, "flapping_since": None,
        "excepted_until": None, "exception": None, **changes,
    }  # fmt: skip


RESOLVED = {"status": "resolved", "resolved_at": iso(NOW - DAY), "last_seen": iso(NOW - 2 * DAY)}
FOUND = why_resolved("APW-001", Verdict(Visibility.VISIBLE, Usability.USABLE, ()))
WORSE = why_resolved("APW-006", Verdict(Visibility.HIDDEN, Usability.USABLE, ()))
ACCEPTED = {"reason": "until March", "owner": "Ada", "until": "2027-03-31"}


def event(finding: dict[str, Any], account: dict[str, Any] = ACCOUNT) -> dict[str, Any]:
    (line,) = ocsf_lines(RUN, account, [finding], ORIGIN)
    found: dict[str, Any] = json.loads(line)
    assert problems(found) == []
    return found


def test_the_schema_at_hand_is_one_and_refuses_what_is_no_such_event() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    good = event(kept())
    assert problems({**good, "verdict": "fine"})
    assert problems({**good, "time": "2026-11-22"})
    assert problems({**good, "resources": [{"type": "user"}]})
    assert problems({**good, "status": "Resolved"})
    assert problems({name: value for name, value in good.items() if name != "compliance"})


@pytest.mark.parametrize(
    ("finding", "activity", "status", "result"),
    [
        (kept(first_ever=iso(NOW), first_seen=iso(NOW)), "Create", "New", "Fail"),
        (kept(), "Update", "New", "Fail"),
        (kept(first_seen=iso(NOW)), "Update", "New", "Fail"),  # reopened: the finding was there before
        (kept(exception=ACCEPTED), "Update", "Suppressed", "Fail"),
        (kept(check_id="APW-008", severity="medium"), "Update", "New", "Warning"),
        (kept(**RESOLVED, resolution=FOUND), "Close", "Resolved", "Pass"),
        (kept(**RESOLVED, resolution=no_longer_found("APW-001")), "Close", "Resolved", "Unknown"),
        (kept(**RESOLVED, resolution=WORSE), "Close", "Resolved", "Superseded"),
        (kept(**RESOLVED, resolution=DELETED), "Close", "Archived", "Unknown"),
        (kept(**RESOLVED, resolution=NOT_SELECTED), "Close", "Archived", "Unknown"),
        (kept(**RESOLVED, resolution="The account is disabled."), "Close", "Archived", "Unknown"),
        (kept(**RESOLVED, check_id="APW-008", resolution=DELETED), "Close", "Archived", "Unknown"),
        (kept(**RESOLVED, resolution=None), "Close", "Archived", "Unknown"),
    ],
)
def test_activity_status_and_result_say_what_is_known(
    finding: dict[str, Any], activity: str, status: str, result: str
) -> None:
    found = event(finding)
    said = (found["activity_name"], found["status"], found["compliance"]["status"])
    assert said == (activity, status, result)
    assert found["type_uid"] == 200300 + found["activity_id"]


def test_a_reason_that_no_scan_gave_passes_nothing() -> None:
    for said in (DELETED, NOT_SELECTED, None, "", "The account is disabled."):
        assert ending_of("APW-001", said) is Ending.UNWATCHED


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("low", (2, "Low")), ("medium", (3, "Medium")), ("high", (4, "High")), ("odd", (99, "odd"))],
)
def test_severities_are_those_of_the_product(severity: str, expected: tuple[int, str]) -> None:
    found = event(kept(severity=severity))
    assert (found["severity_id"], found["severity"]) == expected


def test_an_event_names_who_what_why_and_what_to_do() -> None:
    found = event(kept(exception=ACCEPTED, cause="Since Monday, by ada@contoso.com."))
    assert found["finding_info"]["uid"] == f"{ACCOUNT['id']}/APW-001"
    assert found["finding_info"]["src_url"] == f"{ORIGIN.report_url}#account={ACCOUNT['id']}"
    assert found["compliance"]["control"] == found["metadata"]["event_code"] == "APW-001"
    assert found["compliance"]["requirements"] == [REQUIRED["APW-001"]]
    assert found["compliance"]["status_details"] == [reason["text"] for reason in ACCOUNT["reasons"]]
    assert [(one["uid"], one["name"]) for one in found["resources"]] == [
        (ACCOUNT["id"], ACCOUNT["user_principal_name"])
    ]
    assert found["resources"][0]["data"]["visibility"] == ACCOUNT["visibility"]
    assert found["remediation"]["references"] == [one["url"] for one in ACCOUNT["remediation"]]
    assert all(one["title"] in found["remediation"]["desc"] for one in ACCOUNT["remediation"])
    assert found["status_detail"] == "Accepted until 2027-03-31 by Ada: until March"
    assert found["metadata"]["tenant_uid"] == found["cloud"]["account"]["uid"] == "t-1"
    assert (found["metadata"]["version"], found["metadata"]["product"]["version"]) == ("1.8.0", "1.2.3")
    assert found["unmapped"]["cause"] == "Since Monday, by ada@contoso.com."


def test_times_are_milliseconds_of_what_happened() -> None:
    def when(time: Any) -> int:
        return int(time.timestamp() * 1000)

    still, ended = event(kept()), event(kept(**RESOLVED, resolution=FOUND))
    info = still["finding_info"]
    assert (info["created_time"], info["first_seen_time"]) == (when(NOW - 9 * DAY), when(NOW - 3 * DAY))
    assert still["time"] == info["last_seen_time"] == when(NOW)
    assert (ended["time"], ended["finding_info"]["last_seen_time"]) == (when(NOW - DAY), when(NOW - 2 * DAY))


def test_a_closed_finding_says_why_and_asks_for_nothing() -> None:
    found = event(kept(**RESOLVED, resolution=FOUND))
    assert found["message"] == f"Hidden: {FOUND}"
    assert found["status_detail"] == FOUND
    assert "remediation" not in found
    assert "status_details" not in found["compliance"]


def test_the_finding_keeps_its_id_over_scans_and_the_event_only_while_nothing_is_new() -> None:
    first, again = event(kept()), event(kept())
    later, ended = event(kept(last_seen=iso(NOW + DAY))), event(kept(**RESOLVED, resolution=FOUND))
    accepted = event(kept(exception=ACCEPTED))
    assert {one["finding_info"]["uid"] for one in (first, again, later, ended, accepted)} == {
        f"{ACCOUNT['id']}/APW-001"
    }
    assert first["metadata"]["uid"] == again["metadata"]["uid"]
    assert len({one["metadata"]["uid"] for one in (first, later, ended, accepted)}) == 4


def test_an_account_of_which_only_the_names_are_known_has_an_event_all_the_same() -> None:
    found = event(kept(), {"id": "a-1", "user_principal_name": "svc@contoso.com", "display_name": ""})
    assert [one["name"] for one in found["resources"]] == ["svc@contoso.com"]


def test_a_scan_has_a_line_for_each_finding_and_none_for_what_it_did_not_find() -> None:
    document = samples.contoso()
    found = [json.loads(line) for line in render_ocsf(document, ORIGIN).splitlines()]
    assert [problems(one) for one in found] == [[]] * len(found)
    assert [one["finding_info"]["uid"] for one in found] == [
        f"{account['id']}/{finding['check_id']}" for account in document["accounts"] for finding in account["findings"]
    ]
    assert "Pass" not in {one["compliance"]["status"] for one in found}


def test_what_an_account_did_not_pass_for_certain_is_never_passed() -> None:
    for account in samples.contoso()["accounts"]:
        for line in ocsf_lines(RUN, account, [kept(check_id="APW-008")], ORIGIN):
            assert json.loads(line)["compliance"]["status"] == "Warning"


@given(hostile.names)
@settings(max_examples=25)
def test_a_name_ends_no_line_and_comes_back_as_it_was(name: str) -> None:
    document, _ = hostile.scan(name)
    text = render_ocsf(document, ORIGIN)
    text.encode("ascii")
    lines = text.splitlines()  # at everything that ends a line for anybody
    assert len(lines) == text.count("\n") == sum(len(account["findings"]) for account in document["accounts"])
    for line in lines[:6]:
        found = json.loads(line)
        assert problems(found) == []
        assert json.dumps(found, ensure_ascii=False).encode("utf-8")
    read = json.loads(lines[0])["resources"][0]["name"]
    assert read == name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_words = st.one_of(hostile.names, st.just(""))
_times = st.datetimes(min_value=NOW.replace(year=1, tzinfo=None)).map(iso)
_maybe = st.none() | _words


def _objects(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(members)


_reason = _objects(text=_words, effect=_words, policy_id=_maybe, policy_name=_maybe)
_remedy = _objects(title=_words, steps=st.lists(_words, max_size=2), trade_off=_words, url=_words)
_exception = st.none() | _objects(reason=_words, owner=_words, until=_words)
_finding = st.fixed_dictionaries(
    {
        "check_id": st.sampled_from(sorted(known_checks())) | _words.filter(bool), "severity": st.sampled_from(["low", "medium", "high"]),
        "status": st.sampled_from(["open", "resolved"]), "first_seen": _times, "title": _words, "summary": _words,
        "exception": _exception,
    },
    optional={
        "first_ever": _times, "last_seen": _times, "changed_at": _times, "resolved_at": st.none() | _times, "cause": _maybe,
        "resolution": _maybe, "occurrences": st.integers(0, 99), "flapping_since": st.none() | _times,
    },
)  # fmt: skip
_account = st.fixed_dictionaries(
    {"id": _words.filter(bool), "user_principal_name": _words, "display_name": _words},
    optional={
        "visibility": st.sampled_from([one.value for one in Visibility]) | _words, "selected_by": st.lists(_words, max_size=2),
        "usability": st.sampled_from([one.value for one in Usability]) | _words, "per_user_mfa": _words,
        "reasons": st.lists(_reason, max_size=2), "remediation": st.lists(_remedy, max_size=2),
    },
)  # fmt: skip
_run = _objects(id=_words, started=_times, finished=_times, tenant_id=_words, tenant_name=_words)


@given(_run, _account, st.lists(_finding, min_size=1, max_size=3))
@settings(max_examples=150)
def test_whatever_is_known_becomes_lines_that_the_published_schema_takes(
    run: dict[str, Any], account: dict[str, Any], findings: list[dict[str, Any]]
) -> None:
    lines = list(ocsf_lines(run, account, findings, ORIGIN))
    assert len(lines) == len(findings)
    for line, finding in zip(lines, findings, strict=True):
        found = json.loads(line)
        assert problems(found) == []
        assert line.isascii()
        assert line.count("\n") == 1
        passed = found["compliance"]["status"] == "Pass"
        assert passed <= (
            finding["status"] == "resolved"
            and ending_of(finding["check_id"], finding.get("resolution")) is Ending.PASSES
        )


def test_every_check_says_what_it_requires() -> None:
    assert set(REQUIRED) == set(known_checks())
