"""Commands about the past, from the journal: status --at, timeline, why --at."""

from __future__ import annotations

import os
import time
from shutil import get_terminal_size

from procman.cli import status_text, suggestions
from procman.cli.invocation import GENERIC, INVALID_ARGS, STATUS_NOT_RUNNING, STATUS_UNKNOWN
from procman.cli.journal_text import duration, record_line
from procman.cli.moments import moment
from procman.cli.pager import paged
from procman.cli.terminal_text import safe
from procman.cli.timeline_text import timeline as drawn
from procman.client.api_client import ApiError, quoted
from procman.errors import BadRequest

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes.journal import PastInfo, PastReasonInfo, PastSpans
    from procman.cli.invocation import Invocation

_UP = frozenset({"RUNNING", "STARTING", "STOPPING", "BACKOFF"})
_HOUR = 3600
# Of output that is no terminal.
_WIDTH = 100


def status_at(invocation: Invocation, words: list[str]) -> None:
    """`status --at TIME [NAME…]`: the table as it was."""
    read = _options(invocation, words, ("--at",))
    if read is None:
        return
    moments, names = read
    answer = _ask(invocation, f"/v1/journal/states?at={moments['--at']}", names, STATUS_UNKNOWN)
    if answer is None:
        return
    processes: list[PastInfo] = answer["processes"]
    invocation.put(**answer)
    if not processes:
        invocation.say("there was no process then")
        return
    rows = [(info["namespec"], info["statename"] or "-", info["description"]) for info in processes]
    if invocation.terminal:
        invocation.say(time.strftime("as it was on %Y-%m-%d at %H:%M:%S:", time.localtime(moments["--at"])))
    for line in status_text.table(rows, terminal=invocation.terminal, colour=invocation.colour):
        invocation.say(line)
    if any(info["statename"] not in _UP for info in processes):
        invocation.exitstatus = STATUS_NOT_RUNNING


def timeline(invocation: Invocation, words: list[str]) -> None:
    """`timeline [--since TIME] [--until TIME] [NAME…]`: the states of each process, drawn."""
    read = _options(invocation, words, ("--since", "--until"))
    if read is None:
        return
    moments, names = read
    until = moments.get("--until", time.time())
    since = moments.get("--since", until - _HOUR)
    if since >= until:
        invocation.usage("Error: --since must be earlier than --until", "timeline", exitstatus=INVALID_ARGS)
        return
    answer = _ask(invocation, f"/v1/journal/spans?since={since}&until={until}", names)
    if answer is None:
        return
    invocation.put(**answer)
    if invocation.as_json:
        return
    processes: list[PastSpans] = answer["processes"]
    if not processes:
        invocation.say("there was no process in that time")
        return
    screen = get_terminal_size((_WIDTH, 0))
    shapes = invocation.terminal and _has_utf8()
    columns = max(40, screen.columns)
    lines = drawn(
        [{**process, "namespec": safe(process["namespec"])} for process in processes],
        since,
        until,
        width=columns,
        shapes=shapes,
        colour=invocation.colour,
        all_lines=bool(names),
    )
    known = answer["known_since"]
    if known is not None and known > since:
        lines.append(time.strftime("the journal goes back to %b %d %H:%M:%S", time.localtime(known)))
    text = "\n".join(lines)
    if invocation.terminal and 0 < screen.lines <= len(lines):
        invocation.flush()
        if paged(f"{text}\n"):
            return
    invocation.say(text)


def why_at(invocation: Invocation, words: list[str]) -> None:
    """`why --at TIME NAME`: what a process was in then, at whose request, and what had led there."""
    read = _options(invocation, words, ("--at",))
    if read is None:
        return
    moments, names = read
    if len(names) != 1:
        invocation.usage("Error: why --at requires the name of one process", "why", exitstatus=INVALID_ARGS)
        return
    at = moments["--at"]
    answer = _ask(invocation, f"/v1/journal/why?at={at}", names, INVALID_ARGS)
    if answer is None:
        return
    invocation.put(**answer)
    reason: PastReasonInfo = answer  # type: ignore[assignment] # that is its shape
    for line in _why_lines(reason, at):
        invocation.say(safe(line) if invocation.terminal else line)
    state, wanted = reason["process"]["statename"], reason["wanted"]
    if state is None or (wanted and state not in _UP):
        invocation.exitstatus = GENERIC


def _why_lines(why: PastReasonInfo, at: float) -> list[str]:
    process = why["process"]
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    if process["statename"] is None:
        return [f"what {process['namespec']} was on {clock} is {process['description']}"]
    for_long = "" if process["since"] is None else f" for {_age(at - process['since'])}"
    reason = f": {process['reason']}" if process["reason"] else ""
    lines = [f"{process['namespec']} was {process['statename']} on {clock}{for_long}{reason}"]
    if why["wanted"] is not None:
        by = f" ({why['wanted_by']})" if why["wanted_by"] else ""
        lines.append(f"  wanted   {'up' if why['wanted'] else 'down'}{by}")
    if why["ending"]:
        ended = "" if why["ended"] is None else f" {_age(at - why['ended'])} before"
        lines.append(f"  ended    {why['ending']}{ended}")
    for place, record in enumerate(why["chain"]):
        lines.append(f"  {'because' if place else 'record '}  {record_line(record, at)}")
    return lines


def _age(seconds: float) -> str:
    return duration(max(0.0, seconds))


def _options(
    invocation: Invocation, words: list[str], flags: tuple[str, ...]
) -> tuple[dict[str, float], list[str]] | None:
    """The moments that the flags give, in seconds since the epoch, and the names; None after a complaint."""
    found: dict[str, float] = {}
    names: list[str] = []
    rest = iter(words)
    now = time.time()
    for word in rest:
        flag, equals, value = word.partition("=")
        if flag not in flags:
            names.append(word)
            continue
        try:
            found[flag] = moment(value if equals else next(rest, ""), now)
        except BadRequest as error:
            invocation.problem(f"Error: {error}", code="BAD_ARGUMENTS", exitstatus=INVALID_ARGS)
            return None
    return found, names


def _ask(invocation: Invocation, path: str, names: list[str], unknown: int = 1) -> dict[str, Any] | None:
    """The answer about these names; None after a complaint."""
    chosen = f"&name={','.join(map(quoted, names))}" if names and "all" not in names else ""
    try:
        answer: dict[str, Any] = invocation.client.call("GET", path + chosen)
    except ApiError as error:
        if error.code == "BAD_NAME":
            text = f"{error.message}: ERROR (the journal knows no such process)"
            invocation.problem(text, code=error.code, exitstatus=unknown, name=error.message)
            suggestions.suggest_processes(invocation, names)
            return None
        if error.code in ("BAD_ARGUMENTS", "INCORRECT_PARAMETERS"):
            invocation.problem(f"ERROR: {error.message}", code=error.code, exitstatus=INVALID_ARGS)
            return None
        raise
    return answer


def _has_utf8() -> bool:
    """Whether the terminal shows more than ASCII, by the locale; procman's own text is UTF-8 in any case."""
    named = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    return "utf-8" in named.lower() or "utf8" in named.lower()
