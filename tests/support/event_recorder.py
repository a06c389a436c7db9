"""An event listener in plain Python that passes every event to a test, and the test's end of it.

As a program: `event_recorder.py FIFO`. It answers OK to everything, and imports neither procman nor supervisor.
"""

import contextlib
import json
import os
import select
import shlex
import sys
import time
from pathlib import Path

PATIENCE = 60.0


class Record:
    """The events recorded so far: `events` has (header, payload) of each, the header as a mapping."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "record"
        os.mkfifo(self.path)
        # For writing as well, so that it has no end between two runs of the recorder.
        self._fd = os.open(self.path, os.O_RDWR)
        self._rest = b""
        self._position = 0
        self.events: list[tuple[dict[str, str], str]] = []

    @property
    def command(self) -> str:
        """The command line of the listener."""
        return shlex.join([sys.executable, "-u", __file__, str(self.path)])

    @property
    def passed(self) -> list[tuple[dict[str, str], str]]:
        """All events up to the last expected one."""
        return self.events[: self._position]

    def expect(self, name: str, *parts: str) -> tuple[dict[str, str], str]:
        """Wait for an event of that type with these parts in its payload; skip all others before it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            while self._position < len(self.events):
                header, payload = self.events[self._position]
                self._position += 1
                if header["eventname"] == name and all(part in payload for part in parts):
                    return header, payload
            left = max(0.0, deadline - time.monotonic())
            told = "\n".join(f"{header['eventname']} {payload!r}" for header, payload in self.events)
            assert select.select([self._fd], [], [], left)[0], f"no {name} with {parts} among\n{told}"
            self._read()

    def close(self) -> None:
        """Read what is left, and close."""
        while select.select([self._fd], [], [], 0)[0]:
            self._read()
        os.close(self._fd)

    def _read(self) -> None:
        *lines, self._rest = (self._rest + os.read(self._fd, 65536)).split(b"\n")
        self.events += [(header, payload) for header, payload in map(json.loads, lines)]


def record(path: str) -> None:
    """Listen until stdin ends."""
    with open(path, "wb", buffering=0) as fifo:
        stdin = sys.stdin.buffer
        while True:
            os.write(1, b"READY\n")
            line = stdin.readline()
            if not line:
                return
            header = dict(word.split(":", 1) for word in line.decode().split())
            payload = ""
            while len(payload) < int(header["len"]):
                payload += _character(stdin)
            fifo.write(json.dumps([header, payload]).encode() + b"\n")
            os.write(1, b"RESULT 2\nOK")


def _character(stream) -> str:
    data = stream.read(1)
    while True:
        try:
            return data.decode()
        except UnicodeDecodeError:
            data += stream.read(1)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        record(sys.argv[1])
