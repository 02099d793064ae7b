"""The selected accounts: who they are, their state, their memberships."""

import time

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from localgraph.tenant import ABSENT, LocalTenant
from tenant.limits import Lane
from tenant.model import Gap, Registration
from tenant.reader import read_tenant
from tenant.selection import Selection
from tests.tenant.reading import Naps, account, connect, gap_of, inputs, read

SVC = "svc@contoso.com"
METHODS = "UserAuthenticationMethod.Read.All"


async def test_an_account_is_read_with_its_properties_state_and_groups() -> None:
    tenant = (
        TenantBuilder()
        .user(SVC, name="Backup", mfa="enforced", enabled=False, groups=["Apps"], onPremisesSyncEnabled=True)
        .group("All", members=["Apps"])
        .build()
    )
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC)
    (found,) = reading.accounts
    assert (found.user_principal_name, found.display_name) == (SVC, "Backup")
    assert (found.enabled, found.user_type, found.on_premises_sync_enabled) == (False, "Member", True)
    assert (found.per_user_mfa, found.per_user_mfa_bulk) == ("enforced", "enforced")
    assert not isinstance(found.groups, Gap)
    assert {reading.tenant.groups[id].display_name for id in found.groups} == {"Apps", "All"}
    assert found.selected_by == ("list",)


@pytest.mark.parametrize("by_id", [False, True])
async def test_an_answer_about_somebody_else_is_none_about_the_account(by_id: bool) -> None:
    async with LocalGraph(TenantBuilder().user(SVC).user("other@contoso.com").build()) as graph:
        svc, other = graph.tenant.user(SVC), graph.tenant.user("other@contoso.com")
        graph.fail(rf"/users/({SVC}|{svc.id})\?", 200, body={"id": other.id, "userPrincipalName": other.upn})
        reading = await read(graph, svc.id if by_id else SVC)
    (found,) = reading.accounts
    assert found.properties == gap_of(reading, "account_properties")
    assert "about something else" in gap_of(reading, "account_properties").error


async def test_an_account_is_known_by_every_spelling_of_its_name() -> None:
    composed, apart = "b\u00fccher@contoso.com", "bu\u0308cher@contoso.com"
    async with LocalGraph(TenantBuilder().user(composed).build()) as graph:
        user = graph.tenant.user(composed)
        graph.fail(r"/users/.*cher@contoso\.com\?", 200, body={"id": user.id, "userPrincipalName": composed.upper()})
        assert [one.id for one in (await read(graph, apart)).accounts] == [user.id]


@pytest.mark.parametrize(
    "upn",
    [
        "o'brien@contoso.com",
        "o''two@contoso.com",
        "guest_fabrikam.com#EXT#@contoso.onmicrosoft.com",
        "резервная.копия@contoso.com",
        "バックアップ@contoso.com",
        "bücher@contoso.com",
        "a+b@contoso.com",
        "100%25@contoso.com",
        "a&b=c?d@contoso.com",
        "$dollar@contoso.com",
        "semi;colon,comma@contoso.com",
    ],
)
async def test_odd_user_principal_names_reach_graph_unharmed(upn: str) -> None:
    async with LocalGraph(TenantBuilder().user(upn, mfa="enforced").build()) as graph:
        reading = await read(graph, upn)
    assert reading.gaps == ()
    (found,) = reading.accounts
    assert (found.user_principal_name, found.per_user_mfa) == (upn, "enforced")


async def test_an_account_named_twice_by_name_and_id_is_read_once() -> None:
    tenant = TenantBuilder().user(SVC).build()
    async with LocalGraph(tenant) as graph:
        reading = await read(graph, SVC, SVC.upper(), tenant.user(SVC).id, tenant.user(SVC).id.upper())
    assert [one.user_principal_name for one in reading.accounts] == [SVC]
    assert reading.gaps == ()


async def test_an_account_that_does_not_exist_is_told_and_is_no_account() -> None:
    async with LocalGraph(TenantBuilder().user(SVC).build()) as graph:
        reading = await read(graph, SVC, "typo@contoso.com")
    assert [one.user_principal_name for one in reading.accounts] == [SVC]
    gap = gap_of(reading, "account typo@contoso.com")
    assert gap.not_found
    assert "check the spelling" in gap.error
    assert not gap.tenant_wide


