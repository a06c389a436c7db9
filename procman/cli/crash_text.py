"""Crash reports as text: a table of them, and one of them on a screen, with the last words at its end."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterator

    from procman.api.shapes.crashes import CrashInfo, CrashReport, MemoryInfo, OutputInfo

_HEAD = ("SEQ", "WHEN", "NAME", "RUN", "AGE", "TIMES", "HOW")
_RIGHT = ("SEQ", "RUN", "TIMES")
_GAP = "  "
_LABEL = 12  # columns
# Of each stream so many lines are shown; `--json` has all of them.
_SHOWN = 15
_VERDICTS = {
    "certain": "it was killed because memory ran out",
    "likely": "it was most likely killed because memory ran out",
    "no": "memory was not short",
    "unknown": "whether memory was short is not counted here",
}


def table(reports: list[CrashInfo]) -> list[str]:
    """The lines, from the first report to the last; none without reports."""
    if not reports:
        return []
    rows = [_HEAD, *map(_row, reports)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if head in _RIGHT else cell.ljust(width)
            for head, cell, width in zip(_HEAD, row, widths, strict=True)
        ]
        lines.append(_GAP.join(cells).rstrip())
    return lines


def report(about: CrashReport) -> list[str]:
    """The lines of one report."""
    lines = [f"crash report {about['seq']}: {about['name']}, run {about['run']}"]
    lines += [f"  {label:<{_LABEL}}{text}" for label, text in _facts(about)]
    for stream, output in sorted(about["output"].items(), reverse=True):
        lines += _last_words(stream, output)
    return lines


def age(seconds: float | None) -> str:
    """Such as 4.2 s, 5 m, 3 h or 2 d."""
    if seconds is None:
        return "?"
    if seconds < 10:  # noqa: PLR2004 - where a digit more tells something
        return f"{seconds:.3g} s"
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """Such as 48 MiB."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 - the binary thousand
            return f"{count:.3g} {unit}" if count < 100 else f"{count:.0f} {unit}"  # noqa: PLR2004 - three digits
        count /= 1024
    return f"{count:.3g} GiB"


def _row(info: CrashInfo) -> tuple[str, ...]:
    return (
        str(info["seq"]),
        _time(info["ended"], "%b %d %H:%M:%S"),
        info["name"],
        str(info["run"]),
        age(info["age"]) if info["kind"] != "failed-start" else "-",
        str(info["times"] + info["unreported"]),
        info["how"],
    )


def _facts(about: CrashReport) -> Iterator[tuple[str, str]]:
    yield "how", about["how"]
    if about["explanation"]:
        yield "why", about["explanation"]
    yield "when", _when(about)
    if about["times"] > 1:
        first = _time(about["first_ended"], "%H:%M:%S")
        yield "times", f"{about['times']} equal ends, the first at {first}; these are the facts of a late one"
    if about["unreported"]:
        yield "", f"{about['unreported']} more ends of it came too fast to have reports"
    yield from _end(about)
    yield from _machine(about)
    yield from _checks(about)
    if about["restarts"]:
        counts = ", ".join(f"{count} ({reason})" for reason, count in sorted(about["restarts"].items()))
        yield "restarts", f"{counts} within the hour before"
    yield "ran as", f"{_user(about)} in {about['directory']}; {about['kernel']}"
    if about["cgroup"]:
        yield "cgroup", about["cgroup"]
    names = len(about["environment"])
    yield "definition", f"digest {about['definition']}, {names} variables (--json has their digests)"
    if about["core_file"]:
        yield "core", about["core_file"]
    elif about["core_handler"]:
        yield "core", f"went to {about['core_handler']} (kernel.core_pattern)"
    if about["file"]:
        yield "report", about["file"]


