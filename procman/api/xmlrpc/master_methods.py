"""The methods about the master itself and its configuration."""

from collections.abc import Callable
from typing import Any

from procman.api.shapes.master import MasterInfo
from procman.api.supervisor_states import supervisor_state
from procman.api.xmlrpc.method import Row
from procman.api.xmlrpc.structs import AUTO, CONFIG_FIELDS, LOG_FIELDS, plain
from procman.services.actors import Actor
from procman.services.configuration import ConfigService
from procman.services.logs import LogService
from procman.services.master import MasterService

# Clients compare it with the versions that they know.
SUPERVISOR_VERSION = "4.3.0"


class MasterMethods:
    """Two tables: `reading` for all accounts, `changing` for those that may change things."""

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
            Row("getAPIVersion", lambda: about()["api_version"], "string", 0, "The version of this interface."),
            Row(
                "getSupervisorVersion", lambda: SUPERVISOR_VERSION, "string", 0, "The supervisor this interface is of."
            ),
            Row("getIdentification", lambda: about()["identifier"], "string", 0, "The master's identifier."),
            Row("getState", self._state, "struct", 0, "statecode and statename of the master."),
            Row("getPID", lambda: about()["pid"], "int", 0, "The master's pid."),
            Row("getAllConfigInfo", self._all_config, "array", 0, "The configuration of every process."),
        )
        self.changing = (
            Row("shutdown", self._shutdown, "boolean", 0, "Stop all programs, and then the master."),
            Row(
                "restart",
                self._restart,
                "boolean",
                0,
                "Stop all programs, and start again with the file as it is then.",
            ),
            Row("reloadConfig", self._reload_config, "array", 0, "Read the file again: [[added, changed, removed]]."),
            Row("addProcessGroup", self._add_group, "boolean string", 1, "Activate a group of the file."),
            Row("removeProcessGroup", self._remove_group, "boolean string", 1, "Forget a group that has stopped."),
            Row("sendRemoteCommEvent", self._send_event, "boolean string string", 2, "Send an event to the listeners."),
        )

    def _state(self) -> dict[str, Any]:
        state = supervisor_state(self._master.state)
        return {"statecode": state.code, "statename": state.name}

    def _shutdown(self, *, actor: Actor) -> bool:
        self._master.shut_down(actor)
        return True

    async def _restart(self, *, actor: Actor) -> bool:
        await self._master.reload(self._configuration.check, actor)
        return True

    async def _reload_config(self) -> list[list[list[str]]]:
        found = await self._configuration.reread()
        return [[list(found.added), list(found.changed), list(found.removed)]]

    def _add_group(self, name: str, *, actor: Actor) -> bool:
        self._configuration.add(name, actor)
        return True

    def _remove_group(self, name: str, *, actor: Actor) -> bool:
        self._configuration.remove(name, actor)
        return True

    def _all_config(self) -> list[dict[str, Any]]:
        infos = []
        for process in self._configuration.available():
            program = process.program
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