@pytest.mark.parametrize("body", [None, b"<html>Not found</html>"])
async def test_an_account_of_which_something_is_not_found_keeps_its_place(body: bytes | None) -> None:
    async with LocalGraph(TenantBuilder().user(SVC).build()) as graph:
        graph.fail(f"/users/{SVC}", 404, code="UnknownError", body=body)
        reading = await read(graph, SVC)
    (found,) = reading.accounts
    assert found.properties == gap_of(reading, "account_properties")


async def test_an_account_whose_properties_cannot_be_read_keeps_its_place() -> None:
    async with LocalGraph(TenantBuilder().user(SVC).user("other@contoso.com").build()) as graph:
        graph.fail("/users/other@contoso.com$", 403)
        reading = await read(graph, SVC, "other@contoso.com")
    other = account(reading, "other")
    assert (other.id, other.selected_by) == ("other@contoso.com", ("list",))
    assert isinstance(other.properties, Gap)
    assert other.properties.permission == "User.Read.All"
    assert account(reading, "svc").properties is None


async def test_a_gap_that_hits_many_accounts_is_told_once_and_kept_with_each() -> None:
    build = TenantBuilder()
    names = [f"svc{number:02d}@contoso.com" for number in range(25)]
    for name in names:
        build.user(name)
    async with LocalGraph(build.build()) as graph:
        graph.fail("/authentication/requirements", 403, message="Denied.")
        reading = await read(graph, *names)
    gap = gap_of(reading, "per_user_mfa")
    assert gap.error == "403 Authorization_RequestDenied: Denied. (for 25 accounts)"
    assert (gap.account_id, gap.tenant_wide) == (None, False)
    for one in reading.accounts:
        assert isinstance(one.per_user_mfa, Gap)
        assert one.per_user_mfa.account_id == one.id


async def test_messages_that_name_each_account_are_still_one_gap() -> None:
    async with LocalGraph(TenantBuilder().user("a@contoso.com").user("b@contoso.com").build()) as graph:
        for name in ("a", "b"):
            id = graph.tenant.user(f"{name}@contoso.com").id
            graph.fail(f"{id}/transitiveMemberOf", 403, message=f"You may not read {id}.")
        reading = await read(graph, "a@contoso.com", "b@contoso.com")
    assert gap_of(reading, "group_memberships").error.endswith("(for 2 accounts)")


@pytest.mark.parametrize("state", [None, ABSENT])
async def test_an_answer_without_a_state_is_unknown_and_never_disabled(state: str | None) -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa=state).build()) as graph:
        reading = await read(graph, SVC)
    assert account(reading, "svc").per_user_mfa is None
    assert "perUserMfaState" in gap_of(reading, "per_user_mfa").error


async def test_a_state_that_is_new_is_kept_as_it_is() -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="unknownFutureValue").build()) as graph:
        assert account(await read(graph, SVC), "svc").per_user_mfa == "unknownFutureValue"


async def test_the_documented_state_is_read_even_where_the_user_list_has_one() -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="disabled", mfa_bulk="enforced").build()) as graph:
        found = account(await read(graph, SVC), "svc")
    assert (found.per_user_mfa, found.per_user_mfa_bulk) == ("disabled", "enforced")


@pytest.mark.parametrize("status", [400, 403])
async def test_accounts_are_read_without_the_undocumented_state_where_graph_will_not_have_it(status: int) -> None:
    build = TenantBuilder()
    names = [f"svc{number:02d}@contoso.com" for number in range(50)]
    for name in names:
        build.user(name)
    async with LocalGraph(build.build()) as graph:
        refused = graph.fail("select=.*perUserMfaState", status)
        reading = await read(graph, *names)
    assert reading.gaps == ()
    assert len(reading.accounts) == 50
    assert reading.accounts[0].per_user_mfa_bulk is None
    assert refused.hits == 20, "the first batch shows it for the others"


async def test_absent_properties_are_unknown_and_not_false() -> None:
    tenant = TenantBuilder().user(SVC, enabled=None, user_type=None, accountEnabled=ABSENT).build()
    async with LocalGraph(tenant) as graph:
        found = account(await read(graph, SVC), "svc")
    assert (found.enabled, found.user_type, found.external_user_state) == (None, None, None)


# Memberships


async def test_all_pages_of_memberships_are_read() -> None:
    groups = [f"Group {number}" for number in range(9)]
    async with LocalGraph(TenantBuilder().user(SVC, groups=groups).build(), page_sizes={"members": 2}) as graph:
        reading = await read(graph, SVC)
    memberships = account(reading, "svc").groups
    assert not isinstance(memberships, Gap)
    assert {reading.tenant.groups[id].display_name for id in memberships} == set(groups)


