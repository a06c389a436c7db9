"""/v1/why and /v1/drift: why processes are as they are, and what they have otherwise than their files."""

from typing import TYPE_CHECKING

from procman.access.roles import READ
from procman.api.access import sight
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.shapes.why import DriftAnswer, DriftInfo, ScaledInfo, WhyAnswer, WhyInfo, WhyLink, WhyOption
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.selectors import ALL
from procman.services.why import Why

if TYPE_CHECKING:
    from procman.services.drift import Drift
    from procman.services.explain_facts import Explanation, Link, Setting


class WhyEndpoints:
    """Adds them to a router."""

    def __init__(self, why: Why) -> None:
        """It is called on the loop's thread."""
        self._why = why

    def add_to(self, router: Router) -> None:
        """A row for each."""
        add_endpoint(router, "GET", "/why", self._explain, READ)
        add_endpoint(router, "GET", "/drift", self._drift, READ)

    async def _explain(self, request: Request) -> Response:
        answer = await self._why.answer(request.query.get("name") or None, sight(request))
        infos = [why_info(one) for one in answer.explanations]
        return json_answer(WhyAnswer(as_wanted=answer.as_wanted, processes=answer.processes, explanations=infos))

    async def _drift(self, request: Request) -> Response:
        may = sight(request)
        answer = await self._why.drifts(request.query.get("name") or ALL, may)
        infos = [drift_info(one) for one in answer.drifts]
        problems = list(answer.file_problems) if may is None else []
        scaled = [
            ScaledInfo(program=one.program, numprocs=one.numprocs, in_file=one.file_numprocs) for one in answer.scaled
        ]
        return json_answer(DriftAnswer(drifts=infos, file_problems=problems, scaled=scaled))


def drift_info(drift: "Drift") -> DriftInfo:
    """What one process has otherwise, in the shape of /v1."""
    return DriftInfo(
        name=drift.name,
        pid=drift.pid,
        drifted=drift.has_any,
        gone_from_file=drift.is_gone,
        options=list(drift.options),
        environment=list(drift.variables),
        credentials=list(drift.credentials),
        trouble=drift.trouble,
        binary=drift.binary.sentence,
        libraries=list(drift.binary.libraries),
    )


def why_info(explanation: "Explanation") -> WhyInfo:
    """An explanation in the shape of /v1."""
    return WhyInfo(
        name=explanation.name,
        statename=explanation.state.upper(),
        phase=explanation.phase,
        wanted=explanation.wanted,
        as_wanted=explanation.as_wanted,
        sentence=explanation.sentence,
        short=explanation.short,
        age=None if explanation.age is None else round(explanation.age, 3),
        entered=None if explanation.entered is None else round(explanation.entered, 3),
        wanted_by=explanation.wish.by,
        wanted_since=None if explanation.wish.since is None else round(explanation.wish.since, 3),
        because=[_link(link) for link in explanation.because],
        end=explanation.end,
        last_words=explanation.last_words,
        last_words_on=explanation.last_words_on,
        since=explanation.since,
        next=explanation.next,
        next_in=None if explanation.next_in is None else round(explanation.next_in, 3),
        options=[_option(setting) for setting in explanation.options],
        defined=explanation.defined,
        changed=list(explanation.changed),
        drift=list(explanation.drift),
        commands=list(explanation.commands),
    )


def _link(link: "Link") -> WhyLink:
    shape = WhyLink(kind=link.kind, text=link.text)
    if link.name:
        shape["name"] = link.name
    return shape


def _option(setting: "Setting") -> WhyOption:
    return WhyOption(
        option=setting.option,
        shown=setting.shown,
        source=setting.source,
        file=setting.file,
        line=setting.line,
        place=setting.place,
    )
