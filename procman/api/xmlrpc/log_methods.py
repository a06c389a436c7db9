"""The methods that read and clear logs, and write to a process's stdin."""

from typing import Any

from procman.api.faults import Fault, fault_of
from procman.api.xmlrpc.method import Method, Row
from procman.api.xmlrpc.structs import INT_MAX, judge, results
from procman.api.xmlrpc.wire import fault
from procman.core.states import State
from procman.errors import NoLog, OperationError, Reason, WrongState
from procman.services.logs import LogService
from procman.services.processes import ProcessService


class LogMethods:
    """Two tables: `reading` for everybody, `changing` for those who may change things."""

    def __init__(self, processes: ProcessService, logs: LogService) -> None:
        """Both are called on the loop's thread."""
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
            process = self._processes.process(name)
            try:
                return await self._logs.read(process.name, channel, offset, length)
            except NoLog:
                path = self._logs.paths(process.name)[channel == "stderr"]
                raise fault(Fault.NO_FILE, path or None) from None
            except OperationError as error:
                raise fault(fault_of(error.reason)) from None

        return read

    def _tailer(self, channel: str) -> Method:
        async def tail(name: str, offset: int, length: int) -> list[Any]:
            data, end, overflow = await self._logs.tail(self._processes.process(name).name, channel, offset, length)
            return [data, min(end, INT_MAX), overflow]

        return tail

    async def _clear(self, name: str) -> bool:
        self._processes.process(name)
        return judge(await self._processes.clear_logs([name], self._logs.clear))

    async def _clear_all(self) -> list[dict[str, Any]]:
        return results(await self._processes.clear_logs(["all"], self._logs.clear))

    def _send_stdin(self, name: str, chars: str) -> bool:
        process = self._processes.process(name)
        if process.pid is None or process.state is State.STOPPING:
            raise WrongState(name, Reason.NOT_RUNNING)
        try:
            self._logs.write_stdin(process.name, chars.encode())
        except WrongState:
            raise OperationError(name, Reason.STDIN_CLOSED) from None
        return True
