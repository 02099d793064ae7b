"""Who is assigned to the applications of other vendors."""

from localgraph.server import LocalGraph
from tenant.consents import read_applications, read_assigned
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
