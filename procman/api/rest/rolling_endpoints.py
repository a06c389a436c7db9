"""The endpoints about rolling restarts."""

from functools import partial

from procman.access.roles import CONFIGURE, OPERATE, READ, Needs
from procman.api.access import admitted, sight
from procman.api.actors import actor_of
from procman.api.facts_to_shapes import result_of
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import body_of, string_in, strings_in, timeout_in
from procman.api.shapes.rolling import RollingInfo
from procman.errors import BadRequest
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.operations import Operation
from procman.services.process_table import ProcessTable
from procman.services.rolling import RollingService, RollingStatus


class RollingEndpoints:
    """Adds them to a router."""

    def __init__(self, rolling: RollingService, table: ProcessTable) -> None:
        """Both are called on the loop's thread."""
        self._rolling = rolling
        self._table = table

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/rolling", self._present, READ)
        add("POST", "/rolling/restart", self._restart, OPERATE)
        add("POST", "/rolling/continue", self._continue, OPERATE)
        add("POST", "/rolling/abort", self._abort, CONFIGURE)

    async def _present(self, request: Request) -> Response:
        name = request.query.get("name")
        found = self._rolling.among(sight(request)).present([name] if name is not None else [])
        return json_answer({"rolling": [_info(one) for one in found]})

    async def _restart(self, request: Request) -> Response:
        body = body_of(request)
        batch = string_in(body, "batch") if body.get("batch") is not None else None
        names, rolling = self._for(request, OPERATE)
        return await self._answer(request, rolling.restart(names, actor_of(request), batch))

    async def _continue(self, request: Request) -> Response:
        names, rolling = self._for(request, OPERATE)
        return await self._answer(request, rolling.go_on(names, actor_of(request)))

    async def _abort(self, request: Request) -> Response:
        names, rolling = self._for(request, CONFIGURE)
        return await self._answer(request, rolling.abort(names, actor_of(request)))

    def _for(self, request: Request, needs: Needs) -> tuple[list[str], RollingService]:
        names = strings_in(body_of(request), "names")
        if not names:
            raise BadRequest("names is empty: name a program")
        may = admitted(request, self._table, self._rolling.among(sight(request)).namespecs(names), needs)
        return names, self._rolling.among(may)

    async def _answer(self, request: Request, operation: Operation) -> Response:
        body = body_of(request)
        wait = body.get("wait", True)
        if not isinstance(wait, bool):
            raise BadRequest("cannot read wait: expected true or false")
        if wait:
            await self._rolling.operations.wait(operation, within=timeout_in(body))
        results = [result_of(outcome) for outcome in operation.outcomes]
        answer: dict[str, object] = {"operation": operation.id, "results": results}
        if operation.ended is None:
            answer["pending"] = True
        return json_answer(answer)


def _info(one: RollingStatus) -> RollingInfo:
    return RollingInfo(
        program=one.program,
        state=one.state,
        aborting=one.aborting,
        operation=one.operation,
        batch=one.batch,
        total=one.total,
        ready=list(one.ready),
        under_way=list(one.under_way),
        coming=list(one.coming),
        failed=one.failed,
        reason=one.reason,
        can_be_put_back=one.changed,
        text=one.text,
    )
