"""The methods that start, stop, signal and describe processes."""

from typing import Any

from procman.api.xmlrpc.method import Row
from procman.api.xmlrpc.structs import ProcessStructs, judge, results
from procman.api.xmlrpc.wire import Filled
from procman.errors import Reason, UnknownProcess, WrongState
from procman.services.actors import Actor
from procman.services.master import MasterService
from procman.services.operations import Operation, Outcome
from procman.services.processes import ProcessService
from procman.services.selectors import split_namespec
from procman.services.status import Moment


class ProcessMethods:
    """Two tables: `reading` for all accounts, `changing` for those that may change things."""

    def __init__(self, master: MasterService, processes: ProcessService) -> None:
        """Both are called on the loop's thread."""
        self._master = master
        self._processes = processes
        self._structs = ProcessStructs()
        self.reading = (
            Row("getProcessInfo", self._info, "struct string", 1, "What is known of a process."),
            Row("getAllProcessInfo", self._all_info, "array", 0, "What is known of every process."),
        )
        self.changing = (
            Row("startProcess", self._start, "boolean string boolean", 1, "Start a process, or all of group:*."),
            Row("startProcessGroup", self._start_group, "array string boolean", 1, "Start all processes of a group."),
            Row("startAllProcesses", self._start_all, "array boolean", 0, "Start all processes."),
            Row("stopProcess", self._stop, "boolean string boolean", 1, "Stop a process, or all of group:*."),
            Row("stopProcessGroup", self._stop_group, "array string boolean", 1, "Stop all processes of a group."),
            Row("stopAllProcesses", self._stop_all, "array boolean", 0, "Stop all processes."),
            Row(
                "signalProcess", self._signal, "boolean string string", 2, "Send a signal to a process, or to group:*."
            ),
            Row("signalProcessGroup", self._signal_group, "array string string", 2, "Send a signal to a whole group."),
            Row("signalAllProcesses", self._signal_all, "array string", 1, "Send a signal to all processes."),
        )

    async def _start(self, name: str, wait: bool = True, *, actor: Actor) -> bool | list[dict[str, Any]]:
        if split_namespec(name)[1] is None:
            return results(await self._done(self._processes.start([self._all_of(name)], actor), wait=wait))
        if self._processes.table.one(name).stopping:
            raise WrongState(name, Reason.ENDED_TOO_SOON)
        return judge(await self._done(self._processes.start([name], actor), wait=wait))

    async def _start_group(self, name: str, wait: bool = True, *, actor: Actor) -> list[dict[str, Any]]:
        return results(await self._done(self._processes.start([self._group(name)], actor), wait=wait))

    async def _start_all(self, wait: bool = True, *, actor: Actor) -> list[dict[str, Any]]:
        return results(await self._done(self._processes.start(["all"], actor), wait=wait))

    async def _stop(self, name: str, wait: bool = True, *, actor: Actor) -> bool | list[dict[str, Any]]:
        if split_namespec(name)[1] is None:
            return results(await self._done(self._processes.stop([self._all_of(name)], actor), wait=wait))
        if self._processes.table.one(name).stopping:
            raise WrongState(name, Reason.NOT_RUNNING)
        return judge(await self._done(self._processes.stop([name], actor), wait=wait))

    async def _stop_group(self, name: str, wait: bool = True, *, actor: Actor) -> list[dict[str, Any]]:
        return results(await self._done(self._processes.stop([self._group(name)], actor), wait=wait))

    async def _stop_all(self, wait: bool = True, *, actor: Actor) -> list[dict[str, Any]]:
        return results(await self._done(self._processes.stop(["all"], actor), wait=wait))

    async def _signal(self, name: str, signal: str, *, actor: Actor) -> bool | list[dict[str, Any]]:
        if split_namespec(name)[1] is None:
            return results(await self._done(self._processes.signal([self._all_of(name)], signal, actor)))
        self._processes.table.one(name)
        return judge(await self._done(self._processes.signal([name], signal, actor)))

    async def _signal_group(self, name: str, signal: str, *, actor: Actor) -> list[dict[str, Any]]:
        return results(await self._done(self._processes.signal([self._group(name)], signal, actor)))

    async def _signal_all(self, signal: str, *, actor: Actor) -> list[dict[str, Any]]:
        return results(await self._done(self._processes.signal(["all"], signal, actor)))

    async def _done(self, operation: Operation, *, wait: bool = True) -> list[Outcome]:
        await self._master.operations.wait(operation, accepted=not wait)
        return operation.outcomes if wait else operation.accepted

    def _group(self, name: str) -> str:
        """The spec of all processes of the group that has this name."""
        if not self._processes.table.is_active(name):
            raise UnknownProcess(name)
        return f"{name}:*"

    def _all_of(self, namespec: str) -> str:
        """The same of "group:*" and "group:"."""
        group, _ = split_namespec(namespec)
        if not self._processes.table.is_active(group):
            raise UnknownProcess(namespec)
        return f"{group}:*"

    def _info(self, name: str) -> Filled:
        if split_namespec(name)[1] is None:
            raise UnknownProcess(name)
        return self._structs.of(self._processes.table.one(name), Moment.present())

    def _all_info(self) -> list[Filled]:
        moment = Moment.present()
        return [self._structs.of(status, moment) for status in self._processes.table.statuses()]
