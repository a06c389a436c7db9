"""Which signal asks the master for what, and a way for all of them onto the loop.

SIGTERM, SIGINT, SIGQUIT    stop everything and leave; a second one waits for nothing any more
SIGHUP                      reload: stop everything, and begin again
SIGUSR2                     open all log files again
SIGCHLD                     a child has ended
"""

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import Callable
from typing import Protocol

from procman.system.signals import STOP

HANDLED = (*STOP, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD)


class Signalled(Protocol):
    """A running master, as signals see it."""

    def stop(self, number: int) -> None:
        """Stop everything and leave; `number` is the signal that asks for it."""

    def reload(self) -> None:
        """Reload: stop everything, and begin again with the configuration as it is now."""

    def reopen(self) -> None:
        """Open the log files again."""

    def reap(self) -> None:
        """Collect the children that have ended."""


def carry_out(number: int, master: Signalled) -> None:
    """Do what that signal asks for."""
    if number in STOP:
        master.stop(number)
    elif number == signal.SIGHUP:
        master.reload()
    elif number == signal.SIGUSR2:
        master.reopen()
    else:
        master.reap()


class SignalInbox:
    """Has signals delivered on the loop, however many come.

    asyncio passes them through a socket, byte by byte. A hundred programs that end at once fill it with SIGCHLD, and
    the byte of a SIGTERM would be lost; so they are noted here, and a pipe only wakes the loop.
    """

    def __init__(self, take: Callable[[int], None]) -> None:
        """`take` gets each signal, on the loop."""
        self._take = take
        self._noted: list[int] = []

    def open(self) -> None:
        """Catch all of them from now on."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(reader, self._wake, reader)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in HANDLED:
            signal.signal(number, self._note)

    def _note(self, number: int, _: object) -> None:
        if number != signal.SIGCHLD or number not in self._noted:
            self._noted.append(number)

    def _wake(self, reader: int) -> None:
        # Python has called `_note` before anything on the loop goes on.
        with contextlib.suppress(BlockingIOError):
            os.read(reader, select.PIPE_BUF)
        self.deliver()

    def deliver(self) -> None:
        """Hand out those that were noted."""
        noted, self._noted = self._noted, []
        for number in noted:
            self._take(number)
