"""Commands about processes: start, stop, restart, signal, kill, pid, clear.

Several names are one request, which the master carries out at once. The results are printed in the order of the names.
"""

from __future__ import annotations

from collections.abc import Container

from procman.cli import status_text
from procman.cli.invocation import GENERIC, INVALID_ARGS, NOT_RUNNING, Invocation
from procman.cli.progress import order
from procman.cli.signal_guesses import signals, suggest_signal
from procman.cli.suggestions import suggest_processes
from procman.client.api_client import ApiError, quoted
from procman.client.refusals import RESULT_WORDS

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes.processes import ProcessInfo, Result

_DEAD = frozenset({"SPAWN_ERROR", "ABNORMAL_TERMINATION", "NOT_RUNNING"})
_ENDED_AT_ONCE = frozenset({"SPAWN_ERROR", "ABNORMAL_TERMINATION"})
_TAKES_LONG = frozenset({"start", "stop", "retry", "refresh"})
_ON_LOGS = ("cleared", "rotated", "reopened")


def start(invocation: Invocation, words: list[str]) -> None:
    """Start the named processes; with --no-deps whatever they depend on."""
    alone = "--no-deps" in words
    words = [word for word in words if word != "--no-deps"]
    if not _has_names(invocation, "start", words, exitstatus=INVALID_ARGS):
        return
    results = operate(invocation, "start", words, **({"alone": True} if alone else {}))
    invocation.put(results=results)
    suggest_processes(
        invocation, report(invocation, results, "started", ignored="ALREADY_STARTED", no_group=INVALID_ARGS)
    )


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
    suggest_processes(invocation, unknown)


def restart(invocation: Invocation, words: list[str]) -> None:
    """Stop all named processes, then start them: two requests, because supervisorctl prints both."""
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
    suggest_processes(invocation, unknown)


def retry(invocation: Invocation, words: list[str]) -> None:
    """Start the named processes that wait for their next try, or were given up."""
    if not _has_names(invocation, "retry", words):
        return
    results = operate(invocation, "retry", words)
    invocation.put(results=results)
    if not results:  # patterns and groups leave out what needs no try
        invocation.say("nothing to retry: none of them waits for its next try, or was given up")
    suggest_processes(invocation, report(invocation, results, "started", ignored="ALREADY_STARTED"))


def refresh(invocation: Invocation, words: list[str]) -> None:
    """Have the named processes read their configuration again."""
    if not _has_names(invocation, "refresh", words):
        return
    results = operate(invocation, "refresh", words)
    invocation.put(results=results)
    suggest_processes(invocation, report(invocation, results, "refreshed"))


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
    if refused and not suggest_signal(invocation, name, names):
        suggest_processes(invocation, unknown)


def kill(invocation: Invocation, words: list[str]) -> None:
    """`kill [-SIGNAL|-s SIGNAL] NAME…`: as of the shell, SIGTERM if no signal is given."""
    name = "TERM"
    if words and words[0] == "-s":
        name, words = "".join(words[1:2]), words[2:]
    elif words and words[0].startswith("-"):
        name, words = words[0][1:], words[1:]
    elif len(words) > 1 and words[0].upper().removeprefix("SIG") in signals():
        name, words = words[0], words[1:]
    if not words or any(word.startswith("-") for word in words):
        invocation.check()
        text = "the signal stands before the names" if words else "kill requires a process name"
        invocation.usage(f"Error: {text}", "kill", exitstatus=INVALID_ARGS)
        invocation.suggest(_signal_first(words))
        return
    signal(invocation, [name, *words])


def _signal_first(words: list[str]) -> str | None:
    """`web -9` and `web -s 9` as kill takes them."""
    names = [word for word in words if not word.startswith("-")]
    flags = [word for word in words if word.startswith("-")]
    if flags == ["-s"] and words[-2:-1] == flags:
        flags = [f"-{names.pop()}"]
    return " ".join(["kill", *flags, *names]) if names and len(flags) == 1 else None


def clear(invocation: Invocation, words: list[str]) -> None:
    """Empty the logs of the named processes."""
    if not _has_names(invocation, "clear", words):
        return
    results = operate(invocation, "clear", words)
    invocation.put(results=results)
    suggest_processes(invocation, report(invocation, results, "cleared"))


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
    suggest_processes(invocation, unknown)


def _has_names(invocation: Invocation, command: str, words: list[str], *, exitstatus: int = GENERIC) -> bool:
    """Whether there are names; without them the help of the command is shown."""
    if not words:
        invocation.check()
        invocation.usage(f"Error: {command} requires a process name", command, exitstatus=exitstatus)
    return bool(words)


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
    if operation in _TAKES_LONG:
        # What is stopped before them is for the master to find.
        targets = None if "cascade" in options else body.get("names", ["all"])
        answer: dict[str, Any] = order(invocation, operation, where, body, targets)
    else:
        answer = invocation.client.call("POST", where, body)
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
        elif code == "SPAWN_ERROR" and result["description"].startswith(f"{spec}: blocked: "):
            line = f"{spec}: ERROR ({result['description'].removeprefix(f'{spec}: ')})"
        elif code == "NO_FILE" and done in _ON_LOGS:
            line = f"{spec}: ERROR (no log file that is open)"
        else:
            why = _why(invocation, spec) if code in _ENDED_AT_ONCE and invocation.terminal else ""
            line = f"{spec}: ERROR ({RESULT_WORDS.get(code) or result['description'].lower() or code}{why})"
        if code != "BAD_NAME" or spec not in reported:
            invocation.say_safe(line)
        if code not in {"SUCCESS", ignored}:
            invocation.exitstatus = NOT_RUNNING if code in _DEAD else GENERIC
    return unknown


def _why(invocation: Invocation, name: str) -> str:
    """The reason for a failed start, as far as it is known."""
    try:
        info: ProcessInfo = invocation.client.call("GET", f"/v1/processes/{quoted(name)}")["processes"][0]
    except ApiError:
        return ""
    why = status_text.reason(info) or info["spawnerr"]
    return f": {why}" if why else ""


def _refused(word: str, error: ApiError) -> Result:
    group, name = status_text.split(word)
    return {"group": group, "name": name or "*", "status": error.code, "description": error.message}
