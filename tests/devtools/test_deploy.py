"""``dev.py deploy``: the package reaches the app, to the end, or a person knows why not."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import azure, deploy
from devtools.azure import Azure, AzureError, Unreachable, send
from devtools.upload import Patience, Refused, Upload, site
from tests.devtools.azure_stand_in import TOKEN, StandIn

QUICK = Patience(between=20, tries=1_800, look=3, deployment=900, answer=60)
BUSY = {"status": 1, "complete": False}
DONE = {"status": 4, "complete": True}
FAILED = {"status": 3, "complete": True, "status_text": "", "message": "Deployment failed"}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in
    assert stand_in.refused == []


@pytest.fixture
def package(tmp_path: Path) -> Path:
    file = tmp_path / "app.zip"
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("host.json", "{}")
    return file


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is signed in to the Azure CLI, and nobody to azd."""
    answers = {"get-access-token": TOKEN, "account show": "s"}
    monkeypatch.setattr(
        azure,
        "command",
        lambda *words: next(
            (said for part, said in answers.items() if part in " ".join(words) and words[0] == "az"), None
        ),
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def upload(stand_in: StandIn, signed_in: None, said: list[str], time: Time) -> Upload:
    to = Azure(arm=stand_in.url)
    found = site(to, "s", "rg", "func-a")
    return Upload(to, found, say=said.append, patience=QUICK, sleep=time.sleep, clock=time)


def test_a_package_that_is_built_goes_up_without_being_built_again(
    upload: Upload, stand_in: StandIn, package: Path
) -> None:
    stand_in.deployments = [BUSY, BUSY, DONE]
    upload.run(package)
    assert stand_in.packages == [("false", {"host.json"})]
    assert stand_in.deployments == []


def test_a_build_in_azure_is_asked_for_by_saying_so(upload: Upload, stand_in: StandIn, package: Path) -> None:
    upload.run(package, remote_build=True)
    assert stand_in.packages[0][0] == "true"


def test_a_deployment_that_cannot_be_seen_yet_is_waited_for(upload: Upload, stand_in: StandIn, package: Path) -> None:
    stand_in.deployments = [{}, {}, DONE]
    upload.run(package)
    assert len(stand_in.packages) == 1


@pytest.mark.parametrize("status", [403, 409, 429, 500, 502, 503])
def test_an_upload_that_may_work_in_a_while_is_tried_again(
    upload: Upload, stand_in: StandIn, package: Path, said: list[str], time: Time, status: int
) -> None:
    stand_in.uploads = [(status, "not now")] * 3
    upload.run(package)
    assert len(stand_in.packages) == 1
    assert time.now >= 60
    assert sum(f"{status} not now" in line for line in said) == 3


def test_an_upload_whose_role_is_not_effective_yet_is_tried_again(
    upload: Upload, stand_in: StandIn, package: Path, said: list[str]
) -> None:
    stand_in.deployments = [FAILED, DONE]
    stand_in.logs = [
        "Failed to upload blob package to storage account with Error: 403 (This request is not authorized to perform this operation.)"
    ]
    upload.run(package)
    assert len(stand_in.packages) == 2
    assert any("This request is not authorized" in line for line in said)


def test_what_never_passes_ends_after_half_an_hour(
    upload: Upload, stand_in: StandIn, package: Path, time: Time
) -> None:
    stand_in.uploads = [(403, "no")] * 1_000
    with pytest.raises(Refused, match="you need Contributor"):
        upload.run(package)
    assert 1_800 <= time.now < 1_900


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_an_upload_that_is_wrong_is_not_tried_again(
    upload: Upload, stand_in: StandIn, package: Path, status: int, time: Time
) -> None:
    stand_in.uploads = [(status, "wrong")]
    with pytest.raises(Refused, match=f"{status} wrong"):
        upload.run(package)
    assert time.now == 0


@pytest.mark.parametrize("status", [3, -1, 6])
def test_a_deployment_that_failed_says_what_azure_said(
    upload: Upload, stand_in: StandIn, package: Path, status: int
) -> None:
    stand_in.deployments = [BUSY, {**FAILED, "status": status}]
    stand_in.logs = ["Unzipping", "host.json is no JSON"]
    with pytest.raises(Refused, match=r"host\.json is no JSON"):
        upload.run(package)
    assert len(stand_in.packages) == 1


def test_a_deployment_that_never_ends_is_given_up(upload: Upload, stand_in: StandIn, package: Path) -> None:
    stand_in.deployments = [BUSY] * 1_000
    with pytest.raises(Refused, match="isn't done after 900 s"):
        upload.run(package)


def test_a_network_that_fails_is_tried_again(
    upload: Upload, stand_in: StandIn, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = send, [1, 2]

    def flaky(method: str, *rest: object, **named: object) -> azure.Answer:
        if method == "POST" and failures:
            failures.pop()
            raise Unreachable("the network is gone.")
        return real(method, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("devtools.upload.send", flaky)
    upload.run(package)
    assert len(stand_in.packages) == 1


@pytest.mark.parametrize(("status", "text"), [(200, "ok"), (503, "not ok")])
def test_the_app_is_asked_until_it_answers(upload: Upload, stand_in: StandIn, status: int, text: str) -> None:
    stand_in.health = [(503, "The service is unavailable."), (404, ""), (status, text)]
    assert upload.wait_for_answer() == text


def test_an_app_that_does_not_answer_is_told(upload: Upload, stand_in: StandIn) -> None:
    stand_in.health = [(404, "Not Found")] * 100
    with pytest.raises(AzureError, match=r"doesn't answer \(404\)"):
        upload.wait_for_answer()


@pytest.mark.parametrize("runtime", [{"name": "node", "version": "22"}, {}])
def test_another_kind_of_app_is_refused(stand_in: StandIn, signed_in: None, runtime: dict[str, str]) -> None:
    stand_in.runtime = runtime
    with pytest.raises(AzureError, match="no function app on Flex Consumption with Python"):
        site(Azure(arm=stand_in.url), "s", "rg", "func-a")


def test_an_app_that_is_not_there_is_told(stand_in: StandIn, signed_in: None) -> None:
    with pytest.raises(AzureError, match="404"):
        site(Azure(arm=stand_in.url), "s", "rg", "func-b")


def test_a_token_is_not_sent_to_where_an_answer_points(package: Path) -> None:
    with StandIn() as other:
        other.answer = lambda *_: (302, b"")  # type: ignore[method-assign]
        assert send("POST", f"{other.url}/api/publish", token=TOKEN, body=package).status == 302


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Which app? Name it with --resource-group and --app, or run azd provision first."),
        (["--resource-group", "rg", "--app", "func-a"], "Which subscription? Run az login"),
        (["--resource-group", "rg", "--app", "func-a", "--subscription", "s"], "Nobody is signed in: run az login"),
    ],
)
def test_what_is_missing_is_said(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(azure, "command", lambda *_: None)
    assert deploy.deploy(arguments) == 1
    assert sentence in capsys.readouterr().err


def test_the_whole_command(
    stand_in: StandIn,
    signed_in: None,
    package: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(azure.CLOUDS, "AzureCloud", stand_in.url)
    arguments = ["--resource-group", "rg", "--app", "func-a", "--zip", str(package)]
    assert deploy.deploy(arguments) == 0
    assert stand_in.packages == [("false", {"host.json"})]
    assert "The app answers: not ok. It says so until its first scan is done." in capsys.readouterr().err


def test_the_app_of_the_azd_environment_is_found(
    stand_in: StandIn, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "azd env get-values --output json": '{"AZURE_RESOURCE_GROUP": "rg", "FUNCTION_APP_NAME": "func-a", "AZURE_SUBSCRIPTION_ID": "s"}',
        f"azd auth token --scope {stand_in.url}/.default --output json": f'{{"token": "{TOKEN}"}}',
    }
    monkeypatch.setattr(azure, "command", lambda *words: said.get(" ".join(words)))
    monkeypatch.setitem(azure.CLOUDS, "AzureCloud", stand_in.url)
    assert deploy.deploy(["--zip", str(package)]) == 0
    assert len(stand_in.packages) == 1
