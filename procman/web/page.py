"""Serves the files of the status page: 60 kB.

They are read with this module, and that is imported when somebody asks for them, or before the master gives up the
rights that it may need for reading them.

A browser asks each time whether what it has is still right, by the hash of it: after an update of procman nobody has
an old script with a new document.
"""

import hashlib
import os
from dataclasses import dataclass

from procman.http.messages import Request, Response
from procman.http.page_headers import HTML, PAGE_HEADERS
from procman.http.router import Router


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    content_type: str
    tag: str  # as in an ETag header


class Page:
    """The document, its style and its script."""

    def add_to(self, router: Router) -> None:
        """What the document asks for; where it is itself shown is for others to say (`index`)."""
        router.add("GET", "/page.css", self._style, role="read")
        router.add("GET", "/page.js", self._script, role="read")

    async def index(self, request: Request) -> Response:
        """Answer with the document."""
        return self._answer(request, "index.html")

    async def _style(self, request: Request) -> Response:
        return self._answer(request, "page.css")

    async def _script(self, request: Request) -> Response:
        return self._answer(request, "page.js")

    def _answer(self, request: Request, name: str) -> Response:
        file = _FILES[name]
        headers = [("ETag", file.tag), ("Cache-Control", "no-cache"), *PAGE_HEADERS]
        known = request.headers.get("if-none-match", "")
        if file.tag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Response(304, headers=headers)
        return Response(body=file.content, headers=headers, content_type=file.content_type)


def _read(name: str, content_type: str) -> _File:
    with open(os.path.join(os.path.dirname(__file__), name), "rb") as file:
        content = file.read()
    return _File(content, content_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


_FILES = {
    "index.html": _read("index.html", HTML),
    "page.css": _read("page.css", "text/css; charset=utf-8"),
    "page.js": _read("page.js", "text/javascript; charset=utf-8"),
}
