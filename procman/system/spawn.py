"""Starts a process: pipes, user, working directory, environment, and then exec. The only place that knows subprocess.

`Popen` with keywords only uses vfork (0.7 ms, however large the master). A process that runs as another user costs an
ordinary fork, because the C library's vfork path cannot change users.
A spawn that fails says precisely why: the reasons that can be known beforehand are looked for before the fork.
"""

import errno
import os
import resource
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial

from procman.system.accounts import Account
from procman.system.commands import CannotSpawn, Command
from procman.system.exec_errors import why_not_found
from procman.system.reaper import Reaped

# Descriptors that no program gets, but a quarter of all at most: clients are still answered and files opened when there
# is no room for one more program. Half of them are for those that have run before, so that what ends comes back.
KEPT = 64
# How supervisor's words for "no descriptor is left for it" begin.
TOO_MANY_FILES = "too many open files"


class Stdio(Enum):
    """What a standard stream of a process is connected to."""

    PIPE = auto()  # to the master
    NULL = auto()  # to /dev/null
    STDOUT = auto()  # only stderr: to what stdout is connected to


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """All that one start of a process needs; each start has its own."""

    name: str  # for messages
    command: Command
    environment: Mapping[bytes, bytes]
    directory: str | None = None  # None: where this process is
    account: Account | None = None  # the user to become; None: none, it runs as this process does
    # The directory is entered after the change of user: as root, a link that the user has put there would lead behind
    # doors that are closed to it.
    enters_as_user: bool = False
    umask: int | None = None
    stdin: Stdio | int = Stdio.PIPE  # a number: that descriptor, which stays the caller's to close
    stdout: Stdio = Stdio.PIPE
    stderr: Stdio = Stdio.PIPE
    pass_fds: tuple[int, ...] = ()  # inherited under their numbers
    spare_fds: int = KEPT  # this many descriptors have to stay free (see KEPT)


@dataclass(slots=True)
class Child:
    """A process that was just started, and the master's ends of its pipes (None: there is no such pipe)."""

    pid: int
    stdin: int | None
    stdout: int | None
    stderr: int | None
    popen: subprocess.Popen[bytes] | None = field(default=None, repr=False)  # None: another master has started it

    def reaped(self, how: Reaped) -> None:
        """The process was reaped by its pid; `subprocess` must not wait for that pid some day, whosever it is then."""
        if self.popen is not None:
            self.popen.returncode = how.code if how.signal is None else -how.signal


def _check_directory(path: str, *, as_another: bool) -> None:
    try:
        mode = os.stat(path).st_mode
    except PermissionError:
        if as_another:
            return  # on a server that does not trust root its owner may well enter it
        raise CannotSpawn(f"couldn't chdir to {path}: permission denied") from None
    except OSError:
        raise CannotSpawn(f"couldn't chdir to {path}: no such directory") from None
    if not stat.S_ISDIR(mode):
        raise CannotSpawn(f"couldn't chdir to {path}: not a directory")


