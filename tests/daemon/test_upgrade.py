"""An upgrade waits for obstacles to go; it checks them again after each notification, and never polls."""

import asyncio
from types import SimpleNamespace

import pytest

from procman.core.actions import ProcessRemoved
from procman.core.events import DeadlineReached, Spawned
from procman.core.fleet import Fleet
from procman.core.states import MasterState, State
from procman.daemon import upgrade as upgrade_module
from procman.daemon.upgrade import Start, Upgrade
from procman.errors import OperationFailed
from procman.services.master import MasterService
from procman.services.operations import Operations
from procman.services.processes import ProcessService
from procman.services.status import StatusBoard
from tests.support.notifications import new_bus
from tests.support.programs import group

PATIENCE = 60  # of a test


class Engine:
    """An engine that carries nothing out; the test makes its notifications."""

    def __init__(self):
        self.fleet = Fleet((group("web", startsecs=2, command="/bin/sleep 1000"),))
        self.is_quiet = True
        self.turn = asyncio.get_running_loop().create_future()
        self.bus = new_bus()
        self.now = 0.0

    def caught_up(self):
        return self.turn

    def post(self, event, _origin=None):
        for action in self.fleet.handle(event, self.now):
            self.bus.publish(action)


class Asked:
    """A requested upgrade, up to the rehearsal."""

    def __init__(self, monkeypatch):
        self.engine = Engine()
        self.obstacle = None
        self.looks = 0
        self.said = []
        self.checks = []
        self.rehearsed = asyncio.Event()
        self.upgrade = Upgrade(
            self.engine,
            SimpleNamespace(warn=self.said.append, critical=self.said.append),
            None,
            Start(("procman",), "/"),
            number=1,
            obstacle=self.look,
            snapshot=dict,
            environment=dict,
            deliver=lambda: None,
            hold=lambda: None,
            go_on=lambda: None,
            hold_checks=lambda: self.checks.append("held"),
            check_again=lambda: self.checks.append("go on"),
            leaving=lambda: None,
        )

        async def rehearse():
            self.rehearsed.set()
            # So far and no further: this process is not to be replaced.
            raise asyncio.CancelledError

        monkeypatch.setattr(self.upgrade, "_rehearse", rehearse)
        self.task = None

    def look(self):
        self.looks += 1
        return self.obstacle() if callable(self.obstacle) else self.obstacle

    def ask(self):
        self.task = asyncio.ensure_future(self.upgrade.prepare())

    async def goes_on(self):
        await asyncio.wait_for(self.rehearsed.wait(), PATIENCE)
        await asyncio.wait([self.task])
        assert self.task.cancelled()
        assert self.said == []
        assert self.checks[-2:] == ["held", "go on"]

    async def still_waits(self):
        """Assert that it waits after everything that could happen by itself has happened."""
        for _ in range(20):
            await asyncio.sleep(0)
        assert not self.task.done()
        assert not self.rehearsed.is_set()


@pytest.fixture
def run(monkeypatch):
    """Run the steps of a test; an upgrade that waits in vain does not give up before the test does."""
    monkeypatch.setattr(upgrade_module, "PATIENCE", 10 * PATIENCE)

    def run(steps):
        async def whole():
            asked = Asked(monkeypatch)
            await steps(asked)
            if asked.task is not None:
                asked.task.cancel()
                await asyncio.wait([asked.task])
            assert asked.engine.bus.idle, "it listens on"

        asyncio.run(whole())

    return run


def test_without_an_obstacle_it_goes_on_at_once(run):
    async def steps(asked):
        asked.ask()
        await asked.goes_on()
        assert asked.looks == 1

    run(steps)


def test_obstacles_are_checked_once_and_after_each_notification(run):
    """Without a notification there is no second check."""

    async def steps(asked):
        asked.obstacle = "the console"
        asked.ask()
        await asked.still_waits()
        assert asked.looks == 1
        asked.engine.bus.nudge()
        await asked.still_waits()
        assert asked.looks == 2
        asked.obstacle = None
        await asked.still_waits()
        asked.engine.bus.nudge()
        await asked.goes_on()
        assert asked.looks == 3

    run(steps)


def test_notifications_from_before_the_request_do_not_count(run):
    async def steps(asked):
        asked.obstacle = "the console"
        asked.engine.bus.nudge()
        asked.ask()
        await asked.still_waits()
        assert asked.looks == 1

    run(steps)


