"""Runs that a client follows: a stream of JSON lines, each a RunEvent, that ends with the run."""

import json
from collections.abc import AsyncIterator
from functools import partial

from procman.access.roles import ADMIN, LOGS, OPERATE
from procman.api.access import admitted
from procman.api.actors import actor_of
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import body_of, strings_in
from procman.api.shapes.output import RunEvent
from procman.api.supervisor_states import supervisor_state
from procman.errors import BadRequest
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services import runs
from procman.services.process_table import ProcessTable
from procman.services.runs import Asked, Began, Ended, Output, Run, RunService

JSON_LINES = "application/x-ndjson"


class RunEndpoints:
    """Adds them to a router."""

    def __init__(self, service: RunService, processes: ProcessTable) -> None:
        """Both are called on the loop's thread."""
        self._service = service
        self._processes = processes

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("POST", "/processes/{spec}/run", self._run, OPERATE)
        add("GET", "/processes/{spec}/run", self._follow, LOGS)

    async def _run(self, request: Request, spec: str) -> Response:
        body = body_of(request)
        args = strings_in(body, "args") if "args" in body else []
        environment, follow = body.get("env", {}), body.get("follow", True)
        is_text = isinstance(environment, dict) and all(isinstance(value, str) for value in environment.values())
        if not is_text:
            raise BadRequest("cannot read env: expected an object of strings")
        if not isinstance(follow, bool):
            raise BadRequest("cannot read follow: expected true or false")
        # With arguments or variables of one's own, it is another program.
        may = admitted(request, self._processes, [spec], ADMIN if args or environment else OPERATE)
        if follow:
            admitted(request, self._processes, [spec], LOGS)
        run = await self._service.among(may).begin(Asked(spec, tuple(args), environment), actor_of(request))
        if follow:
            return Response(body=_Lines(run), content_type=JSON_LINES)
        run.close()
        assert run.operation is not None
        return json_answer({"operation": run.operation.id})

    async def _follow(self, request: Request, spec: str) -> Response:
        service = self._service.among(admitted(request, self._processes, [spec], LOGS))
        return Response(body=_Lines(service.attach(spec)), content_type=JSON_LINES)


class _Lines:
    """The events of a run as lines. A generator alone would never close a run whose client left before the first."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._events = run.events()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return json.dumps(_event(await anext(self._events))).encode() + b"\n"

    async def aclose(self) -> None:
        self._run.close()


def _event(event: runs.RunEvent) -> RunEvent:
    match event:
        case Began(name, operation):
            return RunEvent(event="began", name=name, operation=operation)
        case Output(channel, data, missed):
            text = data.decode("utf-8", "surrogateescape")
            return RunEvent(event="output", channel=channel, data=text, missed=missed)
        case Ended(state, done, code, text):
            return RunEvent(event="ended", statename=supervisor_state(state).name, done=done, code=code, text=text)
