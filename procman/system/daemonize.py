"""Becoming a daemon: fork, setsid, fork, chdir, umask, no descriptors, /dev/null; and the starter learns the outcome.

The process that was started waits until the daemon says that it is up, or why it cannot be, and exits accordingly.
Between the two there is the leader of the new session, which goes when the first process knows enough: only a parent
can tell how a daemon ended that said nothing. Must come before asyncio, threads and whatever else holds descriptors.
"""

import os
import signal
import socket
import sys
from collections.abc import Collection
from typing import NoReturn

from procman.errors import ProcmanError

# One write of at most so much arrives in one piece; PIPE_BUF of pipe(7).
_MESSAGE_MAX = 4096
# What gives the waiting up.
_GIVE_UP = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_STDERR = 2
_FAILED = 1
# As a shell has it.
_KILLED = 128


class Readiness:
    """The daemon's word to the process that was started, which is waiting for it."""

    def __init__(self, fd: int) -> None:
        """Made by `start_daemon`."""
        self._fd: int | None = fd

    def ready(self, remark: str = "") -> bool:
        """The daemon is up: the first process exits with 0. False when that has gone."""
        return self._say(0, remark)

    def ended(self, text: str, status: int) -> bool:
        """What the daemon is there for has ended: the first process writes that to stderr and exits so."""
        return self._say(status, text)

    def failed(self, text: str, status: int = _FAILED) -> bool:
        """The daemon cannot be: the first process writes that to stderr and exits so. False as for `ready`."""
        return self._say(status or _FAILED, text)

    def _say(self, status: int, text: str) -> bool:
        fd, self._fd = self._fd, None
        if fd is None:
            return False
        try:
            os.write(fd, f"{status} {text}".encode(errors="backslashreplace")[:_MESSAGE_MAX])
        except OSError:
            return False
        finally:
            os.close(fd)
        return True


def start_daemon(
    *, directory: str = "/", umask: int = 0, output: int | None = None, keep: Collection[int] = ()
) -> Readiness:
    """Go on as a daemon, and say there how it went; the process that calls this never returns from it.

    Args:
        directory: where to be, so that no file system is kept from being unmounted. Relative paths change meaning.
        umask: for all files that are made from now on.
        output: a descriptor of where stdout and stderr go; /dev/null if None.
        keep: descriptors that stay open, beside 0, 1 and 2.

    Raises:
        ProcmanError: there cannot be another process. Anything later is told by the first process.
    """
    _fill_standard_streams()
    word, teller = os.pipe()
    ours, theirs = socket.socketpair()
    # Until each process knows what they are to do there: the handlers of now are meant for the daemon.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _GIVE_UP)
    try:
        leader = os.fork()
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        raise ProcmanError(f"cannot become a daemon: {error.strerror}; there are too many processes") from None
    if leader:
        os.close(teller)
        theirs.close()
        _end_by_signals(mask)
        _await(word, leader, ours)
    os.close(word)
    ours.close()
    readiness = Readiness(teller)
    try:
        os.setsid()
        # Not the leader of its session, so that no terminal it opens can become its own.
        daemon = os.fork()
    except OSError as error:
        readiness.failed(f"cannot become a daemon: {error.strerror}")
        os._exit(_FAILED)
    if daemon:
        os.close(teller)
        _end_by_signals(mask)
        _lead(daemon, theirs)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    theirs.close()
    try:
        os.chdir(directory)
        os.umask(umask)
        _close_all_but({0, 1, 2, teller, *keep, *([] if output is None else [output])})
        _redirect(output)
    except OSError as error:
        readiness.failed(f"cannot become a daemon in {directory}: {error.strerror}; name another directory")
        os._exit(_FAILED)
    return readiness


def _fill_standard_streams() -> None:
    """The starter of a daemon may have closed some: no pipe must get their numbers, and nothing be left in buffers."""
    while (fd := os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)) <= _STDERR:
        pass
    os.close(fd)
    for stream in (sys.stdout, sys.stderr):
        try:
            # None where it was closed when the interpreter started.
            if stream is not None:
                stream.flush()
        except OSError:
            pass  # it is not read


def _end_by_signals(mask: set[signal.Signals | int]) -> None:
    """Whatever they were to do when a master was to run here."""
    for number in _GIVE_UP:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _await(word: int, leader: int, asked: socket.socket) -> NoReturn:
    """The first process: wait for the daemon's word, then exit."""
    message = b""
    while piece := os.read(word, _MESSAGE_MAX):
        message += piece
    if message:
        status, _, text = message.decode(errors="replace").partition(" ")
        code = int(status)
    else:
        code, text = _without_a_word(asked)
    # That is what the leader of the session is waiting for; the daemon gets its next parent before this one exits.
    asked.close()
    os.waitpid(leader, 0)
    try:
        os.write(_STDERR, f"procman: {text}\n".encode(errors="backslashreplace") if text else b"")
    except OSError:
        pass  # it is not read
    os._exit(code)


def _without_a_word(asked: socket.socket) -> tuple[int, str]:
    try:
        asked.sendall(b"?")
        status = int(asked.recv(_MESSAGE_MAX) or b"-1")
    except OSError:
        status = -1
    if status < 0:
        return (
            _FAILED,
            "the daemon has ended before it was up, nobody can tell how; run it in the foreground to see why",
        )
    if os.WIFSIGNALED(status):
        code = _KILLED + os.WTERMSIG(status)
        how = f"killed by signal {os.WTERMSIG(status)}"
    else:
        code = os.WEXITSTATUS(status) or _FAILED
        how = f"with exit status {os.WEXITSTATUS(status)}"
    return code, f"the daemon has ended before it was up, {how}; run it in the foreground to see why"


def _lead(daemon: int, asked: socket.socket) -> NoReturn:
    """The leader of the session: wait to be asked how the daemon ended, or not needed any more."""
    try:
        if asked.recv(1):
            # It has closed the pipe without a word, so it has ended, or is about to.
            _, status = os.waitpid(daemon, 0)
            asked.sendall(b"%d" % status)
    except OSError:
        # The first process was killed: there is nothing to report to.
        pass
    os._exit(0)


def _close_all_but(keep: set[int]) -> None:
    begin = 0
    for fd in sorted(keep):
        # closerange(0, 0) closes everything: its last one is -1, the highest of all when taken without its sign.
        if begin < fd:
            os.closerange(begin, fd)
        begin = fd + 1
    # One system call for all the rest, close_range(2); where there is none, up to the highest that there is.
    os.closerange(begin, max(begin, _highest()) + 1)


def _highest() -> int:
    try:
        return max(map(int, os.listdir("/proc/self/fd")))
    except OSError:
        return os.sysconf("SC_OPEN_MAX")


def _redirect(output: int | None) -> None:
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    written = null if output is None else output
    for fd, source in ((0, null), (1, written), (2, written)):
        os.dup2(source, fd)
    for fd in {null, written}:
        os.close(fd)
