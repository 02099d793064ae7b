"""Who is assigned to the applications of other vendors, and what is read of accounts that may be proposed."""

import pytest

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.consents import read_applications, read_assigned, read_names, with_groups_and_mailboxes
from tenant.gaps import Gaps
from tests.evidence.company import APP, Assigned
from tests.tenant.reading import connect


async def test_groups_and_applications_that_are_assigned_are_no_accounts() -> None:
    company = Assigned()
    tenant = company.build.build()
    for assignment in tenant.app_role_assignments:
        assignment["principalType"] = "Group"
    async with LocalGraph(tenant) as graph, connect(graph.url) as client:
        gaps = Gaps()
        applications = await read_applications(client, gaps, ())
        assert await read_assigned(client, gaps, applications, list(applications.names)) == {}


async def test_an_application_that_cannot_be_asked_about_is_said_once_and_the_others_count() -> None:
    company = Assigned(applications=3)
    tenant = company.build.build()
    principals = {one["displayName"]: one["id"] for one in tenant.service_principals.values()}
    async with LocalGraph(tenant) as graph, connect(graph.url) as client:
        graph.fail(f"{principals['Vendor 0']}/appRoleAssignedTo|{principals['Vendor 1']}/appRoleAssignedTo", 403)
        gaps = Gaps()
        applications = await read_applications(client, gaps, ())
        found = await read_assigned(client, gaps, applications, list(applications.names))
    assert {one.app_name for consents in found.values() for one in consents} == {APP}
    (gap,) = gaps.found()
    assert (gap.input, gap.permission, gap.optional) == ("assigned_accounts", "Application.Read.All", True)


@pytest.mark.parametrize(
    ("code", "unread"),
    [
        ("MailboxNotEnabledForRESTAPI", False),
        ("ErrorItemNotFound", False),
        ("Request_ResourceNotFound", False),
        ("UnknownError", True),
    ],
)
async def test_an_account_has_no_mailbox_only_where_graph_says_so(code: str, unread: bool) -> None:
    tenant = TenantBuilder().user("svc@contoso.com", mailbox="shared").build()
    async with LocalGraph(tenant) as graph, connect(graph.url) as client:
        graph.fail("mailboxSettings|transitiveMemberOf", 404, code=code)
        gaps = Gaps()
        found = await with_groups_and_mailboxes(client, gaps, await read_names(client, gaps, list(tenant.users)))
    assert [one.mailbox_purpose for one in found] == [None]
    assert ("mailbox_purpose" in {gap.input for gap in gaps.found()}) is unread
