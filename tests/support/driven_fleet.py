"""A fleet that is driven by events, and what it answers."""

from collections.abc import Iterable
from typing import Any, TypeVar

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.core.actions import (
    Action,
    Kill,
    Spawn,
)
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Event,
    Exited,
    ExitStatus,
    Spawned,
)
from procman.core.fleet import Fleet
from tests.support.programs import group, program

A = TypeVar("A")

OK = ExitStatus(0)


class Drive:
    """A fleet, and what it answered; every spawn succeeds at once, and no process ends unless a test says so."""

    def __init__(self, *groups: Group, boot: bool = True, master: Master | None = None) -> None:
        self.fleet = Fleet(groups, master or Master())
        self.now = 0.0
        self.pids = 100
        if boot:
            self.says(BootRequested())
            self.now = 60.0
            self.says(DeadlineReached())

    def says(self, event: Event) -> list[Action]:
        """Handle one event and carry out the spawns that follow; returns all actions."""
        actions = self.fleet.handle(event, self.now)
        for order in [action for action in actions if isinstance(action, Spawn)]:
            if self.fleet.awaits(order):
                actions += self.says(Spawned(order.name, self.next_pid()))
        return actions

    def next_pid(self) -> int:
        """One that was not used yet."""
        self.pids += 1
        return self.pids

    def ends(self, name: str, status: ExitStatus = OK, descendants: tuple[int, ...] = ()) -> list[Action]:
        """Let the process of that name end; these descendants of it go on."""
        pid = self.fleet.processes[name].pid
        assert pid is not None
        return self.says(Exited(pid, status, descendants))

    def states(self) -> dict[str, str]:
        """The state of every process, by its name."""
        return {name: process.state.name for name, process in self.fleet.processes.items()}


def killed(actions: Iterable[Action]) -> list[str]:
    """The processes that get a signal."""
    return [action.name for action in actions if isinstance(action, Kill)]


def spawned(actions: Iterable[Action]) -> list[str]:
    """The processes that are to be spawned."""
    return [action.name for action in actions if isinstance(action, Spawn)]


def of(kind: type[A], actions: Iterable[Action]) -> list[A]:
    """The actions of that kind."""
    return [action for action in actions if isinstance(action, kind)]


def members(name: str, *names: str, **options: Any) -> Group:
    """A group of several processes with the same options."""
    return group(name, *(program(n, name, **options) for n in names))
