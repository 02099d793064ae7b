"""Names that nobody should have, and every place in a scan that holds a name."""

from typing import Any

from hypothesis import strategies as st

from reports.extras import ReportExtras
from tests.reports import samples

FAMOUS = (
    "<script>hacked()</script>",
    "</script><script>hacked()</script>",
    "<!--<script>",
    '"><img src=x onerror=hacked()>',
    "' autofocus onfocus='hacked()",
    "javascript:hacked()",
    "{{ 7 * 7 }}{% raw %}",
    '=HYPERLINK("https://evil.example","click")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3;=1+1",
    'a",=1+1,"',
    "\t=1+1",
    "\r\n=1+1",
    "\u202egnp.exe\u202c",
    "\u200f\u2067mirrored",
    "line one\nline two\u2028three",
    "[text](https://evil.example) **bold** | table |",
    "\x1b[31mred\x1b]8;;https://evil.example\x07link",
    "nul\x00byte\x7f\x9b",
    "half a pair \ud800",
    "x" * 500,
    "Å" * 200,
    "عربي 日本語 👩‍💻",
    "]]>&lt;b&gt;&amp;",
)
names = st.one_of(st.sampled_from(FAMOUS), st.text(min_size=1, max_size=60))
"""A name, hostile or merely odd. Never empty: an empty name is shown in other words."""

_NAMED = {
    "user_principal_name", "display_name", "policy_name", "scope", "text", "title", "summary", "resolution", "error", "reason",
    "owner", "actor", "client", "client_app", "application", "places", "name", "meaning", "tenant_name", "selected_by", "products", "steps", "trade_off", "circumstances", "cause",
}  # fmt: skip


def renamed(value: Any, name: str, key: str = "") -> Any:
    """The same data with ``name`` wherever a tenant may write."""
    if isinstance(value, dict):
        return {member: renamed(inner, name, member) for member, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, name, key) for inner in value]
    return name if isinstance(value, str) and value and key in _NAMED else value


def scan(name: str) -> tuple[dict[str, Any], ReportExtras]:
    """The sample tenant with everything in it called ``name``."""
    extras = samples.contoso_extras()
    return renamed(samples.contoso(), name), ReportExtras(
        history=renamed(list(extras.history), name),
        runs=extras.runs,
        exceptions=renamed(list(extras.exceptions), name),
    )


def parade() -> tuple[dict[str, Any], ReportExtras]:
    """A tenant in which every famous name has an account, with policies, groups and a history of that name."""
    pattern, extras = samples.contoso(), samples.contoso_extras()
    accounts, history = [], list[Any]()
    for place, name in enumerate(FAMOUS):
        one = renamed(pattern["accounts"][place % len(pattern["accounts"])], name)
        one["id"] = f"{name}-{place}"
        accounts.append(one)
        history.append({**renamed(extras.history[0], name), "account": one["id"]})
    return samples.document(accounts), ReportExtras(history=history, runs=extras.runs)
