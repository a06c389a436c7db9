"""Supervisor's XML-RPC interface: one adapter on `control` for twenty years of clients.

The names of the methods are a table written out here; nothing is looked up by what a client sends (CVE-2017-11610).
Shapes, fault codes and texts are those of supervisor 4.3.0. How a request is read, `rpc_call` says.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from xmlrpc import client as wire

from procman.api.faults import Fault, fault_of
from procman.api.shapes import MasterInfo
from procman.api.xmlrpc.wire import XML, Filled, Template, as_fault, fault, read_call, weight, write_answer, write_fault
from procman.core.states import State
from procman.errors import BadRequest, NoLog, OperationError, Reason, UnknownProcess, WrongState
from procman.http.messages import Request, Response, Role, problem
from procman.http.router import READ_ONLY
from procman.runtime.output_router import OutputRouter
from procman.services.configuration import ConfigService
from procman.services.operations import Outcome
from procman.services.processes import Moment, ProcessService, Status, split_namespec

# What clients are told they talk to: they compare it with what they know.
SUPERVISOR_VERSION = "4.3.0"

MULTICALL = "system.multicall"
SEND_EVENT = "supervisor.sendRemoteCommEvent"
SEND_STDIN = "supervisor.sendProcessStdin"
READ: Role = "read"
CONTROL: Role = "control"
INT_MAX = 2**31 - 1  # XML-RPC knows no larger number
OFFSET_MAX = 2**63 - 1  # and no file has one
# How many bytes of answers one multicall gathers; the rest of it is refused.
MULTICALL_MOST = 4 << 20
# Those whose answer may be a whole log, when more than so many bytes of it are asked for.
_LOG_METHODS = {
    f"supervisor.{read}Process{channel}Log" for read in ("read", "tail") for channel in ("", "Stdout", "Stderr")
}
_LOG_METHODS |= {"supervisor.readLog", "supervisor.readMainLog"}
LONG_LOG = 64 * 1024
MOST_SHOWN = 200  # bytes of a request that cannot be read, in the log

Method = Callable[..., Any]
_Row = tuple[str, Method, str, int, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One method: who may call it, what carries it out, what system.methodSignature and methodHelp say of it."""

    role: Role
    method: Method
    signature: tuple[str, ...]  # the type of the result, then those of the parameters
    required: int  # how many of the parameters must be given
    about: str

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Type and name of each."""
        # Behind the client's own parameters there may be some of procman's.
        return zip(self.signature[1:], inspect.signature(self.method).parameters, strict=False)


class XmlRpc:
    """Answers what comes to /RPC2."""

    def __init__(
        self,
        control: ProcessService,
        reconfigure: ConfigService,
        outputs: OutputRouter,
        about: Callable[[], MasterInfo],
        tell_listeners: Callable[[str, str], None],
    ) -> None:
        """`about` tells of the master itself, `tell_listeners(type, data)` makes an event."""
        self._control = control
        self._reconfigure = reconfigure
        self._outputs = outputs
        self._about = about
        self._tell_listeners = tell_listeners
        self._one_long_log = asyncio.Lock()  # as XML it takes up to six times its size, until it is sent
        self.methods: Mapping[str, Entry] = self._table()

    # ---- the wire

    async def call(self, request: Request) -> Response:
        """Answer one request to /RPC2."""
        if request.method != "POST":
            return problem(400, "XML-RPC is asked by POST")
        if request.headers.keys().isdisjoint(("content-length", "transfer-encoding")):
            return problem(411, "the request does not say how long it is")
        try:
            name, parameters = await read_call(request.body)
        except BadRequest as error:
            self._invalid(request, "unmarshallable")
            return problem(400, f"cannot read the request: {error}")
        if not name:
            self._invalid(request, "no method name")
            return problem(400, "cannot read the request: it calls no method")
        trace = self._outputs.log.trace
        trace(f"XML-RPC method called: {name}()")
        try:
            async with self._one_long_log if _reads_long_log(name, parameters) else nullcontext():
                answer = await write_answer(await self._invoke(request.role, name, parameters))
            trace(f"XML-RPC method {name}() returned successfully")
        except wire.Fault as raised:
            answer = write_fault(raised.faultCode, raised.faultString)
            trace(f"XML-RPC method {name}() returned fault: [{raised.faultCode}] {raised.faultString}")
        return Response(body=answer, content_type=XML)

    def _invalid(self, request: Request, why: str) -> None:
        shown = request.body[:MOST_SHOWN].decode(errors="backslashreplace")
        shown += "..." if len(request.body) > MOST_SHOWN else ""
        text = f"XML-RPC request data {shown!r} is invalid: {why}"
        self._outputs.log.error(text)

    async def _invoke(self, role: Role, name: str, parameters: list[Any]) -> Any:
        entry = self.methods.get(name)
        if entry is None:
            raise fault(Fault.UNKNOWN_METHOD)
        if entry.role == CONTROL and role != CONTROL:
            raise fault(Fault.FORBIDDEN, f"cannot call {name}: {READ_ONLY}")
        if not entry.required <= len(parameters) <= len(entry.signature) - 1:
            raise fault(Fault.INCORRECT_PARAMETERS)
        if name.startswith("supervisor.") and name != SEND_EVENT:
            self._refuse_while_ending()
        kinds = entry.signature[1:]
        parameters = [_fitting(kind, value, name) for kind, value in zip(kinds, parameters, strict=False)]
        try:
            answer = entry.method(*parameters, role) if name == MULTICALL else entry.method(*parameters)
            answer = await answer if isinstance(answer, Awaitable) else answer
        except OperationError as error:
            raise as_fault(error) from None
        if entry.role == CONTROL:
            await self._outputs.catch_up()
        return answer

    def _refuse_while_ending(self) -> None:
        """Whatever is asked of a master that is going, supervisord tells nothing but that."""
        try:
            self._control.refuse_while_ending()
        except OperationError as error:
            raise fault(fault_of(error.reason)) from None

    # ---- the table

    def _table(self) -> dict[str, Entry]:
        # Who may only look may call these, and nothing else.
        reading: list[_Row] = [
            # name, what does it, "result parameter parameter", how many parameters are required, what it is for
            ("getAPIVersion", lambda: self._about()["api_version"], "string", 0, "The version of this interface."),
            ("getSupervisorVersion", lambda: SUPERVISOR_VERSION, "string", 0, "The supervisor this interface is of."),
            ("getIdentification", lambda: self._about()["identifier"], "string", 0, "The master's identifier."),
            ("getState", self._state, "struct", 0, "statecode and statename of the master."),
            ("getPID", lambda: self._about()["pid"], "int", 0, "The master's pid."),
            ("readLog", self._read_main, "string int int", 2, "Part of the master's log, from an offset on."),
            ("getProcessInfo", self._info, "struct string", 1, "What is known of a process."),
            ("getAllProcessInfo", self._all_info, "array", 0, "What is known of every process."),
            ("getAllConfigInfo", self._all_config, "array", 0, "The configuration of every process."),
            ("readProcessStdoutLog", self._reader("stdout"), "string string int int", 3, "Part of a stdout log."),
            ("readProcessStderrLog", self._reader("stderr"), "string string int int", 3, "Part of a stderr log."),
            ("tailProcessStdoutLog", self._tailer("stdout"), "array string int int", 3, "[bytes, offset, overflow]."),
            ("tailProcessStderrLog", self._tailer("stderr"), "array string int int", 3, "[bytes, offset, overflow]."),
        ]
        changing: list[_Row] = [
            ("clearLog", self._clear_main, "boolean", 0, "Empty the master's log."),
            ("shutdown", self._shutdown, "boolean", 0, "Stop all programs, and then the master."),
            ("restart", self._restart, "boolean", 0, "Stop all programs, and begin anew with the file as it is then."),
            ("reloadConfig", self._reload_config, "array", 0, "Read the file again: [[added, changed, removed]]."),
            ("addProcessGroup", self._add_group, "boolean string", 1, "Activate a group of the file."),
            ("removeProcessGroup", self._remove_group, "boolean string", 1, "Forget a group that has stopped."),
            ("startProcess", self._start, "boolean string boolean", 1, "Start a process, or all of group:*."),
            ("startProcessGroup", self._start_group, "array string boolean", 1, "Start all processes of a group."),
            ("startAllProcesses", self._start_all, "array boolean", 0, "Start all processes."),
            ("stopProcess", self._stop, "boolean string boolean", 1, "Stop a process, or all of group:*."),
            ("stopProcessGroup", self._stop_group, "array string boolean", 1, "Stop all processes of a group."),
            ("stopAllProcesses", self._stop_all, "array boolean", 0, "Stop all processes."),
            ("signalProcess", self._signal, "boolean string string", 2, "Send a signal to a process, or to group:*."),
            ("signalProcessGroup", self._signal_group, "array string string", 2, "Send a signal to a whole group."),
            ("signalAllProcesses", self._signal_all, "array string", 1, "Send a signal to all processes."),
            ("clearProcessLogs", self._clear, "boolean string", 1, "Empty both logs of a process."),
            ("clearAllProcessLogs", self._clear_all, "array", 0, "Empty the logs of all processes."),
            ("sendProcessStdin", self._send_stdin, "boolean string string", 2, "Give a process some input."),
            ("sendRemoteCommEvent", self._send_event, "boolean string string", 2, "Send an event to the listeners."),
        ]
        table = {
            f"supervisor.{name}": Entry(role, method, tuple(types.split()), required, about)
            for role, rows in ((READ, reading), (CONTROL, changing))
            for name, method, types, required, about in rows
        }
        for old, new in (
            ("getVersion", "getAPIVersion"),
            ("readMainLog", "readLog"),
            ("readProcessLog", "readProcessStdoutLog"),
            ("tailProcessLog", "tailProcessStdoutLog"),
            ("clearProcessLog", "clearProcessLogs"),
        ):
            table[f"supervisor.{old}"] = table[f"supervisor.{new}"]
        system: list[_Row] = [
            ("listMethods", lambda: sorted(self.methods), "array", 0, "The names of all methods."),
            ("methodHelp", self._help, "string string", 1, "What a method is for."),
            ("methodSignature", self._signature, "array string", 1, "The types of a method."),
            # Each of its calls is looked at by itself.
            ("multicall", self._multicall, "array array", 1, "Several calls, one after the other."),
        ]
        return table | {
            f"system.{name}": Entry(READ, method, tuple(types.split()), required, about)
            for name, method, types, required, about in system
        }

    # ---- system

    def _entry(self, name: str) -> Entry:
        entry = self.methods.get(name)
        if entry is None:
            raise fault(Fault.SIGNATURE_UNSUPPORTED)
        return entry

    def _help(self, name: str) -> str:
        """In the form that supervisor's clients may read, `@param string name` and so on."""
        entry = self._entry(name)
        result, *_ = entry.signature
        parameters = (f"@param {kind} {parameter}" for kind, parameter in entry.parameters())
        return "\n".join((entry.about, "", *parameters, f"@return {result}"))

    def _signature(self, name: str) -> list[str]:
        return list(self._entry(name).signature)

    async def _multicall(self, calls: list[Any], role: Role) -> list[Any]:
        answers: list[Any] = []
        gathered = 0
        too_large = fault(Fault.FAILED, f"the answers are larger than {MULTICALL_MOST} bytes: ask in several calls")
        for call in calls:
            try:
                if gathered > MULTICALL_MOST:
                    raise too_large
                name, parameters = _one_call(call)
                answer = await self._invoke(role, name, parameters)
                gathered += weight(answer)
                if gathered > MULTICALL_MOST:
                    raise too_large
                answers.append(answer)
            except wire.Fault as raised:
                answers.append({"faultCode": raised.faultCode, "faultString": raised.faultString})
            # There may be thousands: others get their turn.
            await asyncio.sleep(0)
        return answers

    # ---- the master

    def _state(self) -> dict[str, Any]:
        return {"statecode": int(self._control.state), "statename": self._control.state.name}

    async def _read_main(self, offset: int, length: int) -> bytes:
        try:
            return await self._outputs.read_main(offset, length)
        except OperationError as error:
            raise fault(fault_of(error.reason)) from None

    def _clear_main(self) -> bool:
        self._outputs.clear_main()
        return True

    def _shutdown(self) -> bool:
        self._control.shut_down()
        return True

    async def _restart(self) -> bool:
        await self._reconfigure.check()
        self._control.shut_down(restart=True)
        return True

    # ---- the configuration

    async def _reload_config(self) -> list[list[list[str]]]:
        changes = await self._reconfigure.reread()
        return [[changes["added"], changes["changed"], changes["removed"]]]

    def _add_group(self, name: str) -> bool:
        self._reconfigure.add(name)
        return True

    def _remove_group(self, name: str) -> bool:
        self._reconfigure.remove(name)
        return True

    def _all_config(self) -> list[dict[str, Any]]:
        infos = []
        for group in self._reconfigure.config.groups:
            for program in group.programs:
                info: dict[str, Any] = {name: getattr(program, name) for name in CONFIG_FIELDS}
                info |= {
                    "command": self._reconfigure.shown_command(program),
                    "exitcodes": list(program.exitcodes),
                    "group": group.name,
                    "group_prio": group.priority,
                    "inuse": self._control.is_active(group.name),
                    "process_prio": program.priority,
                    "stopsignal": int(program.stopsignal),
                }
                auto = [name for name in LOG_FIELDS if info[name] == AUTO]
                if auto and info["inuse"]:
                    # Clients look here for the logs. supervisord forgets the paths at a reread.
                    paths = dict(zip(LOG_FIELDS, self._outputs.log_paths(program.namespec), strict=True))
                    info |= {name: paths[name] or AUTO for name in auto}
                infos.append({name: _plain(value) for name, value in info.items()})
        return sorted(infos, key=lambda info: str(info["name"]))

    # ---- processes

    async def _start(self, name: str, wait: bool = True) -> bool | list[dict[str, Any]]:
        if split_namespec(name)[1] is None:
            return _results(await self._control.start([self._all_of(name)], wait=wait))
        if self._control.process(name).state is State.STOPPING:
            raise WrongState(name, Reason.ENDED_TOO_SOON)
        return _judge(await self._control.start([name], wait=wait))

    async def _start_group(self, name: str, wait: bool = True) -> list[dict[str, Any]]:
        return _results(await self._control.start([self._group(name)], wait=wait))

    async def _start_all(self, wait: bool = True) -> list[dict[str, Any]]:
        return _results(await self._control.start(["all"], wait=wait))

    async def _stop(self, name: str, wait: bool = True) -> bool | list[dict[str, Any]]:
        if split_namespec(name)[1] is None:
            return _results(await self._control.stop([self._all_of(name)], wait=wait))
        if self._control.process(name).state is State.STOPPING:
            raise WrongState(name, Reason.NOT_RUNNING)
        return _judge(await self._control.stop([name], wait=wait))

    async def _stop_group(self, name: str, wait: bool = True) -> list[dict[str, Any]]:
        return _results(await self._control.stop([self._group(name)], wait=wait))

    async def _stop_all(self, wait: bool = True) -> list[dict[str, Any]]:
        return _results(await self._control.stop(["all"], wait=wait))

    async def _signal(self, name: str, signal: str) -> bool | list[dict[str, Any]]:
        if split_namespec(name)[1] is None:
            return _results(await self._control.signal([self._all_of(name)], signal))
        self._control.process(name)
        return _judge(await self._control.signal([name], signal))

    async def _signal_group(self, name: str, signal: str) -> list[dict[str, Any]]:
        return _results(await self._control.signal([self._group(name)], signal))

    async def _signal_all(self, signal: str) -> list[dict[str, Any]]:
        return _results(await self._control.signal(["all"], signal))

    def _group(self, name: str) -> str:
        """The spec of all processes of the group that has this name."""
        if not self._control.is_active(name):
            raise UnknownProcess(name)
        return f"{name}:*"

    def _all_of(self, namespec: str) -> str:
        """The same of "group:*" and "group:"."""
        group, _ = split_namespec(namespec)
        if not self._control.is_active(group):
            raise UnknownProcess(namespec)
        return f"{group}:*"

    def _info(self, name: str) -> Filled:
        if split_namespec(name)[1] is None:
            raise UnknownProcess(name)
        self._control.process(name)
        return _process(self._control.statuses(name)[0], Moment.present())

    def _all_info(self) -> list[Filled]:
        moment = Moment.present()
        return [_process(status, moment) for status in self._control.statuses()]

    # ---- their logs and their input

    def _reader(self, channel: str) -> Method:
        async def read(name: str, offset: int, length: int) -> bytes:
            process = self._control.process(name)
            try:
                return await self._outputs.read(process.name, channel, offset, length)
            except NoLog:
                path = self._outputs.log_paths(process.name)[channel == "stderr"]
                raise fault(Fault.NO_FILE, path or None) from None
            except OperationError as error:
                raise fault(fault_of(error.reason)) from None

        return read

    def _tailer(self, channel: str) -> Method:
        async def tail(name: str, offset: int, length: int) -> list[Any]:
            data, end, overflow = await self._outputs.tail(self._control.process(name).name, channel, offset, length)
            return [data, min(end, INT_MAX), overflow]

        return tail

    async def _clear(self, name: str) -> bool:
        self._control.process(name)
        return _judge(await self._control.clear_logs([name], self._outputs.clear))

    async def _clear_all(self) -> list[dict[str, Any]]:
        return _results(await self._control.clear_logs(["all"], self._outputs.clear))

    def _send_stdin(self, name: str, chars: str) -> bool:
        process = self._control.process(name)
        if process.pid is None or process.state is State.STOPPING:
            raise WrongState(name, Reason.NOT_RUNNING)
        try:
            self._outputs.write_stdin(process.name, chars.encode())
        except WrongState:
            raise OperationError(name, Reason.STDIN_CLOSED) from None
        return True

    def _send_event(self, kind: str, data: str) -> bool:
        self._tell_listeners(kind, data)
        return True


