"""What the screen can change: the question before it, the request, and what the master's answer says. No I/O here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from procman.api.shapes.processes import Result
from procman.api.shapes.rolling import ScaleInfo
from procman.cli.status_text import namespec
from procman.cli.terminal_text import safe

_NAMED = 4  # so many are named in a question, the others counted
# Results that leave a process as it was asked to be.
_FINE = frozenset({"SUCCESS", "ALREADY_STARTED", "NOT_RUNNING"})


@dataclass(frozen=True, slots=True)
class Change:
    """One operation on processes."""

    verb: str  # "Stop", before the names
    path: str
    done: str  # "stopped"
    asks: str = ""  # what is to be typed, if anything


CHANGES: Mapping[str, Change] = {
    "start": Change("Start", "/v1/processes/start", "started"),
    "stop": Change("Stop", "/v1/processes/stop", "stopped"),
    "restart": Change("Restart", "/v1/processes/restart", "restarted"),
    "rolling": Change("Restart batch by batch", "/v1/rolling/restart", "restarted"),
    "retry": Change("Try again now", "/v1/processes/retry", "started"),
    "refresh": Change("Have its configuration read again by", "/v1/processes/refresh", "refreshed"),
    "signal": Change("Send a signal to", "/v1/processes/signal", "signalled", asks="signal"),
    "scale": Change("Scale", "/v1/scale", "scaled", asks="number of processes"),
}


def question(change: Change, names: Sequence[str]) -> str:
    """What is asked before it: `Stop web, db and 3 more?`."""
    shown = ", ".join(map(safe, names[:_NAMED]))
    more = len(names) - _NAMED
    return f"{change.verb} {shown}{f' and {more} more' if more > 0 else ''}?"


def body(change: Change, names: Sequence[str], typed: str) -> dict[str, Any]:
    """The body of the request; for a scale `names` is the program."""
    if change.path == "/v1/scale":
        return {"scale": f"{names[0]}={typed}"}
    return {"names": list(names)} | ({"signal": typed} if change.asks else {})


def answer_text(change: Change, answer: Mapping[str, Any]) -> tuple[str, bool]:
    """What has come of it, in one line, and whether all went well."""
    if change.path == "/v1/scale":
        scale: ScaleInfo = answer["scale"]
        file = "" if scale["numprocs"] == scale["in_file"] else f" (the file says {scale['in_file']})"
        return safe(f"{scale['program']}: from {answer['before']} to {scale['numprocs']}{file}"), True
    results: Sequence[Result] = answer["results"]
    good = [_spec(result) for result in results if result["status"] == "SUCCESS"]
    others = [f"{_spec(result)}: {_trouble(result)}" for result in results if result["status"] != "SUCCESS"]
    said = [f"{change.done} {_listed(good)}"] if good else []
    said += [_listed(others, "; ")] if others else []
    if needing := answer.get("needing"):
        said.append(f"still up and depending on it: {_listed(needing)}")
    text = "; ".join(said) or "nothing was to be done"
    return safe(text), all(result["status"] in _FINE for result in results)


def program_of(scales: Sequence[ScaleInfo], name: str) -> ScaleInfo | None:
    """The program that may have several processes, and has this one."""
    return next((scale for scale in scales if name in scale["processes"]), None)


def _spec(result: Result) -> str:
    return namespec(result["group"], result["name"])


def _trouble(result: Result) -> str:
    if result["status"] == "FAILED" and result["description"]:
        return result["description"]
    # The description of a status that says it all is often the name alone.
    told = result["status"] if result["description"] in ("", result["name"], _spec(result)) else result["description"]
    return told.lower().replace("_", " ")


def _listed(items: Sequence[str], between: str = ", ") -> str:
    more = len(items) - _NAMED
    return between.join(items[:_NAMED]) + (f" and {more} more" if more > 0 else "")
