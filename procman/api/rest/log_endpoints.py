"""Several logs as one stream: lines of JSON, each a LogPiece."""

import json
from collections.abc import AsyncIterator
from functools import partial

from procman.access.roles import LOGS
from procman.api.access import admitted
from procman.api.rest.answers import add_endpoint
from procman.api.rest.parameters import number_in, real_number_in
from procman.api.shapes.output import LogPiece
from procman.errors import BadRequest
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.logs import LogService, MergedLogs
from procman.services.process_table import ProcessTable

JSON_LINES = "application/x-ndjson"
# The last lines of each log, unless the request says how many; and the most that it may say.
LINES = 10
MOST_LINES = 100_000
FAR_AWAY = 1e12  # seconds since the epoch: the latest moment that can be asked for


class LogEndpoints:
    """Adds them to a router."""

    def __init__(self, processes: ProcessTable, logs: LogService) -> None:
        """Both are called on the loop's thread."""
        self._processes = processes
        self._logs = logs

    def add_to(self, router: Router) -> None:
        """One row."""
        partial(add_endpoint, router)("GET", "/logs", self._merged, LOGS)

    async def _merged(self, request: Request) -> Response:
        specs = [spec for spec in request.query.get("name", "all").split(",") if spec]
        channels = [name for name in request.query.get("channel", "stdout,stderr").split(",") if name]
        if not channels or not {"stdout", "stderr"}.issuperset(channels):
            raise BadRequest("cannot read channel: expected stdout, stderr or both, separated by a comma")
        lines = number_in(request, "lines", LINES)
        if not 0 <= lines <= MOST_LINES:
            raise BadRequest(f"cannot read lines={lines}: expected a number from 0 to {MOST_LINES}")
        since = real_number_in(request, "since", 0, FAR_AWAY, "seconds since the epoch")
        table = self._processes.among(admitted(request, self._processes, specs, LOGS))
        names = dict.fromkeys(status.namespec for spec in specs for status in table.statuses(spec))
        merged = self._logs.merged(list(names), channels)
        follow = request.query.get("follow", "0") not in ("", "0")
        return Response(body=_Lines(merged, lines, since, follow), content_type=JSON_LINES)


class _Lines:
    """The pieces as lines; closed when the client has gone, even before the first."""

    def __init__(self, merged: MergedLogs, lines: int, since: float | None, follow: bool) -> None:
        self._merged = merged
        self._pieces = merged.pieces(lines=lines, since=since, follow=follow)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._pieces)
        text = piece.data.decode("utf-8", "surrogateescape")
        line = LogPiece(name=piece.name, channel=piece.channel, time=piece.time, data=text, missed=piece.missed)
        return json.dumps(line).encode() + b"\n"

    async def aclose(self) -> None:
        await self._pieces.aclose()
        self._merged.close()
