"""What all calls of the typed clients are made of: a request, and a value of its answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from procman.client.api_client import READS_TAKE, quoted
from procman.client.refusals import NotDone, NotYet, stranger
from procman.client.streams import AsyncStream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from procman.api.shapes.answers import OperationAnswer, RollingAnswer
    from procman.client.streams import Reader
    from procman.client.transport import Pieces, Transport

T = TypeVar("T")


class Calls:
    """A master to ask."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def request(self, method: str, path: str, body: Any = None, *, patience: float | None = None) -> Any:
        """Ask for anything under /v1: `body` is sent as JSON, and the JSON of the answer returned.

        Args:
            method: such as "GET".
            path: with its query: "/v1/processes".
            body: None for no body.
            patience: seconds; by default 30 for a GET, and no limit for anything else.
        """
        if patience is None:
            patience = READS_TAKE if method == "GET" else 0
        data = None if body is None else json.dumps(body).encode()
        answer = await self._transport.exchange(method, path, data, patience)
        try:
            return json.loads(answer.decode("utf-8", "surrogateescape"))
        except ValueError:
            raise stranger("this address") from None

    async def _get(self, path: str, **query: object) -> Any:
        return await self.request("GET", with_query(path, query))

    async def _bytes(self, path: str, **query: object) -> bytes:
        return await self._transport.exchange("GET", with_query(path, query), None, READS_TAKE)

    def _stream(self, path: str, read: Reader[T], body: Any = None, **query: object) -> AsyncStream[T]:
        async def begin() -> Pieces:
            data = None if body is None else json.dumps(body).encode()
            return await self._transport.stream("GET" if body is None else "POST", with_query(path, query), data)

        return AsyncStream(begin, read)

    async def _operate(self, verb: str, path: str, body: Mapping[str, Any], fine: str = "") -> Any:
        """An operation on processes; raises NotDone or NotYet unless all results are SUCCESS or `fine`."""
        answer: OperationAnswer | RollingAnswer = await self.request("POST", path, without_none(body))
        failed = [one for one in answer["results"] if one["status"] not in {"SUCCESS", fine}]
        if failed:
            raise NotDone(verb, answer["results"], failed)
        if body.get("wait", True) and answer.get("pending"):
            left = answer["pending"]
            of = f" of {', '.join(left)}" if isinstance(left, list) else ""
            raise NotYet(
                f"cannot tell yet whether it will {verb}: the time is over before the end{of}; it goes on as operation "
                f"{answer['operation']}",
                answer["operation"],
            )
        return answer


def path_of(spec: str, rest: str = "") -> str:
    """The path of a process, with what is asked of it."""
    return f"/v1/processes/{quoted(spec)}{rest}"


def joined(names: Sequence[str]) -> str | None:
    """Several names in one parameter."""
    return ",".join(names) or None


def without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is left out has its default."""
    return {key: value for key, value in body.items() if value is not None}


def with_query(path: str, query: Mapping[str, object]) -> str:
    """The path with all parameters that are not None."""
    given = without_none(query)
    return f"{path}?{urlencode(given, encoding='utf-8', errors='surrogateescape')}" if given else path
