"""Recognises in what a program wrote last that it ran out of something: room on a disk, processes, descriptors.

`shortage_in` only reads the lines; `look` asks the system what is used up, which may hang: call it beside the loop.
"""

import os
import re
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from procman.config.schema.kinds.limits import UNLIMITED, Rlimit
from procman.config.schema.kinds.numbers import show_size
from procman.config.schema.programs import Program
from procman.system import exhausted_limits
from procman.system.accounts import find_account
from procman.system.failed_exec import Explanation, Trouble

# So many of the last lines, and letters of each, are looked at.
MOST_LINES = 50
_MOST_LETTERS = 2000
# So many paths of one line are asked about, and so many folders above each, where it is not there (any more).
_MOST_PATHS = 4
_MOST_ABOVE = 3
# Where programs write that name no path.
_USUAL = ("/tmp", "/var/tmp", "/dev/shm", "/")  # noqa: S108 - these are only looked at


class Lacks(Enum):
    """What there was no more of."""

    ROOM = "room"  # on a disk
    QUOTA = "quota"
    PROCESSES = "processes"  # or threads
    DESCRIPTORS = "descriptors"
    MEMORY = "memory"


# The C library's words, which most languages pass on, and those of some that have their own.
_WORDS = {
    Lacks.ROOM: r"no space left on device|\bENOSPC\b|database or disk is full|not enough space on the disk",
    Lacks.QUOTA: r"disk quota exceeded|\bEDQUOT\b",
    Lacks.PROCESSES: (
        r"can't start new thread|unable to create (?:new )?native thread|cannot fork|can't fork"
        r"|(?:fork|clone|thread|spawn)[^:]{0,40}.{0,40}(?:resource temporarily unavailable|\bEAGAIN\b)"
        r"|(?:resource temporarily unavailable|\bEAGAIN\b).{0,40}(?:fork|clone|thread)"
    ),
    Lacks.DESCRIPTORS: r"too many open files|\bEMFILE\b|\bENFILE\b",
    Lacks.MEMORY: r"^MemoryError\b|cannot allocate memory|\bENOMEM\b|\bstd::bad_alloc\b",
}
_PATTERNS = {lacks: re.compile(words, re.IGNORECASE) for lacks, words in _WORDS.items()}
# Python does not say what was unavailable: the line of the code above does.
_UNAVAILABLE = re.compile(r"resource temporarily unavailable", re.IGNORECASE)
_FORKS = re.compile(r"\b_?(?:fork|fork_exec|posix_spawnp?|forkpty)\(")
_ABOVE = 3
_PATH = re.compile(r"(?:^|[\s'\"(=:])(/[^\s'\"(),;:]+)")


@dataclass(frozen=True, slots=True)
class Shortage:
    """A program has said that there was no more of something."""

    lacks: Lacks
    line: str  # in which it said so


def shortage_in(lines: Sequence[str]) -> Shortage | None:
    """What the last lines of a program say of it; None: nothing. The last mention wins."""
    last = [line[:_MOST_LETTERS] for line in lines[-MOST_LINES:]]
    for at in range(len(last) - 1, -1, -1):
        for lacks, pattern in _PATTERNS.items():
            if pattern.search(last[at]):
                return Shortage(lacks, last[at])
        if _UNAVAILABLE.search(last[at]) and any(map(_FORKS.search, last[max(0, at - _ABOVE) : at])):
            return Shortage(Lacks.PROCESSES, last[at])
    return None


def look(shortage: Shortage, program: Program) -> Explanation | None:
    """What is used up now, with the way out; None: nothing more is known than the program has said."""
    match shortage.lacks:
        case Lacks.ROOM:
            return _room(shortage.line, program)
        case Lacks.QUOTA:
            user = "its user" if program.user is None else f"user {program.user}"
            return Explanation(Trouble.DISK_FULL, f"the disk quota of {user} is used up: make room")
        case Lacks.PROCESSES:
            return Explanation(Trouble.PROCESSES, f"it could start no more: {_processes(program)}")
        case Lacks.DESCRIPTORS:
            own = _soft(program.rlimit_nofile)
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if own is None else own
            option = "minfds" if own is None else "rlimit_nofile"
            text = f"it had as many files open as it may (procman gives it {soft:,}): raise {option}=, or open fewer"
            return Explanation(Trouble.DESCRIPTORS, text)
        case Lacks.MEMORY:
            return _memory(program)


def _room(line: str, program: Program) -> Explanation:
    paths = [_there(path) for path in _PATH.findall(line)[:_MOST_PATHS]]
    known = exhausted_limits.full_disks([*paths, program.directory or os.curdir, *_USUAL])
    if known:
        return Explanation(Trouble.DISK_FULL, f"no room is left on {', '.join(known)}: make room", known[0])
    others = exhausted_limits.full_mounts()
    if others:
        text = f"a disk had no room left; full now: {', '.join(others)}: make room"
        return Explanation(Trouble.DISK_FULL, text, others[0])
    return Explanation(Trouble.DISK_FULL, "a disk had no room left, and none is full now")


def _memory(program: Program) -> Explanation | None:
    for option, limit in (("rlimit_as", program.rlimit_as), ("rlimit_data", program.rlimit_data)):
        soft = _soft(limit)
        if soft is not None:
            text = f"it got no more memory: it may have {show_size(soft)} ({option}=): raise that, or have it use less"
            return Explanation(Trouble.MEMORY, text)
    return None


def _soft(limit: Rlimit | None) -> int | None:
    """The limit that counts; None: the program has none of its own."""
    return None if limit is None or limit[0] == UNLIMITED else limit[0]


def _there(path: str) -> str:
    """The path, or the nearest folder above it that is there."""
    for _ in range(_MOST_ABOVE):
        if os.path.exists(path):
            break
        path = os.path.dirname(path)
    return path


def _processes(program: Program) -> str:
    try:
        account = None if program.uid is None else find_account(program.uid)
    except KeyError:
        account = None
    return exhausted_limits.processes(account, _soft(program.rlimit_nproc))
