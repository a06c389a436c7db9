"""Starts a process: pipes, user, working directory, environment, exec. Only this module imports subprocess.

`Popen` with keywords only uses vfork (0.7 ms, however large the master). A process that runs as another user, or has
limits, costs an ordinary fork: the C library's vfork path cannot change users, and the limits are set in the child.
Reasons for a failure that can be known in advance are checked before the fork, so that the error is precise.
"""

import errno
import os
import resource
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from procman.system.accounts import Account
from procman.system.commands import CannotSpawn, Command
from procman.system.exec_errors import why_not_found
from procman.system.inherited_sockets import Inheritance, first_free, out_of_the_way
from procman.system.reaper import Reaped
from procman.system.terminals import open_terminal, take_control

if TYPE_CHECKING:
    from procman.system.mount_namespace import RunNamespace, View
    from procman.system.process_limits import Confinement, ProcessLimits

# Descriptors that no program gets, at most a quarter of all, so that clients get answers and files can be opened when
# there is no room for another program. Half of them are for restarts.
KEPT = 64
# The beginning of supervisor's text for EMFILE.
TOO_MANY_FILES = "too many open files"


class Stdio(Enum):
    """Where a standard stream of a process leads."""

    PIPE = auto()  # to the master
    NULL = auto()  # to /dev/null
    STDOUT = auto()  # only stderr: to what stdout is connected to


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """All that one start of a process needs; each start has its own."""

    name: str  # for messages
    command: Command
    environment: Mapping[bytes, bytes]
    directory: str | None = None  # None: that of this process
    account: Account | None = None  # the user to become; None: that of this process
    # The directory is entered after the change of user: root could be led by a link of that user into a directory
    # that is closed to it.
    enters_as_user: bool = False
    umask: int | None = None
    stdin: Stdio | int = Stdio.PIPE  # a number: that descriptor, which the caller closes
    stdout: Stdio = Stdio.PIPE
    stderr: Stdio = Stdio.PIPE
    pass_fds: tuple[int, ...] = ()  # inherited with their numbers
    sockets: tuple[int, ...] = ()  # inherited as the descriptors from 3 on, with LISTEN_FDS; others have to be above
    socket_names: tuple[str, ...] = ()  # of each of them, for LISTEN_FDNAMES
    ready: tuple[int, int] | None = None  # one more descriptor, above the number that it gets, and that number
    # Its stdout and stderr, and its stdin if that is a PIPE, are one new terminal of so many rows and columns, which
    # controls a session of its own.
    terminal: tuple[int, int] | None = None
    spare_fds: int = KEPT  # this many descriptors have to stay free (see KEPT)
    limits: "ProcessLimits | None" = None
    cgroup: str | None = None  # the folder of the one that it joins before it is executed
    view: "View | None" = None  # of the file system; None: that of this process
    namespace: "RunNamespace | None" = None  # what it enters, or makes, where it has a view; None: one of its own


