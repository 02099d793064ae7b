"""Exports of Exchange Online PowerShell, as files of both kinds, in every shape in which it writes them."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.exchange import ExchangeSide, Export
from evidence.exchange import MOST_ROWS, NotExported, parse_export, recall_exchange, remember_exchange
from evidence.store import PassingEvidence
from tests.checks.kit import NOW

ID = "6F1C0A52-0000-4000-8000-000000000001"
MAILBOX = {
    "ExternalDirectoryObjectId": ID,
    "PrimarySmtpAddress": "Scan@contoso.com",
    "SmtpClientAuthenticationDisabled": True,
}


def values(text: str) -> dict[str, Any]:
    found = parse_export(text, NOW)
    return {
        name: dict(export.values)
        for name in ("mailboxes", "tenant", "policies", "users", "default_policy")
        if (export := getattr(found, name)) is not None
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps([MAILBOX]), {"mailboxes": {ID.lower(): True}}),
        (json.dumps(MAILBOX), {"mailboxes": {ID.lower(): True}}),
        (
            "UserPrincipalName,SmtpClientAuthenticationDisabled\r\na@b.c,True\r\nd@b.c,False\r\ne@b.c,\r\n",
            {"mailboxes": {"a@b.c": True, "d@b.c": False, "e@b.c": None}},
        ),
        (
            '#TYPE Selected.System.Object\n"UserPrincipalName";"SmtpClientAuthenticationDisabled"\n"a@b.c";"true"\n',
            {"mailboxes": {"a@b.c": True}},
        ),
        ('{"SmtpClientAuthenticationDisabled": false}', {"tenant": {"": False}}),
        ("SmtpClientAuthenticationDisabled\nTrue\n", {"tenant": {"": True}}),
        (
            json.dumps(
                [{"Name": "Block Basic", "AllowBasicAuthSmtp": False}, {"Name": "Old", "AllowBasicAuthSmtp": True}]
            ),
            {"policies": {"block basic": False, "old": True}},
        ),
        (
            "UserPrincipalName,AuthenticationPolicy\na@b.c,contoso.com/Configuration/Block Basic\nd@b.c,\n",
            {"users": {"a@b.c": "Block Basic", "d@b.c": ""}},
        ),
        (
            json.dumps({"UserPrincipalName": "a@b.c", "AuthenticationPolicy": {"Name": "Block Basic"}}),
            {"users": {"a@b.c": "Block Basic"}},
        ),
        ('{"DefaultAuthenticationPolicy": "Block Basic"}', {"default_policy": {"": "Block Basic"}}),
        ('{"DefaultAuthenticationPolicy": null}', {"default_policy": {"": ""}}),
        (
            '{"Name": "Transport Settings", "Identity": "c.com\\\\Transport Settings", "SmtpClientAuthenticationDisabled": true}',
            {"tenant": {"": True}},
        ),
        (
            "UserPrincipalName,SmtpClientAuthenticationDisabled\na@b.c,True\nA@b.c,True\n",
            {"mailboxes": {"a@b.c": True}},
        ),
        ("UserPrincipalName;SmtpClientAuthenticationDisabled\na@b.c;True;;\n;;;\n", {"mailboxes": {"a@b.c": True}}),
    ],
)
def test_a_file_says_by_its_columns_what_it_is(text: str, expected: dict[str, Any]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no rows"),
        ("[]", "no rows"),
        ("{", "begins like JSON and isn't"),
        ("[1]", "list of objects"),
        ("Name,Size\na,1\n", "none of the exports"),
        ("SmtpClientAuthenticationDisabled\nTrue\nFalse\n", "none of the exports"),
        ("UserPrincipalName,SmtpClientAuthenticationDisabled\na@b.c,perhaps\n", "must be True, False or empty"),
        ('UserPrincipalName,SmtpClientAuthenticationDisabled\n"a@b.c"x,True\n', "no CSV that can be read"),
        ("UserPrincipalName,SmtpClientAuthenticationDisabled\na@b.c,False\nd@b.c", "breaks off"),
        ("UserPrincipalName,SmtpClientAuthenticationDisabled\na@b.c,False\nd@b.c,", "breaks off"),
        ('"UserPrincipalName","AuthenticationPolicy"\n"a@b.c","Block Basic"\n"d@b.c"\n', "breaks off"),
        ("Name,AllowBasicAuthSmtp\nBlock Basic", "breaks off"),
        ("UserPrincipalName,AuthenticationPolicy\na@b.c,Block, Basic\n", "more columns than the first line"),
        (json.dumps([MAILBOX, {"UserPrincipalName": "d@b.c"}]), "Not every row has smtpclientauthenticationdisabled"),
        (
            json.dumps([{"UserPrincipalName": "a@b.c", "AuthenticationPolicy": None}, {"UserPrincipalName": "d@b.c"}]),
            "Not every row has authenticationpolicy",
        ),
        ("UserPrincipalName,SmtpClientAuthenticationDisabled\na@b.c,True\nA@b.c,False\n", "two things of 'a@b.c'"),
        ("UserPrincipalName,SmtpClientAuthenticationDisabled\na@b.c,True\na@b.c,\n", "two things of 'a@b.c'"),
        ("Name,AllowBasicAuthSmtp\nBasic,True\nBASIC,False\n", "two things of 'basic'"),
        ("Name,SmtpClientAuthenticationDisabled\nsvc-scan,False\n", "none of the exports"),
        ('{"DisplayName": "Scanner", "SmtpClientAuthenticationDisabled": false}', "none of the exports"),
        ("UserPrincipalName,SmtpClientAuthenticationDisabled\n" + "a@b.c,True\n" * (MOST_ROWS + 1), "are kept at most"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(NotExported) as refused:
        parse_export(text, NOW)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=60) | st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5)).map(json.dumps))
def test_no_text_does_anything_worse_than_be_refused(text: str) -> None:
    with suppress(NotExported):
        parse_export(text, NOW)


async def test_what_is_kept_comes_back_and_a_newer_export_replaces_its_own_kind() -> None:
    evidence = PassingEvidence()
    mailboxes, tenant = Export(NOW, {"a@b.c": None}), Export(NOW, {"": True})
    await remember_exchange(evidence, ExchangeSide(mailboxes=mailboxes))
    await remember_exchange(evidence, ExchangeSide(tenant=tenant))
    assert await recall_exchange(evidence) == ExchangeSide(mailboxes=mailboxes, tenant=tenant)
    newer = Export(NOW, {"d@b.c": False})
    await remember_exchange(evidence, ExchangeSide(mailboxes=newer))
    assert await recall_exchange(evidence) == ExchangeSide(mailboxes=newer, tenant=tenant)


@pytest.mark.parametrize(
    "kept",
    [
        {"taken": "yesterday", "values": []},
        {"taken": "2026-11-22T07:00:00", "values": []},
        {"taken": NOW.isoformat(), "values": [["a", 1]]},
        {"taken": NOW.isoformat(), "values": "ab"},
        {"taken": NOW.isoformat()},
    ],
)
async def test_a_row_that_is_not_what_was_written_counts_as_never_exported(kept: dict[str, Any]) -> None:
    evidence = PassingEvidence()
    await evidence.remember("exchange_mailboxes", kept)
    assert await recall_exchange(evidence) == ExchangeSide()
