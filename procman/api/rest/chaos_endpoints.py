"""/v1/processes/SPEC/chaos: a fault on purpose, or only its prediction; and /v1/chaos/ID: what has come of it."""

from functools import partial

from procman.access.roles import ADMIN, READ
from procman.api.access import May, admitted, sight
from procman.api.actors import actor_of
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import LONGEST_SHOWN, body_of, number_in
from procman.api.shapes.chaos import ChaosInfo, ChaosJudgement, ChaosStep
from procman.errors import BadRequest
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.chaos import Chaos, Experiment
from procman.services.faults import FaultKind
from procman.services.process_table import ProcessTable
from procman.simulator.prediction import Step

# So long a client may wait in one request, in seconds.
LONGEST_WAIT = 60
_KINDS: dict[str, FaultKind] = {"kill": "kill", "stop": "stop", "unready": "unready"}


class ChaosEndpoints:
    """Adds them to a router."""

    def __init__(self, chaos: Chaos, processes: ProcessTable) -> None:
        """Both are called on the loop's thread."""
        self._chaos = chaos
        self._processes = processes

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("POST", "/processes/{spec}/chaos", self._begin, ADMIN)
        add("GET", "/chaos/{id}", self._one, READ)

    async def _begin(self, request: Request, spec: str) -> Response:
        body = body_of(request)
        kind, seconds, dry = _KINDS.get(str(body.get("what"))), body.get("seconds", 0), body.get("dry", False)
        if kind is None:
            raise BadRequest("cannot read what: expected kill, stop or unready")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise BadRequest("cannot read seconds: expected a number")
        if not isinstance(dry, bool):
            raise BadRequest("cannot read dry: expected true or false")
        may = admitted(request, self._processes, [spec], ADMIN)
        lasts = 0.0 if kind == "kill" else float(seconds)
        if dry:
            found = await self._chaos.prediction(spec, kind, lasts, may)
        else:
            found = await self._chaos.begin(spec, kind, lasts, may, actor_of(request))
        return json_answer(_info(found, sight(request)))

    async def _one(self, request: Request, **parameters: str) -> Response:
        number = parameters["id"]
        if not number.isascii() or not number.isdecimal():
            raise BadRequest(f"cannot read {number[:LONGEST_SHOWN]}: expected the id of an operation, a whole number")
        found = self._chaos.one(int(number[:LONGEST_SHOWN]), sight(request))
        seconds = number_in(request, "timeout", 0)
        if seconds > 0:
            await self._chaos.wait(found, min(seconds, LONGEST_WAIT))
        return json_answer(_info(found, sight(request)))


def _info(one: Experiment, may: May | None) -> ChaosInfo:
    """For a client that may know of those processes."""
    judgements = [judgement for judgement in one.judgements if may is None or may(judgement.name)]
    return ChaosInfo(
        id=one.operation.id if one.operation is not None else None,
        namespec=one.name,
        what=one.kind,
        seconds=one.seconds,
        began=one.began or None,
        over=one.is_over,
        expected=[_step(step) for step in one.expected.steps if may is None or may(step.name)],
        expected_whole=one.expected.is_whole,
        ends_master=one.expected.ends_master,
        seen=[_step(step) for step in one.seen if may is None or may(step.name)],
        judgements=[
            ChaosJudgement(namespec=name, as_expected=as_expected, words=words)
            for name, as_expected, words in judgements
        ],
        as_expected=all(judgement.as_expected for judgement in judgements) if one.is_over else None,
        error=one.error,
    )


def _step(step: Step) -> ChaosStep:
    return ChaosStep(at=round(step.at, 3), namespec=step.name, before=step.before, after=step.after, reason=step.reason)
