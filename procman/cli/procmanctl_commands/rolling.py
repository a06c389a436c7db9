"""restart --rolling: the processes of a program one batch after the other."""

from __future__ import annotations

from procman.cli import suggestions
from procman.cli.invocation import GENERIC, NOT_RUNNING, Invocation
from procman.cli.status_text import namespec
from procman.client.api_client import ApiError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

_STEPS = {"--continue": "continue", "--abort": "abort"}


def roll(invocation: Invocation, words: list[str]) -> None:
    """`restart NAME... --rolling [--batch N|25%]`, `--rolling --continue`, `--rolling --abort`; 7 if it has stopped."""
    read = _read(words)
    if isinstance(read, str):
        invocation.usage(f"Error: {read}", "restart")
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
        answer = invocation.client.call("POST", f"/v1/rolling/{step}", body)
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
        invocation.say_safe("nothing was to be restarted")


def _read(words: list[str]) -> tuple[list[str], str, str | None] | str:
    """The names, the endpoint and the batch; or what is wrong."""
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
