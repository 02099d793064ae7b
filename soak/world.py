"""The world of a story: what is true, what the settings say, what is broken; and what a scan of it can see.

``apply`` takes one step. ``view`` is what the model is given; ``local_tenant`` and ``settings`` are what the real code is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from localgraph.builder import TenantBuilder
from localgraph.ids import make_id
from localgraph.tenant import LocalTenant
from soak.model import Look, Model, View
from soak.steps import (
    ACCOUNTS,
    OF_ACCOUNTS,
    Accept,
    Break,
    Defaults,
    Delete,
    Discover,
    Enable,
    Join,
    Mend,
    Mfa,
    Policy,
    Register,
    Rename,
    Revoke,
    Role,
    Select,
    Step,
)
from soak.truth import ROLE, Person, Rule, Seen, Tenant, seen

IDS = tuple(make_id("soak", "user", str(number)) for number in range(ACCOUNTS))
POLICY_GROUP, SELECTING_GROUP = make_id("soak", "group", "policies"), make_id("soak", "group", "selection")
NAMES = tuple(
    (f"svc-{number}@contoso.com", *(f"{word}-{number}-{k}@contoso.com" for word in ("svc", "moved") for k in range(3)))
    for number in range(ACCOUNTS)
)
"""Every name that an account may ever have; the first one is where it begins."""
OWNER = {name: number for number, names in enumerate(NAMES) for name in names}
PATTERN = "svc-*"
POLICY_GROUP_NAME = "For policies"
_RULES = (
    Rule("MFA for all", "mfa"),
    Rule("MFA for the group", "mfa", for_group=True),
    Rule("Block for all", "block"),
    Rule("Block for the group", "block", for_group=True),
)


@dataclass(slots=True)
class Accepted:
    """An accepted finding."""

    account: str
    check: str
    until: date


@dataclass(slots=True)
class World:
    """Everything that a story changes."""

    tenant: Tenant = field(
        default_factory=lambda: Tenant(
            tuple(Person(id, names[0]) for id, names in zip(IDS, NAMES, strict=True)), _RULES
        )
    )
    gone: dict[str, Person] = field(default_factory=dict)
    """Deleted accounts, as they were."""
    how: str = "list"
    listed: frozenset[str] = frozenset(names[0] for names in NAMES)
    chosen: frozenset[str] = frozenset()
    """Ids of those in the selecting group."""
    discovers: bool = False
    """Whether the sign-in log is looked at."""
    last_day: date = date.min
    """The last day whose sign-ins are known, of everybody who is selected or may be proposed."""
    broken: list[Break] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=lambda: {OF_PROPOSED, key_of("candidates"), key_of("mailbox_purpose")})
    """Keys of inputs of which this page leaves open whether they are an account's own trouble, and of those that are read only of
    accounts that may be proposed: which they are is no part of these stories.
    """

    def apply(self, step: Step, now: datetime) -> None:
        """One step of a story, unless it is about an account that is gone."""
        match step:
            case Policy(rule, state, spares):
                rules = list(self.tenant.rules)
                excluded = frozenset(IDS[number] for number in spares)
                rules[rule] = replace(rules[rule], state=state, excluded=excluded)
                self.tenant = replace(self.tenant, rules=tuple(rules))
            case Defaults(on):
                self.tenant = replace(self.tenant, defaults=on)
            case Select(how, accounts):
                people = [one for number in accounts if (one := self.tenant.person(IDS[number]))]
                self.how = how
                self.listed = frozenset(one.upn for one in people) if how == "list" else frozenset()
                self.chosen = frozenset(one.id for one in people) if how == "group" else frozenset()
            case Discover(on):
                self.discovers = on
            case Break():
                self.broken.append(step)
                if step.input in OF_ACCOUNTS and step.way != "403":
                    self.doubtful.add(key_of(step.input))
                if step.input == "mfa_registration" and step.way != "403":
                    self.doubtful.add(key_of("mfa_methods"))
            case Mend():
                self.broken.clear()
            case Accept(account, check, days):
                self.accepted = [one for one in self.accepted if (one.account, one.check) != (IDS[account], check)]
                self.accepted.append(Accepted(IDS[account], check, now.date() + timedelta(days=days)))
            case Revoke(account):
                self.accepted = [one for one in self.accepted if one.account != IDS[account]]
            case Delete(account):
                if person := self.tenant.person(IDS[account]):
                    self.gone[person.id] = person
                    people_left = tuple(one for one in self.tenant.people if one.id != person.id)
                    self.tenant = replace(self.tenant, people=people_left)
            case Mfa(account, state):
                self._change(account, mfa=state)
            case Register(account, yes):
                self._change(account, registered=yes)
            case Enable(account, yes):
                self._change(account, enabled=yes)
            case Rename(account, name):
                self._change(account, upn=name)
            case Role(account, yes):
                self._change(account, role=yes)
            case Join(account, yes):
                self._change(account, member=yes)
            case _:
                pass

    def _change(self, account: int, **values: Any) -> None:
        people = tuple(replace(one, **values) if one.id == IDS[account] else one for one in self.tenant.people)
        self.tenant = replace(self.tenant, people=people)

    # What the real code is given

    def local_tenant(self) -> LocalTenant:
        """The tenant as the local Graph serves it."""
        builder = TenantBuilder("Soak", security_defaults=self.tenant.defaults)
        members = [one.upn for one in self.tenant.people if one.member]
        builder.group(POLICY_GROUP_NAME, id=POLICY_GROUP, members=members)
        chosen = [one.upn for one in self.tenant.people if one.id in self.chosen]
        builder.group("Service accounts", id=SELECTING_GROUP, members=chosen)
        for one in self.tenant.people:
            builder.user(
                one.upn,
                id=one.id,
                mfa=one.mfa,
                enabled=one.enabled,
                methods=["authenticator"] if one.registered else [],
                roles=[ROLE] if one.role else [],
            )
        for rule in self.tenant.rules:
            spared = [one for one in sorted(rule.excluded) if self.tenant.person(one)]
            builder.policy(
                rule.name,
                state=rule.state,
                exclude_users=spared,
                grant=["mfa"] if rule.demands == "mfa" else ["block"],
                client_apps=["browser"] if rule.demands == "mfa" else ["other"],
                include_users=[] if rule.for_group else ["All"],
                include_groups=[POLICY_GROUP_NAME] if rule.for_group else [],
            )
        return builder.build()

    def settings(self) -> dict[str, Any]:
        """The settings that select accounts."""
        return {
            "service_accounts": tuple(sorted(self.listed)),
            "service_account_patterns": (PATTERN,) if self.how == "pattern" else (),
            "service_account_groups": (SELECTING_GROUP,) if self.how == "group" else (),
            "service_account_discovery": ("signins",) if self.discovers else (),
        }

    def patterns(self) -> Iterator[tuple[str, str]]:
        """What the local Graph is to fail at, and how."""
        for one in self.broken:
            yield _pattern(one), one.way

    # What the model is given

    @property
    def answers(self) -> bool:
        """Whether Microsoft Graph answers at all."""
        return not any(one.input == "everything" for one in self.broken)

    def accepts(self, now: datetime) -> frozenset[tuple[str, str]]:
        """The findings that are accepted now."""
        return frozenset((one.account, one.check) for one in self.accepted if now.date() <= one.until)

    def view(self, model: Model, now: datetime, run: str, asked: str | None = None) -> View:
        """What a scan can see of it."""
        looks = {id: look for id in IDS if (look := self._look(id, model, asked)) is not None}
        asks = not asked and self._asks_for_days(now)
        blind = frozenset() if asked else frozenset(self._blind(model, looks, asks_for_days=asks))
        fates = list(self._fates(model, looks, asks_for_days=asks))
        return View(
            now=now,
            run=run,
            looks=looks,
            names=self._named(),
            unreadable_selection=self._is_broken("selection") and self.how in ("pattern", "group") and not asked,
            perhaps=frozenset(id for id in IDS if self.how == "group" and self._is_broken("group_memberships", id)),
            blind=blind,
            in_the_dark=frozenset(key for key, fate in fates if fate == "unsure"),
            unasked=frozenset(key for key, fate in fates if fate == "unasked"),
            asked=asked,
            accepted=self.accepts(now),
        )

    def _named(self) -> frozenset[str]:
        if self.how == "pattern":
            return frozenset(name for name in OWNER if name.startswith("svc-"))
        return self.listed

    def _is_broken(self, name: str, id: str | None = None) -> bool:
        return any(one.input == name and (one.account is None or IDS[one.account] == id) for one in self.broken)

    def _hides(self, name: str, id: str) -> bool:
        """Whether even that something isn't there can't be seen: "404" is an answer that nobody cuts short."""
        return any(
            one.input == name and one.way != "cut" and (one.account is None or IDS[one.account] == id)
            for one in self.broken
        )

    def _look(self, id: str, model: Model, asked: str | None) -> Look | None:
        """What a scan sees of an account; None of one that doesn't exist, as far as can be seen."""
        person, broken = self.tenant.person(id), self._is_broken("account", id)
        if person is None and not (self._hides("account", id) and id in self.gone):
            return None
        there = person or self.gone[id]
        selected = self._selects(there, model, asked) and (person is not None or self.how == "list")
        by_search = selected and self.how in ("pattern", "group") and not asked
        readable = person is not None and (by_search or not broken)
        if not readable and not asked:
            selected = self.how == "list" and bool(self.listed.intersection(NAMES[IDS.index(id)]))
        state = there.mfa if readable and not self._is_broken("per_user_mfa", id) else None
        what = seen(there, self.tenant, self._unread(there)) if readable else _nothing(there)
        return Look(there, what, readable, selected, state)

    def _selects(self, person: Person, model: Model, asked: str | None) -> bool:
        if self.how == "list":
            return person.upn in self.listed
        if asked is None and self._is_broken("selection"):
            # One that is watched is read by its id, and shows by itself that the pattern or the group means it.
            read = model.shown(person.id) and not self._is_broken("account", person.id)
            if self.how == "group":
                return read and person.id in self.chosen and not self._is_broken("group_memberships", person.id)
            return read and self.how == "pattern" and person.upn.startswith("svc-")
        if self.how == "group":
            return person.id in self.chosen and not (asked and self._is_broken("group_memberships", person.id))
        return self.how == "pattern" and person.upn.startswith("svc-")

    def _unread(self, person: Person) -> frozenset[str]:
        """The inputs of an account that can't be read."""
        names = ("conditional_access_policies", "security_defaults", "role_assignments", "role_definitions")
        found = {name for name in names if self._is_broken(name)}
        own = ("group_memberships", "per_user_mfa", "mfa_registration")
        found |= {name for name in own if self._is_broken(name, person.id)}
        if self._groups_asked() and self._is_broken("groups") and not person.member:
            found.add("groups")
        return frozenset(found)

    def _groups_asked(self) -> bool:
        rules = self.tenant.rules
        return not self._is_broken("conditional_access_policies") and any(
            rule.for_group and rule.state != "off" for rule in rules
        )

    def _asks_for_days(self, now: datetime) -> bool:
        """Whether a scan of everything asks for the sign-ins of any day; those that it can read it knows then."""
        last = (now - timedelta(hours=2)).date() - timedelta(days=1)
        asks = self.discovers and self.last_day < last
        if asks and not self._is_broken("sign_ins"):
            self.last_day = last
        return asks

    def _blind(self, model: Model, looks: dict[str, Look], *, asks_for_days: bool) -> Iterator[str]:
        """The keys of what a scan of everything can't see."""
        for name in ("conditional_access_policies", "security_defaults", "organization"):
            if self._is_broken(name):
                yield key_of(name)
        for name in ("role_assignments", "role_eligibilities"):
            if self._is_broken(name):
                yield key_of(name)
        if self._is_broken("role_definitions") and (
            self._roles_unread() or any(one.role for one in self.tenant.people)
        ):
            yield key_of("role_definitions")
        if self._is_broken("groups") and self._groups_asked():
            yield key_of("groups", POLICY_GROUP)
        if self._is_broken("sign_ins") and asks_for_days:
            yield key_of("sign_ins")
        if self._is_broken("selection") and self._criterion():
            yield key_of("selection", self._criterion())
        for id, look in self._read(model, looks).items():
            for name in OF_ACCOUNTS:
                if self._is_broken(name, id) and self._is_asked(name, look):
                    yield key_of(name, id)
            # Of an account that is Enforced the same is read, and no verdict depends on it.
            if self._is_broken("mfa_registration", id) and _is_enforced(look):
                yield key_of("mfa_methods", id)
        for name in self.listed:
            number = OWNER[name]
            account, there = model.accounts.get(IDS[number]), self.tenant.named(name)
            broken = self._is_broken("account", IDS[number]) if there else self._hides("account", IDS[number])
            followed = account is not None and account.watched and name in (account.selected_as, account.upn)
            if broken and not followed:
                yield key_of("account", IDS[number])
            elif not broken and not there and not (followed and self.tenant.person(IDS[number])):
                yield f"missing {name}"

    def _read(self, model: Model, looks: dict[str, Look]) -> dict[str, Look]:
        """The accounts that a scan of everything reads."""
        return {id: look for id, look in looks.items() if look.selected or model.shown(id)}

    def _roles_unread(self) -> bool:
        return self._is_broken("role_assignments") or self._is_broken("role_eligibilities")

    def _criterion(self) -> str:
        """What the settings select by, apart from names."""
        return {"pattern": f"pattern {PATTERN}", "group": f"group {SELECTING_GROUP}"}.get(self.how, "")

    def _is_asked(self, name: str, look: Look) -> bool:
        if name == "account":
            return not look.readable
        unsure = look.state is None and look.person.enabled  # it may be Enabled
        return look.readable and (name != "mfa_registration" or look.state == "enabled" or unsure)

    def _fates(self, model: Model, looks: dict[str, Look], *, asks_for_days: bool) -> Iterator[tuple[str, str]]:
        """What is remembered as unseen, and what can be said of it where this scan didn't miss it: ``read``, ``unsure``, ``unasked``."""
        read = self._read(model, looks)
        for key in model.unseen:
            kind, _, rest = key.partition(" ")
            if kind == "renamed" and (look := looks.get(rest.split()[0])) and not look.readable:
                yield key, "unsure"
            if kind == "missing" and rest in self.listed and self._hides("account", IDS[OWNER[rest]]):
                yield key, "unsure"
            if kind == "input":
                name, _, about = rest.partition(" ")
                unanswered = name == "sign_ins" and self.discovers and not asks_for_days
                yield key, "unsure" if unanswered else self._fate(name, about, read)

    def _fate(self, name: str, about: str, read: dict[str, Look]) -> str:
        if name == "groups":
            unsure = self._is_broken("conditional_access_policies")
            return "unsure" if unsure else "read" if self._groups_asked() else "unasked"
        if name == "role_definitions":
            held = any(one.role for one in self.tenant.people)
            return "unsure" if self._roles_unread() else "read" if held else "unasked"
        if name == "sign_ins":
            return "read" if self.discovers else "unasked"
        if name == "selection":
            return "read" if about == self._criterion() else "unasked"
        if name not in OF_READ_ACCOUNTS:
            return "read"
        if about not in read:
            return "unsure" if self._is_broken("selection") and self._criterion() else "unasked"
        return self._fate_of(name, read[about])

    def _fate_of(self, name: str, look: Look) -> str:
        """The same of an account that was looked at."""
        if not look.readable:
            return "unsure"
        if name == "mfa_methods":
            return "unsure" if look.state is None else "read" if _is_enforced(look) else "unasked"
        if name == "mfa_registration":
            if look.state is None:
                return "read" if self._is_asked(name, look) else "unsure"
            return "read" if look.state == "enabled" else "unasked"
        return "read"


