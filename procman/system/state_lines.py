"""The lines of a state file, and what they say: one line of JSON for each event.

No I/O here: `system.state_file` has the file.
"""

import json
from dataclasses import dataclass, field, fields, replace
from math import inf, isfinite, isnan
from operator import attrgetter
from signal import valid_signals
from typing import Any

VERSION = 1
# Seconds; a hundred years.
MOST_PATIENCE = 100.0 * 365 * 24 * 3600
# Seconds since the epoch; the year 9999.
MOST_TIME = 253_402_300_799.0
_SIGNALS = valid_signals()


@dataclass(frozen=True, slots=True)
class Record:
    """One process that was started, or was about to be."""

    name: str  # namespec
    tag: str  # in its environment, unique for each start
    definition: int  # a fingerprint of the options that may not change while it runs
    signal: int  # its stop signal
    patience: float  # how long it may take to stop, in seconds
    pid: int = 0  # 0: it is not known whether it was started
    ticks: int = 0  # since boot, as in Identity
    pipes: tuple[int, int, int] = (0, 0, 0)  # of its stdin, stdout and stderr, as `place_of` has them; 0: no pipe


@dataclass(frozen=True, slots=True)
class DoneRun:
    """A one-shot that has succeeded, and has not been started since."""

    definition: int  # a fingerprint, as in Record
    code: int
    began: float  # seconds since the epoch, as is the next one
    ended: float


@dataclass(frozen=True, slots=True)
class Pause:
    """The health of a process is not looked at: somebody has asked for that."""

    until: float  # seconds of the monotonic clock, which is that of the boot
    reason: str


@dataclass(frozen=True, slots=True)
class RunningHook:
    """A command of a hook that had not ended."""

    name: str  # namespec
    hook: str


@dataclass(slots=True)
class State:
    """The content of one file."""

    master: int = 0  # the pid of the master that wrote it
    boot: str = ""
    records: dict[str, Record] = field(default_factory=dict)  # by tag
    logs: dict[tuple[str, str], str] = field(default_factory=dict)  # by namespec and channel: AUTO logs
    done: dict[str, DoneRun] = field(default_factory=dict)  # by namespec
    hooks: dict[str, RunningHook] = field(default_factory=dict)  # by tag
    pauses: dict[str, Pause] = field(default_factory=dict)  # by namespec
    # By tag: how many seconds after their start those were ready that have conditions for it.
    ready: dict[str, float] = field(default_factory=dict)


def read_state(content: bytes) -> State:
    """Read all valid lines of a file; an incomplete line is ignored."""
    state = State()
    for line in content.split(b"\n"):
        try:
            _take(state, json.loads(line))
        except (ValueError, TypeError, OverflowError, RecursionError):
            continue
    return state


# dataclasses.asdict takes ten times as long, and this runs at each start of a program.
_values = attrgetter(*(known.name for known in fields(Record)))
_json = json.JSONEncoder(check_circular=False)


def encode(line: list[Any]) -> bytes:
    """The line as the file has it."""
    # The newline comes first, so that a line that did not fit on the disk does not spoil the next one.
    return b"\n" + _json.encode(line).encode()


# These two take a third of the time when only the tag is encoded; the rest are numbers.


def placed_line(tag: str, pid: int, ticks: int, pipes: tuple[int, int, int]) -> bytes:
    """A process was started: as `encode` would have it."""
    return f'\n["=", {_json.encode(tag)}, {pid}, {ticks}, {list(pipes)}]'.encode()


def ended_line(tag: str) -> bytes:
    """It has ended: as `encode` would have it."""
    return f'\n["-", {_json.encode(tag)}]'.encode()


def started_line(record: Record) -> list[Any]:
    """A process is about to be started, or was."""
    return ["+", *_values(record)]


def done_line(name: str, run: DoneRun) -> list[Any]:
    """A one-shot has succeeded."""
    return ["done", name, run.definition, run.code, run.began, run.ended]


def ready_line(tag: str, seconds: float) -> list[Any]:
    """A process was ready so many seconds after its start."""
    return ["ready", tag, seconds]


def pause_line(name: str, pause: Pause) -> list[Any]:
    """The health of a process is not looked at."""
    return ["pause", name, pause.until, pause.reason]


def _take(state: State, line: Any) -> None:
    """Apply one line; raises ValueError or TypeError if it is invalid."""
    match line:
        case ["procman", version, int(master), str(boot)]:
            if version == VERSION:
                state.master, state.boot = master, boot
        case ["+", str(name), str(tag), int(definition), int(signal), int() | float() as patience, *where]:
            # An invalid value would otherwise fail later, during a stop.
            if isnan(patience) or signal not in _SIGNALS:
                raise ValueError(f"no way to stop: {signal}, {patience}")
            record = Record(name, tag, definition, signal, float(min(max(patience, 0), MOST_PATIENCE)))
            state.records[tag] = _placed(record, *where) if where else record
        case ["=", str(tag), *where] if tag in state.records:
            state.records[tag] = _placed(state.records[tag], *where)
        case ["-", str(tag)]:
            state.records.pop(tag, None)
            state.ready.pop(tag, None)
        case ["ready", str(tag), int() | float() as seconds] if 0 <= seconds < inf:
            state.ready[tag] = float(seconds)
        case ["log", str(name), str(channel), str(path)]:
            state.logs[name, channel] = path
        case ["log", str(name), str(channel), None]:
            state.logs.pop((name, channel), None)
        case ["done", str(name), int(definition), int(code), int() | float() as began, int() | float() as ended]:
            if not (isfinite(began) and isfinite(ended) and began <= ended <= MOST_TIME):
                raise ValueError(f"no times: {began}, {ended}")
            state.done[name] = DoneRun(definition, code, float(began), float(ended))
        case ["hook", str(tag), str(name), str(hook)]:
            state.hooks[tag] = RunningHook(name, hook)
        case ["hook", str(tag), None, None]:
            state.hooks.pop(tag, None)
        case ["done", str(name), None]:
            state.done.pop(name, None)
        case ["pause", str(name), int() | float() as until, str(reason)] if isfinite(until):
            state.pauses[name] = Pause(float(until), reason)
        case ["pause", str(name), None]:
            state.pauses.pop(name, None)
        case _:
            pass


def _placed(record: Record, pid: object, ticks: object, pipes: object) -> Record:
    match pid, ticks, pipes:
        case int(), int(), [int(stdin), int(stdout), int(stderr)] if pid >= 0:
            return replace(record, pid=pid, ticks=ticks, pipes=(stdin, stdout, stderr))
        case _:
            raise ValueError(f"no process: {pid}, {ticks}, {pipes}")
