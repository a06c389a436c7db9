"""The table of endpoints: the handler for each method and path, and what it needs.

The table is explicit: nothing is looked up by a name that a client sent. A path is split at its slashes first and
decoded afterwards, so a parameter may contain an encoded slash, colons, stars and any letter.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from procman.http.messages import Request, Response, problem
from procman.http.targets import decoded

Endpoint = Callable[..., Awaitable[Response]]  # called as endpoint(request, **path parameters)
Problem = Callable[[int, str, list[tuple[str, str]]], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table."""

    method: str
    pattern: str
    handler: Endpoint
    needs: object  # what it requires: the rights of a client are asked for it
    segments: tuple[str, ...]  # of the pattern; a parameter is written {name}
    changes: bool  # whether something is different afterwards

    def parameters(self, segments: list[str]) -> dict[str, str] | None:
        """Match a decoded path of as many segments: its parameters, or None when it is another path."""
        found = {}
        for mine, theirs in zip(self.segments, segments, strict=True):
            if mine.startswith("{"):
                if not theirs:
                    return None
                found[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return found


class Match(NamedTuple):
    """What the table has for a request."""

    route: Route | None  # None: no row matches
    parameters: Mapping[str, str]
    allowed: tuple[str, ...]  # the methods of this path


class Router:
    """A handler that passes each request to the endpoint in its table.

    A word in a pattern wins over a parameter in the same place, the leftmost first. HEAD is answered by GET's row.
    A client whose rights refuse what a row needs gets a 403. There is no row without needs.

    Args:
        default: answers paths that are not in the table, instead of a 404.
        problem: makes the answers 403, 404 and 405 from a status, a text and headers.
        after_change: is awaited between a handler that changes something and its answer.
    """

    def __init__(
        self,
        *,
        default: Endpoint | None = None,
        problem: Problem = problem,
        after_change: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._default = default
        self._problem = problem
        self._after_change = after_change
        self._by_length: dict[int, list[Route]] = {}
        self._plain: dict[tuple[str, str], Match] = {}  # a path without parameters need not be split

    @property
    def routes(self) -> tuple[Route, ...]:
        """The whole table, for tests and documentation."""
        return tuple(route for length in sorted(self._by_length) for route in self._by_length[length])

    def add(self, method: str, pattern: str, handler: Endpoint, *, needs: object, changes: bool | None = None) -> None:
        """Add a row.

        Args:
            method: such as "GET", which includes HEAD.
            pattern: such as "/v1/processes/{spec}/{op}"; a parameter takes one whole segment, which is not empty.
            handler: is called as handler(request, spec=…, op=…).
            needs: what a client has to be allowed; its rights know what that means.
            changes: whether it changes something; None means: unless it is a GET.

        Raises:
            ValueError: the same row is there already, it needs nothing, or a parameter is not a whole segment.
        """
        if needs is None:
            raise ValueError(f"cannot route {method} {pattern}: say what a client needs for it")
        if not pattern.startswith("/"):
            raise ValueError(f"cannot route {pattern!r}: a path begins with a slash")
        segments = tuple(pattern.split("/")[1:])
        for segment in segments:
            name = segment[1:-1] if segment[:1] + segment[-1:] == "{}" else segment
            if "{" in name or "}" in name or (name != segment and not name.isidentifier()):
                raise ValueError(f"cannot route {pattern!r}: expected a whole segment such as {{name}}")
        shape = _shape(segments)
        rows = self._by_length.setdefault(len(segments), [])
        if any(row.method == method and _shape(row.segments) == shape for row in rows):
            raise ValueError(f"cannot route {method} {pattern}: it is in the table already")
        row = Route(method, pattern, handler, needs, segments, method != "GET" if changes is None else changes)
        rows.append(row)
        rows.sort(key=_precedence)
        if shape == segments:
            self._plain[method, pattern] = Match(row, {}, (method,))

    def match(self, method: str, raw_path: str) -> Match:
        """Look up the row of a request."""
        plain = self._plain.get((method, raw_path))
        if plain is not None:
            return plain
        segments = [decoded(segment) for segment in raw_path.split("/")[1:]]
        allowed: set[str] = set()
        for route in self._by_length.get(len(segments), ()):
            parameters = route.parameters(segments)
            if parameters is None:
                continue
            if route.method == method or (route.method == "GET" and method == "HEAD"):
                return Match(route, parameters, (route.method,))
            allowed.add(route.method)
        if "GET" in allowed:
            allowed.add("HEAD")
        return Match(None, {}, tuple(sorted(allowed)))

    async def __call__(self, request: Request) -> Response:
        """Answer a request: a router is the `Handler` of a `Server`."""
        route, parameters, allowed = self.match(request.method, request.raw_path)
        if route is not None:
            refusal = request.rights.refusal(route.needs)
            if refusal is not None:
                return self._problem(403, refusal, [])
            response = await route.handler(request, **parameters)
            if route.changes and self._after_change is not None:
                await self._after_change()
            return response
        if allowed:
            names = ", ".join(allowed)
            text = f"cannot {request.method} {request.raw_path}: expected {names}"
            return self._problem(405, text, [("Allow", names)])
        if self._default is not None:
            return await self._default(request)
        return self._problem(404, f"there is nothing at {request.raw_path}", [])


def _precedence(route: Route) -> tuple[bool, ...]:
    return tuple(segment.startswith("{") for segment in route.segments)


def _shape(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Make patterns equal that match the same paths, whatever their parameters are called."""
    return tuple("{}" if segment.startswith("{") else segment for segment in segments)
