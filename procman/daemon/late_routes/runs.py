"""One-off runs of a program."""

from procman.api.rest.answers import route_problem
from procman.api.rest.run_endpoints import RunEndpoints
from procman.daemon.late_routes.parts import Parts
from procman.http.router import Endpoint, Router


def handler(parts: Parts) -> Endpoint:
    """Starts a run, or streams its output."""
    router = Router(problem=route_problem)
    RunEndpoints(parts.services.runs, parts.services.processes.table).add_to(router)
    return router
