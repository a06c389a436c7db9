"""Why a program could not be started: looks at what the refusal of the kernel was about, and says what to do.

`spawn` has supervisor's words for the refusal, which stay as they are; this adds what is the matter with the file, its
interpreter, the directories on the way, or the limit that was reached. It asks disks, which may hang, and for some
limits all of /proc (20 ms for 1,000 processes): call it beside the loop.
"""

import errno
import os
import re
import stat
from dataclasses import dataclass
from enum import Enum

from procman.system import exhausted_limits
from procman.system.accounts import Account
from procman.system.closed_paths import Obstacle, may, named, owner_and_mode, where_blocked
from procman.system.elf import beginning_of, parse_elf, read_elf
from procman.system.shell_split import split_words

# As much as the kernel reads of a script, and so the longest #! line.
_FIRST_LINE = 256
_HEADERS = 64 * 1024
# Machines whose programs others run, too.
_ALSO_RUNS = {"x86_64": {"i386"}, "aarch64": {"arm"}, "ppc64": {"ppc"}, "sparc64": {"sparc"}}
_LIBRARIES = {"ld-musl": "musl (as in Alpine Linux)", "ld-linux": "glibc (as in Debian and most others)"}


class Trouble(Enum):
    """What is the matter."""

    MISSING = "missing"
    DIRECTORY = "directory"  # the command is one
    CLOSED = "closed directory"
    NOT_EXECUTABLE = "not executable"
    INTERPRETER = "interpreter"
    LINE_ENDS = "line ends"
    FORMAT = "format"
    ARCHITECTURE = "architecture"
    LOADER = "loader"
    NOEXEC = "noexec"
    BUSY = "busy"
    ARGUMENTS = "arguments"
    DISK_FULL = "disk full"
    PROCESSES = "processes"
    MEMORY = "memory"
    DESCRIPTORS = "descriptors"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is the matter, as a sentence that ends with the way out, and the path that it is about ("": none)."""

    trouble: Trouble
    sentence: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedStart:
    """A start that was refused."""

    reason: str  # supervisor's words, as in SpawnFailed
    command: str
    directory: str | None = None  # where it was to run; None: where the master is
    path: str | None = None  # PATH of the program; None: the master's
    account: Account | None = None  # the user that it was to become; None: the master's
    environment: int = 0  # bytes

    @property
    def argv(self) -> list[str]:
        """The words of the command; none where it has an open quote, which the reason says."""
        try:
            return split_words(self.command)
        except ValueError:
            return []


def explain_failed_start(start: FailedStart) -> Explanation | None:
    """What is the matter; None: all that can be said is in the reason already."""
    code = _errno(start.reason)
    match code:
        case errno.EAGAIN:
            return Explanation(Trouble.PROCESSES, exhausted_limits.processes(start.account))
        case errno.ENOMEM:
            return Explanation(Trouble.MEMORY, exhausted_limits.memory())
        case errno.EMFILE:
            return Explanation(Trouble.DESCRIPTORS, exhausted_limits.descriptors())
        case errno.ENOSPC | errno.EDQUOT:
            return _disk(start, code)
        case errno.EPERM if "setuid" in start.reason:
            return _user(start)
        case _:
            pass
    if start.reason.startswith("couldn't chdir to "):
        return _directory(start)
    if not start.argv:
        return None
    file = _file(start)
    if file is None:
        return _not_in_path(start)
    return _of_file(file, start, code)


def explain_env(start: FailedStart) -> Explanation | None:
    """Of a script that begins with `#!/usr/bin/env python3` and has ended with 127: what env has not found."""
    file = _file(start) if start.argv else None
    begin = beginning_of(file, _FIRST_LINE) if file is not None else b""
    first = begin.partition(b"\n")[0]
    words = os.fsdecode(first[2:]).split()
    if first[:2] != b"#!" or not words or os.path.basename(words[0]) != "env":
        return None
    names = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if not names:
        return None
    if first.endswith(b"\r"):
        text = f"the lines of {file} end as on Windows, so env looks for {names[-1]}\\r: save it with \\n"
        return Explanation(Trouble.LINE_ENDS, text, file or "")
    if "/" not in names[0] and not any(os.path.lexists(os.path.join(folder, names[0])) for folder in _folders(start)):
        text = (
            f"no directory of its PATH has the interpreter {names[0]}, which the first line of {file} names: install it"
        )
        return Explanation(Trouble.INTERPRETER, text, file or "")
    return None


def _errno(reason: str) -> int | None:
    """Of supervisor's words the kernel's number, where they stand for one."""
    if (found := re.search(r": (E[A-Z0-9]+) \(", reason)) is not None:
        return getattr(errno, found[1], None)
    for words, code in (
        ("too many open files", errno.EMFILE),
        ("Too many processes", errno.EAGAIN),
        ("not enough memory", errno.ENOMEM),
        ("couldn't setuid", errno.EPERM),
        ("neither a binary of this machine", errno.ENOEXEC),
    ):
        if reason.startswith(words) or f": {words}" in reason:
            return code
    return None


# ---- the file


def _file(start: FailedStart) -> str | None:
    """The path that was to be executed, absolute; None where PATH has none of that name."""
    name, base = start.argv[0], os.path.abspath(start.directory or os.curdir)
    if "/" in name:
        return os.path.join(base, name)
    for folder in _folders(start):
        candidate = os.path.join(base, folder, name)
        if os.path.lexists(candidate):
            return candidate
    return None


def _folders(start: FailedStart) -> list[str]:
    return (start.path or os.environ.get("PATH") or os.defpath).split(os.pathsep)


def _not_in_path(start: FailedStart) -> Explanation:
    folders = ", ".join(folder or "." for folder in dict.fromkeys(_folders(start)))
    text = f"no directory of its PATH has a file {start.argv[0]} ({folders}): install it, or write its whole path"
    return Explanation(Trouble.MISSING, text)


def _of_file(file: str, start: FailedStart, code: int | None) -> Explanation | None:
    blocked = where_blocked(file, start.account)
    if blocked is not None:
        if blocked.obstacle is Obstacle.CLOSED:
            return Explanation(Trouble.CLOSED, blocked.sentence, blocked.path)
        return Explanation(Trouble.MISSING, f"{blocked.sentence}: check the path in command=", blocked.path)
    if os.path.isdir(file):
        return Explanation(Trouble.DIRECTORY, f"{file} is a directory: name the program in it", file)
    if not may(file, os.X_OK, start.account):
        # access(2) says no on such a file system, too.
        return (_noexec(file) if os.stat(file).st_mode & 0o111 else None) or _not_executable(file, start)
    if code == errno.ETXTBSY:
        writers = exhausted_limits.writers_of(file)
        text = f"{file} is open for writing{f' by {writers}' if writers else ''}: start it when that is done"
        return Explanation(Trouble.BUSY, text, file)
    if code == errno.E2BIG:
        return _arguments(start)
    refused = code in (errno.EACCES, errno.EPERM)
    found = (_noexec(file) if refused else None) or _of_contents(file, start)
    if found is None and refused:
        text = f"owner and mode of {file} would allow it: an access control list, AppArmor or SELinux does not"
        return Explanation(Trouble.NOT_EXECUTABLE, text, file)
    return found


def _not_executable(file: str, start: FailedStart) -> Explanation:
    mode = os.stat(file).st_mode
    way_out = f"chmod +x {file}" if not stat.S_IMODE(mode) & 0o111 else "let that user or group execute it"
    text = f"{named(start.account)} may not execute {file} ({owner_and_mode(file)}): {way_out}"
    return Explanation(Trouble.NOT_EXECUTABLE, text, file)


def _noexec(file: str) -> Explanation | None:
    try:
        if not os.statvfs(file).f_flag & os.ST_NOEXEC:
            return None
    except OSError:
        return None
    where = os.path.realpath(file)
    while not os.path.ismount(where):
        where = os.path.dirname(where)
    text = f"{where} is mounted noexec, so nothing in it can be executed: move {file}, or mount it without that"
    return Explanation(Trouble.NOEXEC, text, file)


def _of_contents(file: str, start: FailedStart) -> Explanation | None:
    begin = beginning_of(file, _HEADERS)
    if begin[:2] == b"#!":
        return _script(file, begin[:_FIRST_LINE], start)
    elf = parse_elf(begin)
    if elf is not None:
        return _binary(file, start)
    if not begin:
        if not may(file, os.R_OK, start.account) or os.path.getsize(file):
            return None
        return Explanation(Trouble.FORMAT, f"{file} is empty: was it copied to its end?", file)
    if b"\0" not in begin[:_FIRST_LINE]:
        text = f"{file} is a text without a #! line: let its first line name its interpreter, as in #!/bin/sh"
        return Explanation(Trouble.FORMAT, text, file)
    if begin[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe") or begin[:2] == b"MZ":
        system = "Windows" if begin[:2] == b"MZ" else "macOS"
        return Explanation(Trouble.FORMAT, f"{file} is a program for {system}: build it for Linux", file)
    return Explanation(Trouble.FORMAT, f"{file} is no program: neither an ELF binary nor a script", file)


def _script(file: str, begin: bytes, start: FailedStart) -> Explanation | None:
    first, newline, _ = begin.partition(b"\n")
    # Split as the kernel does it, for which a carriage return is part of the name.
    words = first[2:].replace(b"\t", b" ").strip(b" ").split(b" ")
    interpreter = os.fsdecode(words[0].rstrip(b"\r"))
    if not interpreter:
        return Explanation(Trouble.INTERPRETER, f"the #! line of {file} names no interpreter: write one there", file)
    if first.endswith(b"\r"):
        text = f"the lines of {file} end as on Windows, which makes its interpreter {interpreter}\\r: save it with \\n"
        return Explanation(Trouble.LINE_ENDS, text, file)
    if not newline and len(begin) == _FIRST_LINE:
        text = f"the #! line of {file} is longer than the {_FIRST_LINE} bytes that the kernel reads: shorten it"
        return Explanation(Trouble.INTERPRETER, text, file)
    blocked = where_blocked(os.path.abspath(interpreter), start.account)
    if blocked is not None:
        text = f"its interpreter {interpreter}, as the first line of {file} has it, cannot be used: {blocked.sentence}"
        return Explanation(Trouble.INTERPRETER, text, interpreter)
    if os.path.isdir(interpreter) or not may(interpreter, os.X_OK, start.account):
        text = f"its interpreter {interpreter}, as the first line of {file} has it, may not be executed"
        return Explanation(Trouble.INTERPRETER, f"{text} ({owner_and_mode(interpreter)})", interpreter)
    return _binary(interpreter, start) if read_elf(interpreter) else None


def _binary(file: str, start: FailedStart) -> Explanation | None:
    elf, ours = read_elf(file), read_elf("/proc/self/exe")
    if elf is None or ours is None:
        return None
    related = elf.machine == ours.machine or elf.machine in _ALSO_RUNS.get(ours.machine, ())
    if not related or elf.little_endian != ours.little_endian:
        text = f"{file} is built for {elf.built_for}, and this machine is {ours.built_for}: get it for that"
        return Explanation(Trouble.ARCHITECTURE, text, file)
    if not elf.loader:
        return None
    blocked = where_blocked(elf.loader, start.account)
    if blocked is None:
        return None
    library = next((words for name, words in _LIBRARIES.items() if name in elf.loader), "")
    built = f" It is built for {library}: build it for the C library that is here." if library else ""
    text = f"{file} needs the loader {elf.loader}, which is not here ({blocked.sentence}).{built}"
    return Explanation(Trouble.LOADER, text, elf.loader)


# ---- what else there is


def _directory(start: FailedStart) -> Explanation | None:
    if start.directory is None:
        return None
    path = os.path.abspath(start.directory)
    # What has to be entered is the directory itself, too.
    blocked = where_blocked(os.path.join(path, "."), start.account)
    if blocked is None and not os.path.isdir(path):
        return Explanation(Trouble.MISSING, f"{path} is not a directory: correct directory=", path)
    if blocked is None and not may(path, os.X_OK, start.account):
        text = f"{named(start.account)} may not enter {path} ({owner_and_mode(path)}): chmod or chown it"
        return Explanation(Trouble.CLOSED, text, path)
    if blocked is None:
        return None
    if blocked.obstacle is Obstacle.CLOSED:
        return Explanation(Trouble.CLOSED, blocked.sentence, blocked.path)
    return Explanation(Trouble.MISSING, f"{blocked.sentence}: create it, or correct directory=", blocked.path)


def _user(start: FailedStart) -> Explanation:
    if os.geteuid() != 0:
        text = (
            f"the master runs as user {os.geteuid()}, and only root can become another: start it as root, or drop user="
        )
        return Explanation(Trouble.USER, text)
    text = (
        "the master is root without the right to change users (CAP_SETUID, CAP_SETGID), or this container does not "
        f"map {named(start.account)}: give it these capabilities, or drop user="
    )
    return Explanation(Trouble.USER, text)


def _arguments(start: FailedStart) -> Explanation:
    size = sum(len(os.fsencode(word)) + 1 for word in start.argv) + start.environment
    limit = os.sysconf("SC_ARG_MAX")
    text = (
        f"arguments and environment take {size:,} bytes; the kernel takes {limit:,} in all, and "
        f"{exhausted_limits.LONGEST_ARGUMENT:,} in one of them: shorten environment=, or have it read a file"
    )
    return Explanation(Trouble.ARGUMENTS, text)


def _disk(start: FailedStart, code: int) -> Explanation:
    path = os.path.abspath(start.directory or os.curdir)
    if code == errno.EDQUOT:
        return Explanation(Trouble.DISK_FULL, f"the quota of {named(start.account)} is used up: make room", path)
    full = exhausted_limits.full_disks([path, "/tmp", "/dev/shm", "/"])  # noqa: S108 - these are only looked at
    text = (
        f"no room is left on {', '.join(full)}" if full else "no room is left on a disk, or for one more of something"
    )
    return Explanation(Trouble.DISK_FULL, f"{text}: make room", full[0] if full else "")
