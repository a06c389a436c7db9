"""Serves the status page: one document, and whatever stands in `static`.

Everything is read when this module is imported: when the page is first opened, or before the master gives up the
rights that reading may need.

The document names its files at `static/EDITION/…`, where EDITION is a hash of them all. So a browser keeps them for
good and asks only for the document again, and no old script meets a new document after an update. Since modules import
each other by relative addresses, they are found in the same edition.
"""

import hashlib
import os
from dataclasses import dataclass

from procman.access.roles import ANYONE
from procman.http.messages import Request, Response, problem
from procman.http.page_headers import HTML, PAGE_HEADERS
from procman.http.router import Router

_FOLDER = os.path.dirname(__file__)
_STATIC = "static"
_FOR_GOOD = "max-age=31536000, immutable"  # a year, which is as long as caches keep anything
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
# The line of the document that is replaced by a link to each module, so that the browser fetches all of them at once.
_PRELOAD = b"<!-- modulepreload -->\n"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    content_type: str
    tag: str  # as in an ETag header

    @classmethod
    def of(cls, content: bytes, content_type: str) -> "_File":
        return cls(content, content_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')

    def answer(self, request: Request, caching: str = "no-cache") -> Response:
        headers = [("ETag", self.tag), ("Cache-Control", caching), *PAGE_HEADERS]
        known = request.headers.get("if-none-match", "")
        if self.tag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Response(304, headers=headers)
        return Response(body=self.content, headers=headers, content_type=self.content_type)


class Page:
    """The document, its style and its scripts."""

    def add_to(self, router: Router) -> None:
        """Add the files that the document loads; the caller decides where the document itself is (`index`)."""
        router.add("GET", "/static/{edition}/{file}", self._of_edition, needs=ANYONE)
        router.add("GET", "/static/{file}", self._newest, needs=ANYONE)

    async def index(self, request: Request) -> Response:
        """Answer with the document."""
        return _DOCUMENT.answer(request)

    async def _of_edition(self, request: Request, edition: str, file: str) -> Response:
        found = _FILES.get(file) if edition == _EDITION else None
        return _nothing(request) if found is None else found.answer(request, _FOR_GOOD)

    async def _newest(self, request: Request, file: str) -> Response:
        """For pages that know no edition: the browser revalidates the file at each visit."""
        found = _FILES.get(file)
        return _nothing(request) if found is None else found.answer(request)


def _nothing(request: Request) -> Response:
    return problem(404, f"there is nothing at {request.raw_path}")


def _read(*path: str) -> bytes:
    with open(os.path.join(_FOLDER, *path), "rb") as file:
        return file.read()


def _static_files() -> dict[str, _File]:
    found = {}
    for name in sorted(os.listdir(os.path.join(_FOLDER, _STATIC))):
        content_type = _TYPES.get(os.path.splitext(name)[1])
        if content_type is not None:
            found[name] = _File.of(_read(_STATIC, name), content_type)
    return found


def _edition(files: dict[str, _File]) -> str:
    return hashlib.sha256(" ".join(f"{name} {file.tag}" for name, file in files.items()).encode()).hexdigest()[:16]


def _document(files: dict[str, _File], edition: str) -> _File:
    """Complete the document: the edition of its files, and links to the modules that it does not name itself."""
    text = _read("index.html")
    urls = [f'"{_STATIC}/{name}"'.encode() for name in files if name.endswith(".js")]
    links = [b'<link rel="modulepreload" href=%s>\n' % url for url in urls if url not in text]
    text = text.replace(_PRELOAD, b"".join(links))
    return _File.of(text.replace(f'"{_STATIC}/'.encode(), f'"{_STATIC}/{edition}/'.encode()), HTML)


_FILES = _static_files()
_EDITION = _edition(_FILES)
_DOCUMENT = _document(_FILES, _EDITION)