async def test_roles_among_the_memberships_are_no_groups() -> None:
    async with LocalGraph(TenantBuilder().user(SVC, groups=["Apps"], roles=["Global Reader"]).build()) as graph:
        memberships = account(await read(graph, SVC), "svc").groups
    assert not isinstance(memberships, Gap)
    assert len(memberships) == 1


async def test_a_page_of_memberships_that_fails_leaves_no_half_of_them() -> None:
    tenant = TenantBuilder().user(SVC, groups=["A", "B", "C"]).build()
    async with LocalGraph(tenant, page_sizes={"members": 1}) as graph:
        graph.fail("transitiveMemberOf.*skiptoken", 403)
        reading = await read(graph, SVC)
    assert isinstance(account(reading, "svc").groups, Gap)
    assert inputs(reading) == ["group_memberships"]


async def test_accounts_come_by_name_whatever_order_they_were_given_in() -> None:
    names = ["c@contoso.com", "A@contoso.com", "b@contoso.com"]
    build = TenantBuilder()
    for name in names:
        build.user(name)
    async with LocalGraph(build.build()) as graph:
        reading = await read(graph, *names)
    assert [one.user_principal_name for one in reading.accounts] == ["A@contoso.com", "b@contoso.com", "c@contoso.com"]


# Registration


@pytest.mark.parametrize("methods", [("phone",), ()])
@pytest.mark.parametrize("in_report", [True, False])
async def test_the_report_is_not_asked_where_the_own_methods_say_it(methods: tuple[str, ...], in_report: bool) -> None:
    tenant = TenantBuilder().user(SVC, mfa="enabled", methods=methods, in_report=in_report).build()
    async with LocalGraph(tenant) as graph:
        registration = account(await read(graph, SVC), "svc").registration
        assert not [one for one in graph.requests if "userRegistrationDetails" in one.path]
    assert registration.report is None
    assert isinstance(registration.own, tuple)
    assert len(registration.own) == 1 + len(methods)


async def test_the_report_is_asked_where_the_own_methods_are_of_a_kind_that_nobody_knows() -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enabled", methods=["phone"]).build()) as graph:
        graph.fail("/authentication/methods", 200, body={"value": [{"@odata.type": "#microsoft.graph.newMethod"}]})
        registration = account(await read(graph, SVC), "svc").registration
    assert registration == Registration(("mobilePhone",), ("#microsoft.graph.newMethod",))


def awaiting(number: int, *, with_method: int = 0) -> tuple[LocalTenant, list[str]]:
    """Accounts that are Enabled, and their names; the first of them have a method."""
    build, names = TenantBuilder(), [f"svc-{place:02}@contoso.com" for place in range(number)]
    for place, name in enumerate(names):
        build.user(name, mfa="enabled", methods=["phone"] if place < with_method else [])
    return build.build(), names


def asked(graph: LocalGraph, what: str) -> int:
    return sum(what in one.path and one.status != 429 for one in graph.requests)


async def test_where_own_methods_may_not_be_read_a_few_show_it_and_the_report_is_asked_for_many_at_once() -> None:
    tenant, names = awaiting(45, with_method=20)
    async with LocalGraph(tenant) as graph:
        graph.deny("UserAuthenticationMethod.Read.All")
        reading = await read(graph, *names)
        assert asked(graph, "/authentication/methods") == 6
        assert asked(graph, "userRegistrationDetails") == 3
    assert reading.gaps == ()
    assert [one.registration.report for one in reading.accounts] == [("mobilePhone",)] * 20 + [()] * 25


async def test_where_graph_does_not_filter_the_report_it_is_asked_account_by_account() -> None:
    tenant, names = awaiting(20, with_method=20)
    async with LocalGraph(tenant) as graph:
        graph.deny("UserAuthenticationMethod.Read.All")
        graph.fail(r"userRegistrationDetails\?", 400)
        reading = await read(graph, *names)
        assert asked(graph, "userRegistrationDetails/") == 20
    assert {one.registration.report for one in reading.accounts} == {("mobilePhone",)}


async def test_an_account_that_the_filtered_report_lacks_is_a_gap_where_its_own_methods_are_unread() -> None:
    build = TenantBuilder()
    names = [f"svc-{place:02}@contoso.com" for place in range(8)]
    for name in names:
        build.user(name, mfa="enabled", in_report=name != names[-1])
    async with LocalGraph(build.build()) as graph:
        graph.deny("UserAuthenticationMethod.Read.All")
        reading = await read(graph, *names)
    assert gap_of(reading, "mfa_registration").permission == "UserAuthenticationMethod.Read.All"
    assert [isinstance(one.registration.own, Gap) for one in reading.accounts] == [True] * 8
    assert [one.registration.report for one in reading.accounts] == [()] * 7 + [None]


