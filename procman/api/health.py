"""Liveness and readiness for the probes of orchestrators and load balancers.

`/livez` answers 200 as long as the master answers, and no program with health_level=live is unhealthy. `/readyz`
answers 200 when every process that is wanted up is RUNNING, and none of them is unhealthy (unless its health_level is
none), else 503 with a line for each that is not. A pause of a health check is told there, and is no failure. Where a
password is required, a request without one (kubelets and load balancers send none) gets the status without the names.
"""

from collections.abc import Sequence
from http import HTTPStatus

from procman.access.roles import METRICS
from procman.api.access import May, readable, sight
from procman.api.facts_to_shapes import missing_line, paused_line, unhealthy_line
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.master import MasterService
from procman.services.process_table import ProcessTable
from procman.services.status import Moment, ProcessStatus


class Health:
    """Adds the endpoints to a router."""

    def __init__(self, master: MasterService, processes: ProcessTable) -> None:
        """Both are called on the loop's thread."""
        self._master = master
        self._processes = processes

    def missing(self, may: May | None = None) -> list[str]:
        """A line for each process that is wanted up and is not RUNNING, and one while the master shuts down.

        `may` is what the client may know of; the others have one line without a name.
        """
        lines = ["procman is shutting down"] if self._master.is_ending else []
        found = [(status, missing_line(status)) for status in self._processes.missing()]
        found += [(status, unhealthy_line(status)) for status, level in self._processes.unhealthy() if level != "none"]
        return lines + _told(found, may)

    def dead(self, may: May | None = None) -> list[str]:
        """A line for each process that is unhealthy, and whose health_level is live."""
        unhealthy = self._processes.unhealthy()
        return _told([(status, unhealthy_line(status)) for status, level in unhealthy if level == "live"], may)

    def add_to(self, router: Router) -> None:
        """Both, also for read-only accounts."""
        router.add("GET", "/livez", self._alive, needs=METRICS)
        router.add("GET", "/readyz", self._ready, needs=METRICS)

    @staticmethod
    def is_probe(request: Request) -> bool:
        """Whether it asks for liveness or readiness."""
        return request.method == "GET" and request.path in ("/livez", "/readyz")

    def without_password(self, request: Request) -> Response | None:
        """The answer to a request without a password; None if it needs one."""
        match request.method, request.path:
            case "GET", "/livez" if self.dead():
                return Response(HTTPStatus.SERVICE_UNAVAILABLE, b"unhealthy\n")
            case "GET", "/livez":
                return Response(body=b"ok\n")
            case "GET", "/readyz" if self.missing():
                return Response(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n")
            case "GET", "/readyz":
                return Response(body=b"ok\n")
            case _:
                return None

    async def _alive(self, request: Request) -> Response:
        return _answer(self.dead(sight(request)))

    async def _ready(self, request: Request) -> Response:
        moment = Moment.present()
        paused = readable(request, self._processes).paused(moment.steady)
        return _answer(self.missing(sight(request)), [paused_line(status, moment) for status in paused])


def _told(found: list[tuple[ProcessStatus, str]], may: May | None) -> list[str]:
    lines = [line for status, line in found if may is None or may(status.namespec)]
    return lines if len(lines) == len(found) else [*lines, "others are not as they should be"]


def _answer(failures: list[str], remarks: Sequence[str] = ()) -> Response:
    lines = [*(failures or ["ok"]), *remarks]
    status = HTTPStatus.SERVICE_UNAVAILABLE if failures else HTTPStatus.OK
    return Response(status, "".join(f"{line}\n" for line in lines).encode())
