"""Reaping whoever has ended, ours or strangers. In a process apart: the tests' own children are not to be touched."""

import ctypes
import os
import signal
import sys

import pytest

from procman.system.reaper import Reaped, decode, has_children, reap
from tests.support.forked import in_fork
from tests.support.launching import launch
from tests.support.programs import program

PR_SET_CHILD_SUBREAPER = 36
CORE_DUMPED = 0x80


def forked(act) -> int:
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(99)
    return pid


def wait_without_reaping(*pids: int) -> None:
    for pid in pids:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_a_code_and_a_signal():
    """How each ended, by its pid."""

    def reaped() -> tuple[set[Reaped], set[Reaped]]:
        by_code = forked(lambda: os._exit(7))
        by_signal = forked(lambda: os.kill(os.getpid(), signal.SIGKILL))
        wait_without_reaping(by_code, by_signal)
        return set(reap(64)), {Reaped(by_code, 7), Reaped(by_signal, -1, signal.SIGKILL)}

    found, expected = in_fork(reaped)
    assert found == expected


def test_the_core_flag():
    """Of a signal that left a core dump it is told that it did."""
    assert decode(1, signal.SIGSEGV | CORE_DUMPED) == Reaped(1, -1, signal.SIGSEGV, core_dumped=True)
    assert decode(1, signal.SIGSEGV) == Reaped(1, -1, signal.SIGSEGV, core_dumped=False)


@pytest.mark.parametrize("code", [0, 1, 127, 255])
def test_every_code(code):
    """The code is what the program gave."""
    assert decode(1, code << 8) == Reaped(1, code)


def test_nobody_has_ended():
    """Nothing is reaped without children, or while they live."""

    def reaped() -> list[list[Reaped]]:
        none = list(reap(64))
        child = forked(signal.pause)
        alive = list(reap(64))
        os.kill(child, signal.SIGKILL)
        wait_without_reaping(child)
        return [none, alive, [one for one in reap(64) if one.pid != child]]

    assert in_fork(reaped) == [[], [], []]


def test_no_more_than_the_limit_at_once():
    """A thousand that end together must not hold up the loop; the rest is there the next time."""

    def reaped() -> tuple[int, int, int]:
        wait_without_reaping(*[forked(lambda: os._exit(0)) for _ in range(5)])
        return len(list(reap(3))), len(list(reap(3))), len(list(reap(3)))

    assert in_fork(reaped) == (3, 2, 0)


def test_strangers_are_reaped_too():
    """PID 1 inherits the children of those who end before them."""

    def reaped() -> tuple[set[Reaped], set[Reaped]]:
        assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
        reader, writer = os.pipe()

        def parent() -> None:
            stranger = forked(lambda: os._exit(5))
            os.write(writer, str(stranger).encode())
            os._exit(0)

        child = forked(parent)
        stranger = int(os.read(reader, 20))
        # When its parent has ended it is ours, whether it lives or not.
        wait_without_reaping(child)
        wait_without_reaping(stranger)
        return set(reap(64)), {Reaped(child, 0), Reaped(stranger, 5)}

    found, expected = in_fork(reaped)
    assert found == expected


def test_a_spawned_child_is_reaped_like_any_other():
    """A spawned child is reaped by its pid, like an orphan."""

    def reaped() -> tuple[int, list[Reaped]]:
        child = launch(program(command=f"{sys.executable} -ISc 'raise SystemExit(3)'"))
        wait_without_reaping(child.pid)
        found = list(reap(64))
        for one in found:
            child.reaped(one)
        return child.pid, found

    pid, found = in_fork(reaped)
    assert found == [Reaped(pid, 3)]


def test_what_it_has_used_is_known():
    """The kernel tells it with the status, and it is no part of how the process ended."""

    def used() -> tuple[bool, bool]:
        pid = forked(lambda: [sum(range(2_000_000)), os._exit(0)])
        wait_without_reaping(pid)
        (reaped,) = reap(1)
        usage = reaped.usage
        assert usage is not None
        return reaped == Reaped(pid, 0), usage.max_rss > 1 << 20 and usage.user + usage.system > 0

    assert in_fork(used) == (True, True)


def test_a_child_is_one_until_it_is_reaped():
    """Whether it has ended or not."""

    def seen() -> tuple[bool, bool, bool]:
        before = has_children()
        child = forked(lambda: os._exit(0))
        wait_without_reaping(child)
        ended = has_children()
        os.waitpid(child, 0)
        return before, ended, has_children()

    assert in_fork(seen) == (False, True, False)
