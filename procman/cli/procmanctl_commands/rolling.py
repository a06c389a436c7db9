"""restart --rolling: the processes of a program one batch after the other."""

from __future__ import annotations

import errno
import time

from procman.cli import suggestions
from procman.cli.invocation import GENERIC, NOT_RUNNING, Invocation
from procman.cli.progress import Line, order
from procman.cli.progress_text import rolling_line
from procman.cli.status_text import namespec
from procman.cli.until_answered import AWAY_TEXT, EVERY, until_answered
from procman.client.api_client import ApiError, Unreachable, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes.rolling import RollingInfo

_STEPS = {"--continue": "continue", "--abort": "abort"}


def roll(invocation: Invocation, words: list[str]) -> None:
    """`restart NAME... --rolling [--batch N|25%]`, `--rolling --continue`, `--rolling --abort`; 7 if it has stopped."""
    read = _read(words)
    if isinstance(read, str):
        invocation.usage(f"Error: {read}", "restart", ours=True)
        return
    names, step, batch = read
    if not names:
        invocation.check()
        invocation.usage("Error: restart requires a process name", "restart")
        return
    body: dict[str, Any] = {"names": names}
    if batch is not None:
        body["batch"] = batch
    try:
        answer = order(invocation, f"rolling-{step}", f"/v1/rolling/{step}", body, names)
    except Unreachable as error:
        if error.errno != errno.ECONNRESET:
            raise
        _follow(invocation, names, error)
        return
    except ApiError as error:
        if error.code not in ("ROLLING", "BAD_NAME", "NOT_RUNNING", "BAD_ARGUMENTS"):
            raise
        # What was refused has changed nothing; what has stopped says so.
        stopped = error.code == "ROLLING" and " stopped: " in error.message
        invocation.problem(error.message, code=error.code, exitstatus=NOT_RUNNING if stopped else GENERIC)
        if stopped:
            command = f"procmanctl restart {' '.join(names)} --rolling"
            invocation.say_safe(
                f"the others go on as they are; {command} --continue goes on, --abort puts the earlier definition back"
            )
        if error.code == "BAD_NAME":
            suggestions.suggest_processes(invocation, names)
        return
    invocation.put(**answer)
    for result in answer["results"]:
        invocation.say_safe(f"{namespec(result['group'], result['name'])}: restarted")
    if not answer["results"]:
        nothing = "there was no earlier definition to put back: it has ended"
        invocation.say_safe(nothing if step == "abort" else "nothing was to be restarted")


def _follow(invocation: Invocation, names: list[str], lost: Unreachable) -> None:
    """The master was upgraded, or killed, before it has answered: the next one goes on with it."""
    invocation.say_safe(f"{lost.reason}; asking the next master")
    invocation.flush()
    line = Line(moves=invocation.moves and not invocation.as_json)
    try:
        known = _ended(invocation, names, line)
    finally:
        line.erase()
    invocation.put(rolling=known)
    for one in known:
        if one["state"] == "stopped":
            invocation.problem(f"{one['program']}: {one['text']}", code="ROLLING", exitstatus=NOT_RUNNING)
    if not invocation.exitstatus:
        invocation.say_safe(f"{', '.join(names)}: the rolling restart is over")


def _ended(invocation: Invocation, names: list[str], line: Line) -> list[RollingInfo]:
    """What has become of the rolling restarts of these programs, once none goes on."""

    def ask() -> list[RollingInfo]:
        answers = [invocation.client.call("GET", f"/v1/rolling?name={quoted(name)}")["rolling"] for name in names]
        return [*{one["program"]: one for answer in answers for one in answer}.values()]

    while True:
        known = until_answered(ask, on_away=lambda _: line.show(AWAY_TEXT))
        going = rolling_line(known)
        if not going:
            return known
        line.show(going)
        time.sleep(EVERY)


def _read(words: list[str]) -> tuple[list[str], str, str | None] | str:
    """The names, the endpoint and the batch; or what is wrong."""
    if "--rolling" not in words:
        flag = next(head for word in words if (head := word.partition("=")[0]) in (*_STEPS, "--batch"))
        return f"{flag} goes with --rolling: restart NAME --rolling {flag}{' N' if flag == '--batch' else ''}"
    names: list[str] = []
    step, batch, rest = "restart", None, iter(words)
    for word in rest:
        head, equals, value = word.partition("=")
        if word == "--rolling":
            continue
        if word in _STEPS:
            if step != "restart":
                return "--continue and --abort exclude each other"
            step = _STEPS[word]
        elif head == "--batch":
            batch = value if equals else next(rest, "")
            if not batch:
                return "--batch takes a number of processes, or a percentage such as 25%"
        else:
            names.append(word)
    if batch is not None and step != "restart":
        return f"--batch cannot go with --{step}: the batch stays as it was"
    return names, step, batch
