"""The sentence at the top."""

from datetime import timedelta

import pytest

from reports.extras import ReportExtras
from reports.summary import summarize
from tests.reports import samples
from tests.reports.samples import NOW, RUN, Json, account, change, document, finding


def accounts(*visibilities: str, usability: str = "usable") -> list[Json]:
    """Accounts with these verdicts."""
    return [account(f"svc-{place}", "", one, usability) for place, one in enumerate(visibilities)]


def before(**hours: float) -> ReportExtras:
    """A scan that long before this one, and nothing else."""
    finished = NOW - timedelta(**hours)
    return ReportExtras(runs=[{"id": "before", "status": "complete", "finished": samples.iso(finished)}])


def lost(
    shown: list[Json], *places: int, check_id: str = "APW-001", kind: str = "opened", before_: str | None = "visible"
) -> ReportExtras:
    """A scan yesterday, and a change at this one for each of the accounts at these places."""
    history = [change(shown[place], check_id, kind, NOW, RUN, "", before=before_) for place in places]
    return ReportExtras(history=history, runs=before(days=1).runs)


@pytest.mark.parametrize(
    ("visibilities", "sentence"),
    [
        ((), "No service accounts were judged: none is selected, or none could be read."),
        (("visible", "not_offered"), "Nothing is open for 2 service accounts."),
        (("hidden", "stuck", "visible"), "2 of 3 service accounts are missing the app-password option."),
        (("hidden",), "1 of 1 service account is missing the app-password option."),
        (("unknown", "visible"), "For 1 of 2 service accounts it can't be told whether an app password is possible."),
        (
            ("conditional", "visible"),
            "MFA hides the app-password option from 1 of 2 service accounts in some circumstances, or may do so.",
        ),
        (("unknown", "hidden"), "1 of 2 service accounts is missing the app-password option."),
    ],
)
def test_a_first_scan_says_how_things_stand(visibilities: tuple[str, ...], sentence: str) -> None:
    assert summarize(document(accounts(*visibilities)), ReportExtras()).headline == sentence


def test_that_nothing_is_open_is_said_only_where_everything_was_readable_and_nothing_is() -> None:
    shown = document(accounts("visible", "visible"))
    unread = {**shown, "run": {**shown["run"], "complete": False}}
    tidy = document(
        [*accounts("visible"), {**accounts("visible")[0], "findings": [finding("APW-011", "An administrator.", NOW)]}]
    )
    for one in (unread, tidy):
        assert (
            summarize(one, ReportExtras()).headline
            == "MFA hides the app-password option from none of 2 service accounts."
        )


@pytest.mark.parametrize(
    ("visibilities", "sentence"),
    [
        (
            ("unknown", "unknown", "hidden", "visible"),
            "3 of 4 service accounts are missing the app-password option (2 of them by an earlier scan: this one couldn't tell).",
        ),
        (
            ("unknown", "unknown", "visible"),
            "2 of 3 service accounts are missing the app-password option (all of them by an earlier scan: this one couldn't tell).",
        ),
        (
            ("unknown", "visible"),
            "1 of 2 service accounts is missing the app-password option (it is so by an earlier scan: this one couldn't tell).",
        ),
        (("not_applicable", "visible"), "MFA hides the app-password option from none of 2 service accounts."),
    ],
)
@pytest.mark.parametrize("check_id", ["APW-001", "APW-002", "APW-003"])
def test_a_scan_that_cannot_tell_takes_no_account_out_of_those_that_are_missing_it(
    visibilities: tuple[str, ...], sentence: str, check_id: str
) -> None:
    shown = accounts(*visibilities)
    for one in shown:
        if one["visibility"] != "visible":
            one["findings"] = [finding(check_id, "It is hidden.", NOW - timedelta(days=3))]
    assert summarize(document(shown), ReportExtras()).headline == sentence


@pytest.mark.parametrize(
    ("visibility", "usability"), [("unknown", "unknown"), ("visible", "unknown"), ("unknown", "blocked_by_policy")]
)
def test_an_option_that_was_in_vain_is_so_until_a_scan_can_tell(visibility: str, usability: str) -> None:
    shown = accounts(visibility, usability=usability)
    shown[0]["findings"] = [finding("APW-007", "It is blocked.", NOW - timedelta(days=3))]
    said = summarize(document(shown), ReportExtras()).asides
    assert said == ("1 account has the option, but an app password doesn't let it in.",)


def test_a_later_scan_says_what_was_lost() -> None:
    shown = accounts("hidden", "hidden", "visible")
    extras = lost(shown, 0)
    headline = summarize(document(shown), extras).headline
    assert headline == "1 of 3 service accounts lost the app-password option since yesterday."


