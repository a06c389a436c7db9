"""Answers in JSON, and errors among them."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from procman.access.roles import Needs
from procman.api.error_codes import CODES, FORBIDDEN, UNKNOWN_PATH
from procman.api.facts_to_shapes import error_body
from procman.api.shapes.master import ErrorBody
from procman.errors import OperationError
from procman.http.messages import Request, Response
from procman.http.router import Router

JSON = "application/json"

Endpoint = Callable[..., Awaitable[Response]]


def json_answer(value: object, status: int = HTTPStatus.OK) -> Response:
    """The value with its status."""
    return Response(status, json.dumps(value).encode() + b"\n", content_type=JSON)


def error_answer(status: int, code: str, message: str) -> Response:
    """{"error": …} with its status."""
    return json_answer({"error": ErrorBody(code=code, message=message)}, status)


def route_problem(status: int, text: str, headers: list[tuple[str, str]]) -> Response:
    """An answer of the router's own: there is no such endpoint, or this account may not use it."""
    answer = error_answer(status, FORBIDDEN if status == HTTPStatus.FORBIDDEN else UNKNOWN_PATH, text)
    answer.headers = headers
    return answer


def add_endpoint(router: Router, method: str, pattern: str, endpoint: Endpoint, needs: Needs) -> None:
    """Add a row under /v1, and what a client needs for it: a GET only looks, and everything else changes something."""
    router.add(method, f"/v1{pattern}", _answering(endpoint), needs=needs)


def _answering(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with what it raises made an answer."""

    async def answer(request: Request, **parameters: str) -> Response:
        try:
            return await endpoint(request, **parameters)
        except OperationError as error:
            return json_answer({"error": error_body(error)}, CODES[error.reason].status)

    return answer
