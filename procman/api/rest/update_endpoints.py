"""The endpoints about updates: the plan of one, to carry it out, and to confirm or abort it."""

from functools import partial
from typing import Any

from procman.access.roles import CONFIGURE, READ
from procman.api.access import demand_all, judged_by_name, rights_of, sight
from procman.api.actors import actor_of
from procman.api.facts_to_shapes import pending_info, step_of
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import body_of, seconds_in, strings_in, timeout_in
from procman.errors import BadRequest, OperationError, Reason
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.configuration import ConfigService
from procman.services.operations import Operation, Operations
from procman.services.update_service import UpdateService


class UpdateEndpoints:
    """Adds them to a router."""

    def __init__(self, updates: UpdateService, configuration: ConfigService, operations: Operations) -> None:
        """All of them are called on the loop's thread; `configuration` knows the processes of a group."""
        self._updates = updates
        self._configuration = configuration
        self._operations = operations

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/config/plan", self._plan, READ)
        add("GET", "/config/confirmation", self._pending, READ)
        add("POST", "/config/update", self._update, CONFIGURE)
        add("POST", "/config/apply", self._apply, CONFIGURE)
        add("POST", "/config/confirm", self._confirm, CONFIGURE)
        add("POST", "/config/abort", self._abort, CONFIGURE)

    async def _plan(self, request: Request) -> Response:
        text = request.query.get("groups")
        names = None if text is None else [name for name in text.split(",") if name]
        if names is not None and "all" in names:
            names = None
        return json_answer(await self._updates.plan(names, sight(request)))

    async def _pending(self, request: Request) -> Response:
        pending = self._updates.confirming.pending
        return json_answer({"pending": None if pending is None else pending_info(pending, sight(request))})

    async def _update(self, request: Request) -> Response:
        body = body_of(request)
        groups = strings_in(body, "groups") if "groups" in body else None
        hidden: set[str] = set()
        if not groups or "all" in groups:
            demand_all(request, CONFIGURE)
        else:
            hidden = {name for name in groups if not self._may_configure(request, name)}
        if body.get("dry_run") is True:
            steps = await self._updates.steps(groups, hidden)
            return json_answer({"steps": [step_of(step) for step in steps]})
        within, confirm = timeout_in(body), seconds_in(body, "confirm")
        operation = self._updates.update(groups, actor_of(request), hidden, confirm=confirm)
        return await self._answer(request, operation, within)

    async def _apply(self, request: Request) -> Response:
        body = body_of(request)
        if "plan" not in body:
            raise BadRequest("cannot read plan: expected what GET /v1/config/plan returned")
        within, confirm = timeout_in(body), seconds_in(body, "confirm")

        def may(name: str | None) -> bool:
            if name is not None:
                return self._may_configure(request, name)
            demand_all(request, CONFIGURE)
            return True

        operation = self._updates.apply(body["plan"], actor_of(request), may, confirm=confirm)
        return await self._answer(request, operation, within)

    async def _answer(self, request: Request, operation: Operation, within: float | None) -> Response:
        """When it has been carried out: one with a confirmation goes on."""
        rights = rights_of(request)
        before = None if rights is None else rights.role
        await self._operations.wait(operation, accepted=True, within=within)
        answer: dict[str, object] = {"operation": operation.id, "steps": [step_of(step) for step in operation.steps]}
        pending = self._updates.confirming.pending
        if pending is not None and pending.operation is operation:
            answer["pending"] = pending_info(pending, sight(request))
        if rights is not None:
            rights.settle()
            if rights.role != before:
                answer["role"] = rights.role  # it has taken the client's own rights away, or given it more
        return json_answer(answer)

    async def _confirm(self, request: Request) -> Response:
        body = body_of(request)
        number, within = self._asked(request, body), timeout_in(body)
        operation = self._updates.confirming.confirm(number, actor_of(request))
        ended = await self._operations.wait(operation, within=within)
        return json_answer({"operation": operation.id, "result": "kept" if ended else "confirmed"})

    async def _abort(self, request: Request) -> Response:
        body = body_of(request)
        number, within = self._asked(request, body), timeout_in(body)
        operation = self._updates.confirming.abort(number, actor_of(request))
        try:
            ended = await self._operations.wait(operation, within=within)
        except OperationError as error:
            if error.reason is not Reason.NOT_CONFIRMED:
                raise
            ended = True
        return json_answer({"operation": operation.id, "result": "rolled back" if ended else "aborted"})

    def _asked(self, request: Request, body: dict[str, Any]) -> int | None:
        """The id that a client has given, if it may have all groups of that update changed."""
        number = body.get("operation")
        if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
            raise BadRequest("cannot read operation: expected the id of an operation")
        under, _ = self._updates.confirming.awaited(number)
        if under.names is None:
            demand_all(request, CONFIGURE)
        elif not all(self._may_configure(request, name) for name in under.names):
            raise OperationError("no update waits for a confirmation", Reason.UNKNOWN_OPERATION)
        return number

    def _may_configure(self, request: Request, group: str) -> bool:
        """False: the group is hidden from the client; raises AccessDenied where it only may not."""
        return judged_by_name(rights_of(request), self._configuration.namespecs, CONFIGURE, group)
