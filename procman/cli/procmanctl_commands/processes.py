"""Commands about processes: status, start, stop, restart, signal, pid, clear.

Several names are one request, which the master carries out at once. The results are printed in the order of the names.
"""

from __future__ import annotations

import sys
from collections.abc import Container

from procman.cli import status_text, suggestions
from procman.cli.invocation import GENERIC, INVALID_ARGS, NOT_RUNNING, STATUS_NOT_RUNNING, STATUS_UNKNOWN, Invocation
from procman.cli.procmanctl_commands.health import warn_of_file
from procman.cli.status_text import terminal_lines
from procman.client.api_client import ApiError, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes.processes import ProcessInfo, Result

_STOPPED_STATES = frozenset({"STOPPED", "EXITED", "FATAL", "UNKNOWN"})
_DEAD = frozenset({"SPAWN_ERROR", "ABNORMAL_TERMINATION", "NOT_RUNNING"})
_ENDED_AT_ONCE = frozenset({"SPAWN_ERROR", "ABNORMAL_TERMINATION"})
_WORDS = {
    "BAD_NAME": "no such process",
    "BAD_SIGNAL": "bad signal name",
    "NO_FILE": "no such file",
    "NOT_EXECUTABLE": "file is not executable",
    "SPAWN_ERROR": "spawn error",
    "ABNORMAL_TERMINATION": "abnormal termination",
    "ALREADY_STARTED": "already started",
    "NOT_RUNNING": "not running",
    "FAILED": "failed",
}
_ON_LOGS = ("cleared", "rotated", "reopened")


def status(invocation: Invocation, words: list[str]) -> None:
    """Print the table; exit status 3 if a process is not running, 4 for an unknown name."""
    if any(word.partition("=")[0] == "--at" for word in words):
        from procman.cli.procmanctl_commands.past import status_at  # noqa: PLC0415 - it draws timelines, too

        status_at(invocation, words)
        return
    long = "--long" in words
    words = [word for word in words if word != "--long"]
    everything: list[ProcessInfo] = invocation.client.call("GET", "/v1/processes")["processes"]
    unknown: list[str] = []
    if not words or "all" in words:
        chosen = everything
    else:
        chosen = [info for word in words for info in _matching(invocation, everything, word, unknown)]
    invocation.put(processes=chosen)
    if long:
        # The figures take a second, and rich, which draws them, 50 ms.
        from procman.cli.details_text import details  # noqa: PLC0415
        from procman.cli.figures_table import show_figures  # noqa: PLC0415
        from procman.cli.limits_text import limits_of, lines_of  # noqa: PLC0415

        show_figures(invocation, chosen)
        limits = limits_of(invocation, (info["namespec"] for info in chosen))
        if limits:
            invocation.put(limits=limits)
        for one in limits:
            for line in lines_of(one):
                invocation.say_safe(line)
        for line in details(invocation, {info["namespec"] for info in chosen}):
            invocation.say_safe(line)
        for info in chosen:
            why = info.get("why") or (info["spawnerr"] and (status_text.reason(info) or info["spawnerr"]))
            if why:
                invocation.say_safe(f"{info['namespec']}: {why}")
        for line in at_terminals(invocation, {info["namespec"] for info in chosen}):
            invocation.say_safe(line)
        warn_of_file(invocation)
    else:
        for line in status_text.status_table(chosen, terminal=invocation.terminal, colour=invocation.colour):
            invocation.say(line)
    # Off a terminal, a script asks whether there is such a process; a group would be no answer.
    _suggest(invocation, unknown, groups=sys.stderr.isatty())
    if any(info["statename"] in _STOPPED_STATES and not _is_fine(info) for info in chosen):
        invocation.exitstatus = STATUS_NOT_RUNNING


def _is_fine(info: ProcessInfo) -> bool:
    """Whether it is down as it should be: a one-shot that is done, or what waits for a connection."""
    return bool(info.get("done")) or info.get("phase") == "listening"


def at_terminals(invocation: Invocation, names: set[str]) -> list[str]:
    """A line for each client that is attached to one of these."""
    try:
        clients = invocation.client.call("GET", "/v1/terminals")["terminals"]
    except ApiError:  # a master before 0.3
        return []
    found = [client for client in clients if client["name"] in names]
    invocation.put(terminals=found)
    return terminal_lines(found)


