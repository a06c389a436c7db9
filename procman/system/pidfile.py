"""The master's pid file, locked while the master runs, so that a stale one can be recognised.

It contains the pid and a newline, as readers of pid files expect. A file that could be another program's is never
overwritten. https://man7.org/linux/man-pages/man2/flock.2.html
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

# Wait for a master that is about to end or to remove its file: a tenth of a second, before any child exists.
TRIES = 10
PAUSE = 0.01  # seconds

_NULL_DEVICE = os.makedev(1, 3)  # /dev/null; see null(4)


class CannotUsePidFile(ProcmanError):
    """It cannot be written, or could be another program's; nothing was changed."""


class PidFileHeld(ProcmanError):
    """Another running process holds this pid file."""


class PidFile:
    """A pid file that is ours, from `take` until `release` or the end of the process."""

    def __init__(self, path: str, fd: int | None) -> None:
        """`fd` holds the lock; None: the path is /dev/null."""
        self.path = path
        self._fd = fd

    @classmethod
    def take(cls, path: str, mode: int = 0o644, *, option: str = "pidfile=") -> Self:
        """Lock the file and write our pid into it; `mode`, less the umask, is for a new file.

        `option` is the option that messages name for choosing another file.

        The process with that pid has to call it: a daemon, after its forks. Programs do not inherit the lock. With
        /dev/null there is no pid file.

        Raises:
            PidFileHeld: with the pid and the command line of the holder.
            CannotUsePidFile: with the reason.
        """
        if _is_null_device(path):
            return cls(path, None)
        held = f"cannot use the pid file {path}: others make and remove it all the time; choose another with {option}"
        for _ in range(TRIES):
            fd = _open(path, mode, option)
            if fd is None:
                continue
            try:
                # Its last holder may have removed it since it was opened.
                if _lock(fd, path, option) and _is_at(fd, path):
                    _check_stale(fd, path, option)
                    if os.fstat(fd).st_uid != os.geteuid():
                        # Its owner could write another pid into it, and make root signal any process.
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
        """The descriptor with the lock, from which another process image can make a `PidFile`; None: there is none."""
        return self._fd

    def release(self) -> None:
        """Remove the file if it is still ours, and release the lock; ignores errors."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            # The content is checked, too: a program that ignores locks may have taken the file.
            if _is_at(fd, self.path) and pid_in(fd) == os.getpid():
                os.unlink(self.path)
        except OSError:
            pass
        finally:
            # At the end: a master that waits for the lock then finds the file gone, and makes a new one.
            os.close(fd)


def _is_null_device(path: str) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == _NULL_DEVICE


def _open(path: str, mode: int, option: str) -> int | None:
    """A descriptor of the file, new or existing; None if it was removed before it could be opened."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        pass
    except OSError as error:
        raise _cannot_write(path, error, option) from None
    try:
        # Checked before it is opened: opening some devices has an effect.
        _check(path, os.lstat(path), option)
        fd = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot_write(path, error, option) from None
    try:
        # It may have been replaced between the two calls.
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
    """Raises CannotUsePidFile unless it could be a pid file of an earlier run."""
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
    """Raises CannotUsePidFile or PidFileHeld unless it is empty or has the pid of a process that has ended."""
    found = os.fstat(fd)
    before = pid_in(fd)
    if before is None and found.st_size:
        raise CannotUsePidFile(
            f"cannot use the pid file {path}: what is in it is no pid, so it may be something else; remove it if "
            f"nobody needs it, or choose another with {option}"
        )
    # supervisord, for example, does not lock its file: the pid is that of the process that existed when it was written.
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
        # In this order it is never empty.
        os.pwrite(fd, content, 0)
        os.ftruncate(fd, len(content))
    except OSError as error:
        raise _cannot_write(path, error, option) from None


def _held(fd: int, path: str, option: str) -> str:
    """The error, which names the holder as far as it is known."""
    pid = pid_in(fd)
    found = lockers(os.fstat(fd))
    if found and pid not in found:
        # The holder has not written it yet, or is in another pid namespace.
        pid = found[0]
    return _held_by(pid, path, option)


def _held_by(pid: int | None, path: str, option: str) -> str:
    who = "another process" if pid is None else f"pid {pid} ({command_line(pid)})"
    return f"the pid file {path} is held by {who}, which is running; stop it first, or choose another with {option}"
