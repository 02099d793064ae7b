"""Small pages without any script, which only the app itself serves: before the first scan, a refusal, what a look around found."""

from collections.abc import Iterable, Mapping

from markupsafe import Markup

from reports.html import asset, environment, hash_of
from reports.served import Served

_SHAPES = {
    "ok": ("good", "Fine"),
    "not tried": ("none", "Not tried"),
    "attention": ("medium", "Look at it"),
    "wrong": ("high", "Wrong"),
}
_FIRST = {"wrong": 0, "attention": 1}
"""What somebody has to do something about stands above what is fine."""


def plain_policy() -> str:
    """What such a page may do: show its own style, and send forms to this app."""
    return (
        f"default-src 'none'; style-src {hash_of(plain_style())}; img-src data:; base-uri 'none'; form-action 'self'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def plain_headers() -> dict[str, str]:
    """The headers to send with such a page over HTTP."""
    return {
        "Content-Security-Policy": f"{plain_policy()}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def render_plain(
    title: str,
    text: str = "",
    *,
    served: Served | None = None,
    lines: Iterable[Mapping[str, str]] = (),
    back: str = "",
) -> str:
    """The page: a heading in a sentence, a text below it, what an Operator may do, lines of ``jobs/doctor.py``, a way back."""
    shown = [
        {**line, "shape": _SHAPES.get(line["level"], ("none", ""))[0], "word": _SHAPES.get(line["level"], ("", "?"))[1]}
        for line in sorted(lines, key=lambda line: _FIRST.get(line["level"], len(_FIRST)))
    ]
    return (
        environment()
        .get_template("plain.html")
        .render(
            csp=Markup(plain_policy()),  # noqa: S704  our own text
            style=Markup(plain_style()),  # noqa: S704  our own files
            title=title,
            text=text,
            served=served,
            lines=shown,
            back=back,
        )
    )


def plain_style() -> str:
    """The style of such pages."""
    return asset("report.css") + asset("act.css")
