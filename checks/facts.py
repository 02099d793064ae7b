"""What can rot: facts about Microsoft and about products, each with its source and the day on which that was read.

They stand in JSON files beside this module, because they change without us: ``retirements.json``, ``errors.json``,
``products.json`` and ``microsoft.json``. This is what the files have in common.
"""

from datetime import date, timedelta
from typing import Annotated, Protocol, TypeVar

from pydantic import StringConstraints, TypeAdapter, ValidationError

HOLDS = timedelta(days=400)
"""How long a fact is taken for true without anybody having looked again."""

Text = Annotated[str, StringConstraints(min_length=1)]
Address = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]+(?:/[^\s<>\"'`\\]*)?$")]

_Content = TypeVar("_Content")


class Fact(Protocol):
    """Something that was read somewhere on a day."""

    @property
    def read(self) -> date:
        """When the source was last looked at."""


class FactsError(ValueError):
    """A file of facts can't be used; the text is one sentence."""


def load_facts(adapter: TypeAdapter[_Content], text: str, what: str) -> _Content:
    """The content of a file of facts. Raises :class:`FactsError` with the first thing that is wrong in it."""
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise FactsError(f"{what} can't be used: {where}: {first['msg']}.") from None
