"""Carries out one line of procmanctl: finds the command, checks its flags, and reports what goes wrong."""

import errno
from collections.abc import Callable, Sequence
from importlib import import_module

from procman.cli import suggestions
from procman.cli.flag_check import checked
from procman.cli.invocation import GENERIC, INSUFFICIENT_PRIVILEGES, NOT_RUNNING, Invocation
from procman.cli.procmanctl_commands import COMMANDS, SAME_AS, Command
from procman.client.api_client import ApiError, AuthRequired, Unreachable
from procman.errors import BadRequest, ProcmanError

_UNREACHABLE = {errno.ECONNREFUSED: INSUFFICIENT_PRIVILEGES, errno.ENOENT: NOT_RUNNING}
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def run(invocation: Invocation, line: str, given: Sequence[str] = ()) -> bool:
    """Carry out one line; True if the shell should end. `given` are its words as a shell has passed them on."""
    line = line.strip()
    if not line:
        return False
    name, words = _split(line)
    if name not in COMMANDS and name in SAME_AS:
        line = SAME_AS[name] + line[len(name) :]
        name, words = _split(line)
    rest: list[str] = []
    if name in COMMANDS and COMMANDS[name].verbatim:
        words = list(given[1:]) if given else _words(line)
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
        invocation.problem(f"*** Unknown syntax: {line}", code="UNKNOWN_COMMAND")
        invocation.suggest(suggestions.command(line), note=suggestions.NOTES.get(name, ""))
        return False
    # A word without a blank before it, as in `stop-x`, is a name to supervisorctl, and not a flag.
    apart = line[len(name) : len(name) + 1].isspace()
    if apart and name != "help" and any(word.startswith("-") for word in words):
        names = checked(invocation, name, words)
        if names is None:
            return False
        words = names
    # Only the command that is called is imported: this is where the rest of them stays out of a `status`.
    module = import_module(f"procman.cli.procmanctl_commands.{command.module}")
    return _call(invocation, command, getattr(module, command.function), words + rest)


def _call(
    invocation: Invocation, command: Command, function: Callable[[Invocation, list[str]], bool | None], words: list[str]
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
            status = command.unreachable
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


def _words(line: str) -> list[str]:
    """The words of a line of the interactive shell, with quotes as in a shell."""
    import shlex  # noqa: PLC0415 - for one command of the interactive shell

    try:
        return shlex.split(line)[1:]
    except ValueError as error:
        raise BadRequest(f"cannot read the line: {error}") from None


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
