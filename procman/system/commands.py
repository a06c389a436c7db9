"""Finds the file of a program's command, before each start and for `procman check`. Executes nothing."""

import os
import stat
from dataclasses import dataclass
from functools import lru_cache

from procman.errors import ProcmanError
from procman.system.shell_split import split_words


class CannotSpawn(ProcmanError):
    """Why a program cannot be started; `not_found` and `not_executable` tell clients which fault it is."""

    def __init__(self, text: str, *, not_found: bool = False, not_executable: bool = False) -> None:
        """`text` is the whole sentence."""
        super().__init__(text)
        self.not_found = not_found
        self.not_executable = not_executable


@dataclass(frozen=True, slots=True)
class Command:
    """An executable file that exists, and its arguments."""

    file: str
    argv: list[str]


def find_command(command: str, directory: str | None = None, path: str | None = None) -> Command:
    """Split the command as a shell would, and find its file; raises CannotSpawn with supervisor's words.

    `directory` is where it will run; `path` is its own PATH, None for that of this process.
    """
    try:
        argv = list(_words(command))
    except ValueError as error:
        raise CannotSpawn(f"can't parse command {command!r}: {error}", not_executable=True) from None
    if not argv:
        raise CannotSpawn("command is empty", not_executable=True)
    name = argv[0]
    # A relative path starts at the directory in which the program will run.
    base = directory or ""
    if "/" in name:
        _check_executable(name, os.path.join(base, name))
        return Command(name, argv)
    for folder in (path or os.environ.get("PATH") or os.defpath).split(os.pathsep):
        # An empty entry is the current directory; without "./" exec would not search it.
        candidate = os.path.join(folder or os.curdir, name)
        if os.path.exists(os.path.join(base, candidate)):
            _check_executable(candidate, os.path.join(base, candidate))
            return Command(candidate, argv)
    raise CannotSpawn(f"can't find command {name!r}", not_found=True)


@lru_cache(maxsize=1024)
def _words(command: str) -> tuple[str, ...]:
    # The same at each start of a program; what the words stand for may change.
    return tuple(split_words(command))


def _check_executable(shown: str, path: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except PermissionError:
        raise CannotSpawn(f"no permission to run command {shown!r}", not_executable=True) from None
    except OSError:
        raise CannotSpawn(f"can't find command {shown!r}", not_found=True) from None
    if stat.S_ISDIR(mode):
        raise CannotSpawn(f"command at {shown!r} is a directory", not_executable=True)
    if not stat.S_IMODE(mode) & 0o111:
        raise CannotSpawn(f"command at {shown!r} is not executable", not_executable=True)
    if not os.access(path, os.X_OK, effective_ids=True):
        raise CannotSpawn(f"no permission to run command {shown!r}", not_executable=True)
