"""Opens a log so that nobody who may write in its folder can turn it, for a master that is root, into another file.

A program's user often owns the folder of its logs. A link there named web.log would have root write into /etc/shadow,
or show it to whoever may read logs. Of a master that is not root the kernel asks what it may.
"""

import errno
import os
import stat
import time
from enum import Enum

from procman.system.file_trust import MOST_LINKS, is_open_to_others, whole_path

# Root's, by whatever name: what happens there is nobody's loss.
_DEVICES = ("/dev/", "/proc/self/fd/", "/proc/1/fd/")
_NO_DEVICES = ("/dev/shm/", "/dev/mqueue/")  # noqa: S108 - everybody's folders
# Where a link that others may have made can lead, by these very names: what else is open here (another program's log,
# the list of what runs) or has a device (a disk, a watchdog) is not theirs to choose, and `/dev/fd/../cwd` is anything.
_FOR_ALL = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"}) | {
    f"{folder}/{number}" for folder in ("/dev/fd", "/proc/self/fd", "/proc/1/fd") for number in (1, 2)
}
_ROOT = frozenset({0})
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC

_SYMLINK = "it is a symbolic link in a directory that others may write, which root does not follow"
_FOREIGN_LINK = "a symbolic link on its way is not root's and lies in a directory that others may write"
_HARD_LINK = "the file has other names, and is in a directory that others may write"
_NO_FILE = "it is no file, is not root's, and is in a directory that others may write"


class Untrusted(OSError):
    """The path may have been made by somebody who wants root to open something else."""


def open_log(path: str, flags: int, mode: int = 0o666) -> int:
    """os.open; raises Untrusted, which says why, where root would be led astray."""
    if os.geteuid() != 0 or _is_device(path) or "\0" in path:
        return os.open(path, flags, mode)
    folder = _look_at(os.path.dirname(whole_path(path)))
    if folder is not _Folder.FAR:
        try:
            fd = os.open(path, flags | os.O_NOFOLLOW, mode)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        else:
            return fd if folder is _Folder.SAFE else _accepted(fd)
    return _open_step_by_step(path, flags, mode)


def open_folder(path: str) -> int:
    """The folder of a log, to rename and remove in it by its descriptor; raises Untrusted as `open_log` does.

    By its name another one could be meant the next moment, with files of the same names: those of another program.
    """
    folder = os.path.dirname(whole_path(path))
    if os.geteuid() != 0 or _look_at(folder) is not _Folder.FAR:
        return os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    place = _Place(os.open("/", _LOOK | os.O_DIRECTORY))
    try:
        place.go(folder.split("/"))
        return place.hand_out()
    finally:
        place.close()


class _Folder(Enum):
    """What is known of a folder at a glance."""

    SAFE = "root's alone, and so is the way to it"
    SHARED = "only root can exchange it, and others may write in it: /tmp"
    FAR = "it takes more than a glance"


# The verdict on the folder looked at last, and until when it holds: programs are started together, and their logs are
# in one folder. Steps take 100 us for each log, this one 10.
_last: tuple[str, float, _Folder] = ("", 0.0, _Folder.FAR)
_HOLDS = 1.0  # seconds


def _look_at(folder: str) -> _Folder:
    global _last  # noqa: PLW0603 - there is one file system
    now = time.monotonic()
    if _last[0] != folder or now >= _last[1]:
        _last = (folder, now + _HOLDS, _judged(folder))
    return _last[2]


def _judged(folder: str) -> _Folder:
    try:
        found = os.lstat(folder)
        verdict = _Folder.SHARED if is_open_to_others(found, _ROOT) else _Folder.SAFE
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0:
            return _Folder.FAR
        while folder not in ("/", "//"):
            folder = os.path.dirname(folder)
            found = os.lstat(folder)
            if not stat.S_ISDIR(found.st_mode) or is_open_to_others(found, _ROOT):
                return _Folder.FAR
    except OSError:
        return _Folder.FAR
    return verdict


