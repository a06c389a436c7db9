"""The lines of `status --long` about schedules, sockets, hooks, given and watched files, and the rotation of logs."""

from __future__ import annotations

import time
from collections.abc import Container

from procman.cli.journal_text import duration
from procman.client.api_client import ApiError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes.processes import GivenInfo, HookInfo, HookResultInfo, RotationInfo, SocketInfo, WatchInfo
    from procman.api.shapes.schedules import ScheduleInfo
    from procman.cli.invocation import Invocation


def details(invocation: Invocation, names: Container[str]) -> list[str]:
    """Of these processes; also put into the answer of `--json`."""
    hooks: list[HookInfo] = _known(invocation, "hooks", names)
    given: list[GivenInfo] = _known(invocation, "given", names)
    sockets: list[SocketInfo] = _known(invocation, "sockets", names)
    watches: list[WatchInfo] = _known(invocation, "watches", names)
    rotations: list[RotationInfo] = _known(invocation, "rotations", names)
    schedules: list[ScheduleInfo] = _known(invocation, "schedules", names)
    now = time.time()
    return [
        *_of_programs(invocation, names),
        *map(_schedule_line, schedules),
        *map(_socket_line, sockets),
        *(_hook_line(info, now) for info in hooks),
        *(_given_line(info) for info in given),
        *(_watch_line(info, now) for info in watches),
        *(_rotation_line(info, now) for info in rotations if _is_worth_a_line(info)),
    ]


def _known(invocation: Invocation, what: str, names: Container[str]) -> list[Any]:
    try:
        known = invocation.client.call("GET", f"/v1/{what}")[what]
    except ApiError:  # an older master
        known = []
    found = [info for info in known if info["namespec"] in names]
    invocation.put(**{what: found})
    return found


def _of_programs(invocation: Invocation, names: Container[str]) -> list[str]:
    """Rolling restarts, and programs with another number of processes than the file says."""
    try:
        rolling = invocation.client.call("GET", "/v1/rolling")["rolling"]
        scales = invocation.client.call("GET", "/v1/scale")["scales"]
    except ApiError:  # an older master
        rolling = scales = []
    meant = [
        one for one in rolling if any(name in names for name in (*one["ready"], *one["under_way"], *one["coming"]))
    ]
    scaled = [
        one for one in scales if one["numprocs"] != one["in_file"] and any(name in names for name in one["processes"])
    ]
    invocation.put(rolling=meant, scales=scaled)
    return [
        *(f"{one['program']}: {one['text']}" for one in meant),
        *(f"{one['program']}: scaled to {one['numprocs']}, the file says {one['in_file']}" for one in scaled),
    ]


def _schedule_line(info: ScheduleInfo) -> str:
    zone = "" if info["zone"].lower() == "local" or info["schedule"].startswith("every ") else f" {info['zone']}"
    coming = info["next"] or "there is no further run"
    if not info["on"]:
        coming = f"off: procmanctl start {info['namespec']} switches it on"
    return f"{info['namespec']}: schedule: {info['schedule']}{zone}; {coming}"


def _socket_line(info: SocketInfo) -> str:
    if not info["is_open"]:
        why = f": {info['why']}" if info["why"] else " while nobody wants it up" if info["hold"] == "wanted" else ""
        state = f"not open{why}"
    elif info["awaited"]:
        state = "a connection starts it"
    else:
        state = "open" if info["waiting"] is None else f"{info['waiting']} of {info['backlog']} connections wait"
    return f"{info['namespec']}: socket {info['name']}: {info['url']}; {state}"


def _hook_line(info: HookInfo, now: float) -> str:
    commands = ", ".join(info["commands"])
    if info["runs"] and info["since"] is not None:
        state = f"{info['runs']} runs for {duration(max(0.0, now - info['since']))}"
    else:
        state = _last(info["last"], now) if info["last"] is not None else "has not run yet"
    return f"{info['namespec']}: {info['hook']}: {commands}; {state}"


def _last(last: HookResultInfo, now: float) -> str:
    ago = f"{duration(max(0.0, now - last['ended']))} ago"
    took = "" if last["seconds"] is None else f", after {round(last['seconds'], 3):g} s"
    if last["result"] == "done":
        return f"done {ago}{took}"
    said = f": {last['line']}" if last["line"] else ""
    how = "failed, which is ignored," if last["result"] == "ignored" else last["result"]
    return f"{how} {ago}: {last['words']}{took}{said}"


def _given_line(info: GivenInfo) -> str:
    shown = ", ".join(f"{option}={value}" for option, value in info["options"].items())
    names = f"; has {', '.join(info['variables'])} from files" if info["variables"] else ""
    return f"{info['namespec']}: environment: {shown}{names}"


_DONE = {
    "restart": "restarted",
    "start": "started again",
    "reload": "reloaded",
    "signal": "signalled",
    "exec": "command run",
    "suspended": "suspended",
}


def _watch_line(info: WatchInfo, now: float) -> str:
    match info["state"]:
        case "watching":
            state = "watching"
        case "starting":
            state = "not watching yet"
        case "off":
            state = "not watched (no_watch)"
        case _:
            state = f"not watched: {info['words']}"
    last = info["last"]
    done = ""
    if last is not None:
        ago = duration(max(0.0, now - last["time"]))
        done = f"; {_DONE.get(last['what'], last['what'])} {ago} ago: {last['words']}"
    action = "" if info["action"] == "restart" else f" ({info['action']})"
    return f"{info['namespec']}: watch: {', '.join(info['watch'])}{action}; {state}{done}"


def _is_worth_a_line(info: RotationInfo) -> bool:
    """A log that has only a size to be rotated at, and was never rotated, has nothing to tell."""
    return bool(info["options"].keys() - {"maxbytes", "backups"} or info["last"] or info["failures"] or info["problem"])


_ROTATED_FOR = {"size": "for its size", "clock": "by the clock", "request": "on request"}


def _rotation_line(info: RotationInfo, now: float) -> str:
    how = ", ".join(f"{name} {value}" for name, value in info["options"].items())
    parts = [f"{info['namespec']}: {info['stream']} log: {how}"]
    if info["next"] is not None:
        coming = time.strftime("%b %d %H:%M", time.localtime(info["next"]))
        parts.append(f"rotated next at {coming}, unless it is empty")
    if info["last"] is not None:
        ago = f"{duration(max(0.0, now - info['last']))} ago {_ROTATED_FOR.get(info['last_by'], '')}"
        failed = info["last_problem"].startswith("cannot rotate")
        parts.append(f"failed {ago}" if failed else f"last rotated {ago}, {info['rotations']} in all")
    if info["failures"]:
        said = info["problem"] or info["last_problem"]
        parts.append(f"{info['failures']} failed{f': {said}' if said else ''}")
    elif info["problem"]:
        parts.append(info["problem"])
    return "; ".join(parts)
