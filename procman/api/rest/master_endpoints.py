"""The endpoints about the master itself, its log and its configuration."""

from collections.abc import Awaitable, Callable
from functools import partial

from procman.access.roles import ADMIN_FLEET, CONFIGURE, CONFIGURE_FLEET, LOGS_FLEET, READ, READ_FLEET
from procman.api.access import every, judged_by_name, rights_of, sight
from procman.api.actors import actor_of
from procman.api.facts_to_shapes import changes_of, config_info
from procman.api.health import Health
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import body_of, number_in, span_in, string_in
from procman.api.shapes.health import HealthInfo
from procman.api.shapes.master import MasterInfo
from procman.errors import UnknownProcess
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.configuration import ConfigService
from procman.services.logs import LogService
from procman.services.master import MasterService

BYTES = "application/octet-stream"


class MasterEndpoints:
    """Adds them to a router."""

    def __init__(
        self,
        master: MasterService,
        configuration: ConfigService,
        logs: LogService,
        *,
        health: Health,
        about: Callable[[Request], MasterInfo],
        tell_listeners: Callable[[str, str], None],
        upgrade: Callable[[], Awaitable[int]],
        file_warnings: Callable[[], Awaitable[list[str]]],
    ) -> None:
        """All of them are called on the loop's thread.

        Args:
            master: shuts down, reloads and upgrades.
            configuration: reads and applies the file.
            logs: has the master's own log.
            health: knows which processes are missing.
            about: describes the master to the client that has sent a request.
            tell_listeners: makes an event of a type and data.
            upgrade: prepares an upgrade.
            file_warnings: says why the configuration on the disk could not be used now.
        """
        self._master = master
        self._configuration = configuration
        self._logs = logs
        self._health = health
        self._about = about
        self._tell_listeners = tell_listeners
        self._prepare_upgrade = upgrade
        self._file_warnings = file_warnings

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/master", self._about_master, READ)
        add("POST", "/master/shutdown", self._shutdown, ADMIN_FLEET)
        add("POST", "/master/reload", self._reload, CONFIGURE_FLEET)
        add("POST", "/master/upgrade", self._upgrade, ADMIN_FLEET)
        add("GET", "/master/config", self._master_settings, READ_FLEET)
        add("GET", "/stop-plan", self._stop_plan, READ_FLEET)
        add("GET", "/health", self._health_info, READ)
        add("GET", "/log", self._main_log, LOGS_FLEET)
        add("POST", "/log/clear", self._clear_main_log, CONFIGURE_FLEET)
        add("POST", "/log/reopen", self._reopen_logs, CONFIGURE_FLEET)
        add("GET", "/config", self._config, READ)
        add("POST", "/config/reread", self._reread, CONFIGURE_FLEET)
        add("POST", "/groups/{name}/add", self._add, CONFIGURE)
        add("POST", "/groups/{name}/remove", self._remove, CONFIGURE)
        add("POST", "/events/remote", self._remote_event, ADMIN_FLEET)

    async def _about_master(self, request: Request) -> Response:
        return json_answer(self._about(request))

    async def _shutdown(self, request: Request) -> Response:
        return json_answer({"operation": self._master.shut_down(actor_of(request)).id})

    async def _reload(self, request: Request) -> Response:
        operation = await self._master.reload(self._configuration.check, actor_of(request))
        return json_answer({"operation": operation.id})

    async def _upgrade(self, request: Request) -> Response:
        operation, number = await self._master.upgrade(self._prepare_upgrade, actor_of(request))
        return json_answer({"operation": operation.id, "upgrades": number})

    async def _stop_plan(self, request: Request) -> Response:
        return json_answer(self._configuration.stop_plan(request.query.get("budget")))

    async def _health_info(self, request: Request) -> Response:
        asked = request.query.get("file") == "1" and sight(request) is None
        warnings = await self._file_warnings() if asked else []
        missing = self._health.missing(sight(request))
        return json_answer(HealthInfo(ready=not missing, missing=missing, warnings=warnings))

    async def _main_log(self, request: Request) -> Response:
        if "follow" in request.query:
            return Response(body=self._logs.follow_main(number_in(request, "tail", 1024)), content_type=BYTES)
        return Response(body=await self._logs.read_main(*span_in(request)), content_type=BYTES)

    async def _clear_main_log(self, _: Request) -> Response:
        await self._logs.clear_main()
        return json_answer({})

    async def _reopen_logs(self, _: Request) -> Response:
        self._logs.reopen()
        return json_answer({})

    async def _config(self, request: Request) -> Response:
        self._master.refuse_while_ending()
        may = sight(request)
        found = self._configuration.available()
        return json_answer(
            {"processes": [config_info(one) for one in found if may is None or may(one.program.namespec)]}
        )

    async def _master_settings(self, _: Request) -> Response:
        return json_answer({"sections": self._configuration.settings_of_master()})

    async def _reread(self, _: Request) -> Response:
        return json_answer(changes_of(await self._configuration.reread()))

    def _may_configure(self, request: Request, group: str) -> bool:
        """False: the group is hidden from the client; raises AccessDenied where it only may not."""
        return judged_by_name(rights_of(request), self._configuration.namespecs, CONFIGURE, group)

    async def _remote_event(self, request: Request) -> Response:
        body = body_of(request)
        self._tell_listeners(string_in(body, "type"), string_in(body, "data"))
        return json_answer({})

    async def _add(self, request: Request, name: str) -> Response:
        if not self._may_configure(request, name):
            raise UnknownProcess(name)
        operation = self._configuration.add(name, actor_of(request))
        return json_answer({"operation": operation.id, "result": "added"})

    async def _remove(self, request: Request, name: str) -> Response:
        if not self._may_configure(request, name):
            raise UnknownProcess(name)
        operation = self._configuration.remove(name, actor_of(request), sight(request) or every)
        return json_answer({"operation": operation.id, "result": "removed"})
