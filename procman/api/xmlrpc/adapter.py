"""The adapter: reads a request to /RPC2, calls the method that it names, and writes the answer.

The names of the methods are a table written out in `…_methods`; nothing is looked up by what a client sends
(CVE-2017-11610). Fault codes and texts are those of supervisor 4.3.0.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Any
from xmlrpc import client as wire

from procman.access.roles import ANYONE
from procman.api.access import rights_of
from procman.api.actors import actor_of
from procman.api.faults import Fault, fault_of
from procman.api.shapes.master import MasterInfo
from procman.api.xmlrpc.log_methods import LogMethods
from procman.api.xmlrpc.master_methods import MasterMethods
from procman.api.xmlrpc.method import Caller, Entry, Row, entries
from procman.api.xmlrpc.parameters import MULTICALL, fitting, one_call, reads_long_log
from procman.api.xmlrpc.process_methods import ProcessMethods
from procman.api.xmlrpc.wire import XML, as_fault, fault, read_call, weight, write_answer, write_fault
from procman.errors import AccessDenied, BadRequest, OperationError
from procman.http.messages import Request, Response, problem
from procman.services.configuration import ConfigService
from procman.services.logs import LogService
from procman.services.master import MasterService
from procman.services.processes import ProcessService

SEND_EVENT = "supervisor.sendRemoteCommEvent"
# How many bytes of answers one multicall gathers; the rest of it is refused.
MULTICALL_MOST = 4 << 20
MOST_SHOWN = 200  # bytes of a request that cannot be read, in the log


class XmlRpc:
    """Answers what comes to /RPC2."""

    def __init__(
        self,
        master: MasterService,
        processes: ProcessService,
        configuration: ConfigService,
        logs: LogService,
        *,
        about: Callable[[], MasterInfo],
        tell_listeners: Callable[[str, str], None],
        on_denied: Callable[[Caller, str], None] = lambda *_: None,
    ) -> None:
        """`about` describes the master itself, `tell_listeners(type, data)` makes an event.

        `on_denied` is called for each client that calls what its account may not, with the name of the method.
        """
        self._on_denied = on_denied
        self._master = master
        self._logs = logs
        self._one_long_log = asyncio.Lock()  # one at a time: as XML it takes up to six times its size
        self.methods: Mapping[str, Entry] = self._table(
            MasterMethods(master, configuration, logs, about, tell_listeners),
            ProcessMethods(master, processes),
            LogMethods(master, processes, logs),
        )

    # ---- the wire

    async def call(self, request: Request) -> Response:
        """Answer one request to /RPC2."""
        if request.method != "POST":
            return problem(400, "XML-RPC takes a POST")
        if request.headers.keys().isdisjoint(("content-length", "transfer-encoding")):
            return problem(411, "the request has no Content-Length")
        try:
            name, parameters = await read_call(request.body)
        except BadRequest as error:
            self._invalid(request, "unmarshallable")
            return problem(400, f"cannot read the request: {error}")
        if not name:
            self._invalid(request, "no method name")
            return problem(400, "cannot read the request: it calls no method")
        trace = self._logs.main.trace
        trace(f"XML-RPC method called: {name}()")
        try:
            async with self._one_long_log if reads_long_log(name, parameters) else nullcontext():
                answer = await write_answer(
                    await self._invoke(Caller(rights_of(request), actor_of(request)), name, parameters)
                )
            trace(f"XML-RPC method {name}() returned successfully")
        except wire.Fault as raised:
            answer = write_fault(raised.faultCode, raised.faultString)
            trace(f"XML-RPC method {name}() returned fault: [{raised.faultCode}] {raised.faultString}")
        return Response(body=answer, content_type=XML)

    def _invalid(self, request: Request, why: str) -> None:
        shown = request.body[:MOST_SHOWN].decode(errors="backslashreplace")
        shown += "..." if len(request.body) > MOST_SHOWN else ""
        text = f"XML-RPC request data {shown!r} is invalid: {why}"
        self._logs.main.error(text)

    async def _invoke(self, caller: Caller, name: str, parameters: list[Any]) -> Any:
        entry = self.methods.get(name)
        if entry is None:
            raise fault(Fault.UNKNOWN_METHOD)
        refusal = None if caller.rights is None else caller.rights.refusal(entry.needs)
        if refusal is not None:
            self._on_denied(caller, name)
            raise fault(Fault.FORBIDDEN, f"cannot call {name}: {refusal}")
        if not entry.required <= len(parameters) <= len(entry.signature) - 1:
            raise fault(Fault.INCORRECT_PARAMETERS)
        if name.startswith("supervisor.") and name != SEND_EVENT:
            self._refuse_while_ending()
        kinds = entry.signature[1:]
        parameters = [fitting(kind, value, name) for kind, value in zip(kinds, parameters, strict=False)]
        try:
            if name == MULTICALL:
                answer = entry.method(*parameters, caller)
            elif entry.signed:
                answer = entry.method(*parameters, caller=caller)
            else:
                answer = entry.method(*parameters)
            answer = await answer if isinstance(answer, Awaitable) else answer
        except AccessDenied as error:
            self._on_denied(caller, name)
            raise fault(Fault.FORBIDDEN, f"cannot call {name}: {error}") from None
        except OperationError as error:
            raise as_fault(error) from None
        if entry.changes:
            await self._logs.flush()
        return answer

    def _refuse_while_ending(self) -> None:
        """While it shuts down, supervisord answers every call with this fault and no text."""
        try:
            self._master.refuse_while_ending()
        except OperationError as error:
            raise fault(fault_of(error.reason)) from None

    # ---- the table

    def _table(self, *parts: MasterMethods | ProcessMethods | LogMethods) -> dict[str, Entry]:
        table: dict[str, Entry] = {}
        for part in parts:
            table |= entries("supervisor", part.reading)
        for part in parts:
            table |= entries("supervisor", part.changing)
        for old, new in (
            ("getVersion", "getAPIVersion"),
            ("readMainLog", "readLog"),
            ("readProcessLog", "readProcessStdoutLog"),
            ("tailProcessLog", "tailProcessStdoutLog"),
            ("clearProcessLog", "clearProcessLogs"),
        ):
            table[f"supervisor.{old}"] = table[f"supervisor.{new}"]
        system = (
            Row("listMethods", ANYONE, lambda: sorted(self.methods), "array", 0, "The names of all methods."),
            Row("methodHelp", ANYONE, self._help, "string string", 1, "What a method is for."),
            Row("methodSignature", ANYONE, self._signature, "array string", 1, "The types of a method."),
            # Each of its calls is checked by itself.
            Row("multicall", ANYONE, self._multicall, "array array", 1, "Several calls, one after the other."),
        )
        return table | entries("system", system)

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

    async def _multicall(self, calls: list[Any], caller: Caller) -> list[Any]:
        answers: list[Any] = []
        gathered = 0
        too_large = fault(Fault.FAILED, f"the answers are larger than {MULTICALL_MOST} bytes: ask in several calls")
        for call in calls:
            try:
                if gathered > MULTICALL_MOST:
                    raise too_large
                name, parameters = one_call(call)
                answer = await self._invoke(caller, name, parameters)
                gathered += weight(answer)
                if gathered > MULTICALL_MOST:
                    raise too_large
                answers.append(answer)
            except wire.Fault as raised:
                answers.append({"faultCode": raised.faultCode, "faultString": raised.faultString})
            # There may be thousands of calls: other clients get their turn.
            await asyncio.sleep(0)
        return answers