OF_PROPOSED = "input memberships_of_proposed"
OF_READ_ACCOUNTS = ("account_properties", "group_memberships", "per_user_mfa", "mfa_registration", "mfa_methods")


def _is_enforced(look: Look) -> bool:
    return look.readable and look.state == "enforced" and look.person.enabled


def key_of(name: str, about: str = "") -> str:
    """The key of the blindness that an input's failure is; ``about``: what it is about, where it is read one by one."""
    return " ".join(filter(None, ("input", "account_properties" if name == "account" else name, about)))


def _nothing(person: Person) -> Seen:
    return seen(person, Tenant(), frozenset({"account"}))


def _pattern(one: Break) -> str:
    """What the local Graph's requests for an input look like."""
    ids = IDS if one.account is None else (IDS[one.account],)
    whom = "|".join(ids)
    names = "|".join(
        [whom, *(name.replace(".", r"\.") for number, own in enumerate(NAMES) for name in own if IDS[number] in ids)]
    )
    return {
        "conditional_access_policies": r"/identity/conditionalAccess/policies",
        "security_defaults": r"/policies/identitySecurityDefaultsEnforcementPolicy",
        "role_assignments": r"/roleManagement/directory/roleAssignments(\?|$)",
        "role_eligibilities": r"/roleEligibilityScheduleInstances",
        "role_definitions": r"/roleManagement/directory/roleDefinitions",
        "organization": r"/organization",
        "groups": rf"/groups/{POLICY_GROUP}(\?|$)",
        "selection": rf"/users\?.*startswith|/groups/{SELECTING_GROUP}/transitiveMembers",
        "group_memberships": rf"/users/({whom})/transitiveMemberOf",
        "per_user_mfa": rf"/users/({whom})/authentication/requirements",
        "mfa_registration": rf"userRegistrationDetails/({whom})|/users/({whom})/authentication/methods",
        "account": rf"/users/({names})(\?|$)",
        "sign_ins": r"/auditLogs/signIns",
        "everything": r"/\$batch",
    }[one.input]
