"""The endpoint about listening sockets."""

from procman.access.roles import READ
from procman.api.access import sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.shapes.processes import SocketInfo
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.selectors import ALL
from procman.services.sockets import SocketOfProcess, SocketService


class SocketEndpoints:
    """Adds it to a router."""

    def __init__(self, sockets: SocketService) -> None:
        self._sockets = sockets

    def add_to(self, router: Router) -> None:
        """One row."""
        add_endpoint(router, "GET", "/sockets", self._all, READ)

    async def _all(self, request: Request) -> Response:
        found = self._sockets.among(sight(request)).of(request.query.get("name", ALL))
        return json_answer({"sockets": [_info(one) for one in found]})


def _info(one: SocketOfProcess) -> SocketInfo:
    return SocketInfo(
        namespec=one.namespec,
        name=one.name,
        url=one.url,
        own=one.own,
        hold=one.hold,
        backlog=one.backlog,
        is_open=one.is_open,
        waiting=one.waiting,
        why=one.why,
        awaited=one.awaited,
    )
