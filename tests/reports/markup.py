"""Reading a page the way a browser would, as far as the tests need it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "wbr", "img", "input", "hr"}


@dataclass
class Page(HTMLParser):
    """What is in a page: every tag with its attributes, the texts of scripts and styles, and what is wrong with it."""

    tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = field(default_factory=list)
    raw: dict[str, list[str]] = field(default_factory=dict)
    text: str = ""
    problems: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.problems.append(f"<{tag}> repeats an attribute")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))  # shapes of a drawing

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            self.raw.setdefault(self._open[-1], []).append(data)
        else:
            self.text += data

    def close(self) -> None:
        super().close()
        self.problems += [f"<{tag}> is never closed" for tag in self._open]

    def attributes(self, name: str) -> list[str]:
        """Every value that an attribute has anywhere."""
        return [value or "" for _, attrs in self.tags for key, value in attrs if key == name]

    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The tags and the names of their attributes, without any value: what markup there is."""
        return [(tag, tuple(name for name, _ in attrs)) for tag, attrs in self.tags]


def read(html: str) -> Page:
    """The page in ``html``."""
    page = Page()
    page.feed(html)
    page.close()
    return page
