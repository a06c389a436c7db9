"""Supervisor's log streams: /logtail/NAME[/CHANNEL] and /mainlogtail.

They begin with the last 1024 bytes, are chunked, and end only when the client or the master does.
"""

from procman.errors import OperationError
from procman.http.messages import Request, Response, problem
from procman.http.router import Router
from procman.services.logs import LogService
from procman.services.process_table import ProcessTable

PAST = 1024  # bytes


class LogTails:
    """Adds the endpoints to a router."""

    def __init__(self, processes: ProcessTable, logs: LogService) -> None:
        """Both are called on the loop's thread."""
        self._processes = processes
        self._logs = logs

    def add_to(self, router: Router) -> None:
        """Both forms of a process's log, and the master's own."""
        router.add("GET", "/logtail/{name}", self._process_log, role="read")
        router.add("GET", "/logtail/{name}/{channel}", self._process_log, role="read")
        router.add("GET", "/mainlogtail", self._main_log, role="read")

    async def _process_log(self, _: Request, name: str, channel: str = "stdout") -> Response:
        if channel not in ("stdout", "stderr"):
            return problem(404, f"there is no log {channel}: expected stdout or stderr")
        try:
            return Response(body=await self._logs.follow(self._processes.one(name).namespec, channel, PAST))
        except OperationError as error:
            return problem(404, str(error))

    async def _main_log(self, _: Request) -> Response:
        return Response(body=self._logs.follow_main(PAST))
