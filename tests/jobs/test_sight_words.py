"""What the gaps of a scan mean for its sight."""

import pytest

from jobs.sight_words import unseen_inputs
from tenant.model import Gap

STATE = Gap("per_user_mfa", "500", account_id="a1", tenant_wide=False, objects=("a1",))
REFUSED = Gap("per_user_mfa", "403", "Policy.Read.All", "a1", tenant_wide=False, objects=("a1",))
SEVERAL = Gap("per_user_mfa", "500 (for 2 accounts)", tenant_wide=False, objects=("a1", "a2"))
GROUPS = Gap("groups", "500", objects=("g1", "g2"))


@pytest.mark.parametrize(
    ("gap", "objects"),
    [
        (Gap("organization", "500"), [""]),
        (GROUPS, ["g1", "g2"]),
        (STATE, []),  # a finding of its own
        (REFUSED, ["a1"]),
        (SEVERAL, ["a1", "a2"]),
        (Gap("per_user_mfa", "500", account_id="b", tenant_wide=False, objects=("b",)), ["b"]),
        (Gap("mailbox_purpose", "500", tenant_wide=False, optional=True), [""]),
        (Gap("groups", "500", objects=tuple(map(str, range(2000)))), [""]),
    ],
)
def test_what_is_read_one_by_one_is_unseen_one_by_one(gap: Gap, objects: list[str]) -> None:
    found = unseen_inputs([gap], kept={"a1", "a2"}, names={"g1": "Backup apps"})
    assert [one.object for one in found] == objects
    assert {one.key for one in found} <= {f"input {gap.input}"}
    assert [one.name for one in found if one.object == "g1"] in ([], ["Backup apps"])


def test_the_memberships_of_proposed_accounts_are_a_thing_of_their_own() -> None:
    optional = Gap("group_memberships", "403", tenant_wide=False, optional=True)
    own = Gap("group_memberships", "403", "Directory.Read.All", "a1", tenant_wide=False, objects=("a1",))
    keys = [one.key for one in unseen_inputs([optional, own], kept={"a1"})]
    assert keys == ["input group_memberships of others", "input group_memberships"]
