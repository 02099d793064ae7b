"""Files of products: each field is checked, everything wrong is told in a sentence, and nothing is said without a source."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.product_files import Product, ProductsError, known_products, load_products

ID = "abcdef00-0000-0000-0000-00000000000a"
OWN: dict[str, Any] = {
    "name": "Warehouse",
    "vendor": "In-house",
    "app_ids": [ID],
    "url": "https://wiki.example.com/wms",
    "source": "https://wiki.example.com/wms",
    "remedy": "relay",
    "advice": "Ask first.",
}


def load(tmp_path: Path, *entries: Any) -> tuple[Product, ...]:
    return load_text(tmp_path, json.dumps({"products": list(entries)}))


def load_text(tmp_path: Path, text: str) -> tuple[Product, ...]:
    file = tmp_path / "products.json"
    file.write_text(text, encoding="utf-8")
    return load_products(file)


def told(tmp_path: Path, *entries: Any) -> str:
    with pytest.raises(ProductsError) as refused:
        load(tmp_path, *entries)
    return str(refused.value).removeprefix(f"PRODUCTS_FILE {tmp_path / 'products.json'} can't be used: ")


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        ("url", 5, "Warehouse: url must be an address that begins with https://, not 5."),
        ("url", None, "Warehouse: url must be an address that begins with https://, not null."),
        ("url", "", 'Warehouse: url must begin with https://, but is "".'),
        ("url", "http://wiki", 'Warehouse: url must begin with https://, but is "http://wiki".'),
        ("url", "javascript:alert(1)", 'Warehouse: url must begin with https://, but is "javascript:alert(1)".'),
        (
            "url",
            "https://x/<script>",
            'Warehouse: url is no address that can be opened: "https://x/<script>" (write unusual characters as %20).',
        ),
        (
            "source",
            'https://x/" onclick="y',
            'Warehouse: source is no address that can be opened: "https://x/\\" onclick=\\"y" (write unusual characters as %20).',
        ),
        (
            "source",
            "https://good@evil.example/",
            'Warehouse: source is no address that can be opened: "https://good@evil.example/" (write unusual characters as %20).',
        ),
        (
            "url",
            "https://",
            'Warehouse: url is no address that can be opened: "https://" (write unusual characters as %20).',
        ),
        ("vendor", ["x"], "Warehouse: vendor must be a text, not a list."),
        ("vendor", "  ", "Warehouse: vendor is empty."),
        ("advice", "a\nb", "Warehouse: advice has characters that can't be shown, such as a line break."),
        ("advice", "\u202e", "Warehouse: advice has characters that can't be shown, such as a line break."),
        ("advice", "x" * 2001, "Warehouse: advice has 2,001 characters: 2,000 at most."),
        ("remedy", "magic", 'Warehouse: remedy is "magic": use app_only, oauth, relay.'),
        ("remedy", None, "Warehouse: remedy is null: use app_only, oauth, relay."),
        ("remedy", ["relay"], "Warehouse: remedy is a list: use app_only, oauth, relay."),
        ("modern_sign_in", "yes", 'Warehouse: modern_sign_in must be true or false, not "yes".'),
        ("modern_sign_in", 1, "Warehouse: modern_sign_in must be true or false, not 1."),
        ("sign_in", "magic", 'Warehouse: sign_in is "magic": use app_only, device_code, delegated, none.'),
        ("steps", "do it", 'Warehouse: steps is no list, but "do it".'),
        ("steps", ["fine", 7], "Warehouse: steps has an item, number 2, that must be a text, not 7."),
        ("permissions", {}, "Warehouse: permissions is no list, but an object."),
        ("read", "yesterday", 'Warehouse: read must be a day like 2026-11-25, not "yesterday".'),
        ("read", "2026-02-30", 'Warehouse: read must be a day like 2026-11-25, not "2026-02-30".'),
        ("app_ids", ID, f'Warehouse: app_ids is no list, but "{ID}".'),
        (
            "app_ids",
            ["abc"],
            "Warehouse: app_ids has an item, number 1, that is no application id like 00000003-0000-0ff1-ce00-000000000000: "
            '"abc".',
        ),
        ("app_names", ["*"], 'Warehouse: app_names has an item, number 1, that fits everything: "*".'),
        ("app_names", [None], "Warehouse: app_names has an item, number 1, that must be a text, not null."),
        ("user_agents", [""], "Warehouse: user_agents has an item, number 1, that is empty."),
        (
            "clients",
            ["SMPT"],
            'Warehouse: clients has an item, number 1, that is no client of the sign-in log: "SMPT".',
        ),
        ("account_names", [["a"]], "Warehouse: account_names has an item, number 1, that must be a text, not a list."),
        ("family_names", ["**"], 'Warehouse: family_names has an item, number 1, that fits everything: "**".'),
        ("general", "no", 'Warehouse: general must be true or false, not "no".'),
        ("general", "né", 'Warehouse: general must be true or false, not "n\\u00e9".'),
        ("general", "n" * 60, f'Warehouse: general must be true or false, not "{"n" * 60}".'),
        ("general", "n" * 61, f'Warehouse: general must be true or false, not "{"n" * 60}...".'),
        ("colour", "red", 'Warehouse has members that nobody knows: "colour".'),
    ],
)
def test_what_is_wrong_with_a_field_is_one_clear_sentence(
    tmp_path: Path, member: str, value: Any, sentence: str
) -> None:
    assert told(tmp_path, {**OWN, member: value}) == sentence


@pytest.mark.parametrize("member", ["name", "vendor", "url", "source", "advice", "remedy"])
def test_what_is_missing_is_named(tmp_path: Path, member: str) -> None:
    sentence = told(tmp_path, {name: value for name, value in OWN.items() if name != member})
    assert sentence.endswith(f" has no {member}.")


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("WMS", 'entry 1 of products is no object, but "WMS".'),
        (None, "entry 1 of products is no object, but null."),
        ({**OWN, "name": 5}, "entry 1 of products: name must be a text, not 5."),
        ({**OWN, "name": " "}, "entry 1 of products: name is empty."),
        (
            {**OWN, "name": "A\nB"},
            "entry 1 of products: name has characters that can't be shown, such as a line break.",
        ),
        ({"name": "Only a name"}, "Only a name has no vendor, url, source, advice, remedy."),
        (
            {**OWN, "app_ids": []},
            "Warehouse has nothing to be recognised by: app_ids, app_names, user_agents, or clients together with "
            "account_names or family_names.",
        ),
        (
            {**OWN, "modern_sign_in": False, "remedy": "oauth"},
            "Warehouse says that it has no modern sign-in, and how to use one: its remedy must be relay, its sign_in none.",
        ),
        (
            {**OWN, "modern_sign_in": True, "sign_in": "none"},
            "Warehouse says that it has a modern sign-in, and that its sign_in is none.",
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_one_clear_sentence(tmp_path: Path, entry: Any, sentence: str) -> None:
    assert told(tmp_path, entry) == sentence


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    sentences = told(tmp_path, {**OWN, "url": 5, "remedy": "magic"}, OWN, {**OWN, "name": "Other", "clients": 3})
    assert sentences == (
        "Warehouse: url must be an address that begins with https://, not 5. "
        'Warehouse: remedy is "magic": use app_only, oauth, relay. '
        "Other: clients is no list, but 3."
    )
    assert told(tmp_path, *[5] * 30).endswith("And 20 more.")
    assert "more" not in told(tmp_path, *[5] * 10)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is not JSON (line 1: Expecting value)."),
        ("{", "it is not JSON (line 1: Expecting property name enclosed in double quotes)."),
        ("{}", "it has no list named products."),
        ("[]", "it has no list named products."),
        ('{"products": {}}', "it has no list named products."),
        ("[" * 100_000, "it is nested too deeply."),
        ('{"a":' * 100_000, "it is nested too deeply."),
        ('{"products": [], "products": []}', 'an object has the member "products" twice.'),
        (f'{{"products": [{"9" * 5000}]}}', "it holds a number that is too long."),
    ],
    ids=["empty", "half", "object", "list", "no list", "deep lists", "deep objects", "twice", "long number"],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ProductsError) as refused:
        load_text(tmp_path, text)
    assert str(refused.value) == f"PRODUCTS_FILE {tmp_path / 'products.json'} can't be used: {sentence}"


def test_a_deep_value_in_a_field_is_told_like_any_other(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    assert told(tmp_path, {**OWN, "url": deep}) == (
        "Warehouse: url must be an address that begins with https://, not a list."
    )


def test_a_file_that_is_no_text_or_no_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "products.json").write_bytes(b"\xff")
    with pytest.raises(ProductsError, match="it is not a text file in UTF-8"):
        load_products(tmp_path / "products.json")
    with pytest.raises(ProductsError, match="can't be used: Is a directory"):
        load_products(tmp_path)
    with pytest.raises(ProductsError, match="there is no file"):
        load_products(tmp_path / "none.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = sorted({*OWN, *Product.__dataclass_fields__})


@given(st.dictionaries(st.sampled_from(MEMBERS), VALUES, min_size=1, max_size=4))
def test_no_value_is_a_crash_and_none_that_is_wrong_loads(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("products")
    product, sentences = None, ""
    try:
        (product,) = load(folder, {**OWN, **members})
    except ProductsError as refused:
        sentences = str(refused)
    if product is None:
        assert sentences.endswith(".")
        assert "\n" not in sentences
    else:
        assert all(isinstance(value, str) for value in (product.name, product.url, *product.steps, *product.clients))
        assert product.url.startswith("https://")


@pytest.mark.parametrize(
    ("signs", "usable"),
    [
        ({"app_ids": [ID]}, True),
        ({"app_names": ["x"]}, True),
        ({"user_agents": ["x"]}, True),
        ({"clients": ["smtp"], "account_names": ["x"]}, True),
        ({"clients": ["smtp"], "family_names": ["x"]}, True),
        ({"clients": ["smtp"]}, False),
        ({"account_names": ["x"]}, False),
        ({"family_names": ["x"]}, False),
    ],
)
def test_a_protocol_and_a_name_count_together_only(tmp_path: Path, signs: dict[str, Any], usable: bool) -> None:
    entry = {**OWN, "app_ids": [], **signs}
    if usable:
        assert len(load(tmp_path, entry)) == 1
    else:
        assert "nothing to be recognised by" in told(tmp_path, entry)


def test_every_member_may_be_given(tmp_path: Path) -> None:
    entry = {
        **OWN,
        "app_ids": [ID.upper()],
        "modern_sign_in": True,
        "sign_in": "device_code",
        "steps": ["First.", "Then."],
        "permissions": ["SMTP.Send"],
        "read": "2026-11-25",
        "app_names": ["Ware*"],
        "user_agents": ["WMS/*"],
        "clients": ["*smtp"],
        "account_names": ["stock room"],
        "family_names": ["stock"],
        "general": False,
        "remedy": "oauth",
    }
    (product,) = load(tmp_path, entry)
    assert (product.app_ids, product.read, product.steps) == ((ID,), date(2026, 11, 25), ("First.", "Then."))
    assert entry.keys() == Product.__dataclass_fields__.keys()


@pytest.mark.parametrize(
    "address",
    [
        "https://wiki.example.com",
        "https://wiki.example.com:8443/a/b?c=d&e=f#g",
        "https://wiki.example.com/a%20b",
        "https://x.example/index.htm#!Documents/manage.htm",
        "https://x.example?ver=13",
    ],
)
def test_addresses_that_people_have_are_taken(tmp_path: Path, address: str) -> None:
    assert load(tmp_path, {**OWN, "url": address})[0].url == address


def test_every_known_product_says_what_to_do_and_where_that_comes_from() -> None:
    for product in known_products():
        assert product.read is not None, product.name
        assert product.advice.endswith("."), product.name
        assert all(step.endswith(".") for step in product.steps), product.name
        assert product.clients and (product.account_names or product.family_names), product.name  # noqa: PT018
        if product.modern_sign_in:
            assert product.steps, product.name


def test_no_source_is_a_staging_place_or_a_mirror() -> None:
    hosts = {address.split("/")[2] for product in known_products() for address in (product.url, product.source)}
    suspect = ("stg.", "test.", "devaxs", "beta", "staging", "sharepointguild", "manuals.plus", "technet", "rssing")
    assert [host for host in hosts if any(part in host for part in suspect)] == []


def test_a_pattern_names_something() -> None:
    for product in known_products():
        for pattern in (*product.app_names, *product.user_agents):
            assert len(pattern.replace("*", "")) >= 4, (product.name, pattern)


def test_products_without_oauth_say_so_and_lead_to_a_relay() -> None:
    without = [product for product in known_products() if product.modern_sign_in is False]
    assert len(without) >= 6
    for product in without:
        assert (product.remedy, product.sign_in) == ("relay", "none")
        assert "no OAuth" in product.advice
        assert "connector" in product.steps[0]


def test_the_example_of_the_documentation_loads_and_every_member_is_explained(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "discovery.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert load_text(tmp_path, example)[0].name == "Warehouse system"
    table = page.partition("| member |")[2]
    assert {name for name in Product.__dataclass_fields__ if f"`{name}`" not in table} == set()


def test_the_products_of_this_version_are_read_once() -> None:
    assert known_products() is known_products()
