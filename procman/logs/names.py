"""The names of AUTO logs, as supervisor makes them, and their removal when a new master begins.

A file is removed only if this very master's identifier is in its name; what merely looks alike is somebody else's.
"""

import os
import re
from collections.abc import Callable, Collection

from procman.logs.opening import open_folder, open_log

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"  # as in the names of Python's tempfile
_RANDOM = 8


def auto_log_path(childlogdir: str, name: str, channel: str, identifier: str) -> str:
    """A path that nobody has guessed, for the log of one channel of one process."""
    random = "".join(_LETTERS[byte % len(_LETTERS)] for byte in os.urandom(_RANDOM))
    return os.path.join(childlogdir, f"{name}-{channel}---{identifier}-{random}.log")


def create_auto_log(path: str) -> None:
    """Create it, empty and for this user alone; raises OSError."""
    os.close(open_log(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))


def clear_auto_logs(
    childlogdir: str, identifier: str, on_problem: Callable[[str], None], spared: Collection[str] = ()
) -> None:
    """Remove the AUTO logs, and their backups, of earlier masters with this identifier; not those in `spared`."""
    ours = re.compile(rf".+---{re.escape(identifier)}-[{_LETTERS}]{{{_RANDOM}}}\.log(?:\.\d+)?")
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
    with os.scandir(folder) as entries:
        old = [entry.name for entry in entries if ours.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)]
    for name in old:
        path = os.path.join(shown, name)
        if path.startswith(spared):
            continue
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            failed.append(f"{path} ({error.strerror})")
