"""What makes a process due for a restart though it runs well: its memory, or its age. No I/O and no clock here.

- With memory_restart its memory is looked at every memory_interval while it is RUNNING, and at no other time. It is due
  when LOOKS_OVER looks in a row have found more: one peak is none. Where nothing can be seen it is never due.
- With max_age it is due at that age, and up to max_age_jitter later.
- When it is restarted then, `core.renewals` says.
"""

from dataclasses import replace

from procman.core.actions import Action, Measure
from procman.core.backoff import spread
from procman.core.events import MemoryMeasured
from procman.core.process import Process, Wear
from procman.core.spec import ProcessSpec
from procman.core.states import State

LOOKS_OVER = 2
# A look that has not been answered by then is made again, in seconds.
LOOK_LOST = 60.0
# Between two looks, whatever memory_interval says: each reads all of /proc.
SHORTEST_PAUSE = 0.1
MIB = 1024 * 1024


def begin_wear(process: Process) -> None:
    """It has just become RUNNING."""
    process.wear = Wear()
    program = process.program
    if program.is_oneshot or process.born is None or (program.memory_restart is None and program.max_age is None):
        return
    process.deadlines = replace(
        process.deadlines,
        memory=None if program.memory_restart is None else process.born + _pause(program),
        age=_of_age(process),
    )


def change_wear(process: Process, before: ProcessSpec, now: float) -> None:
    """It has another definition now, and is RUNNING."""
    program, wear = process.program, process.wear
    if program.is_oneshot or _plan(before) == _plan(program):
        return
    wear.over, wear.due = 0, ""
    process.deadlines = replace(
        process.deadlines,
        memory=None if program.memory_restart is None else now + _pause(program),
        age=_of_age(process),
    )


def measure(process: Process, now: float) -> list[Action]:
    """It is time to look at its memory."""
    process.wear.looking = True
    process.deadlines = replace(process.deadlines, memory=now + LOOK_LOST)
    return [Measure(process.name, process.attempt, process.pid or 0)]


def measured(process: Process, event: MemoryMeasured, now: float) -> None:
    """The look was made."""
    wear, limit = process.wear, process.program.memory_restart
    asked = wear.looking and event.run == process.attempt and process.state is State.RUNNING
    if not asked or limit is None or process.deadlines.memory is None:
        return
    wear.looking, wear.used = False, event.used
    wear.looks += 1
    process.deadlines = replace(process.deadlines, memory=now + _pause(process.program))
    wear.over = wear.over + 1 if event.used is not None and event.used > limit else 0
    if wear.over >= LOOKS_OVER:
        wear.due = wear.due or "memory"
    elif wear.due == "memory":
        wear.due = ""  # it had to wait for others, and has given it back


def aged(process: Process) -> None:
    """It is max_age old."""
    process.deadlines = replace(process.deadlines, age=None)
    process.wear.due = "age"


def words(process: Process) -> str:
    """Why it is due, for people; it begins with the reason."""
    program, wear = process.program, process.wear
    match wear.due:
        case "memory":
            return (
                f"memory: it uses {_size(wear.used or 0)}, and memory_restart is {_size(program.memory_restart or 0)}"
            )
        case "age":
            return f"age: max_age is {program.max_age or 0:g} s"
        case _:
            return ""


def _plan(program: ProcessSpec) -> tuple[object, ...]:
    return program.memory_restart, program.memory_interval, program.max_age, program.max_age_jitter


def _pause(program: ProcessSpec) -> float:
    return max(program.memory_interval, SHORTEST_PAUSE)


def _of_age(process: Process) -> float | None:
    program = process.program
    if program.max_age is None or process.born is None:
        return None
    late = program.max_age_jitter * spread(program, process.seed, process.attempt)
    return process.born + program.max_age * (1 + late)


def _size(count: int) -> str:
    return f"{count / MIB:.4g} MB"
