"""The picture of `procmanctl timeline`: a line for each process, with a time axis and a legend.

Each column of it is a part of the time. Of several states in one column the most serious one is shown, so that a
restart of a moment is seen in a picture of a day. On a terminal the shapes differ as well as the colours; elsewhere,
and where the terminal has no UTF-8, states are letters.
"""

from __future__ import annotations

import math
import time

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from procman.api.shapes.journal import PastSpans

NOT_KNOWN = "not known"
# The most serious first: shape, letter, colour (SGR).
_LOOKS = {
    "FATAL": ("✗", "F", "1;31"),
    "BACKOFF": ("▒", "B", "31"),
    "UNKNOWN": ("‼", "!", "1;31"),
    "STOPPING": ("▀", "v", "33"),
    "STARTING": ("▄", "^", "33"),
    "EXITED": ("·", ".", "2"),
    "STOPPED": ("─", "-", "2"),
    "RUNNING": ("█", "R", "32"),
    NOT_KNOWN: ("?", "?", "2"),
}
_SERIOUS = {state: place for place, state in enumerate(_LOOKS)}
_RESET = "\x1b[0m"
_ABSENT = " "

# Names are cut to so many columns, in the middle; the picture has so many at least.
_LONGEST_NAME = 32
_LEAST_COLUMNS = 20
# Between two marks of the axis, in seconds: the first that leaves room for their labels.
_STEPS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400, 30 * 86400)
_LABEL_ROOM = 10
# With more lines than that, those that do not change are counted in one line; and the axis stands above, too.
MOST_LINES = 40


def timeline(
    processes: Sequence[PastSpans],
    since: float,
    until: float,
    *,
    width: int,
    shapes: bool,
    colour: bool,
    all_lines: bool = False,
) -> list[str]:
    """The lines of the picture, of `width` columns at most; `all_lines`: none are counted in one."""
    drawn = list(processes)
    calm: dict[str, int] = {}
    if len(drawn) > MOST_LINES and not all_lines:
        drawn, calm = _without_the_calm(drawn)
    names = [_cut(process["namespec"], shapes=shapes) for process in drawn]
    margin = min(max(map(len, names), default=0), width - _LEAST_COLUMNS - 2) if names else 0
    columns = max(_LEAST_COLUMNS, width - margin - 2)
    cells = [_cells(process, since, until, columns) for process in drawn]
    axis = _axis(since, until, columns)
    lines = [f"{'':{margin}}  {axis}".rstrip()] if len(drawn) > 1 else []
    lines += [
        f"{name:<{margin}}  {_painted(row, shapes=shapes, colour=colour)}".rstrip()
        for name, row in zip(names, cells, strict=True)
    ]
    if len(drawn) == 1 or len(drawn) > MOST_LINES:
        lines.append(f"{'':{margin}}  {axis}".rstrip())
    for state, count in calm.items():
        lines.append(f"{count} more {'was' if count == 1 else 'were'} {state} all the time; name them to see them")
    return [*lines, *_legend(cells, width, shapes=shapes, colour=colour)]


def _without_the_calm(processes: Sequence[PastSpans]) -> tuple[list[PastSpans], dict[str, int]]:
    """Those with more than one state; and how many had which one all the time."""
    drawn, calm = [], dict.fromkeys(_LOOKS, 0)
    for process in processes:
        states = {span["statename"] or NOT_KNOWN for span in process["spans"]}
        if len(states) == 1:
            calm[states.pop()] += 1
        else:
            drawn.append(process)
    return drawn, {state: count for state, count in calm.items() if count}


def _cells(process: PastSpans, since: float, until: float, columns: int) -> list[str]:
    """The most serious state in each column; "" where there was no such process."""
    cells = [""] * columns
    scale = columns / (until - since)
    for span in process["spans"]:
        state = span["statename"] or NOT_KNOWN
        first = int((span["start"] - since) * scale)
        # What ends where a column begins is not in that one.
        last = math.ceil((span["end"] - since) * scale) - 1
        for column in range(max(0, first), min(max(first, last), columns - 1) + 1):
            before = cells[column]
            if not before or _SERIOUS.get(state, -1) < _SERIOUS.get(before, -1):
                cells[column] = state
    return cells


def _painted(row: Iterable[str], *, shapes: bool, colour: bool) -> str:
    """One line; neighbours with one colour share its code."""
    text, painted = "", ""
    for state in row:
        shape, letter, paint = _LOOKS.get(state, (_ABSENT, _ABSENT, ""))
        if colour and paint != painted:
            text += (_RESET if painted else "") + (f"\x1b[{paint}m" if paint else "")
            painted = paint
        text += shape if shapes else letter
    return text + (_RESET if painted else "")


def _axis(since: float, until: float, columns: int) -> str:
    """Marks at round times, in local time; the label begins in the column of its time."""
    seconds = until - since
    step = next((step for step in _STEPS if step * columns >= seconds * _LABEL_ROOM), _STEPS[-1])
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%b %d"  # noqa: PLR2004 - a minute, a day
    # Round times of the place: those of UTC are odd ones where the zone is not a whole hour.
    offset = time.localtime(since).tm_gmtoff
    mark = math.ceil((since + offset) / step) * step - offset
    row = [" "] * columns
    free = 0
    while mark < until:
        column = int((mark - since) * columns / seconds)
        label = f"|{time.strftime(form, time.localtime(mark))}"
        if column >= free and column + len(label) <= columns:
            row[column : column + len(label)] = label
            free = column + len(label) + 1
        mark += step
    return "".join(row)


def _legend(cells: Iterable[Iterable[str]], width: int, *, shapes: bool, colour: bool) -> list[str]:
    """The states that occur."""
    seen = {state for row in cells for state in row if state}
    lines, length = [""], 0
    for state in reversed(_LOOKS):
        if state not in seen:
            continue
        word = f"{_painted([state], shapes=shapes, colour=colour)} {state}"
        if length and length + 2 + len(state) + 2 > width:
            lines.append("")
            length = 0
        lines[-1] += f"{'  ' if length else ''}{word}"
        length += len(state) + 2 + (2 if length else 0)
    return lines if seen else []


def _cut(name: str, *, shapes: bool) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    dots = "…" if shapes else "..."
    head = (_LONGEST_NAME - len(dots)) // 2
    return name[:head] + dots + name[head + len(dots) - _LONGEST_NAME :]
