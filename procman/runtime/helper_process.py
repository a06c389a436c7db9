"""A helper process of the master that answers lines on its stdin by lines on its stdout, in its own time.

It runs the code of this procman in another interpreter, as the master's user, with the master's environment and
directory, and with no descriptor but its three pipes. It is registered with the children, so that it is reaped like all
others and taken for no orphan; and it ends when its stdin does, so it does not outlive a master that is killed.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable

from procman.runtime.children import Children
from procman.runtime.ending import ending
from procman.system.commands import Command
from procman.system.reaper import Reaped
from procman.system.signals import send
from procman.system.spawn import Child, LaunchSpec, spawn
from procman.system.tree import TAG

_READ = 65536
# Bytes that wait for a helper which does not read, and of its complaints that are kept.
MOST_UNWRITTEN = 4 * 1024 * 1024
MOST_COMPLAINTS = 4096
# Of a line that it answers.
LONGEST_LINE = 65536


class HelperProcess:
    """One life of it."""

    def __init__(
        self,
        module: str,
        children: Children,
        tag: str,
        *,
        on_line: Callable[[bytes], None],
        on_end: Callable[[str], None],
    ) -> None:
        """Start `module`, whose `main` is called; raises CannotSpawn.

        `on_line` gets each line of its answers; `on_end` is called once, when it was reaped, with how it ended and its
        last complaint.
        """
        self._loop = asyncio.get_running_loop()
        self._on_line, self._on_end = on_line, on_end
        self._unwritten = bytearray()
        self._answers = bytearray()
        self._complaints = bytearray()
        self._ended = False
        self._child = spawn(_launch(module, tag))
        children.command_started(self._child, self._reaped)
        for fd, read in ((self._child.stdout, self._read_answers), (self._child.stderr, self._read_complaints)):
            if fd is not None:
                self._loop.add_reader(fd, read)
        # By this it finds the same code as this process, wherever that came from.
        self.send(json.dumps([path for path in sys.path if os.path.isabs(path)]).encode())

    @property
    def pid(self) -> int:
        """Its own."""
        return self._child.pid

    @property
    def has_ended(self) -> bool:
        """It was reaped."""
        return self._ended

    def send(self, line: bytes) -> bool:
        """Write a line when it reads; False if too much waits for that, or it does not read any more."""
        if self._child.stdin is None or len(self._unwritten) + len(line) > MOST_UNWRITTEN:
            return False
        self._unwritten += line + b"\n"
        self._write()
        return True

    def end(self) -> None:
        """Let it end: it gets the end of its input."""
        self._close_stdin()

    def kill(self) -> None:
        """End it now."""
        self._close_stdin()
        if not self._ended:
            send(self._child.pid, signal.SIGKILL, as_group=False)

    def close(self) -> None:
        """Kill it, and hear nothing of it any more."""
        self._on_line, self._on_end = (lambda _: None), (lambda _: None)
        self.kill()
        self._close_outputs()

    # ---- its pipes

    def _write(self) -> None:
        fd = self._child.stdin
        if fd is None:
            return
        try:
            del self._unwritten[: os.write(fd, self._unwritten)]
        except BlockingIOError:
            pass
        except OSError:
            # It is about to be reaped, and that is told.
            self._close_stdin()
            return
        if self._unwritten:
            self._loop.add_writer(fd, self._write)
        else:
            self._loop.remove_writer(fd)

    def _read_answers(self) -> None:
        self._answers += self._read(self._child.stdout)
        *lines, rest = self._answers.split(b"\n")
        self._answers = rest[:LONGEST_LINE]
        for line in lines:
            self._on_line(bytes(line))

    def _read_complaints(self) -> None:
        self._complaints += self._read(self._child.stderr)
        del self._complaints[:-MOST_COMPLAINTS]

    def _read(self, fd: int | None) -> bytes:
        if fd is None:
            return b""
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(fd)
        return data

    def _close_stdin(self) -> None:
        if self._child.stdin is not None:
            self._loop.remove_writer(self._child.stdin)
            os.close(self._child.stdin)
            self._child.stdin = None
        self._unwritten.clear()

    def _close_outputs(self) -> None:
        for fd in (self._child.stdout, self._child.stderr):
            if fd is not None:
                self._loop.remove_reader(fd)
                os.close(fd)
        self._child.stdout = self._child.stderr = None

    def _reaped(self, how: Reaped) -> None:
        self._ended = True
        # Its last answers are in the pipe.
        self._read_answers()
        self._read_complaints()
        self._close_stdin()
        self._close_outputs()
        said = self._complaints.decode(errors="replace").strip().splitlines()
        self._on_end(ending(how) + (f": {said[-1].strip()}" if said else ""))


def register(children: Children, pid: int) -> None:
    """One that another image of this process has started is about to end; it is taken for no orphan."""
    children.command_started(Child(pid, None, None, None), lambda _: None)


def _launch(module: str, tag: str) -> LaunchSpec:
    # Not `-m`: what is first in the path of a new interpreter is another folder than here.
    code = f"import json, sys; sys.path[:] = json.loads(sys.stdin.readline()); import {module} as m; m.main()"
    flags = ["-P"]
    if sys.flags.ignore_environment:
        flags.append("-E")
    if sys.flags.no_user_site:
        flags.append("-s")
    return LaunchSpec(
        name="procman's helper",
        command=Command(sys.executable, [sys.executable, *flags, "-c", code]),
        environment={**os.environb, TAG.encode(): tag.encode()},
        spare_fds=0,
    )
