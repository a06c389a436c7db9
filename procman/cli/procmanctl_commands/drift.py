"""drift: what running programs have otherwise than a start now would give them."""

from __future__ import annotations

from procman.cli.invocation import GENERIC
from procman.cli.named_processes import ask_for_each, report_unknown

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.why import DriftAnswer, DriftInfo
    from procman.cli.invocation import Invocation

_LABEL_WIDTH = len("environment")


def drift(invocation: Invocation, words: list[str]) -> None:
    """Look at the named processes, or at all that run. Exit status 1 if anything differs, 2 for an unknown name."""
    answers: list[DriftAnswer]
    answers, unknown = ask_for_each(invocation, "/v1/drift", words)
    looked_at = {info["name"]: info for answer in answers for info in answer["drifts"]}
    problems = list(dict.fromkeys(problem for answer in answers for problem in answer["file_problems"]))
    scaled = {one["program"]: one for answer in answers for one in answer.get("scaled", ())}
    invocation.put(drifts=list(looked_at.values()), file_problems=problems, scaled=list(scaled.values()))
    drifted = [info for info in looked_at.values() if info["drifted"]]
    for problem in problems:
        invocation.say_safe(problem)
    for info in drifted:
        for line in lines(info):
            invocation.say_safe(line)
    for one in scaled.values():
        processes = "1 process" if one["numprocs"] == 1 else f"{one['numprocs']} processes"
        text = f"{one['program']} was scaled to {processes}, and numprocs in the file is {one['in_file']}"
        invocation.say_safe(f"{text}: procmanctl scale {one['program']}={one['in_file']} goes back to that")
    if answers and not drifted and not scaled:
        invocation.say(_all_the_same(len(looked_at)))
    if drifted or scaled:
        invocation.exitstatus = GENERIC
    report_unknown(invocation, unknown)


def drift_of_config(invocation: Invocation, words: list[str]) -> None:
    """`config --drift`, which is another name of it."""
    drift(invocation, [word for word in words if word != "--drift"])


def lines(info: DriftInfo) -> list[str]:
    """What one process has otherwise, and what to type."""
    name = info["name"]
    options = "the file has no such process any more" if info["gone_from_file"] else ", ".join(info["options"])
    rows = [
        ("options", f"the file has others: {options}" if info["options"] else options),
        ("environment", _others(info["environment"])),
        ("credentials", _others(info["credentials"])),
        ("files", f"it could not be started now: {info['trouble']}" if info["trouble"] else ""),
        ("binary", info["binary"]),
        ("libraries", f"replaced or deleted: {', '.join(info['libraries'])}" if info["libraries"] else ""),
        ("try", _way_out(info)),
    ]
    shown = [f"  {label:<{_LABEL_WIDTH}}  {text}" for label, text in rows if text]
    return [f"{name} (pid {info['pid']}) runs with something else than a start now would give it", *shown]


def _others(names: list[str]) -> str:
    return f"started with another {', '.join(names)} than the file has now" if names else ""


def _way_out(info: DriftInfo) -> str:
    restart = f"procmanctl restart {info['name']}"
    if info["gone_from_file"]:
        return "procmanctl update"
    if info["options"]:
        # Some options are changed in place, and nothing else is with them.
        others = info["environment"] or info["credentials"] or info["binary"] or info["libraries"]
        return f"procmanctl update; {restart}, unless that has restarted it" if others else "procmanctl update"
    return "" if info["trouble"] else restart


def _all_the_same(count: int) -> str:
    match count:
        case 0:
            return "no process runs"
        case 1:
            return "the one process that runs has what a start now would give it"
        case _:
            return f"all {count} processes that run have what a start now would give them"
