"""Requests that a page of another site makes are refused; people, programs and links are not in the way of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.access import Refused
from functions.origin import refuse_cross_site

HOST = "app.azurewebsites.net"
OWN = f"https://{HOST}"
OTHER = "https://evil.example"
SAME, CROSS = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}
COOKIE = {"Cookie": "AppServiceAuthSession=x"}


def refused(method: str, headers: dict[str, str], *, from_page: bool = False, own: tuple[str, ...] = ()) -> bool:
    """Whether a request to the app is refused."""
    try:
        refuse_cross_site(method, {"Host": HOST, **headers}, own, from_page=from_page)
    except Refused as error:
        return error.status == 403
    return False


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({**CROSS, "Origin": OTHER}, id="a form on another site"),
        pytest.param(CROSS, id="another site, without an origin"),
        pytest.param({**CROSS, "Origin": OWN}, id="another site that claims to be this one"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="another app of the same domain"),
        pytest.param({"Sec-Fetch-Site": "none"}, id="typed by hand, which no form is"),
        pytest.param({"Sec-Fetch-Site": "same-origin, cross-site"}, id="two values"),
        pytest.param({"Sec-Fetch-Site": ""}, id="an empty value"),
        pytest.param({"Origin": OTHER}, id="an old browser on another site"),
        pytest.param({**SAME, "Origin": OTHER}, id="headers that contradict each other"),
        pytest.param({"Origin": "null"}, id="a frame without an origin"),
        pytest.param({**SAME, "Origin": "null"}, id="a sandboxed page of this one"),
        pytest.param({"Origin": f"http://{HOST}"}, id="without encryption"),
        pytest.param({"Origin": f"{OWN}:8443"}, id="another port"),
        pytest.param({"Origin": f"{OWN}.evil.example"}, id="a name that begins like this one"),
        pytest.param({"Origin": f"https://evil-{HOST}"}, id="a name that ends like this one"),
        pytest.param({"Origin": f"https://{HOST}@evil.example"}, id="a name before the host"),
        pytest.param({"Origin": f"https://evil.example@{HOST}"}, id="somebody's name before this host"),
        pytest.param({"Origin": "file://"}, id="a file"),
        pytest.param({"Origin": "https://[::1"}, id="no address"),
        pytest.param({"Origin": ""}, id="an empty origin"),
        pytest.param(COOKIE, id="a browser that says nothing"),
        pytest.param({**COOKIE, "Referer": f"{OWN}/api/report"}, id="a referrer is no origin"),
        pytest.param({"Origin": OTHER, "X-Forwarded-Host": "evil.example"}, id="a host in another header"),
        pytest.param({"sec-fetch-site": "CROSS-SITE"}, id="capitals"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_a_page_of_another_site_asks_for_is_refused(method: str, headers: dict[str, str]) -> None:
    assert refused(method, headers)
    assert refused(method, headers, from_page=True)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({**SAME, "Origin": OWN, **COOKIE}, id="the app's page"),
        pytest.param({"Origin": OWN, **COOKIE}, id="an older browser"),
        pytest.param({**SAME, **COOKIE}, id="a browser that leaves out the origin"),
        pytest.param({"Origin": f"{OWN}:443"}, id="the port in full"),
        pytest.param({"Origin": OWN.upper()}, id="capitals"),
    ],
)
def test_the_apps_own_page_may_ask(headers: dict[str, str]) -> None:
    assert not refused("POST", headers, from_page=True)


def test_a_program_without_a_cookie_may_ask_but_not_in_the_pages_name() -> None:
    program = {"Authorization": "Bearer x", "User-Agent": "python/3.13 AZURECLI/2.80"}
    assert not refused("POST", program)
    assert refused("POST", program, from_page=True)


def test_other_names_of_the_app_count_as_well() -> None:
    asked = {**SAME, "Origin": "https://reports.contoso.com"}
    assert refused("POST", asked)
    assert not refused("POST", asked, own=("https://reports.contoso.com/api/report",))
    assert not refused("POST", {"Host": "10.0.0.7:8080", "Origin": OWN}, own=(HOST,))


@pytest.mark.parametrize("host", ["[::1", "", "a:b:c", "@", "//x"])
def test_a_host_that_is_none_opens_nothing(host: str) -> None:
    assert refused("POST", {"Host": host, "Origin": OTHER})


@pytest.mark.parametrize("host", ["localhost:7071", "127.0.0.1:7071", "[::1]:7071", "[::1]", "localhost"])
def test_a_developers_machine_needs_no_encryption(host: str) -> None:
    assert not refused("POST", {"Host": host, "Origin": f"http://{host}"}, from_page=True)
    assert refused("POST", {"Host": host, "Origin": "http://localhost:3000"}, from_page=True)


LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, False, id="a program"),
        pytest.param(SAME, False, id="the page itself"),
        pytest.param({"Sec-Fetch-Site": "none"}, False, id="typed by hand"),
        pytest.param({**CROSS, **LINK}, False, id="a link in a mail"),
        pytest.param({**CROSS, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, True, id="a picture"),
        pytest.param({**CROSS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, True, id="a frame"),
        pytest.param({**CROSS, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, True, id="a script"),
        pytest.param({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, True, id="a neighbour"),
    ],
)
def test_reading_is_open_to_links_and_closed_to_other_pages(headers: dict[str, str], expected: bool) -> None:
    assert refused("GET", headers) is expected


@given(st.text(max_size=40), st.sampled_from(["POST", "PUT", "DELETE", "PATCH"]))
def test_no_origin_but_the_apps_own_opens_anything(origin: str, method: str) -> None:
    known = {OWN, f"{OWN}:443"}
    assert refused(method, {"Origin": origin}) or origin.strip().lower().rstrip("/").partition("#")[0] in known
