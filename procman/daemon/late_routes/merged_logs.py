"""The logs of several programs in one stream."""

from procman.api.rest.answers import route_problem
from procman.api.rest.log_endpoints import LogEndpoints
from procman.daemon.late_routes.parts import Parts
from procman.http.router import Endpoint, Router


def handler(parts: Parts) -> Endpoint:
    """Streams lines, those of all programs in the order of their time."""
    router = Router(problem=route_problem)
    LogEndpoints(parts.services.processes.table, parts.services.logs).add_to(router)
    return router
