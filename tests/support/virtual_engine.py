"""An engine without an operating system: the test says what came of each order, and what time it is."""

from collections.abc import Callable
from typing import TypeVar

from procman.core.actions import (
    Action,
    CheckHealth,
    Measure,
    Probe,
    RunUnhealthyCommand,
    RunWatchCommand,
    ScheduleAt,
    SocketOrder,
    Spawn,
)
from procman.core.attribution import NOBODY, Attribution, Origin
from procman.core.events import DeadlineReached, Event, Exited, ExitStatus, Spawned, StartRequested
from procman.core.fleet import Fleet
from procman.core.spec import GroupSpec
from procman.runtime.call_queue import CallQueue
from procman.runtime.update_mark import UpdateMark
from procman.services.access import AccessRules
from procman.services.configuration import ConfigService
from procman.services.master import MasterService
from procman.services.notifying import Notifying
from procman.services.operations import Operations
from procman.services.processes import ProcessService
from procman.services.status import StatusBoard
from procman.services.update_service import UpdateService
from tests.support.notifications import new_bus

T = TypeVar("T")


class VirtualEngine:
    """Decides with a real fleet, and carries nothing out."""

    def __init__(self, *groups: GroupSpec) -> None:
        self.fleet = Fleet(groups)
        self.bus = new_bus()
        self.now = 0.0
        self.actions: list[Action] = []
        self.attribution = Attribution()
        self._pids = 100

    def post(self, event: Event, origin: Origin = NOBODY) -> None:
        self.attribution.begin(event, origin, getattr(event, "name", None))
        for action in self.fleet.handle(event, self.now):
            self.actions.append(action)
            if isinstance(
                action, Probe | Measure | CheckHealth | RunUnhealthyCommand | RunWatchCommand | ScheduleAt | SocketOrder
            ):
                continue  # nothing here is looked at
            origin = self.attribution.origin_of(action)
            self.attribution.published(action, origin, self.bus.publish(action, origin))

    def has_left(self, _name: str) -> bool:
        return False

    # ---- what the test says

    def spawn_all(self) -> None:
        """Carry out the spawns that have been ordered."""
        for action in list(self.actions):
            if isinstance(action, Spawn) and self.fleet.awaits(action):
                self._pids += 1
                self.post(Spawned(action.name, self._pids))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.post(DeadlineReached())

    def end(self, name: str, status: int = 0) -> None:
        pid = self.fleet.processes[name].pid
        assert pid is not None
        self.post(Exited(pid, ExitStatus(status)))

    def run(self, *names: str) -> None:
        """Bring them up."""
        for name in names:
            self.post(StartRequested(name))
        self.spawn_all()
        self.pass_time(10)


class AtOnce(CallQueue):
    """Has no threads: a turn of the loop is enough."""

    async def do(self, call: Callable[[], T]) -> T:
        return call()


class Services:
    """All services on a virtual engine; `config` is what `load` returns."""

    def __init__(self, *groups: GroupSpec, config: object = None) -> None:
        self.engine = VirtualEngine(*groups)
        self.operations = Operations()
        self.board = StatusBoard(self.engine, lambda _: ("", ""))  # type: ignore[arg-type]
        self.master = MasterService(self.engine, self.operations)  # type: ignore[arg-type]
        self.processes = ProcessService(self.engine, self.master, self.board, lambda _: 0)  # type: ignore[arg-type]
        self.notifying = Notifying(None)  # type: ignore[arg-type]
        self.read = config

        async def load() -> object:
            if isinstance(self.read, Exception):
                raise self.read
            return self.read

        self.configuration = ConfigService(
            self.engine,  # type: ignore[arg-type]
            self.master,
            self.processes.table,
            config,  # type: ignore[arg-type]
            load,  # type: ignore[arg-type]
            notifying=self.notifying,
            access=AccessRules(self.engine.fleet, 0),
        )
        self.updates = UpdateService(
            self.engine,  # type: ignore[arg-type]
            self.master,
            self.configuration,
            mark=UpdateMark(None),
            clock=lambda: self.engine.now,
            beside=AtOnce(0.0),
        )
