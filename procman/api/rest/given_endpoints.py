"""The endpoint about what programs are given from files: names and paths, never a value."""

from procman.access.roles import READ
from procman.api.access import sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.shapes.processes import GivenInfo
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.given_files import GivenFiles, GivenToProcess
from procman.services.selectors import ALL


class GivenEndpoints:
    """Adds it to a router."""

    def __init__(self, given: GivenFiles) -> None:
        self._given = given

    def add_to(self, router: Router) -> None:
        """One row."""
        add_endpoint(router, "GET", "/given", self._all, READ)

    async def _all(self, request: Request) -> Response:
        return json_answer(
            {"given": [_info(one) for one in self._given.among(sight(request)).of(request.query.get("name", ALL))]}
        )


def _info(one: GivenToProcess) -> GivenInfo:
    return GivenInfo(namespec=one.namespec, options=dict(one.options), variables=list(one.variables))
