"""Makes this process a daemon: fork, setsid, fork, chdir, umask, close descriptors, /dev/null; reports the outcome.

The process that was started waits until the daemon reports that it is up, or why it failed, and exits accordingly.
Between the two, the leader of the new session stays until the first process has its answer, since only a parent
learns how a daemon ended that reported nothing. To be called before asyncio, threads or anything else opens
descriptors.
"""

import os
import signal
import socket
import sys
from collections.abc import Collection
from typing import NoReturn

from procman.errors import ProcmanError

# A write of at most so many bytes is atomic; PIPE_BUF of pipe(7).
_MESSAGE_MAX = 4096
# Signals that end the waiting.
_GIVE_UP = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_STDERR = 2
_FAILED = 1
# As a shell has it.
_KILLED = 128


class Readiness:
    """The report of the daemon to the process that was started, which waits for it."""

    def __init__(self, fd: int) -> None:
        """Made by `start_daemon`."""
        self._fd: int | None = fd

    def ready(self, remark: str = "") -> bool:
        """The daemon is up: the first process exits with 0. False if that has ended already."""
        return self._say(0, remark)

    def ended(self, text: str, status: int) -> bool:
        """The program of the daemon has ended: the first process writes that to stderr and exits with the status."""
        return self._say(status, text)

    def failed(self, text: str, status: int = _FAILED) -> bool:
        """The daemon has failed: the first process writes why to stderr and exits with the status. Else as `ready`."""
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
    """Continue as a daemon and return there what reports its outcome; the calling process never returns.

    Args:
        directory: the new working directory, so that no file system is kept mounted. Relative paths change meaning.
        umask: the new umask.
        output: a descriptor for stdout and stderr; None: /dev/null.
        keep: descriptors that stay open besides 0, 1 and 2.

    Raises:
        ProcmanError: the fork failed. The first process reports any later problem.
    """
    _fill_standard_streams()
    word, teller = os.pipe()
    ours, theirs = socket.socketpair()
    # Blocked until each process has its own handlers; the present ones are meant for the daemon.
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
        # Not the session leader, so that no terminal it opens becomes its controlling terminal.
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
    """Reset the handlers of the master, so that signals end this process."""
    for number in _GIVE_UP:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _await(word: int, leader: int, asked: socket.socket) -> NoReturn:
    """The first process: wait for the daemon's report, then exit."""
    message = b""
    while piece := os.read(word, _MESSAGE_MAX):
        message += piece
    if message:
        status, _, text = message.decode(errors="replace").partition(" ")
        code = int(status)
    else:
        code, text = _without_a_word(asked)
    # The session leader waits for this and exits; the daemon gets its next parent before this process exits.
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
            "the daemon has ended before it was up (status unknown); run it in the foreground to see why",
        )
    if os.WIFSIGNALED(status):
        code = _KILLED + os.WTERMSIG(status)
        how = f"killed by signal {os.WTERMSIG(status)}"
    else:
        code = os.WEXITSTATUS(status) or _FAILED
        how = f"with exit status {os.WEXITSTATUS(status)}"
    return code, f"the daemon has ended before it was up, {how}; run it in the foreground to see why"


def _lead(daemon: int, asked: socket.socket) -> NoReturn:
    """The session leader: wait until asked how the daemon ended, or until no longer needed."""
    try:
        if asked.recv(1):
            # It closed the pipe without a report, so it has ended or is about to.
            _, status = os.waitpid(daemon, 0)
            asked.sendall(b"%d" % status)
    except OSError:
        # The first process was killed: nobody waits for a report.
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
