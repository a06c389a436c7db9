"""The endpoints about schedules: what comes next, and the last runs."""

from functools import partial

from procman.access.roles import LOGS, READ
from procman.api.access import permitted, sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import LONGEST_SHOWN
from procman.api.shapes.schedules import JobRunInfo, ScheduleInfo
from procman.errors import BadRequest
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.run_history import JobRun
from procman.services.schedules import MOST_TIMES, Coming, ScheduleService
from procman.services.selectors import ALL


class ScheduleEndpoints:
    """Adds them to a router."""

    def __init__(self, schedules: ScheduleService) -> None:
        """All that is known of schedules."""
        self._schedules = schedules

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/schedules", self._next, READ)
        add("GET", "/runs", self._runs, READ)

    async def _next(self, request: Request) -> Response:
        text = request.query.get("count", "1")
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:LONGEST_SHOWN]) <= MOST_TIMES:
            raise BadRequest(f"cannot read count={text[:LONGEST_SHOWN]}: expected a number from 1 to {MOST_TIMES}")
        found = self._schedules.among(sight(request)).coming(request.query.get("name", ALL), int(text))
        return json_answer({"schedules": [_schedule(one) for one in found]})

    async def _runs(self, request: Request) -> Response:
        runs = self._schedules.among(sight(request)).runs(request.query.get("name", ALL))
        shows = permitted(request, LOGS)
        return json_answer({"runs": [_run(name, run, lines=shows is None or shows(name)) for name, run in runs]})


def _schedule(coming: Coming) -> ScheduleInfo:
    return ScheduleInfo(
        namespec=coming.namespec,
        schedule=coming.schedule,
        words=coming.words,
        zone=coming.zone,
        on=coming.on,
        next=coming.next,
        times=[{"time": when, "text": text} for when, text in coming.times],
    )


def _run(name: str, run: JobRun, *, lines: bool) -> JobRunInfo:
    return JobRunInfo(
        namespec=name,
        began=run.began,
        ended=run.ended,
        seconds=run.seconds,
        time=run.time,
        by=run.by,
        result=run.result,
        ending=run.ending,
        last_words=run.last_words,
        lines=run.lines if lines else {},
    )
