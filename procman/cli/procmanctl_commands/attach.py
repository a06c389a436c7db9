"""attach and debug: this terminal becomes that of a program."""

from __future__ import annotations

import json
import os
import select
import sys
import time

from procman.cli import suggestions
from procman.cli.detach_keys import DEFAULT, DetachKeys, read_keys
from procman.cli.invocation import INVALID_ARGS, NOT_RUNNING, Invocation
from procman.cli.raw_terminal import Left, RawTerminal
from procman.cli.terminal_text import safe
from procman.client.api_client import ApiError, Unreachable, quoted
from procman.errors import BadRequest

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterator

    from procman.api.shapes.output import TerminalEvent
    from procman.client.api_client import Stream

_MOST_TYPED = 4096
# So many seconds a master may be away, for an upgrade or a restart, before the program is left to itself.
_PATIENCE = 15.0
_PAUSE = 0.1
# A shell's status of a command that SIGHUP has ended.
_HUNG_UP = 129
_IN_THE_WAY = {"UNAUTHORIZED", "SHUTDOWN_STATE"}


class _BadWords(Exception):
    """The text says which."""


def attach(invocation: Invocation, words: list[str]) -> None:
    """`attach [--read-only] [--detach-keys KEYS] NAME`."""
    try:
        flags, values, names = _read(words, ("--read-only",), ("--detach-keys",))
        name, keys = _one(names, "attach"), read_keys(values.get("--detach-keys", DEFAULT))
        only_reads = "--read-only" in flags
        _need_terminal(invocation, "attach", only_reads=only_reads)
    except (_BadWords, BadRequest) as error:
        invocation.usage(f"Error: {error}", "attach", exitstatus=INVALID_ARGS)
        return
    path = f"/v1/processes/{quoted(name)}/attach"
    _in_front(_Session(invocation, name, path, DetachKeys(keys), only_reads=only_reads))


def debug(invocation: Invocation, words: list[str]) -> None:
    """`debug [--env K=V]… [--detach-keys KEYS] NAME [-- COMMAND…]`."""
    end = words.index("--") if "--" in words else len(words)
    environment = {"TERM": os.environ["TERM"]} if os.environ.get("TERM") else {}
    try:
        _, values, names = _read(words[:end], (), ("--detach-keys", "--env"), environment)
        name, keys = _one(names, "debug"), read_keys(values.get("--detach-keys", DEFAULT))
        _need_terminal(invocation, "debug", only_reads=False)
    except (_BadWords, BadRequest) as error:
        invocation.usage(f"Error: {error}", "debug", exitstatus=INVALID_ARGS)
        return
    path = f"/v1/processes/{quoted(name)}/debug"
    asked: dict[str, object] = {"command": words[end + 1 :], "env": environment}
    _in_front(_Session(invocation, name, path, DetachKeys(keys), asked=asked))


def _read(
    words: list[str], flags: tuple[str, ...], values: tuple[str, ...], environment: dict[str, str] | None = None
) -> tuple[set[str], dict[str, str], list[str]]:
    found: set[str] = set()
    given: dict[str, str] = {}
    names: list[str] = []
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if word in flags:
            found.add(word)
        elif flag in values:
            value = value if equals else next(rest, "")
            if not value:
                raise _BadWords(f"{flag} requires a value")
            if flag == "--env" and environment is not None:
                variable, sign, text = value.partition("=")
                if not variable or not sign:
                    raise _BadWords("--env takes NAME=VALUE")
                environment[variable] = text
            else:
                given[flag] = value
        else:
            names.append(word)
    return found, given, names


def _one(names: list[str], command: str) -> str:
    if len(names) != 1:
        raise _BadWords(f"{command} requires a process name" if not names else f"{command} takes one process name")
    return names[0]


def _need_terminal(invocation: Invocation, command: str, *, only_reads: bool) -> None:
    if not only_reads and not (os.isatty(0) and invocation.terminal):
        way_out = "; to look only, add --read-only" if command == "attach" else ""
        raise _BadWords(f"{command} needs a terminal for stdin and stdout{way_out}")


def _in_front(session: _Session) -> None:
    invocation, name = session.invocation, session.name
    try:
        session.run()
    except ApiError as error:
        if error.code in _IN_THE_WAY:
            raise
        status = NOT_RUNNING if error.code == "NOT_RUNNING" else 1
        invocation.problem(f"{name}: ERROR ({error.message})", code=error.code, name=name, exitstatus=status)
        if error.code == "BAD_NAME":
            suggestions.suggest_processes(invocation, [name], one=True)


