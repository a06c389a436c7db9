"""Liveness and readiness for the probes of orchestrators and load balancers.

`/livez` answers 200 as long as the master answers. `/readyz` answers 200 when every process that is wanted up is
RUNNING, else 503 with a line for each that is not. Where a password is required, a request without one (kubelets and
load balancers send none) gets the status without the names.
"""

from http import HTTPStatus

from procman.api.facts_to_shapes import missing_line
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.master import MasterService
from procman.services.process_table import ProcessTable


class Health:
    """Adds the endpoints to a router."""

    def __init__(self, master: MasterService, processes: ProcessTable) -> None:
        """Both are called on the loop's thread."""
        self._master = master
        self._processes = processes

    def missing(self) -> list[str]:
        """A line for each process that is wanted up and is not RUNNING, and one while the master shuts down."""
        lines = ["procman is shutting down"] if self._master.is_ending else []
        return [*lines, *map(missing_line, self._processes.missing())]

    def add_to(self, router: Router) -> None:
        """Both, also for read-only accounts."""
        router.add("GET", "/livez", self._alive, role="read")
        router.add("GET", "/readyz", self._ready, role="read")

    def without_password(self, request: Request) -> Response | None:
        """The answer to a request without a password; None if it needs one."""
        match request.method, request.path:
            case "GET", "/livez":
                return Response(body=b"ok\n")
            case "GET", "/readyz" if self.missing():
                return Response(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n")
            case "GET", "/readyz":
                return Response(body=b"ok\n")
            case _:
                return None

    async def _alive(self, _: Request) -> Response:
        return Response(body=b"ok\n")

    async def _ready(self, _: Request) -> Response:
        missing = self.missing()
        if not missing:
            return Response(body=b"ok\n")
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, "".join(f"{line}\n" for line in missing).encode())
