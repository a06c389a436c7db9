"""AUTO logs: their names, which of them are in use, and their removal when a new master begins.

The names are supervisor's, with the master's own mark before the identifier, as in
`web-stdout---5f1c02aa-supervisor-k3vq0x_b.log`. A file is removed only if its name has this master's mark and no
running master has it open. So masters that share an identifier and a folder, as they do by default, leave each other's
logs alone. supervisord, which removes all that has the identifier right after the dashes, leaves them alone, too.
"""

import fcntl
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from procman.logs.rotated_files import TAIL
from procman.system.safe_open import open_folder, open_log

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"  # as in the names of Python's tempfile
_RANDOM = 8


@dataclass(frozen=True, slots=True)
class Owner:
    """The master that AUTO logs belong to."""

    mark: str  # of its configuration: the same at each start, and different for each configuration
    identifier: str

    def __str__(self) -> str:
        return f"{self.mark}-{self.identifier}"


class AutoLogs:
    """The AUTO logs of one master, by the namespec of the process and the channel."""

    def __init__(self, childlogdir: str, owner: Owner, on_change: Callable[[str, str, str | None], None]) -> None:
        """`on_change` gets the namespec, the channel, and the path that is in use now, or None."""
        self._childlogdir = childlogdir
        self._owner = owner
        self._on_change = on_change
        self._reserved: dict[tuple[str, str], str] = {}  # for processes that have not run yet

    def reserve(self, paths: Mapping[tuple[str, str], str]) -> None:
        """These, of an earlier master, go on to be used."""
        self._reserved = dict(paths)

    def clear_old(self, on_problem: Callable[[str], None]) -> None:
        """Remove what this owner's earlier runs have left, except what is reserved."""
        clear_auto_logs(self._childlogdir, self._owner, on_problem, list(self._reserved.values()))

    def take(self, namespec: str, name: str, channel: str) -> str:
        """The path for a process that runs now; `name` is the program's."""
        path = self._reserved.pop((namespec, channel), None) or self._new_path(name, channel)
        self._on_change(namespec, channel, path)
        return path

    def path_to_be(self, namespec: str, name: str, channel: str, create: Callable[[str], object]) -> str:
        """The path that a process will use that has not run yet; `create` is called if the path is new."""
        path = self._reserved.get((namespec, channel))
        if path is None:
            path = self._reserved[namespec, channel] = self._new_path(name, channel)
            create(path)
        return path

    def release(self, namespec: str, channel: str, *, was_used: bool) -> None:
        """The process is removed; `was_used`: it has run."""
        self._reserved.pop((namespec, channel), None)
        if was_used:
            self._on_change(namespec, channel, None)

    def _new_path(self, name: str, channel: str) -> str:
        return auto_log_path(self._childlogdir, name, channel, self._owner)


def auto_log_path(childlogdir: str, name: str, channel: str, owner: Owner) -> str:
    """A path that cannot be guessed, for the log of one channel of one process."""
    random = "".join(_LETTERS[byte % len(_LETTERS)] for byte in os.urandom(_RANDOM))
    return os.path.join(childlogdir, f"{name}-{channel}---{owner}-{random}.log")


def create_auto_log(path: str) -> None:
    """Create it, empty and for this user alone; raises OSError."""
    os.close(open_log(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))


def clear_auto_logs(
    childlogdir: str, owner: Owner, on_problem: Callable[[str], None], spared: Collection[str] = ()
) -> None:
    """Remove what the owner's earlier runs have left of AUTO logs and their backups; not those in `spared`."""
    ours = re.compile(rf"(.+---{re.escape(str(owner))}-[{_LETTERS}]{{{_RANDOM}}}\.log)(?:{TAIL})?")
    failed: list[str] = []
    try:
        # Held open, so that files are removed from the folder in which they were found.
        folder = _open_to_read(childlogdir)
        try:
            _clear(folder, childlogdir, ours, tuple(spared), failed)
        finally:
            os.close(folder)
    except OSError as error:
        on_problem(f"cannot clear childlogdir {childlogdir}: {error.strerror}; logs of earlier runs stay there")
    if failed:
        others = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        on_problem(f"cannot remove the old log {failed[0]}{others}; see who may write in {childlogdir}")


def mark_in_use(fd: int) -> None:
    """Mark an open AUTO log as in use until it is closed.

    Containers may share a folder of logs and have the same configuration, so the same mark.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pass  # not every file system has locks


def _open_to_read(path: str) -> int:
    found = open_folder(os.path.join(path, ""))
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=found)
    finally:
        os.close(found)


def _clear(folder: int, shown: str, ours: re.Pattern[str], spared: tuple[str, ...], failed: list[str]) -> None:
    found: dict[str, list[str]] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            match = ours.fullmatch(entry.name)
            if match and entry.is_file(follow_symlinks=False):
                found.setdefault(match[1], []).append(entry.name)
    for log, names in found.items():
        if os.path.join(shown, log) in spared or any(_is_in_use(name, folder) for name in names):
            continue
        for name in names:
            try:
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                pass
            except OSError as error:
                failed.append(f"{os.path.join(shown, name)} ({error.strerror})")


def _is_in_use(name: str, folder: int) -> bool:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return False  # if the file is there, its removal reports what is wrong
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # not every file system has locks
    finally:
        os.close(fd)
    return False
