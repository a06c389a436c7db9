"""A master with the test's own programs, asked over its socket; its log is the sequence of events to wait for."""

import contextlib
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from types import TracebackType

from procman.client.api_client import ApiError, Client
from tests.support import namespaces
from tests.support.log_lines import PATIENCE
from tests.support.master_process import Master


def python(code: str) -> str:
    """A command line that runs this Python code unbuffered, in one line, as INI needs it.

    It can import the standard library and procman, and skips the search for installed packages. Unbuffered, `print`
    writes the end of its line apart: who needs the line in one piece has to write it with `os.write`.
    """
    return shlex.join([sys.executable, "-Su", "-c", f"exec({code!r})"]).replace("%", "%%")


SLEEPER = "sleep 1000"
STUBBORN = python(
    "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'armed\\n'); time.sleep(1000)"
)
# Counts, one number per line, and prints "end" after SIGTERM, between two lines so that each is whole.
COUNTER = python(
    "import itertools, signal, time\nasked = []\nsignal.signal(signal.SIGTERM, lambda *_: asked.append(1))\n"
    "for number in itertools.count():\n print(number, flush=True)\n if asked: break\n time.sleep(0.05)\n"
    "print('end', flush=True)"
)
# Exits with 3 on SIGUSR1, from the moment at which it says "armed".
OBEDIENT = python(
    "import os, signal, sys, time\nsignal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))\nos.write(1, b'armed\\n')\n"
    "time.sleep(1000)"
)


class RunningMaster(Master):
    """Started with an INI file that names its socket; `write` changes the programs in it."""

    def __init__(
        self,
        folder: Path,
        programs: str,
        *,
        master: str = "",
        arguments: tuple[str, ...] = (),
        as_pid_1: bool = False,
        wrapper: tuple[str, ...] = (),
        cwd: Path | None = None,
        **environ: str,
    ) -> None:
        if as_pid_1:
            namespaces.as_pid_1()  # before there is anything to remove
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
        super().__init__(self.file, *arguments, cwd=cwd, as_pid_1=as_pid_1, wrapper=wrapper, **environ)

    def write(self, programs: str) -> None:
        self.file.write_text(self._head + programs)

    def wait_for(self, text: str, *, after: int = 0) -> int:
        """Read the log until a line contains the text; return how many lines there are then, for `after` next time."""
        position = after
        deadline = time.monotonic() + PATIENCE
        while True:
            while position < len(self.lines):
                position += 1
                if text in self.lines[position - 1]:
                    return position
            assert self._read(deadline), f"ended without a line with {text!r}:\n{self.text}"

    def call(self, method: str, path: str, body: object = None) -> dict:
        with contextlib.closing(Client(f"unix://{self.socket}")) as client:
            return client.call(method, path, body)

    def has_written(self, name: str) -> None:
        """Wait until the program's log has everything that followers have seen of it.

        Followers and listeners may get output before it is in the log; a client that gets an answer finds it there.
        """
        self.call("POST", f"/v1/processes/{name}/signal", {"signal": "CONT"})
        # The answer does not wait long for the thread of a disk, which may get no turn for a while; who reads does.
        with contextlib.closing(Client(f"unix://{self.socket}")) as client:
            for channel in ("stdout", "stderr"):
                with contextlib.suppress(ApiError):  # it has no such log
                    client.exchange("GET", f"/v1/processes/{name}/log/{channel}?tail=1")

    def say(self, name: str, text: str) -> None:
        """Write to the stdin of a program."""
        with contextlib.closing(Client(f"unix://{self.socket}")) as client:
            client.exchange("POST", f"/v1/processes/{name}/stdin", text.encode())

    def follow(self, name: str, channel: str = "stdout") -> Generator[bytes]:
        """The log of a program as it grows; to be closed."""
        path = f"/v1/processes/{name}/log/{channel}?follow=1"
        with contextlib.closing(Client(f"unix://{self.socket}")) as client, client.stream("GET", path) as stream:
            yield from stream

    def hear(self, name: str, text: str, channel: str = "stdout") -> None:
        """Wait until the program has written this text: with startsecs=0 it is RUNNING before it has begun to run."""
        heard = b""
        with contextlib.closing(self.follow(name, channel)) as output:
            while text.encode() not in heard:
                heard += next(output)

    def info(self, name: str) -> dict:
        return self.call("GET", f"/v1/processes/{name}")["processes"][0]

    def close(self) -> None:
        self.__exit__(None, None, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._short.cleanup()