def start(invocation: Invocation, words: list[str]) -> None:
    """Start the named processes; with --no-deps whatever they depend on."""
    alone = "--no-deps" in words
    words = [word for word in words if word != "--no-deps"]
    if not _has_names(invocation, "start", words, exitstatus=INVALID_ARGS):
        return
    results = operate(invocation, "start", words, **({"alone": True} if alone else {}))
    invocation.put(results=results)
    _suggest(invocation, report(invocation, results, "started", ignored="ALREADY_STARTED", no_group=INVALID_ARGS))


def stop(invocation: Invocation, words: list[str]) -> None:
    """Stop the named processes, and name what is up and depends on them; with --cascade that is stopped first."""
    cascade = "--cascade" in words
    words = [word for word in words if word != "--cascade"]
    if not _has_names(invocation, "stop", words):
        return
    answer = _answer(invocation, "stop", words, **({"cascade": True} if cascade else {}))
    results, needing = answer["results"], answer.get("needing", [])
    invocation.put(results=results)
    unknown = report(invocation, results, "stopped", ignored="NOT_RUNNING")
    if needing:
        invocation.put(needing=needing)
        named = " ".join(words)
        invocation.say_safe(
            f"still up and depending on it: {', '.join(needing)} (procmanctl stop --cascade {named} stops them first)"
        )
    _suggest(invocation, unknown)


def restart(invocation: Invocation, words: list[str]) -> None:
    """Stop all named processes, then start them: two requests, because supervisorctl prints both."""
    if "--rolling" in words:
        from procman.cli.procmanctl_commands.rolling import roll  # noqa: PLC0415 - another request

        roll(invocation, words)
        return
    if not _has_names(invocation, "restart", words):
        return
    results = operate(invocation, "stop", words)
    invocation.put(stopped=results)
    unknown = report(invocation, results, "stopped", ignored="NOT_RUNNING")
    results = operate(invocation, "start", words)
    invocation.put(started=results)
    # supervisorctl reports an unknown process twice; on a terminal once is enough.
    reported = unknown if invocation.terminal else []
    report(invocation, results, "started", ignored="ALREADY_STARTED", no_group=INVALID_ARGS, reported=reported)
    _suggest(invocation, unknown)


def retry(invocation: Invocation, words: list[str]) -> None:
    """Start the named processes that wait for their next try, or were given up."""
    if not _has_names(invocation, "retry", words):
        return
    results = operate(invocation, "retry", words)
    invocation.put(results=results)
    _suggest(invocation, report(invocation, results, "started", ignored="ALREADY_STARTED"))


def refresh(invocation: Invocation, words: list[str]) -> None:
    """Have the named processes read their configuration again."""
    if not _has_names(invocation, "refresh", words):
        return
    results = operate(invocation, "refresh", words)
    invocation.put(results=results)
    _suggest(invocation, report(invocation, results, "refreshed"))


def signal(invocation: Invocation, words: list[str]) -> None:
    """Send a signal to the named processes."""
    if len(words) < 2:  # noqa: PLR2004 - the signal and a name
        invocation.check()
        invocation.usage("Error: signal requires a signal name and a process name", "signal")
        return
    name, *names = words
    try:
        results = operate(invocation, "signal", names, signal=name)
    except ApiError as error:
        if error.code != "BAD_SIGNAL":
            raise
        results = [_refused(word, error) for word in names]
    invocation.put(results=results)
    unknown = report(invocation, results, "signalled")
    refused = unknown or any(result["status"] == "BAD_SIGNAL" for result in results)
    if refused and not suggestions.suggest_signal(invocation, name, names):
        _suggest(invocation, unknown)


def clear(invocation: Invocation, words: list[str]) -> None:
    """Empty the logs of the named processes."""
    if not _has_names(invocation, "clear", words):
        return
    results = operate(invocation, "clear", words)
    invocation.put(results=results)
    _suggest(invocation, report(invocation, results, "cleared"))


def pid(invocation: Invocation, words: list[str]) -> None:
    """Print the pid of the master, or of processes; exit status 7 if a named one has none."""
    if not words:
        number = invocation.client.call("GET", "/v1/master")["pid"]
        invocation.put(pid=number)
        invocation.say(str(number))
        return
    found: list[dict[str, Any]] = []
    unknown: list[str] = []
    invocation.put(processes=found)
    for word in ["all"] if "all" in words else words:
        try:
            processes = invocation.client.call("GET", f"/v1/processes/{quoted(word)}")["processes"]
        except ApiError as error:
            if error.code != "BAD_NAME":
                raise
            invocation.problem(f"No such process {word}", code=error.code, name=word)
            unknown.append(word)
            continue
        for info in processes:
            found.append({"group": info["group"], "name": info["name"], "pid": info["pid"]})
            invocation.say(str(info["pid"]))
            if info["pid"] == 0 and word != "all":
                invocation.exitstatus = NOT_RUNNING
    _suggest(invocation, unknown)


