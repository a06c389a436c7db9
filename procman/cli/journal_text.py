"""Records of the journal, and runs of a process, as lines for people."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from procman.api.shapes.journal import ActorInfo, JournalRecord, RunInfo

_NAME_WIDTH = 16
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def record_line(record: JournalRecord, now: float) -> str:
    """`14:02:11.034  web  RUNNING -> STOPPING, by uid 0 (root, procmanctl, pid 812)  #95 <- #94`."""
    return f"{_clock(record['time'], now)}  {record_words(record)}"


def record_words(record: JournalRecord, width: int = _NAME_WIDTH) -> str:
    """The line of a record without its time; the name takes `width` columns."""
    name = record.get("name") or record.get("group") or "procman"
    by = _by(record)
    times = record.get("times", 1)
    count = f" ({times} times)" if times > 1 else ""
    numbers = f"#{record['seq']}" + (f" <- #{record['cause']}" if "cause" in record else "")
    return f"{name:<{width}}  {_what(record)}{count}{by}  {numbers}"


def run_lines(runs: Iterable[RunInfo], now: float) -> list[str]:
    """A line for each run, or for several in a row that were started and ended alike."""
    lines: list[str] = []
    alike: list[RunInfo] = []
    for run in runs:
        if alike and (not run["ending"] or _story(run) != _story(alike[0])):
            lines.append(_run_line(alike, now))
            alike = []
        alike.append(run)
    return [*lines, _run_line(alike, now)] if alike else lines


def duration(seconds: float) -> str:
    """`0.2 s`, `14 s`, `3 m 2 s`, `5 h 1 m`, `2 d 3 h`."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - as a reader would
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} m"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def _clock(moment: float, now: float) -> str:
    then = time.localtime(moment)
    milliseconds = f"{moment % 1:.3f}"[1:] if moment % 1 < 0.9995 else ".999"  # noqa: PLR2004 - rounded up to 1.000
    day = "" if then[:3] == time.localtime(now)[:3] else time.strftime("%Y-%m-%d ", then)
    return f"{day}{time.strftime('%H:%M:%S', then)}{milliseconds}"


def _by(record: JournalRecord) -> str:
    actor = record.get("actor")
    if actor is None or actor["kind"] == "policy" or record["kind"] in ("op-end", "confirmation"):
        return ""
    if record["kind"] == "master" and actor["kind"] in ("boot", "upgrade"):
        return ""  # its words say so
    return f", by {actor_words(actor)}"


def actor_words(actor: ActorInfo) -> str:
    """Who or what asked for something: `uid 0 (root, procmanctl, pid 812)`."""
    if actor["kind"] not in ("client", "update"):
        return actor.get("via") or actor["kind"]
    user, command = actor.get("user", ""), actor.get("command", "")
    if "uid" in actor:
        pid = f"pid {actor['pid']}" if "pid" in actor else ""
        details = ", ".join(filter(None, (user, command, pid)))
        return f"uid {actor['uid']} ({details})" if details else f"uid {actor['uid']}"
    place = f"a client of {actor['via']}" if actor.get("via") else "a client"
    return f"{place} ({user})" if user else place


def _what(record: JournalRecord) -> str:
    words = _WORDS.get(record["kind"])
    data = record.get("data") or {}
    return record.get("reason") or record["kind"] if words is None else words(record, data)


def _state(record: Any, data: dict[str, Any]) -> str:
    if "to" not in record:
        return f"{record.get('reason', '')}{_pids(data)}"
    tries = f", try {data['tries']}" if data.get("tries") else ""
    expected = ", not expected" if data.get("expected") is False else ""
    reason = f": {record['reason']}" if record.get("reason") else ""
    return f"{record.get('from', '')} -> {record['to']}{tries}{expected}{reason}"


def _spawn(record: Any, data: dict[str, Any]) -> str:
    if data.get("failed"):
        return f"could not be started: {record.get('reason', '')}"
    if record.get("reason") == "adopted":
        return f"adopted with pid {data.get('pid')}, which has been there for {duration(data.get('age', 0))}"
    return f"started with pid {data.get('pid')}"


def _socket(record: Any, data: dict[str, Any]) -> str:
    if record.get("reason") == "connection":
        return f"a connection to {data.get('address')} starts it"
    if record.get("reason") == "off":
        return "does not wait for a connection any more"
    return f"waits for a connection on {', '.join(data.get('addresses', ()))}"


