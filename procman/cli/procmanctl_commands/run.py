"""run: runs a program now, shows what it writes, and ends with its exit status."""

from __future__ import annotations

import json
import signal
import sys
import time

from procman.cli import suggestions
from procman.cli.invocation import INVALID_ARGS, NOT_RUNNING, Invocation
from procman.cli.terminal_text import LogCleaner, safe
from procman.client.api_client import ApiError, Unreachable, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from procman.api.shapes.output import RunEvent
    from procman.api.shapes.processes import ProcessInfo
    from procman.client.api_client import Stream

# The exit status of a shell's command that Ctrl-C has ended.
_INTERRUPTED = 130
# So many seconds a master may be away, for an upgrade or a restart, before the run is left to itself.
_PATIENCE = 15.0
_PAUSE = 0.1
_UP = frozenset({"STARTING", "RUNNING", "BACKOFF", "STOPPING"})


def run(invocation: Invocation, words: list[str]) -> None:
    """`run [--detach] [--attach] [--env K=V]… NAME [-- ARG…]`."""
    end = words.index("--") if "--" in words else len(words)
    arguments = words[end + 1 :]
    environment: dict[str, str] = {}
    names: list[str] = []
    flags: set[str] = set()
    before = iter(words[:end])
    for word in before:
        if word == "--env" or word.startswith("--env="):
            name, equals, value = (next(before, "") if word == "--env" else word.removeprefix("--env=")).partition("=")
            if not equals or not name:
                invocation.usage("Error: --env takes NAME=VALUE", "run", exitstatus=INVALID_ARGS)
                return
            environment[name] = value
        elif word.startswith("--"):
            flags.add(word)
        else:
            names.append(word)
    if len(names) != 1:
        text = (
            "Error: run requires a process name"
            if not names
            else "Error: run takes one process name; -- comes before arguments"
        )
        invocation.usage(text, "run", exitstatus=INVALID_ARGS)
        return
    if "--attach" in flags and (arguments or environment or "--detach" in flags):
        invocation.usage("Error: --attach follows a run as it is: take the rest out", "run", exitstatus=INVALID_ARGS)
        return
    asked = {"args": arguments, "env": environment}
    try:
        _Following(invocation, names[0], asked).run(detach="--detach" in flags, attach="--attach" in flags)
    except ApiError as error:
        if error.code in {"UNAUTHORIZED", "SHUTDOWN_STATE"}:
            raise
        invocation.problem(f"{names[0]}: ERROR ({error.message})", code=error.code, name=names[0])
        if error.code == "BAD_NAME":
            suggestions.suggest_processes(invocation, names)


