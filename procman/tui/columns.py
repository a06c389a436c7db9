"""The cells of the table, and which columns have room. No I/O and no clock here."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from procman.api.shapes.processes import ProcessInfo
from procman.cli.crash_text import age, size
from procman.cli.status_text import reason
from procman.cli.terminal_text import safe
from procman.tui.fleet import Fleet, age_of

GAP = 2
# The last column takes the room that is left, if there is as much as this.
_LEAST_DETAIL = 12
_LEAST_NAME = 12
_NAME_SHARE = 0.45  # of the whole width, at most


@dataclass(frozen=True, slots=True)
class Column:
    """One column of fixed width; `rank` says which is left out first where there is no room: the highest."""

    head: str
    width: int
    rank: int
    cell: Callable[[Fleet, ProcessInfo, float], str]
    right: bool = True


def _state(_: Fleet, info: ProcessInfo, __: float) -> str:
    return "DONE" if info.get("done") else info["statename"]


def _age(fleet: Fleet, info: ProcessInfo, now: float) -> str:
    seconds = age_of(info, fleet.received[info["namespec"]], now)
    # A digit more would change the line all the time.
    return "" if seconds is None else age(max(float(int(seconds)), 0))


def _cpu(fleet: Fleet, info: ProcessInfo, _: float) -> str:
    usage = fleet.usage.get(info["namespec"])
    return "" if usage is None or usage.cpu is None else f"{usage.cpu:.1f}"


def _memory(fleet: Fleet, info: ProcessInfo, _: float) -> str:
    usage = fleet.usage.get(info["namespec"])
    return "" if usage is None else size(usage.rss).replace("iB", "").replace(" ", "")


def _restarts(_: Fleet, info: ProcessInfo, __: float) -> str:
    return str(info["restarts"] or "")


def _pid(_: Fleet, info: ProcessInfo, __: float) -> str:
    return str(info["pid"] or "")


COLUMNS = (
    Column("STATE", 8, 0, _state, right=False),
    Column("FOR", 6, 1, _age),
    Column("CPU%", 5, 2, _cpu),
    Column("MEM", 5, 3, _memory),
    Column("RESTARTS", 8, 4, _restarts),
    Column("PID", 7, 5, _pid),
)
_BY_RANK = sorted(COLUMNS, key=lambda column: column.rank)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns there are, and how wide."""

    name: int
    columns: tuple[Column, ...]
    detail: int  # 0: there is no room for it


def planned(width: int, longest: int, *, detail: bool, restarts: bool) -> Plan:
    """The columns for that width, where the longest name has so many letters.

    `detail`: there is something to tell; `restarts`: something was restarted.
    """
    name = max(_LEAST_NAME, min(longest, int(width * _NAME_SHARE)))
    left = width - name
    wanted = _LEAST_DETAIL + GAP if detail else 0
    taken: list[Column] = []
    for column in _BY_RANK:
        if column.cell is _restarts and not restarts:
            continue
        # What has failed is told before the last two columns, which few ask for.
        keep = wanted if column.rank > 2 else 0  # noqa: PLR2004 - CPU%
        if left - keep < column.width + GAP:
            break
        taken.append(column)
        left -= column.width + GAP
    shown = left - GAP if left - GAP >= _LEAST_DETAIL else 0
    if not shown:
        name += max(left, 0)
    return Plan(name, tuple(column for column in COLUMNS if column in taken), shown)


def detail_of(info: ProcessInfo, *, short: bool = False) -> str:
    """What is told of a process: why it has failed, what it waits for, when it runs next.

    `short`: for a column, in which its last words are worth more than how many there were.
    """
    failed = info["statename"] in ("FATAL", "BACKOFF", "UNKNOWN") or (
        info["statename"] == "EXITED" and bool(info["spawnerr"])
    )
    if failed or info["now"] < info.get("flapping_until", 0):
        why, words = _why(info), info.get("last_words", "")
        told = (words, info.get("ending", ""), why) if short else (why, reason(info))
        return safe(next(filter(None, told), info["spawnerr"] or info["description"]))
    if info["pid"] and info["description"].startswith("pid "):
        # The pid and the time have columns of their own.
        return safe(", ".join(filter(None, [*info["description"].split(", ")[2:], info.get("status_text", "")])))
    return "" if info["statename"] == "STOPPED" and not info.get("phase") else safe(info["description"])


def _why(info: ProcessInfo) -> str:
    """Why it has failed, without its state, which has a column of its own.

    "FATAL: exit status 3" or "FATAL (blocked): db is FATAL: …": the phase stays, as `status` says it.
    """
    why = info.get("why", "")
    own = re.match(rf"{info['statename']}(?: \((\w+)\))?: ", why)
    return why if own is None else (f"{own[1]}: " if own[1] else "") + why[own.end() :]


def fitted(text: str, width: int, cut: str) -> str:
    """The text in so many columns, cut in its middle where it is too long: numbers stand at the end of names."""
    room = width - cell_len(text)
    if room >= 0:
        return text + " " * room
    if not text.isascii():
        # Where a letter may take two columns, it is cut at its end.
        return set_cell_size(text, width - 1) + cut
    tail = width // 3
    return f"{text[: width - tail - 1]}{cut}{text[-tail:]}"


def heads(plan: Plan, order: str, arrow: str) -> Mapping[str, str]:
    """The titles of the columns; the one that decides the order has the arrow."""
    column = {"state": "STATE", "name": "NAME", "cpu": "CPU%", "memory": "MEM", "restarts": "RESTARTS", "newest": "FOR"}
    known = ["NAME", *(each.head for each in plan.columns), "DETAIL"]
    return {head: head + arrow if head == column[order] else head for head in known}
