"""Supervisor's log streams: /logtail/NAME[/CHANNEL] and /mainlogtail.

They begin with the last 1024 bytes, are chunked, and end only when the client or the master does.
"""

from procman.access.roles import LOGS, LOGS_FLEET
from procman.api.access import admitted
from procman.errors import AccessDenied, OperationError
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
        router.add("GET", "/logtail/{name}", self._process_log, needs=LOGS)
        router.add("GET", "/logtail/{name}/{channel}", self._process_log, needs=LOGS)
        router.add("GET", "/mainlogtail", self._main_log, needs=LOGS_FLEET)

    async def _process_log(self, request: Request, name: str, channel: str = "stdout") -> Response:
        if channel not in ("stdout", "stderr"):
            return problem(404, f"there is no log {channel}: expected stdout or stderr")
        try:
            table = self._processes.among(admitted(request, self._processes, [name], LOGS))
            return Response(body=await self._logs.follow(table.one(name).namespec, channel, PAST))
        except AccessDenied as error:
            return problem(403, str(error))
        except OperationError as error:
            return problem(404, str(error))

    async def _main_log(self, _: Request) -> Response:
        return Response(body=self._logs.follow_main(PAST))
