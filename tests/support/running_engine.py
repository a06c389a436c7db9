"""An engine that drives real processes, in a process apart that inherits all orphans; none of them outlives it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from procman.config.schema.groups import Group
from procman.config.schema.programs import Program
from procman.core.actions import Announce
from procman.core.events import BootRequested
from procman.core.fleet import Fleet
from procman.core.states import State
from procman.runtime.bus import Bus, BusEvent, Notification, Sequence
from procman.runtime.children import Children
from procman.runtime.command_runner import CommandRunner
from procman.runtime.engine import Engine
from procman.runtime.launcher import Launcher
from procman.runtime.ledger import NoLedger
from procman.runtime.leftovers import LeftoverReporter
from procman.runtime.process_trees import Trees
from procman.runtime.program_sockets import ProgramSockets
from procman.system.held_sockets import HeldSockets
from procman.system.shared_sockets import SharedSockets
from procman.system.spawn import Child
from tests.support.listener_pools import RecordedLog
from tests.support.tree_fixtures import in_subreaper

T = TypeVar("T")
E = TypeVar("E")

PATIENCE = 60.0


class Pipes:
    """Keeps what processes write, in `said`, by name; read when the engine says that they have ended."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.children: dict[str, Child] = {}

    def attach(self, name: str, program: Program, child: Child) -> None:
        """A process has started."""
        self.children[name] = child

    def ended(self, name: str) -> None:
        """A process has ended."""
        fd = self.children[name].stdout
        assert fd is not None
        try:
            self.said[name] = self.said.get(name, "") + os.read(fd, 65536).decode()
        except BlockingIOError:
            pass

    def line(self, name: str) -> str:
        """The next line of a running process."""
        fd = self.children[name].stdout
        assert fd is not None
        os.set_blocking(fd, True)
        text = b""
        while not text.endswith(b"\n"):
            text += os.read(fd, 1)
        os.set_blocking(fd, False)
        return text.decode().rstrip("\n")


class RunningEngine:
    """The engine and its rooms; `events` are all that were published."""

    def __init__(self, *groups: Group, sequence: Sequence | None = None, ledger: Any = None) -> None:
        self.bugs: list[str] = []
        self.logged: list[str] = []
        self.events: list[BusEvent] = []
        self.notifications: list[Notification] = []
        self.fleet = Fleet(groups)
        self.bus = Bus(sequence or Sequence(), self.bugs.append)
        self.bus.subscribe(self._note)
        self.pipes = Pipes()
        self.trees = Trees(f"test{os.getpid()}", adopts=True)
        self.children = Children()
        self.ledger = ledger or NoLedger()
        self.launcher = Launcher(
            self.fleet,
            self.bus,
            self.pipes,
            self.trees,
            children=self.children,
            sockets=SharedSockets(self.logged.append),
            held=ProgramSockets(HeldSockets(), RecordedLog(), lambda event: self.engine.post(event)),  # noqa: PLW0108
            ledger=self.ledger,
        )
        self.engine = Engine(
            self.fleet,
            self.bus,
            self.pipes,
            self.trees,
            children=self.children,
            launcher=self.launcher,
            ledger=self.ledger,
            on_bug=self.bugs.append,
        )
        self.bus.subscribe(self.launcher.hear)
        self.leftovers = LeftoverReporter(self.bus, self.trees)
        self.commands = CommandRunner(self.children, lambda: self.trees.tag(""))
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.engine.reap)

    def _note(self, notification: Notification) -> None:
        self.notifications.append(notification)
        self.events.append(notification.event)

    def boot(self) -> None:
        """Start what has autostart."""
        self.engine.post(BootRequested())

    def of(self, kind: type[E]) -> list[E]:
        """The events of one type, so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def states(self, name: str) -> list[str]:
        """The states that a process has entered, so far."""
        return [event.after.name for event in self.of(Announce) if event.name == name]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to have happened."""
        assert await self.bus.until(condition, PATIENCE), self.events

    async def enters(self, name: str, state: State) -> None:
        """Wait until a process is in that state."""
        await self.until(lambda: self.fleet.processes[name].state is state)

    def pid(self, name: str) -> int:
        """Of a process that runs."""
        pid = self.fleet.processes[name].pid
        assert pid is not None
        return pid

    async def until_true(self, condition: Callable[[], bool]) -> None:
        """Wait for something that is not published."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.01)

    def write(self, name: str, data: bytes) -> None:
        """Write to the stdin of a running process."""
        fd = self.pipes.children[name].stdin
        assert fd is not None
        os.write(fd, data)

    async def readable(self, name: str) -> None:
        """Wait until a running process has written something."""
        fd = self.pipes.children[name].stdout
        assert fd is not None
        ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(fd, ready.set)
        await ready.wait()
        loop.remove_reader(fd)

    def start_sleeper(self) -> Child:
        """A process that the engine does not know of."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.close(writer)
        pid = os.posix_spawn("/bin/sleep", ["sleep", "1000"], os.environ)
        return Child(pid, None, reader, None)


def on_engine(steps: Callable[[], Awaitable[T]]) -> T:
    """What `steps` returns, run on a loop in a process apart."""

    def whole() -> Any:
        async def run() -> T:
            return await steps()

        return asyncio.run(run())

    answer: T = in_subreaper(whole)
    return answer
