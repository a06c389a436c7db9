"""The files that a log has become: renamed in turn, compressed, and removed when they are too old or too many.

It works in a folder by its descriptor, and it may block: the thread of the disk calls it. A file with a link of another
name is left alone: its owner may have put it there.
"""

import contextlib
import fcntl
import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass

from procman.logs.rotation import SUFFIXES, Keeping

_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_ENDINGS = "|".join(re.escape(suffix) for suffix in SUFFIXES.values())
_DATE = r"\d{4}-\d\d-\d\d(?:T\d\d(?:-\d\d-\d\d)?)?"
_NUMBERED = re.compile(rf"\.(\d{{1,9}})({_ENDINGS})?")
_DATED = re.compile(rf"\.({_DATE})(?:\.(\d{{1,9}}))?({_ENDINGS})?")
_UNFINISHED = ".compressing"
# What follows the name of a log in those of all files that have come of it.
TAIL = rf"\.(?:\d+|{_DATE}(?:\.\d+)?)(?:{_ENDINGS}|{re.escape(_UNFINISHED)})?"


@dataclass(frozen=True, slots=True)
class Rotated:
    """One of them."""

    name: str
    stem: str  # without the suffix of a compressed file
    number: int  # 0: it is named by the time
    size: int
    mtime: float
    inode: int
    is_compressed: bool


@dataclass(frozen=True, slots=True)
class ToCompress:
    """Two open files, for a process that compresses one into the other."""

    method: str
    source: int
    target: int
    found: os.stat_result  # of the source, before

    def close(self) -> None:
        """Close both; this frees the lock on the target."""
        os.close(self.source)
        os.close(self.target)