def _fitting(kind: str, value: Any, method: str) -> Any:
    """The value of a parameter, which must be of its kind; of bytes and of a number the text, as with supervisor."""
    if kind == "string" and type(value) is int and method != SEND_STDIN:
        return str(value)  # a signal, mostly
    if kind == "string" and isinstance(value, wire.Binary):
        try:
            return value.data.decode()
        except UnicodeDecodeError:
            raise fault(Fault.INCORRECT_PARAMETERS) from None
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, int) and abs(value) > OFFSET_MAX):
        raise fault(Fault.INCORRECT_PARAMETERS)
    return value


def _reads_long_log(name: str, parameters: list[Any]) -> bool:
    match parameters:
        case [*_, int(offset), int(length)] if name in _LOG_METHODS:
            return not 0 < (length or -offset) <= LONG_LOG
        case _:
            return False


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "int": int,
    "boolean": (bool, int),
    "array": list,
    "struct": dict,
}

AUTO = "AUTO"
LOG_FIELDS = ("stdout_logfile", "stderr_logfile")
CONFIG_FIELDS = (
    "autostart",
    "command",
    "directory",
    "killasgroup",
    "name",
    "redirect_stderr",
    "serverurl",
    "startretries",
    "startsecs",
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_logfile",
    "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
    "stderr_syslog",
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_logfile",
    "stdout_logfile_backups",
    "stdout_logfile_maxbytes",
    "stdout_syslog",
    "stopwaitsecs",
    "uid",
)