def test_any_notification_of_the_engine_may_end_an_obstacle(run):
    """For instance, that the descendants of a process have gone."""

    async def steps(asked):
        asked.obstacle = "what a program has left behind is being stopped"
        asked.ask()
        await asked.still_waits()
        asked.obstacle = None
        asked.engine.bus.publish(ProcessRemoved("web"))
        await asked.goes_on()

    run(steps)


def test_programs_that_wait_for_their_first_start_are_started_before_it(run):
    async def steps(asked):
        asked.engine.is_quiet = False
        asked.ask()
        await asked.still_waits()
        asked.engine.is_quiet = True
        asked.engine.turn.set_result(None)
        await asked.goes_on()

    run(steps)


def services(asked, silent_among=lambda _: asyncio.sleep(0, set())):
    """The services on the engine; the clients that wait for their operations are an obstacle."""
    operations = Operations(on_left=asked.engine.bus.nudge)
    asked.obstacle = lambda: f"somebody waits for {operations.awaited[0]}" if operations.awaited else None
    status = StatusBoard(asked.engine, lambda _: ("", ""))
    master = MasterService(asked.engine, operations)
    return ProcessService(asked.engine, master, status, lambda _: 0, silent_among), operations


@pytest.mark.parametrize("leaves", [True, False])
def test_clients_that_wait_are_answered_before_it(run, leaves):
    """A client that has left is no obstacle either."""

    async def steps(asked):
        processes, operations = services(asked)
        client = asyncio.ensure_future(operations.wait(processes.start(["web"])))
        await asyncio.sleep(0)
        asked.ask()
        await asked.still_waits()
        asked.engine.post(Spawned("web", 7))
        await asked.still_waits()
        if leaves:
            client.cancel()
        else:
            asked.engine.now = 5.0
            asked.engine.post(DeadlineReached())
        await asked.goes_on()
        await asyncio.wait([client])
        assert client.cancelled() == leaves
        asked.engine.bus = new_bus()

    run(steps)


def test_a_client_that_waits_for_a_disk_is_answered_before_it(run):
    """The program is not started before its disk has answered."""

    async def steps(asked):
        known = asyncio.get_running_loop().create_future()

        async def silent_among(programs):
            assert [program.namespec for program in programs] == ["web"]
            return await known

        processes, operations = services(asked, silent_among)
        start = processes.start(["web"])
        client = asyncio.ensure_future(operations.wait(start, accepted=True))
        await asyncio.sleep(0)
        asked.ask()
        await asked.still_waits()
        assert asked.engine.fleet.processes["web"].state is State.STOPPED
        known.set_result({"web"})
        await asked.goes_on()
        assert await client
        assert [outcome.reason for outcome in start.accepted] == [None]
        assert asked.engine.fleet.processes["web"].state is State.STARTING
        asked.engine.bus = new_bus()

    run(steps)


def test_an_obstacle_that_stays_refuses_it(monkeypatch, run):
    """The refusal has the reason, and the next upgrade is not refused because of this one."""

    async def steps(asked):
        asked.obstacle = "nobody reads the console"
        monkeypatch.setattr(upgrade_module, "PATIENCE", 0)
        asked.ask()
        with pytest.raises(
            OperationFailed, match="cannot upgrade: nobody reads the console; everything goes on as it was"
        ):
            await asked.task
        assert asked.said.pop() == "not upgraded: nobody reads the console; everything goes on as it was"
        asked.obstacle = None
        asked.ask()
        await asked.goes_on()

    run(steps)


def test_a_master_that_shuts_down_is_not_upgraded(monkeypatch, run):
    async def steps(asked):
        asked.engine.fleet.state = MasterState.SHUTDOWN
        monkeypatch.setattr(upgrade_module, "PATIENCE", 0)
        asked.ask()
        with pytest.raises(OperationFailed, match="procman is shutting down"):
            await asked.task

    run(steps)


def test_a_second_request_is_refused_while_the_first_waits(run):
    async def steps(asked):
        asked.obstacle = "the console"
        asked.ask()
        await asked.still_waits()
        with pytest.raises(OperationFailed, match="another upgrade is under way"):
            await asked.upgrade.prepare()
        await asked.still_waits()

    run(steps)