class _Following:
    """One run, as long as this command follows it."""

    def __init__(self, invocation: Invocation, name: str, asked: Mapping[str, object]) -> None:
        self._session = invocation
        self._name = name
        self._asked = asked
        self._path = f"/v1/processes/{quoted(name)}"
        self._stopping = False
        self._reading = False
        self._to_stop = False  # as soon as it reads again
        self._streams: dict[str, BinaryIO] = {"stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}
        self._cleaners = {
            channel: LogCleaner() if stream.isatty() else None for channel, stream in self._streams.items()
        }

    def run(self, *, detach: bool, attach: bool) -> None:
        if detach:
            operation = self._session.client.call("POST", f"{self._path}/run", {**self._asked, "follow": False})[
                "operation"
            ]
            self._session.put(operation=operation)
            self._session.say(f"{self._name}: runs (operation {operation})")
            return
        # An exception in the middle of a read would lose what it has read, so Ctrl-C is heard beside it.
        before = signal.signal(signal.SIGINT, self._interrupted)
        try:
            self._to_the_end(attach=attach)
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupted(self, _signum: int, _frame: object) -> None:
        if self._stopping:
            raise KeyboardInterrupt
        self._stopping = True
        if self._reading:
            self._stop()
        else:
            # In the middle of a write, or of a request, which cannot be entered twice.
            self._to_stop = True

    def _to_the_end(self, *, attach: bool) -> None:
        client = self._session.client
        stream: Stream | None = (
            client.stream("GET", f"{self._path}/run")
            if attach
            else client.stream("POST", f"{self._path}/run", json.dumps(self._asked).encode())
        )
        while stream is not None:
            try:
                with stream:
                    stream = self._follow(stream)
            except KeyboardInterrupt:
                # The second one: the run goes on to its end without this command.
                self._session.exitstatus = _INTERRUPTED
                return

    def _follow(self, stream: Stream) -> Stream | None:
        """Show what comes; another stream if the master had to be found again, None at the end of the run."""
        pending = b""
        while True:
            try:
                piece = self._read(stream)
            except Unreachable:
                return self._again()
            if not piece:
                return self._again()
            *lines, pending = (pending + piece).split(b"\n")
            for line in lines:
                if self._hear(json.loads(line)):
                    return None

    def _read(self, stream: Stream) -> bytes:
        self._reading = True
        try:
            if self._to_stop:
                self._to_stop = False
                self._stop()
            return next(stream, b"")
        finally:
            self._reading = False

    def _hear(self, event: RunEvent) -> bool:
        """Whether that was the end."""
        if self._session.as_json:
            self._session.write_line(dict(event))
        if event["event"] == "output":
            if not self._session.as_json:
                self._show(event["channel"], event["data"], event["missed"])
            return False
        if event["event"] == "ended":
            self._session.exitstatus = event["code"]
            if not event["done"]:
                self._remark(f"{self._name}: {event['statename']} ({event['text']})")
            return True
        return False

    def _show(self, channel: str, text: str, missed: int) -> None:
        stream, cleaner = self._streams[channel], self._cleaners[channel]
        data = text.encode("utf-8", "surrogateescape")
        stream.write(data if cleaner is None else cleaner.feed(data).encode())
        stream.flush()
        if missed:
            self._remark(f"{missed} bytes of {channel} were not read in time, and are left out here")

    def _stop(self) -> None:
        """The first Ctrl-C."""
        self._remark(f"stopping {self._name}; Ctrl-C again leaves it alone")
        try:
            self._session.client.call("POST", f"{self._path}/stop", {"wait": False})
        except (ApiError, Unreachable) as error:
            self._remark(str(error))

    def _again(self) -> Stream | None:
        """The connection was lost: the master was upgraded, or has gone."""
        until = time.monotonic() + _PATIENCE
        while True:
            self._session.client.close()
            try:
                info: ProcessInfo = self._session.client.call("GET", self._path)["processes"][0]
                if info["statename"] in _UP:
                    stream = self._session.client.stream("GET", f"{self._path}/run")
                    self._remark("the master was replaced: what was written meanwhile is in the log alone")
                    return stream
            except ApiError as error:
                if error.code != "NOT_RUNNING":  # it has ended in this moment
                    raise
            except Unreachable as error:
                if time.monotonic() >= until:
                    self._remark(f"{error}; the run goes on, if its machine does")
                    self._session.exitstatus = NOT_RUNNING
                    return None
                time.sleep(_PAUSE)
            else:
                self._settled(info)
                return None

    def _settled(self, info: ProcessInfo) -> None:
        """It has ended while no master was there to tell."""
        code = 0 if info["done"] else info["exitstatus"] if info["exitstatus"] > 0 else 1
        self._session.exitstatus = code
        if not info["done"]:
            self._remark(f"{self._name}: {info['statename']} ({info['ending'] or info['description']})")

    def _remark(self, text: str) -> None:
        """Of this command itself: not mixed with what the program writes to stdout."""
        self._session.flush()
        shown = f"procmanctl: {text}"
        sys.stderr.write(f"{safe(shown) if sys.stderr.isatty() else shown}\n")
        sys.stderr.flush()