def spawn(spec: LaunchSpec) -> Child:
    """Start it; raises CannotSpawn.

    The process leads a process group of its own, inherits no other descriptor, and has the default action for every
    signal. The caller reaps it by its pid, and owns the pipes.
    """
    enter = None
    if spec.directory is not None:
        if spec.enters_as_user:
            enter = partial(os.chdir, spec.directory)
        _check_directory(spec.directory, as_another=spec.enters_as_user)
    ours: list[int] = []  # closed if it fails
    theirs: list[int] = []  # closed in any case
    try:
        child_stdin, our_stdin = _stdin(spec.stdin, ours, theirs)
        child_stdout, our_stdout = _output(spec.stdout, ours, theirs)
        child_stderr, our_stderr = _output(spec.stderr, ours, theirs)
        _leave_some(max(ours + theirs, default=0), spec.spare_fds)
        if spec.account is not None:
            # The program may open /dev/stdout again, and the pipe is the master's.
            for fd in theirs:
                os.fchown(fd, spec.account.uid, -1)
        popen = subprocess.Popen(
            spec.command.argv,
            executable=spec.command.file,
            stdin=child_stdin,
            stdout=child_stdout,
            stderr=child_stderr,
            cwd=spec.directory if enter is None else None,
            preexec_fn=enter,  # noqa: PLW1509 - it takes no lock of another thread; and it comes after the change of user, unlike cwd
            env=spec.environment,
            umask=-1 if spec.umask is None else spec.umask,
            user=None if spec.account is None else spec.account.uid,
            group=None if spec.account is None else spec.account.gid,
            extra_groups=None if spec.account is None else spec.account.groups,
            pass_fds=spec.pass_fds,
            process_group=0,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        for fd in ours:
            os.close(fd)
        raise CannotSpawn(_why(error, spec)) from error
    finally:
        for fd in theirs:
            os.close(fd)
    return Child(popen.pid, our_stdin, our_stdout, our_stderr, popen)


def _leave_some(fd: int, kept: int) -> None:
    """Raise EMFILE where a pipe has got one of the last `kept` descriptors that this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The kernel gives the lowest number that is free, so no program ever has one of those.
    if soft != resource.RLIM_INFINITY and fd >= soft - min(kept, soft * kept // (4 * KEPT)):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def may_run_short(fd: int) -> bool:
    """Whether so many descriptors are open, as the newest one says, that each counts that is still to be opened."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # For each program three are opened here, and two more later, by the threads of disks.
    return soft != resource.RLIM_INFINITY and fd >= soft // 2


def _stdin(wanted: Stdio | int, ours: list[int], theirs: list[int]) -> tuple[int, int | None]:
    """The descriptor for the child, and the master's end of the pipe."""
    if isinstance(wanted, int):
        return wanted, None
    if wanted is Stdio.NULL:
        return subprocess.DEVNULL, None
    # Not opened both ways as the others are: a reader that waits for the end of its input has to meet it.
    reader, writer = os.pipe()
    theirs.append(reader)
    ours.append(writer)
    os.set_blocking(writer, False)
    return reader, writer


def _output(wanted: Stdio, ours: list[int], theirs: list[int]) -> tuple[int, int | None]:
    """The descriptor for the child, and the master's end of the pipe."""
    match wanted:
        case Stdio.NULL:
            return subprocess.DEVNULL, None
        case Stdio.STDOUT:
            return subprocess.STDOUT, None
        case Stdio.PIPE:
            reader, writer = _output_pipe(ours, theirs)
            return writer, reader


def _output_pipe(ours: list[int], theirs: list[int]) -> tuple[int, int]:
    """A pipe whose writing end can be read too, so that it has a reader for as long as the process lives.

    Should the master be killed, the process then meets a full pipe and not SIGPIPE, and a new master can open the
    pipe again through /proc/PID/fd/1.
    """
    reader, writer = os.pipe()
    ours.append(reader)
    theirs.append(writer)
    os.set_blocking(reader, False)
    try:
        both = os.open(f"/proc/self/fd/{writer}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        # Without /proc it is an ordinary pipe.
        return reader, writer
    theirs.append(both)
    return reader, both


def _why_not_entered(path: str) -> str:
    """As another user: it was there a moment ago, so most likely that user may not enter it."""
    return "permission denied" if os.path.isdir(path) else "no such directory"


def _why(error: Exception, spec: LaunchSpec) -> str:
    command, directory = spec.command, spec.directory
    if isinstance(error, subprocess.SubprocessError) and directory is not None:
        # All that it says is that the change of directory, by the program's user, has failed.
        return f"couldn't chdir to {directory}: {_why_not_entered(directory)}"
    if not isinstance(error, OSError):
        return f"couldn't exec {command.argv[0]}: {error}"
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    if error.errno in (errno.EACCES, errno.ENOENT, errno.ENOTDIR) and error.filename == directory is not None:
        # It was there a moment ago; or we may see it and not enter it.
        return f"couldn't chdir to {directory}: {os.strerror(error.errno).lower()}"
    match error.errno:
        case errno.EMFILE | errno.ENFILE:
            return f"{TOO_MANY_FILES} to spawn '{spec.name}'"
        case errno.EAGAIN:
            return f"Too many processes in process table to spawn '{spec.name}'"
        case errno.ENOMEM:
            return f"not enough memory to spawn '{spec.name}'"
        case errno.ENOENT:
            file = os.path.join(directory or "", command.file)
            if os.path.exists(file):
                return f"couldn't exec {command.argv[0]}: {why_not_found(file)}"
        case errno.ENOEXEC:
            return f"couldn't exec {command.argv[0]}: neither a binary of this machine nor a script with a #! line"
        case errno.EPERM if spec.account is not None:
            return f"couldn't setuid to {spec.account.uid}: {error.strerror}"
        case _:
            pass
    return f"couldn't exec {command.argv[0]}: {name} ({error.strerror})"
