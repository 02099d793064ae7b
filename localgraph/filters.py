"""``$filter`` of OData: text in, a checked predicate out.

The grammar is the part that Graph's directory and log endpoints accept: comparisons, ``in``, ``startswith``,
``endswith``, ``contains``, ``any`` with a lambda, ``and``, ``or``, ``not``, parentheses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localgraph.errors import bad_request, unsupported
from localgraph.filter_words import KINDS, Token, literal, moment, tokens
from localgraph.schema import Property, Schema

Predicate = Callable[[Any], bool]
Reader = Callable[[Any, str], Any]
"""Reads one property of an item by its name."""

_COMPARISONS = ("eq", "ne", "ge", "le", "gt", "lt")
_FUNCTIONS = ("startswith", "endswith", "contains")
_MOST_CLAUSES = 15
"""Directory queries refuse more clauses joined by "or", and more values of "in"."""


@dataclass(frozen=True, slots=True)
class Filterable:
    """What a collection lets be filtered."""

    type: str
    """Type of the items."""
    operators: Mapping[str, str]
    """Property path -> operators, those that need advanced query parameters after a bar: ``eq in | ne``."""
    directory: bool
    """Directory objects compare without case, limit the clauses and have advanced queries."""


def parse_filter(text: str, allowed: Filterable, schema: Schema, read: Reader, *, advanced: bool) -> Predicate:
    """The predicate that ``text`` means.

    ``advanced`` says whether the request carries ``ConsistencyLevel: eventual`` and ``$count=true``. Raises
    ``GraphRefusal`` (400) for what can't be parsed, isn't supported or doesn't fit the property's type.
    """
    parser = _Parser(list(tokens(text)), allowed, schema, read, advanced)
    predicate = parser.disjunction()
    parser.end()
    if allowed.directory and parser.clauses > _MOST_CLAUSES:
        raise unsupported(
            "Too many child clauses specified in search filter expression containing 'OR' operators: "
            f"{parser.clauses}. Max allowed: {_MOST_CLAUSES}."
        )
    return predicate


@dataclass(slots=True)
class _Lambda:
    """The collection that the variable of ``any`` runs over."""

    variable: str
    path: str


class _Parser:
    def __init__(self, tokens: list[Token], allowed: Filterable, schema: Schema, read: Reader, advanced: bool) -> None:
        self._tokens = tokens
        self._position = 0
        self._allowed = allowed
        self._schema = schema
        self._read = read
        self._advanced = advanced
        self._lambda: _Lambda | None = None
        self.clauses = 0

    def end(self) -> None:
        if self._position != len(self._tokens):
            raise self._syntax_error()

    def disjunction(self) -> Predicate:
        parts = [self._conjunction()]
        while self._word("or"):
            parts.append(self._conjunction())
        if len(parts) > 1:
            self.clauses = max(self.clauses, len(parts))
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def _conjunction(self) -> Predicate:
        parts = [self._term()]
        while self._word("and"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def _term(self) -> Predicate:
        if self._word("not"):
            self._needs_advanced("not")
            inner = self._term()
            return lambda item: not inner(item)
        if self._mark("("):
            predicate = self.disjunction()
            self._expect(")")
            return predicate
        name = self._name()
        if name.lower() in _FUNCTIONS:
            return self._function(name)
        if name.endswith("/any"):
            return self._any(name.removesuffix("/any"))
        return self._comparison(name)

    def _function(self, name: str) -> Predicate:
        self._expect("(")
        path = self._name()
        self._expect(",")
        get, declared = self._property(path, name.lower(), name)
        value = self._literal(declared, name)
        self._expect(")")
        if not isinstance(value, str):
            raise bad_request(f"Invalid filter clause: '{name}' needs a string.")
        wanted = self._fold(value)
        test = {"startswith": str.startswith, "endswith": str.endswith, "contains": str.__contains__}[name.lower()]
        return lambda item: isinstance(found := self._fold(get(item)), str) and bool(test(found, wanted))

    def _any(self, path: str) -> Predicate:
        self._expect("(")
        variable = self._name()
        self._expect(":")
        outer, self._lambda = self._lambda, _Lambda(variable, path)
        inner = self.disjunction()
        self._lambda = outer
        self._expect(")")
        return lambda item: any(inner(element) for element in self._walk(item, path) or ())

    def _comparison(self, path: str) -> Predicate:
        operator = self._name().lower()
        get, declared = self._property(path, operator, operator)
        if operator == "in":
            values = self._list(declared)
            self.clauses = max(self.clauses, len(values))
            wanted = {self._fold(value) for value in values}
            return lambda item: self._fold(get(item)) in wanted
        if operator not in _COMPARISONS:
            raise self._syntax_error()
        value = self._fold(self._literal(declared, operator))
        return lambda item: _compare(operator, self._fold(get(item)), value)

    def _property(self, path: str, operator: str, shown: str) -> tuple[Callable[[Any], Any], Property]:
        """How to read a property, and its type; refuses what the collection doesn't let be filtered that way."""
        inside = self._lambda is not None and path.split("/")[0] == self._lambda.variable
        full, local = path, path
        if inside and self._lambda is not None:
            local = "/".join(path.split("/")[1:])
            full = self._lambda.path + (f"/{local}" if local else "")
        default, _, needs_advanced = self._allowed.operators.get(full, "").partition("|")
        if full not in self._allowed.operators:
            self._type_of(full)  # tells an unknown property from one that can't be filtered
            raise unsupported(f"Unsupported or invalid query filter clause specified for property '{full}'.")
        if operator not in default.split():
            if operator not in needs_advanced.split():
                raise unsupported(f"Operator '{shown}' is not supported for property '{full}'.")
            self._needs_advanced(shown)
        return (lambda item: self._walk(item, local)), self._type_of(full)

    def _needs_advanced(self, shown: str) -> None:
        if self._allowed.directory and not self._advanced:
            raise unsupported(
                f"Operator '{shown}' is not supported because the required parameters might be missing. Try adding "
                "$count=true query parameter and ConsistencyLevel:eventual header."
            )

    def _type_of(self, path: str) -> Property:
        type_name, declared = self._allowed.type, Property("String", False, True)
        for segment in path.split("/"):
            found = self._schema.properties(type_name) | self._schema.navigation(type_name)
            if segment not in found:
                raise bad_request(f"Could not find a property named '{segment}' on type 'microsoft.graph.{type_name}'.")
            declared = found[segment]
            type_name = declared.type
        return declared

    def _walk(self, item: Any, path: str) -> Any:
        """The value at a path; inside a lambda the elements are plain JSON."""
        if not path:
            return item
        for number, segment in enumerate(path.split("/")):
            if item is None:
                return None
            plain = self._lambda_element(item) or number > 0
            item = item.get(segment) if plain and isinstance(item, dict) else self._read(item, segment)
        return item

    @staticmethod
    def _lambda_element(item: Any) -> bool:
        return isinstance(item, dict)

    def _list(self, declared: Property) -> list[Any]:
        self._expect("(")
        values = [self._literal(declared, "in")]
        while self._mark(","):
            values.append(self._literal(declared, "in"))
        self._expect(")")
        return values

    def _literal(self, declared: Property, operator: str) -> Any:
        token = self._next()
        if token.kind == "name" and token.text.lower() == "null":
            return None
        kind, value = literal(token)
        if kind not in KINDS.get(declared.type, ("string",)):
            raise bad_request(
                "Invalid filter clause: A binary operator with incompatible types was detected. Found operand types "
                f"'Edm.{declared.type}' and '{token.text}' for operator kind '{operator}'."
            )
        return value

    def _fold(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.casefold() if self._allowed.directory else value
        return value

    def _next(self) -> Token:
        if self._position >= len(self._tokens):
            raise self._syntax_error()
        self._position += 1
        return self._tokens[self._position - 1]

    def _peek(self) -> Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _word(self, word: str) -> bool:
        token = self._peek()
        found = token is not None and token.kind == "name" and token.text.lower() == word
        self._position += found
        return found

    def _mark(self, mark: str) -> bool:
        token = self._peek()
        found = token is not None and token.kind == "mark" and token.text == mark
        self._position += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._mark(mark):
            raise self._syntax_error()

    def _name(self) -> str:
        token = self._next()
        if token.kind != "name":
            raise self._syntax_error()
        return token.text

    def _syntax_error(self) -> Exception:
        token = self._peek()
        where = f"at '{token.text}'" if token else "at the end"
        return bad_request(f"Invalid filter clause: there is a syntax error {where} of the expression.")


def _compare(operator: str, found: Any, wanted: Any) -> bool:
    if isinstance(wanted, datetime) and found is not None:
        found = moment(str(found).upper())
    if operator == "eq":
        return bool(found == wanted)
    if operator == "ne":
        return bool(found != wanted)
    if found is None or wanted is None:
        return False
    return bool(
        {
            "ge": lambda: found >= wanted,
            "le": lambda: found <= wanted,
            "gt": lambda: found > wanted,
            "lt": lambda: found < wanted,
        }[operator]()
    )
