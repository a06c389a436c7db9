"""/v1/processes/SPEC/health: what health checks have seen, a look beside the schedule, and a pause."""

from functools import partial

from procman.access.roles import OPERATE, READ
from procman.api.access import admitted, sight
from procman.api.actors import actor_of
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import body_of
from procman.api.shapes.health import HealthCheckInfo, HealthLookInfo, HealthResultInfo
from procman.errors import BadRequest
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.health_checks import HealthChecks, HealthState
from procman.services.process_table import ProcessTable

# Characters of a reason.
LONGEST_REASON = 200


class HealthEndpoints:
    """Adds them to a router."""

    def __init__(self, checks: HealthChecks, processes: ProcessTable) -> None:
        """Both are called on the loop's thread."""
        self._checks = checks
        self._processes = processes

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/processes/{spec}/health", self._states, READ)
        add("POST", "/processes/{spec}/health/now", self._now, OPERATE)
        add("POST", "/processes/{spec}/health/pause", self._pause, OPERATE)

    async def _states(self, request: Request, spec: str) -> Response:
        return json_answer({"checks": list(map(_info, self._checks.among(sight(request)).states(spec)))})

    async def _now(self, request: Request, spec: str) -> Response:
        checks = self._checks.among(admitted(request, self._processes, [spec], OPERATE))
        looks = [
            HealthLookInfo(namespec=name, healthy=seen.ok, words=seen.words)
            for name, seen in await checks.look_now(spec)
        ]
        return json_answer({"looks": looks})

    async def _pause(self, request: Request, spec: str) -> Response:
        body = body_of(request)
        seconds, reason = body.get("seconds"), body.get("reason", "")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise BadRequest("cannot read seconds: expected a number; 0 ends a pause")
        if not isinstance(reason, str) or len(reason) > LONGEST_REASON:
            raise BadRequest(f"cannot read reason: expected a text of up to {LONGEST_REASON} characters")
        shown = "".join(letter if letter.isprintable() else " " for letter in reason)
        checks = self._checks.among(admitted(request, self._processes, [spec], OPERATE))
        names = checks.pause([spec], seconds, shown, actor_of(request))
        return json_answer({"paused" if seconds else "resumed": names})


def _info(state: HealthState) -> HealthCheckInfo:
    return HealthCheckInfo(
        namespec=state.namespec,
        check=state.check,
        running=state.running,
        healthy=state.healthy,
        failures=state.failures,
        retries=state.retries,
        interval=state.interval,
        on_unhealthy=state.on_unhealthy,
        looking=state.looking,
        next_in=_rounded(state.next_in),
        paused_for=_rounded(state.paused_for),
        pause_reason=state.pause_reason,
        results=[HealthResultInfo(ago=round(one.when, 3), ok=one.ok, words=one.words) for one in state.results],
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