class _Session:
    """One client in front of one program."""

    def __init__(
        self,
        invocation: Invocation,
        name: str,
        path: str,
        keys: DetachKeys,
        *,
        only_reads: bool = False,
        asked: dict[str, object] | None = None,
    ) -> None:
        """`asked` is for debug."""
        self.invocation = invocation
        self.name = name
        self._path = path
        self._keys = keys
        self._only_reads = only_reads
        self._asked = asked
        self._number: int | None = None
        self._remark = ""  # for the end, when the terminal is as it was
        self._pending = b""

    def run(self) -> None:
        """To the end of the program, or until the client leaves."""
        if self._only_reads and not (os.isatty(0) and self.invocation.terminal):
            self._look()
            return
        terminal = RawTerminal()
        stream: Stream | None = self._begin(terminal)
        try:
            with terminal:
                # Not before: what is typed until then is dropped.
                self._say(self._greeting())
                while stream is not None:
                    with stream:
                        stream = self._serve(terminal, stream)
        except Left:
            self.invocation.exitstatus = _HUNG_UP
        self._say(self._remark)

    def _greeting(self) -> str:
        if self._asked is not None:
            return ""
        return f"attached to {self.name}: type the detach keys to leave it" if not self._only_reads else ""

    def _begin(self, terminal: RawTerminal) -> Stream:
        client = self.invocation.client
        if self._only_reads:
            return client.stream("GET", self._path)
        rows, columns = terminal.size()
        body = {**(self._asked or {}), "rows": rows, "columns": columns}
        return client.stream("POST", self._path, json.dumps(body).encode())

    def _look(self) -> None:
        """Print what comes; there is no terminal to type at."""
        with self.invocation.client.stream("GET", self._path) as stream:
            try:
                for data in stream:
                    for event in self._events(data):
                        if self._hear(None, event):
                            return
            except KeyboardInterrupt:
                pass

    # ---- in front of the terminal

    def _serve(self, terminal: RawTerminal, stream: Stream) -> Stream | None:
        """Until the stream ends; another stream, where the master had to be found again."""
        typing = not self._only_reads
        while True:
            waits = [stream.fileno(), terminal.wake]
            if self._number is not None:  # what is typed before that waits
                waits.append(0)
            ready = [stream.fileno()] if stream.is_buffered else select.select(waits, [], [])[0]
            if terminal.wake in ready:
                terminal.woken()
                self._tell_size(terminal)
            if stream.fileno() in ready:
                try:
                    data = next(stream, b"")
                except Unreachable:
                    data = b""
                if not data:
                    return self._again(terminal)
                for event in self._events(data):
                    if self._hear(terminal, event):
                        return None
            if 0 in ready and self._typed(typing=typing):
                return None

    def _typed(self, *, typing: bool) -> bool:
        """Pass on what was typed; whether that was the end."""
        data = os.read(0, _MOST_TYPED)
        if not data:
            self._remark = f"{self.name} goes on" if self._asked is None else ""
            return True
        if not typing and b"\x03" in data:
            self._remark = f"detached from {self.name}: it goes on"
            return True
        data, left = self._keys.feed(data)
        if data and typing:
            self._send("input", data)
        if left:
            what = "it goes on" if self._asked is None else "it is stopped, and then as it was before"
            self._remark = f"detached from {self.name}: {what}"
        return left

    def _send(self, what: str, data: bytes) -> None:
        try:
            self.invocation.client.exchange("POST", f"/v1/terminals/{self._number}/{what}", data)
        except (ApiError, Unreachable):
            pass  # it has ended, or does not read: the stream says so, or what it shows

    def _tell_size(self, terminal: RawTerminal) -> None:
        if not self._only_reads:
            rows, columns = terminal.size()
            self._send("size", json.dumps({"rows": rows, "columns": columns}).encode())

    def _events(self, data: bytes) -> Iterator[TerminalEvent]:
        *lines, self._pending = (self._pending + data).split(b"\n")
        return (json.loads(line) for line in lines)

    def _hear(self, terminal: RawTerminal | None, event: TerminalEvent) -> bool:
        """Whether that was the end."""
        if self.invocation.as_json:
            self.invocation.write_line(dict(event))
        if event["event"] == "ended":
            self.invocation.exitstatus = event["code"]
            self._remark = f"{self.name}: {event['text']}"
            return True
        if event["event"] == "attached":
            self._number = event["id"]
        if not self.invocation.as_json:
            self._show(terminal, event["data"].encode("utf-8", "surrogateescape"))
        return False

    def _show(self, terminal: RawTerminal | None, data: bytes) -> None:
        if terminal is not None:
            terminal.show(data)
        else:
            self.invocation.write(data)
            self.invocation.flush()

    def _again(self, terminal: RawTerminal) -> Stream | None:
        """The connection was lost: the master was upgraded, or has gone."""
        if self._asked is not None:
            self._remark = f"the master has gone; {self.name} is as its file says when there is one again"
            self.invocation.exitstatus = NOT_RUNNING
            return None
        until = time.monotonic() + _PATIENCE
        self._number, self._pending = None, b""
        while True:
            self.invocation.client.close()
            try:
                return self._begin(terminal)
            except ApiError as error:
                self._remark = f"{self.name}: {error.message}"
                self.invocation.exitstatus = NOT_RUNNING
                return None
            except Unreachable as error:
                if time.monotonic() >= until:
                    self._remark = f"{error}; {self.name} goes on, if its machine does"
                    self.invocation.exitstatus = NOT_RUNNING
                    return None
                time.sleep(_PAUSE)

    def _say(self, text: str) -> None:
        """On stderr, as stdout is the program's."""
        if text and not self.invocation.as_json:
            self.invocation.flush()
            sys.stderr.write(f"\r[procmanctl: {safe(text)}]\r\n" if sys.stderr.isatty() else f"{text}\n")
            sys.stderr.flush()
