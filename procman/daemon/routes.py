"""Every endpoint of the master. What most masters are never asked for is imported for the first client that asks."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

from procman.access.roles import ADMIN, ANYONE, LOGS, METRICS, OPERATE, READ, Needs
from procman.api.health import Health
from procman.api.journal_endpoints import JournalEndpoints
from procman.api.log_tails import LogTails
from procman.api.rest.answers import route_problem
from procman.api.rest.crash_endpoints import CrashEndpoints
from procman.api.rest.given_endpoints import GivenEndpoints
from procman.api.rest.health_endpoints import HealthEndpoints
from procman.api.rest.hook_endpoints import HookEndpoints
from procman.api.rest.limit_endpoints import LimitEndpoints
from procman.api.rest.master_endpoints import MasterEndpoints
from procman.api.rest.notify_endpoints import NotifyEndpoints
from procman.api.rest.process_endpoints import ProcessEndpoints
from procman.api.rest.rolling_endpoints import RollingEndpoints
from procman.api.rest.rotation_endpoints import RotationEndpoints
from procman.api.rest.scale_endpoints import ScaleEndpoints
from procman.api.rest.schedule_endpoints import ScheduleEndpoints
from procman.api.rest.socket_endpoints import SocketEndpoints
from procman.api.rest.update_endpoints import UpdateEndpoints
from procman.api.rest.watch_endpoints import WatchEndpoints
from procman.api.rest.whoami_endpoint import WhoamiEndpoint
from procman.api.rest.why_endpoints import WhyEndpoints
from procman.api.sse import EventStream
from procman.daemon.about import About
from procman.daemon.client_services import ClientServices
from procman.daemon.late_routes.parts import Parts
from procman.daemon.rooms import Rooms
from procman.http.messages import Request, Response
from procman.http.router import Endpoint, Router
from procman.runtime.journal.denials import Denials
from procman.services.changes import Changes
from procman.services.journal import JournalService
from procman.services.scaling import ScaleService

if TYPE_CHECKING:
    from procman.services.metrics.readings import MetricsService

# What most masters are never asked for: modules of `daemon.late_routes`, and what each answers.
_LATE: dict[str, tuple[tuple[str, str, Needs], ...]] = {
    # 2.9 MiB. The answer to a GET says that it takes a POST; each method has its own role.
    "xmlrpc": tuple((method, path, ANYONE) for path in ("/RPC2", "/RPC2/") for method in ("GET", "POST")),
    # 0.3 MiB
    "metrics": (("GET", "/metrics", METRICS),),
    "runs": (("POST", "/v1/processes/{spec}/run", OPERATE), ("GET", "/v1/processes/{spec}/run", LOGS)),
    "merged_logs": (("GET", "/v1/logs", LOGS),),
    "terminals": (
        ("GET", "/v1/processes/{spec}/attach", LOGS),
        ("POST", "/v1/processes/{spec}/attach", ADMIN),
        ("POST", "/v1/processes/{spec}/debug", ADMIN),
        ("GET", "/v1/terminals", READ),
        ("POST", "/v1/terminals/{number}/input", ADMIN),
        ("POST", "/v1/terminals/{number}/size", ADMIN),
    ),
    # 1.5 MiB: it has the simulator.
    "chaos": (("POST", "/v1/processes/{spec}/chaos", ADMIN), ("GET", "/v1/chaos/{id}", READ)),
    "past": tuple(("GET", f"/v1/journal/{name}", READ) for name in ("states", "spans", "why")),
    "openapi": (("GET", "/v1/openapi.json", READ),),
    # 1.2 MiB: the page and its files, its forms without scripts, and two addresses more that supervisor has.
    "page": (
        *(("GET", path, ANYONE) for path in ("/", "/index.html", "/ok.html")),
        *(("GET", path, ANYONE) for path in ("/static/{edition}/{file}", "/static/{file}")),
        ("GET", "/tail.html", LOGS),
        *(("POST", path, OPERATE) for path in ("/", "/index.html")),
    ),
}


class _LateHandler:
    """Imports a module of `daemon.late_routes`, and makes its handler, for the first client that asks."""

    def __init__(self, module: str, parts: Parts) -> None:
        self._module = module
        self._parts = parts
        self._handler: Endpoint | None = None

    async def __call__(self, request: Request, **_: str) -> Response:
        if self._handler is None:
            module = import_module(f"procman.daemon.late_routes.{self._module}")
            self._handler = cast("Endpoint", module.handler(self._parts))
        return await self._handler(request)


class Routes:
    """The router, and the one endpoint that goes on by itself: the stream of events."""

    def __init__(
        self,
        rooms: Rooms,
        services: ClientServices,
        about: About,
        health: Health,
        upgrade: Callable[[], Awaitable[int]],
        *,
        file_warnings: Callable[[], Awaitable[list[str]]],
        metrics: "Callable[[], MetricsService]",
    ) -> None:
        """`upgrade` begins one, `file_warnings` says why the configuration on the disk could not be used now.

        `metrics` makes what reads them, for a master that is scraped.
        """
        table = services.processes.table
        self._event_stream = EventStream(table, Changes(rooms.bus, table), about.to_asker, services.why.if_failed)
        # A client that has its answer may look in the logs for what was done. XML-RPC sees to that by itself.
        self.router = Router(problem=route_problem, after_change=services.logs.flush)
        all_of = rooms.master, services.processes, services.configuration, services.logs
        ProcessEndpoints(*all_of, services.why.if_failed).add_to(self.router)
        MasterEndpoints(
            rooms.master,
            services.configuration,
            services.logs,
            health=health,
            about=about.to_asker,
            tell_listeners=rooms.hub.remote,
            upgrade=upgrade,
            file_warnings=file_warnings,
        ).add_to(self.router)
        UpdateEndpoints(services.updates, services.configuration, rooms.master.operations).add_to(self.router)
        self._add_features(rooms, services)
        LogTails(services.processes.table, services.logs).add_to(self.router)
        self._event_stream.add_to(self.router)
        self._journal = JournalEndpoints(JournalService(rooms.journal, rooms.fleet), services.processes.table)
        self._journal.add_to(self.router)
        WhoamiEndpoint(services.processes.table).add_to(self.router)
        self.rules = services.access.rules
        self.denials = Denials(rooms.journal)
        health.add_to(self.router)
        RollingEndpoints(services.rolling, services.processes.table).add_to(self.router)
        parts = Parts(rooms, services, about, self.denials, self.router, read_metrics=metrics)
        for module, rows in _LATE.items():
            handler = _LateHandler(module, parts)
            for method, path, needs in rows:
                self.router.add(method, path, handler, needs=needs, changes=False if module == "xmlrpc" else None)

    def close(self) -> None:
        """End the streams of events, and of the journal."""
        self._event_stream.close()
        self.denials.flush()
        self._journal.close()

    def _add_features(self, rooms: Rooms, services: ClientServices) -> None:
        NotifyEndpoints(rooms.notifying).add_to(self.router)
        CrashEndpoints(rooms.crashes, services.processes.table).add_to(self.router)
        LimitEndpoints(services.limits).add_to(self.router)
        SocketEndpoints(services.sockets).add_to(self.router)
        ScaleEndpoints(ScaleService(rooms.engine, rooms.master, services.configuration, services.updates)).add_to(
            self.router
        )
        HookEndpoints(rooms.hook_results).add_to(self.router)
        GivenEndpoints(services.given).add_to(self.router)
        WatchEndpoints(services.watches).add_to(self.router)
        RotationEndpoints(services.rotations).add_to(self.router)
        WhyEndpoints(services.why).add_to(self.router)
        HealthEndpoints(services.health_checks, services.processes.table).add_to(self.router)
        ScheduleEndpoints(services.schedules).add_to(self.router)
