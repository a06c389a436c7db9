"""The master's pid file: locked as long as it runs, so that it can be told from one that was left behind.

The content is the pid and a newline, as every reader of pid files expects. A file that could be another program's is
never written over. https://man7.org/linux/man-pages/man2/flock.2.html
"""

import errno
import fcntl
import os
import stat
import time
from typing import Self

from procman.errors import ProcmanError
from procman.system.pidfile_owner import existed, lockers, pid_in
from procman.system.proc import command_line

# A master that ends just now, or takes its file away, is waited for: a tenth of a second, before any child exists.
TRIES = 10
PAUSE = 0.01  # seconds

_NULL_DEVICE = os.makedev(1, 3)  # /dev/null; see null(4)


class CannotUsePidFile(ProcmanError):
    """It cannot be written, or could be another program's: nothing was changed."""


class PidFileHeld(ProcmanError):
    """Another process that runs has this pid file."""


class PidFile:
    """A pid file that is ours, from `take` until `release` or the end of the process."""

    def __init__(self, path: str, fd: int | None) -> None:
        """`fd` holds the lock; None: the path is /dev/null."""
        self.path = path
        self._fd = fd

    @classmethod
    def take(cls, path: str, mode: int = 0o644, *, option: str = "pidfile=") -> Self:
        """Lock the file and write our pid into it; `mode`, less the umask, is for one that is made.

        `option` is what a message names for the choice of another.

        To be called by the process whose pid it is to be, so by a daemon after its forks. Programs do not inherit the
        lock. With /dev/null there is no pid file.

        Raises:
            PidFileHeld: by whom, with pid and command line.
            CannotUsePidFile: what is in the way.
        """
        if _is_null_device(path):
            return cls(path, None)
        held = f"cannot use the pid file {path}: others make and remove it all the time; choose another with {option}"
        for _ in range(TRIES):
            fd = _open(path, mode, option)
            if fd is None:
                continue
            try:
                # Its last holder may have taken it away since it was opened.
                if _lock(fd, path, option) and _is_at(fd, path):
                    _check_stale(fd, path, option)
                    if os.fstat(fd).st_uid != os.geteuid():
                        # Its owner could put another pid into it, and have root signal any process.
                        _take_away(path, option)
                        os.close(fd)
                        continue
                    _write(fd, path, option)
                    return cls(path, fd)
                held = _held(fd, path, option)
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
            time.sleep(PAUSE)
        raise PidFileHeld(held)

    @property
    def fd(self) -> int | None:
        """What holds the lock, for `PidFile` to be made of again by another process image; None: nothing does."""
        return self._fd

    def release(self) -> None:
        """Take it away if it is still ours, and give the lock back; whatever is in the way of that is let be."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            # The content, too: a program that does not know of locks may have made the file its own.
            if _is_at(fd, self.path) and pid_in(fd) == os.getpid():
                os.unlink(self.path)
        except OSError:
            pass
        finally:
            # Last: a master that waits for the lock finds the file gone then, and makes a new one.
            os.close(fd)


def _is_null_device(path: str) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == _NULL_DEVICE


def _open(path: str, mode: int, option: str) -> int | None:
    """A descriptor of the file, made or found; None when it was taken away before it could be opened."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        pass
    except OSError as error:
        raise _cannot_write(path, error, option) from None
    try:
        # Looked at before it is opened: of some devices that is an order.
        _check(path, os.lstat(path), option)
        fd = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot_write(path, error, option) from None
    try:
        # Another one may have been put there between the two.
        _check(path, os.fstat(fd), option)
    except CannotUsePidFile:
        os.close(fd)
        raise
    return fd


def _cannot_write(path: str, error: OSError, option: str) -> CannotUsePidFile:
    folder = os.path.dirname(path) or "."
    if error.errno == errno.ENOENT and not os.path.isdir(folder):
        return CannotUsePidFile(
            f"cannot write the pid file {path}: there is no directory {folder}; "
            f"create it, or choose another with {option}"
        )
    return CannotUsePidFile(f"cannot write the pid file {path}: {error.strerror}; choose another with {option}")


def _check(path: str, found: os.stat_result, option: str) -> None:
    """Whether it could be a pid file that an earlier run has left; raises CannotUsePidFile."""
    if stat.S_ISLNK(found.st_mode):
        why = f"it is a symbolic link, which may lead to any file; name the file itself with {option}"
    elif not stat.S_ISREG(found.st_mode):
        why = f"it is not a regular file; choose another with {option}"
    elif found.st_nlink > 1:
        why = f"the file has other names, too; remove this one, or choose another with {option}"
    elif os.geteuid() not in (0, found.st_uid):
        why = f"it belongs to uid {found.st_uid}; remove it, or choose another with {option}"
    else:
        return
    raise CannotUsePidFile(f"cannot use the pid file {path}: {why}")


def _lock(fd: int, path: str, option: str) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise CannotUsePidFile(
            f"cannot lock the pid file {path}: {error.strerror}; choose one on another file system with {option}"
        ) from None
    return True


def _is_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


def _check_stale(fd: int, path: str, option: str) -> None:
    """Nothing is in it, or the pid of one that is no more; raises CannotUsePidFile and PidFileHeld."""
    found = os.fstat(fd)
    before = pid_in(fd)
    if before is None and found.st_size:
        raise CannotUsePidFile(
            f"cannot use the pid file {path}: what is in it is no pid, so it may be something else; remove it if "
            f"nobody needs it, or choose another with {option}"
        )
    # supervisord, for one, does not lock its own: meant is the process that was there when it was written.
    if before not in (None, os.getpid()) and existed(before, found.st_mtime):
        raise PidFileHeld(_held_by(before, path, option))


def _take_away(path: str, option: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _cannot_write(path, error, option) from None


def _write(fd: int, path: str, option: str) -> None:
    """Put our pid into it; raises CannotUsePidFile."""
    content = b"%d\n" % os.getpid()
    try:
        # In this order it is never found empty.
        os.pwrite(fd, content, 0)
        os.ftruncate(fd, len(content))
    except OSError as error:
        raise _cannot_write(path, error, option) from None


def _held(fd: int, path: str, option: str) -> str:
    """The error that names its holder, as far as that is known."""
    pid = pid_in(fd)
    found = lockers(os.fstat(fd))
    if found and pid not in found:
        # It has not written it yet, or counts its processes in another pid namespace.
        pid = found[0]
    return _held_by(pid, path, option)


def _held_by(pid: int | None, path: str, option: str) -> str:
    who = "another process" if pid is None else f"pid {pid} ({command_line(pid)})"
    return f"the pid file {path} is held by {who}, which is running; stop it first, or choose another with {option}"