def _rolling(record: Any, data: dict[str, Any]) -> str:
    what = "putting back the earlier definition" if data.get("aborting") else "rolling restart"
    count = f"{data.get('ready')} of {data.get('total')}"
    why = f": {data['why']}" if data.get("why") else ""
    match record.get("reason", ""):
        case "began":
            return f"{what} of {data.get('program')} began"
        case "restarting":
            return f"{what}: its turn has come"
        case "ready":
            return f"{what}: it is ready, {count}"
        case "done":
            return f"{what} of {data.get('program')} is done: {count}"
        case "stopped":
            return f"{what} of {data.get('program')} has stopped here, {count} ready{why}"
        case "continued":
            return f"{what} of {data.get('program')} goes on: {count} ready"
        case _:
            return f"{what} of {data.get('program')} has ended: {count} ready{why}"


def _given(_: Any, data: dict[str, Any]) -> str:
    variables, count = list(data.get("environment", ())), data.get("environment_count", 0)
    what = [", ".join(variables) + (f" and {count - len(variables)} more" if count else "")] if variables else []
    credentials = _named("", data, "credentials", ", ")
    return f"is given {' and '.join([*what, *([f'the credentials {credentials}'] if credentials else [])])} from files"


def _exit(_: Any, data: dict[str, Any]) -> str:
    if "signal" in data:
        how = f"was terminated by {data['signal']}{' (core dumped)' if data.get('core') else ''}"
    elif "code" in data:
        how = f"ended with exit status {data['code']}"
    else:
        how = "ended; its exit status is not known"
    return f"pid {data.get('pid')} {how}{_pids(data)}"


def _pids(data: dict[str, Any]) -> str:
    pids = data.get("descendants")
    if not pids:
        return ""
    more = data.get("descendants_count", len(pids)) - len(pids)
    return f"; of its descendants there {'is' if len(pids) == 1 and not more else 'are'} " + (
        ", ".join(f"pid {pid}" for pid in pids) + (f" and {more} more" if more else "")
    )


def _signal(record: Any, data: dict[str, Any]) -> str:
    if data.get("failed"):
        return f"could not be signalled: {record.get('reason', '')}"
    scope = {"group": " and its process group", "tree": " and its descendants"}.get(data.get("scope", ""), "")
    overdue = ", as stopwaitsecs were over" if record.get("reason") == "overdue" else ""
    to = f"pid {data['pid']}" if data.get("pid") else "what it left behind"
    return f"{data.get('signal')} to {to}{scope}{overdue}"


def _hook(record: Any, data: dict[str, Any]) -> str:
    reason = record.get("reason", "")
    if "refreshed" in data:
        return "has read its configuration again" if data["refreshed"] else f"was not refreshed: {reason}"
    if data.get("skipped"):
        return f"{data.get('hook')} is skipped: {reason}"
    what = reason if data.get("failed") else f"{data.get('command')} is done"
    ignored = ", which is ignored" if data.get("ignored") else ""
    lines = "".join(f"\n    {line}" for line in data.get("lines", ()))
    return f"{data.get('hook')}: {what}, after {duration(data.get('seconds', 0))}{ignored}{lines}"


def _health(record: Any, data: dict[str, Any]) -> str:
    reason = record.get("reason", "")
    if "paused" in data:
        seconds = data["paused"]
        return f"its health is {'not looked at for ' + duration(seconds) if seconds else 'looked at again'}" + (
            f" ({reason})" if reason else ""
        )
    return f"{'healthy' if data.get('healthy') else 'unhealthy'}: {reason}"


def _watch(record: Any, data: dict[str, Any]) -> str:
    changed = data.get("changed", "")
    match record.get("reason", ""):
        case "resumed":
            return "its files are watched again"
        case "suspended":
            return f"{changed} again and again: its files are not watched any more"
        case what:
            return f"{_WATCH.get(what, what)}: {changed}"


def _operation(record: Any, data: dict[str, Any]) -> str:
    return f"asked for: {_named(record.get('reason', ''), data, 'targets', ' ')}"


def _operation_end(record: Any, data: dict[str, Any]) -> str:
    kind = record.get("reason", "")
    if "error" in data:
        return f"{kind} failed: {data['error']}"
    return f"{kind} has failed for {_named('', data, 'failed', ', ')}" if data.get("failed") else f"{kind} is done"


def _named(head: str, data: dict[str, Any], key: str, between: str) -> str:
    values = [str(value) for value in data.get(key, ())]
    more = data.get(f"{key}_count", len(values)) - len(values)
    return between.join(filter(None, [head, *values, f"and {more} more" if more else ""]))


def _step(record: Any, data: dict[str, Any]) -> str:
    options = ", ".join(map(str, data.get("options", ())))
    return f"update: {record.get('reason', '')}{f' ({options})' if options else ''}"


