"""Holds one process by a pidfd, even if its pid is reused, and sends it signals.

A pidfd stands for the process that had the pid when it was opened. If /proc shows the expected start time after that,
it was the expected process at that moment too, since a process does not come back.
https://man7.org/linux/man-pages/man2/pidfd_open.2.html
"""

import errno
import os
import select
import signal

from procman.system.libc import call
from procman.system.proc import Identity, identify
from procman.system.signals import signal_name

# pidfd_getfd has this number on all machines that Linux has had since 5.6.
_PIDFD_GETFD = 438
# No process has that pid, or only a thread does.
_GONE = (errno.ESRCH, errno.EINVAL, errno.ENOENT)
# A kernel before Linux 5.3; a seccomp filter that was made before it, which answers EPERM as pidfd_open never does.
_NO_PIDFDS = (errno.ENOSYS, errno.EPERM)


def open_pidfd(identity: Identity) -> int | None:
    """A descriptor that polls readable once the process has ended; None if it has been reaped. The caller closes it.

    Raises OSError: there are no pidfds here (ENOSYS, EPERM), or no descriptors left (EMFILE, ENFILE).
    """
    try:
        fd = _open(identity.pid)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    if identify(identity.pid) == identity:
        return fd
    os.close(fd)
    return None


def send_to(identity: Identity, number: int) -> str | None:
    """Signal exactly that process; returns why the kernel refused. That it has ended is no refusal."""
    try:
        fd = open_pidfd(identity)
        if fd is None:
            return None
        try:
            signal.pidfd_send_signal(fd, number)
        finally:
            os.close(fd)
    except ProcessLookupError:
        return None
    except OSError as error:
        if error.errno in _NO_PIDFDS and not _has_pidfds():
            return _send_by_number(identity, number)
        return _refusal(identity, number, error)
    return None


def has_ended(pidfd: int) -> bool:
    """Whether the process has ended; never waits."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def copy_descriptor(pidfd: int, number: int) -> int:
    """A descriptor for what the process has open under that number; raises OSError where that may not be had."""
    return call("syscall", _PIDFD_GETFD, pidfd, number, 0)


def _open(pid: int) -> int:
    if not hasattr(os, "pidfd_open"):
        # An interpreter that was built against a C library from before it.
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return os.pidfd_open(pid)


def _send_by_number(identity: Identity, number: int) -> str | None:
    """Without pidfds: if the pid is reused between the two lines, another process gets the signal."""
    if identify(identity.pid) != identity:
        return None
    try:
        os.kill(identity.pid, number)
    except ProcessLookupError:
        return None
    except OSError as error:
        return _refusal(identity, number, error)
    return None


def _has_pidfds() -> bool:
    """Whether EPERM means that this process may not be signalled, and not that there are no pidfds."""
    try:
        os.close(_open(os.getpid()))
    except OSError:
        return False
    return True


def _refusal(identity: Identity, number: int, error: OSError) -> str:
    return f"cannot send {signal_name(number)} to pid {identity.pid}: {error.strerror}"
