"""The endpoints about crash reports."""

from functools import partial

from procman.access.roles import LOGS
from procman.api.access import admitted, permitted, readable, sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import LONGEST_SHOWN
from procman.errors import BadRequest
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.crash_reports.service import CrashReports
from procman.services.process_table import ProcessTable
from procman.services.selectors import ALL


class CrashEndpoints:
    """Adds them to a router."""

    def __init__(self, crashes: CrashReports, processes: ProcessTable) -> None:
        """The processes tell a name without reports from one that does not exist."""
        self._crashes = crashes
        self._processes = processes

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/crashes", self._all, LOGS)
        add("GET", "/crashes/{seq}", self._one, LOGS)

    async def _all(self, request: Request) -> Response:
        spec = request.query.get("name", ALL)
        reports, note = await self._crashes.reports(spec, permitted(request, LOGS))
        if not reports and spec != ALL:
            table = readable(request, self._processes)
            table.statuses(spec)  # raises UnknownProcess
            admitted(request, table, [spec], LOGS)
        return json_answer({"crashes": [report.summary() for report in reversed(reports)], "note": note})

    async def _one(self, request: Request, seq: str) -> Response:
        if not seq.isascii() or not seq.isdecimal():
            raise BadRequest(f"cannot read {seq[:LONGEST_SHOWN]}: expected the number of a crash report")
        report = await self._crashes.one(int(seq[:LONGEST_SHOWN]), permitted(request, LOGS))
        plain = self._crashes.plain(report)
        if sight(request) is not None and plain["sender"]:
            # The words of the operation may have other names in them.
            sender = plain["sender"]
            plain["sender"] = {**sender, "words": sender["words"].partition(":")[0], "asked_by": ""}
        return json_answer(plain)
