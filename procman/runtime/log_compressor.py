"""Has rotated logs compressed by a helper process, one at a time; `logs.log_keeper` gives it the jobs.

The helper gets two open files and no path. It runs as the master's user, and ends by itself: one that outlives its
master writes a file that nobody finishes, and the next master begins it anew.
"""

import os
import signal
import sys
from collections.abc import Callable

import procman
from procman.logs.rotated_files import ToCompress
from procman.runtime.children import Children
from procman.runtime.ending import ending
from procman.runtime.helper_process import register
from procman.system.commands import CannotSpawn, Command
from procman.system.reaper import Reaped
from procman.system.signals import send
from procman.system.spawn import Child, LaunchSpec, Stdio, spawn
from procman.system.tree import TAG

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(procman.__file__)), "compressor", "compress.py")
_MOST_SAID = 4096  # bytes, as much as it complains at most


class LogCompressor:
    """Of one master."""

    def __init__(self, children: Children, tag: Callable[[], str], script: str = _SCRIPT) -> None:
        """`tag` makes a tag for each helper (see `system.tree`)."""
        self._children = children
        self._tag = tag
        self._script = script
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Of the helper, while there is one."""
        return None if self._child is None else self._child.pid

    def begin(self, job: ToCompress, on_end: Callable[[str | None], None]) -> None:
        """Begin; `on_end` gets None, or why it has failed."""
        try:
            child = self._child = spawn(self._launch(job))
        except CannotSpawn as why:
            on_end(str(why))
            return

        def reaped(how: Reaped) -> None:
            self._child = None
            on_end(_why_not(child, how))

        self._children.command_started(child, reaped)

    def leave(self, pid: int) -> None:
        """One of another image of this process is still there: it ends by itself, and is taken for no orphan."""
        register(self._children, pid)

    def end(self) -> None:
        """End what is under way."""
        if self._child is not None:
            send(self._child.pid, signal.SIGKILL, as_group=False)

    def _launch(self, job: ToCompress) -> LaunchSpec:
        flags = ["-P"]
        if sys.flags.ignore_environment:
            flags.append("-E")
        if sys.flags.no_user_site:
            flags.append("-s")
        words = [sys.executable, *flags, self._script, job.method, str(job.source), str(job.target)]
        return LaunchSpec(
            name="procman's compressor",
            command=Command(sys.executable, words),
            environment={**os.environb, TAG.encode(): self._tag().encode()},
            stdin=Stdio.NULL,
            stdout=Stdio.NULL,
            pass_fds=(job.source, job.target),
            spare_fds=0,
        )


def _why_not(child: Child, how: Reaped) -> str | None:
    """None if it has succeeded."""
    said = ""
    if child.stderr is not None:
        try:
            said = os.read(child.stderr, _MOST_SAID).decode(errors="replace").strip()
        except OSError:
            pass
        os.close(child.stderr)
    if how.known and how.signal is None and how.code == 0:
        return None
    return said.rpartition("\n")[2] or ending(how)
