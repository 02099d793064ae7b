"""Policies that Microsoft makes in a tenant: how they are recognised, and what is known of when they go on. Pure.

What can rot stands in ``managed.json`` beside this module, each with its source and the day on which that was read. A
``templateId`` alone proves nothing: it is on policies that people made from a template as well.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter

from checks.facts import Sourced, Text, load_facts
from checks.phrases import joined
from tenant.model import Policy

_Texts = Annotated[tuple[Text, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Notice(Sourced):
    """How long Microsoft leaves a policy of its own in report-only mode, and how long before its day it says so."""

    report_only_days: int
    notice_days: int


@dataclass(frozen=True, slots=True)
class AfterSecurityDefaults(Sourced):
    """The policies that Microsoft creates by itself when Security Defaults are switched off, in words."""

    policies: _Texts


@dataclass(frozen=True, slots=True)
class Managed:
    """What is known of the policies that Microsoft makes."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    note: Text
    prefixes: _Texts
    """How their names begin."""
    baseline_security_mode: Text
    """What names, or descriptions, of the policies of Baseline Security Mode say."""
    notice: Notice
    after_security_defaults: AfterSecurityDefaults
    baseline: Sourced
    """Where Baseline Security Mode is described."""


@cache
def managed() -> Managed:
    """What this version knows."""
    text = Path(__file__).with_name("managed.json").read_text(encoding="utf-8")
    return load_facts(TypeAdapter(Managed), text, "What is known of Microsoft's policies")


def by_microsoft(policy: Policy) -> bool:
    """Whether Microsoft made the policy: by its name, or as one of Baseline Security Mode's."""
    name = policy.display_name.casefold().lstrip()
    return name.startswith(tuple(one.casefold() for one in managed().prefixes)) or of_baseline_security_mode(policy)


def of_baseline_security_mode(policy: Policy) -> bool:
    """Whether Baseline Security Mode made the policy: its name says so, or its description says that it was created by it."""
    mode = r"\s+".join(re.escape(word) for word in managed().baseline_security_mode.split())
    made = rf"\b(?:created|added|made|managed|configured)\b.{{0,60}}\b{mode}\b"
    return bool(
        re.search(rf"\b{mode}\b", policy.display_name, re.IGNORECASE)
        or re.search(made, policy.description, re.IGNORECASE | re.DOTALL)
    )


def when_it_goes_on() -> str:
    """When Microsoft switches on a policy of its own, in a sentence."""
    notice = managed().notice
    return (
        f"Microsoft switches it on by itself: no less than {notice.report_only_days} days after it appeared in report-only mode, "
        f"with a notice about {notice.notice_days} days before, sometimes faster."
    )


def created_in_their_place() -> str:
    """The policies that come when Security Defaults go, as part of a sentence."""
    return joined(managed().after_security_defaults.policies)
