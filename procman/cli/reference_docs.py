"""Generates the reference pages, the manual pages, the JSON schema and the OpenAPI document in docs/ from the code.

`python -m procman.cli.reference_docs docs/` writes them all; a test fails if one is out of date.
"""

import os
import sys
from collections.abc import Callable, Mapping

from procman.api.metrics.reference_page import metrics_page
from procman.api.openapi.document import document_text
from procman.api.reference_pages import http_page, xml_rpc_page
from procman.api.route_rows import route_rows
from procman.cli.man_pages import PAGES as MAN_PAGES
from procman.cli.reference_page import page as commands_page
from procman.client.reference_page import client_page
from procman.config.schema.reference import reference as options_page
from procman.config.schema.reference import schema_text

COMMAND = "python -m procman.cli.reference_docs docs/"


SCHEMA = "procman.schema.json"
OPENAPI = "reference/openapi.json"
PAGES: Mapping[str, tuple[str, Callable[[], str]]] = {
    # the file below docs/, what it is written from, and by what
    "reference/options.md": ("procman/config/schema", options_page),
    "reference/commands.md": ("procman/cli", commands_page),
    "reference/http-api.md": ("procman/api/openapi and procman/api/shapes", http_page),
    "reference/client.md": ("procman/client", client_page),
    "reference/metrics.md": ("procman/api/metrics/families.py", metrics_page),
    "reference/xml-rpc.md": ("procman/api/xmlrpc.py", xml_rpc_page),
}
MAN: Mapping[str, Callable[[], str]] = {f"man/{name}": page for name, page in MAN_PAGES.items()}


def text(name: str) -> str:
    """The content of one of PAGES or MAN, of SCHEMA or of OPENAPI."""
    if name == SCHEMA:
        return schema_text()
    if name == OPENAPI:
        return document_text(route_rows())
    if name in MAN:
        return (
            f'.\\" Written by `{COMMAND}` from procman/cli and procman/config/schema: change it there.\n{MAN[name]()}'
        )
    source, page = PAGES[name]
    return _marked(page(), source)


def write(folder: str) -> None:
    """Write all of them into a directory."""
    for name in (*PAGES, *MAN, SCHEMA, OPENAPI):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text(name))


def _marked(page: str, source: str) -> str:
    """The page with a comment under its title that says where to change it."""
    title, _, rest = page.partition("\n")
    return f"{title}\n\n<!-- Written by `{COMMAND}` from {source}: change it there. -->\n{rest}"


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):  # noqa: PLR2004 - the program and one folder
        raise SystemExit(f"usage: {COMMAND}")
    write(sys.argv[1])
