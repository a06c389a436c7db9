"""What was the case at an earlier time, from the journal."""

from procman.api.rest.answers import route_problem
from procman.api.rest.past_endpoints import PastEndpoints
from procman.daemon.late_routes.parts import Parts
from procman.http.router import Endpoint, Router
from procman.services.time_travel import TimeTravel


def handler(parts: Parts) -> Endpoint:
    """Answers for a moment, or for a span of time."""
    router = Router(problem=route_problem)
    table = parts.services.processes.table
    PastEndpoints(TimeTravel(parts.rooms.journal, table)).add_to(router)
    return router