def _master(record: Any, data: dict[str, Any]) -> str:
    reason = record.get("reason", "")
    if reason in ("began", "upgraded"):
        verb = "began" if reason == "began" else "goes on after an upgrade,"
        return f"procman {data.get('version', '')} {verb} with pid {data.get('pid')}"
    if reason in ("quit", "reload") and "code" in data:
        return "stops everything and reads its file again" if reason == "reload" else f"ends with {data['code']}"
    state = record.get("to", "")
    return f"{state}{f': {reason}' if reason else ''}"


def _denied(record: Any, data: dict[str, Any]) -> str:
    asked = f" {data['asked']}" if data.get("asked") else ""
    return f"refused{asked}: {record.get('reason', '')} (HTTP {data.get('status')})"


def _gap(record: Any, data: dict[str, Any]) -> str:
    count = f", {data['records']} of them" if "records" in data else ""
    why = data.get("reason") or record.get("reason", "")
    return f"records are missing from #{data.get('from')} to #{data.get('to')}{count}: {why}"


def _terminal(record: Any, data: dict[str, Any]) -> str:
    reads = " (read-only)" if data.get("read_only") else " (debug)" if data.get("debug") else ""
    return f"a client is {record.get('reason', '')}{reads}"


def _rotation(record: Any, data: dict[str, Any]) -> str:
    why = "on request" if record.get("reason") == "request" else "as its time has come"
    return f"log of {data.get('stream')} rotated, {why}"


def _confirmation(record: Any, data: dict[str, Any]) -> str:
    return f"update {data.get('update')} {data.get('words') or record.get('reason', '')}"


def _config(record: Any, _: dict[str, Any]) -> str:
    return str(record.get("reason", ""))


_WATCH = {
    "restart": "is restarted",
    "start": "is started again",
    "reload": "reads its configuration again",
    "signal": "gets a signal",
    "exec": "has its command run",
}
_OF_A_SCHEDULE = {
    "on": "its schedule is switched on",
    "off": "its schedule is switched off",
    "run": "a run is due",
    "skipped": "a run is left out, as one is under way",
    "queued": "a run waits for the end of the present one",
    "dropped": "the run that was queued is dropped",
    "missed": "a run was missed",
}


def _schedule(record: JournalRecord, data: dict[str, Any]) -> str:
    what = record.get("reason", "")
    if (count := data.get("count", 1)) > 1:
        return f"{count} runs were {'left out' if what == 'skipped' else 'missed'}"
    return _OF_A_SCHEDULE.get(what, what)


_WORDS: dict[str, Callable[[Any, dict[str, Any]], str]] = {
    "state": _state,
    "spawn": _spawn,
    "given": _given,
    "exit": _exit,
    "hook": _hook,
    "schedule": _schedule,
    "socket": _socket,
    "health": _health,
    "watch": _watch,
    "signal": _signal,
    "rolling": _rolling,
    "config": _config,
    "op-begin": _operation,
    "op-end": _operation_end,
    "update-step": _step,
    "confirmation": _confirmation,
    "master": _master,
    "access-denied": _denied,
    "terminal": _terminal,
    "rotation": _rotation,
    "gap": _gap,
}


def _story(run: RunInfo) -> tuple[str, str, str, str]:
    # Who stopped it may have another pid each time, and that is another story.
    return run["namespec"], run["start"], run["ending"], run["stop"]


def _run_line(runs: list[RunInfo], now: float) -> str:
    first, last = runs[0], runs[-1]
    number = f"run {first['run'] or '?'}" if len(runs) == 1 else f"runs {first['run'] or '?'}-{last['run']}"
    began = "?" if first["began"] is None else _clock(first["began"], now)
    times = [run["seconds"] for run in runs if run["seconds"] is not None]
    if not last["ending"]:
        ran = "running" if last["began"] is None else f"running for {duration(max(0.0, now - last['began']))}"
    elif not times:
        ran = ""
    elif len(times) == 1 or duration(min(times)) == duration(max(times)):
        ran = f"ran {duration(max(times))}"
    else:
        ran = f"ran {duration(min(times))} to {duration(max(times))}"
    pid = f"pid {last['pid']}" if len(runs) == 1 and last["pid"] else f"{len(runs)} times" if len(runs) > 1 else ""
    stop = f" (stopped by {last['stop']})" if last["stop"] else ""
    start = f"started by {last['start']}" if _is_somebody(last["start"]) else last["start"]
    parts = [number, f"at {began}", pid, ran, f"{last['ending']}{stop}", start]
    return f"{first['namespec']:<{_NAME_WIDTH}}  {', '.join(filter(None, parts))}"


def _is_somebody(start: str) -> bool:
    return bool(start) and not start.startswith(("restart", "tried", "adopted"))
