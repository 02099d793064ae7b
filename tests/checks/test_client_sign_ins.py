"""What the sign-in log shows of each client: which one it is, what it is called, and how its sign-ins ended."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from checks.client_sign_ins import ClientSignIns, clients_of, legacy_client, policies_of, total
from tenant.model import Account, SignInOutcome
from tests.checks.kit import NOW, SERVICE

DAY = timedelta(days=1)
SMTP, IMAP, POP, MODERN = "Authenticated SMTP", "IMAP4", "POP3", "Mobile Apps and Desktop clients"


def outcome(
    code: int = 0, ago: int = 1, client: str = SMTP, app: str = "Exchange", how: str = "legacy", **more: Any
) -> SignInOutcome:
    """Three sign-ins, the last of them some days ago; ``app`` is both id and name."""
    at: datetime = NOW - ago * DAY
    made = SignInOutcome("svc", client, app, app, how, code, (), 3, 1, at - DAY, at, since_last_in=3 if code else 0)
    return replace(made, **more)


def seen(*outcomes: SignInOutcome) -> Account:
    return replace(SERVICE, outcomes=outcomes)


def only(*outcomes: SignInOutcome) -> ClientSignIns:
    (client,) = clients_of(seen(*outcomes))
    return client


def test_clients_and_their_sign_ins_stand_newest_first() -> None:
    oldest, in_, refused = outcome(ago=9), outcome(ago=5, client="SMTP"), outcome(53003, 2)
    older, guess = outcome(53003, 7), outcome(50126, 3)
    other = outcome(53003, 1, MODERN, "Backup", "background")
    first, second = clients_of(seen(oldest, older, in_, other, guess, refused))
    assert (first.name, first.legacy, first.refused, first.let_in) == ("Backup", False, (other,), ())
    assert (second.key, second.name, second.legacy) == ("smtp", SMTP, True)
    assert (second.let_in, second.refused, second.neither) == ((in_, oldest), (refused, older), (guess,))
    assert (second.last_in, second.last_refused) == (in_, refused.last_seen)


def test_nothing_is_known_of_an_account_that_the_log_does_not_show() -> None:
    assert clients_of(SERVICE) == ()


@pytest.mark.parametrize(
    ("outcomes", "only_refused", "last_in", "last_refused", "run"),
    [
        ([outcome(53003)], True, None, NOW - DAY, 1),
        ([outcome(53003, 2), outcome(ago=4)], False, NOW - 4 * DAY, NOW - 2 * DAY, 1),
        ([outcome(53003, 4, since_last_in=0), outcome(ago=2)], False, NOW - 2 * DAY, NOW - 4 * DAY, 0),
        ([outcome(53003, 2), outcome(50076, 3), outcome(53003, 5, since_last_in=0)], True, None, NOW - 2 * DAY, 2),
        ([outcome()], False, NOW - DAY, None, 0),
        ([outcome(50126)], False, None, None, 0),
    ],
    ids=["refused", "refused since", "in again", "refused in two ways", "in", "guessed"],
)
def test_how_the_sign_ins_of_a_client_ended(
    outcomes: Sequence[SignInOutcome],
    only_refused: bool,
    last_in: datetime | None,
    last_refused: datetime | None,
    run: int,
) -> None:
    client = only(*outcomes)
    assert client.only_refused is only_refused
    assert (client.last_in.last_seen if client.last_in else None) == last_in
    assert client.last_refused == last_refused
    assert client.run == tuple(outcomes[:run])


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([outcome(client="SMTP", ago=1), outcome(client=SMTP, ago=2)], "SMTP"),
        ([outcome(client=MODERN, how="app")], 'the application "Exchange"'),
        ([outcome(client=MODERN, how="password", app_name="")], 'the application "Exchange"'),
        ([outcome(client=MODERN, how="background", app="")], "an application that the log doesn't name"),
        (
            [
                outcome(client=MODERN, how="app", app="id", app_name="", ago=1),
                outcome(client=MODERN, how="app", app="id", app_name="New name", ago=2),
                outcome(client=MODERN, how="app", app="id", app_name="Old name", ago=3),
            ],
            'the application "New name"',
        ),
    ],
)
def test_a_client_is_called_by_its_newest_name(outcomes: Sequence[SignInOutcome], words: str) -> None:
    assert only(*outcomes).words == words


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (SMTP, "SMTP"),
        ("smtp", "SMTP"),
        ("IMAP", IMAP),
        ("Other clients; IMAP4", IMAP),
        ("POP", POP),
        ("Exchange ActiveSync", None),
        ("application Exchange", None),
        ("zz", None),
        ("", None),
    ],
)
def test_a_legacy_client_is_found_by_any_name_of_its_protocol(asked: str, found: str | None) -> None:
    account = seen(
        outcome(client=MODERN, how="background", ago=0),
        outcome(client=IMAP, ago=1),
        outcome(client="SMTP", ago=2),
        outcome(client=POP, ago=3),
    )
    client = legacy_client(account, asked)
    assert (client.name if client else None) == found


def test_sign_ins_are_added_up() -> None:
    assert total([outcome(), outcome(53003, count=4)]) == 7
    assert total([]) == 0


def test_each_policy_is_named_once_by_name() -> None:
    outcomes = [
        outcome(53003, policies=(("p3", "beta"), ("p1", "Beta"), ("", "Only a name"))),
        outcome(53003, policies=None),
        outcome(53003, policies=(("p3", "Renamed"), ("p2", ""), ("securitydefaults", "x"), ("p0", "Alpha"))),
    ]
    assert policies_of(outcomes) == (
        ("p0", "Alpha"),
        ("p1", "Beta"),
        ("p3", "beta"),
        ("", "Only a name"),
        ("p2", "p2"),
        ("securitydefaults", "Security Defaults"),
    )
