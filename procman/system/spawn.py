"""Starts a program: pipes, user, working directory, environment, and then exec. The only place that knows subprocess.

`Popen` with keywords only uses vfork (0.7 ms, however large the master). A program that has a `user` costs an ordinary
fork, because the C library's vfork path cannot change users. It enters its directory as that user, after the change:
as root, a link that it has put there would take it behind doors that are closed to it.
A spawn that fails says precisely why: the reasons that can be known beforehand are looked for before the fork.
"""

import errno
import os
import resource
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from procman.config.schema.programs import Program
from procman.system.accounts import Account, find_account
from procman.system.commands import CannotSpawn, Command, find_command
from procman.system.exec_errors import why_not_found
from procman.system.reaper import Reaped
from procman.system.tree import TAG

# Descriptors that no program gets, but a quarter of all at most: clients are still answered and files opened when there
# is no room for one more program. Half of them are for those that have run before, so that what ends comes back.
KEPT = 64
# How supervisor's words for "no descriptor is left for it" begin.
TOO_MANY_FILES = "too many open files"


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


def environment(
    program: Program, serverurl: str | None, base: Mapping[bytes, bytes], tag: str | None = None
) -> dict[bytes, bytes]:
    """What a process finds in its environment; the program's own settings win over everything but the tag."""
    added = {"SUPERVISOR_ENABLED": "1"}
    url = program.serverurl or serverurl
    if url:
        added["SUPERVISOR_SERVER_URL"] = url
    added["SUPERVISOR_PROCESS_NAME"] = program.name
    added["SUPERVISOR_GROUP_NAME"] = program.group
    added.update(program.environment)
    if tag is not None:
        added[TAG] = tag
    env = dict(base)
    env.update((os.fsencode(name), os.fsencode(value)) for name, value in added.items())
    return env


def spawn(
    program: Program,
    serverurl: str | None,
    *,
    inherited: Mapping[bytes, bytes] | None = None,
    tag: str | None = None,
    stdin: int | None = None,
    again: bool = False,
    home: str | None = None,
    account_of: Callable[[int], Account] = find_account,
) -> Child:
    """Start it; raises CannotSpawn. `stdin` replaces the pipe on fd 0 (and stays the caller's to close).

    `inherited` is what of the environment does not depend on the program; None: all that this process has, which takes
    a tenth of the time of a start to be read.
    `tag` is what its descendants are recognised by (`system.tree`). `again`: it has run before, and may have a part of
    the descriptors that are kept from new ones. `home` is where the master would stand if it had not left it: whoever
    has no directory of its own finds itself there, whether it might enter or not, as if it had inherited it.
    `account_of` finds who a uid is; raises KeyError where that is nobody.

    The process leads a process group of its own, inherits no other descriptor, and has the default action for every
    signal. The caller reaps it by its pid, and owns the pipes.
    """
    command = find_command(program)
    account = _account(program, account_of)
    enter = None
    if program.directory is not None:
        if account is not None and program.directory != home:
            enter = partial(os.chdir, program.directory)
        _check_directory(program.directory, as_another=enter is not None)
    ours: list[int] = []  # closed if it fails
    theirs: list[int] = []  # closed in any case
    try:
        if stdin is None:
            # Not opened both ways as the others are: whoever waits for the end of its input has to meet it.
            child_stdin, our_stdin = os.pipe()
            theirs.append(child_stdin)
            ours.append(our_stdin)
            os.set_blocking(our_stdin, False)
        else:
            child_stdin, our_stdin = stdin, None
        our_stdout, child_stdout = _output_pipe(ours, theirs)
        our_stderr, child_stderr = (None, child_stdout)
        if not program.redirect_stderr:
            our_stderr, child_stderr = _output_pipe(ours, theirs)
        _leave_some(max(ours + theirs, default=0), KEPT // 2 if again else KEPT)
        if account is not None:
            # The program may open /dev/stdout anew, and the pipe is the master's.
            for fd in theirs:
                os.fchown(fd, account.uid, -1)
        popen = subprocess.Popen(
            command.argv,
            executable=command.file,
            stdin=child_stdin,
            stdout=child_stdout,
            stderr=child_stderr,
            cwd=program.directory if enter is None else None,
            preexec_fn=enter,  # noqa: PLW1509 - it takes no lock of another thread; and it comes after the change of user, unlike cwd
            env=environment(program, serverurl, os.environb if inherited is None else inherited, tag),
            umask=-1 if program.umask is None else program.umask,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else account.groups,
            process_group=0,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        for fd in ours:
            os.close(fd)
        raise CannotSpawn(_why(error, program, command)) from None
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


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A process that tries something out: what it says on stderr can be read from `output`, which is the caller's."""

    pid: int
    output: int


def rehearse(argv: Sequence[str], env: Mapping[str, str], fd: int, folder: str) -> Rehearsal:
    """Run a command in a folder; it inherits `fd`. Raises OSError. The caller reaps it by its pid."""
    reader, writer = os.pipe()
    try:
        popen = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=writer,
            cwd=folder,
            env=env,
            pass_fds=(fd,),
            process_group=0,
        )
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    # It is reaped like all others; `subprocess` must not wait for its number some day.
    popen.returncode = 0
    return Rehearsal(popen.pid, reader)


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


def _account(program: Program, account_of: Callable[[int], Account]) -> Account | None:
    """Whom to become; None where the master is that user already."""
    uid = program.uid
    if uid is None or uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise CannotSpawn(f"couldn't setuid to {uid}: can't drop privilege as nonroot user")
    try:
        return account_of(uid)
    except KeyError:
        raise CannotSpawn(f"couldn't setuid to {uid}: can't find uid {uid}") from None


def _why_not_entered(path: str) -> str:
    """By a user who is not us: it was there a moment ago, so most likely it is not for them."""
    return "permission denied" if os.path.isdir(path) else "no such directory"


def _why(error: Exception, program: Program, command: Command) -> str:
    if isinstance(error, subprocess.SubprocessError) and program.directory is not None:
        # All that it says is that the change of directory, by the program's user, has failed.
        return f"couldn't chdir to {program.directory}: {_why_not_entered(program.directory)}"
    if not isinstance(error, OSError):
        return f"couldn't exec {command.argv[0]}: {error}"
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    if error.errno in (errno.EACCES, errno.ENOENT, errno.ENOTDIR) and error.filename == program.directory is not None:
        # It was there a moment ago; or we may see it and not enter it.
        return f"couldn't chdir to {program.directory}: {os.strerror(error.errno).lower()}"
    match error.errno:
        case errno.EMFILE | errno.ENFILE:
            return f"{TOO_MANY_FILES} to spawn '{program.name}'"
        case errno.EAGAIN:
            return f"Too many processes in process table to spawn '{program.name}'"
        case errno.ENOMEM:
            return f"not enough memory to spawn '{program.name}'"
        case errno.ENOENT:
            file = os.path.join(program.directory or "", command.file)
            if os.path.exists(file):
                return f"couldn't exec {command.argv[0]}: {why_not_found(file)}"
        case errno.ENOEXEC:
            return f"couldn't exec {command.argv[0]}: neither a binary of this machine nor a script with a #! line"
        case errno.EPERM if program.uid is not None:
            return f"couldn't setuid to {program.uid}: {error.strerror}"
        case _:
            pass
    return f"couldn't exec {command.argv[0]}: {name} ({error.strerror})"
