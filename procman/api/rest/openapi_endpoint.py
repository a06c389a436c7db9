"""/v1/openapi.json: the interface as a document for programs."""

from collections.abc import Awaitable, Callable

from procman.access.roles import READ
from procman.api.openapi.document import document_text
from procman.api.rest.answers import JSON, add_endpoint
from procman.http.messages import Request, Response
from procman.http.router import Router

Beside = Callable[[Callable[[], bytes]], Awaitable[bytes]]


class OpenApiEndpoint:
    """Adds it to a router."""

    def __init__(self, described: Router, beside: Beside) -> None:
        """`described` has the rows to tell of; `beside` computes beside the loop, which 30 ms would hold up."""
        self._described = described
        self._beside = beside
        self._text = b""

    def add_to(self, router: Router) -> None:
        """One row."""
        add_endpoint(router, "GET", "/openapi.json", self._answer, READ)

    async def _answer(self, _: Request) -> Response:
        if not self._text:
            self._text = await self._beside(lambda: document_text(self._described.routes).encode())
        return Response(body=self._text, content_type=JSON)