@pytest.mark.parametrize(
    ("hours_ago", "said"),
    [
        (3, "1 of 3 service accounts lost the app-password option since yesterday."),
        (30, "2 of 3 service accounts are missing the app-password option, none of them new since yesterday."),
    ],
)
def test_what_a_scan_of_some_accounts_found_since_the_scan_before_is_new(hours_ago: int, said: str) -> None:
    shown = accounts("hidden", "hidden", "visible")
    found = change(shown[0], "APW-001", "opened", NOW - timedelta(hours=hours_ago), "of one", "", before="visible")
    this = {"id": RUN, "status": "complete", "finished": samples.iso(NOW)}
    extras = ReportExtras(history=[found], runs=[*before(days=1).runs, this])
    assert summarize(document(shown), extras).headline == said


def test_what_was_missing_before_is_not_lost_again() -> None:
    shown = accounts("hidden", "hidden", "visible")
    headline = summarize(document(shown), before(days=1)).headline
    assert headline == "2 of 3 service accounts are missing the app-password option, none of them new since yesterday."


@pytest.mark.parametrize(
    ("check_id", "kind"),
    [("APW-005", "opened"), ("APW-008", "opened"), ("APW-001", "changed"), ("APW-001", "resolved")],
)
def test_other_changes_are_no_loss(check_id: str, kind: str) -> None:
    shown = accounts("hidden", "visible")
    headline = summarize(document(shown), lost(shown, 0, check_id=check_id, kind=kind)).headline
    assert "lost" not in headline


@pytest.mark.parametrize("known", ["not_offered", "pending", "conditional", "predicted"])
def test_an_account_that_never_had_the_option_has_not_lost_it(known: str | None) -> None:
    shown = accounts("hidden", "hidden", "visible")
    headline = summarize(document(shown), lost(shown, 0, before_=known)).headline
    assert headline == (
        "1 of 3 service accounts is newly affected since yesterday: the app-password option is missing."
    )


@pytest.mark.parametrize("known", ["hidden", "stuck", "unknown", "not_applicable", None])
def test_an_account_that_may_have_missed_the_option_all_along_is_not_newly_affected(known: str | None) -> None:
    shown = accounts("hidden", "hidden", "visible")
    headline = summarize(document(shown), lost(shown, 0, before_=known)).headline
    assert headline == (
        "2 of 3 service accounts are missing the app-password option; of 1 of them it is known since yesterday."
    )
    alone = accounts("hidden")
    headline = summarize(document(alone), lost(alone, 0, before_=known)).headline
    assert headline == "1 of 1 service account is missing the app-password option, as is known since yesterday."


def test_what_was_lost_comes_before_what_was_never_there() -> None:
    shown = accounts("hidden", "hidden", "stuck", "visible")
    history = [*lost(shown, 0).history, *lost(shown, 1, 2, before_="not_offered").history]
    headline = summarize(document(shown), ReportExtras(history=history, runs=before(days=1).runs)).headline
    assert headline == (
        "1 of 4 service accounts lost the app-password option since yesterday, and 2 more are newly affected."
    )


@pytest.mark.parametrize(
    ("extras", "since"),
    [
        (before(hours=3), "04:00 UTC today"),
        (before(days=1), "yesterday"),
        (before(hours=8), "yesterday"),
        (before(days=3), "19 Nov 2026"),
        (ReportExtras(), None),
        (ReportExtras(runs=[{"id": "x", "status": "failed", "finished": "2026-11-21T07:00:00Z"}]), None),
        (ReportExtras(runs=[{"id": "x", "status": "running", "finished": None}]), None),
        (ReportExtras(runs=[{**before(days=1).runs[0], "partial": True}]), None),
        (ReportExtras(runs=[{"id": RUN, "status": "complete", "finished": "2026-11-22T07:00:00Z"}]), None),
    ],
)
def test_the_scan_before_is_named_as_people_do(extras: ReportExtras, since: str | None) -> None:
    assert summarize(document(accounts("visible")), extras).since == since


def test_what_can_not_be_told_is_said_with_its_cause() -> None:
    gap = {"input": "conditional_access_policies", "error": "403", "permission": "Policy.Read.All", "account": None}
    said = summarize(document(accounts("unknown", "hidden"), [gap]), ReportExtras()).unknown
    assert said == "1 account can't be judged completely: it depends on the Conditional Access policies."


def test_an_answer_that_another_input_leaves_open_is_not_put_down_to_the_gap() -> None:
    shown = accounts("unknown", "unknown", "hidden")
    mine = {"input": "per_user_mfa", "error": "no value", "permission": None, "account": shown[0]["id"]}
    said = [summarize(document(some, [mine]), ReportExtras()).unknown for some in (shown, shown[1:])]
    assert said == [
        "2 accounts can't be judged completely: 1 has no per-user MFA state and 1 depends on what its reasons name.",
        "1 account can't be judged completely: the reasons say what could not be read.",
    ]