@pytest.mark.usefixtures("limits_of_microsoft")
@pytest.mark.parametrize(
    ("with_method", "own"),
    [
        (25, 5),  # a clear yes of the report needs no second look
        (0, 25),
    ],
)
async def test_where_own_methods_are_limited_like_the_report_it_comes_first_and_hardly_anything_is_refused(
    with_method: int, own: int
) -> None:
    tenant, names = awaiting(25, with_method=with_method)
    naps = Naps()
    now = lambda: time.monotonic() + sum(naps.taken)  # noqa: E731
    async with LocalGraph(tenant, limits=True, clock=now) as graph, connect(graph.url, naps) as client:
        reading = await read_tenant(client, Selection(accounts=tuple(names)))
        assert client.limits.refusals[Lane.METHODS] == 1, "one more than five shows that they are limited"
        assert client.limits.refusals[Lane.REPORTS] == 0
        assert asked(graph, "/authentication/methods") == own
        assert asked(graph, "userRegistrationDetails") == 2
    assert reading.gaps == ()
    assert sum(one.registration.own is not None for one in reading.accounts) == own


@pytest.mark.parametrize("mfa", ["enabled", "enforced"])
async def test_where_graph_is_too_busy_for_any_of_the_first_own_methods_nobody_goes_unread(mfa: str) -> None:
    build = TenantBuilder()
    names = [f"svc-{place:02}@contoso.com" for place in range(8)]
    for name in names:
        build.user(name, mfa=mfa, methods=["phone"], in_report=False)
    async with LocalGraph(build.build()) as graph:
        busy = graph.fail("/authentication/methods", 429, times=6)
        reading = await read(graph, *names)
        assert busy.hits == 6
    assert reading.gaps == ()
    assert [one.registration.own is not None for one in reading.accounts] == [True] * 8


@pytest.mark.usefixtures("limits_of_microsoft")
@pytest.mark.parametrize("mfa", ["enabled", "enforced"])
@pytest.mark.parametrize("accounts", [20, 60])
async def test_where_graph_refuses_own_methods_for_good_a_scan_waits_minutes_and_not_for_each_account(
    mfa: str, accounts: int
) -> None:
    build, naps = TenantBuilder(), Naps()
    names = [f"svc-{place:02}@contoso.com" for place in range(accounts)]
    for name in names:
        build.user(name, mfa=mfa, methods=["phone"])
    async with LocalGraph(build.build()) as graph, connect(graph.url, naps) as client:
        graph.fail("/authentication/methods", 429, retry_after=10)
        graph.fail("userRegistrationDetails", 403)
        reading = await read_tenant(client, Selection(accounts=tuple(names)))
    assert sum(naps.taken) < 600
    assert set(inputs(reading)) == {"mfa_registration" if mfa == "enabled" else "mfa_methods"}
    assert [isinstance(one.registration.own, Gap) for one in reading.accounts] == [True] * accounts


async def test_where_own_methods_are_not_limited_they_are_all_read_and_the_report_is_not() -> None:
    tenant, names = awaiting(45)
    async with LocalGraph(tenant, limits=True, methods_limited=False) as graph:
        reading = await read(graph, *names)
        assert asked(graph, "/authentication/methods") == 45
        assert asked(graph, "userRegistrationDetails") == 0
    assert {one.registration.report for one in reading.accounts} == {None}


async def test_the_registration_of_an_account_without_per_user_mfa_is_not_read() -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="disabled", methods=["phone"]).build()) as graph:
        registration = account(await read(graph, SVC), "svc").registration
    assert (registration.report, registration.own) == (None, None)


PHONE = ("#microsoft.graph.phoneAuthenticationMethod", "#microsoft.graph.passwordAuthenticationMethod")


async def test_of_an_enforced_account_the_own_methods_are_read_which_are_never_late() -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enforced", methods=["phone"]).build()) as graph:
        reading = await read(graph, SVC)
    registration = account(reading, "svc").registration
    assert registration.report is None
    assert isinstance(registration.own, tuple)
    assert sorted(registration.own) == sorted(PHONE)
    assert reading.gaps == ()


