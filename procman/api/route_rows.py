"""The rows that the classes of `api` add to a router, without a master: for documents."""

import importlib
import inspect
import pkgutil
from typing import Any

from procman import api
from procman.http.router import Route, Router


def route_rows() -> tuple[Route, ...]:
    """All but those of the page. An object with endpoints uses what it was given only when a client asks."""
    router, nothing = Router(), None
    for found in pkgutil.walk_packages(api.__path__, f"{api.__name__}."):
        module = importlib.import_module(found.name)
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == found.name and hasattr(kind, "add_to") and found.name != "procman.api.web_forms":
                made: Any = kind(**dict.fromkeys(inspect.signature(kind).parameters, nothing))
                made.add_to(router)
    return router.routes