@dataclass(slots=True)
class Child:
    """A process that was just started, with the master's ends of its pipes (None: no such pipe)."""

    pid: int
    stdin: int | None
    stdout: int | None
    stderr: int | None
    popen: subprocess.Popen[bytes] | None = field(default=None, repr=False)  # None: another master started it
    left_out: tuple[str, ...] = ()  # limits that were a best effort, each with the reason

    def reaped(self, how: Reaped) -> None:
        """The process was reaped: `subprocess` must not wait for its pid later, when another process may have it."""
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
    """Start a process; raises CannotSpawn.

    It leads its own process group (with a terminal, its own session), inherits no other descriptor, and has the
    default action for every signal. The caller reaps it by its pid, and owns the pipes.
    """
    if spec.directory is not None:
        _check_directory(spec.directory, as_another=spec.enters_as_user)
    ours: list[int] = []  # closed if it fails
    theirs: list[int] = []  # closed in any case
    confined = None
    try:
        confined = _confinement(spec)
        if spec.terminal is None:
            child_stdin, our_stdin = _stdin(spec.stdin, ours, theirs)
            child_stdout, our_stdout = _output(spec.stdout, ours, theirs)
            child_stderr, our_stderr = _output(spec.stderr, ours, theirs)
        else:
            our_stdout, child_stdout = open_terminal(*spec.terminal)
            theirs.append(child_stdout)
            our_stdout = out_of_the_way(our_stdout, first_free(len(spec.sockets), spec.ready and spec.ready[1]))
            ours.append(our_stdout)
            child_stdin, our_stdin = _input_of(spec.stdin, our_stdout, child_stdout, ours)
            child_stderr, our_stderr = child_stdout, None
            # It holds both ends.
            spec = replace(spec, pass_fds=(*spec.pass_fds, our_stdout))
        _leave_some(max(ours + theirs, default=0), spec.spare_fds)
        if spec.account is not None:
            # The program may open /dev/stdout again, and the pipe belongs to the master.
            for fd in theirs:
                os.fchown(fd, spec.account.uid, -1)
        popen, left_out = _start(spec, confined, (child_stdin, child_stdout, child_stderr))
        if confined is not None and spec.namespace is not None:
            spec.namespace.take(confined.namespace)
    except (OSError, ValueError, subprocess.SubprocessError, CannotSpawn) as error:
        for fd in ours:
            os.close(fd)
        raise (error if isinstance(error, CannotSpawn) else CannotSpawn(_why(error, spec))) from error
    finally:
        for fd in theirs:
            os.close(fd)
        if confined is not None:
            confined.close()
    return Child(popen.pid, our_stdin, our_stdout, our_stderr, popen, tuple(left_out))


def _confinement(spec: LaunchSpec) -> "Confinement | None":
    """What the child does before its exec, where it has limits; None: nothing."""
    if not spec.limits and spec.cgroup is None and not spec.view:
        return None
    # For those that have limits (see `daemon.features`).
    from procman.system.mount_namespace import WHOLE  # noqa: PLC0415
    from procman.system.process_limits import NO_LIMITS, Confinement  # noqa: PLC0415

    directory = spec.directory if spec.enters_as_user else None
    first = None
    if spec.view and directory is None:
        # In its view another one may be there, or a read-only one.
        here = os.getcwd()
        first = spec.directory or ("/" if spec.view.hiding(here) else here)
    return Confinement(
        spec.limits or NO_LIMITS,
        account=spec.account,
        directory=directory,
        cgroup=spec.cgroup,
        view=spec.view or WHOLE,
        namespace=None if spec.namespace is None else spec.namespace.fd,
        first=first,
    )


def _before_exec(
    spec: LaunchSpec, confined: "Confinement | None", inheritance: Inheritance | None
) -> Callable[[], object] | None:
    """What the child does after the change of user; None: nothing. With an inheritance, it executes the program."""
    last: Callable[[], object] | None = None
    if confined is not None:
        last = confined.apply
    elif spec.enters_as_user and spec.directory is not None:
        last = partial(os.chdir, spec.directory)
    if spec.terminal is not None:
        last = partial(take_control, last)
    return last if inheritance is None else partial(inheritance.execute, last)


def _start(
    spec: LaunchSpec, confined: "Confinement | None", stdio: tuple[int, int, int]
) -> tuple[subprocess.Popen[bytes], list[str]]:
    """Start it; also returns the limits that were left out."""
    stdin, stdout, stderr = stdio
    # With limits the child changes users itself, as some of them have to be set before that, and some after.
    account = spec.account if confined is None else None
    inheritance = None
    if spec.sockets or spec.ready is not None:
        inheritance = Inheritance(
            spec.command, spec.environment, spec.sockets, spec.socket_names, spec.pass_fds, ready=spec.ready
        )
    try:
        popen = subprocess.Popen(
            spec.command.argv,
            executable=spec.command.file,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=None if spec.enters_as_user or spec.view else spec.directory,
            preexec_fn=_before_exec(spec, confined, inheritance),  # noqa: PLW1509 - it takes no lock of another thread; and it comes after the change of user, unlike cwd
            env=spec.environment,
            umask=-1 if spec.umask is None else spec.umask,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else account.groups,
            pass_fds=spec.pass_fds,
            # The leader of a session leads its process group.
            process_group=0 if spec.terminal is None else None,
            start_new_session=spec.terminal is not None,
        )
    except subprocess.SubprocessError as error:
        failure = "" if confined is None else confined.outcome()[0]
        if failure:
            raise CannotSpawn(failure) from error
        raise
    finally:
        failed = None if inheritance is None else inheritance.failure()
        if inheritance is not None:
            inheritance.close()
    if failed is not None:
        popen.wait()
        raise failed
    return popen, [] if confined is None else confined.outcome()[1]


