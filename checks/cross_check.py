"""Compares a verdict with what Microsoft's own What If says. Pure; a difference is told and changes no verdict.

Only what both can know is compared: policies in force that apply in every circumstance. What If isn't told where a sign-in
comes from or from which device, and it knows neither Security Defaults nor per-user MFA.
"""

from collections.abc import Collection, Sequence
from datetime import date

from basics.times import day
from checks.model import CrossCheck, Effect, JudgedAccount, Reason, Visibility
from checks.policy import Strength, effect_of
from tenant.model import Policy, Tenant, WhatIf

BROWSER, OTHER = "browser", "other"
_RESTS_ON_POLICIES = frozenset(
    {Visibility.HIDDEN, Visibility.CONDITIONAL, Visibility.PREDICTED, Visibility.NOT_OFFERED}
)
_OPEN = frozenset({Visibility.UNKNOWN, Visibility.NOT_APPLICABLE})


def worth_asking(judged: JudgedAccount) -> bool:
    """Whether What If can confirm anything about the account: it has findings and a verdict."""
    return bool(judged.findings) and judged.verdict.visibility not in _OPEN


def clients_to_ask(judged: JudgedAccount) -> tuple[str, ...]:
    """The client app types to ask about. Where per-user MFA decides the option, only legacy clients are in question."""
    return (BROWSER, OTHER) if judged.verdict.visibility in _RESTS_ON_POLICIES else (OTHER,)


def security_defaults_on(today: date) -> CrossCheck:
    """For an account of a tenant with Security Defaults."""
    return CrossCheck("not_checked", "Microsoft's What If doesn't know Security Defaults, which decide here.", today)


def compare(judged: JudgedAccount, tenant: Tenant, answers: Sequence[WhatIf], today: date) -> CrossCheck:
    """What the answers of What If say about the account's verdict."""
    differences = [text for answer in answers for text in _differences(judged, tenant, answer, today)]
    if not differences:
        return _confirmed(judged, tenant, answers, today)
    text = (
        f"Microsoft's What If, asked on {day(today)}, sees it differently: {' '.join(differences)} Take the verdict with care, "
        "and look at the policy in the Entra admin center."
    )
    return CrossCheck("disagrees", text, today)


def _confirmed(judged: JudgedAccount, tenant: Tenant, answers: Sequence[WhatIf], today: date) -> CrossCheck:
    """That nothing differs; and what What If couldn't tell, because it wasn't told where the sign-in comes from and so on."""
    undecided: dict[str, None] = {}
    policies = tenant.known_policies
    plans = {policy.id for policy in policies if policy.plan}  # What If says nothing of these
    told = True
    for answer in answers:
        ours = _ours(judged, answer)
        unclear = [one for one in ours if one.policy_id in answer.undecided | plans]
        undecided |= dict.fromkeys(f'"{one.policy_name}"' for one in unclear)
        told = told and (not unclear or unclear != ours)
    if not undecided:
        return CrossCheck("agrees", f"Confirmed by Microsoft's What If, {day(today)}.", today)
    what = f"the circumstances that decide about {', '.join(undecided)}"
    if not told:
        return CrossCheck("not_checked", f"Microsoft's What If can't tell without knowing {what}.", today)
    return CrossCheck(
        "agrees", f"Confirmed by Microsoft's What If, {day(today)}, as far as it goes without {what}.", today
    )


def _ours(judged: JudgedAccount, answer: WhatIf) -> list[Reason]:
    """The reasons of the verdict that the answer is about."""
    effect = Effect.DEMANDS_MFA if answer.client_app == BROWSER else Effect.BLOCKS_LEGACY
    return [one for one in judged.verdict.reasons if one.policy_id and one.effect is effect]


def _differences(judged: JudgedAccount, tenant: Tenant, answer: WhatIf, today: date) -> list[str]:
    browser = answer.client_app == BROWSER
    ours = _ours(judged, answer)
    policies = {policy.id: policy for policy in tenant.known_policies}
    certain = [one for one in ours if not one.circumstances and _covers(policies.get(one.policy_id or ""), answer)]
    applies = {policy.id for policy in answer.applies}
    sign_in = "signs in with a browser" if browser else "uses a legacy client"
    does = "requires MFA" if browser else "keeps it out"
    found = [
        f'This product says that the policy "{one.policy_name}" {does} when the account {sign_in}; What If says that the '
        "policy doesn't apply."
        for one in certain
        if one.policy_id not in applies | answer.undecided
    ]
    found += [
        f'What If says that the policy "{policy.display_name}" applies when the account {sign_in}; this product says that it '
        "doesn't."
        for policy in answer.applies
        if not _known(policy, ours) and _matters(policy, tenant, today, browser)
    ]
    return found


def _covers(policy: Policy | None, answer: WhatIf) -> bool:
    """Whether the policy names the client type of the question; one for other clients hides the option as well."""
    types: Collection[str] = policy.client_app_types if policy else ()
    return policy is not None and (not types or bool({"all", answer.client_app} & set(types)))


def _known(policy: Policy, ours: Sequence[Reason]) -> bool:
    return any(one.policy_id == policy.id for one in ours)


def _matters(policy: Policy, tenant: Tenant, today: date, browser: bool) -> bool:
    effect = effect_of(policy, tenant, today)
    return (effect.mfa_least if browser else effect.legacy) is Strength.ALWAYS