@pytest.mark.parametrize(
    ("refused", "report", "gaps"),
    [
        ("/authentication/methods", ("mobilePhone",), []),
        ("/userRegistrationDetails/|/authentication/methods", None, [("mfa_methods", True, METHODS)]),
    ],
)
async def test_what_an_enforced_account_has_registered_is_an_optional_input(
    refused: str, report: tuple[str, ...] | None, gaps: list[tuple[str, bool, str]]
) -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enforced", methods=["phone"]).build()) as graph:
        graph.fail(refused, 403)
        reading = await read(graph, SVC)
    registration = account(reading, "svc").registration
    assert (registration.report if isinstance(registration.report, tuple) else None) == report
    assert [(gap.input, gap.optional, gap.permission) for gap in reading.gaps] == gaps


async def test_a_disabled_account_is_not_asked_for_its_methods() -> None:
    tenant = TenantBuilder().user(SVC, mfa="enforced", methods=["phone"], enabled=False).build()
    async with LocalGraph(tenant) as graph:
        assert account(await read(graph, SVC), "svc").registration == Registration()


@pytest.mark.parametrize("state", [None, "suspended"])
async def test_registration_is_asked_for_where_the_state_is_unknown(state: str | None) -> None:
    """It may be Enabled, and then it is another missing input."""
    async with LocalGraph(TenantBuilder().user(SVC, mfa=state, methods=["phone"]).build()) as graph:
        assert isinstance(account(await read(graph, SVC), "svc").registration.own, tuple)
        graph.fail("/userRegistrationDetails/|/authentication/methods", 403)
        assert "mfa_registration" in inputs(await read(graph, SVC))


async def test_where_no_state_can_be_read_the_registrations_of_one_batch_show_whether_they_can_be() -> None:
    build = TenantBuilder()
    names = [f"svc-{number:02}@contoso.com" for number in range(45)]
    for name in names:
        build.user(name, mfa="enabled", methods=["phone"])
    async with LocalGraph(build.build()) as graph:
        graph.fail("/authentication/requirements", 403)
        await read(graph, *names)
        assert asked(graph, "/authentication/methods") == 20


async def test_a_report_that_cannot_be_read_is_no_gap_where_own_methods_can() -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enabled", methods=["phone"]).build()) as graph:
        unknown = {"@odata.type": "#microsoft.graph.newMethod"}
        graph.fail("/authentication/methods", 200, body={"value": [unknown]})
        graph.fail("/userRegistrationDetails/", 403)
        reading = await read(graph, SVC)
    registration = account(reading, "svc").registration
    assert reading.gaps == ()
    assert isinstance(registration.report, Gap)
    assert registration.report.permission == "AuditLog.Read.All"
    assert isinstance(registration.own, tuple)


async def test_own_methods_that_cannot_be_read_are_no_gap_where_the_report_decides() -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enabled").build()) as graph:
        graph.fail("/authentication/methods", 403)
        reading = await read(graph, SVC)
    assert reading.gaps == ()
    assert account(reading, "svc").registration.report == ()


async def test_own_methods_that_cannot_be_read_are_a_gap_where_the_report_leaves_it_open() -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enabled", in_report=False).build()) as graph:
        graph.fail("/authentication/methods", 403)
        reading = await read(graph, SVC)
    assert gap_of(reading, "mfa_registration").permission == "UserAuthenticationMethod.Read.All"
    assert isinstance(account(reading, "svc").registration.own, Gap)


@pytest.mark.parametrize(
    ("methods", "report", "passing"),
    [(403, 403, False), (403, 503, True), (503, 403, True), (403, 0, True), (404, 403, False), (429, 429, True)],
)
async def test_a_registration_may_be_readable_later_where_any_of_its_sources_may(
    methods: int, report: int, passing: bool
) -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enabled").build()) as graph:
        graph.fail("/authentication/methods", methods)
        graph.fail("/userRegistrationDetails/", report)
        reading = await read(graph, SVC)
    assert gap_of(reading, "mfa_registration").passing is passing


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503, 504, 400, 401, 403, 404, 501])
async def test_what_graph_had_no_time_for_may_be_readable_later(status: int) -> None:
    async with LocalGraph(TenantBuilder().user(SVC).build()) as graph:
        graph.fail("/transitiveMemberOf|/authentication/requirements", status)
        gaps = [gap for gap in (await read(graph, SVC)).gaps if gap.input in ("group_memberships", "per_user_mfa")]
    assert {gap.passing for gap in gaps} == {status in (0, 429, 500, 502, 503, 504)}
