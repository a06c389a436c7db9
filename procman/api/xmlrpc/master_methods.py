"""The methods about the master itself and its configuration."""

from collections.abc import Callable
from typing import Any

from procman.access.roles import ADMIN_FLEET, CONFIGURE, CONFIGURE_FLEET, READ
from procman.api.access import every
from procman.api.shapes.master import MasterInfo
from procman.api.supervisor_states import supervisor_state
from procman.api.xmlrpc.method import Caller, Row
from procman.api.xmlrpc.structs import AUTO, CONFIG_FIELDS, LOG_FIELDS, plain
from procman.errors import UnknownProcess
from procman.services.configuration import ConfigService
from procman.services.logs import LogService
from procman.services.master import MasterService

# Clients compare it with the versions that they know.
SUPERVISOR_VERSION = "4.3.0"


class MasterMethods:
    """Two tables, as the reference has them: `reading` and `changing`. Each row says what a client needs."""

    def __init__(
        self,
        master: MasterService,
        configuration: ConfigService,
        logs: LogService,
        about: Callable[[], MasterInfo],
        tell_listeners: Callable[[str, str], None],
    ) -> None:
        """`about` describes the master, `tell_listeners(type, data)` makes an event."""
        self._master = master
        self._configuration = configuration
        self._logs = logs
        self._about = about
        self._tell_listeners = tell_listeners
        self.reading = (
            Row("getAPIVersion", READ, lambda: about()["api_version"], "string", 0, "The version of this interface."),
            Row(
                "getSupervisorVersion",
                READ,
                lambda: SUPERVISOR_VERSION,
                "string",
                0,
                "The supervisor this interface is of.",
            ),
            Row("getIdentification", READ, lambda: about()["identifier"], "string", 0, "The master's identifier."),
            Row("getState", READ, self._state, "struct", 0, "statecode and statename of the master."),
            Row("getPID", READ, lambda: about()["pid"], "int", 0, "The master's pid."),
            Row("getAllConfigInfo", READ, self._all_config, "array", 0, "The configuration of every process."),
        )
        self.changing = self._changing()

    def _changing(self) -> tuple[Row, ...]:
        return (
            Row("shutdown", ADMIN_FLEET, self._shutdown, "boolean", 0, "Stop all programs, and then the master."),
            Row(
                "restart",
                CONFIGURE_FLEET,
                self._restart,
                "boolean",
                0,
                "Stop all programs, and start again with the file as it is then.",
            ),
            Row(
                "reloadConfig",
                CONFIGURE_FLEET,
                self._reload_config,
                "array",
                0,
                "Read the file again: [[added, changed, removed]].",
            ),
            Row("addProcessGroup", CONFIGURE, self._add_group, "boolean string", 1, "Activate a group of the file."),
            Row(
                "removeProcessGroup",
                CONFIGURE,
                self._remove_group,
                "boolean string",
                1,
                "Forget a group that has stopped.",
            ),
            Row(
                "sendRemoteCommEvent",
                ADMIN_FLEET,
                self._send_event,
                "boolean string string",
                2,
                "Send an event to the listeners.",
            ),
        )

    def _state(self) -> dict[str, Any]:
        state = supervisor_state(self._master.state)
        return {"statecode": state.code, "statename": state.name}

    def _shutdown(self, *, caller: Caller) -> bool:
        self._master.shut_down(caller.actor)
        return True

    async def _restart(self, *, caller: Caller) -> bool:
        await self._master.reload(self._configuration.check, caller.actor)
        return True

    async def _reload_config(self) -> list[list[list[str]]]:
        found = await self._configuration.reread()
        return [[list(found.added), list(found.changed), list(found.removed)]]

    def _add_group(self, name: str, *, caller: Caller) -> bool:
        if not caller.may_use(self._configuration.namespecs, CONFIGURE, name):
            raise UnknownProcess(name)
        self._configuration.add(name, caller.actor)
        return True

    def _remove_group(self, name: str, *, caller: Caller) -> bool:
        if not caller.may_use(self._configuration.namespecs, CONFIGURE, name):
            raise UnknownProcess(name)
        self._configuration.remove(name, caller.actor, caller.sight or every)
        return True

    def _all_config(self, *, caller: Caller) -> list[dict[str, Any]]:
        infos = []
        may = caller.sight
        for process in self._configuration.available():
            program = process.program
            if may is not None and not may(program.namespec):
                continue
            info: dict[str, Any] = {name: getattr(program, name) for name in CONFIG_FIELDS}
            info |= {
                "command": process.command,
                "exitcodes": list(program.exitcodes),
                "group": process.group,
                "group_prio": process.group_priority,
                "inuse": process.is_active,
                "process_prio": program.priority,
                "stopsignal": int(program.stopsignal),
            }
            auto = [name for name in LOG_FIELDS if info[name] == AUTO]
            if auto and process.is_active:
                # Clients look here for the logs. supervisord forgets the paths at a reread.
                paths = dict(zip(LOG_FIELDS, self._logs.paths(program.namespec), strict=True))
                info |= {name: paths[name] or AUTO for name in auto}
            infos.append({name: plain(value) for name, value in info.items()})
        return infos

    def _send_event(self, kind: str, data: str) -> bool:
        self._tell_listeners(kind, data)
        return True
