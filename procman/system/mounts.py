"""The mounts in /proc/self/mountinfo; see proc_pid_mountinfo(5)."""

import os
from typing import NamedTuple

_IN_MEMORY = ("tmpfs", "ramfs")


class Mount(NamedTuple):
    """One line."""

    root: str  # what of the file system is seen there
    where: str
    kind: str
    options: str  # of the file system itself, with commas between them


def mounts() -> list[Mount]:
    """All mounts that this process sees, in order: a later one may cover an earlier one. None without /proc."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return parse(file.read())
    except OSError:
        return []


def parse(text: str) -> list[Mount]:
    """The lines of a mountinfo."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        kind, *_, options = right.split(" ")
        found.append(Mount(_plain(fields[3]), _plain(fields[4]), kind, options))
    return found


def is_in_memory(path: str, among: list[Mount]) -> bool:
    """Whether files in this folder are in memory, not on a disk."""
    real = os.path.realpath(path)
    around = [mount for mount in among if (real + "/").startswith(mount.where.rstrip("/") + "/")]
    # max() takes the first of several, and the last one is on top.
    return bool(around) and max(reversed(around), key=lambda mount: len(mount.where)).kind in _IN_MEMORY


def _plain(text: str) -> str:
    for escaped, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(escaped, letter)
    return text
