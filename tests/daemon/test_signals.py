"""Signals reach the loop in their order, and each asks the master for one thing."""

import asyncio
import os
import signal

import pytest

from procman.daemon.signals import HANDLED, SignalInbox, carry_out
from tests.support.forked_status import forked_status


class Master:
    """Records what it is asked for."""

    def __init__(self):
        self.asked = []

    def stop(self, number):
        self.asked.append(("stop", number))

    def reload(self):
        self.asked.append("reload")

    def reopen(self):
        self.asked.append("reopen")

    def reap(self):
        self.asked.append("reap")


@pytest.mark.parametrize(
    ("number", "asked"),
    [
        (signal.SIGTERM, ("stop", signal.SIGTERM)),
        (signal.SIGINT, ("stop", signal.SIGINT)),
        (signal.SIGQUIT, ("stop", signal.SIGQUIT)),
        (signal.SIGHUP, "reload"),
        (signal.SIGUSR2, "reopen"),
        (signal.SIGCHLD, "reap"),
    ],
)
def test_each_signal_asks_for_one_thing(number, asked):
    """Every signal that is caught has its row."""
    assert number in HANDLED
    master = Master()
    carry_out(number, master)
    assert master.asked == [asked]


def in_a_process_of_its_own(steps) -> bool:
    """Whether these steps, with an inbox whose signals they get, return without an exception."""

    def run() -> int:
        taken = []

        async def main() -> None:
            inbox = SignalInbox(taken.append)
            inbox.open()
            await steps(inbox, taken)

        asyncio.run(main())
        return 0

    return forked_status(run) == 0


def test_signals_are_delivered_in_the_order_in_which_they_came():
    """SIGCHLD is noted once until it is delivered."""

    async def steps(_, taken) -> None:
        for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert taken == []
        for _ in range(5):
            await asyncio.sleep(0)
        assert taken == [signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM]

    assert in_a_process_of_its_own(steps)


def test_noted_signals_can_be_delivered_at_once():
    """An upgrade does so before it executes the new code; they are not delivered a second time."""

    async def steps(inbox, taken) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        inbox.deliver()
        assert taken == [signal.SIGTERM]
        for _ in range(5):
            await asyncio.sleep(0)
        assert taken == [signal.SIGTERM]

    assert in_a_process_of_its_own(steps)
