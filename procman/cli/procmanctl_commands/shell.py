"""The interactive shell: reads lines until `quit`; no error ends it.

Completion offers commands, their flags, signals, and the names of programs and groups as of the last command.
"""

from __future__ import annotations

import atexit
import shlex
import sys
from getpass import getpass

from procman.cli import dispatch, status_text
from procman.cli import procmanctl_commands as commands
from procman.cli.help_texts import flags, takes
from procman.cli.invocation import INVALID_ARGS, Invocation
from procman.cli.signal_guesses import signals
from procman.errors import ProcmanError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence

    from procman.api.shapes.processes import ProcessInfo


def run(invocation: Invocation, first: Sequence[str]) -> int:
    """Carry out the command that these words give and show the status, then carry out each line that is typed.

    Returns the exit status of the first line; those of the others do not count.
    """
    invocation.ask_credentials = _ask_credentials
    dispatch.run(invocation, " ".join(first), first)
    status = invocation.exitstatus
    completer = Completer(invocation)
    if sys.stdin.isatty():
        _prepare_readline(invocation, completer)
    line = "status"
    while True:
        try:
            given = _words(invocation, line) if dispatch.is_verbatim(line) else ()
            if given is not None and dispatch.run(invocation, line, given):
                return status
        except KeyboardInterrupt:
            invocation.say("")  # Ctrl-C ends the command, not the shell
            invocation.close()
        completer.forget()
        invocation.flush()
        try:
            # Under --json every line of the output is parsed.
            line = input("" if invocation.always_json else f"{invocation.settings.prompt}> ")
        except EOFError:
            line = "EOF"
        except KeyboardInterrupt:
            invocation.say("")
            invocation.flush()
            return status


def _words(invocation: Invocation, line: str) -> list[str] | None:
    """The words of a line, with quotes as in a shell; None after a complaint."""
    try:
        return shlex.split(line)
    except ValueError as error:
        text = f"Error: cannot read the line: {str(error).lower()}"
        invocation.problem(text, code="BAD_ARGUMENTS", exitstatus=INVALID_ARGS)
        return None


class Completer:
    """Finds what readline offers on TAB."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._processes: list[ProcessInfo] | None = None

    def forget(self) -> None:
        """Ask the master again at the next completion, because a command may have changed its processes."""
        self._processes = None

    def complete(self, line: str, text: str) -> list[str]:
        """Return the completions of `text`, the last word of `line`."""
        match line.removesuffix(text).split():
            case [] | ["help"]:
                names = sorted(commands.COMMANDS.keys() - {"EOF"})
            case [command, *_] if text.startswith("-"):
                names = [*flags(command)]
            case ["signal"]:
                # Small letters and a leading SIG are understood too.
                text = text.upper()
                begin = "SIG" if text.startswith("SIG") else ""
                names = [begin + name for name in signals()]
            case [command, *_] if takes(command) == "groups":
                names = list(dict.fromkeys(info["group"] for info in self._known()))
            case [command, *_] if takes(command) == "processes":
                names = self._process_names(text)
            case _:
                names = []
        return [f"{name} " for name in names if name.startswith(text)]

    def _process_names(self, text: str) -> list[str]:
        names: dict[str, None] = {}
        for info in self._known():
            group, name = info["group"], info["name"]
            if ":" in text or name != group:
                names[f"{group}:{name}"] = None
                names[f"{group}:*"] = None
            else:
                names[status_text.namespec(group, name)] = None
        return list(names)

    def _known(self) -> list[ProcessInfo]:
        if self._processes is None:
            try:
                self._processes = self._invocation.client.call("GET", "/v1/processes")["processes"]
            except ProcmanError:
                self._processes = []
        return self._processes


def _ask_credentials(invocation: Invocation) -> bool:
    settings = invocation.settings
    invocation.say("Server requires authentication")
    settings.username = invocation.ask("Username:")
    try:
        settings.password = getpass(prompt="Password:")
    except EOFError:
        return False
    invocation.say("")
    invocation.connect()
    return bool(settings.username or settings.password)


def _prepare_readline(invocation: Invocation, completer: Completer) -> None:
    try:
        # Some builds of Python have none, and on a pipe it may write escape sequences when it is imported.
        import readline  # noqa: PLC0415
    except ImportError:
        return
    found: list[str] = []

    def complete(text: str, state: int) -> str | None:
        if state == 0:
            found[:] = completer.complete(readline.get_line_buffer(), text)
        return found[state] if state < len(found) else None

    # "group:process", "group:*" and names with "-" are one word each.
    delimiters = readline.get_completer_delims()
    readline.set_completer_delims(delimiters.translate({ord(character): None for character in ":*-"}))
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
    history_file = invocation.settings.history_file
    if history_file:

        def save() -> None:
            try:
                readline.write_history_file(history_file)
            except OSError:
                pass  # failing to save the history is not an error

        try:
            readline.read_history_file(history_file)
        except OSError:
            pass  # there is none the first time
        atexit.register(save)
