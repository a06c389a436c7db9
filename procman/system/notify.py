"""Tells systemd how the service is doing: the sd_notify protocol, by a datagram for each message.

Nothing here waits or raises: without a service manager, or when it does not listen, messages are dropped. What was
meant for this process is taken out of the environment, so that no program speaks for it.
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import os
import socket
import time
from collections.abc import Mapping, MutableMapping

# A status is one line for people; in UTF-8 it leaves room for the rest in the 4,096 bytes that systemd reads.
STATUS_MAX = 1000  # characters
# Of 64 bits, which systemd's own numbers have.
_DIGITS = 20

_SOCKET = "NOTIFY_SOCKET"
_WATCHDOG_USEC = "WATCHDOG_USEC"
_WATCHDOG_PID = "WATCHDOG_PID"


class Notifier:
    """The service manager as seen from here. Each message returns whether it was handed over."""

    def __init__(self, environ: MutableMapping[str, str] | None = None) -> None:
        """Take the variables out of `environ`, that of the process if none is given."""
        variables = os.environ if environ is None else environ
        given = {name: variables.pop(name, "") for name in (_SOCKET, _WATCHDOG_USEC, _WATCHDOG_PID)}
        self._taken = given
        self._address = _address(given[_SOCKET])
        # How often to call `watchdog`, in seconds: twice in the time that it may take. None: not at all.
        self.watchdog_every = _half(given[_WATCHDOG_USEC], given[_WATCHDOG_PID]) if self._address else None

    @property
    def listens(self) -> bool:
        """Whether there is a service manager that wants to be told."""
        return self._address is not None

    @property
    def environment(self) -> Mapping[str, str]:
        """What it has taken out of the environment, for this very process to begin again with."""
        return {name: value for name, value in self._taken.items() if value}

    def ready(self, status: str | None = None) -> bool:
        """The service is up, or has reloaded its configuration."""
        return self._send("READY=1", *_status(status))

    def status(self, text: str) -> bool:
        """One line for `systemctl status`; the rest of a longer text is dropped."""
        return self._send(*_status(text))

    def reloading(self, status: str | None = None) -> bool:
        """A reload begins; `ready` ends it."""
        # Type=notify-reload takes a message for an answer to its SIGHUP only if it is younger than that.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        return self._send("RELOADING=1", f"MONOTONIC_USEC={now}", *_status(status))

    def stopping(self, status: str | None = None) -> bool:
        """A stop begins."""
        return self._send("STOPPING=1", *_status(status))

    def watchdog(self) -> bool:
        """Still alive."""
        return self._send("WATCHDOG=1")

    def main_pid(self, pid: int) -> bool:
        """Which process is the service's, where that is not the one that was started."""
        return self._send(f"MAINPID={pid}")

    def failed(self, exit_status: int, status: str | None = None, errno: int | None = None) -> bool:
        """The service ends with that exit status, for that reason."""
        reason = [] if errno is None else [f"ERRNO={errno}"]
        return self._send(*reason, f"EXIT_STATUS={exit_status}", *_status(status))

    def close(self) -> None:
        """No more messages."""
        self._address = None

    def _send(self, *fields: str) -> bool:
        if self._address is None:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(fields).encode(errors="replace"), self._address)
        except OSError:
            return False
        return True


def _address(given: str) -> bytes | None:
    """What to send to: a path, or an abstract name (`@` stands for its NUL); others, as vsock, are left alone."""
    name = os.fsencode(given)
    if name.startswith(b"/"):
        return name
    return b"\0" + name[1:] if name.startswith(b"@") else None


def _half(usec: str, pid: str) -> float | None:
    # Without a pid it is meant for any process that reads it.
    if not usec.isdecimal() or len(usec) > _DIGITS or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1_000_000 / 2 or None


def _status(text: str | None) -> tuple[str, ...]:
    # A new line would begin another field.
    return () if text is None else (f"STATUS={' '.join(text.split())[:STATUS_MAX]}",)
