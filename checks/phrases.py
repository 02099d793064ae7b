"""Small parts of sentences. Pure."""

from collections.abc import Iterable, Sequence


def joined(texts: Sequence[str], word: str = "and") -> str:
    """``a, b and c``, or with another ``word`` before the last; empty for nothing."""
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}" if len(texts) > 1 else "".join(texts)


def agreeing(names: str, one: str, many: str) -> str:
    """The form of a verb or a pronoun that fits one name, or several that *and* joins."""
    return many if " and " in names else one


def quoted(names: Iterable[str]) -> list[str]:
    """Each name in quotation marks."""
    return [f'"{name}"' for name in names]


def limited(texts: Sequence[str], most: int) -> str:
    """``a, b and 3 more``: at most ``most`` texts, and how many others there are."""
    return joined(texts) if len(texts) <= most else joined([*texts[:most], f"{len(texts) - most} more"])
