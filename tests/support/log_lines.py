"""Waits for lines of a process's output. A line is the event to wait for, so nothing here sleeps."""

import os
import re
import select
import subprocess
import time
from collections.abc import Sequence
from datetime import datetime

# Far more than anything takes; only a test that fails waits so long.
PATIENCE = 60.0


class LogLines:
    """The output of a process whose stdout is a pipe. `lines` holds every line so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self.process = process
        self.lines: list[str] = []
        self._passed = 0
        self._rest = b""
        self._fd = process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def expect(self, *patterns: str) -> re.Match[str]:
        """Wait for lines with these patterns, in this order, with others between them; return the last match."""
        match = None
        for pattern in patterns:
            match = self._expect_any({pattern})[1]
        assert match is not None
        return match

    def expect_all(self, patterns: Sequence[str]) -> list[re.Match[str]]:
        """Wait for one line for each of these patterns, in any order."""
        missing = set(patterns)
        found = {}
        while missing:
            pattern, match = self._expect_any(missing)
            missing.remove(pattern)
            found[pattern] = match
        return [found[pattern] for pattern in patterns]

    def to_the_end(self) -> int:
        """Read until the process has ended; return its exit status."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE)

    def so_far(self) -> int:
        """Read all that has been written by now; return how many lines there are then."""
        while self._poll.poll(0) and self._read(time.monotonic() + PATIENCE):
            pass
        return len(self.lines)

    def _expect_any(self, patterns: set[str]) -> tuple[str, re.Match[str]]:
        deadline = time.monotonic() + PATIENCE
        while True:
            while self._passed < len(self.lines):
                line = self.lines[self._passed]
                self._passed += 1
                for pattern in patterns:
                    match = re.search(pattern, line)
                    if match:
                        return pattern, match
            if not self._read(deadline):
                raise AssertionError(f"ended without a line like {sorted(patterns)}:\n{self.text}")

    def _read(self, deadline: float) -> bool:
        """Read what there is, or wait for it; False at the end."""
        left = deadline - time.monotonic()
        if left <= 0 or not self._poll.poll(left * 1000):
            raise AssertionError(f"nothing more came for {PATIENCE:.0f} s:\n{self.text}")
        data = os.read(self._fd, 65536)
        *whole, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            whole.append(self._rest)
            self._rest = b""
        self.lines += [line.decode(errors="replace") for line in whole]
        return bool(data)


def stamp(line: str) -> float:
    """The master's own timestamp of a log line, in seconds."""
    return datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp()  # noqa: DTZ007 - only compared with others


def line_with(lines: Sequence[str], text: str) -> str:
    """The only line that contains `text`."""
    found = [line for line in lines if text in line]
    assert len(found) == 1, f"{len(found)} lines with {text!r} in:\n" + "\n".join(lines)
    return found[0]
