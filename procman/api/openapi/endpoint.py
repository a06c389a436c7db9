"""How an endpoint is described: what it takes, in Python types, and what it answers."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Given(NamedTuple):
    """A parameter of the query, or a key of the body. In the text its default is in brackets."""

    type: Any
    about: str
    required: bool = False
    least: float | None = None
    most: float | None = None


class Media(NamedTuple):
    """An answer, or a body, that is not one JSON object."""

    type: str
    items: Any = None  # the shape of each line, or of each event by its name; None: bytes
    words: str = ""  # for the page


NOTHING: Mapping[str, Any] = {}


class Endpoint(NamedTuple):
    """One row of the table. A path with {op} stands for a path for each of its `ops`."""

    method: str
    path: str
    answer: Any  # a type; a dict of types by key; or Media
    about: str = ""
    query: Mapping[str, Given] = NOTHING
    body: Mapping[str, Given] | Media = NOTHING
    also: tuple[Any, ...] = ()  # other answers, as by ?follow=1
    ops: Mapping[str, tuple[str, Mapping[str, Given]]] = NOTHING  # what each does, and what only it takes


BYTES = Media("application/octet-stream", words="bytes")


def lines_of(shape: Any) -> Media:
    """Lines of JSON, each of that shape."""
    return Media("application/x-ndjson", shape, f"lines of JSON, each a {shape.__name__}")


def events_of(**shapes: Any) -> Media:
    """Server-sent events by their names, with the shapes of their data."""
    return Media("text/event-stream", shapes, "text/event-stream")