def _is_device(path: str) -> bool:
    whole = os.path.normpath(path)
    return whole.startswith(_DEVICES) and not whole.startswith(_NO_DEVICES)


def _open_step_by_step(path: str, flags: int, mode: int) -> int:
    """Go from folder to folder, each held open, so that none can be exchanged behind us."""
    *way, name = whole_path(path).split("/")
    place = _Place(os.open("/", _LOOK | os.O_DIRECTORY))
    try:
        while True:
            place.go(way)
            if name in ("", ".", ".."):
                place.enter(name or ".")
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            target = place.link(name, is_last=True)
            if target is None:
                return place.open(name, flags, mode)
            if target in _FOR_ALL or _is_device(target):
                # As images have it: web.log -> /dev/stdout. Of others' links `link` has let pass only such.
                return os.open(target, flags, mode)
            *way, name = place.turn(target)
    finally:
        place.close()


class _Place:
    """A folder that is held open, and whether others decide what is in it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lost = False  # below a folder that others may write all is theirs
        self._links = 0

    @property
    def _exposed(self) -> bool:
        return self._lost or is_open_to_others(os.fstat(self._fd), _ROOT)

    def go(self, way: list[str]) -> None:
        """Enter one folder after the other, by way of links that may be followed; raises Untrusted."""
        todo = way[::-1]
        while todo:
            name = todo.pop() or "."
            target = None if name in (".", "..") else self.link(name, is_last=False)
            if target is None:
                self.enter(name)
            else:
                todo += self.turn(target)[::-1]

    def turn(self, target: str) -> list[str]:
        """Follow a link: the way that is to be gone from here."""
        self._links += 1
        if self._links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), target)
        if target.startswith("/"):
            self.enter("/")
        return target.split("/")

    def enter(self, name: str) -> None:
        """Go on to a folder in it, which is no link."""
        new = os.open(name, _LOOK | os.O_DIRECTORY, dir_fd=self._fd)
        above, below = os.fstat(self._fd), os.fstat(new)
        # In /tmp nobody else can move away what is root's.
        kept = above.st_mode & stat.S_ISVTX and above.st_uid == below.st_uid == 0
        self._lost = name != "/" and (self._lost or (is_open_to_others(above, _ROOT) and not kept))
        self.close()
        self._fd = new

    def link(self, name: str, *, is_last: bool) -> str | None:
        """Where a link leads that may be followed, None where there is none; raises Untrusted."""
        try:
            fd = os.open(name, _LOOK, dir_fd=self._fd)
        except FileNotFoundError:
            return None
        try:
            found = os.fstat(fd)
            if not stat.S_ISLNK(found.st_mode):
                return None
            target = os.readlink("", dir_fd=fd)
        finally:
            os.close(fd)
        if not self._exposed or (is_last and target in _FOR_ALL):
            return target
        if is_last:
            raise Untrusted(errno.ELOOP, _SYMLINK)
        if found.st_uid != 0:
            raise Untrusted(errno.ELOOP, _FOREIGN_LINK)
        return target

    def open(self, name: str, flags: int, mode: int) -> int:
        """Open the file itself; raises Untrusted."""
        fd = os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=self._fd)
        return _accepted(fd) if self._exposed else fd

    def hand_out(self) -> int:
        """The folder itself, to be closed by whoever gets it."""
        return os.dup(self._fd)

    def close(self) -> None:
        os.close(self._fd)


def _accepted(fd: int) -> int:
    """A file in a folder that others may write; raises Untrusted where it may be another one, or somebody's trap."""
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode):
        why_not = _HARD_LINK if found.st_nlink > 1 else None
    else:
        why_not = _NO_FILE if found.st_uid != 0 else None
    if why_not is not None:
        os.close(fd)
        raise Untrusted(errno.EPERM, why_not)
    return fd
