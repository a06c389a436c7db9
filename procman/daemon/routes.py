"""Every endpoint of the master. XML-RPC, the metrics and the page are imported for the first client that asks."""

import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from procman import __version__
from procman.access.rights import READ_ONLY, Rights
from procman.access.roles import ADMIN, ANYONE, LOGS, METRICS, OPERATE, READ, reaches
from procman.api.access import rights_of
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
from procman.api.shapes.master import MasterInfo
from procman.api.sse import EventStream
from procman.api.supervisor_states import supervisor_state
from procman.config.schema.configuration import Config
from procman.core.spec import MasterPolicy
from procman.daemon.client_services import ClientServices
from procman.daemon.rooms import Rooms
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.runtime.call_queue import CallQueue
from procman.runtime.journal.denials import Denials
from procman.services.changes import Changes
from procman.services.journal import JournalService
from procman.services.scaling import ScaleService

if TYPE_CHECKING:
    from procman.api.metrics.endpoint import MetricsEndpoint
    from procman.api.xmlrpc.adapter import XmlRpc
    from procman.api.xmlrpc.method import Caller
    from procman.services.metrics.readings import MetricsService

API_VERSION = "3.0"
# The page and its files, and two more that supervisor has.
_WEB = ("/", "/index.html", "/static/{edition}/{file}", "/static/{file}", "/tail.html", "/ok.html")
_RUN = "/v1/processes/{spec}/run"
_TERMINALS = (
    ("GET", "/v1/processes/{spec}/attach", LOGS),
    ("POST", "/v1/processes/{spec}/attach", ADMIN),
    ("POST", "/v1/processes/{spec}/debug", ADMIN),
    ("GET", "/v1/terminals", READ),
    ("POST", "/v1/terminals/{number}/input", ADMIN),
    ("POST", "/v1/terminals/{number}/size", ADMIN),
)
_CHAOS = (("POST", "/v1/processes/{spec}/chaos", ADMIN), ("GET", "/v1/chaos/{id}", READ))
_PAST = ("/v1/journal/states", "/v1/journal/spans", "/v1/journal/why")
# So long a client waits for the OpenAPI document, in seconds. It takes 30 ms.
_DESCRIBED_WITHIN = 30.0


