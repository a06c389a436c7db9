"""`GET /metrics`, in the format that the client prefers."""

from dataclasses import replace

from procman.access.roles import METRICS
from procman.api.access import permitted
from procman.api.metrics.exposition import OPENMETRICS, PROMETHEUS, Format, exposition
from procman.http.messages import Request, Response
from procman.services.metrics.readings import MetricsService, ProcessReading

_OPENMETRICS = "application/openmetrics-text"
_PROMETHEUS = ("text/plain", "text/*", "*/*")


class MetricsEndpoint:
    """Answers it."""

    def __init__(self, metrics: MetricsService) -> None:
        """Called on the loop's thread."""
        self._metrics = metrics

    async def answer(self, request: Request) -> Response:
        """All metrics."""
        form = preferred(request.headers.get("accept", ""))
        reading, may = await self._metrics.read(), permitted(request, METRICS)
        if may is not None:
            sections = replace(reading.master, sections=())
            reading = replace(
                reading, master=sections, processes=[one for one in reading.processes if may(_namespec(one))]
            )
        return Response(body=await exposition(reading, form), content_type=form.content_type)


def _namespec(process: ProcessReading) -> str:
    return process.name if process.name == process.group else f"{process.group}:{process.name}"


def preferred(accept: str) -> Format:
    """OpenMetrics if the header asks for it before plain text; a client that says nothing gets Prometheus' format."""
    wanted = {_OPENMETRICS: 0.0, "": 0.0}
    for part in accept.lower().split(","):
        kind, *parameters = (word.strip() for word in part.split(";"))
        key = "" if kind in _PROMETHEUS else kind
        if key in wanted:
            wanted[key] = max(wanted[key], _quality(parameters))
    return OPENMETRICS if wanted[_OPENMETRICS] and wanted[_OPENMETRICS] >= wanted[""] else PROMETHEUS


def _quality(parameters: list[str]) -> float:
    """The weight that a client gives to a format; what cannot be read is as if it were not there."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 1.0
    return 1.0
