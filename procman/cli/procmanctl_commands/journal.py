"""events and history: what has happened, by whom and why, as the journal has it."""

from __future__ import annotations

import json
import time

from procman.cli import suggestions
from procman.cli.followed_words import BadWords, read_words
from procman.cli.journal_text import record_line, run_lines
from procman.cli.terminal_text import safe
from procman.client.api_client import ApiError, Unreachable, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from procman.cli.invocation import Invocation

# How many records are shown unless the words say something else, and at most.
SHOWN = 50
MOST = 10_000
# How often to look whether a master that has gone is back, and how long to wait before each time, in seconds.
COMES_BACK = 20
BETWEEN = 0.1


def events(invocation: Invocation, words: list[str]) -> None:
    """`events [-f] [-n N] [--since WHEN] [--kind KIND,…] [NAME…]`."""
    try:
        follows, options, names = read_words(words, ("--since", "--kind"), least=1, most=MOST)
    except BadWords as error:
        invocation.usage(f"Error: {error}", "events")
        return
    query = [f"{key}={quoted(options[f'--{key}'])}" for key in ("since", "kind") if f"--{key}" in options]
    if names:
        query.append(f"name={','.join(map(quoted, names))}")
    limit = options.get("-n") or ("" if "--since" in options else str(SHOWN))
    if limit:
        query.append(f"limit={limit}")
    try:
        if follows:
            _follow(invocation, f"/v1/journal?{'&'.join([*query, 'follow=1'])}")
        else:
            _once(invocation, f"/v1/journal?{'&'.join(query)}".rstrip("?"), cut=options.get("-n"))
    except ApiError as error:
        _explain(invocation, error, names)


def history(invocation: Invocation, words: list[str]) -> None:
    """`history NAME…`: the runs of processes, a line each."""
    if not words:
        invocation.usage("Error: history requires a process name", "history")
        return
    runs: list[Any] = []
    now = time.time()
    for name in words:
        try:
            found = invocation.client.call("GET", f"/v1/processes/{quoted(name)}/runs")["runs"]
        except ApiError as error:
            _explain(invocation, error, [name])
            continue
        runs += found
        if not found:
            invocation.say_safe(f"{name}: the journal has no run of it (it was not started, or that was long ago)")
        for line in run_lines(found, now):
            invocation.say(safe(line))
    invocation.put(runs=runs)


def _once(invocation: Invocation, path: str, *, cut: str | None) -> None:
    answer = invocation.client.call("GET", path)
    records = answer["records"]
    while cut is None and len(records) and records[-1]["seq"] < answer["next"] and _is_paged(path):
        more = invocation.client.call("GET", _from(path, answer["next"]))
        if not more["records"]:
            break
        records, answer = [*records, *more["records"]], more
    invocation.put(records=records, next=answer["next"])
    now = time.time()
    for record in records:
        invocation.say(safe(record_line(record, now)))


def _is_paged(path: str) -> bool:
    """Whether it asks for what comes after a number, which may be more than one answer has."""
    since = path.partition("since=")[2].partition("&")[0]
    return since.isdecimal()


def _from(path: str, seq: int) -> str:
    before, _, after = path.partition("since=")
    _, ampersand, rest = after.partition("&")
    return f"{before}since={seq}{ampersand}{rest}"


def _follow(invocation: Invocation, path: str) -> None:
    """Print what happens until Ctrl-C, or until the master ends the stream; an upgrade of it does not end that."""
    last = 0
    try:
        while True:
            try:
                for last in _records(invocation, path):  # noqa: B007 - for the next connection
                    pass
            except Unreachable:
                if not last or not _answers_again(invocation):
                    raise
            else:
                return
            path = _from(path, last) if "since=" in path else f"{path}&since={last}"
    except KeyboardInterrupt:
        invocation.say("")


def _records(invocation: Invocation, path: str) -> Iterator[int]:
    """Print those of a stream, and yield their numbers."""
    with invocation.client.stream("GET", path) as stream:
        rest = b""
        for data in stream:
            *lines, rest = (rest + data).split(b"\n")
            for line in filter(None, lines):
                record = json.loads(line)
                if invocation.as_json:
                    invocation.write_line(record)
                else:
                    invocation.say(safe(record_line(record, time.time())))
                yield record["seq"]
            invocation.flush()


def _answers_again(invocation: Invocation) -> bool:
    """Whether the master, which has just gone, comes back, as it does in an upgrade."""
    for _ in range(COMES_BACK):
        time.sleep(BETWEEN)
        try:
            invocation.client.call("GET", "/v1/master")
        except Unreachable:
            continue
        return True
    return False


def _explain(invocation: Invocation, error: ApiError, names: list[str]) -> None:
    if error.code == "BAD_NAME":
        name = names[0] if len(names) == 1 else error.message
        invocation.problem(f"No such process {name}", code=error.code, name=name)
        suggestions.suggest_processes(invocation, names)
        return
    if error.code in ("BAD_ARGUMENTS", "INCORRECT_PARAMETERS"):
        invocation.problem(f"ERROR: {error.message}", code=error.code, exitstatus=2)
        return
    raise error
