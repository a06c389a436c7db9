"""The endpoint about limits."""

from procman.access.roles import READ
from procman.api.access import sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.shapes.processes import LimitsInfo
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.limits import Limits, LimitsOfProcess
from procman.services.selectors import ALL


class LimitEndpoints:
    """Adds it to a router."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def add_to(self, router: Router) -> None:
        """One row."""
        add_endpoint(router, "GET", "/limits", self._all, READ)

    async def _all(self, request: Request) -> Response:
        found = self._limits.among(sight(request)).of(request.query.get("name", ALL))
        return json_answer({"limits": [_info(one) for one in found]})


def _info(one: LimitsOfProcess) -> LimitsInfo:
    use = one.use
    return LimitsInfo(
        namespec=one.namespec,
        options=dict(one.options),
        left_out=list(one.left_out),
        cgroup=one.cgroup,
        measured=one.measured,
        memory=None if use is None else use.memory,
        memory_peak=None if use is None else use.memory_peak,
        memory_max=None if use is None else use.memory_max,
        memory_high=None if use is None else use.memory_high,
        pids=None if use is None else use.pids,
        pids_max=None if use is None else use.pids_max,
        throttled=None if use is None else use.throttled,
    )
