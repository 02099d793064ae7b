"""Why a finding is gone."""

import pytest

from checks.catalog import CHECKS
from checks.model import Effect, Reason, Usability, Verdict, Visibility
from checks.resolutions import Ending, ending_of, why_resolved


@pytest.mark.parametrize(
    ("check_id", "visibility", "usability", "said"),
    [
        ("APW-001", Visibility.VISIBLE, Usability.USABLE, "with the app-password option available"),
        ("APW-001", Visibility.NOT_APPLICABLE, Usability.NOT_CHECKED, "no longer in question"),
        ("APW-007", Visibility.VISIBLE, Usability.USABLE, "with nothing that blocks an app password"),
        (
            "APW-007",
            Visibility.HIDDEN,
            Usability.BLOCKED_BY_POLICY,
            "with the app-password option hidden for another reason",
        ),
        ("APW-007", Visibility.VISIBLE, Usability.CONDITIONAL, "with app passwords blocked only in some circumstances"),
        (
            "APW-099",
            Visibility.HIDDEN,
            Usability.BLOCKED_BY_POLICY,
            "with the app-password option hidden for another reason",
        ),
        ("APW-008", Visibility.HIDDEN, Usability.USABLE, "with everything readable that decides"),
        (
            "APW-006",
            Visibility.HIDDEN,
            Usability.USABLE,
            "with the app-password option hidden, as it was predicted",
        ),
        (
            "APW-006",
            Visibility.CONDITIONAL,
            Usability.USABLE,
            "with the app-password option hidden in some circumstances already",
        ),
        ("APW-010", Visibility.HIDDEN, Usability.USABLE, "no longer signing in with a protocol that is being retired"),
        ("APW-011", Visibility.HIDDEN, Usability.USABLE, "without an active directory role"),
        ("APW-013", Visibility.VISIBLE, Usability.BLOCKED_BY_POLICY, "with app passwords blocked already"),
        ("APW-013", Visibility.VISIBLE, Usability.USABLE, "with nothing that blocks an app password"),
    ],
)
def test_a_resolution_speaks_of_what_its_check_is_about(
    check_id: str, visibility: Visibility, usability: Usability, said: str
) -> None:
    assert why_resolved(check_id, Verdict(visibility, usability, ())) == f"The last scan found the account {said}."


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("usability", Usability)
def test_every_check_has_a_resolution_whatever_was_found(visibility: Visibility, usability: Usability) -> None:
    for check in CHECKS:
        assert why_resolved(check.id, Verdict(visibility, usability, ())).endswith(".")


SET = Reason(
    "Per-user MFA is Enforced.", Effect.PER_USER_STATE, cause="Since then, when it was set, by ada@contoso.com."
)
ENDED = 'Not hidden any more since then, when the policy "P" was deleted, by ada@contoso.com.'


@pytest.mark.parametrize(
    ("check_id", "visibility", "told"),
    [
        ("APW-001", Visibility.VISIBLE, SET.cause),
        ("APW-003", Visibility.VISIBLE, SET.cause),
        ("APW-001", Visibility.NOT_OFFERED, ENDED),
        ("APW-006", Visibility.NOT_OFFERED, ENDED),
        ("APW-011", Visibility.NOT_OFFERED, None),
        ("APW-007", Visibility.VISIBLE, None),
    ],
)
def test_who_made_it_so_is_told_where_the_audit_log_says_it(
    check_id: str, visibility: Visibility, told: str | None
) -> None:
    plain = why_resolved(check_id, Verdict(visibility, Usability.USABLE, ()))
    known = why_resolved(check_id, Verdict(visibility, Usability.USABLE, (SET,), ended=ENDED))
    assert known == (f"{plain} {told}" if told else plain)


@pytest.mark.parametrize("check_id", ["APW-001", "APW-002", "APW-003", "APW-004", "APW-005", "APW-006"])
@pytest.mark.parametrize("visibility", Visibility)
def test_a_check_of_the_option_passes_only_where_nothing_is_wrong_with_the_option(
    check_id: str, visibility: Visibility
) -> None:
    for allowed in (None, False):
        verdict = Verdict(visibility, Usability.USABLE, (), app_passwords_allowed=allowed)
        ending = ending_of(check_id, why_resolved(check_id, verdict))
        good = visibility is Visibility.NOT_OFFERED or (visibility is Visibility.VISIBLE and allowed is None)
        assert (ending is Ending.PASSES) == good
        assert ending is not Ending.UNWATCHED


@pytest.mark.parametrize(
    ("check_id", "visibility", "usability", "ending"),
    [
        ("APW-007", Visibility.VISIBLE, Usability.USABLE, Ending.PASSES),
        ("APW-007", Visibility.VISIBLE, Usability.CONDITIONAL, Ending.SUPERSEDED),
        ("APW-007", Visibility.HIDDEN, Usability.BLOCKED_BY_POLICY, Ending.SUPERSEDED),
        ("APW-013", Visibility.VISIBLE, Usability.BLOCKED_BY_POLICY, Ending.SUPERSEDED),
        ("APW-006", Visibility.HIDDEN, Usability.USABLE, Ending.SUPERSEDED),
        ("APW-008", Visibility.HIDDEN, Usability.USABLE, Ending.PASSES),
        ("APW-011", Visibility.HIDDEN, Usability.USABLE, Ending.PASSES),
        ("APW-015", Visibility.HIDDEN, Usability.USABLE, Ending.PASSES),
        ("APW-099", Visibility.HIDDEN, Usability.USABLE, Ending.SUPERSEDED),
        # Whether the tenant lets anybody create app passwords isn't known, or it still doesn't.
        ("APW-014", Visibility.NOT_OFFERED, Usability.USABLE, Ending.SUPERSEDED),
        ("APW-014", Visibility.VISIBLE, Usability.USABLE, Ending.SUPERSEDED),
    ],
)
def test_what_came_true_instead_is_no_pass(
    check_id: str, visibility: Visibility, usability: Usability, ending: Ending
) -> None:
    assert ending_of(check_id, why_resolved(check_id, Verdict(visibility, usability, ()))) is ending


def test_a_cause_behind_the_sentence_changes_nothing() -> None:
    reason = Reason("Enforced.", Effect.PER_USER_STATE, cause="Since Monday, when ada did it.")
    said = why_resolved("APW-001", Verdict(Visibility.VISIBLE, Usability.USABLE, (reason,)))
    assert said.endswith("ada did it.")
    assert ending_of("APW-001", said) is Ending.PASSES


@pytest.mark.parametrize("visibility", [one for one in Visibility if one is not Visibility.NOT_APPLICABLE])
def test_the_tenant_passes_only_where_it_lets_users_create_app_passwords(visibility: Visibility) -> None:
    for allowed in (None, False, True):
        verdict = Verdict(visibility, Usability.USABLE, (), app_passwords_allowed=allowed)
        ending = ending_of("APW-014", why_resolved("APW-014", verdict))
        assert (ending is Ending.PASSES) == (allowed is True)
