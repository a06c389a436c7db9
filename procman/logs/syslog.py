"""A stream's lines to the local syslog daemon, each with the program's name before it, as supervisor sends them.

One datagram a line (RFC 3164). Lines that the daemon does not take, because it is not running or too slow, are counted
as lost; a slow daemon is waited for once, briefly, and not again until it has taken a line.
"""

import os
import select
import socket
import time
from collections.abc import Callable

from procman.logs.lines import LineSplitter
from procman.logs.sink import PROGRAM_GOES_ON
from procman.logs.write_failure import WriteFailure

DEV_LOG = "/dev/log"
_PRIORITY = 14  # facility user, severity info
# How long to wait for a daemon to have room, in seconds: the kernel queues ten messages (net.unix.max_dgram_qlen), and
# a program may write more than that at once.
ROOM_TIMEOUT = 0.04
_MAX_LINE = 8192  # what the usual daemons take in one message


class Syslog:
    """A sink that sends each line to the local syslog daemon: as "NAME line", or alone if there is no name."""

    path = None
    ready = True

    def __init__(
        self,
        name: str,
        on_problem: Callable[[str], None] = lambda _text: None,
        *,
        address: str = DEV_LOG,
        priority: int = _PRIORITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = f"{name} " if name else ""
        self._address = address
        self._priority = priority
        self._failure = WriteFailure(on_problem, clock)
        self._lines = LineSplitter(_MAX_LINE)
        self._socket: socket.socket | None = None
        self._closed = False

    @property
    def lost(self) -> int:
        """How many bytes of lines could not be sent, ever."""
        return self._failure.lost

    @property
    def problem(self) -> str | None:
        """What is wrong with the daemon now."""
        return self._failure.text

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
        """Connect again with the next line; the daemon may have been restarted."""
        self._disconnect()
        self._failure.retry_now()

    async def clear(self) -> None:
        """What was sent stays sent."""

    def close(self) -> None:
        """Send an unfinished line, and nothing after it."""
        self.end()
        self._closed = True
        self._disconnect()

    def _send(self, line: bytes) -> None:
        if self._closed or (self._socket is None and self._failure.is_backing_off):
            self._failure.lost += len(line)
            return
        stamp = time.strftime("%b %e %H:%M:%S")
        head = f"<{self._priority}>{stamp} procman[{os.getpid()}]: {self._prefix}"
        try:
            self._deliver(head.encode("utf-8", "backslashreplace") + line.rstrip(b"\n"))
        except OSError as error:
            if not isinstance(error, BlockingIOError):
                self._disconnect()
            self._failure.begin(
                f"cannot write to syslog at {self._address}: {error.strerror}; {PROGRAM_GOES_ON}", lost=len(line)
            )
            return
        if not self._failure.is_backing_off:
            self._failure.end(f"syslog at {self._address} can be written again; {{lost}}")

    def _deliver(self, message: bytes) -> None:
        sock = self._connected()
        try:
            sock.send(message)
        except BlockingIOError:
            if self._failure.text is not None or not _has_room(sock):
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
    """Whether the daemon has room, or makes some in time."""
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(ROOM_TIMEOUT * 1000))
