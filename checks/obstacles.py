"""What of an account's own policies stands in the way of a product that signs in as the account with OAuth.

A device or a server that takes a token by device code, or by somebody who signs in as the account in a browser, is still the
account: its policies hold for it. Signing in as an application of one's own isn't touched by policies for users. Sources:
Microsoft Entra documentation, "Authentication flows as a condition in Conditional Access policy", and of the grant controls.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cached_property

from checks.advice import fact
from checks.device_code import blocks_device_code
from checks.landscape import unread_policies
from checks.model import Effect, JudgedAccount, Visibility
from checks.phrases import joined
from checks.policy import ENABLED, REPORT_ONLY, can_reach_users, circumstances, covers_mail, still_evaluated
from checks.policy_words import exempt_locations, only_from_locations
from checks.scoped import ScopedPolicies
from tenant.model import Account, Gap, GrantControls, Policy, Tenant

_AS_THE_ACCOUNT = ("device_code", "delegated")
_DEVICE_CONTROLS = frozenset({"compliantdevice", "domainjoineddevice", "compliantapplication", "approvedapplication"})
_MFA_STATES = ("enabled", "enforced")
_INTERACTIVE = frozenset({"all", "browser", "mobileappsanddesktopclients"})


class Obstacles:
    """What in a tenant stands in the way of signing in with OAuth as an account."""

    def __init__(self, tenant: Tenant, today: date) -> None:
        """Takes the tenant and the day of judging: what Microsoft has retired by then asks for nothing."""
        self._tenant, self._today = tenant, today

    def of(self, judged: JudgedAccount, way: str | None) -> tuple[str, ...]:
        """What has to be minded, a sentence each. ``way``: how a product signs in, as in ``Product.sign_in``."""
        if way not in _AS_THE_ACCOUNT:
            return ()
        return tuple(dict.fromkeys(self._sentences(judged, device_code=way == "device_code")))

    def _sentences(self, judged: JudgedAccount, *, device_code: bool) -> Iterator[str]:
        if unread_policies(self._tenant):
            yield (
                "Whether a Conditional Access policy stands in the way of this could not all be read"
                + (": one that blocks device code flow would." if device_code else ".")
            )
        if device_code:
            if isinstance(self._tenant.security_defaults, Gap):
                yield "Whether Security Defaults are on could not be read: they may refuse device code flow."
            elif self._tenant.security_defaults:
                yield f"Security Defaults are on. {fact('security_defaults_device_code')}"
            yield from self._policies(judged.account, self._flow_blockers, "blocks device code flow, which this needs")
        yield from self._policies(
            judged.account,
            self._device_demands,
            "demands a known device or an approved app, which no product of this kind is",
        )
        blocked = _names(judged, Effect.BLOCKS_INTERACTIVE)
        if blocked:
            yield f"Nobody can sign the product in as the account: {blocked} blocks every interactive sign-in."
        by_state = str(judged.account.per_user_mfa).lower() in _MFA_STATES
        if by_state or judged.verdict.visibility in (Visibility.HIDDEN, Visibility.CONDITIONAL):
            by = "per-user MFA" if by_state else _names(judged, Effect.DEMANDS_MFA)
            yield (
                f"MFA is demanded of the account{f' by {by}' if by else ''}: whoever signs the product in has to do it with a "
                "method registered for the account, and again when the tokens end."
            )

    def _policies(self, account: Account, found: ScopedPolicies, what: str) -> Iterator[str]:
        for policy, certain in found.reaching(account):
            name = f'The policy "{policy.display_name}"'
            if conditions := self._conditions(policy):
                name += f" ({'; '.join(conditions)})"
            if policy.state == REPORT_ONLY:
                yield f"{name}, once it is on, {what}: exclude the account from it."
            elif certain and policy.state == ENABLED:
                yield f"{name} {what}: exclude the account from it."
            else:
                yield f"{name}, which may reach the account, {what}."

    def _conditions(self, policy: Policy) -> list[str]:
        """What must be the case for a policy to apply, besides the flow that it is about."""
        locations = self._tenant.named_locations
        found = [
            *circumstances(replace(policy, transfer_methods=()), locations),
            only_from_locations(policy, locations),
            exempt_locations(policy, locations),
        ]
        return [one for one in found if one]

    @cached_property
    def _flow_blockers(self) -> ScopedPolicies:
        blocking = filter(blocks_device_code, self._tenant.known_policies)
        return ScopedPolicies(self._tenant, blocking, self._today)

    @cached_property
    def _device_demands(self) -> ScopedPolicies:
        demanding = (
            policy
            for policy in self._in_force()
            if policy.state == ENABLED
            and not policy.transfer_methods
            and (not policy.client_app_types or bool(policy.client_app_types & _INTERACTIVE))
            and policy.grant is not None
            and _demands_a_device(policy.grant)
        )
        return ScopedPolicies(self._tenant, demanding, self._today)

    def _in_force(self) -> Iterator[Policy]:
        """The policies in force or in report-only mode that cover mail, without the controls that Microsoft has retired."""
        for policy in self._tenant.known_policies:
            if can_reach_users(policy) and covers_mail(policy):
                yield replace(policy, grant=still_evaluated(policy.grant, self._today)[0])


def _demands_a_device(grant: GrantControls) -> bool:
    """Whether there is no way past a device or an app: under OR, each of the controls is one."""
    controls = _lower(grant)
    devices = [control for control in controls if control in _DEVICE_CONTROLS]
    others = len(controls) - len(devices) + bool(grant.strength) + len(grant.custom_factors) + len(grant.terms_of_use)
    return bool(devices) and (grant.operator == "AND" or not (others or grant.unknown_members))


def _lower(grant: GrantControls) -> list[str]:
    return [control.lower() for control in grant.built_in]


def _names(judged: JudgedAccount, effect: Effect) -> str:
    reasons = [reason for reason in judged.verdict.reasons if reason.effect is effect]
    named = [f'the policy "{reason.policy_name}"' for reason in reasons if reason.policy_name]
    return joined(list(dict.fromkeys(named)))