def _checks(about: CrashReport) -> Iterator[tuple[str, str]]:
    if about["health"]:
        marks = {True: "well", False: "ill", None: "not counted"}
        yield "health", "; ".join(f"{marks[one['ok']]} ({one['words']})" for one in about["health"])
    for one in about["hooks"]:
        words = ": ".join(filter(None, [one["words"], one["line"]]))
        command = f" {one['command']}" if one["command"] else ""
        result = f"{one['result']} at {_time(one['ended'], '%H:%M:%S')}"
        yield one["hook"], f"{result}:{command}" + (f" ({words})" if words else "")


def _end(about: CrashReport) -> Iterator[tuple[str, str]]:
    sender = about["sender"]
    if sender is not None:
        yield "sender", sender["words"]
        if sender["asked_by"] and sender["asked_by"] not in sender["words"]:
            yield "asked by", sender["asked_by"]
    memory = about["oom"]
    if memory["verdict"] != "no" or memory["after"] is not None:
        yield "memory", _memory(memory)


def _machine(about: CrashReport) -> Iterator[tuple[str, str]]:
    usage, look = about["usage"], about["last_look"]
    if usage is not None:
        yield (
            "used",
            (
                f"{size(usage['max_rss'])} at most, {usage['user']:.2f} s user, {usage['system']:.2f} s system, "
                f"{usage['major_faults']} major faults, "
                f"{usage['voluntary_switches'] + usage['involuntary_switches']} context switches"
            ),
        )
    if look is not None:
        fds = "?" if look["fds"] is None else look["fds"]
        processes = "1 process" if look["processes"] == 1 else f"{look['processes']} processes"
        yield (
            "last look",
            (
                f"{age(look['ago'])} before the end: {size(look['rss'])}, {fds} descriptors, {processes}, "
                f"{look['threads']} thread{'' if look['threads'] == 1 else 's'}"
                + (f"; it was {look['state']}" if look["state"] else "")
            ),
        )
        for one in look.get("tree", ()):  # not in the reports of older masters
            where = f", waits in {one['waits_in']}" if one["waits_in"] else ""
            yield f"pid {one['pid']}", f"{one['command']}: {one['state']}{where}"
    elif about["pid"]:
        yield "last look", "none: nobody asked for its figures while it ran"
    if about["left_behind"]:
        yield "left behind", ", ".join(f"pid {one['pid']} ({one['command'] or 'gone'})" for one in about["left_behind"])


def _when(about: CrashReport) -> str:
    ended = _time(about["ended"], "%Y-%m-%d %H:%M:%S")
    if about["kind"] == "failed-start":
        return ended
    up = about["running"]
    running = ", never RUNNING" if up is None else f", RUNNING from {_time(up, '%H:%M:%S')}"
    return f"{ended}, {age(about['age'])} after it was spawned with pid {about['pid']}{running}"


def _memory(memory: MemoryInfo) -> str:
    text = _VERDICTS.get(memory["verdict"], memory["verdict"])
    before, after = memory["before"], memory["after"]
    if before is None or after is None:
        return text
    counts = [f"{name} {before[name]} -> {after[name]}" for name in after if after[name] is not None]
    limit = "no limit" if memory["limit"] is None else f"limit {size(memory['limit'])}"
    return f"{text} ({', '.join([memory['whose'], *counts, limit])})"


def _user(about: CrashReport) -> str:
    return f"uid {about['uid']}" + (f" ({about['user']})" if about["user"] else "")


def _last_words(stream: str, output: OutputInfo) -> list[str]:
    lines = output["lines"]
    if lines is None:
        return [f"  {stream}: {output['bytes']} bytes, which cannot be read"]
    if not lines:
        return [f"  {stream}: nothing"]
    shown = lines[-_SHOWN:]
    count = "its last line" if len(shown) == 1 else f"its last {len(shown)} lines"
    return [f"  {stream}: {size(output['bytes'])}, {count}:", *(f"    {line}" for line in shown)]


def _time(epoch: float, form: str) -> str:
    return time.strftime(form, time.localtime(epoch))
