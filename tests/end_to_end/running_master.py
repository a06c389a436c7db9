"""A real master in a folder of its own, with its log as the sequence of events that tests wait for."""

import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from procman.client import Client

PATIENCE = 30.0  # seconds; only a test that fails waits that long


def python(code: str) -> str:
    """A command line that runs a piece of Python in this interpreter, unbuffered; in one line, as INI wants it."""
    return shlex.join([sys.executable, "-u", "-c", f"exec({code!r})"]).replace("%", "%%")


SLEEPER = python("import time; time.sleep(1000)")
STUBBORN = python(
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('armed'); time.sleep(1000)"
)


class RunningMaster:
    """`procman -c FILE` as a child of the test; its log is read line by line from its stdout."""

    def __init__(self, folder: Path, programs: str, *, master: str = "", arguments: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.file = folder / "supervisord.conf"
        # A unix socket's path is short; pytest's folders are not.
        self._short = tempfile.TemporaryDirectory(prefix="pm")
        self.socket = os.path.join(self._short.name, "s")
        self._head = (
            f"[unix_http_server]\nfile={self.socket}\n"
            f"[supervisord]\nlogfile={folder}/master.log\npidfile={folder}/master.pid\nchildlogdir={folder}\n{master}\n"
        )
        self.write(programs)
        self.lines: list[str] = []
        self._rest = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "procman", "-c", str(self.file), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
        )

    def write(self, programs: str) -> None:
        self.file.write_text(self._head + programs)

    def call(self, method: str, path: str, body: object = None) -> dict:
        with contextlib.closing(Client(f"unix://{self.socket}")) as client:
            return client.call(method, path, body)

    def say(self, name: str, text: str) -> None:
        """Give a program some input."""
        with contextlib.closing(Client(f"unix://{self.socket}")) as client:
            client.exchange("POST", f"/v1/processes/{name}/stdin", text.encode())

    def follow(self, name: str, channel: str = "stdout") -> Iterator[bytes]:
        """The log of a program, as it grows; to be closed."""
        path = f"/v1/processes/{name}/log/{channel}?follow=1"
        with contextlib.closing(Client(f"unix://{self.socket}")) as client, client.stream("GET", path) as stream:
            yield from stream

    def wait_for(self, text: str, *, after: int = 0) -> int:
        """Read the log until a line holds the text; returns the number of lines up to there."""
        position = after
        deadline = time.monotonic() + PATIENCE
        while True:
            while position < len(self.lines):
                position += 1
                if text in self.lines[position - 1]:
                    return position
            if not self._read(deadline):
                raise AssertionError(f"no line with {text!r} in:\n" + "\n".join(self.lines))

    def _read(self, deadline: float) -> bool:
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        data = os.read(fd, 65536)
        if not data:
            return False
        *whole, self._rest = (self._rest + data).split(b"\n")
        self.lines += [line.decode("utf-8", "replace") for line in whole]
        return True

    def info(self, name: str) -> dict:
        return self.call("GET", f"/v1/processes/{name}")["processes"][0]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """SIGTERM, everything it still says, and its exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGTERM)
            try:
                self.wait()
            finally:
                self.process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()
        self._short.cleanup()
