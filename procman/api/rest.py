"""The JSON interface under /v1: one row in the table per endpoint, each a few lines on the services.

What the endpoints take and give is in `shapes`. Nothing is decided here.
"""

import json
import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from procman.api.actors import actor_of
from procman.api.error_codes import CODES, FORBIDDEN, UNKNOWN_PATH
from procman.api.facts_to_shapes import (
    changes_of,
    config_info,
    error_body,
    figures_info,
    operation_info,
    process_info,
    result_of,
    step_of,
)
from procman.api.health import Health
from procman.api.shapes import ErrorBody, HealthInfo, MasterInfo
from procman.errors import BadRequest, OperationError, Reason
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.configuration import ConfigService
from procman.services.logs import LogService
from procman.services.master import MasterService
from procman.services.operations import Operation
from procman.services.processes import ProcessService
from procman.services.status import Moment

JSON = "application/json"
BYTES = "application/octet-stream"
OFFSET_MAX = 2**63 - 1
LONGEST_SHOWN = 80  # characters of what cannot be read, in a message
TAIL = 1600  # bytes of a log, when nobody says how many


class Rest:
    """Adds the endpoints to a router. `about` describes the master itself."""

    def __init__(
        self,
        master: MasterService,
        processes: ProcessService,
        configuration: ConfigService,
        logs: LogService,
        *,
        health: Health,
        about: Callable[[Request], MasterInfo],
        tell_listeners: Callable[[str, str], None],
        upgrade: Callable[[], Awaitable[int]],
        file_warnings: Callable[[], Awaitable[list[str]]],
    ) -> None:
        """All of them are called on the loop's thread; `tell_listeners(type, data)` makes an event.

        `file_warnings` says why the configuration on the disk could not be used now.
        """
        self._master_service = master
        self._processes = processes
        self._configuration = configuration
        self._logs = logs
        self._health = health
        self._about = about
        self._tell_listeners = tell_listeners
        self._upgrade_master = upgrade
        self._file_warnings = file_warnings

    def add_to(self, router: Router) -> None:
        """The whole table."""

        def add(method: str, pattern: str, endpoint: Callable[..., Awaitable[Response]]) -> None:
            router.add(method, f"/v1{pattern}", _answering(endpoint), role="read" if method == "GET" else "control")

        add("GET", "/master", self._master)
        add("POST", "/master/shutdown", self._shutdown)
        add("POST", "/master/reload", self._reload)
        add("POST", "/master/upgrade", self._upgrade)
        add("GET", "/stop-plan", self._stop_plan)
        add("GET", "/health", self._health_info)
        add("GET", "/processes", self._process_infos)
        add("GET", "/processes/{spec}", self._process_infos)
        add("GET", "/figures", self._figures)
        add("GET", "/operations", self._latest)
        add("GET", "/operations/{id}", self._operation)
        add("POST", "/processes/{op}", self._operate)
        add("POST", "/processes/{spec}/{op}", self._operate)
        add("POST", "/processes/{spec}/stdin", self._stdin)
        add("GET", "/processes/{spec}/log/{channel}", self._process_log)
        add("GET", "/log", self._main_log)
        add("POST", "/log/clear", self._clear_main_log)
        add("POST", "/log/reopen", self._reopen_logs)
        add("GET", "/config", self._config)
        add("GET", "/master/config", self._master_settings)
        add("GET", "/processes/{spec}/config", self._settings)
        add("POST", "/config/reread", self._reread)
        add("POST", "/config/update", self._update)
        add("POST", "/events/remote", self._remote_event)
        add("POST", "/groups/{name}/add", self._add)
        add("POST", "/groups/{name}/remove", self._remove)

    # ---- the master

    async def _master(self, request: Request) -> Response:
        return _json(self._about(request))

    async def _shutdown(self, request: Request) -> Response:
        return _json({"operation": self._master_service.shut_down(actor_of(request)).id})

    async def _reload(self, request: Request) -> Response:
        operation = await self._master_service.reload(self._configuration.check, actor_of(request))
        return _json({"operation": operation.id})

    async def _upgrade(self, request: Request) -> Response:
        operation, number = await self._master_service.upgrade(self._upgrade_master, actor_of(request))
        return _json({"operation": operation.id, "upgrades": number})

    async def _stop_plan(self, request: Request) -> Response:
        return _json(self._configuration.stop_plan(request.query.get("budget")))

    async def _health_info(self, request: Request) -> Response:
        warnings = await self._file_warnings() if request.query.get("file") == "1" else []
        missing = self._health.missing()
        return _json(HealthInfo(ready=not missing, missing=missing, warnings=warnings))

    # ---- processes

    async def _process_infos(self, _: Request, spec: str = "all") -> Response:
        moment, lost = Moment.present(), self._processes.lost
        infos = [process_info(status, moment, lost(status.namespec)) for status in self._processes.statuses(spec)]
        return _json({"processes": infos})

    async def _figures(self, _: Request) -> Response:
        return _json({"figures": [figures_info(figures) for figures in await self._processes.figures()]})

    async def _operate(self, request: Request, op: str, spec: str | None = None) -> Response:
        body = _body(request)
        specs = [spec] if spec is not None else _strings(body, "names")
        wait, within = body.get("wait", True), _timeout(body)
        if not isinstance(wait, bool):
            raise BadRequest("cannot read wait: expected true or false")
        operation = self._begin(op, specs, body, actor_of(request))
        is_there = await self._master_service.operations.wait(operation, accepted=not wait, within=within)
        answer: dict[str, object] = {"operation": operation.id}
        if wait and not is_there:
            answer["pending"] = operation.pending
        outcomes = operation.outcomes if wait else operation.accepted
        return _json(answer | {"results": [result_of(outcome) for outcome in outcomes]})

    def _begin(self, op: str, specs: list[str], body: dict[str, Any], actor: str) -> Operation:
        match op:
            case "start":
                return self._processes.start(specs, actor)
            case "stop":
                return self._processes.stop(specs, actor)
            case "restart":
                return self._processes.restart(specs, actor)
            case "signal":
                return self._processes.signal(specs, str(body.get("signal", "")), actor)
            case "clear":
                return self._processes.clear_logs(specs, self._logs.clear, actor)
            case _:
                raise OperationError(
                    f"cannot {op} a process: expected start, stop, restart, signal or clear", Reason.UNKNOWN_OPERATION
                )

    # ---- operations

    async def _latest(self, _: Request) -> Response:
        return _json(
            {"operations": [operation_info(operation) for operation in self._master_service.operations.latest()]}
        )

    async def _operation(self, request: Request, **parameters: str) -> Response:
        number = parameters["id"]
        if not number.isascii() or not number.isdecimal():
            raise BadRequest(f"cannot read {number[:LONGEST_SHOWN]}: expected the id of an operation, a whole number")
        operation = self._master_service.operations.one(int(number[:LONGEST_SHOWN]))
        seconds = _number(request, "timeout", 0)
        if seconds > 0:
            await self._master_service.operations.wait_for_end(operation, seconds)
        return _json(operation_info(operation))

    async def _stdin(self, request: Request, spec: str) -> Response:
        self._logs.write_stdin(self._processes.one(spec).namespec, request.body)
        return _json({})

    # ---- logs

    async def _process_log(self, request: Request, spec: str, channel: str) -> Response:
        if channel not in ("stdout", "stderr"):
            raise BadRequest(f"cannot read {channel}: expected stdout or stderr")
        name = self._processes.one(spec).namespec
        if "follow" in request.query:
            return Response(
                body=await self._logs.follow(name, channel, _number(request, "tail", 1024)), content_type=BYTES
            )
        return Response(body=await self._logs.read(name, channel, *_span(request)), content_type=BYTES)

    async def _main_log(self, request: Request) -> Response:
        if "follow" in request.query:
            return Response(body=self._logs.follow_main(_number(request, "tail", 1024)), content_type=BYTES)
        return Response(body=await self._logs.read_main(*_span(request)), content_type=BYTES)

    async def _clear_main_log(self, _: Request) -> Response:
        await self._logs.clear_main()
        return _json({})

    async def _reopen_logs(self, _: Request) -> Response:
        self._logs.reopen()
        return _json({})

    # ---- configuration

    async def _config(self, _: Request) -> Response:
        self._master_service.refuse_while_ending()
        return _json({"processes": [config_info(process) for process in self._configuration.available()]})

    async def _master_settings(self, _: Request) -> Response:
        return _json({"sections": self._configuration.settings_of_master()})

    async def _settings(self, _: Request, spec: str) -> Response:
        return _json({"sections": self._configuration.settings(spec)})

    async def _reread(self, _: Request) -> Response:
        return _json(changes_of(await self._configuration.reread()))

    async def _update(self, request: Request) -> Response:
        body = _body(request)
        groups = _strings(body, "groups") if "groups" in body else None
        if body.get("dry_run") is True:
            return _json({"steps": [step_of(step) for step in await self._configuration.plan_update(groups)]})
        within = _timeout(body)
        operation = self._configuration.update(groups, actor_of(request))
        await self._master_service.operations.wait(operation, within=within)
        return _json({"operation": operation.id, "steps": [step_of(step) for step in operation.steps]})

    async def _remote_event(self, request: Request) -> Response:
        body = _body(request)
        self._tell_listeners(_string(body, "type"), _string(body, "data"))
        return _json({})

    async def _add(self, request: Request, name: str) -> Response:
        operation = self._configuration.add(name, actor_of(request))
        return _json({"operation": operation.id, "result": "added"})

    async def _remove(self, request: Request, name: str) -> Response:
        operation = self._configuration.remove(name, actor_of(request))
        return _json({"operation": operation.id, "result": "removed"})


