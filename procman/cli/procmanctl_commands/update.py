"""Commands about updates: update, confirm, diff."""

from __future__ import annotations

import errno
import json
import os
from hashlib import sha256

from procman.cli import config_text, suggestions, update_text
from procman.cli.durations import seconds_of
from procman.cli.invocation import GENERIC, INVALID_ARGS, NOT_RUNNING, SUCCESS, Invocation
from procman.cli.procmanctl_commands.configuration import not_read
from procman.cli.procmanctl_commands.confirming import await_confirmation, roll_back
from procman.cli.procmanctl_commands.next_master import after_a_loss, await_successor, decided_after_a_loss
from procman.cli.progress import order
from procman.client.api_client import ApiError, Unreachable, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes.configuration import Step
    from procman.api.shapes.update import PlanInfo

# Exit status of a dry run that has found something to do.
CHANGES = 2
# A plan is mostly a few kB; what is larger is something else.
_MOST_BYTES = 64 * 1024 * 1024
_SHOWN = ("changes", "needs_reload")
_DIGITS = 15  # of the id of an operation


class _Asked:
    """The words of an update."""

    def __init__(self, words: list[str]) -> None:
        """Raises ValueError."""
        self.groups: list[str] = []
        self.dry_run = self.abort = self.no_wait = False
        self.plan: str | None = None
        self.apply: str | None = None
        self.confirm: float | None = None
        rest = iter(words)
        for word in rest:
            flag, equals, value = word.partition("=")
            if flag in ("--plan", "--apply", "--confirm"):
                value = value if equals else next(rest, "")
                if not value:
                    what = "a time such as 60s" if flag == "--confirm" else "the path of a file"
                    raise ValueError(f"{flag} needs {what}")
            match flag:
                case "--plan":
                    self.plan = value
                case "--apply":
                    self.apply = value
                case "--confirm":
                    self.confirm = _seconds(value)
                case "--dry-run":
                    self.dry_run = True
                case "--abort":
                    self.abort = True
                case "--no-wait":
                    self.no_wait = True
                case _:
                    self.groups.append(word)
        self._check()

    def _check(self) -> None:
        if self.apply is not None and (self.groups or self.dry_run or self.plan is not None):
            raise ValueError("--apply takes nothing but the file of a plan, which says which groups are changed")
        if self.confirm is not None and (self.dry_run or self.plan is not None):
            raise ValueError("--confirm is for an update, and not for a plan: give it with --apply")
        if self.abort and (self.confirm is not None or self.dry_run or self.plan is not None or self.apply is not None):
            raise ValueError("--abort takes nothing but the id of an operation")
        if self.no_wait and self.confirm is None:
            raise ValueError("--no-wait goes with --confirm")


def update(invocation: Invocation, words: list[str]) -> None:
    """Make the master read the file again and apply it, or show what would be done, or apply a plan."""
    try:
        asked = _Asked(words)
    except ValueError as error:
        invocation.usage(f"Error: {error}", "update", ours=True)
        return
    if asked.abort:
        _abort(invocation, asked.groups)
    elif asked.dry_run or asked.plan is not None:
        _plan(invocation, asked)
    else:
        try:
            _carry_out(invocation, asked)
        except KeyboardInterrupt:
            if asked.confirm is None:
                raise
            roll_back(invocation)


def diff(invocation: Invocation, words: list[str]) -> None:
    """Print what differs between what is active and the file. Exit status 1 if anything does, 2 on trouble."""
    plan = _fetch(invocation, words, trouble=INVALID_ARGS)
    if plan is None:
        return
    invocation.put(changes=plan["changes"], needs_reload=plan["needs_reload"])
    for line in update_text.diff_lines(plan):
        invocation.say_safe(line)
    if plan["changes"] or plan["needs_reload"]:
        invocation.exitstatus = GENERIC
    _unknown_groups(invocation, plan, INVALID_ARGS)


def confirm(invocation: Invocation, words: list[str]) -> None:
    """Keep the update that waits for its confirmation, and wait until all of it is ready and healthy."""
    answer = _decide(invocation, words, "confirm")
    if answer is not None:
        invocation.say(f"update {answer['operation']} is kept")


def _abort(invocation: Invocation, words: list[str]) -> None:
    answer = _decide(invocation, words, "abort")
    if answer is not None:
        text = "is rolled back: the definitions from before it are in effect again"
        invocation.say(f"update {answer['operation']} {text}")


def _decide(invocation: Invocation, words: list[str], how: str) -> dict[str, Any] | None:
    """The answer; None where there is none, which is reported."""
    body: dict[str, int] = {}
    if words:
        if len(words) > 1 or not (words[0].isascii() and words[0].isdigit() and len(words[0]) <= _DIGITS):
            text = f"Error: {' '.join(words)!r} is not the id of an operation"
            invocation.usage(text, "confirm" if how == "confirm" else "update", ours=True)
            return None
        body["operation"] = int(words[0])
    path = f"/v1/config/{how}"
    answer: dict[str, Any]
    try:
        try:
            answer = invocation.client.call("POST", path, body)
        except Unreachable as error:
            if error.errno != errno.ECONNRESET:
                raise
            answer = decided_after_a_loss(invocation, error, path, body)
    except ApiError as error:
        invocation.problem(f"ERROR: {error.message}", code=error.code)
        return None
    invocation.put(**answer)
    return answer


