"""The endpoints about the past: the table as it was, the states over a time, and why."""

import math
from functools import partial

from procman.access.roles import READ
from procman.api.access import sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.rest.parameters import LONGEST_SHOWN
from procman.api.shapes.journal import PastInfo, PastReasonInfo, SpanInfo
from procman.errors import BadRequest
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.past import Span
from procman.services.time_travel import PastState, TimeTravel


class PastEndpoints:
    """Adds them to a router."""

    def __init__(self, past: TimeTravel) -> None:
        """It is called on the loop's thread; what is gone through is gone through beside it."""
        self._past = past

    def add_to(self, router: Router) -> None:
        """One row for each."""
        add = partial(add_endpoint, router)
        add("GET", "/journal/states", self._states, READ)
        add("GET", "/journal/spans", self._spans, READ)
        add("GET", "/journal/why", self._why, READ)

    async def _states(self, request: Request) -> Response:
        at, names = _moment_in(request, "at"), _names_in(request)
        past = await self._past.among(sight(request)).reaching(at)

        def answer() -> Response:
            states = [_past_info(state, at) for state in past.states(at, names)]
            return json_answer({"at": at, "known_since": past.known_since, "processes": states})

        return await self._past.beside(answer)

    async def _spans(self, request: Request) -> Response:
        since, until, names = _moment_in(request, "since"), _moment_in(request, "until"), _names_in(request)
        past = await self._past.among(sight(request)).reaching(since)

        def answer() -> Response:
            processes = [
                {"namespec": history.name, "group": history.group, "spans": [_span_info(span, until) for span in spans]}
                for history, spans in past.spans(since, until, names)
            ]
            return json_answer(
                {"since": since, "until": until, "known_since": past.known_since, "processes": processes}
            )

        return await self._past.beside(answer)

    async def _why(self, request: Request) -> Response:
        at, name = _moment_in(request, "at"), request.query.get("name", "")
        past = await self._past.among(sight(request)).reaching(at)

        def answer() -> Response:
            why = past.why(at, name)
            return json_answer(
                PastReasonInfo(
                    process=_past_info(why.state, at),
                    wanted=why.wanted,
                    wanted_by=why.wanted_by,
                    ending=why.ending,
                    ended=why.ended,
                    chain=[record.to_json() for record in why.chain],  # type: ignore[misc] # that is its shape
                )
            )

        return await self._past.beside(answer)


def _moment_in(request: Request, key: str) -> float:
    text = request.query.get(key, "")
    try:
        moment = float(text)
    except ValueError:
        moment = math.nan
    if not math.isfinite(moment):
        raise BadRequest(f"cannot read {key}={text[:LONGEST_SHOWN]!r}: expected seconds since the epoch")
    return moment


def _names_in(request: Request) -> list[str]:
    return [word for word in request.query.get("name", "").split(",") if word]


def _past_info(state: PastState, at: float) -> PastInfo:
    span = state.span
    return PastInfo(
        name=state.name,
        group=state.group,
        namespec=state.namespec,
        statename=span.state or None,
        description=state.description,
        pid=span.pid,
        since=span.since,
        uptime=max(0, int(at - span.started)) if span.started is not None and span.pid else None,
        run=span.run,
        reason=span.reason,
        seq=span.seq,
    )


def _span_info(span: Span, until: float) -> SpanInfo:
    end = until if span.end is None else span.end
    return SpanInfo(start=span.start, end=end, statename=span.state or None, reason=span.reason, seq=span.seq)
