"""Records which programs run, so that the next master finds them if this one is killed.

One line of JSON for each event, written at once but not synced: the file has to survive the master, not the machine,
which ends the programs, too. A start is recorded before it happens, so no program ever runs unrecorded. Pids are valid
only with their start time, and only within one boot. The master locks its file, and rewrites it when it has grown.

An end is written together with what comes next: until then a process is recorded that is not there any more, and is
not found.

Positions in logs are not recorded: output that is not in its log yet is still in the pipe, which the process holds.
"""

import fcntl
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite, isnan
from operator import attrgetter
from signal import valid_signals
from typing import Any, Self

from procman.errors import ProcmanError
from procman.system.foreign_process import given_pipes
from procman.system.proc import Identity, Process, boot_id, identify
from procman.system.tree import look

VERSION = 1
# It is rewritten at so many lines, and then at four times as many lines as it had after the last time.
MOST_LINES = 1000
# So many ends wait for what comes next.
MOST_UNWRITTEN = 20
# No master writes more bytes; a larger file is not read.
MOST_BYTES = 64 * 1024 * 1024
# Seconds; a hundred years.
MOST_PATIENCE = 100.0 * 365 * 24 * 3600
# Seconds since the epoch; the year 9999.
MOST_TIME = 253_402_300_799.0
_SIGNALS = valid_signals()
# As for a pid file.
TRIES = 10
PAUSE = 0.01  # seconds


class StateFileHeld(ProcmanError):
    """Another running master holds it."""


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
class RunningHook:
    """A command of a hook that had not ended."""

    name: str  # namespec
    hook: str


@dataclass(frozen=True, slots=True)
class Survivor:
    """A process of an earlier master that still runs."""

    record: Record
    identity: Identity


@dataclass(slots=True)
class State:
    """The content of one file."""

    master: int = 0  # the pid of the master that wrote it
    boot: str = ""
    records: dict[str, Record] = field(default_factory=dict)  # by tag
    logs: dict[tuple[str, str], str] = field(default_factory=dict)  # by namespec and channel: AUTO logs
    done: dict[str, DoneRun] = field(default_factory=dict)  # by namespec
    hooks: dict[str, RunningHook] = field(default_factory=dict)  # by tag


def read_state(content: bytes) -> State:
    """Read all valid lines of a file; an incomplete line is ignored."""
    state = State()
    for line in content.split(b"\n"):
        try:
            _take(state, json.loads(line))
        except (ValueError, TypeError, OverflowError, RecursionError):
            continue
    return state


def survivors(state: State) -> list[Survivor]:
    """Those that still run, each identified with certainty."""
    if not state.boot or state.boot != boot_id():
        return []
    found = []
    for record in state.records.values():
        identity = Identity(record.pid, record.ticks)
        if record.pid and identify(record.pid) == identity:
            found.append(Survivor(record, identity))
    unsure = [record for record in state.records.values() if not record.pid]
    if unsure:
        snapshot = look()
        for record in unsure:
            bearers = snapshot.tagged(record.tag)
            if bearers:
                first = min(bearers, key=_age)
                pipes = given_pipes(first.pid)
                found.append(Survivor(replace(record, pid=first.pid, ticks=first.start, pipes=pipes), first.identity))
    return found


