"""`procman`: runs the master; `procman check`, `export`, `run` and others are its commands.

Bad usage and a bad configuration end with status 2 and one line for each problem, never with a traceback.
"""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from procman import __version__
from procman.cli.flags import read
from procman.cli.flags_text import table
from procman.cli.procman_commands.table import COMMANDS, takes_file
from procman.cli.standard_streams import open_missing
from procman.config.discovery import SEARCH
from procman.daemon.handover import VARIABLE
from procman.errors import BadRequest, ProcmanError

OK = 0
BAD_USAGE = 2
INTERRUPTED = 130  # what a shell shows for SIGINT

# These commands handle signals themselves: the master, and `procman run`.
HANDLE_SIGNALS = ("", "run")


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out the arguments; returns the exit status."""
    handed = None
    if argv is None:
        open_missing()
        _ensure_utf8()
        _append_pythonpath()
        handed = os.environ.pop(VARIABLE, None)
    name, arguments = _named(list(sys.argv[1:] if argv is None else argv))
    try:
        return _flushed(_carry_out(name, arguments) if handed is None else int(_module("start").resume(handed)))
    except BadRequest as error:
        print(f"Error: {error}\nFor help, use {_called(name)} -h", file=sys.stderr)
        return BAD_USAGE
    except ProcmanError as error:
        print(f"procman: {error}", file=sys.stderr)
        return BAD_USAGE
    except BrokenPipeError:
        # The reader is gone; Python would complain again when it closes stdout.
        _discard_output()
        return OK
    except OSError as error:
        if error.errno == errno.ENOENT and not _has_directory():
            reason = "the current directory was removed; change to another one"
        elif error.errno == errno.ENOSPC:
            # Python would try again when it closes stdout.
            _discard_output()
            reason = str(error)
        else:
            raise
        print(f"procman: cannot go on: {reason}", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        return INTERRUPTED


def _flushed(status: int) -> int:
    # At the exit of the interpreter, a full disk or a reader that has gone could not be answered any more.
    sys.stdout.flush()
    return status


def _ensure_utf8() -> None:
    """Restart Python in UTF-8 mode under other locales: names and commands are passed on as the file has them."""
    if not sys.flags.utf8_mode and sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - the same program


def _append_pythonpath() -> None:
    """Let a result_handler be found on PYTHONPATH, but never a module of procman's own."""
    if sys.flags.ignore_environment and _has_directory():
        sys.path += map(os.path.abspath, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))


def _has_directory() -> bool:
    """Whether the current directory still exists."""
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _named(arguments: list[str]) -> tuple[str, list[str]]:
    """The command that the first two words or the first one name, "" for none; and the remaining arguments."""
    for length in (2, 1):
        name = " ".join(arguments[:length])
        if len(arguments) >= length and name in COMMANDS:
            return name, arguments[length:]
    return "", arguments


def _module(name: str) -> ModuleType:
    """A module of the commands; most calls need one of them only."""
    return import_module(f"procman.cli.procman_commands.{name}")


def _carry_out(name: str, arguments: list[str]) -> int:
    command = COMMANDS[name]
    given, words = read(command.flags, arguments)
    if "help" in given or (command.words and name != "run" and {"-h", "--help"} & set(words)):
        # Behind words, too, unless they are the command line of another program.
        print(usage(name))
        return OK
    if "version" in given:
        print(__version__)
        return OK
    if words and command.words:
        given["words"] = "\0".join(words)
    elif words:
        others = [other.removeprefix(name).lstrip() for other in COMMANDS if other.startswith(name) and other != name]
        meant = _module("unknown_words").meant(name, words, others, takes_file=takes_file(command))
        raise BadRequest(f"positional arguments are not supported: {words}{meant}")
    if os.getpid() == 1 and name not in HANDLE_SIGNALS:
        # `start_procman` has blocked them.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return int(getattr(_module(command.module), command.function)(given))


def usage(name: str) -> str:
    """The text that `-h` prints for a command; "" is `procman` without a command."""
    command = COMMANDS[name]
    parts = [
        f"{_called(name)} -- {command.about}",
        f"Usage: {_called(name)} [flags] {command.words}".rstrip(),
        table(command.flags),
    ]
    if not name:
        parts.append("The file is the first that exists of " + ", ".join(SEARCH) + ".")
        others = [f"{_called(other)} -- {COMMANDS[other].about}" for other in COMMANDS if other]
        parts.append("\n".join([*others, "procmanctl help -- list the commands for a running master"]))
    return "\n\n".join(parts)


def _called(name: str) -> str:
    return f"procman {name}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
