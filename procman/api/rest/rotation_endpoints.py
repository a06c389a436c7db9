"""The endpoint about log rotation: when the files of each process are rotated, and how that went."""

from procman.access.roles import READ
from procman.api.access import sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.shapes.processes import RotationInfo
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.log_rotations import LogRotations, RotationsOfLog
from procman.services.selectors import ALL


class RotationEndpoints:
    """Adds it to a router."""

    def __init__(self, rotations: LogRotations) -> None:
        self._rotations = rotations

    def add_to(self, router: Router) -> None:
        """One row."""
        add_endpoint(router, "GET", "/rotations", self._all, READ)

    async def _all(self, request: Request) -> Response:
        found = self._rotations.among(sight(request)).of(request.query.get("name", ALL))
        return json_answer({"rotations": [_info(one) for one in found]})


def _info(one: RotationsOfLog) -> RotationInfo:
    files, counts = one.files, one.counts
    return RotationInfo(
        namespec=one.namespec,
        stream=files.channel,
        paths=list(files.paths),
        options=dict(one.options),
        next=files.due,
        rotations=counts.done,
        failures=counts.failed,
        last=counts.last or None,
        last_by=counts.by,
        last_problem=counts.problem,
        problem="; ".join(files.problems),
    )
