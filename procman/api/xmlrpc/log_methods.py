"""The methods that read and clear logs, and write to a process's stdin."""

from typing import Any

from procman.access.roles import ADMIN, CONFIGURE_FLEET, LOGS, LOGS_FLEET, OPERATE, Needs
from procman.api.faults import Fault, fault_of
from procman.api.xmlrpc.method import Caller, Method, Row
from procman.api.xmlrpc.structs import INT_MAX, judge, results
from procman.api.xmlrpc.wire import fault
from procman.errors import NoLog, OperationError, Reason, WrongState
from procman.services.logs import LogService
from procman.services.master import MasterService
from procman.services.operations import Outcome
from procman.services.process_table import ProcessTable
from procman.services.processes import ProcessService


class LogMethods:
    """Two tables, as the reference has them: `reading` and `changing`. Each row says what a client needs."""

    def __init__(self, master: MasterService, processes: ProcessService, logs: LogService) -> None:
        """All of them are called on the loop's thread."""
        self._master = master
        self._processes = processes
        self._logs = logs
        out, err, tail = self._reader("stdout"), self._reader("stderr"), "[bytes, offset, overflow]."
        self.reading = (
            Row(
                "readLog",
                LOGS_FLEET,
                self._read_main,
                "string int int",
                2,
                "Part of the master's log, from an offset on.",
            ),
            Row("readProcessStdoutLog", LOGS, out, "string string int int", 3, "Part of a stdout log."),
            Row("readProcessStderrLog", LOGS, err, "string string int int", 3, "Part of a stderr log."),
            Row("tailProcessStdoutLog", LOGS, self._tailer("stdout"), "array string int int", 3, tail),
            Row("tailProcessStderrLog", LOGS, self._tailer("stderr"), "array string int int", 3, tail),
        )
        self.changing = (
            Row("clearLog", CONFIGURE_FLEET, self._clear_main, "boolean", 0, "Empty the master's log."),
            Row("clearProcessLogs", OPERATE, self._clear, "boolean string", 1, "Empty both logs of a process."),
            Row("clearAllProcessLogs", OPERATE, self._clear_all, "array", 0, "Empty the logs of all processes."),
            Row("sendProcessStdin", ADMIN, self._send_stdin, "boolean string string", 2, "Give a process some input."),
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
        async def read(name: str, offset: int, length: int, *, caller: Caller) -> bytes:
            namespec = self._table(caller, name, LOGS).one(name).namespec
            try:
                return await self._logs.read(namespec, channel, offset, length)
            except NoLog:
                path = self._logs.paths(namespec)[channel == "stderr"]
                raise fault(Fault.NO_FILE, path or None) from None
            except OperationError as error:
                raise fault(fault_of(error.reason)) from None

        return read

    def _tailer(self, channel: str) -> Method:
        async def tail(name: str, offset: int, length: int, *, caller: Caller) -> list[Any]:
            namespec = self._table(caller, name, LOGS).one(name).namespec
            data, end, overflow = await self._logs.tail(namespec, channel, offset, length)
            return [data, min(end, INT_MAX), overflow]

        return tail

    async def _clear(self, name: str, *, caller: Caller) -> bool:
        self._table(caller, name, OPERATE).one(name)
        return judge(await self._cleared(name, caller), name)

    async def _clear_all(self, *, caller: Caller) -> list[dict[str, Any]]:
        return results(await self._cleared("all", caller))

    async def _cleared(self, spec: str, caller: Caller) -> list[Outcome]:
        processes = self._processes.among(caller.admitted(self._processes.table, spec, OPERATE))
        operation = processes.on_logs("clear", [spec], self._logs.clear, caller.actor)
        await self._master.operations.wait(operation)
        return operation.outcomes

    def _table(self, caller: Caller, name: str, needs: Needs) -> ProcessTable:
        """The processes of which the client may use the logs like that; raises AccessDenied."""
        return self._processes.table.among(caller.admitted(self._processes.table, name, needs))

    def _send_stdin(self, name: str, chars: str, *, caller: Caller) -> bool:
        status = self._table(caller, name, ADMIN).one(name)
        if not status.pid or status.stopping:
            raise WrongState(name, Reason.NOT_RUNNING)
        try:
            self._logs.write_stdin(status.namespec, chars.encode())
        except OperationError as why:
            if why.reason not in (Reason.NOT_RUNNING, Reason.STDIN_CLOSED):
                raise
            raise OperationError(name, Reason.STDIN_CLOSED) from None
        return True