def route_problem(status: int, text: str, headers: list[tuple[str, str]]) -> Response:
    """An answer of the router's own: there is no such endpoint, or this account may not use it."""
    answer = error_answer(status, FORBIDDEN if status == HTTPStatus.FORBIDDEN else UNKNOWN_PATH, text)
    answer.headers = headers
    return answer


def error_answer(status: int, code: str, message: str) -> Response:
    """{"error": …} with its status."""
    return _json({"error": ErrorBody(code=code, message=message)}, status)


def _answering(endpoint: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """The endpoint, with what it raises made an answer."""

    async def answer(request: Request, **parameters: str) -> Response:
        try:
            return await endpoint(request, **parameters)
        except OperationError as error:
            return _json({"error": error_body(error)}, CODES[error.reason].status)

    return answer


def _json(value: object, status: int = HTTPStatus.OK) -> Response:
    return Response(status, json.dumps(value).encode() + b"\n", content_type=JSON)


def _body(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadRequest("cannot read the body: expected a JSON object") from None
    if not isinstance(value, dict):
        raise BadRequest("cannot read the body: expected a JSON object")
    return value


def _string(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise BadRequest(f"cannot read {key}: expected a string")
    return value


def _strings(body: dict[str, Any], key: str) -> list[str]:
    value = body.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRequest(f"cannot read {key}: expected a list of strings")
    return value


def _timeout(body: dict[str, Any]) -> float | None:
    """Of a body, in seconds; None: as long as it takes."""
    seconds = body.get("timeout")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise BadRequest("cannot read timeout: expected a number of seconds")
    return float(seconds)


def _number(request: Request, key: str, default: int) -> int:
    text = request.query.get(key)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise BadRequest(f"cannot read {key}={text[:LONGEST_SHOWN]}: expected a whole number") from None
    if abs(number) > OFFSET_MAX:
        raise BadRequest(f"cannot read {key}: no log is as long as that")
    return number


def _span(request: Request) -> tuple[int, int]:
    """Offset and length as supervisor counts them: a negative offset is from the end, a length of 0 is all of it."""
    if "offset" in request.query:
        return _number(request, "offset", 0), _number(request, "length", 0)
    return -_number(request, "tail", TAIL), 0
