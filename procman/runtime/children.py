"""The registry of all live processes that this master has started or adopted, by pid, with their purpose.

So a helper command is never taken for a program or an orphan, and a pid is signalled only while its process is known.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from procman.system.foreign_process import WatchedProcess, watch
from procman.system.proc import Identity
from procman.system.reaper import Reaped
from procman.system.signals import send
from procman.system.spawn import Child


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """A process of a program; `watched` if another master started it, so that it is not our child."""

    name: str  # namespec
    child: Child
    watched: WatchedProcess | None = None


@dataclass(frozen=True, slots=True)
class RunningCommand:
    """A helper command of the master itself."""

    child: Child
    on_end: Callable[[Reaped], None]


class Children:
    """The registry, by pid."""

    def __init__(self) -> None:
        self._known: dict[int, RunningProgram | RunningCommand] = {}
        self._no_command = asyncio.Event()  # is running
        self._no_command.set()

    def program_started(self, name: str, child: Child) -> None:
        """Register a process of that program."""
        self._known[child.pid] = RunningProgram(name, child)

    def command_started(self, child: Child, on_end: Callable[[Reaped], None]) -> None:
        """Register a helper command; `on_end` is called when it was reaped."""
        self._known[child.pid] = RunningCommand(child, on_end)
        self._no_command.clear()

    async def commands_ended(self, within: float) -> bool:
        """Whether all helper commands are reaped within so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._no_command.wait()
        except TimeoutError:
            return False
        return True

    def adopt(self, name: str, child: Child, watched: WatchedProcess, on_end: Callable[[Reaped], None]) -> None:
        """Register a process of that program that another master started; `on_end` is called when it has ended."""
        self._known[child.pid] = RunningProgram(name, child, watched)
        asyncio.get_running_loop().add_reader(watched.fileno(), partial(self._adopted_ended, watched, on_end))

    def reaped(self, reaped: Reaped) -> RunningProgram | RunningCommand | None:
        """Remove it; returns its purpose, None for an orphan."""
        known = self._known.pop(reaped.pid, None)
        if known is not None:
            known.child.reaped(reaped)
            _unwatch(known)
            if isinstance(known, RunningCommand) and not any(self._commands()):
                self._no_command.set()
        return known

    def send(self, pid: int, signum: int, *, as_group: bool) -> str | None:
        """Signal a process, or its process group; returns why the kernel refused. That it has ended is no refusal."""
        known = self._known.get(pid)
        if isinstance(known, RunningProgram) and known.watched is not None:
            # Its parent may reap it at any time, so the pid may be another process's by now.
            return known.watched.send(signum, as_group=as_group)
        return send(pid, signum, as_group=as_group)

    def snapshot(self) -> list[list[int]]:
        """The pids and start times of adopted processes; all others are our children."""
        return [
            [pid, known.watched.identity.start]
            for pid, known in self._known.items()
            if isinstance(known, RunningProgram) and known.watched is not None
        ]

    def restore(
        self, names: Iterable[tuple[int, str]], adopted: Iterable[list[int]], on_end: Callable[[Reaped], None]
    ) -> list[int]:
        """Register these processes, some of them adopted; returns the pids of adopted ones that have ended."""
        start_times = {pair[0]: pair[1] for pair in adopted}
        ended = []
        for pid, name in names:
            child = Child(pid, None, None, None)
            if pid not in start_times:
                self.program_started(name, child)
            elif (watched := watch(Identity(pid, start_times[pid]))) is not None:
                self.adopt(name, child, watched, on_end)
            else:
                ended.append(pid)
        return ended

    def close(self) -> None:
        """Stop watching."""
        for known in self._known.values():
            _unwatch(known)
        self._known.clear()

    def _commands(self) -> Iterator[RunningCommand]:
        return (known for known in self._known.values() if isinstance(known, RunningCommand))

    def _adopted_ended(self, watched: WatchedProcess, on_end: Callable[[Reaped], None]) -> None:
        on_end(watched.how() or Reaped(watched.identity.pid, -1, known=False))


def _unwatch(known: RunningProgram | RunningCommand) -> None:
    if isinstance(known, RunningProgram) and known.watched is not None:
        asyncio.get_running_loop().remove_reader(known.watched.fileno())
        known.watched.close()