class About:
    """What the master says of itself."""

    def __init__(self, config: Config, rooms: Rooms, began: int, upgrades: int) -> None:
        """`began` is in seconds since the epoch, `upgrades` how many this master has been through."""
        self._config = config
        self._rooms = rooms
        self._began = began
        self._upgrades = upgrades

    @property
    def policy(self) -> MasterPolicy:
        """How the fleet ends, and in which order it starts."""
        return self._config.master

    def to(self, rights: Rights | None = None) -> MasterInfo:
        """For a client with those rights; None: it may do everything."""
        fleet = self._rooms.fleet
        state = supervisor_state(fleet.state)
        may = None if rights is None or rights.reads_all else rights.sees
        info = MasterInfo(
            pid=os.getpid(),
            version=__version__,
            api_version=API_VERSION,
            identifier=self._config.master.identifier,
            state=state.code,
            statename=state.name,
            config_file=self._config.file,
            start=self._began,
            processes=sum(1 for name in fleet.processes if may is None or may(name)),
            reaped_orphans=self._rooms.engine.ends.orphans,
            upgrades=self._upgrades,
            may_control=rights is None or reaches(rights.role, "operate"),
        )
        if rights is not None and not rights.is_full and not rights.is_by_password:
            info["role"] = rights.role
        return info

    def to_asker(self, request: Request) -> MasterInfo:
        """For the client that has sent this."""
        return self.to(rights_of(request))


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
        self._read_metrics = metrics
        self._rooms = rooms
        self._services = services
        self._about = about
        self._xmlrpc: XmlRpc | None = None
        self._page: Router | None = None
        self._past: Router | None = None
        self._runs: Router | None = None
        self._logs: Router | None = None
        self._terminals: Router | None = None
        self._metrics: MetricsEndpoint | None = None
        self._described: Router | None = None
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
        self._add_late()

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

    def _add_late(self) -> None:
        add = self.router.add
        self._chaos: Router | None = None
        for path in ("/RPC2", "/RPC2/"):
            # The answer to a GET says that it takes a POST. Each method has its own role.
            add("GET", path, self._call, needs=ANYONE)
            add("POST", path, self._call, needs=ANYONE, changes=False)
        add("GET", "/metrics", self._measure, needs=METRICS)
        add("POST", _RUN, self._follow_run, needs=OPERATE)
        add("GET", _RUN, self._follow_run, needs=LOGS)
        add("GET", "/v1/logs", self._merge_logs, needs=LOGS)
        for method, path, needs in _TERMINALS:
            add(method, path, self._show_terminal, needs=needs)
        for method, path, needs in _CHAOS:
            add(method, path, self._make_fail, needs=needs)
        add("GET", "/v1/openapi.json", self._describe, needs=READ)
        for path in _PAST:
            add("GET", path, self._look_back, needs=READ)
        for path in _WEB:
            add("GET", path, self._show, needs=LOGS if path == "/tail.html" else ANYONE)
        for path in ("/", "/index.html"):
            add("POST", path, self._show, needs=OPERATE)

    async def _call(self, request: Request) -> Response:
        if self._xmlrpc is None:
            from procman.api.xmlrpc.adapter import XmlRpc  # noqa: PLC0415 - 1.2 MiB, for clients that speak it

            rooms, services = self._rooms, self._services
            self._xmlrpc = XmlRpc(
                rooms.master,
                services.processes,
                services.configuration,
                services.logs,
                about=self._about.to,
                tell_listeners=rooms.hub.remote,
                on_denied=self._note_denied,
            )
        return await self._xmlrpc.call(request)

    def _note_denied(self, caller: "Caller", method: str) -> None:
        denial = "" if caller.rights is None else caller.rights.denial
        self.denials.note(caller.actor, denial or READ_ONLY, HTTPStatus.FORBIDDEN, method)

    async def _measure(self, request: Request) -> Response:
        if self._metrics is None:
            from procman.api.metrics.endpoint import MetricsEndpoint  # noqa: PLC0415 - for masters that are scraped

            self._metrics = MetricsEndpoint(self._read_metrics())
        return await self._metrics.answer(request)

    async def _follow_run(self, request: Request, **_: str) -> Response:
        if self._runs is None:
            from procman.api.rest.run_endpoints import RunEndpoints  # noqa: PLC0415 - for clients that run something

            self._runs = Router(problem=route_problem)
            RunEndpoints(self._services.runs, self._services.processes.table).add_to(self._runs)
        return await self._runs(request)

    async def _merge_logs(self, request: Request) -> Response:
        if self._logs is None:
            from procman.api.rest.log_endpoints import LogEndpoints  # noqa: PLC0415 - for clients that look at several

            self._logs = Router(problem=route_problem)
            LogEndpoints(self._services.processes.table, self._services.logs).add_to(self._logs)
        return await self._logs(request)

    async def _show_terminal(self, request: Request, **_: str) -> Response:
        if self._terminals is None:
            # For clients that are attached to one.
            from procman.api.rest.terminal_endpoints import TerminalEndpoints  # noqa: PLC0415

            self._terminals = Router(problem=route_problem)
            TerminalEndpoints(
                self._services.terminals, self._services.debugging, self._services.processes.table
            ).add_to(self._terminals)
        return await self._terminals(request)

    async def _make_fail(self, request: Request, **_: str) -> Response:
        if self._chaos is None:
            # For clients that try what a fault leads to: it has the simulator.
            from procman.api.rest.chaos_endpoints import ChaosEndpoints  # noqa: PLC0415
            from procman.services.chaos import Chaos  # noqa: PLC0415

            rooms, services = self._rooms, self._services
            self._chaos = Router(problem=route_problem)
            chaos = Chaos(rooms.engine, rooms.master, services.faults, self._about.policy)
            ChaosEndpoints(chaos, services.processes.table).add_to(self._chaos)
        return await self._chaos(request)

    async def _look_back(self, request: Request) -> Response:
        if self._past is None:
            # For clients that ask what was.
            from procman.api.rest.past_endpoints import PastEndpoints  # noqa: PLC0415
            from procman.services.time_travel import TimeTravel  # noqa: PLC0415

            self._past = Router(problem=route_problem)
            PastEndpoints(TimeTravel(self._rooms.journal, self._services.processes.table)).add_to(self._past)
        return await self._past(request)

    async def _describe(self, request: Request) -> Response:
        if self._described is None:
            # For clients that are made from the document.
            from procman.api.rest.openapi_endpoint import OpenApiEndpoint  # noqa: PLC0415

            self._described = Router(problem=route_problem)
            OpenApiEndpoint(self.router, CallQueue(_DESCRIBED_WITHIN).do).add_to(self._described)
        return await self._described(request)

    async def _show(self, request: Request, **_: str) -> Response:
        if self._page is None:
            # Some hundred kB, for clients that open the page.
            from procman.api.web_forms import Forms  # noqa: PLC0415
            from procman.web.page import Page  # noqa: PLC0415

            page, self._page = Page(), Router()
            page.add_to(self._page)
            Forms(self._rooms.master, self._services.processes, self._services.logs, page.index).add_to(self._page)
        return await self._page(request)