def _leave_some(fd: int, kept: int) -> None:
    """Raise EMFILE if a pipe has got one of the last `kept` descriptors of this process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The kernel gives the lowest free number, so no program ever has one of those.
    if soft != resource.RLIM_INFINITY and fd >= soft - min(kept, soft * kept // (4 * KEPT)):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def may_run_short(fd: int) -> bool:
    """Whether descriptors may become scarce, judging by the number of the newest one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Each program needs three here, and later two more in the threads of disks.
    return soft != resource.RLIM_INFINITY and fd >= soft // 2


def _stdin(wanted: Stdio | int, ours: list[int], theirs: list[int]) -> tuple[int, int | None]:
    """The descriptor for the child, and the master's end of the pipe."""
    if isinstance(wanted, int):
        return wanted, None
    if wanted is Stdio.NULL:
        return subprocess.DEVNULL, None
    # Unlike the others not open both ways, since the program has to see the end of its input.
    reader, writer = os.pipe()
    theirs.append(reader)
    ours.append(writer)
    os.set_blocking(writer, False)
    return reader, writer


def _input_of(wanted: Stdio | int, our_end: int, terminal: int, ours: list[int]) -> tuple[int, int | None]:
    """The stdin of a program with a terminal, and the descriptor by which what is typed goes to the terminal."""
    writer = os.dup(our_end)
    ours.append(writer)
    match wanted:
        case int():  # a socket; the program may still read its terminal
            return wanted, writer
        case Stdio.NULL:
            return subprocess.DEVNULL, writer
        case _:
            return terminal, writer


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
    """A pipe whose writing end can be read, too, so that it has a reader as long as the process lives.

    If the master is killed, the process sees a full pipe instead of SIGPIPE, and a new master can open the pipe again
    through /proc/PID/fd/1.
    """
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    ours.append(reader)
    theirs.append(writer)
    try:
        both = os.open(f"/proc/self/fd/{writer}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        # Without /proc it is an ordinary pipe.
        os.set_blocking(writer, True)
        return reader, writer
    theirs.append(both)
    return reader, both


def _why_not_entered(path: str) -> str:
    """The reason, as another user: since the directory existed just now, that user probably may not enter it."""
    return "permission denied" if os.path.isdir(path) else "no such directory"


def _why(error: Exception, spec: LaunchSpec) -> str:
    command, directory = spec.command, spec.directory
    if isinstance(error, subprocess.SubprocessError) and directory is not None:
        # It says only that the change of directory as the program's user has failed.
        return f"couldn't chdir to {directory}: {_why_not_entered(directory)}"
    if not isinstance(error, OSError):
        return f"couldn't exec {command.argv[0]}: {error}"
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    if error.errno in (errno.EACCES, errno.ENOENT, errno.ENOTDIR) and error.filename == directory is not None:
        # It existed a moment ago; or we may see it, but not enter it.
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
            if spec.view and (hidden := spec.view.hiding(file)):
                return f"couldn't exec {command.argv[0]}: {hidden}"
            if os.path.exists(file):
                return f"couldn't exec {command.argv[0]}: {why_not_found(file)}"
        case errno.ENOEXEC:
            return f"couldn't exec {command.argv[0]}: neither a binary of this machine nor a script with a #! line"
        case errno.EPERM if spec.account is not None:
            return f"couldn't setuid to {spec.account.uid}: {error.strerror}"
        case _:
            pass
    return f"couldn't exec {command.argv[0]}: {name} ({error.strerror})"
