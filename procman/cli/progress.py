"""Tells on stderr how far an operation is while its request waits for the answer.

On a terminal it is one line that is rewritten in place. Elsewhere, as in the log of a CI job, a line comes now and
then, and none at all of what takes no longer than supervisor's defaults allow: a cron job that restarts a program sends
no mail because of that.

The request itself stays as it is without that: another connection asks, in a thread. If that fails, nothing is shown.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

from procman.cli import progress_text
from procman.cli.terminal_text import safe
from procman.cli.text_width import cut
from procman.client.api_client import quoted
from procman.errors import ProcmanError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.cli.invocation import Invocation
    from procman.client.api_client import Client

# Seconds before the first line and between two of them, on a terminal.
_ON_TERMINAL = 0.5
# The same elsewhere: a stop takes stopwaitsecs = 10 at most, and a start startsecs = 1.
_PLAIN_FIRST = 15.0
_PLAIN = 10.0
# After so many seconds the same is told again: somebody may wonder whether it goes on.
_PLAIN_AGAIN = 60.0
# A pause is at least so many times as long as the master took to answer.
_IDLE = 10
_ERASE = "\r\x1b[K"


class Line:
    """What is shown on stderr: a line that is rewritten, or where it does not move a new one now and then."""

    def __init__(self, *, moves: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """`moves` needs a terminal."""
        self.moves = moves
        self._clock = clock
        self._began = self._shown_at = clock()
        self._due = self._began + (_ON_TERMINAL if moves else _PLAIN_FIRST)
        self._shown = ""

    @property
    def pause(self) -> float:
        """For how many seconds no text is needed."""
        return max(0.0, self._due - self._clock())

    def show(self, text: str) -> None:
        """Show this instead, "" for nothing else; of what does not fit, as much as does."""
        now = self._clock()
        if now < self._due and not self.moves:
            return
        self._due = now + (_ON_TERMINAL if self.moves else _PLAIN)
        if not text:
            return
        if self.moves:
            if text != self._shown and _in_foreground():
                self._shown = text
                self._write(f"\r{cut(safe(text), _columns() - 1)}\x1b[K")
        elif text != self._shown or now - self._shown_at >= _PLAIN_AGAIN:
            self._shown, self._shown_at = text, now
            self._write(f"after {now - self._began:.0f} s: {safe(text)}\n")

    def erase(self) -> None:
        """Leave an empty line, and the cursor at its beginning."""
        if self.moves and self._shown and _in_foreground():
            self._write(_ERASE)
        self._shown = ""

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            pass  # the terminal is gone; what counts is written to stdout


class Progress:
    """Shows how far an operation is until the end of the `with`."""

    def __init__(self, invocation: Invocation, kind: str, targets: list[str] | None) -> None:
        """The operation is the latest of that kind, and with `targets` the latest on these."""
        self._invocation = invocation
        self._kind = kind
        self._targets = targets
        self._line = Line(moves=invocation.moves)
        self._number = 0  # of the operation; 0: not known yet
        self._over = threading.Event()
        self._lock = threading.Lock()  # of the line: once it is over, nothing is shown
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> None:
        self._invocation.flush()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._lock:
            self._line.erase()

    def _run(self) -> None:
        pause = self._line.pause
        client = self._invocation.new_client()
        try:
            while not self._over.wait(pause):
                began = time.monotonic()
                text = self._look(client)
                idle = _IDLE * (time.monotonic() - began)
                with self._lock:
                    if not self._over.is_set():
                        self._line.show(text)
                pause = max(self._line.pause, idle)
        except (ProcmanError, OSError, LookupError):
            pass  # the request itself tells of it; an older master has less to tell
        finally:
            client.close()
            with self._lock:
                self._line.erase()

    def _look(self, client: Client) -> str:
        """How far it is now; "" if there is nothing to tell."""
        if not self._number:
            found = [one for one in client.call("GET", "/v1/operations")["operations"] if self._is_meant(one)]
            if not found:
                return ""
            self._number = found[0]["id"]
        if self._kind in progress_text.ON_PROCESSES:
            operation = client.call("GET", f"/v1/operations/{self._number}")
            asked = [f"/v1/processes/{quoted(name)}" for name in operation["pending"][: progress_text.NAMED]]
            infos = [info for path in asked for info in client.call("GET", path)["processes"]]
            return progress_text.processes_line(operation, {info["namespec"]: info for info in infos})
        rolling = client.call("GET", "/v1/rolling")["rolling"]
        text = progress_text.rolling_line(one for one in rolling if one["operation"] == self._number)
        if text or self._kind != "update":
            return text
        return progress_text.update_line(client.call("GET", "/v1/processes")["processes"])

    def _is_meant(self, operation: dict[str, object]) -> bool:
        is_it = operation["kind"] == self._kind and operation["state"] == "running"
        return is_it and self._targets in (None, operation["targets"])


def order(invocation: Invocation, kind: str, path: str, body: object, targets: list[str] | None = None) -> Any:
    """Request an operation, and tell how far it is until the answer comes; under --json nothing is told."""
    client = invocation.client
    if invocation.as_json:
        return client.call("POST", path, body)
    with Progress(invocation, kind, targets):
        return client.call("POST", path, body)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


def _in_foreground() -> bool:
    """Whether this job has the terminal; in the background of a shell, a line would be drawn over its prompt."""
    try:
        return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except OSError:
        return False
