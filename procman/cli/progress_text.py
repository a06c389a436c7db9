"""The words of an operation that goes on: how far it is, and what it waits for."""

from __future__ import annotations

from itertools import groupby

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from procman.api.shapes.master import OperationInfo
    from procman.api.shapes.processes import ProcessInfo
    from procman.api.shapes.rolling import RollingInfo

# How many of the processes that it waits for are named.
NAMED = 3
# What operations on processes do, and what is said of a process when it is done.
ON_PROCESSES = {
    "start": ("starting", "up"),
    "stop": ("stopping", "stopped"),
    "retry": ("starting", "up"),
    "refresh": ("refreshing", "refreshed"),
}
_FINE = {
    "start": ("SUCCESS", "ALREADY_STARTED"),
    "stop": ("SUCCESS", "NOT_RUNNING"),
    "retry": ("SUCCESS", "ALREADY_STARTED"),
    "refresh": ("SUCCESS",),
}


def processes_line(operation: OperationInfo, infos: Mapping[str, ProcessInfo]) -> str:
    """`starting: 37 of 60 up, 1 failed; waiting for db, web (not ready yet)`; `infos` are those that are known."""
    kind, pending = operation["kind"], operation["pending"]
    doing, done = ON_PROCESSES[kind]
    results = [result for result in operation["results"] if result["status"] != "BAD_NAME"]
    fine = sum(result["status"] in _FINE[kind] for result in results)
    failed = f", {len(results) - fine} failed" if fine < len(results) else ""
    waits = f"; waiting for {_named(pending, infos)}" if pending else ""
    return f"{doing}: {fine} of {len(results) + len(pending)} {done}{failed}{waits}"


def rolling_line(rolling: Iterable[RollingInfo]) -> str:
    """`web: 2 of 4 restarted, web:web_02 on its way`; "" if none of them goes on."""
    return "; ".join(_rolling(one) for one in rolling if one["state"] == "going")


def update_line(infos: Iterable[ProcessInfo]) -> str:
    """`updating; waiting for web, db to stop`."""
    stopping = [info["namespec"] for info in infos if info["statename"] == "STOPPING"]
    return f"updating; waiting for {_named(stopping, {})} to stop" if stopping else "updating"


def _rolling(one: RollingInfo) -> str:
    done = "put back" if one["aborting"] else "restarted"
    under_way = one["under_way"]
    its = "its" if len(under_way) == 1 else "their"
    going = f", {_named(under_way, {})} on {its} way" if under_way else ""
    return f"{one['program']}: {len(one['ready'])} of {one['total']} {done}{going}"


def _named(names: Sequence[str], infos: Mapping[str, ProcessInfo]) -> str:
    """`db, web (not ready yet), api (waits for web@ready) and 5 more`."""
    parts = []
    for words, found in groupby(names[:NAMED], lambda name: _words(infos[name]) if name in infos else ""):
        parts.append(f"{', '.join(found)}{f' ({words})' if words else ''}")
    more = len(names) - NAMED
    return f"{', '.join(parts)}{f' and {more} more' if more > 0 else ''}"


def _words(info: ProcessInfo) -> str:
    phase = info.get("phase", "")
    if phase == "unready":
        return "not ready yet"
    if info.get("waits_for"):
        return f"waits for {', '.join(info['waits_for'])}"
    if info["statename"] == "BACKOFF":
        return "is tried again"
    return f"{phase} runs" if phase.startswith(("pre_", "post_")) else ""
