"""Opens a log so that a user who may write in its folder cannot make a master that is root open another file instead.

A program's user often owns the folder of its logs. A link there named web.log could make root write into /etc/shadow,
or show that file to any user who may read logs. For a master that is not root, the kernel's own checks are enough.
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from enum import Enum

from procman.system.exposure import MOST_LINKS, whole_path
from procman.system.file_trust import is_kept, is_open_to_others

# Folders of root's by any name: a wrong file there does no harm.
_DEVICES = ("/dev/", "/proc/self/fd/", "/proc/1/fd/")
_NO_DEVICES = ("/dev/shm/", "/dev/mqueue/")  # noqa: S108 - everybody's folders
# The only targets that a link made by another user may have, by these very names: whatever else is open in this process
# (another program's log, the state file) or is a device (a disk, a watchdog) must not be chosen by others, and
# `/dev/fd/../cwd` could be anything.
_PUBLIC_TARGETS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"}) | {
    f"{folder}/{number}" for folder in ("/dev/fd", "/proc/self/fd", "/proc/1/fd") for number in (1, 2)
}
_ROOT = frozenset({0})
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC

_SYMLINK = "it is a symbolic link in a directory that others may write, which root does not follow"
_FOREIGN_LINK = "a symbolic link on its way is not root's and lies in a directory that others may write"
_HARD_LINK = "the file has other names, and is in a directory that others may write"
_NOT_A_FILE = "it is no file, is not root's, and is in a directory that others may write"


class UntrustedPath(OSError):
    """Another user may have made the path, so that root opens something else."""


def open_log(path: str, flags: int, mode: int = 0o666) -> int:
    """os.open; raises UntrustedPathPath, with the reason, if root might open the wrong file."""
    if os.geteuid() != 0 or _is_device(path) or "\0" in path:
        return os.open(path, flags, mode)
    folder = _classify(os.path.dirname(whole_path(path)))
    if folder is not _Kind.UNKNOWN:
        try:
            fd = os.open(path, flags | os.O_NOFOLLOW, mode)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        else:
            return fd if folder is _Kind.SAFE else _accepted(fd)
    return _open_step_by_step(path, flags, mode)


def open_folder(path: str) -> int:
    """The folder of a log, to rename and remove in it by its descriptor; raises UntrustedPath as `open_log` does.

    The next moment its name could mean another folder, with files of the same names: those of another program.
    """
    folder = os.path.dirname(whole_path(path))
    if os.geteuid() != 0 or _classify(folder) is not _Kind.UNKNOWN:
        return os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    walk = _FolderWalk(os.open("/", _LOOK | os.O_DIRECTORY))
    try:
        walk.go(folder.split("/"))
        return walk.duplicate()
    finally:
        walk.close()


@contextlib.contextmanager
def folder_of(path: str) -> Iterator[tuple[str, int]]:
    """The file's name, and a descriptor of its folder as by `open_folder`; raises OSError."""
    folder = open_folder(path)
    try:
        yield os.path.basename(path), folder
    finally:
        os.close(folder)


class _Kind(Enum):
    """What a quick look tells about a folder."""

    SAFE = "only root may write in it and in its parents"
    SHARED = "only root can replace it, and others may write in it: /tmp"
    UNKNOWN = "it takes more than a quick look"


# The folder looked at last, until when that holds, and the result: programs start together, and their logs are in one
# folder. Step by step each log takes 100 us, a quick look 10.
_last: tuple[str, float, _Kind] = ("", 0.0, _Kind.UNKNOWN)
_CACHE_FOR = 1.0  # seconds


def _classify(folder: str) -> _Kind:
    global _last  # noqa: PLW0603 - there is one file system
    now = time.monotonic()
    if _last[0] != folder or now >= _last[1]:
        _last = (folder, now + _CACHE_FOR, _classify_now(folder))
    return _last[2]


