"""What remains when PID 1 ends, in virtual time: what is overdue is killed, and the rest is waited for."""

import math
from signal import SIGKILL

import pytest

from procman.system import kill_remaining
from procman.system.kill_remaining import AFTER_SIGKILL, FinalKill, Left
from procman.system.proc import Process


def process(pid):
    return Process(
        pid=pid, start=pid, parent=1, group=pid, session=pid, name=f"p{pid}", ended=False, kernel=False, status=0
    )


@pytest.fixture
def sent(monkeypatch):
    """The signals that went out: pid and number."""
    signals = []
    monkeypatch.setattr(kill_remaining, "send_to", lambda identity, number: signals.append((identity.pid, number)))
    return signals


def left(*pids):
    return [Left(process(pid), "") for pid in pids]


def test_there_is_nothing_to_wait_for_when_nothing_is_left(sent):
    """The master leaves at once."""
    assert FinalKill(lambda _: math.inf).see_off([], 0.0) is None
    assert sent == []


def test_it_is_looked_again_when_the_first_is_due(sent):
    """Until then nothing is killed."""
    due = {2: 5.0, 3: 8.0}
    assert FinalKill(lambda one: due[one.process.pid]).see_off(left(2, 3), 0.0) == 5.0
    assert sent == []


def test_only_what_is_overdue_is_killed(sent):
    """It is told of once, and gets SIGKILL at each look: uninterruptible sleep may outlive the first."""
    due, told = {2: 5.0, 3: 8.0}, []
    rest = FinalKill(lambda one: due[one.process.pid], lambda those, now: told.append((those[0].process.pid, now)))
    assert rest.see_off(left(2, 3), 5.0) == 5.0 + AFTER_SIGKILL
    assert rest.see_off(left(2, 3), 5.2) == 5.2 + AFTER_SIGKILL
    assert sent == [(2, SIGKILL)] * 2
    assert told == [(2, 5.0)]


def test_what_outlives_sigkill_is_given_up(sent):
    """The kernel takes it with PID 1."""
    rest = FinalKill(lambda _: 5.0)
    assert rest.see_off(left(2), 5.0) == 5.0 + AFTER_SIGKILL
    assert rest.see_off(left(2), 5.0 + AFTER_SIGKILL) is None
    assert len(sent) == 2


def test_a_process_without_a_limit_is_waited_for(sent):
    """`procman run` without --kill-after leaves the limit to the container runtime."""
    assert FinalKill(lambda _: math.inf).see_off(left(2), 1e6) == math.inf
    assert sent == []
