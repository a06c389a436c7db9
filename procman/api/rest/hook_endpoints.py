"""The endpoint about hooks: which there are, what runs, and how each ended last."""

from procman.access.roles import READ
from procman.api.access import sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.shapes.processes import HookInfo, HookResultInfo
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.hook_results import HookOfProcess, HookResults
from procman.services.selectors import ALL


class HookEndpoints:
    """Adds it to a router."""

    def __init__(self, results: HookResults) -> None:
        self._results = results

    def add_to(self, router: Router) -> None:
        """One row."""
        add_endpoint(router, "GET", "/hooks", self._hooks, READ)

    async def _hooks(self, request: Request) -> Response:
        return json_answer(
            {"hooks": [_info(one) for one in self._results.among(sight(request)).of(request.query.get("name", ALL))]}
        )


def _info(one: HookOfProcess) -> HookInfo:
    last = one.last
    return HookInfo(
        namespec=one.namespec,
        hook=one.hook.value,
        commands=list(one.commands),
        runs=one.runs,
        since=one.since,
        last=None
        if last is None
        else HookResultInfo(
            ended=last.ended,
            result=last.result,
            command=last.command,
            words=last.words,
            seconds=last.seconds,
            line=last.line,
        ),
    )
