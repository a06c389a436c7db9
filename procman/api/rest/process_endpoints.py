"""The endpoints about processes, their logs, and operations."""

from collections.abc import Callable
from functools import partial
from typing import Any

from procman.access.roles import ADMIN, LOGS, OPERATE, READ
from procman.api.access import admitted, readable, rights_of, role_for, sight
from procman.api.actors import actor_of
from procman.api.facts_to_shapes import figures_info, graph_info, operation_info, process_info, result_of
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import LONGEST_SHOWN, body_of, number_in, span_in, strings_in, timeout_in
from procman.errors import BadRequest, OperationError, Reason
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.actors import Actor
from procman.services.configuration import ConfigService
from procman.services.logs import LogService
from procman.services.master import MasterService
from procman.services.operations import Operation
from procman.services.processes import ProcessService
from procman.services.status import Moment, ProcessStatus

BYTES = "application/octet-stream"
_ON_LOGS = ("clear", "rotate", "reopen")


class ProcessEndpoints:
    """Adds them to a router."""

    def __init__(
        self,
        master: MasterService,
        processes: ProcessService,
        configuration: ConfigService,
        logs: LogService,
        why: Callable[[ProcessStatus], str] = lambda _: "",
    ) -> None:
        """All of them are called on the loop's thread; `why` says why a process has failed."""
        self._why = why
        self._master = master
        self._processes = processes
        self._configuration = configuration
        self._logs = logs

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/processes", self._process_infos, READ)
        add("GET", "/processes/{spec}", self._process_infos, READ)
        add("GET", "/figures", self._figures, READ)
        add("GET", "/graph", self._graph, READ)
        add("POST", "/processes/{op}", self._operate, OPERATE)
        add("POST", "/processes/{spec}/{op}", self._operate, OPERATE)
        add("POST", "/processes/{spec}/stdin", self._stdin, ADMIN)
        add("GET", "/processes/{spec}/log/{channel}", self._process_log, LOGS)
        add("GET", "/processes/{spec}/config", self._settings, READ)
        add("GET", "/operations", self._latest, READ)
        add("GET", "/operations/{id}", self._operation, READ)

    async def _process_infos(self, request: Request, spec: str = "all") -> Response:
        moment, lost, why = Moment.present(), self._processes.table.lost, self._why
        infos = [
            process_info(status, moment, lost(status.namespec), why(status), role_for(request, status.namespec))
            for status in readable(request, self._processes.table).statuses(spec)
        ]
        return json_answer({"processes": infos})

    async def _figures(self, request: Request) -> Response:
        figures = await readable(request, self._processes.table).figures()
        return json_answer({"figures": [figures_info(one) for one in figures]})

    async def _graph(self, request: Request) -> Response:
        return json_answer(
            {"processes": [graph_info(node) for node in readable(request, self._processes.table).graph()]}
        )

    async def _operate(self, request: Request, op: str, spec: str | None = None) -> Response:
        body = body_of(request)
        specs = [spec] if spec is not None else strings_in(body, "names")
        wait, within = body.get("wait", True), timeout_in(body)
        if not isinstance(wait, bool):
            raise BadRequest("cannot read wait: expected true or false")
        wait = wait or op in _ON_LOGS  # only its end tells whether it was done
        processes = self._processes.among(admitted(request, self._processes.table, specs, OPERATE))
        operation = self._begin(processes, op, specs, body, actor_of(request))
        is_there = await self._master.operations.wait(operation, accepted=not wait, within=within)
        answer: dict[str, object] = {"operation": operation.id}
        if wait and not is_there:
            answer["pending"] = operation.pending
        outcomes = operation.outcomes if wait else operation.accepted
        if op == "stop" and (needing := readable(request, self._processes.table).still_needing(specs)):
            answer["needing"] = needing
        return json_answer(answer | {"results": [result_of(outcome) for outcome in outcomes]})

    def _begin(
        self, processes: ProcessService, op: str, specs: list[str], body: dict[str, Any], actor: Actor
    ) -> Operation:
        match op:
            case "start":
                return processes.start(specs, actor, alone=_flag(body, "alone"))
            case "stop":
                return processes.stop(specs, actor, cascade=_flag(body, "cascade"))
            case "restart":
                return processes.restart(specs, actor)
            case "retry":
                return processes.retry(specs, actor)
            case "signal":
                return processes.signal(specs, str(body.get("signal", "")), actor)
            case "refresh":
                return processes.refresh(specs, actor)
            case "clear":
                return processes.on_logs("clear", specs, self._logs.clear, actor)
            case "rotate":
                return processes.on_logs("rotate", specs, self._logs.rotate, actor, picks=self._logs.has_files)
            case "reopen":
                return processes.on_logs("reopen", specs, self._logs.reopen_one, actor, picks=self._logs.has_files)
            case _:
                raise OperationError(
                    f"cannot {op} a process: expected start, stop, restart, retry, signal, refresh, clear, rotate or "
                    "reopen",
                    Reason.UNKNOWN_OPERATION,
                )

    # ---- operations

    async def _latest(self, request: Request) -> Response:
        shown = (one for one in self._master.operations.latest() if self._may_know(request, one))
        return json_answer({"operations": [operation_info(operation, sight(request)) for operation in shown]})

    def _may_know(self, request: Request, operation: Operation) -> bool:
        """Whoever sees not everything knows of operations of their own, and of those on what they see."""
        may, actor = sight(request), operation.actor
        if may is None:
            return True
        asker = actor_of(request)
        is_known = asker.uid is not None or (rights := rights_of(request)) is None or rights.token_source
        own = is_known and actor is not None and _without_process(asker) == _without_process(actor)
        outcomes = [outcome.namespec for outcome in operation.outcomes] + operation.pending
        return own or (bool(outcomes) and all(map(may, outcomes)))

    async def _operation(self, request: Request, **parameters: str) -> Response:
        number = parameters["id"]
        if not number.isascii() or not number.isdecimal():
            raise BadRequest(f"cannot read {number[:LONGEST_SHOWN]}: expected the id of an operation, a whole number")
        operation = self._master.operations.one(
            int(number[:LONGEST_SHOWN]), lambda found: self._may_know(request, found)
        )
        seconds = number_in(request, "timeout", 0)
        if seconds > 0:
            await self._master.operations.wait_for_end(operation, seconds)
        return json_answer(operation_info(operation, sight(request)))

    async def _stdin(self, request: Request, spec: str) -> Response:
        table = self._processes.table
        name = table.among(admitted(request, table, [spec], ADMIN)).one(spec).namespec
        self._logs.write_stdin(name, request.body)
        return json_answer({})

    async def _process_log(self, request: Request, spec: str, channel: str) -> Response:
        if channel not in ("stdout", "stderr"):
            raise BadRequest(f"cannot read {channel}: expected stdout or stderr")
        table = self._processes.table
        name = table.among(admitted(request, table, [spec], LOGS)).one(spec).namespec
        if "follow" in request.query:
            return Response(
                body=await self._logs.follow(name, channel, number_in(request, "tail", 1024)), content_type=BYTES
            )
        return Response(body=await self._logs.read(name, channel, *span_in(request)), content_type=BYTES)

    async def _settings(self, request: Request, spec: str) -> Response:
        return json_answer({"sections": self._configuration.settings(spec, readable(request, self._processes.table))})


def _without_process(actor: Actor) -> Actor:
    """Each command of the same client is another process."""
    return actor._replace(pid=None, command="")


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"cannot read {name}: expected true or false")
    return value