def _has_names(invocation: Invocation, command: str, words: list[str], *, exitstatus: int = GENERIC) -> bool:
    """Whether there are names; without them the help of the command is shown."""
    if not words:
        invocation.check()
        invocation.usage(f"Error: {command} requires a process name", command, exitstatus=exitstatus)
    return bool(words)


def _matching(
    invocation: Invocation, everything: list[ProcessInfo], word: str, unknown: list[str]
) -> list[ProcessInfo]:
    """The processes that `word` stands for; if there are none, report it and add the word to `unknown`."""
    group, name = _split(word)
    if _is_glob(word):
        try:
            found: list[ProcessInfo] = invocation.client.call("GET", f"/v1/processes/{quoted(word)}")["processes"]
        except ApiError as error:
            if error.code != "BAD_NAME":
                raise
            found = []
    else:
        found = [info for info in everything if info["group"] == group and name in {None, info["name"]}]
    if not found:
        text = f"{group}: ERROR (no such group)" if name is None else f"{word}: ERROR (no such process)"
        invocation.problem(text, code="BAD_NAME", exitstatus=STATUS_UNKNOWN, name=word)
        unknown.append(word)
    return found


def operate(invocation: Invocation, operation: str, names: list[str], **options: object) -> list[Result]:
    """Order it, for all of them together; returns what came of it for each."""
    results: list[Result] = _answer(invocation, operation, names, **options)["results"]
    return results


def _answer(invocation: Invocation, operation: str, names: list[str], **options: object) -> dict[str, Any]:
    body: dict[str, Any] = dict(options)
    where = f"/v1/processes/all/{operation}"
    if "all" not in names:
        where = f"/v1/processes/{operation}"
        body["names"] = names
    answer: dict[str, Any] = invocation.client.call("POST", where, body)
    return answer


def report(
    invocation: Invocation,
    results: list[Result],
    done: str,
    *,
    ignored: str = "",
    no_group: int = GENERIC,
    reported: Container[str] = (),
) -> list[str]:
    """Print a line for each result, set the exit status, and return the unknown names.

    The status is 7 for a process that died or was dead, `no_group` for an unknown group, else 1. Names in `reported`
    are not repeated.
    """
    unknown = []
    for result in results:
        code, group, name = result["status"], result["group"], result["name"]
        spec = status_text.namespec(group, name)
        if code == "BAD_NAME":
            unknown.append(spec)
        if code == "BAD_NAME" and name in {"", "*"}:
            if spec not in reported:
                invocation.say(f"{group}: ERROR (no such group)")
            invocation.exitstatus = no_group
            continue
        if code == "SUCCESS":
            line = f"{spec}: {done}"
        elif code == "FAILED":
            line = f"{spec}: ERROR (failed: {result['description']})" if done in _ON_LOGS else result["description"]
        elif code == "NO_FILE" and done in _ON_LOGS:
            line = f"{spec}: ERROR (no log file that is open)"
        else:
            why = _why(invocation, spec) if code in _ENDED_AT_ONCE and invocation.terminal else ""
            line = f"{spec}: ERROR ({_WORDS.get(code) or result['description'].lower() or code}{why})"
        if code != "BAD_NAME" or spec not in reported:
            invocation.say_safe(line)
        if code not in {"SUCCESS", ignored}:
            invocation.exitstatus = NOT_RUNNING if code in _DEAD else GENERIC
    return unknown


def _suggest(invocation: Invocation, unknown: list[str], *, groups: bool = True) -> None:
    if unknown:
        suggestions.suggest_processes(invocation, unknown, groups=groups)


def _why(invocation: Invocation, name: str) -> str:
    """The reason for a failed start, as far as it is known."""
    try:
        info: ProcessInfo = invocation.client.call("GET", f"/v1/processes/{quoted(name)}")["processes"][0]
    except ApiError:
        return ""
    why = status_text.reason(info) or info["spawnerr"]
    return f": {why}" if why else ""


def _refused(word: str, error: ApiError) -> Result:
    group, name = _split(word)
    return {"group": group, "name": name or "*", "status": error.code, "description": error.message}


def _split(word: str) -> tuple[str, str | None]:
    """Group and name of `group:name`; the name is None for a whole group."""
    group, colon, name = word.partition(":")
    if not colon:
        return word, word
    return group, None if name in {"", "*"} else name


def _is_glob(word: str) -> bool:
    return any(character in word.removesuffix(":*") for character in "*?[")
