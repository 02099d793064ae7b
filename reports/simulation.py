"""A simulation for the terminal: first what makes it doubtful, then which accounts would change, then what else to know."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from checks.phrases import joined
from reports.words import count, gap_sentence, shift_in_words
from tenant.references import is_object_id

Json = Mapping[str, Any]

_USES = {"included": "included by", "excluded": "excluded from", "required": "required by"}
_FEW = 10
"""Names that a line lists."""
_FEW_POLICIES = 3


def simulation_lines(document: Json) -> Iterator[str]:
    """The document of ``cli.py simulate``, line by line."""
    names = {one["id"]: one["user_principal_name"] for one in document["judged"]}
    for number, outcome in enumerate(document["simulations"]):
        if number:
            yield ""
        yield from _outcome(outcome, len(names))
    if gaps := [gap for gap in document["gaps"] if not gap["optional"]]:
        yield ""
        yield "What could not be read:"
        yield from (f"  {gap_sentence(gap, names)}" for gap in gaps)


def _outcome(outcome: Json, judged: int) -> Iterator[str]:
    doubts = list(_doubts(outcome))
    if doubts:
        yield from doubts
        yield ""
    yield f"{outcome['title']}: {_result(outcome, judged)}"
    for one in outcome["accounts"]:
        yield f"  {one['user_principal_name']}: {shift_in_words(one['before'], one['after'])}"
        if one["because"]:
            yield f"    {one['because']}"
    if undecided := outcome["undecided"]:
        names = _some([one["user_principal_name"] for one in undecided])
        yield f"  {count(len(undecided), 'account', 'accounts')} can't be judged with what could be read: {names}"
    yield from (f"  Note: {note}" for note in outcome["notes"])
    for group in outcome["exclusion_groups"]:
        yield from _exclusion_group(group)


def _result(outcome: Json, judged: int) -> str:
    number, told = outcome["count"], judged - len(outcome["undecided"])
    said = f"{count(number, 'account', 'accounts')} would change"
    if not number:
        said = f"no account would change ({count(told, 'was', 'were')} judged)"
    if not number and told < judged:
        some = f"only {told:,}" if told else "none"
        return f"no account is known to change, but {some} of {judged:,} could be judged: see below"
    unresolved = (*outcome["not_in_tenant"], *outcome["not_looked_up"])
    if not number and (not judged or any(one["use"] != "excluded" for one in unresolved)):
        return f"{said}, which is no all-clear: see above"
    return f"{said}, as far as this tenant has what the policies name: see above" if unresolved else said


def _doubts(outcome: Json) -> Iterator[str]:
    if missing := outcome["not_in_tenant"]:
        yield f"Caution: the policies name {_kinds(missing)} that this tenant doesn't have."
        yield "What such an id includes reaches nobody here, and what it excludes exempts nobody."
        yield from (f"  {_reference(one)}" for one in missing)
    if nobody := outcome["reaching_nobody"]:
        names = _quoted(nobody, len(nobody))
        yield f"Caution: {'this policy reaches' if len(nobody) == 1 else 'these policies reach'} nobody here: {names}"
    if unknown := outcome["not_looked_up"]:
        yield f"Caution: the policies name {_kinds(unknown)} of which nobody could look up whether this tenant has them."
        for one in unknown:
            grant = f"; grant {one['permission']}" if one["permission"] else ""
            yield f"  {_reference(one)} ({one['error']}{grant})"
    yield from (f"Caution: {caution}" for caution in outcome["cautions"])


def _kinds(references: Sequence[Json]) -> str:
    """How many of each kind; what is included here and excluded there counts once."""
    found: dict[str, set[str]] = {}
    for one in references:
        found.setdefault(one["kind"].replace("_", " "), set()).add(one["id"])
    counted = [count(len(ids), kind, f"{kind}s") for kind, ids in found.items()]
    return joined(counted)


def _reference(one: Json) -> str:
    kind, id = one["kind"].replace("_", " "), one["id"]
    what = f"{kind} {id}" if is_object_id(id) else f'{kind} "{id}", which is no id'
    return f"{what}: {_USES[one['use']]} {_quoted(one['policies'], _FEW_POLICIES)}"


def _exclusion_group(group: Json) -> Iterator[str]:
    policy, name = group["policy"]["name"], group["name"]
    if group["used"]:
        yield f'  {group["account"]} as a member of "{name}", which "{policy}" excludes: nothing changes in the policy itself.'
    else:
        yield f'  "{policy}" excludes "{name}" too.'
    if group["members"]:
        more = " and others" if group["more_members"] else ""
        yield f"    {'Also in it' if group['used'] else 'In it'}: {_some(group['members'])}{more}"
    elif not group["members_unread"]:
        yield f"    Nobody {'else ' if group['used'] else ''}is in it."
    if group["members_unread"]:
        yield f"    Who {'else ' if group['members'] else ''}is in it could not be read ({group['members_unread']})."
    for words, policies in (("excluded from", group["also_excluded_from"]), ("included by", group["included_by"])):
        if policies:
            yield f"    Whoever is in it is {words} {_quoted(policies, _FEW)} as well."
    yield from (f"    Caution: {caution}" for caution in group["cautions"])


def _quoted(policies: Sequence[Json], at_most: int = _FEW) -> str:
    return _some([f'"{one["name"]}"' for one in policies], at_most)


def _some(names: Sequence[str], at_most: int = _FEW) -> str:
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more:,} more" if more > 0 else "")
