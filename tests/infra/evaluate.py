"""Works out the variables of a Bicep file from parameters, as Azure would: enough of the language for ``infra/``.

It reads Bicep's text itself, because pycep binds operators in an order of its own. What it doesn't know it refuses.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)|(?P<mark>=>|\?\?|\|\||&&|==|!=|<=|>=|[-+?:!<>.,()\[\]{}])"
)
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"))


class Failed(Exception):
    """What ``fail()`` stopped the deployment with."""


class Scope(dict[str, Any]):
    """Parameters, and variables that are worked out when they are asked for."""

    def __init__(self, file: Path, given: dict[str, Any]) -> None:
        text = file.read_text(encoding="utf-8")
        self._source = {
            found[1]: found[2] for found in re.finditer(r"^var (\w+) = (.*?)(?=^\S(?<![\])}]))", text, re.M | re.S)
        }
        self._source |= {found[1]: found[2] for found in re.finditer(r"^param (\w+) \w+ = (.*)$", text, re.M)}
        super().__init__(given)

    def __missing__(self, name: str) -> Any:
        if name not in self._source:
            raise KeyError(name)
        value = _Expression(self._source[name], self).whole()
        self[name] = value
        return value


def interpolated(text: str, scope: dict[str, Any]) -> str:
    """The value of a string literal, without its quotes."""
    out, at = "", 0
    while at < len(text):
        if text.startswith("${", at):
            depth, end = 1, at + 2
            while depth:
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            out += str(_Expression(text[at + 2 : end - 1], scope).whole())
            at = end
        else:
            out += text[at]
            at += 1
    return out


class _Expression:
    def __init__(self, text: str, scope: dict[str, Any]) -> None:
        self._scope, self._at = scope, 0
        self._tokens = self._split(text)

    @staticmethod
    def _split(text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while at < len(text):
            if text[at] == "'":
                end, depth = at + 1, 0
                while text[end] != "'" or depth:
                    if text.startswith("${", end):
                        depth += 1
                    elif text[end] == "}" and depth:
                        depth -= 1
                    end += 1
                tokens.append(("text", text[at + 1 : end]))
                at = end + 1
                continue
            found = _TOKEN.match(text, at)
            if found is None:
                raise ValueError(f"what is {text[at : at + 20]!r}?")
            if found.lastgroup != "space":
                tokens.append((str(found.lastgroup), found[0]))
            elif "\n" in found[0]:
                tokens.append(("line", "\n"))
            at = found.end()
        return [*tokens, ("end", "")]

    def whole(self) -> Any:
        value = self._value()()
        self._lines()
        if self._tokens[self._at][0] != "end":
            raise ValueError(f"left over: {self._tokens[self._at :]}")
        return value

    # Each returns a thunk: of a choice only one side may be worked out, and a lambda is worked out later.

    def _value(self) -> Callable[[], Any]:
        condition = self._binary(0)
        if not self._take("?"):
            return condition
        yes = self._value()
        self._must(":")
        no = self._value()
        return lambda: yes() if condition() else no()

    def _binary(self, level: int) -> Callable[[], Any]:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while mark := next((one for one in _LEVELS[level] if self._take(one)), None):
            left = self._apply(mark, left, self._binary(level + 1))
        return left

    @staticmethod
    def _apply(mark: str, left: Callable[[], Any], right: Callable[[], Any]) -> Callable[[], Any]:
        done: dict[str, Callable[[], Any]] = {
            "||": lambda: left() or right(),
            "&&": lambda: left() and right(),
            "==": lambda: left() == right(),
            "!=": lambda: left() != right(),
            "<": lambda: left() < right(),
            ">": lambda: left() > right(),
            "<=": lambda: left() <= right(),
            ">=": lambda: left() >= right(),
            "+": lambda: left() + right(),
            "-": lambda: left() - right(),
        }
        return done[mark]

    def _unary(self) -> Callable[[], Any]:
        if self._take("!"):
            inner = self._unary()
            return lambda: not inner()
        value = self._primary()
        while self._take("."):
            name = self._next()[1]
            value = self._member(value, name)
        return value

    @staticmethod
    def _member(value: Callable[[], Any], name: str) -> Callable[[], Any]:
        return lambda: value()[name]

    def _primary(self) -> Callable[[], Any]:
        self._lines()
        kind, text = self._next()
        if kind == "number":
            return lambda: int(text)
        if kind == "text":
            scope = self._scope
            return lambda: interpolated(text, scope)
        if text == "(":
            inner = self._value()
            self._must(")")
            return inner
        if text == "[":
            parts = self._parts("]", self._value)
            return lambda: [part() for part in parts]
        if text == "{":
            pairs = self._parts("}", self._pair)
            return lambda: dict(pair() for pair in pairs)
        if kind == "name":
            return self._named(text)
        raise ValueError(f"unexpected {text!r}")

    def _named(self, name: str) -> Callable[[], Any]:
        scope = self._scope
        if self._take("=>"):
            return self._lambda(name)
        if self._take("("):
            arguments = self._parts(")", self._value)
            return lambda: FUNCTIONS[name](*(one() for one in arguments))
        if name in {"true", "false", "null"}:
            return lambda: {"true": True, "false": False, "null": None}[name]
        return lambda: scope[name]

    def _lambda(self, name: str) -> Callable[[], Any]:
        scope, unset = self._scope, object()
        body = self._value()

        def call(value: Any) -> Any:
            before = scope.get(name, unset)
            scope[name] = value
            try:
                return body()
            finally:
                if before is unset:
                    del scope[name]
                else:
                    scope[name] = before

        return lambda: call

    def _pair(self) -> Callable[[], tuple[str, Any]]:
        name = self._next()[1]
        self._must(":")
        value = self._value()
        return lambda: (name, value())

    def _parts(self, closing: str, read: Callable[[], Callable[[], Any]]) -> list[Callable[[], Any]]:
        parts: list[Callable[[], Any]] = []
        self._lines()
        while not self._take(closing):
            parts.append(read())
            self._take(",")
            self._lines()
        return parts

    def _next(self) -> tuple[str, str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _lines(self) -> None:
        while self._tokens[self._at][0] == "line":
            self._at += 1

    def _take(self, mark: str) -> bool:
        """Whether ``mark`` comes next; before the marks of a choice the line may end."""
        at = self._at
        while mark in {"?", ":"} and self._tokens[at][0] == "line":
            at += 1
        if self._tokens[at] != ("mark", mark):
            return False
        self._at = at + 1
        return True

    def _must(self, mark: str) -> None:
        self._lines()
        if not self._take(mark):
            raise ValueError(f"expected {mark}, not {self._tokens[self._at]}")


def _fail(sentence: str) -> Any:
    raise Failed(sentence)


def _union(*values: Any) -> Any:
    if isinstance(values[0], dict):
        return {name: value for one in values for name, value in one.items()}
    return list(dict.fromkeys(entry for one in values for entry in one))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": lambda *lists: [entry for one in lists for entry in one],
    "contains": lambda container, item: item in container,
    "deployer": lambda: {"objectId": "id-of-the-deployer", "userPrincipalName": "ada@contoso.com"},
    "empty": lambda value: not value,
    "fail": _fail,
    "filter": lambda entries, wanted: [entry for entry in entries if wanted(entry)],
    "first": lambda entries: entries[0],
    "indexOf": lambda text, part: text.find(part),
    "join": lambda entries, between: between.join(entries),
    "last": lambda entries: entries[-1],
    "length": len,
    "map": lambda entries, change: [change(entry) for entry in entries],
    "range": lambda start, count: list(range(start, start + count)),
    "replace": str.replace,
    "resourceGroup": lambda: {"id": "/subscriptions/s/resourceGroups/rg", "location": "westeurope"},
    "split": lambda text, by: text.split(by),
    "startsWith": str.startswith,
    "string": str,
    "substring": lambda text, start, count=None: text[start:] if count is None else text[start : start + count],
    "tenant": lambda: {"tenantId": "id-of-the-tenant"},
    "toLower": str.lower,
    "toObject": lambda entries, name, value: {name(entry): value(entry) for entry in entries},
    "trim": str.strip,
    "union": _union,
    "uniqueString": lambda *_: "u2n4i6q8u0e2s",
}
