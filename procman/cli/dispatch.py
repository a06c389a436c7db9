"""Carries out one line of procmanctl: finds the command, checks its flags, and reports what goes wrong."""

import errno
from collections.abc import Callable, Sequence

from procman.cli.flag_check import checked
from procman.cli.invocation import GENERIC, INSUFFICIENT_PRIVILEGES, NOT_RUNNING, Invocation
from procman.cli.procmanctl_commands import COMMANDS, SAME_AS, UNKNOWN_COMMAND, form_of, load
from procman.client.api_client import ApiError, AuthRequired, Unreachable
from procman.errors import ProcmanError

_UNREACHABLE = {errno.ECONNREFUSED: INSUFFICIENT_PRIVILEGES, errno.ENOENT: NOT_RUNNING}
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def is_verbatim(line: str) -> bool:
    """Whether the command of a line needs its words as a shell passes them on: `run -- sh -c 'a | b'`."""
    first = line.partition(" ")[0]
    return first in COMMANDS and COMMANDS[first].verbatim


def run(invocation: Invocation, line: str, given: Sequence[str] = ()) -> bool:
    """Carry out one line; True if the shell should end.

    `given` are its words as a shell has passed them on, which commands that are verbatim need.
    """
    line = line.strip()
    if not line:
        return False
    name, words = _split(line)
    if name not in COMMANDS and name in SAME_AS:
        line = SAME_AS[name] + line[len(name) :]
        name, words = _split(line)
    rest: list[str] = []
    if name in COMMANDS and COMMANDS[name].verbatim:
        words = list(given[1:])
        end = words.index("--") if "--" in words else len(words)
        words, rest = words[:end], words[end:]
    invocation.begin(as_json="--json" in words)
    try:
        return _carry_out(invocation, name, [word for word in words if word != "--json"], line, rest)
    finally:
        invocation.end()


def _carry_out(invocation: Invocation, name: str, words: list[str], line: str, rest: list[str]) -> bool:
    command = COMMANDS.get(name)
    if command is None:
        load(UNKNOWN_COMMAND)(invocation, line, name)
        return False
    # A word without a blank before it, as in `stop-x`, is a name to supervisorctl, and not a flag.
    apart = line[len(name) : len(name) + 1].isspace()
    if apart and name != "help" and any(word.startswith("-") for word in words):
        names = checked(invocation, name, words)
        if names is None:
            return False
        words = names
    return _call(invocation, command.unreachable, load(form_of(name, words)), words + rest)


def _call(
    invocation: Invocation,
    unreachable: int | None,
    function: Callable[[Invocation, list[str]], bool | None],
    words: list[str],
) -> bool:
    """Call the function of a command, again after the user has logged in; report its exceptions."""
    settings = invocation.settings
    while True:
        try:
            return bool(function(invocation, words))
        except AuthRequired as error:
            if not invocation.log_in():
                why = f"; {settings.unreadable}" if settings.unreadable else ""
                invocation.problem(f"{error.message}{why}", code=error.code)
                return False
        except Unreachable as error:
            status = unreachable
            if status is None:
                status = _UNREACHABLE.get(error.errno or 0, GENERIC)
            source = "" if settings.found is None else f"; set in {settings.found} (-c FILE names another)"
            invocation.problem(f"{error}{source}", code="UNREACHABLE", exitstatus=status)
            return False
        except ApiError as error:
            texts = {"SHUTDOWN_STATE": "supervisor shutting down"}
            invocation.problem(f"ERROR: {texts.get(error.code, error.message)}", code=error.code)
            return False
        except ProcmanError as error:
            # An argument that only the client can judge, such as an address.
            invocation.problem(f"ERROR: {error}", code="BAD_ARGUMENTS")
            return False


def _split(line: str) -> tuple[str, list[str]]:
    """Split a line as supervisorctl does: a command is letters, digits and `_`; `?` is help."""
    if line.startswith("?"):
        return "help", line[1:].split()
    first, *words = line.split()
    if first in COMMANDS:
        # One of procman's own commands may have a hyphen, as stop-plan has.
        return first, words
    end = next((i for i, character in enumerate(line) if character not in _WORD), len(line))
    return line[:end], line[end:].split()
