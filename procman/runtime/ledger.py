"""Records which processes run, for the next master if this one is killed."""

import time
from collections.abc import Callable
from typing import Protocol

from procman.config.schema.programs import Program
from procman.system.foreign_process import place_of
from procman.system.proc import Identity
from procman.system.spawn import Child
from procman.system.state_file import StateFile
from procman.system.state_lines import DoneRun, Pause, Record


class Ledger(Protocol):
    """Gets each start and end of a process."""

    def starting(self, name: str, program: Program, tag: str) -> None:
        """A process is about to be started."""

    def started(self, tag: str, root: Identity, child: Child) -> None:
        """It was."""

    def not_started(self, tag: str) -> None:
        """It was not."""

    def ready(self, pid: int, seconds: float) -> None:
        """It was ready so many seconds after its start, as its conditions have held."""

    def ended(self, pid: int) -> None:
        """It was reaped, or has ended elsewhere."""

    def hook_starting(self, name: str, hook: str, tag: str) -> None:
        """A command of a hook of that process is about to be started."""

    def hook_ended(self, tag: str) -> None:
        """It has ended, or was not started."""

    def done(self, program: Program, code: int, began: float, ended: float) -> None:
        """A one-shot has succeeded; the times are in seconds since the epoch."""

    def paused(self, name: str, seconds: float, reason: str) -> None:
        """The health of a process is not looked at for so many seconds; 0: it is."""

    def forget(self, name: str) -> None:
        """A process has left."""


class NoLedger:
    """No ledger: nothing can outlive the master (PID 1), or there is no place for the file."""

    def starting(self, name: str, program: Program, tag: str) -> None:
        """Nothing is written."""

    def started(self, tag: str, root: Identity, child: Child) -> None:
        """Nothing is written."""

    def not_started(self, tag: str) -> None:
        """Nothing is written."""

    def ready(self, pid: int, seconds: float) -> None:
        """Nothing is written."""

    def ended(self, pid: int) -> None:
        """Nothing is written."""

    def hook_starting(self, name: str, hook: str, tag: str) -> None:
        """Nothing is written."""

    def hook_ended(self, tag: str) -> None:
        """Nothing is written."""

    def done(self, program: Program, code: int, began: float, ended: float) -> None:
        """Nothing is written: the life of a master without a ledger ends with its process."""

    def paused(self, name: str, seconds: float, reason: str) -> None:
        """Nothing is written."""

    def forget(self, name: str) -> None:
        """Nothing is written."""

    def log(self, name: str, channel: str, path: str | None) -> None:
        """Nothing is written."""

    def move(self, path: str) -> None:
        """There is no file."""

    def close(self) -> None:
        """Nothing is open."""


class ProcessLedger:
    """A ledger in a file."""

    def __init__(self, file: StateFile, fingerprint: Callable[[Program], int]) -> None:
        """`fingerprint` is equal for two definitions if a process may keep running when one replaces the other."""
        self.file = file
        self._fingerprint = fingerprint
        self._known: dict[str, tuple[Program, int]] = {}
        self.log = file.log
        self.not_started = file.not_started
        self.hook_starting = file.hook_starting
        self.hook_ended = file.hook_ended
        self.ready = file.ready
        self.ended = file.ended
        self.move = file.move
        self.close = file.close

    @property
    def begun(self) -> bool:
        """Whether this master has taken over from the one before it."""
        return self.file.begun

    def fingerprint(self, program: Program) -> int:
        """The fingerprint of a definition: it differs if a running process would have to be replaced."""
        known = self._known.get(program.namespec)
        if known is None or known[0] is not program:
            known = self._known[program.namespec] = (program, self._fingerprint(program))
        return known[1]

    def starting(self, name: str, program: Program, tag: str) -> None:
        """It is about to be started."""
        definition = self.fingerprint(program)
        self.file.starting(Record(name, tag, definition, int(program.stopsignal), program.stopwaitsecs))

    def done(self, program: Program, code: int, began: float, ended: float) -> None:
        """A one-shot has succeeded."""
        self.file.done(program.namespec, DoneRun(self.fingerprint(program), code, began, ended))

    def paused(self, name: str, seconds: float, reason: str) -> None:
        """Its health is not looked at for so many seconds; 0: it is."""
        self.file.paused(name, Pause(time.monotonic() + seconds, reason) if seconds else None)

    def forget(self, name: str) -> None:
        """It has left, and so has what it did."""
        self.file.done(name, None)
        self.file.paused(name, None)

    def started(self, tag: str, root: Identity, child: Child) -> None:
        """It was."""
        places = place_of(child.stdin), place_of(child.stdout), place_of(child.stderr)
        self.file.started(tag, root, places)
