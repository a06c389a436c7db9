"""The endpoints about the number of processes of programs."""

from functools import partial

from procman.access.roles import CONFIGURE, OPERATE, READ
from procman.api.access import judged_by_name, rights_of, sight
from procman.api.actors import actor_of
from procman.api.facts_to_shapes import step_of
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import body_of, string_in, timeout_in
from procman.api.shapes.rolling import ScaleInfo
from procman.errors import UnknownProcess
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.scaling import Scale, ScaleService, Wish


class ScaleEndpoints:
    """Adds them to a router."""

    def __init__(self, scaling: ScaleService) -> None:
        self._scaling = scaling

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/scale", self._all, READ)
        add("POST", "/scale", self._scale, OPERATE)

    async def _all(self, request: Request) -> Response:
        may = sight(request)
        found = [
            one for one in self._scaling.scales() if may is None or (one.processes and all(map(may, one.processes)))
        ]
        return json_answer({"scales": [_info(one) for one in found]})

    async def _scale(self, request: Request) -> Response:
        body = body_of(request)
        wish = Wish.read(string_in(body, "scale"))
        scale = self._scaling.one(wish.program)
        # Who may operate may not have more processes than the file foresees.
        most = scale.in_file if scale.most is None else scale.most
        needs = OPERATE if wish.number_from(scale.numprocs) <= most else CONFIGURE
        if not judged_by_name(rights_of(request), lambda _: list(scale.processes), needs, wish.program):
            raise UnknownProcess(f"no such program: {wish.program}")
        operation = self._scaling.begin(wish, actor_of(request))
        await self._scaling.operations.wait(operation, within=timeout_in(body))
        now = self._scaling.one(wish.program)
        steps = [step_of(step) for step in operation.steps]
        return json_answer({"operation": operation.id, "scale": _info(now), "before": scale.numprocs, "steps": steps})


def _info(one: Scale) -> ScaleInfo:
    return ScaleInfo(
        program=one.program,
        numprocs=one.numprocs,
        in_file=one.in_file,
        numprocs_max=one.most,
        processes=list(one.processes),
    )
