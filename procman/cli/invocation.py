"""One invocation of procmanctl: its connection to the master, its output, and its exit status.

Commands call `say` for text and `put` for the object of `--json`; only one of the two is printed. `problem` does both,
and sets the exit status; as in supervisorctl, the last problem decides.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable

from procman.cli.help_texts import supervisorctls, text_of
from procman.cli.terminal_text import colours_wanted, on_terminal, safe, safe_lines
from procman.client.address import Settings
from procman.client.api_client import Client, Unreachable

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any, BinaryIO

# supervisorctl's exit statuses, which are those of LSB init scripts.
SUCCESS = 0
GENERIC = 1
INVALID_ARGS = 2
STATUS_NOT_RUNNING = 3
STATUS_UNKNOWN = 4
INSUFFICIENT_PRIVILEGES = 4
NOT_RUNNING = 7


class Invocation:
    """What the commands of one invocation share."""

    def __init__(self, settings: Settings, *, as_json: bool = False, interactive: bool = False) -> None:
        self.settings = settings
        self.interactive = interactive
        self.exitstatus = SUCCESS
        self.as_json = as_json
        self.always_json = as_json
        # Asks the user for a name and a password, which only the shell does; True if there are any to try.
        self.ask_credentials: Callable[[Invocation], bool] | None = None
        self._document: dict[str, Any] = {}
        self._out: BinaryIO = sys.stdout.buffer
        self.terminal = on_terminal(self._out)
        self.colour = colours_wanted(self._out)
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The client, made on first use, because some commands need none."""
        if self._client is None:
            self._client = self.new_client()
        return self._client

    def new_client(self) -> Client:
        """A client with a connection of its own, such as another thread needs."""
        if self.settings.url is None:
            raise Unreachable(*self.settings.missing, errno.ENOENT)
        return Client(
            self.settings.url,
            self.settings.username,
            self.settings.password,
            token=self.settings.token,
            tls=self.settings.tls,
        )

    @property
    def columns(self) -> int | None:
        """How wide the terminal is; None off one, where no line is broken."""
        try:
            return os.get_terminal_size(self._out.fileno()).columns or None
        except OSError:
            return None

    @property
    def moves(self) -> bool:
        """Whether a line on stderr may be rewritten while the user waits."""
        return self.terminal and not self.as_json and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def connect(self, url: str | None = None) -> None:
        """Use `url` from now on, or the same address with other credentials."""
        self.close()
        self.settings.url = url or self.settings.url

    def close(self) -> None:
        """Close the connection; the next call connects again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def begin(self, *, as_json: bool) -> None:
        """Begin a command; `as_json` if its own words ask for it."""
        self.as_json = self.always_json or as_json
        self._document = {}

    def end(self) -> None:
        """End a command: print the object of `--json`, and flush."""
        if self.as_json and self._document:
            self.write(json.dumps(self._document, indent=2 if self.terminal else None).encode() + b"\n")
        self.flush()

    def say(self, text: str) -> None:
        """Print a text of one line or several, except under `--json`."""
        if not self.as_json:
            self.write(text.encode("utf-8", "surrogateescape") + b"\n")

    def say_safe(self, text: str) -> None:
        """Print a line; on a terminal, control characters in it are spelt out."""
        self.say(safe(text) if self.terminal else text)

    def put(self, **fields: Any) -> None:
        """Add to the object that `--json` prints at the end of the command."""
        self._document.update(fields)

    def problem(self, text: str, *, code: str = "FAILED", exitstatus: int | None = GENERIC, **about: Any) -> None:
        """Report what went wrong; `exitstatus` None leaves the status as it is."""
        self.say(safe_lines(text) if self.terminal else text)
        self._document.setdefault("errors", []).append({"code": code, "message": text, **about})
        if exitstatus is not None:
            self.exitstatus = exitstatus

    def suggest(self, *guesses: str | None, note: str = "") -> None:
        """Ask on stderr whether that was meant, and add the note; scripts compare stdout with supervisorctl's."""
        meant = [guess for guess in guesses if guess]
        if not meant:
            return
        self._document.setdefault("did_you_mean", []).extend(meant)
        self.hint(f"did you mean {' or '.join(meant)}?{f' {note}' if note else ''}")

    def hint(self, text: str) -> None:
        """Say on stderr what helps on, except under `--json`."""
        if not self.as_json:
            self.flush()
            sys.stderr.write(f"{safe(text) if sys.stderr.isatty() else text}\n")

    def usage(self, text: str, command: str | None = None, *, exitstatus: int = GENERIC, ours: bool = False) -> None:
        """Report what is wrong with the arguments, and show the help of the command; `ours`: of flags of procman."""
        self.problem(text, code="BAD_ARGUMENTS", exitstatus=exitstatus)
        if command is not None:
            self.say(text_of(command).rstrip() if ours else supervisorctls(command))

    def check(self) -> None:
        """Raise if no master answers; some commands of supervisorctl check that before their arguments."""
        self.client.call("GET", "/v1/master")

    def write(self, data: bytes) -> None:
        """Write bytes unchanged."""
        self._out.write(data)

    def write_line(self, fields: dict[str, Any]) -> None:
        """Write one JSON object as a line, at once: a piece of a stream under `--json`."""
        self.write(json.dumps(fields).encode() + b"\n")
        self.flush()

    def flush(self) -> None:
        """Flush the output."""
        self._out.flush()

    def ask(self, question: str) -> str:
        """Ask the user; "" at the end of the input."""
        self.flush()
        try:
            return input(question)
        except EOFError:
            return ""

    def log_in(self) -> bool:
        """Get credentials from the configuration or from the user; True if there are any to try."""
        if self.settings.fill_credentials():
            self.connect()
            return True
        return self.ask_credentials is not None and not self.as_json and self.ask_credentials(self)
