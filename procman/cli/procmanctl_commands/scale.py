"""scale: how many processes programs have, and other numbers than the file says."""

from __future__ import annotations

from procman.cli.invocation import INVALID_ARGS, NOT_RUNNING, Invocation
from procman.client.api_client import ApiError
from procman.config.spelling import closest

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.rolling import ScaleInfo


def scale(invocation: Invocation, words: list[str]) -> None:
    """`scale [NAME=N | NAME+N | NAME-N ...]`; without words, the present numbers."""
    if not words:
        scales: list[ScaleInfo] = invocation.client.call("GET", "/v1/scale")["scales"]
        invocation.put(scales=scales)
        for one in scales:
            invocation.say_safe(_line(one))
        if not scales:
            invocation.say("no program has numbers in its process_name: set numprocs and process_name")
        return
    found: list[ScaleInfo] = []
    invocation.put(scales=found)
    for word in words:
        try:
            answer = invocation.client.call("POST", "/v1/scale", {"scale": word})
        except ApiError as error:
            if error.code not in ("BAD_ARGUMENTS", "BAD_NAME", "FAILED", "ROLLING", "CANT_REREAD"):
                raise
            status = {"BAD_ARGUMENTS": INVALID_ARGS, "ROLLING": NOT_RUNNING}.get(error.code, 1)
            invocation.problem(f"ERROR: {error.message}", code=error.code, exitstatus=status)
            if error.code == "BAD_NAME":
                _suggest_program(invocation, word)
            continue
        found.append(answer["scale"])
        now, before = answer["scale"]["numprocs"], answer["before"]
        changed = f"from {before} to {now}" if now != before else f"has {now} already"
        invocation.say_safe(f"{answer['scale']['program']}: {changed}{_in_file(answer['scale'])}")


def _suggest_program(invocation: Invocation, word: str) -> None:
    name = word.rstrip("0123456789").rstrip("=+-")
    scales: list[ScaleInfo] = invocation.client.call("GET", "/v1/scale")["scales"]
    meant = closest(name, [one["program"] for one in scales], prefixes=True)
    invocation.suggest(meant and f"scale {meant}{word[len(name) :]}")


def _line(one: ScaleInfo) -> str:
    most = "" if one["numprocs_max"] is None else f", at most {one['numprocs_max']}"
    return f"{one['program']}: {one['numprocs']}{_in_file(one)}{most}"


def _in_file(one: ScaleInfo) -> str:
    return "" if one["numprocs"] == one["in_file"] else f" (the file says {one['in_file']})"