def _plan(invocation: Invocation, asked: _Asked) -> None:
    plan = _fetch(invocation, asked.groups, trouble=GENERIC)
    if plan is None:
        return
    invocation.put(plan=plan)
    for line in update_text.plan_lines(plan):
        invocation.say_safe(line)
    if asked.plan is not None:
        try:
            _write(asked.plan, json.dumps(plan, indent=1).encode() + b"\n")
        except OSError as error:
            invocation.problem(f"Error: cannot write {asked.plan}: {error.strerror or error}", code="FAILED")
            return
        invocation.say_safe(f"written to {asked.plan}; to carry it out: procmanctl update --apply {asked.plan}")
    if asked.dry_run:
        invocation.exitstatus = CHANGES if plan["changes"] else SUCCESS
    _unknown_groups(invocation, plan, GENERIC)


def _fetch(invocation: Invocation, groups: list[str], *, trouble: int) -> PlanInfo | None:
    chosen = [] if "all" in groups else groups
    query = f"?groups={','.join(map(quoted, chosen))}" if chosen else ""
    try:
        plan: PlanInfo = invocation.client.call("GET", f"/v1/config/plan{query}")
    except ApiError as error:
        not_read(invocation, error, "already shutting down", exitstatus=trouble)
        return None
    return plan


def _unknown_groups(invocation: Invocation, plan: PlanInfo, exitstatus: int) -> None:
    for group in plan["unknown"]:
        invocation.problem(f"ERROR: no such group: {group}", code="BAD_NAME", exitstatus=exitstatus, group=group)
        suggestions.suggest_group(invocation, group, "/v1/config")


def _carry_out(invocation: Invocation, asked: _Asked) -> None:
    body: dict[str, Any] = {}
    path = "/v1/config/update"
    if asked.apply is not None:
        plan = _read(invocation, asked.apply)
        if plan is None:
            return
        path, body["plan"] = "/v1/config/apply", _without_what_it_shows(plan)
    elif asked.groups and "all" not in asked.groups:
        body["groups"] = asked.groups
    if asked.confirm is not None:
        body["confirm"] = asked.confirm
    try:
        answer = _ordered(invocation, asked, path, body)
    except ApiError as error:
        not_read(invocation, error, "already shutting down")
        return
    steps: list[Step] = answer["steps"]
    invocation.put(steps=steps)
    for step in steps:
        if step["action"] == "error":
            message = step.get("message")
            text = f"{step['group']}: {message}" if message else f"ERROR: no such group: {step['group']}"
            invocation.problem(text, code="BAD_NAME" if not message else "FAILED", group=step["group"])
            if not message:
                suggestions.suggest_group(invocation, step["group"], "/v1/config")
    for step in steps:
        if step["action"] == "rolling stopped":
            invocation.problem(step.get("message", ""), code="ROLLING", exitstatus=NOT_RUNNING, group=step["group"])
    if "role" in answer:
        invocation.say_safe(f"your own role is {answer['role']} now")
    for line in config_text.update_lines(steps):
        invocation.say_safe(line)
    if asked.confirm is None:
        return
    if "pending" not in answer:
        invocation.say("nothing was changed, so there is nothing to confirm")
        return
    await_confirmation(invocation, answer["pending"], waits=not asked.no_wait)


def _ordered(invocation: Invocation, asked: _Asked, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer of this master; of the next one, where this one is upgraded, killed or restarts meanwhile."""
    try:
        return order(invocation, "update", path, body)  # type: ignore[no-any-return]
    except Unreachable as error:
        if error.errno != errno.ECONNRESET:
            raise
        answer = after_a_loss(invocation, body.get("groups", ()), error, confirms=asked.confirm is not None)
        if answer is not None:
            return answer
    except ApiError as error:
        if error.code != "SHUTDOWN_STATE" or not await_successor(invocation):
            raise
    return order(invocation, "update", path, body)  # type: ignore[no-any-return]


def _read(invocation: Invocation, path: str) -> object:
    """What the file of a plan has; None where it cannot be read, which is reported."""
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
        plan = json.loads(content) if len(content) <= _MOST_BYTES else {}
    except OSError as error:
        invocation.problem(f"Error: cannot read {path}: {error.strerror or error}", code="NO_FILE")
        return None
    except (ValueError, RecursionError):
        text = f"Error: {path} is no plan of an update: make one with procmanctl update --plan FILE"
        invocation.problem(text, code="BAD_ARGUMENTS")
        return None
    return plan if plan is not None else {}


def _without_what_it_shows(plan: object) -> object:
    """A digest is enough for the master to see whether that was changed: all of it may be more than it reads."""
    if not isinstance(plan, dict) or not all(part in plan for part in _SHOWN):
        return plan
    shown = sha256(json.dumps([plan[part] for part in _SHOWN], sort_keys=True).encode()).hexdigest()
    return {**{key: value for key, value in plan.items() if key not in _SHOWN}, "shown": shown}


def _write(path: str, content: bytes) -> None:
    """Only for its owner, as commands may have in them what nobody has recognised as a secret; as a whole or not."""
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:  # a pipe, /dev/stdout
            file.write(content)
        return
    new = f"{path}.new.{os.getpid()}"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        os.rename(new, path)
    except BaseException:
        os.unlink(new)
        raise


def _seconds(text: str) -> float:
    seconds = seconds_of(text)
    if seconds is None:
        raise ValueError(f"cannot read the time {text[:40]!r}: expected something like 60s or 5m")
    return seconds
