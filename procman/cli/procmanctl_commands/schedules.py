"""runs and next: the last runs of one-shots, and when those with a schedule run next."""

from __future__ import annotations

import time

from procman.cli import suggestions
from procman.cli.invocation import INVALID_ARGS
from procman.cli.journal_text import duration
from procman.client.api_client import ApiError, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes.schedules import JobRunInfo, ScheduleInfo
    from procman.cli.invocation import Invocation

_HEAD = ("NAME", "BEGAN", "TOOK", "ENDED", "BY")
_GAP = "  "
# `next` without names shows one time of each; with a name, so many.
_OF_ONE = 5


def runs(invocation: Invocation, words: list[str]) -> None:
    """`runs [--output] [NAME…]`: a line for each, the latest last; with what each wrote last."""
    names = [word for word in words if word != "--output"]
    found = _ask(invocation, "/v1/runs", names, "runs")
    chosen: list[JobRunInfo] = sorted(found, key=lambda run: run["began"])
    invocation.put(runs=chosen)
    if not chosen and not invocation.exitstatus:
        of_these = "none of these is a one-shot that" if names else "no one-shot"
        invocation.say(f"no runs: {of_these} has run since procman began")
    rows = [_HEAD, *map(_run_row, chosen)] if chosen else []
    for place, line in enumerate(_lines(rows)):
        invocation.say_safe(line)
        if place and "--output" in words:
            # An older master keeps none.
            for channel, written in chosen[place - 1].get("lines", {}).items():
                for text in written:
                    invocation.say_safe(f"  {channel}: {text}")


def coming(invocation: Invocation, words: list[str]) -> None:
    """`next [NAME…] [-n N]`: the next times of each schedule."""
    read = _count(invocation, words)
    if read is None:
        return
    count, names = read
    count = count or (_OF_ONE if names else 1)
    found: list[ScheduleInfo] = _ask(invocation, f"/v1/schedules?count={count}", names, "schedules")
    invocation.put(schedules=found)
    if not found and not invocation.exitstatus:
        invocation.say("no schedules" if not names else "no schedule: set schedule = … in its section")
    width = max((len(info["namespec"]) for info in found), default=0)
    for info in found:
        if not info["on"]:
            how = f"off: procmanctl start {info['namespec']} switches it on"
        else:
            how = info["next"] or "there is no further run"
        invocation.say_safe(f"{info['namespec']:<{width}}  {how}")
        invocation.say_safe(f"{'':<{width}}  {info['schedule']}{_words(info)}")
        if count > 1:
            for one in info["times"]:
                invocation.say_safe(f"{'':<{width}}    {one['text']}")


def _words(info: ScheduleInfo) -> str:
    return f" ({info['words']})" if info["words"] and not info["words"].startswith(info["schedule"]) else ""


def _run_row(run: JobRunInfo) -> tuple[str, ...]:
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run["began"]))
    took = "" if run["seconds"] is None else duration(run["seconds"])
    match run["result"]:
        case "running":
            how, took = "runs", duration(max(0.0, time.time() - run["began"]))
        case "success":
            how = "done"
        case _:
            how = run["ending"]
    words = f": {run['last_words']}" if run["last_words"] else ""
    by = run["by"]
    if run["time"] is not None and by == "schedule":
        by = time.strftime("schedule (%b %d %H:%M)", time.localtime(run["time"]))
    return run["namespec"], began, took, f"{how}{words}", by


def _lines(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(len(_HEAD))]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]


def _count(invocation: Invocation, words: list[str]) -> tuple[int, list[str]] | None:
    """The number that was given, 0 for none, and the names; None after a complaint."""
    names: list[str] = []
    count, rest = 0, iter(words)
    for word in rest:
        if word != "-n" and not (word.startswith("-n") and word[2:].isdecimal()):
            names.append(word)
            continue
        text = word[2:] or next(rest, "")
        if not (text.isascii() and text.isdecimal() and int(text[:9]) > 0):
            invocation.usage("Error: -n takes a number of times", "next", exitstatus=INVALID_ARGS)
            return None
        count = int(text[:9])
    return count, names


def _ask(invocation: Invocation, path: str, names: list[str], key: str) -> list[Any]:
    found: list[Any] = []
    unknown: list[str] = []
    for name in names or ["all"]:
        try:
            answer = invocation.client.call("GET", f"{path}{'&' if '?' in path else '?'}name={quoted(name)}")
        except ApiError as error:
            if error.code in ("BAD_ARGUMENTS", "INCORRECT_PARAMETERS"):
                invocation.problem(f"ERROR: {error.message}", code=error.code, exitstatus=INVALID_ARGS)
                return found
            if error.code != "BAD_NAME":
                raise
            invocation.problem(f"{name}: ERROR (no such process)", code=error.code, name=name)
            unknown.append(name)
            continue
        found += [info for info in answer[key] if info not in found]
    if unknown:
        suggestions.suggest_processes(invocation, unknown)
    return found
