"""Starts the program of `procman run`, as execvp(3) and a shell would."""

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from procman.entrypoint.run_spec import NOT_EXECUTABLE, NOT_FOUND, CannotRun, RunSpec
from procman.system.exec_errors import is_text, why_not_found

# Runs scripts without a #! line.
SHELL = "/bin/sh"


def launch(spec: RunSpec) -> int:
    """Start it in its directory; returns its pid. Raises CannotRun."""
    with _in_directory(spec):
        return _execute(spec)


@contextmanager
def _in_directory(spec: RunSpec) -> Iterator[None]:
    """Only for the moment of the start: a daemon itself keeps no file system busy."""
    if spec.directory is None:
        yield
        return
    # By descriptor and not by name: the present folder may have been removed.
    here = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        try:
            os.chdir(spec.directory)
        except OSError as error:
            reason = f"cannot run {spec.argv[0]} in {spec.directory}: {error.strerror}; name another with --chdir"
            raise CannotRun(reason, NOT_EXECUTABLE) from None
        yield
    finally:
        os.fchdir(here)
        os.close(here)


def _execute(spec: RunSpec) -> int:
    """The first file of that name in the program's own PATH that can be executed."""
    name = spec.argv[0]
    if not name:
        raise CannotRun("cannot run '': name a command", NOT_FOUND)
    # What prevents a file that exists says more than that the last folder has none.
    obstacle: CannotRun | None = None
    for file in [name] if "/" in name else [os.path.join(path, name) for path in os.get_exec_path(spec.environment)]:
        try:
            return _execute_file(spec, file)
        except FileNotFoundError:
            if os.path.exists(file):
                obstacle = obstacle or CannotRun(f"cannot run {name}: {why_not_found(file)}", NOT_FOUND)
        except NotADirectoryError:
            pass
        except PermissionError as error:
            obstacle = obstacle or CannotRun(f"cannot run {name}: {error.strerror}", NOT_EXECUTABLE)
        except OSError as error:
            unfit = error.errno == errno.ENOEXEC
            reason = "neither a binary of this machine nor a script" if unfit else error.strerror
            raise CannotRun(f"cannot run {name}: {reason}", NOT_EXECUTABLE) from None
    where = "No such file or directory" if "/" in name else "it is in no folder of PATH"
    raise obstacle or CannotRun(f"cannot run {name}: {where}", NOT_FOUND)


def _execute_file(spec: RunSpec, file: str) -> int:
    """A script without a #! line is run by sh, as every shell does, and so tini and dumb-init."""
    try:
        return _spawn(spec, file, spec.argv)
    except OSError as error:
        if error.errno != errno.ENOEXEC or not is_text(file):
            raise
    return _spawn(spec, SHELL, (SHELL, file, *spec.argv[1:]))


def _spawn(spec: RunSpec, file: str, argv: tuple[str, ...]) -> int:
    return os.posix_spawn(
        file, argv, spec.environment, setpgroup=0, setsigmask=(), setsigdef=(signal.SIGPIPE, signal.SIGXFSZ)
    )
