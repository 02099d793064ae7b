"""Collections and single objects as OData answers: selection, filter, order, pages, annotations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localgraph.errors import bad_request, unsupported
from localgraph.filters import Filterable, parse_filter
from localgraph.messages import Answer
from localgraph.query import Options, advanced, check_select, next_query, parse_options
from localgraph.schema import Json
from localgraph.service import Call
from localgraph.views import MISSING, View, show


@dataclass(frozen=True, slots=True)
class Collection:
    """What a collection can do."""

    name: str
    """Its name among the page sizes, e.g. ``users``."""
    type: str
    context: str
    """The part of ``@odata.context`` after ``#``."""
    page: int = 100
    top: int = 999
    """The largest ``$top``."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Property path -> operators; those after a bar need advanced query parameters."""
    order: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    directory: bool = False
    """Directory objects: compared without case, and with advanced queries."""


def collection(call: Call, what: Collection, items: Sequence[Any], view: View) -> Answer:
    """A page of the items."""
    options = parse_options(call.request.query, single=False)
    _check(call, what, options)
    if options.filter is not None:
        items = _found(call, what, options, items, view)
    if options.order:
        items = _ordered(what, options, items, view)
    size = _page_size(call, what, options)
    page = items[options.skip : options.skip + size]
    body: Json = {"@odata.context": context(call, what.context, options)}
    counts = advanced(options, call.request.headers) if what.directory else options.count
    if counts:
        body["@odata.count"] = len(items)
    if options.skip + size < len(items):
        body["@odata.nextLink"] = f"{call.request.root}{call.request.path}?{next_query(options, options.skip + size)}"
    body["value"] = [_as_seen(call, what.type, show(view, item, options.select)) for item in page]
    return Answer(body=body)


def single(call: Call, type_name: str, item: Any, view: View, context_text: str) -> Answer:
    """One object."""
    options = parse_options(call.request.query, single=True)
    check_select(options, type_name, call.schema)
    _check_expand(options, (), type_name)
    shown = _as_seen(call, type_name, show(view, item, options.select))
    return Answer(body={"@odata.context": context(call, context_text, options) + "/$entity", **shown})


def no_options(call: Call) -> None:
    """For endpoints that take no query options. Raises ``GraphRefusal`` (400) where some are given."""
    options = parse_options(call.request.query, single=True)
    if options.select or options.expand:
        raise bad_request("The query specified in the URI is not valid for this resource.")


def context(call: Call, text: str, options: Options) -> str:
    """``@odata.context`` with what was selected."""
    selected = f"({','.join(options.select)})" if options.select else ""
    return f"{call.request.root}/$metadata#{text}{selected}"


def prefers_all_members(call: Call) -> bool:
    """Whether the client sent ``Prefer: include-unknown-enum-members``."""
    return "include-unknown-enum-members" in call.request.headers.get("prefer", "").lower()


def _as_seen(call: Call, type_name: str, shown: Json) -> Json:
    if prefers_all_members(call):
        return shown
    seen: Json = call.schema.as_old_client(type_name, shown)
    return seen


def _check(call: Call, what: Collection, options: Options) -> None:
    check_select(options, what.type, call.schema)
    _check_expand(options, what.expand, what.type)
    if options.search:
        raise unsupported("This request doesn't support the $search query parameter.")
    if options.order and options.filter and what.directory and not advanced(options, call.request.headers):
        raise unsupported("Sorting not supported for current query.")


def _check_expand(options: Options, allowed: Iterable[str], type_name: str) -> None:
    for item in options.expand:
        if item.split("(")[0] not in allowed:
            raise bad_request(
                "Parsing OData Select and Expand failed: Could not find a property named "
                f"'{item.split('(')[0]}' on type 'microsoft.graph.{type_name}' that can be expanded."
            )


def _page_size(call: Call, what: Collection, options: Options) -> int:
    if options.top is not None and options.top > what.top:
        raise bad_request(
            f"Invalid page size specified: '{options.top}'. Must be between 1 and {what.top} inclusive.",
            "Request_UnsupportedQuery",
        )
    forced = call.page_sizes.get(what.name)
    asked = options.top or what.page
    return min(asked, forced) if forced else asked


def _found(call: Call, what: Collection, options: Options, items: Sequence[Any], view: View) -> Sequence[Any]:
    """What a filter lets through. Each page is a request of its own: where nobody changes the tenant, it is looked for once."""
    if call.searches is None:
        return _filtered(call, what, options, items, view)
    about = call.request.version, call.request.path, options.filter, advanced(options, call.request.headers)
    if about not in call.searches:
        call.searches[about] = _filtered(call, what, options, items, view)
    return call.searches[about]


def _filtered(call: Call, what: Collection, options: Options, items: Sequence[Any], view: View) -> Sequence[Any]:
    def read(item: Any, name: str) -> Any:
        value = view.read(item, name)
        return None if value is MISSING else value

    predicate = parse_filter(
        options.filter or "",
        Filterable(what.type, what.filters, what.directory),
        call.schema,
        read,
        advanced=advanced(options, call.request.headers),
    )
    return [item for item in items if predicate(item)]


def _ordered(what: Collection, options: Options, items: Sequence[Any], view: View) -> Sequence[Any]:
    found = list(items)
    for name, descending in reversed(options.order):
        if name not in what.order:
            raise unsupported(f"Sorting by '{name}' is not supported.")

        def key(item: Any, name: str = name) -> str:
            value = view.read(item, name)
            return "" if value is None or value is MISSING else str(value).casefold()

        found.sort(key=key, reverse=descending)
    return found
