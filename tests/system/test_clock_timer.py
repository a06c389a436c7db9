"""A timer on the wall clock."""

import os
import select
import time

import pytest

from procman.system.clock_timer import ClockTimer


@pytest.fixture
def timer():
    timer = ClockTimer()
    yield timer
    timer.close()


def rings(timer, seconds=10.0):
    return bool(select.select([timer.fd], [], [], seconds)[0])


def test_it_rings_at_its_time(timer):
    """And not before, by the same clock."""
    when = time.time() + 0.05
    timer.set(when)
    assert rings(timer)
    assert time.time() >= when
    assert timer.take() is False


def test_a_time_that_has_passed_rings_at_once(timer):
    """Also one before the epoch."""
    for when in (time.time() - 3600, 0.0, -1e12):
        timer.set(when)
        assert rings(timer)
        timer.take()
        assert not rings(timer, 0)


def test_it_can_be_taken_back(timer):
    """Or set to a time that never comes."""
    timer.set(0.0)
    timer.unset()
    assert not rings(timer, 0)
    timer.set(1e18)
    assert not rings(timer, 0)
    assert timer.take() is False


def test_it_is_not_inherited(timer):
    """Programs do not get it, and neither does the next process image."""
    assert not os.get_inheritable(timer.fd)


def test_it_rings_when_the_clock_is_set(timer):
    """To the time that it is, which is a step like any other."""
    timer.set(time.time() + 3600)
    try:
        time.clock_settime_ns(time.CLOCK_REALTIME, time.clock_gettime_ns(time.CLOCK_REALTIME))
    except PermissionError:
        pytest.skip("only root with CAP_SYS_TIME may set the clock")
    assert rings(timer)
    assert timer.take() is True