class RotatedFiles:
    """Those of one log; `folder` is a descriptor that the caller keeps open during each call. Raises OSError."""

    def __init__(self, name: str, wall: Callable[[], float] = time.time) -> None:
        """`name` is the log's, in its folder."""
        self._name = name
        self._wall = wall

    def move_away(self, folder: int, backups: int, keeping: Keeping, written: float) -> None:
        """The log becomes the newest of them; it was last written at `written`."""
        if keeping.dated:
            stamp = f"{self._name}.{keeping.stamp(written)}"
            taken = {one.stem for one in self.found(folder)}.union(self._names(folder))
            target, number = stamp, 1
            while target in taken:
                number += 1
                target = f"{stamp}.{number}"
            os.rename(self._name, target, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            self._shift(folder, backups)

    def prune(self, folder: int, backups: int, keeping: Keeping) -> None:
        """Remove what is too much; the oldest first: nothing stays that is older than what has gone."""
        found = sorted(self.found(folder), key=_newest_first)
        now = self._wall()
        total = _size_of(self._name, folder)
        for place, one in enumerate(found):
            total += one.size
            is_old = keeping.max_age is not None and now - one.mtime > keeping.max_age
            is_much = keeping.max_total is not None and total > keeping.max_total
            # More with numbers are of a time when `backups` was larger: supervisor leaves them, and so do we.
            if is_old or is_much or (keeping.dated and place >= backups):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(one.name, dir_fd=folder)

    def to_compress(self, folder: int, method: str) -> ToCompress | None:
        """The newest that is not compressed, with a file to compress it into; None: there is nothing to do now."""
        for one in sorted(self.found(folder), key=_newest_first):
            if one.is_compressed:
                continue
            source = os.open(one.name, _LOOK, dir_fd=folder)
            try:
                found = os.fstat(source)
                target = self._unfinished(folder, found.st_ino) if _is_ordinary(found) else None
                if target is not None:
                    return ToCompress(method, source, target, found)
            except BaseException:
                os.close(source)
                raise
            os.close(source)
        return None

    def compressed(self, folder: int, job: ToCompress, *, succeeded: bool) -> bool:
        """The process has ended: the compressed file takes the place of the other; False if it was of no use.

        What has been written to the source meanwhile, by another master, would be lost: then it is left as it is.
        """
        unfinished = self._unfinished_name(job.found.st_ino)
        now = os.fstat(job.source)
        source = next((one for one in self.found(folder) if one.inode == now.st_ino and not one.is_compressed), None)
        is_same = (now.st_size, now.st_mtime_ns) == (job.found.st_size, job.found.st_mtime_ns)
        if not succeeded or not is_same or source is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(unfinished, dir_fd=folder)
            return False
        copy_owner_and_mode(job.target, now)
        os.utime(job.target, ns=(now.st_atime_ns, now.st_mtime_ns))
        os.rename(unfinished, source.name + SUFFIXES[job.method], src_dir_fd=folder, dst_dir_fd=folder)
        os.unlink(source.name, dir_fd=folder)
        return True

    def found(self, folder: int) -> list[Rotated]:
        """All of them."""
        rotated = [self._one(name, folder) for name in self._names(folder)]
        return [one for one in rotated if one is not None]

    def _names(self, folder: int) -> list[str]:
        """Of all that could be one of them, folders among these."""
        here = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        try:
            return [name for name in os.listdir(here) if name.startswith(f"{self._name}.")]
        finally:
            os.close(here)

    def _one(self, name: str, folder: int) -> Rotated | None:
        tail = name[len(self._name) :]
        numbered, dated = _NUMBERED.fullmatch(tail), _DATED.fullmatch(tail)
        if numbered is None and dated is None:
            return None
        suffix = (numbered[2] if numbered else dated[3] if dated else "") or ""
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        stem = name.removesuffix(suffix) if suffix else name
        number = int(numbered[1]) if numbered else 0
        return Rotated(name, stem, number, status.st_size, status.st_mtime, status.st_ino, bool(suffix))

    def _shift(self, folder: int, backups: int) -> None:
        """.1 becomes .2 and so on, each with what it is compressed to; the last one goes."""
        by_number: dict[int, list[Rotated]] = {}
        names = set(self._names(folder))
        for one in self.found(folder):
            by_number.setdefault(one.number, []).append(one)
            names.discard(one.name)
        # A number that somebody has given to a folder is not used.
        found = (_NUMBERED.fullmatch(name[len(self._name) :]) for name in names)
        theirs = {int(match[1]) for match in found if match is not None}
        numbers = [number for number in range(1, backups + 1) if number not in theirs] or [1]
        # Up to the first gap: what is behind it stays. If one cannot be moved, none has overwritten another.
        free = next((place for place, number in enumerate(numbers) if number not in by_number), len(numbers))
        for place in range(free - 1, -1, -1):
            for one in by_number[numbers[place]]:
                if place == len(numbers) - 1:
                    os.unlink(one.name, dir_fd=folder)
                else:
                    suffix = one.name[len(one.stem) :]
                    target = f"{self._name}.{numbers[place + 1]}{suffix}"
                    os.rename(one.name, target, src_dir_fd=folder, dst_dir_fd=folder)
        os.rename(self._name, f"{self._name}.{numbers[0]}", src_dir_fd=folder, dst_dir_fd=folder)

    def _unfinished_name(self, inode: int) -> str:
        return f"{self._name}.{inode}{_UNFINISHED}"

    def _unfinished(self, folder: int, inode: int) -> int | None:
        """A file to write into, locked; None if a process of another log or master is at it."""
        name = self._unfinished_name(inode)
        try:
            fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        except FileExistsError:
            # Perhaps of a master that was killed.
            fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            found = os.fstat(fd)
            if _is_ordinary(found) and found.st_uid == os.geteuid():
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(fd, 0)
                return fd
        except BlockingIOError:
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None


def copy_owner_and_mode(fd: int, previous: os.stat_result) -> None:
    """Give a file the owner, group and mode of another one, as far as permitted."""
    now = os.fstat(fd)
    if (now.st_uid, now.st_gid) != (previous.st_uid, previous.st_gid):
        # Only root may change the owner; any user may choose among its own groups.
        owner = previous.st_uid if os.geteuid() == 0 else -1
        with contextlib.suppress(OSError):
            os.fchown(fd, owner, previous.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(fd, previous.st_mode & 0o777)


def _newest_first(one: Rotated) -> tuple[float, int]:
    return -one.mtime, one.number


def _is_ordinary(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _size_of(name: str, folder: int) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    except OSError:
        return 0
