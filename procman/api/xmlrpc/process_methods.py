"""The methods that start, stop, signal and describe processes."""

from typing import Any

from procman.access.roles import OPERATE, READ
from procman.api.xmlrpc.method import Caller, Row
from procman.api.xmlrpc.structs import ProcessStructs, judge, results
from procman.api.xmlrpc.wire import Filled
from procman.errors import Reason, UnknownProcess, WrongState
from procman.services.master import MasterService
from procman.services.operations import Operation, Outcome
from procman.services.processes import ProcessService
from procman.services.selectors import ALL, split_namespec
from procman.services.status import Moment


class ProcessMethods:
    """Two tables, as the reference has them: `reading` and `changing`. Each row says what a client needs."""

    def __init__(self, master: MasterService, processes: ProcessService) -> None:
        """Both are called on the loop's thread."""
        self._master = master
        self._processes = processes
        self._structs = ProcessStructs()
        self.reading = (
            Row("getProcessInfo", READ, self._info, "struct string", 1, "What is known of a process."),
            Row("getAllProcessInfo", READ, self._all_info, "array", 0, "What is known of every process."),
        )
        self.changing = (
            Row(
                "startProcess", OPERATE, self._start, "boolean string boolean", 1, "Start a process, or all of group:*."
            ),
            Row(
                "startProcessGroup",
                OPERATE,
                self._start_group,
                "array string boolean",
                1,
                "Start all processes of a group.",
            ),
            Row("startAllProcesses", OPERATE, self._start_all, "array boolean", 0, "Start all processes."),
            Row("stopProcess", OPERATE, self._stop, "boolean string boolean", 1, "Stop a process, or all of group:*."),
            Row(
                "stopProcessGroup",
                OPERATE,
                self._stop_group,
                "array string boolean",
                1,
                "Stop all processes of a group.",
            ),
            Row("stopAllProcesses", OPERATE, self._stop_all, "array boolean", 0, "Stop all processes."),
            Row(
                "signalProcess",
                OPERATE,
                self._signal,
                "boolean string string",
                2,
                "Send a signal to a process, or to group:*.",
            ),
            Row(
                "signalProcessGroup",
                OPERATE,
                self._signal_group,
                "array string string",
                2,
                "Send a signal to a whole group.",
            ),
            Row("signalAllProcesses", OPERATE, self._signal_all, "array string", 1, "Send a signal to all processes."),
        )

    async def _start(self, name: str, wait: bool = True, *, caller: Caller) -> bool | list[dict[str, Any]]:
        processes = self._for(caller, name)
        if split_namespec(name)[1] is None:
            return results(await self._done(processes.start([_all_of(processes, name)], caller.actor), wait=wait))
        if processes.table.one(name).stopping:
            raise WrongState(name, Reason.ENDED_TOO_SOON)
        return judge(await self._done(processes.start([name], caller.actor), wait=wait), name)

    async def _start_group(self, name: str, wait: bool = True, *, caller: Caller) -> list[dict[str, Any]]:
        processes = self._for(caller, f"{name}:*")
        return results(await self._done(processes.start([_group(processes, name)], caller.actor), wait=wait))

    async def _start_all(self, wait: bool = True, *, caller: Caller) -> list[dict[str, Any]]:
        return results(await self._done(self._for(caller, ALL).start([ALL], caller.actor), wait=wait))

    async def _stop(self, name: str, wait: bool = True, *, caller: Caller) -> bool | list[dict[str, Any]]:
        processes = self._for(caller, name)
        if split_namespec(name)[1] is None:
            return results(await self._done(processes.stop([_all_of(processes, name)], caller.actor), wait=wait))
        if processes.table.one(name).stopping:
            raise WrongState(name, Reason.NOT_RUNNING)
        return judge(await self._done(processes.stop([name], caller.actor), wait=wait), name)

    async def _stop_group(self, name: str, wait: bool = True, *, caller: Caller) -> list[dict[str, Any]]:
        processes = self._for(caller, f"{name}:*")
        return results(await self._done(processes.stop([_group(processes, name)], caller.actor), wait=wait))

    async def _stop_all(self, wait: bool = True, *, caller: Caller) -> list[dict[str, Any]]:
        return results(await self._done(self._for(caller, ALL).stop([ALL], caller.actor), wait=wait))

    async def _signal(self, name: str, signal: str, *, caller: Caller) -> bool | list[dict[str, Any]]:
        processes = self._for(caller, name)
        if split_namespec(name)[1] is None:
            return results(await self._done(processes.signal([_all_of(processes, name)], signal, caller.actor)))
        processes.table.one(name)
        return judge(await self._done(processes.signal([name], signal, caller.actor)), name)

    async def _signal_group(self, name: str, signal: str, *, caller: Caller) -> list[dict[str, Any]]:
        processes = self._for(caller, f"{name}:*")
        return results(await self._done(processes.signal([_group(processes, name)], signal, caller.actor)))

    async def _signal_all(self, signal: str, *, caller: Caller) -> list[dict[str, Any]]:
        return results(await self._done(self._for(caller, ALL).signal([ALL], signal, caller.actor)))

    def _for(self, caller: Caller, spec: str) -> ProcessService:
        """The processes that the client may start, stop and signal; raises AccessDenied."""
        return self._processes.among(caller.admitted(self._processes.table, spec, OPERATE))

    async def _done(self, operation: Operation, *, wait: bool = True) -> list[Outcome]:
        await self._master.operations.wait(operation, accepted=not wait)
        return operation.outcomes if wait else operation.accepted

    def _info(self, name: str, *, caller: Caller) -> Filled:
        if split_namespec(name)[1] is None:
            raise UnknownProcess(name)
        return self._structs.of(self._processes.table.among(caller.sight).one(name), Moment.present())

    def _all_info(self, *, caller: Caller) -> list[Filled]:
        moment = Moment.present()
        return [self._structs.of(status, moment) for status in self._processes.table.among(caller.sight).statuses()]


def _group(processes: ProcessService, name: str) -> str:
    """The spec of all processes of the group that has this name."""
    if not processes.table.is_active(name):
        raise UnknownProcess(name)
    return f"{name}:*"


def _all_of(processes: ProcessService, namespec: str) -> str:
    """The same of "group:*" and "group:"."""
    group, _ = split_namespec(namespec)
    if not processes.table.is_active(group):
        raise UnknownProcess(namespec)
    return f"{group}:*"
