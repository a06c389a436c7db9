"""Children are identified as /proc would identify them, with fewer looks at it."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from procman.system.proc import Identity, identify
from procman.system.start_times import CONFIRMED, StartTimes

PID = 4711


class Machine:
    """A clock that stands, and a /proc that counts the looks."""

    def __init__(self, start: int | None = 100) -> None:
        self.tick = 100
        self.start = start
        self.looks = 0
        self.times = StartTimes(lambda: self.tick, self._look_at)

    def _look_at(self, pid: int) -> Identity | None:
        self.looks += 1
        return None if self.start is None else Identity(pid, self.start)

    def confirm(self) -> None:
        for _ in range(CONFIRMED):
            self.times.identify(PID, self.tick)
        self.looks = 0


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.wait()


def test_each_child_is_identified_as_by_proc(children):
    """What the clock says of a child is what /proc says of it."""
    times = StartTimes()
    for _ in range(3 * CONFIRMED):
        before = times.now()
        children.append(subprocess.Popen(["sleep", "60"]))
        assert times.identify(children[-1].pid, before) == identify(children[-1].pid)


def test_once_confirmed_proc_is_not_looked_at():
    """After some starts that /proc has confirmed, the clock is enough."""
    machine = Machine()
    machine.confirm()
    assert machine.times.identify(PID, 100) == Identity(PID, 100)
    assert machine.looks == 0


def test_proc_is_looked_at_where_a_tick_has_passed():
    """Where the clock has gone on during the start, only /proc knows the tick."""
    machine = Machine()
    machine.confirm()
    machine.tick, machine.start = 101, 101
    assert machine.times.identify(PID, 100) == Identity(PID, 101)
    assert machine.looks == 1


def test_a_start_that_differs_ends_the_trust():
    """Where /proc goes by another clock, it is looked at each time."""
    machine = Machine()
    machine.start = 90
    machine.confirm()
    machine.start = 100
    machine.confirm()
    assert machine.times.identify(PID, 100) == Identity(PID, 100)
    assert machine.looks == 1


def test_without_proc_nothing_is_known():
    """No process is identified by the clock alone where /proc has none."""
    machine = Machine(start=None)
    machine.confirm()
    assert machine.times.identify(PID, 100) is None


def test_an_error_of_proc_is_told():
    """Without a free descriptor, the look at /proc raises."""

    def look_at(_: int) -> Identity | None:
        raise OSError(24, os.strerror(24))

    with pytest.raises(OSError, match="Too many"):
        StartTimes(lambda: 100, look_at).identify(PID, 100)
