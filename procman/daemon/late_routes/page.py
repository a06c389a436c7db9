"""The page in the browser, and its forms for browsers without scripts."""

from procman.api.web_forms import Forms
from procman.daemon.late_routes.parts import Parts
from procman.http.router import Endpoint, Router
from procman.web.page import Page


def handler(parts: Parts) -> Endpoint:
    """Serves the page and its files, and takes its forms."""
    page, router = Page(), Router()
    page.add_to(router)
    Forms(parts.rooms.master, parts.services.processes, parts.services.logs, page.index).add_to(router)
    return router