def test_an_optional_gap_leaves_no_answer_open() -> None:
    log = {"input": "audit_log", "error": "403", "permission": "AuditLog.Read.All", "account": None, "optional": True}
    said = summarize(document(accounts("unknown"), [log]), ReportExtras()).unknown
    assert said == "1 account can't be judged completely: the reasons say what could not be read."


def test_without_accounts_no_answer_stands() -> None:
    gap = {"input": "account svc_mfp@Contoso.com", "error": "404", "permission": None, "account": "svc_mfp@Contoso.com"}
    said = summarize(document([], [gap]), ReportExtras()).unknown
    assert said == "This could not be read: Account svc_mfp@Contoso.com."


def test_a_gap_that_changes_no_answer_is_said_too() -> None:
    gap = {"input": "named_locations", "error": "403", "permission": "Policy.Read.All", "account": None}
    said = summarize(document(accounts("visible"), [gap]), ReportExtras()).unknown
    assert said == "The answer for every account stands, although this could not be read: Named locations."


def test_accounts_that_nobody_may_have_seen_are_not_passed_over() -> None:
    selection = {"input": "selection", "error": "403", "permission": "GroupMember.Read.All", "account": None}
    policies = {"input": "conditional_access_policies", "error": "403", "permission": "P", "account": None}
    more = " Further accounts may be selected: none of these is judged."
    said = summarize(document(accounts("visible"), [selection]), ReportExtras()).unknown
    assert (
        said
        == f"The answer for every account stands, although this could not be read: The selection of service accounts.{more}"
    )
    said = summarize(document(accounts("unknown"), [selection, policies]), ReportExtras()).unknown
    assert said == f"1 account can't be judged completely: it depends on the Conditional Access policies.{more}"


def test_what_else_matters_follows() -> None:
    shown = [
        account("svc-a", "", "visible", "blocked_by_policy"),
        account("svc-b", "", "predicted", "usable", findings=[finding("APW-006", "", NOW)]),
    ]
    assert summarize(document(shown), ReportExtras()).asides == (
        "1 account has the option, but an app password doesn't let it in.",
        "1 account is about to be affected by a policy that isn't in force yet.",
    )


OFF = samples.reason("App passwords are switched off for the whole tenant.", "tenant_switch_off")
CONTRADICTION = "The tenant's switch is off, and the setting says yes."


def switched(*shown: Json, allowed: bool | None = False, contradiction: str | None = None) -> Json:
    """A document of a tenant with that switch."""
    switch = {"allowed": allowed, "source": "read", "contradiction": contradiction}
    made = document(list(shown))
    return {**made, "run": {**made["run"], "app_passwords": switch}}


@pytest.mark.parametrize("visibility", ["visible", "stuck", "pending"])
def test_a_switch_that_is_off_is_the_headline_where_it_takes_an_option_away(visibility: str) -> None:
    off = account("svc-a", "", visibility, "blocked_by_policy", reasons=[OFF])
    said = summarize(switched(off, account("svc-b", "", "hidden", "usable")), ReportExtras())
    assert said.headline == (
        "App passwords are switched off for the whole tenant: none of 2 service accounts is offered one."
    )
    missing = "2 of 2 service accounts are" if visibility == "stuck" else "1 of 2 service accounts is"
    assert said.asides == (f"{missing} missing the app-password option.",)
    alone = summarize(switched(account("svc-a", "", "visible", "usable", reasons=[OFF])), ReportExtras())
    assert alone.headline == (
        "App passwords are switched off for the whole tenant: the service account isn't offered one."
    )
    assert alone.asides == ()


def test_a_switch_that_is_off_is_an_aside_where_nobody_has_the_option_anyway() -> None:
    said = summarize(switched(*accounts("not_offered", "not_offered")), ReportExtras())
    assert said.headline == "Nothing is open for 2 service accounts."
    assert said.asides == ("App passwords are switched off for the whole tenant, so nobody is offered one.",)


@pytest.mark.parametrize(("allowed", "count"), [(True, 1), (False, 2)])
def test_a_setting_that_says_otherwise_is_named(allowed: bool, count: int) -> None:
    shown = switched(*accounts("hidden"), allowed=allowed, contradiction=CONTRADICTION)
    asides = summarize(shown, ReportExtras()).asides
    assert asides[-1] == CONTRADICTION
    assert len(asides) == count


def test_a_scan_of_an_older_version_says_nothing_of_the_switch() -> None:
    assert summarize(document(accounts("visible")), ReportExtras()).asides == ()
