"""Faults that an operator causes on purpose."""

from procman.api.rest.answers import route_problem
from procman.api.rest.chaos_endpoints import ChaosEndpoints
from procman.daemon.late_routes.parts import Parts
from procman.http.router import Endpoint, Router
from procman.services.chaos import Chaos


def handler(parts: Parts) -> Endpoint:
    """Causes a fault, and says what came of it."""
    router = Router(problem=route_problem)
    rooms, services = parts.rooms, parts.services
    chaos = Chaos(rooms.engine, rooms.master, services.faults, parts.about.policy)
    ChaosEndpoints(chaos, services.processes.table).add_to(router)
    return router
