"""The methods that read and clear logs, and write to a process's stdin."""

from typing import Any

from procman.api.faults import Fault, fault_of
from procman.api.xmlrpc.method import Method, Row
from procman.api.xmlrpc.structs import INT_MAX, judge, results
from procman.api.xmlrpc.wire import fault
from procman.errors import NoLog, OperationError, Reason, WrongState
from procman.services.actors import Actor
from procman.services.logs import LogService
from procman.services.master import MasterService
from procman.services.operations import Outcome
from procman.services.processes import ProcessService


class LogMethods:
    """Two tables: `reading` for all accounts, `changing` for those that may change things."""

    def __init__(self, master: MasterService, processes: ProcessService, logs: LogService) -> None:
        """All of them are called on the loop's thread."""
        self._master = master
        self._processes = processes
        self._logs = logs
        out, err, tail = self._reader("stdout"), self._reader("stderr"), "[bytes, offset, overflow]."
        self.reading = (
            Row("readLog", self._read_main, "string int int", 2, "Part of the master's log, from an offset on."),
            Row("readProcessStdoutLog", out, "string string int int", 3, "Part of a stdout log."),
            Row("readProcessStderrLog", err, "string string int int", 3, "Part of a stderr log."),
            Row("tailProcessStdoutLog", self._tailer("stdout"), "array string int int", 3, tail),
            Row("tailProcessStderrLog", self._tailer("stderr"), "array string int int", 3, tail),
        )
        self.changing = (
            Row("clearLog", self._clear_main, "boolean", 0, "Empty the master's log."),
            Row("clearProcessLogs", self._clear, "boolean string", 1, "Empty both logs of a process."),
            Row("clearAllProcessLogs", self._clear_all, "array", 0, "Empty the logs of all processes."),
            Row("sendProcessStdin", self._send_stdin, "boolean string string", 2, "Give a process some input."),
        )

    async def _read_main(self, offset: int, length: int) -> bytes:
        try:
            return await self._logs.read_main(offset, length)
        except OperationError as error:
            raise fault(fault_of(error.reason)) from None

    async def _clear_main(self) -> bool:
        await self._logs.clear_main()
        return True

    def _reader(self, channel: str) -> Method:
        async def read(name: str, offset: int, length: int) -> bytes:
            namespec = self._processes.table.one(name).namespec
            try:
                return await self._logs.read(namespec, channel, offset, length)
            except NoLog:
                path = self._logs.paths(namespec)[channel == "stderr"]
                raise fault(Fault.NO_FILE, path or None) from None
            except OperationError as error:
                raise fault(fault_of(error.reason)) from None

        return read

    def _tailer(self, channel: str) -> Method:
        async def tail(name: str, offset: int, length: int) -> list[Any]:
            namespec = self._processes.table.one(name).namespec
            data, end, overflow = await self._logs.tail(namespec, channel, offset, length)
            return [data, min(end, INT_MAX), overflow]

        return tail

    async def _clear(self, name: str, *, actor: Actor) -> bool:
        self._processes.table.one(name)
        return judge(await self._cleared(name, actor))

    async def _clear_all(self, *, actor: Actor) -> list[dict[str, Any]]:
        return results(await self._cleared("all", actor))

    async def _cleared(self, spec: str, actor: Actor) -> list[Outcome]:
        operation = self._processes.on_logs("clear", [spec], self._logs.clear, actor)
        await self._master.operations.wait(operation)
        return operation.outcomes

    def _send_stdin(self, name: str, chars: str) -> bool:
        status = self._processes.table.one(name)
        if not status.pid or status.stopping:
            raise WrongState(name, Reason.NOT_RUNNING)
        try:
            self._logs.write_stdin(status.namespec, chars.encode())
        except WrongState:
            raise OperationError(name, Reason.STDIN_CLOSED) from None
        return True
