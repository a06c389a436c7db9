"""The queue of starts: their order, its slices, and starts that cannot be made yet."""

import asyncio
import functools

import pytest

from procman.core.actions import Spawn
from procman.runtime import spawn_queue
from procman.runtime.spawn_queue import SpawnQueue, Turn
from tests.support.programs import program


class Gate:
    """Says of a program what a test says."""

    may_open_soon = False

    def __init__(self):
        self.says = {}

    def is_open(self, program):
        return self.says.get(program.name, True)


class Setting:
    """A queue, and the names of what it has started."""

    def __init__(self, gate=None):
        self.started = []
        self.queue = SpawnQueue(lambda order: self.started.append(order.name), self.serve, gate)

    def add(self, *names):
        for name in names:
            self.queue.add(Spawn(name, program(name), 1))

    def serve(self):
        """As the engine does."""
        self.queue.begin_slice()
        while self.queue.take_turn():
            pass
        self.queue.schedule()


def looped(test):
    """Run it on a loop."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A slice is long enough, however busy the machine is."""
    monkeypatch.setattr(spawn_queue, "SLICE", 60.0)


@looped
async def test_starts_are_made_in_their_order():
    """Starts are made in their order, and then nothing waits any more."""
    setting = Setting()
    setting.add("a", "b", "c")
    turn = setting.queue.caught_up()
    setting.serve()
    assert setting.started == ["a", "b", "c"]
    assert turn.done()
    assert setting.queue.caught_up().done()


@looped
async def test_a_slice_ends_and_the_next_one_comes(monkeypatch):
    """Between two slices the loop has a turn."""
    monkeypatch.setattr(spawn_queue, "SLICE", 0.0)
    setting = Setting()
    setting.add("a")
    setting.serve()
    assert setting.started == []
    monkeypatch.setattr(spawn_queue, "SLICE", 60.0)
    setting.serve()
    assert setting.started == []  # one place in each turn of the loop
    await asyncio.sleep(0)
    assert setting.started == ["a"]


@looped
async def test_a_start_of_which_it_is_not_known_holds_up_those_behind_it():
    """So starts are made in their order."""
    gate = Gate()
    gate.says["a"] = None
    setting = Setting(gate)
    setting.add("a", "b")
    setting.serve()
    assert setting.started == []
    gate.says["a"] = True
    setting.queue.retry()
    await asyncio.sleep(0)
    assert setting.started == ["a", "b"]


@looped
async def test_a_start_that_cannot_be_made_stands_aside():
    """Until the gate may say something else; then it is the first."""
    gate = Gate()
    gate.says["a"] = False
    setting = Setting(gate)
    setting.add("a", "b")
    caught_up = setting.queue.caught_up()
    setting.serve()
    assert setting.started == ["b"]
    assert caught_up.done()
    gate.says["a"] = True
    setting.add("c")
    setting.queue.retry()
    await asyncio.sleep(0)
    assert setting.started == ["b", "a", "c"]


@looped
async def test_each_start_knows_how_many_come_before_it():
    """Callers that wait for the queue do not count; a start that stands aside has no place among the others."""
    gate = Gate()
    gate.says |= {"a": False, "b": None}
    setting = Setting(gate)
    setting.add("a", "b")
    setting.queue.caught_up()
    setting.add("c")
    setting.serve()
    turns = {name: setting.queue.turn_of(name) for name in "abcd"}
    assert turns == {"a": Turn(0, is_aside=True), "b": Turn(0), "c": Turn(1), "d": None}


@looped
async def test_a_patient_caller_waits_while_the_gate_may_open_soon():
    """A patient caller waits until the gate says that it will not open soon."""
    gate = Gate()
    gate.says["a"] = False
    gate.may_open_soon = True
    setting = Setting(gate)
    setting.add("a")
    patient = setting.queue.caught_up(patient=True)
    setting.serve()
    assert not patient.done()
    gate.may_open_soon = False
    setting.queue.retry()
    await asyncio.sleep(0)
    assert setting.started == []
    assert patient.done()


@looped
async def test_waiting_starts_are_quiet_and_waiting_callers_are_not():
    """Where programs end at once again and again there always is a start."""
    gate = Gate()
    gate.says["a"] = None
    setting = Setting(gate)
    setting.add("a")
    assert setting.queue.is_quiet
    setting.queue.caught_up()
    assert not setting.queue.is_quiet


@looped
async def test_a_closed_queue_starts_nothing():
    """Not even what was due."""
    setting = Setting()
    setting.add("a")
    setting.queue.schedule()
    setting.queue.close()
    await asyncio.sleep(0)
    assert setting.started == []
