"""The names of AUTO logs, and their removal when a new master begins.

They are supervisor's names with the master's own mark before the identifier, as in
`web-stdout---5f1c02aa-supervisor-k3vq0x_b.log`. A file is removed only if its name has this master's mark and no
running master holds the file. So masters that share an identifier and a folder, as they do by default, leave each
other's logs alone. supervisord, which removes all that has the identifier after the dashes, leaves them alone, too.
"""

import fcntl
import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from procman.logs.safe_open import open_folder, open_log

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"  # as in the names of Python's tempfile
_RANDOM = 8


@dataclass(frozen=True, slots=True)
class Owner:
    """The master that AUTO logs belong to."""

    mark: str  # of its configuration: the same whenever it is started, another for each other one
    identifier: str

    def __str__(self) -> str:
        return f"{self.mark}-{self.identifier}"


def auto_log_path(childlogdir: str, name: str, channel: str, owner: Owner) -> str:
    """A path that nobody has guessed, for the log of one channel of one process."""
    random = "".join(_LETTERS[byte % len(_LETTERS)] for byte in os.urandom(_RANDOM))
    return os.path.join(childlogdir, f"{name}-{channel}---{owner}-{random}.log")


def create_auto_log(path: str) -> None:
    """Create it, empty and for this user alone; raises OSError."""
    os.close(open_log(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))


def clear_auto_logs(
    childlogdir: str, owner: Owner, on_problem: Callable[[str], None], spared: Collection[str] = ()
) -> None:
    """Remove what the owner's earlier runs have left of AUTO logs and their backups; not those in `spared`."""
    ours = re.compile(rf"(.+---{re.escape(str(owner))}-[{_LETTERS}]{{{_RANDOM}}}\.log)(?:\.\d+)?")
    failed: list[str] = []
    try:
        # Held, so that files are removed from the folder in which they were found.
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
        if os.path.join(shown, log) in spared or any(_is_held(name, folder) for name in names):
            continue
        for name in names:
            try:
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                pass
            except OSError as error:
                failed.append(f"{os.path.join(shown, name)} ({error.strerror})")


def hold(fd: int) -> None:
    """Mark an AUTO log as one that is written to, for as long as it is open.

    Containers may share a folder of logs and have the same configuration, so the same mark.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pass  # not every file system has locks


def _is_held(name: str, folder: int) -> bool:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return False  # if it is there, its removal says what is wrong
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # not every file system has locks
    finally:
        os.close(fd)
    return False
