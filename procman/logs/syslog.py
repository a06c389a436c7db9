"""A stream's lines to the local syslog daemon, each with the program's name before it, as supervisor sends them.

One datagram a line (RFC 3164). A daemon that is not there or too slow costs lines, and they are counted; it is waited
for a moment only, and no more until it has taken something again.
"""

import os
import select
import socket
import time
from collections.abc import Callable

from procman.logs.lines import LineSplitter
from procman.logs.sinks import PROGRAM_GOES_ON
from procman.logs.write_failure import WriteFailure

DEV_LOG = "/dev/log"
_PRIORITY = 14  # facility user, severity info
# How long a daemon may take to have room, in seconds: the kernel keeps ten messages for it (net.unix.max_dgram_qlen),
# and a program says more than that at once.
PATIENCE = 0.04
_MAX_LINE = 8192  # what the usual daemons take in one message


class Syslog:
    """A sink that sends each line as "NAME line" to the socket of the local syslog daemon, or without any name."""

    path = None
    ready = True

    def __init__(
        self,
        name: str,
        on_problem: Callable[[str], None] = lambda _text: None,
        *,
        address: str = DEV_LOG,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = f"{name} " if name else ""
        self._address = address
        self._trouble = WriteFailure(on_problem, clock)
        self._lines = LineSplitter(_MAX_LINE)
        self._socket: socket.socket | None = None
        self._closed = False

    @property
    def lost(self) -> int:
        """Bytes of lines that could not be sent, ever."""
        return self._trouble.lost

    @property
    def problem(self) -> str | None:
        """What is the matter with the daemon now."""
        return self._trouble.text

    def write(self, data: bytes) -> bool:
        """Send the lines that are whole now."""
        for line in self._lines.feed(data):
            self._send(line)
        return True

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Always ready."""
        callback()

    def end(self) -> None:
        """Send an unfinished line as it is."""
        rest = self._lines.flush()
        if rest:
            self._send(rest)

    def reopen(self) -> None:
        """Connect anew with the next line; the daemon may have been started again."""
        self._disconnect()
        self._trouble.try_now()

    def clear(self) -> None:
        """What was sent stays sent."""

    def close(self) -> None:
        """Send an unfinished line, and nothing any more."""
        self.end()
        self._closed = True
        self._disconnect()

    def _send(self, line: bytes) -> None:
        if self._closed or (self._socket is None and self._trouble.resting):
            self._trouble.lost += len(line)
            return
        stamp = time.strftime("%b %e %H:%M:%S")
        head = f"<{_PRIORITY}>{stamp} procman[{os.getpid()}]: {self._prefix}"
        try:
            self._deliver(head.encode("utf-8", "backslashreplace") + line.rstrip(b"\n"))
        except OSError as error:
            if not isinstance(error, BlockingIOError):
                self._disconnect()
            self._trouble.begin(
                f"cannot write to syslog at {self._address}: {error.strerror}; {PROGRAM_GOES_ON}", lost=len(line)
            )
            return
        if not self._trouble.resting:
            self._trouble.end(f"syslog at {self._address} can be written again; {{lost}}")

    def _deliver(self, message: bytes) -> None:
        sock = self._connected()
        try:
            sock.send(message)
        except BlockingIOError:
            if self._trouble.text is not None or not _has_room(sock):
                raise
            sock.send(message)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            try:
                sock.connect(self._address)
            except OSError:
                sock.close()
                raise
            self._socket = sock
        return self._socket

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _has_room(sock: socket.socket) -> bool:
    """Whether the other side has, or makes some in time."""
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(PATIENCE * 1000))
