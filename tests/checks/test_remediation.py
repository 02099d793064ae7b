"""The ways out, in their order, with what each one costs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.advice import fact, facts
from checks.managed import when_it_goes_on
from checks.model import Effect, Finding, Reason, Remedy, Severity, Usability, Verdict, Visibility, Way
from checks.remediation import Surroundings, remedies_for, with_ways_out
from checks.usage import RETIRED
from tenant.model import Consent, Group, Registration
from tests.checks.kit import (
    BLOCK_LEGACY,
    METHODS_GAP,
    MFA_MODERN,
    REPORT_ONLY,
    SERVICE,
    STATE_GAP,
    Json,
    judged,
    make_tenant,
    policy,
)

STUCK = {"per_user_mfa": "enabled", "registration": Registration(report=("mobilePhone",))}
PENDING = {"per_user_mfa": "enabled", "registration": Registration(report=())}


def ways(*policies: Json, account: Mapping[str, Any] | None = None, **tenant: Any) -> tuple[Remedy, ...]:
    return judged(make_tenant(policies, **tenant), replace(SERVICE, **(account or {}))).remediation


def words(remedy: Remedy) -> str:
    return " ".join([remedy.title, *remedy.steps, remedy.trade_off])


def place(remedies: tuple[Remedy, ...], word: str) -> int:
    """The first remedy whose title speaks of the word."""
    return next(index for index, remedy in enumerate(remedies) if word in remedy.title.lower())


@pytest.mark.parametrize(
    ("policies", "account"),
    [
        ([policy()], {}),
        ([MFA_MODERN], {}),
        ([policy(conditions={"userRiskLevels": ["high"]})], {}),
        ([policy(state=REPORT_ONLY)], {}),
        ([BLOCK_LEGACY], STUCK),
        ([BLOCK_LEGACY], PENDING),
        ([BLOCK_LEGACY], {"per_user_mfa": "enforced"}),
        ([policy(state=REPORT_ONLY, clients=("other",), grant=("block",))], {"per_user_mfa": "enforced"}),
        ([policy(state=REPORT_ONLY, clients=("other",), grant=("block",))], {}),
    ],
)
def test_modern_ways_come_first_and_a_plain_exclusion_last(policies: list[Json], account: Mapping[str, Any]) -> None:
    remedies = ways(*policies, account=account)
    order = [place(remedies, word) for word in ("app-only", "oauth", "relay", "per-user mfa", "exclude")]
    assert order == sorted(order)
    assert order[0] == 0
    assert order[-1] == len(remedies) - 1
    assert all(remedy.trade_off and remedy.steps and remedy.url.startswith("https://") for remedy in remedies)


@pytest.mark.parametrize(
    ("account", "title"),
    [
        (STUCK, "Set the account's per-user MFA to Enforced"),
        (PENDING, "Register an MFA method for the account"),
    ],
)
def test_an_account_that_is_one_step_short_is_told_that_step_first(account: Mapping[str, Any], title: str) -> None:
    remedies = ways(account=account)
    assert remedies[0].title == title
    assert [one.title for one in remedies].count(title) == 1
    assert place(remedies, "app-only") < place(remedies, "oauth") < place(remedies, "relay")


def test_the_per_user_way_shows_todays_clicks_and_its_price() -> None:
    remedies = ways(policy())
    per_user = words(remedies[place(remedies, "per-user mfa")])
    for word in (
        "Enforced",
        "Security info",
        "Add sign-in method",
        "App password",
        "CIS",
        "Microsoft",
        "owner",
        "end date",
    ):
        assert word.lower() in per_user.lower().replace("security-info", "security info")
    assert "sign" in remedies[place(remedies, "per-user mfa")].steps[-1].lower()


def test_the_per_user_way_names_the_policies_to_be_excluded_from() -> None:
    remedies = ways(MFA_MODERN, BLOCK_LEGACY)
    per_user = words(remedies[place(remedies, "per-user mfa")])
    assert '"Block legacy"' in per_user
    assert '"MFA modern"' not in per_user


def test_a_stuck_account_is_set_to_enforced_and_warned_of_the_detour() -> None:
    remedies = ways(account=STUCK)
    per_user = words(remedies[place(remedies, "per-user mfa")])
    assert "set it to Enforced" in per_user
    assert "existing app passwords may be lost" in per_user


@pytest.mark.parametrize("account", [{}, {"per_user_mfa": "enforced"}, STUCK, PENDING])
def test_under_security_defaults_the_per_user_way_is_called_impossible(account: Mapping[str, Any]) -> None:
    remedies = ways(account=account, security_defaults=True)
    assert place(remedies, "app-only") == 0
    assert not any(remedy.title.lower().startswith(("only if", "last resort")) for remedy in remedies)
    assert "Security Defaults" in words(remedies[-1])
    assert "can't work" in words(remedies[-1])
    assert not any("Add sign-in method" in words(remedy) for remedy in remedies)


@pytest.mark.parametrize(
    ("policies", "account"),
    [
        ([], {}),
        ([], {"per_user_mfa": "enforced"}),
        ([], {"enabled": False}),
        ([policy()], {"user_type": "Guest"}),
        ([BLOCK_LEGACY], {}),
    ],
)
def test_where_nothing_is_wrong_nothing_is_to_be_done(policies: list[Json], account: Mapping[str, Any]) -> None:
    assert ways(*policies, account=account) == ()


def test_an_open_answer_asks_for_the_permission_first() -> None:
    remedies = ways(account={"per_user_mfa": STATE_GAP})
    assert "Policy.Read.All" in words(remedies[0])


OPEN = {"per_user_mfa": "enabled", "registration": Registration(report=METHODS_GAP, own=METHODS_GAP)}


@pytest.mark.parametrize("permission", [METHODS_GAP.permission, None], ids=["refused", "malformed"])
def test_a_blocked_account_has_ways_out_although_nobody_can_tell_whether_it_is_stuck(permission: str | None) -> None:
    gap = replace(METHODS_GAP, permission=permission)
    account = {**OPEN, "registration": Registration(report=gap, own=gap)}
    remedies = [one for one in ways(BLOCK_LEGACY, account=account) if "read what it needs" not in one.title]
    order = [place(tuple(remedies), word) for word in ("app-only", "oauth", "relay", "per-user mfa", "exclude")]
    assert order == [0, 1, 2, 3, 4]
    assert '"Block legacy"' in words(remedies[3])


def test_the_same_under_security_defaults() -> None:
    remedies = ways(account=OPEN, security_defaults=True)
    assert "can't work" in words(remedies[-1])


def test_one_that_nothing_blocks_has_only_the_permission_to_be_granted() -> None:
    (grant,) = ways(account=OPEN)
    assert str(METHODS_GAP.permission) in words(grant)


def test_a_retired_protocol_has_ways_out_where_no_policy_is_in_the_way() -> None:
    fine = judged(make_tenant([]), replace(SERVICE, per_user_mfa="enforced"))
    retired = Finding(RETIRED, "", Severity.HIGH, "", "")
    assert with_ways_out(fine).remediation == ()
    ways_out = with_ways_out(replace(fine, findings=(retired,))).remediation
    assert [place(ways_out, word) for word in ("app-only", "oauth", "relay")] == [0, 1, 2]
    assert len(ways_out) == 3


@pytest.mark.parametrize("check_id", ["APW-009", "APW-011", "APW-099"])
def test_another_finding_adds_no_ways_out(check_id: str) -> None:
    fine = judged(make_tenant([]), replace(SERVICE, per_user_mfa="enforced"))
    assert with_ways_out(replace(fine, findings=(Finding(check_id, "", Severity.HIGH, "", ""),))).remediation == ()


def test_a_retired_protocol_adds_nothing_to_ways_out_that_are_there() -> None:
    hidden = judged(make_tenant([policy()]), SERVICE)
    retired = Finding(RETIRED, "", Severity.HIGH, "", "")
    assert with_ways_out(replace(hidden, findings=(*hidden.findings, retired))).remediation == hidden.remediation


def all_words(*policies: Json, account: Mapping[str, Any] | None = None, **tenant: Any) -> str:
    judgement = judged(make_tenant(policies, **tenant), replace(SERVICE, **(account or {})))
    return "\n".join(words(remedy) for remedy in with_ways_out(judgement).remediation)


def test_every_sentence_that_can_rot_has_a_source_and_a_day() -> None:
    assert all(one.source and one.read.year >= 2026 for one in facts().values())


def test_leaving_security_defaults_names_the_policies_that_come_in_their_place() -> None:
    last = words(ways(security_defaults=True)[-1])
    for word in ("Microsoft-managed", "block legacy authentication", "MFA for all users", "Exclude the account", "P1"):
        assert word in last
    assert "also refuse the device code flow" in all_words(security_defaults=True)


DEVICE_CODE = {"authenticationFlows": {"transferMethods": "deviceCodeFlow,authenticationTransfer"}}


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({}, 'only once the account is excluded from the policy "No device code"'),
        ({"not_users": ("svc",)}, None),
        ({"state": REPORT_ONLY}, None),
        ({"state": "disabled"}, None),
        ({"state": "enabledForSome"}, 'may not work: the policy "No device code" blocks'),
        ({"grant": ("mfa",)}, None),
        ({"conditions": {"authenticationFlows": {"transferMethods": "authenticationTransfer"}}}, None),
        ({"apps": ("797f4846-ba00-4fd7-ba43-dac1f8f63013",)}, None),
        ({"conditions": {**DEVICE_CODE, "new": {"x": 1}}}, 'may not work: the policy "No device code" blocks'),
        ({"conditions": {**DEVICE_CODE, "userRiskLevels": ["high"]}}, 'may not work: the policy "No device code"'),
        (
            {
                "conditions": {
                    **DEVICE_CODE,
                    "locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]},
                }
            },
            'may not work: the policy "No device code"',
        ),
    ],
)
def test_the_way_by_device_code_names_the_policies_that_block_it(members: dict[str, Any], says: str | None) -> None:
    made = {"grant": ("block",), "conditions": DEVICE_CODE, **members}
    found = all_words(policy(), policy("No device code", **made))
    assert "SMTP.Send and offline_access" in found
    assert (says in found) if says else "No device code" not in found.replace("from, or limit to modern clients", "")


GROUPS = {
    "good": Group("good", "Legacy exceptions"),
    "rule": Group("rule", "Filled by a rule", dynamic=True),
    "glass": Group("glass", "Break glass"),
    "gone": Group("gone", "Gone", deleted=True),
}


def test_a_policy_in_the_way_is_named_with_the_exclusion_group_that_it_has() -> None:
    blocking = {**BLOCK_LEGACY, "displayName": "Block"}
    blocking["conditions"] = {**blocking["conditions"]}
    blocking["conditions"]["users"] = {**blocking["conditions"]["users"], "excludeGroups": list(GROUPS)}
    remedies = ways(blocking, account={"per_user_mfa": "enforced"}, groups=GROUPS)
    said = 'The policy "Block" already excludes "Legacy exceptions": add the account there'
    assert said in words(remedies[place(remedies, "per-user mfa")])
    assert said in words(remedies[-1])
    assert not any(name in words(remedies[-1]) for name in ("Filled by a rule", "Break glass", "Gone"))


def test_a_policy_that_microsoft_will_switch_on_is_named_with_its_notice() -> None:
    remedies = ways(policy("Microsoft-managed: MFA", state=REPORT_ONLY), policy("Ours", state=REPORT_ONLY))
    said = words(remedies[-1])
    assert '"Microsoft-managed: MFA": Microsoft switches it on by itself: no less than 30 days' in said
    assert '"Ours": Microsoft' not in said


def test_registering_advises_what_stays_and_says_how_app_passwords_end() -> None:
    found = all_words(policy())
    for word in (
        "Microsoft Authenticator",
        "TOTP",
        "passkey",
        "text message and voice call end on 1 Feb 2027",
        "a password reset doesn't",
        "Delete all existing app passwords",
        "metered since June 2026",
        "PATCH /beta/users/{id}/authentication/requirements",
        "Entra ID > Users > Per-user MFA",
        "SmtpClientAuthenticationDisabled $false",
    ):
        assert word in found


def test_an_account_whose_methods_end_is_told_what_to_register() -> None:
    fine = all_words(account={"per_user_mfa": "enforced", "registration": Registration(report=("mobilePhone",))})
    assert fine.startswith("Register an MFA method that stays")
    assert (
        all_words(account={"per_user_mfa": "enforced", "registration": Registration(report=("passKeySynced",))}) == ""
    )


@pytest.mark.parametrize(
    ("scopes", "concerned"),
    [(("EWS.AccessAsUser.All", "offline_access"), True), (("SMTP.Send",), False), ((), False)],
)
def test_who_consented_to_exchange_web_services_is_told_of_its_end(scopes: tuple[str, ...], concerned: bool) -> None:
    consents = (Consent("app", "Old calendar", "consent", scopes),)
    found = all_words(account={"per_user_mfa": "enforced", "consents": consents})
    assert ('EWS.AccessAsUser.All for "Old calendar"' in found) is concerned
    assert ("1 Apr 2027" in found) is concerned


MODERN_WAYS = [Way.APP_ONLY, Way.OAUTH, Way.RELAY]
ALL_WAYS = [*MODERN_WAYS, Way.PER_USER, Way.EXCLUDE]
MISSING = Reason("Could not read it.", Effect.UNREADABLE, permission="Policy.Read.All")
MISSING_TOO = Reason("Nor that.", Effect.UNREADABLE, permission="Group.Read.All")
BY_POLICY, BY_DEFAULTS = Usability.BLOCKED_BY_POLICY, Usability.BLOCKED_BY_SECURITY_DEFAULTS


def verdict(visibility: Visibility, usability: Usability = Usability.USABLE, *because: Reason, **more: Any) -> Verdict:
    return Verdict(visibility, usability, because, **more)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (verdict(Visibility.VISIBLE), []),
        (verdict(Visibility.VISIBLE, app_passwords_allowed=True), []),
        (verdict(Visibility.NOT_OFFERED), []),
        (verdict(Visibility.NOT_OFFERED, BY_POLICY), []),
        (verdict(Visibility.NOT_OFFERED, BY_DEFAULTS), []),
        (verdict(Visibility.NOT_OFFERED, app_passwords_allowed=False), []),
        (verdict(Visibility.NOT_OFFERED, would_be_blocked=True), ALL_WAYS),
        (verdict(Visibility.UNKNOWN), []),
        (verdict(Visibility.UNKNOWN, Usability.UNKNOWN, MISSING), [Way.GRANT]),
        (verdict(Visibility.UNKNOWN, BY_POLICY, MISSING), [Way.GRANT]),
        (verdict(Visibility.UNKNOWN, BY_POLICY, MISSING, has_option=True), [Way.GRANT, *ALL_WAYS]),
        (
            verdict(Visibility.UNKNOWN, has_option=True, app_passwords_allowed=False),
            [*MODERN_WAYS, Way.PER_USER],
        ),
        *((verdict(one), ALL_WAYS) for one in (Visibility.HIDDEN, Visibility.CONDITIONAL, Visibility.PREDICTED)),
        (verdict(Visibility.HIDDEN, BY_DEFAULTS), [*MODERN_WAYS, Way.NOT_POSSIBLE]),
        (verdict(Visibility.HIDDEN, BY_DEFAULTS, MISSING), [Way.GRANT, *MODERN_WAYS, Way.NOT_POSSIBLE]),
        (verdict(Visibility.VISIBLE, BY_DEFAULTS), [*MODERN_WAYS, Way.NOT_POSSIBLE]),
        (verdict(Visibility.VISIBLE, BY_POLICY), ALL_WAYS),
        (verdict(Visibility.VISIBLE, Usability.CONDITIONAL), []),
        (verdict(Visibility.VISIBLE, app_passwords_allowed=False), [*MODERN_WAYS, Way.PER_USER]),
        (verdict(Visibility.STUCK), [Way.ENFORCE, *MODERN_WAYS, Way.EXCLUDE]),
        (verdict(Visibility.STUCK, Usability.USABLE, MISSING), [Way.GRANT, Way.ENFORCE, *MODERN_WAYS, Way.EXCLUDE]),
        (verdict(Visibility.STUCK, BY_POLICY), ALL_WAYS),
        (verdict(Visibility.STUCK, would_be_blocked=True), ALL_WAYS),
        (verdict(Visibility.STUCK, app_passwords_allowed=False), ALL_WAYS),
        (verdict(Visibility.PENDING), [Way.REGISTER, *MODERN_WAYS, Way.EXCLUDE]),
        (verdict(Visibility.PENDING, BY_POLICY), ALL_WAYS),
    ],
)
def test_which_ways_there_are_in_which_order(of: Verdict, expected: list[Way]) -> None:
    assert [one.way for one in remedies_for(of)] == expected


PAGE = "Entra ID > Users > Per-user MFA"
SET_IT = f"In the Entra admin center, open {PAGE}, select the account and set it to Enforced."
REGISTER = f"Register an MFA method for the account: {fact('methods_that_stay')}. Not a phone: text message and voice call end on 1 Feb 2027."
FINISH = (
    f"Sign in as the account and register {fact('methods_that_stay')}; the state then becomes Enforced by itself.",
    f"If it stays Enabled, set it to Enforced in the Entra admin center under {PAGE}.",
)
NO_DETOUR = "Don't disable and re-enable it unless that fails: existing app passwords may be lost."
CHECK = (
    'Check that "Allow users to create app passwords to sign in to non-browser apps" is on '
    "(Entra ID > Users > Per-user MFA > Service settings)."
)
SWITCH_ON = (
    'Switch on "Allow users to create app passwords to sign in to non-browser apps" (Entra ID > Users > Per-user MFA > Service '
    "settings): it is off for the whole tenant. Existing app passwords work meanwhile, but nobody can see or delete them."
)
SIGN_IN = (
    "Sign in as the account at https://mysignins.microsoft.com/security-info, select Add sign-in method, then App password.",
    f"Copy the password into the product: it is shown once. {fact('end_app_passwords')} Then sign the product out and in again.",
)
TO_THE_END = (fact("smtp_switch"), *SIGN_IN)
BLOCKING = Reason("It blocks.", Effect.BLOCKS_LEGACY, "p1", "Block")
AGAIN = Reason("It blocks again.", Effect.WOULD_BLOCK_LEGACY, "p1", "Block")
TO_COME = Reason("It would block.", Effect.WOULD_BLOCK_LEGACY, "p2", "Soon")
DEMANDING = Reason("It demands.", Effect.DEMANDS_MFA, "p3", "MFA")
NAMELESS = Reason("Something blocks.", Effect.BLOCKS_LEGACY, "p4", None)
MIND = ("Mind the policy.",)


@pytest.mark.parametrize(
    ("of", "around", "steps"),
    [
        (verdict(Visibility.HIDDEN), {}, (REGISTER, SET_IT, fact("patch"), CHECK, *TO_THE_END)),
        (
            verdict(Visibility.HIDDEN, app_passwords_allowed=True),
            {"registering": MIND},
            (*MIND, REGISTER, SET_IT, fact("patch"), *TO_THE_END),
        ),
        (
            verdict(Visibility.STUCK),
            {"registering": MIND},
            (SET_IT, fact("patch"), NO_DETOUR, *MIND, CHECK, *TO_THE_END),
        ),
        (
            verdict(Visibility.STUCK, app_passwords_allowed=False),
            {"registering": MIND},
            (*MIND, SET_IT, fact("patch"), NO_DETOUR, SWITCH_ON, *TO_THE_END),
        ),
        (verdict(Visibility.PENDING), {"registering": MIND}, (*MIND, *FINISH, CHECK, *TO_THE_END)),
        (verdict(Visibility.VISIBLE, app_passwords_allowed=False), {}, (SWITCH_ON, *TO_THE_END)),
        (
            verdict(Visibility.VISIBLE, BY_POLICY, DEMANDING, BLOCKING, AGAIN, TO_COME, NAMELESS),
            {"exclusion_groups": {"p2": ("A", "B"), "p3": ("C",), "p4": ("D",)}},
            (
                'Exclude the account from, or limit to modern clients: "Block", "Soon".',
                'The policy "Soon" already excludes "A" or "B": add the account there, if that group is for such accounts.',
                *TO_THE_END,
            ),
        ),
    ],
)
def test_the_steps_to_an_app_password(of: Verdict, around: dict[str, Any], steps: tuple[str, ...]) -> None:
    (found,) = (
        one for one in remedies_for(of, Surroundings(**around)) if one.way in (Way.PER_USER, Way.ENFORCE, Way.REGISTER)
    )
    assert found.steps == steps


WOULD_DEMAND = Reason("It would demand.", Effect.WOULD_DEMAND_MFA, "m1", "Microsoft-managed: MFA")
OTHER_TO_COME = Reason("It would block.", Effect.WOULD_BLOCK_LEGACY, "m2", "Microsoft-managed: block")
IN_FORCE = Reason("It demands.", Effect.DEMANDS_MFA, "m3", "Microsoft-managed: in force")
GOES_ON = f"{when_it_goes_on()} Its exclusions and its state can be edited before."


@pytest.mark.parametrize(
    ("because", "around", "before"),
    [
        ((DEMANDING,), {}, ()),
        ((WOULD_DEMAND,), {}, ()),
        ((WOULD_DEMAND,), {"by_microsoft": frozenset({"m1"})}, (f'"Microsoft-managed: MFA": {GOES_ON}',)),
        (
            (WOULD_DEMAND, OTHER_TO_COME, TO_COME, IN_FORCE, WOULD_DEMAND),
            {"by_microsoft": frozenset({"m1", "m2", "m3"})},
            (f'"Microsoft-managed: MFA" and "Microsoft-managed: block": {GOES_ON}',),
        ),
        (
            (DEMANDING, BLOCKING, WOULD_DEMAND, TO_COME, NAMELESS),
            {"exclusion_groups": {id: (f"G {id}",) for id in ("p1", "p2", "p3", "p4", "m1")}},
            tuple(
                f'The policy "{name}" already excludes "G {id}": add the account there, if that group is for such accounts.'
                for id, name in (("p3", "MFA"), ("p1", "Block"), ("m1", "Microsoft-managed: MFA"), ("p2", "Soon"))
            ),
        ),
    ],
)
def test_the_last_way_names_what_each_policy_offers_for_it(
    because: tuple[Reason, ...], around: dict[str, Any], before: tuple[str, ...]
) -> None:
    last = remedies_for(verdict(Visibility.HIDDEN, Usability.USABLE, *because), Surroundings(**around))[-1]
    assert last.way is Way.EXCLUDE
    assert last.steps[:-3] == before
    assert last.steps[-3].startswith("Exclude the account from the policies named above")


SIGN_IN_AGAIN = replace(MISSING, for_a_person="Sign in again.")
ASK_FOR_A_ROLE = replace(MISSING_TOO, for_a_person="Ask for a role.")


@pytest.mark.parametrize(
    ("because", "steps"),
    [
        (
            (MISSING, MISSING_TOO, MISSING, DEMANDING),
            (
                "Grant its managed identity the Microsoft Graph application permission Group.Read.All, Policy.Read.All.",
                "Scan again: a permission takes effect when the identity gets its next token, within a day.",
            ),
        ),
        (
            (SIGN_IN_AGAIN, ASK_FOR_A_ROLE, SIGN_IN_AGAIN, MISSING, DEMANDING),
            ("Ask for a role.", "Sign in again.", "Scan again."),
        ),
    ],
    ids=["to an app", "to a person"],
)
def test_what_opens_the_inputs_is_asked_for_once(because: tuple[Reason, ...], steps: tuple[str, ...]) -> None:
    (grant,) = remedies_for(verdict(Visibility.UNKNOWN, Usability.UNKNOWN, *because))
    assert grant.steps == steps


def test_what_blocks_the_device_code_flow_stands_with_oauth() -> None:
    around = Surroundings(device_code=("It is blocked.",))
    free = remedies_for(verdict(Visibility.HIDDEN), around)[1]
    under_defaults = remedies_for(verdict(Visibility.HIDDEN, BY_DEFAULTS), around)[1]
    assert free.steps[-2:] == (fact("device_code"), "It is blocked.")
    assert under_defaults.steps[-2:] == (fact("device_code"), fact("security_defaults_device_code"))


def failing(
    *checks: str, account: Mapping[str, Any], policies: tuple[Json, ...] = (), **tenant: Any
) -> list[Way | None]:
    """The ways out of an account that fails these checks beside what its verdict says."""
    found = judged(make_tenant(policies, **tenant), replace(SERVICE, **account))
    more = tuple(Finding(check, "", Severity.HIGH, "", "") for check in checks)
    return [one.way for one in with_ways_out(replace(found, findings=(*found.findings, *more))).remediation]


ENFORCED_ = {"per_user_mfa": "enforced"}
WITH_EWS: dict[str, Any] = {
    "consents": (
        Consent("b", "", "consent", ("ews.AccessAsUser.all",)),
        Consent("a", "Z", "consent", ("EWS.AccessAsUser.All",)),
    )
}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (failing(account=ENFORCED_), []),
        (failing("APW-010", account=ENFORCED_), MODERN_WAYS),
        (failing("APW-015", account=ENFORCED_), MODERN_WAYS),
        (failing("APW-016", account=ENFORCED_), [Way.METHOD]),
        (failing("APW-010", "APW-016", account=ENFORCED_), [Way.METHOD, *MODERN_WAYS]),
        (failing("APW-010", account={**ENFORCED_, **WITH_EWS}), [*MODERN_WAYS, Way.EWS]),
        (failing(account={**ENFORCED_, **WITH_EWS}), [Way.EWS]),
        (failing(account={**WITH_EWS, "enabled": False}), []),
        # The last resort stays the last.
        (failing("APW-010", account={}, policies=(policy(),)), ALL_WAYS),
        (failing("APW-016", account={}, policies=(policy(),)), [*ALL_WAYS[:-1], Way.METHOD, Way.EXCLUDE]),
        (
            failing("APW-016", account=WITH_EWS, policies=(policy(),)),
            [*ALL_WAYS[:-1], Way.METHOD, Way.EWS, Way.EXCLUDE],
        ),
        (failing("APW-016", account={}, security_defaults=True), [*MODERN_WAYS, Way.NOT_POSSIBLE, Way.METHOD]),
        (failing("APW-016", account={"per_user_mfa": STATE_GAP}), [Way.GRANT, Way.METHOD]),
        (failing("APW-010", account={"per_user_mfa": STATE_GAP}), [Way.GRANT, *MODERN_WAYS]),
    ],
)
def test_ways_out_of_what_no_verdict_says(found: list[Way], expected: list[Way]) -> None:
    assert found == expected


def test_the_applications_that_use_exchange_web_services_are_named() -> None:
    (ews,) = with_ways_out(judged(make_tenant(), replace(SERVICE, per_user_mfa="enforced", **WITH_EWS))).remediation
    assert ews.steps[0] == (
        'The account has consented to EWS.AccessAsUser.All for "Z" and "b": ask the maker for a version that uses Microsoft Graph. '
        "Exchange Web Services ends for good on 1 Apr 2027."
    )
