"""The endpoint about watched files: which they are, whether that works, and what was done last about a change."""

from procman.access.roles import READ
from procman.api.access import sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.shapes.processes import WatchChangeInfo, WatchInfo
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.selectors import ALL
from procman.services.watches import WatchOfProcess, WatchService


class WatchEndpoints:
    """Adds it to a router."""

    def __init__(self, watches: WatchService) -> None:
        self._watches = watches

    def add_to(self, router: Router) -> None:
        """One row."""
        add_endpoint(router, "GET", "/watches", self._all, READ)

    async def _all(self, request: Request) -> Response:
        found = self._watches.among(sight(request)).of(request.query.get("name", ALL))
        return json_answer({"watches": [_info(one) for one in found]})


def _info(one: WatchOfProcess) -> WatchInfo:
    last = one.last
    return WatchInfo(
        namespec=one.namespec,
        watch=list(one.watch),
        ignore=list(one.ignore),
        action=one.action,
        state=one.state,
        words=one.words,
        last=None if last is None else WatchChangeInfo(what=last.what, words=last.words, time=last.time),
    )