def _judge(outcomes: list[Outcome]) -> bool:
    """Of the one outcome: True, or the error."""
    (outcome,) = outcomes
    if outcome.reason is None:
        return True
    raise OperationError(outcome.text, outcome.reason)


def _results(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    return [
        {
            "name": outcome.name,
            "group": outcome.group,
            "status": int(fault_of(outcome.reason)),
            "description": _described(outcome),
        }
        for outcome in outcomes
    ]


def _described(outcome: Outcome) -> str:
    """As a fault would say it; of what went well the text."""
    return outcome.text if outcome.reason is None else fault(fault_of(outcome.reason), outcome.text).faultString


def _process(status: Status, moment: Moment) -> Filled:
    """Its struct, of which only what the time changes is written anew each time: monitors ask every few seconds."""
    template: Template | None = status.prepared
    if template is None:
        struct = {name: status.steady[name] for name in PROCESS_FIELDS}  # type: ignore[literal-required]
        template = status.prepared = Template(struct, {"now": int, "description": str})
    return template.filled(moment.now, status.description(moment))


PROCESS_FIELDS = (
    "name",
    "group",
    "start",
    "stop",
    "now",
    "state",
    "statename",
    "spawnerr",
    "exitstatus",
    "logfile",
    "stdout_logfile",
    "stderr_logfile",
    "pid",
    "description",
)


def _plain(value: Any) -> Any:
    """As XML-RPC can say it: it knows neither nothing nor large numbers, and supervisor says AUTO in small letters."""
    if value is None:
        return "none"
    if value == AUTO:
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool):
        return min(value, INT_MAX)
    return value


def _one_call(call: Any) -> tuple[str, list[Any]]:
    match call:
        case {"methodName": name} if name == MULTICALL:
            raise fault(Fault.INCORRECT_PARAMETERS, "Recursive system.multicall forbidden")
        case {"methodName": str(name), "params": list(parameters)}:
            return name, parameters
        case {"methodName": str(name), "params": something} if something:
            raise fault(Fault.INCORRECT_PARAMETERS)
        case {"methodName": str(name)}:
            return name, []
        case _:
            raise fault(Fault.INCORRECT_PARAMETERS, "No methodName")
