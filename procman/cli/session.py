"""One run of procmanctl: whom it talks to, what it has said, and the status it will exit with.

Commands call `say` for people and `put` for `--json`; of the two only what was asked for comes out. What goes wrong
goes through `problem`, which does both and sets the exit status; as in supervisorctl the last one to set it wins.
"""

from __future__ import annotations

import errno
import json
import sys
from importlib import import_module

from procman.cli import commands
from procman.cli import render as show
from procman.client.api_client import ApiError, AuthRequired, Client, Unreachable
from procman.errors import ProcmanError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from procman.client.address import Settings

# supervisorctl's exit statuses, which are those of LSB init scripts.
SUCCESS = 0
GENERIC = 1
INVALID_ARGS = 2
STATUS_NOT_RUNNING = 3
STATUS_UNKNOWN = 4
INSUFFICIENT_PRIVILEGES = 4
NOT_RUNNING = 7

_UNREACHABLE = {errno.ECONNREFUSED: INSUFFICIENT_PRIVILEGES, errno.ENOENT: NOT_RUNNING}
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class Session:
    """What the commands of one run share."""

    def __init__(self, settings: Settings, *, as_json: bool = False, interactive: bool = False) -> None:
        self.settings = settings
        self.interactive = interactive
        self.exitstatus = SUCCESS
        self.as_json = as_json
        self.always_json = as_json
        self._document: dict[str, Any] = {}
        self._out: BinaryIO = sys.stdout.buffer
        self.terminal = show.on_terminal(self._out)
        self.colour = show.colours_wanted(self._out)
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The way to the master; made when first used, for some commands need none."""
        if self._client is None:
            if self.settings.url is None:
                raise Unreachable(*self.settings.missing, errno.ENOENT)
            self._client = Client(self.settings.url, self.settings.username, self.settings.password)
        return self._client

    def connect(self, url: str | None = None) -> None:
        """Talk to `url` from now on, or to the same with other credentials."""
        self.close()
        self.settings.url = url or self.settings.url

    def close(self) -> None:
        """Hang up; the next call would connect again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def run(self, line: str) -> bool:
        """Carry out one line; True when the shell should end."""
        line = line.strip()
        if not line:
            return False
        name, words = _parse(line)
        self.as_json = self.always_json or "--json" in words
        self._document = {}
        try:
            return self._carry_out(name, [word for word in words if word != "--json"], line)
        finally:
            if self.as_json and self._document:
                self.write(json.dumps(self._document, indent=2 if self.terminal else None).encode() + b"\n")
            self.flush()

    def say(self, text: str) -> None:
        """One line, or several, for people; nothing under `--json`."""
        if not self.as_json:
            self.write(text.encode("utf-8", "surrogateescape") + b"\n")

    def put(self, **fields: Any) -> None:
        """Add to the object that `--json` prints when the command has ended."""
        self._document.update(fields)

    def problem(self, text: str, *, code: str = "FAILED", exitstatus: int | None = GENERIC, **about: Any) -> None:
        """Say what went wrong; `exitstatus` None leaves the status as it is."""
        self.say(show.safe_lines(text) if self.terminal else text)
        self._document.setdefault("errors", []).append({"code": code, "message": text, **about})
        if exitstatus is not None:
            self.exitstatus = exitstatus

    def suggest(self, *guesses: str | None) -> None:
        """Ask on stderr whether that was meant: what is on stdout scripts compare with supervisorctl's."""
        meant = [guess for guess in guesses if guess]
        if not meant:
            return
        self._document.setdefault("did_you_mean", []).extend(meant)
        if not self.as_json:
            self.flush()
            text = f"did you mean {' or '.join(meant)}?"
            sys.stderr.write(f"{show.safe(text) if sys.stderr.isatty() else text}\n")

    def usage(self, text: str, command: str | None = None, *, exitstatus: int = GENERIC) -> None:
        """Say what is wrong with the arguments, and show the command's help."""
        self.problem(text, code="BAD_ARGUMENTS", exitstatus=exitstatus)
        if command is not None:
            self.say(import_module("procman.cli.commands.help").supervisorctls(command))

    def check(self) -> None:
        """Raise if no master answers; commands that supervisorctl lets look first do so before they judge arguments."""
        self.client.call("GET", "/v1/master")

    def write(self, data: bytes) -> None:
        """Bytes as they are."""
        self._out.write(data)

    def write_line(self, fields: dict[str, Any]) -> None:
        """One JSON object on a line of its own, at once: what a stream prints under `--json`."""
        self.write(json.dumps(fields).encode() + b"\n")
        self.flush()

    def flush(self) -> None:
        """Let out what was said so far."""
        self._out.flush()

    def ask(self, question: str) -> str:
        """What the user types in answer; nothing at the end of the input."""
        self.flush()
        try:
            return input(question)
        except EOFError:
            return ""

    def _carry_out(self, name: str, words: list[str], line: str) -> bool:
        command = commands.COMMANDS.get(name)
        if command is None:
            self.problem(f"*** Unknown syntax: {line}", code="UNKNOWN_COMMAND")
            self.suggest(import_module("procman.cli.suggestions").command(line))
            return False
        module = import_module(f"procman.cli.commands.{command.module}")
        # What a command runs into, as in `stop-x`, is a name to supervisorctl, and no flag to anybody.
        apart = line[len(name) : len(name) + 1].isspace()
        if apart and name != "help" and any(word.startswith("-") for word in words):
            judged = import_module("procman.cli.commands.flag_check").judged(self, name, words)
            if judged is None:
                return False
            words = judged
        while True:
            try:
                return bool(getattr(module, command.function)(self, words))
            except AuthRequired as error:
                if not self._log_in():
                    why = f"; {self.settings.unreadable}" if self.settings.unreadable else ""
                    self.problem(f"{error.message}{why}", code=error.code)
                    return False
            except Unreachable as error:
                status = command.unreachable
                if status is None:
                    status = _UNREACHABLE.get(error.errno or 0, GENERIC)
                found = self.settings.found
                whence = "" if found is None else f"; so says {found} (-c FILE names another)"
                self.problem(f"{error}{whence}", code="UNREACHABLE", exitstatus=status)
                return False
            except ApiError as error:
                texts = {"SHUTDOWN_STATE": "supervisor shutting down"}
                self.problem(f"ERROR: {texts.get(error.code, error.message)}", code=error.code)
                return False
            except ProcmanError as error:
                # `open` with an address that is none, say.
                self.problem(f"ERROR: {error}", code="BAD_ARGUMENTS")
                return False

    def _log_in(self) -> bool:
        """Get better credentials, from the configuration or from the user, for another try."""
        if self.settings.fill_credentials():
            self.connect()
            return True
        if not self.interactive or self.as_json:
            return False
        from getpass import getpass  # noqa: PLC0415 - only for who is asked

        self.say("Server requires authentication")
        self.settings.username = self.ask("Username:")
        try:
            self.settings.password = getpass(prompt="Password:")
        except EOFError:
            return False
        self.say("")
        self.connect()
        return bool(self.settings.username or self.settings.password)


def asks_for_help(line: str) -> bool:
    """Is the line `help`, or a command with `--help`, for which no master has to be there?"""
    first, *words = line.split() or [""]
    end = words.index("--") if "--" in words else len(words)
    if first in commands.COMMANDS and not {"-h", "--help"}.isdisjoint(words[:end]):
        return True
    return first.startswith("?") or first == "help"


def _parse(line: str) -> tuple[str, list[str]]:
    """Split a line as supervisorctl does: a command is letters, digits and `_`; `?` is help."""
    if line.startswith("?"):
        return "help", line[1:].split()
    first, *words = line.split()
    if first in commands.COMMANDS:
        # One of ours, such as stop-plan, may have a hyphen.
        return first, words
    end = next((i for i, character in enumerate(line) if character not in _WORD), len(line))
    return line[:end], line[end:].split()
