"""The settings of per-user MFA, from an endpoint that nobody documents: a plain answer counts, anything else is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localgraph.builder import TenantBuilder
from localgraph.server import LocalGraph
from tenant.mfa_service import parse_mfa_service, read_mfa_service
from tenant.model import MfaService
from tests.tenant.reading import connect, read

SVC = "svc@contoso.com"
ENDPOINT = r"/beta/policies/mfaServicePolicy"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"allowAppPasswords": False}, MfaService(False)),
        ({"allowAppPasswords": True, "trustedIps": None}, MfaService(True)),
        (
            {
                "allowAppPasswords": True,
                "trustedIps": {
                    "skipMfaForFederatedUsers": True,
                    "x@odata.type": ["no"],
                    "ipRanges": ["192.0.2.0/24", 5, "", "192.0.2.0/24", "2001:db8::/32"],
                },
                "rememberMfaOnTrustedDevice": {"isEnabled": True},
            },
            MfaService(True, ("192.0.2.0/24", "2001:db8::/32"), True),
        ),
        ({"allowAppPasswords": True, "trustedIps": ["x"]}, MfaService(True)),
        ({"allowAppPasswords": True, "trustedIps": {"skipMfaForFederatedUsers": "yes"}}, MfaService(True)),
        ({"allowAppPasswords": "false"}, None),
        ({"allowAppPasswords": 0}, None),
        ({"allowAppPasswords": None}, None),
        ({"AllowAppPassword": True}, None),
        ({"value": [{"allowAppPasswords": False}]}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_only_a_plain_answer_counts(answer: Any, expected: MfaService | None) -> None:
    assert parse_mfa_service(answer) == expected


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["allowAppPasswords", "trustedIps", "skipMfaForFederatedUsers", "ipRanges", "value"]), inner
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_whatever_comes_nothing_is_raised_and_nothing_guessed(answer: Any) -> None:
    found = parse_mfa_service(answer)
    assert found is None or answer["allowAppPasswords"] is found.allows_app_passwords


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 501, 503])
async def test_a_refusal_leaves_no_gap_and_the_run_complete(status: int) -> None:
    async with LocalGraph(TenantBuilder().user(SVC, mfa="enforced").build()) as graph:
        graph.fail(ENDPOINT, status)
        reading = await read(graph, SVC)
    assert reading.tenant.mfa_service is None
    assert reading.gaps == ()


async def test_it_is_read_with_a_scan_and_costs_one_request() -> None:
    build = TenantBuilder().user(SVC, mfa="enforced").mfa_service(app_passwords=False, trusted_ips=["192.0.2.0/24"])
    async with LocalGraph(build.build()) as graph:
        reading = await read(graph, SVC)
        asked = [one for one in graph.requests if "mfaServicePolicy" in one.path]
    assert reading.tenant.mfa_service == MfaService(False, ("192.0.2.0/24",), False)
    assert len(asked) == 1


async def test_a_graph_that_does_not_know_it_is_no_trouble() -> None:
    async with (
        LocalGraph(TenantBuilder().user(SVC).without_mfa_service().build()) as local,
        connect(local.url) as graph,
    ):
        assert await read_mfa_service(graph) is None