class StateFile:
    """The file of a running master, from `take` to `close`. On a full disk, events are missing in it."""

    def __init__(self, path: str, others: Sequence[str], fd: int, before: State) -> None:
        """Made by `take`; `before` is what earlier masters recorded."""
        self.path = path
        self.before = before
        self.begun = False
        self._others = others
        self._fd = fd
        self._records: dict[str, Record] = {}
        self._logs: dict[tuple[str, str], str] = {}
        self._done: dict[str, DoneRun] = {}
        self._hooks: dict[str, RunningHook] = {}
        self._by_pid: dict[int, str] = {}
        self._unwritten: list[bytes] = []  # lines
        self._lines = 0
        self._most_lines = MOST_LINES

    @classmethod
    def take(cls, path: str, others: Sequence[str] = ()) -> Self:
        """Lock or create the file. `others` are paths that a master started in another way would use.

        Their content stays until `begin`.

        Raises:
            StateFileHeld: by a master that runs.
            OSError: it cannot be created.
        """
        fd = _open_locked(path)
        before = read_state(_content(fd))
        for other in others:
            try:
                held = _open_locked(other, create=False)
            except FileNotFoundError:
                continue
            more = read_state(_content(held))
            before.boot = before.boot or more.boot
            before.records |= more.records
            before.logs |= more.logs
            before.done |= more.done
            before.hooks |= more.hooks
            os.close(held)
        return cls(path, others, fd, before)

    def snapshot(self) -> dict[str, Any]:
        """The file as plain data, from which another process image continues; `fd` holds the lock."""
        return {
            "path": self.path,
            "fd": self._fd,
            "records": [asdict(record) for record in self._records.values()],
            "logs": [[name, channel, path] for (name, channel), path in self._logs.items()],
            "done": {name: asdict(run) for name, run in self._done.items()},
        }

    @classmethod
    def restore(cls, data: dict[str, Any]) -> Self:
        """Continue from what `snapshot` returned."""
        file = cls(data["path"], (), data["fd"], State())
        file.begun = True
        records = [Record(**{**known, "pipes": tuple(known["pipes"])}) for known in data["records"]]
        file._records = {record.tag: record for record in records}
        file._by_pid = {record.pid: record.tag for record in records}
        file._done = {name: DoneRun(**known) for name, known in data.get("done", {}).items()}
        file._logs = {(name, channel): path for name, channel, path in data["logs"]}
        file._most_lines = 0
        return file

    def begin(self) -> None:
        """Drop the records of earlier masters: what still runs has been recorded again."""
        self.begun = True
        self._write_anew()
        for other in self._others:
            try:
                os.unlink(other)
            except OSError:
                pass

    def done(self, name: str, run: DoneRun | None) -> None:
        """A one-shot has succeeded; None: that does not hold any more."""
        if run is not None:
            self._done[name] = run
            self._note(_done_line(name, run))
        elif self._done.pop(name, None) is not None:
            self._note(["done", name, None])

    def starting(self, record: Record) -> None:
        """A process is about to be started."""
        self.done(record.name, None)
        self._records[record.tag] = record
        self._note(_line(record))

    def started(self, tag: str, identity: Identity, pipes: tuple[int, int, int]) -> None:
        """It was started."""
        known = self._records.get(tag)
        if known is not None:
            self._records[tag] = Record(
                known.name, tag, known.definition, known.signal, known.patience, identity.pid, identity.start, pipes
            )
            self._by_pid[identity.pid] = tag
            self._append(_placed_line(tag, identity.pid, identity.start, pipes))

    def hook_starting(self, name: str, hook: str, tag: str) -> None:
        """A command of a hook of that process is about to be started."""
        self._hooks[tag] = RunningHook(name, hook)
        self._note(["hook", tag, name, hook])

    def hook_ended(self, tag: str) -> None:
        """It has ended, or was not started."""
        if self._hooks.pop(tag, None) is not None:
            self._note(["hook", tag, None, None])

    def adopted(self, record: Record) -> None:
        """An earlier master started it: in one line, so that no information is missing at any moment."""
        self._records[record.tag] = record
        self._by_pid[record.pid] = record.tag
        self._note(_line(record))

    def not_started(self, tag: str) -> None:
        """It was not started."""
        if self._records.pop(tag, None) is not None:
            self._append(_ended_line(tag))

    def ended(self, pid: int) -> None:
        """It has ended, and was reaped."""
        tag = self._by_pid.pop(pid, None)
        if tag is not None and self._records.pop(tag, None) is not None:
            self._unwritten.append(_ended_line(tag))
            if len(self._unwritten) >= MOST_UNWRITTEN:
                self._write()

    def log(self, name: str, channel: str, path: str | None) -> None:
        """The AUTO log of one channel; None: it was removed."""
        if path is not None:
            self._logs[name, channel] = path
        elif self._logs.pop((name, channel), None) is None:
            return
        self._note(["log", name, channel, path])

    def move(self, path: str) -> None:
        """Continue in another file, if possible, since the control socket has changed. Raises StateFileHeld."""
        if path == self.path or self._fd < 0 or not self.begun:
            return
        try:
            fd = _open_locked(path)
        except OSError:
            return
        left, self.path = (self.path, self._fd), path
        self._fd = fd
        self._write_anew()
        try:
            os.unlink(left[0])
        except OSError:
            pass
        os.close(left[1])

    def close(self) -> None:
        """Close it, and remove it unless the next master needs its content."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            if self.begun and not self._records and not self._hooks:
                os.unlink(self.path)
        except OSError:
            pass
        os.close(fd)

    def _note(self, line: list[Any]) -> None:
        self._append(_encode(line))

    def _append(self, line: bytes) -> None:
        self._unwritten.append(line)
        self._write()

    def _write(self) -> None:
        lines, self._unwritten = self._unwritten, []
        if self._fd < 0:
            return
        self._lines += len(lines)
        if self._lines > self._most_lines:
            self._write_anew()
            return
        try:
            os.write(self._fd, b"".join(lines))
        except OSError:
            pass

    def _write_anew(self) -> None:
        """Replace the file by the present state; the old one stays if that fails."""
        lines: list[list[Any]] = [["procman", VERSION, os.getpid(), boot_id()]]
        lines += [_line(record) for record in self._records.values()]
        lines += [["log", *key, path] for key, path in self._logs.items()]
        lines += [_done_line(name, run) for name, run in self._done.items()]
        lines += [["hook", tag, one.name, one.hook] for tag, one in self._hooks.items()]
        new = f"{self.path}.new"
        try:
            fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        except OSError:
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = b"".join(map(_encode, lines))
            if os.write(fd, content) == len(content):
                os.rename(new, self.path)
                self._fd, fd = fd, self._fd
                self._lines = len(lines)
                self._most_lines = MOST_LINES + 4 * len(lines)
        except OSError:
            pass
        finally:
            os.close(fd)


def _open_locked(path: str, *, create: bool = True) -> int:
    held = f"cannot lock {path}: others make it and take it away all the time"
    for _ in range(TRIES):
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | (os.O_CREAT if create else 0), 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have been replaced or removed since it was opened.
            if os.path.samestat(os.fstat(fd), os.lstat(path)):
                return fd
        except BlockingIOError:
            # Its holder may be about to end, or a child of it may not have reached its exec yet.
            pid = read_state(_content(fd)).master
            held = "procman is already running with this configuration"
            held += f" (pid {pid}); stop it first, or if its socket was removed, kill -USR2 {pid}" if pid else ""
            time.sleep(PAUSE)
        except FileNotFoundError:
            pass
        os.close(fd)
    raise StateFileHeld(held)


# dataclasses.asdict takes ten times as long, and this runs at each start of a program.
_values = attrgetter(*(known.name for known in fields(Record)))


_json = json.JSONEncoder(check_circular=False)


def _encode(line: list[Any]) -> bytes:
    # The newline comes first, so that a line that did not fit on the disk does not spoil the next one.
    return b"\n" + _json.encode(line).encode()


# These two take a third of the time when only the tag is encoded; the rest are numbers.


def _placed_line(tag: str, pid: int, ticks: int, pipes: tuple[int, int, int]) -> bytes:
    return f'\n["=", {_json.encode(tag)}, {pid}, {ticks}, {list(pipes)}]'.encode()


def _ended_line(tag: str) -> bytes:
    return f'\n["-", {_json.encode(tag)}]'.encode()


def _line(record: Record) -> list[Any]:
    return ["+", *_values(record)]


def _done_line(name: str, run: DoneRun) -> list[Any]:
    return ["done", name, run.definition, run.code, run.began, run.ended]


def _content(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0) if size <= MOST_BYTES else b""


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
        case _:
            pass


def _placed(record: Record, pid: object, ticks: object, pipes: object) -> Record:
    match pid, ticks, pipes:
        case int(), int(), [int(stdin), int(stdout), int(stderr)] if pid >= 0:
            return replace(record, pid=pid, ticks=ticks, pipes=(stdin, stdout, stderr))
        case _:
            raise ValueError(f"no process: {pid}, {ticks}, {pipes}")


def _age(process: Process) -> tuple[int, int]:
    return process.start, process.pid
