"""The OpenAPI document, which clients are made from."""

from procman.api.rest.answers import route_problem
from procman.api.rest.openapi_endpoint import OpenApiEndpoint
from procman.daemon.late_routes.parts import Parts
from procman.http.router import Endpoint, Router
from procman.runtime.call_queue import CallQueue

# So long a client waits for the document, in seconds. It takes 30 ms.
_WITHIN = 30.0


def handler(parts: Parts) -> Endpoint:
    """Answers with the document of the whole table."""
    router = Router(problem=route_problem)
    OpenApiEndpoint(parts.router, CallQueue(_WITHIN).do).add_to(router)
    return router
