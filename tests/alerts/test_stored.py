"""Alerts as they are kept, by this version or another."""

import zlib

import pytest

from alerts.stored import dump, load
from tests.alerts.samples import alert, item


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no JSON"),
        zlib.compress(b"[]"),
        dump(alert(item(1)))[:-5],
        zlib.compress(zlib.decompress(dump(alert(item(1)))).replace(b'"opened"', b'"postponed"')),
    ],
)
def test_content_that_cannot_be_read_counts_as_not_there(content: bytes) -> None:
    assert load(content) is None


def test_content_with_more_in_it_than_this_version_knows_is_read() -> None:
    made = alert(item(1))
    assert load(zlib.compress(zlib.decompress(dump(made))[:-1] + b',"newer":{"a":1}}')) == made
