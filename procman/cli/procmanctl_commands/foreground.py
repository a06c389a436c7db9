"""fg: connects this terminal to a program's standard input and output."""

from __future__ import annotations

import threading

from procman.cli import suggestions, terminal_text
from procman.cli.invocation import Invocation
from procman.client.api_client import ApiError, Unreachable, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.processes import ProcessInfo


def foreground(invocation: Invocation, words: list[str]) -> None:
    """Connect until Ctrl-C, the end of the input, or the end of the process."""
    if not words:
        invocation.check()
        invocation.usage("ERROR: no process name supplied", "fg")
        return
    if len(words) > 1:
        invocation.check()
        invocation.usage("ERROR: too many process names supplied")
        return
    name = words[0]
    try:
        running = _is_running(invocation, name)
    except ApiError as error:
        if error.code != "BAD_NAME":
            raise
        invocation.problem("ERROR: bad process name supplied", code=error.code, name=name)
        suggestions.suggest_processes(invocation, [name], one=True)
        return
    if not running:
        invocation.problem("ERROR: process not running", code="NOT_RUNNING", name=name)
        return
    invocation.say("==> Press Ctrl-C to exit <==")
    invocation.flush()
    outputs = [_Output(invocation, name, channel) for channel in ("stdout", "stderr")]
    try:
        _copy_input(invocation, name)
    except (KeyboardInterrupt, EOFError):
        pass
    finally:
        for output in outputs:
            output.end()
    invocation.say("Exiting foreground")


def _copy_input(invocation: Invocation, name: str) -> None:
    while True:
        line = input() + "\n"
        try:
            data = line.encode("utf-8", "surrogateescape")
            invocation.client.exchange("POST", f"/v1/processes/{quoted(name)}/stdin", data)
        except ApiError as error:
            invocation.say("Process got killed" if error.code == "NOT_RUNNING" else f"ERROR: {error.message}")
            return
        if not _is_running(invocation, name):
            invocation.say("Process got killed")
            return


class _Output:
    """A thread that copies one stream of the program to our output, until told to end."""

    def __init__(self, invocation: Invocation, name: str, channel: str) -> None:
        self._session = invocation
        self._about = {"name": name, "channel": channel}
        self._thread: threading.Thread | None = None
        try:
            path = f"/v1/processes/{quoted(name)}/log/{channel}?follow=1"
            self._stream = invocation.client.stream("GET", path)
        except ApiError:
            return  # this stream has no log to follow, but the other may have one
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def end(self) -> None:
        if self._thread is not None:
            self._stream.close()
            self._thread.join()

    def _copy(self) -> None:
        invocation, cleaner = self._session, terminal_text.LogCleaner()
        try:
            for data in self._stream:
                if invocation.as_json:
                    invocation.write_line({**self._about, "data": data.decode("utf-8", "surrogateescape")})
                else:
                    invocation.write(cleaner.feed(data).encode() if invocation.terminal else data)
                    invocation.flush()
        except (Unreachable, OSError):
            return  # the connection or the terminal is gone; the next line that is typed shows which


def _is_running(invocation: Invocation, name: str) -> bool:
    processes: list[ProcessInfo] = invocation.client.call("GET", f"/v1/processes/{quoted(name)}")["processes"]
    return len(processes) == 1 and processes[0]["statename"] == "RUNNING"
