"""Signals by name and number, and sending them."""

import os
import signal

import pytest

from procman.system.reaper import decode
from procman.system.signals import disinherit, send, signal_name, signal_number
from tests.support.forked import in_fork
from tests.support.launching import launch
from tests.support.programs import program

NOBODY = 65534


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("TERM", 15),
        ("SIGTERM", 15),
        ("term", 15),
        ("sigterm", 15),
        (" HUP ", 1),
        ("9", 9),
        ("CHLD", 17),
        ("CLD", 17),
        ("POLL", 29),
        ("RTMIN", signal.SIGRTMIN),
        ("64", 64),
        ("", None),
        ("0", None),
        ("65", None),
        ("-9", None),
        ("NOPE", None),
        ("SIGSIGTERM", None),
        ("²", None),
    ],
)
def test_signal_number(text, number):
    """By every name that people give them; None where there is no such signal."""
    assert signal_number(text) == number


def test_signal_name():
    """The kernel's name, or the number where it has none."""
    assert signal_name(signal.SIGTERM) == "SIGTERM"
    assert signal_name(40) == "signal 40"


def sleeper(command: str = "sleep 1000"):
    child = launch(program(command=command))
    for fd in (child.stdin, child.stderr):
        os.close(fd)
    return child


def end_of(child):
    reaped = decode(*os.waitpid(child.pid, 0))
    child.reaped(reaped)
    os.close(child.stdout)
    return reaped


@pytest.mark.parametrize("as_group", [False, True])
def test_a_process_is_signalled(as_group):
    """Alone, or as a group that it leads from before its exec."""
    child = sleeper()
    assert send(child.pid, signal.SIGUSR1, as_group=as_group) is None
    assert end_of(child).signal == signal.SIGUSR1


def test_a_group_is_signalled_with_its_children():
    """What the process has started gets it too: the pipe that both hold has no writer then."""
    child = sleeper("/bin/sh -c 'sleep 1000 & echo started; wait'")
    os.set_blocking(child.stdout, True)
    assert os.read(child.stdout, 100) == b"started\n"
    assert send(child.pid, signal.SIGKILL, as_group=True) is None
    assert os.read(child.stdout, 100) == b""
    end_of(child)


@pytest.mark.parametrize("as_group", [False, True])
def test_one_that_has_gone_is_no_refusal(as_group):
    """It ended before the signal came, and is about to be reaped, or is."""
    child = sleeper("/bin/true")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert send(child.pid, signal.SIGTERM, as_group=as_group) is None
    end_of(child)
    assert send(child.pid, signal.SIGTERM, as_group=as_group) is None


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs somebody who may not signal somebody else")
def test_a_refusal_is_told():
    """With the signal, the pid and the reason."""
    root = os.getpid()

    def as_nobody() -> str | None:
        os.setuid(NOBODY)
        return send(root, signal.SIGUSR1, as_group=False)

    assert in_fork(as_nobody) == f"cannot send SIGUSR1 to pid {root}: Operation not permitted"


def test_what_was_inherited_is_undone():
    """Nothing is blocked or ignored any more, and the handlers of the master stay."""

    def with_a_past() -> tuple[set[int], list[bool], bool, bool]:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, handler := lambda *_: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        disinherit()
        os.kill(os.getpid(), signal.SIGUSR1)
        ignored = [n for n in signal.valid_signals() if signal.getsignal(n) is signal.SIG_IGN]
        mine = signal.getsignal(signal.SIGUSR2) is handler
        return signal.pthread_sigmask(signal.SIG_BLOCK, ()), ignored, mine

    blocked, ignored, mine = in_fork(with_a_past)
    assert blocked == set()
    # Python ignores these itself, and `subprocess` resets them in every child.
    assert set(ignored) <= {signal.SIGPIPE, signal.SIGXFSZ}
    assert mine