def _classify_now(folder: str) -> _Kind:
    try:
        found = os.lstat(folder)
        verdict = _Kind.SHARED if is_open_to_others(found, _ROOT) else _Kind.SAFE
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0:
            return _Kind.UNKNOWN
        while folder not in ("/", "//"):
            folder = os.path.dirname(folder)
            found = os.lstat(folder)
            if not stat.S_ISDIR(found.st_mode) or is_open_to_others(found, _ROOT):
                return _Kind.UNKNOWN
    except OSError:
        return _Kind.UNKNOWN
    return verdict


def _is_device(path: str) -> bool:
    whole = os.path.normpath(path)
    return whole.startswith(_DEVICES) and not whole.startswith(_NO_DEVICES)


def _open_step_by_step(path: str, flags: int, mode: int) -> int:
    """Go from folder to folder, each held open, so that none can be replaced meanwhile."""
    *way, name = whole_path(path).split("/")
    walk = _FolderWalk(os.open("/", _LOOK | os.O_DIRECTORY))
    try:
        while True:
            walk.go(way)
            if name in ("", ".", ".."):
                walk.enter(name or ".")
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            target = walk.link(name, is_last=True)
            if target is None:
                return walk.open(name, flags, mode)
            if target in _PUBLIC_TARGETS or _is_device(target):
                # As in images: web.log -> /dev/stdout. Of links made by others, `link` returns only such targets.
                return os.open(target, flags, mode)
            *way, name = walk.follow(target)
    finally:
        walk.close()


class _FolderWalk:
    """A folder that is held open, and whether other users decide what is in it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._others = False  # below a folder that others may write, they decide everything
        self._links = 0

    @property
    def _exposed(self) -> bool:
        return self._others or is_open_to_others(os.fstat(self._fd), _ROOT)

    def go(self, way: list[str]) -> None:
        """Enter one folder after the other, following links that may be followed; raises UntrustedPath."""
        todo = way[::-1]
        while todo:
            name = todo.pop() or "."
            target = None if name in (".", "..") else self.link(name, is_last=False)
            if target is None:
                self.enter(name)
            else:
                todo += self.follow(target)[::-1]

    def follow(self, target: str) -> list[str]:
        """Follow a link: return the path that leads on from here."""
        self._links += 1
        if self._links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), target)
        if target.startswith("/"):
            self.enter("/")
        return target.split("/")

    def enter(self, name: str) -> None:
        """Go to a folder in it that is not a link."""
        new = os.open(name, _LOOK | os.O_DIRECTORY, dir_fd=self._fd)
        above, below = os.fstat(self._fd), os.fstat(new)
        # In /tmp other users cannot move a folder of root's.
        kept = is_kept(above, below, _ROOT)
        self._others = name != "/" and (self._others or (is_open_to_others(above, _ROOT) and not kept))
        self.close()
        self._fd = new

    def link(self, name: str, *, is_last: bool) -> str | None:
        """The target of a link that may be followed, None if there is no link; raises UntrustedPath."""
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
        if not self._exposed or (is_last and target in _PUBLIC_TARGETS):
            return target
        if is_last:
            raise UntrustedPath(errno.ELOOP, _SYMLINK)
        if found.st_uid != 0:
            raise UntrustedPath(errno.ELOOP, _FOREIGN_LINK)
        return target

    def open(self, name: str, flags: int, mode: int) -> int:
        """Open the file itself; raises UntrustedPath."""
        fd = os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=self._fd)
        return _accepted(fd) if self._exposed else fd

    def duplicate(self) -> int:
        """A descriptor of the folder, which the caller closes."""
        return os.dup(self._fd)

    def close(self) -> None:
        """Close the folder."""
        os.close(self._fd)


def _accepted(fd: int) -> int:
    """Return a file in a folder that others may write; raises UntrustedPath if they may have chosen the file."""
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode):
        why_not = _HARD_LINK if found.st_nlink > 1 else None
    else:
        why_not = _NOT_A_FILE if found.st_uid != 0 else None
    if why_not is not None:
        os.close(fd)
        raise UntrustedPath(errno.EPERM, why_not)
    return fd
