"""What an administrator reads when storage doesn't work."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables.aio import TableServiceClient

from findings.errors import ConflictError, StorageError
from findings.exceptions import ExceptionStore
from findings.retention import prune
from findings.run_record import RunRecord, RunStatus
from findings.runs import RunStore
from findings.store import FindingStore
from tests.findings.build import NOW, account, seen

Refusing = Callable[[int, str], Awaitable[TableServiceClient]]


@pytest.fixture
async def refusing() -> AsyncIterator[Refusing]:
    """Starts a storage account that answers every request with the same status and error code."""
    started: list[web.AppRunner] = []
    clients: list[TableServiceClient] = []

    async def start(status: int, code: str) -> TableServiceClient:
        async def answer(request: web.Request) -> web.Response:
            error = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": f"No.\nRequestId:{code}"}}}
            return web.json_response(error, status=status, headers={"x-ms-error-code": code})

        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        started.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        credential = AzureNamedKeyCredential("account", "c2VjcmV0LWtleQ==")
        client = TableServiceClient(f"http://127.0.0.1:{port}/account", credential=credential, retry_total=0)
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()
    for runner in started:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (403, "AuthorizationPermissionMismatch", "managed identity the role Storage Table Data Contributor"),
        (
            403,
            "AuthorizationFailure",
            "Its firewall may keep this app out; or the app lacks the role Storage Table Data",
        ),
        (403, "AuthenticationFailed", "the role Storage Table Data Contributor on it, or correct AzureWebJobsStorage"),
        (401, "NoAuthenticationInformation", "The sign-in failed: check the app's managed identity and the setting"),
        (503, "ServerBusy", "Table Storage answered 503 ServerBusy."),
        (500, "InternalError", "Table Storage answered 500 InternalError."),
    ],
)
async def test_a_refusal_names_the_table_the_answer_and_the_remedy(
    refusing: Refusing, status: int, code: str, says: str
) -> None:
    service = await refusing(status, code)
    store = FindingStore(service)
    for attempt, table in (
        (store.load_snapshot("a1"), "findings"),
        (store.history("a1"), "history"),
        (store.untold_alert_ids(), "findings"),
        (RunStore(service).save(RunRecord("r", RunStatus.RUNNING, NOW)), "runs"),
        (RunStore(service).load("r"), "runs"),
        (ExceptionStore(service).active(NOW), "exceptions"),
        (prune(service, NOW), "history"),
    ):
        with pytest.raises(StorageError) as error:
            await attempt
        text = str(error.value)
        assert f'table "{table}"' in text
        assert f"answered {status} {code}." in text
        assert says in text
        assert "\n" not in text
        assert "c2VjcmV0" not in text


async def test_a_transaction_that_is_refused_says_the_same(refusing: Refusing, store: FindingStore) -> None:
    await store.keep(account(), [seen(), seen("APW-007")], alert_id="alert-1")
    changes = await store.changes_of("alert-1")
    refused = FindingStore(await refusing(403, "AuthorizationPermissionMismatch"))
    with pytest.raises(StorageError, match=r'Writing to table "history".*role Storage Table Data Contributor'):
        await refused.mark_told(changes)


async def test_a_table_that_is_gone_reads_as_empty(refusing: Refusing) -> None:
    store = FindingStore(await refusing(404, "TableNotFound"))
    assert await store.history("a1") == ()
    assert await store.untold_alert_ids() == []


@pytest.mark.parametrize("code", ["UpdateConditionNotSatisfied", "ConditionNotMet"])
async def test_a_condition_that_is_not_met_is_a_conflict(refusing: Refusing, code: str) -> None:
    runs = RunStore(await refusing(412, code))
    with pytest.raises(ConflictError, match="Somebody else wrote"):
        await runs.save(RunRecord("r", RunStatus.RUNNING, NOW))
