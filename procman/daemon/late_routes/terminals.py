"""Terminals of programs, and shells beside them."""

from procman.api.rest.answers import route_problem
from procman.api.rest.terminal_endpoints import TerminalEndpoints
from procman.daemon.late_routes.parts import Parts
from procman.http.router import Endpoint, Router


def handler(parts: Parts) -> Endpoint:
    """Attaches a client, and takes what it types."""
    router = Router(problem=route_problem)
    services = parts.services
    TerminalEndpoints(services.terminals, services.debugging, services.processes.table).add_to(router)
    return router
