"""The files of a folder of reports: each is written whole or not at all, for its owner alone.

It asks a disk, which may hang: call it beside the loop. What cannot be done is an OSError, whose text is for people.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from procman.system.file_trust import is_open_to_others, trusted_users

# A larger file is none of ours.
LARGEST = 512 * 1024
SUFFIX = ".json"


def write_report(folder: str, name: str, data: bytes) -> None:
    """Write a file of that name, or replace it; the folder is made where it is not there."""
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    with _opened(folder) as here:
        temporary = f".{name}.tmp"
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=here)  # of a master that was killed
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=here)
        try:
            try:
                left = memoryview(data)
                while left:
                    left = left[os.write(file, left) :]
            finally:
                os.close(file)
            os.rename(temporary, name, src_dir_fd=here, dst_dir_fd=here)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=here)
            raise


def list_reports(folder: str) -> list[tuple[str, int]]:
    """The names of the files and their sizes, by name; none where the folder is not there."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    with suppress(FileNotFoundError):
                        about = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(about.st_mode):
                            found.append((entry.name, about.st_size))
    except FileNotFoundError:
        pass
    return sorted(found)


def read_report(folder: str, name: str) -> bytes | None:
    """What is in the file; None where it is not there, is too large, or others may write it."""
    with _opened(folder) as here:
        try:
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
        except FileNotFoundError:
            return None
        try:
            about = os.fstat(file)
            ours = stat.S_ISREG(about.st_mode) and not is_open_to_others(about, trusted_users())
            if not ours or about.st_size > LARGEST:
                return None
            parts = []
            while part := os.read(file, LARGEST):
                parts.append(part)
            return b"".join(parts)
        finally:
            os.close(file)


def remove_report(folder: str, name: str) -> None:
    """Remove the file, if it is there."""
    with _opened(folder) as here, suppress(FileNotFoundError):
        os.unlink(name, dir_fd=here)


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if is_open_to_others(os.fstat(here), trusted_users()):
            raise PermissionError(errno.EPERM, "other users may write to it: make it yours, with mode 0700")
        yield here
    finally:
        os.close(here)
