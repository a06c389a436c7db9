"""Records which programs run, so that the next master finds them if this one is killed.

One line for each event (`system.state_lines`), written at once but not synced: the file has to survive the master, not
the machine, which ends the programs, too. A start is recorded before it happens, so no program ever runs unrecorded.
Pids are valid only with their start time, and only within one boot. The master locks its file, and rewrites it when it
has grown.

An end is written together with what comes next: until then a process is recorded that is not there any more, and is
not found.

Positions in logs are not recorded: output that is not in its log yet is still in the pipe, which the process holds.
"""

import fcntl
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from procman.errors import ProcmanError
from procman.system.foreign_process import given_pipes
from procman.system.proc import Identity, Process, boot_id, identify
from procman.system.state_lines import (
    VERSION,
    DoneRun,
    Pause,
    Record,
    RunningHook,
    State,
    done_line,
    encode,
    ended_line,
    pause_line,
    placed_line,
    read_state,
    ready_line,
    started_line,
)
from procman.system.tree import look

# It is rewritten at so many lines, and then at four times as many lines as it had after the last time.
MOST_LINES = 1000
# So many ends wait for what comes next.
MOST_UNWRITTEN = 20
# No master writes more bytes; a larger file is not read.
MOST_BYTES = 64 * 1024 * 1024
# As for a pid file.
TRIES = 10
PAUSE = 0.01  # seconds


class StateFileHeld(ProcmanError):
    """Another running master holds it."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A process of an earlier master that still runs."""

    record: Record
    identity: Identity


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
        self._pauses: dict[str, Pause] = {}
        self._ready: dict[str, float] = {}
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
            before.pauses |= more.pauses
            before.ready |= more.ready
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
            "pauses": {name: asdict(pause) for name, pause in self._pauses.items()},
            "ready": self._ready,
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
        file._pauses = {name: Pause(**known) for name, known in data.get("pauses", {}).items()}
        file._ready = dict(data.get("ready", {}))
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
            self._note(done_line(name, run))
        elif self._done.pop(name, None) is not None:
            self._note(["done", name, None])

    def paused(self, name: str, pause: Pause | None) -> None:
        """Its health is not looked at for a while; None: it is."""
        if pause is not None:
            self._pauses[name] = pause
            self._note(pause_line(name, pause))
        elif self._pauses.pop(name, None) is not None:
            self._note(["pause", name, None])

    def starting(self, record: Record) -> None:
        """A process is about to be started."""
        self.done(record.name, None)
        self._records[record.tag] = record
        self._note(started_line(record))

    def started(self, tag: str, identity: Identity, pipes: tuple[int, int, int]) -> None:
        """It was started."""
        known = self._records.get(tag)
        if known is not None:
            self._records[tag] = Record(
                known.name, tag, known.definition, known.signal, known.patience, identity.pid, identity.start, pipes
            )
            self._by_pid[identity.pid] = tag
            self._append(placed_line(tag, identity.pid, identity.start, pipes))

    def hook_starting(self, name: str, hook: str, tag: str) -> None:
        """A command of a hook of that process is about to be started."""
        self._hooks[tag] = RunningHook(name, hook)
        self._note(["hook", tag, name, hook])

    def hook_ended(self, tag: str) -> None:
        """It has ended, or was not started."""
        if self._hooks.pop(tag, None) is not None:
            self._note(["hook", tag, None, None])

    def ready(self, pid: int, seconds: float) -> None:
        """It was ready so many seconds after its start, as its conditions have held."""
        tag = self._by_pid.get(pid)
        if tag is not None:
            self._ready[tag] = round(seconds, 3)
            self._note(ready_line(tag, self._ready[tag]))

    def adopted(self, record: Record, ready_after: float | None = None) -> None:
        """An earlier master started it: in one line, so that no information is missing at any moment."""
        self._records[record.tag] = record
        self._by_pid[record.pid] = record.tag
        self._unwritten.append(encode(started_line(record)))
        if ready_after is not None:
            self._ready[record.tag] = ready_after
            self._unwritten.append(encode(ready_line(record.tag, ready_after)))
        self._write()

    def not_started(self, tag: str) -> None:
        """It was not started."""
        if self._records.pop(tag, None) is not None:
            self._append(ended_line(tag))

    def ended(self, pid: int) -> None:
        """It has ended, and was reaped."""
        tag = self._by_pid.pop(pid, None)
        if tag is not None and self._ready:
            self._ready.pop(tag, None)
        if tag is not None and self._records.pop(tag, None) is not None:
            self._unwritten.append(ended_line(tag))
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
        self._append(encode(line))

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
        lines += [started_line(record) for record in self._records.values()]
        lines += [ready_line(tag, seconds) for tag, seconds in self._ready.items()]
        lines += [["log", *key, path] for key, path in self._logs.items()]
        lines += [done_line(name, run) for name, run in self._done.items()]
        lines += [["hook", tag, one.name, one.hook] for tag, one in self._hooks.items()]
        lines += [pause_line(name, pause) for name, pause in self._pauses.items()]
        new = f"{self.path}.new"
        try:
            fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        except OSError:
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = b"".join(map(encode, lines))
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


def _content(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0) if size <= MOST_BYTES else b""


def _age(process: Process) -> tuple[int, int]:
    return process.start, process.pid
