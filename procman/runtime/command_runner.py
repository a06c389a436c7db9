"""Runs helper commands of the master, with a time-out that kills the whole tree, and bounded output.

A command runs with the environment, user and directory of its LaunchSpec. It is registered with the children, so that
it is reaped like all others and not taken for an orphan.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from signal import SIGKILL

from procman.runtime.children import Children
from procman.system.proc import identify
from procman.system.reaper import Reaped
from procman.system.signals import send
from procman.system.spawn import Child, LaunchSpec, spawn
from procman.system.tree import TAG, Tree, kill_tree

# Takes the pipes of a command, and returns what is called when it has ended.
TakePipes = Callable[[Child], Callable[[], object]]

_READ = 65536
# As much as a pipe can still contain when the command has ended.
_READS_AT_END = 16


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command."""

    how: Reaped | None  # None: it was killed at the time-out
    output: bytes  # the end of what it wrote to its pipes

    @property
    def succeeded(self) -> bool:
        """Whether it ended in time with exit status 0."""
        return self.how is not None and self.how.code == 0


class CommandRunner:
    """Runs commands on the running loop."""

    def __init__(self, children: Children, tag: Callable[[], str]) -> None:
        """`tag` makes a new tag for each command, by which its descendants are found."""
        self._children = children
        self._tag = tag

    async def run(
        self,
        spec: LaunchSpec,
        *,
        within: float,
        most_output: int,
        take: TakePipes | None = None,
        leaves_nothing: bool = False,
    ) -> CommandResult:
        """Run it to its end; raises CannotSpawn.

        After `within` seconds, or when the caller is cancelled, the command and its descendants get SIGKILL. The last
        `most_output` bytes of its output are kept, or `take` has all of it. With `leaves_nothing`, what is left of its
        process group when it has ended gets SIGKILL, too: a look at all processes would cost more than the command.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Reaped] = loop.create_future()
        tag = self._tag()
        child = spawn(replace(spec, environment={**spec.environment, TAG.encode(): tag.encode()}))
        self._children.command_started(child, lambda how: None if ended.done() else ended.set_result(how))
        root = identify(child.pid)
        output = bytearray()
        with _reading(child, output, most_output) if take is None else _taken(child, take):
            try:
                async with asyncio.timeout(within):
                    how = await ended
                    if leaves_nothing:
                        # A group keeps its number as long as it has members.
                        send(child.pid, SIGKILL, as_group=True)
            except TimeoutError:
                how = None
            finally:
                if not ended.done() or ended.cancelled():
                    kill_tree(child.pid, None if root is None else Tree(root, tag))
        return CommandResult(how, bytes(output))


@contextmanager
def _taken(child: Child, take: TakePipes) -> Iterator[None]:
    """Somebody else reads during the `with` block."""
    if child.stdin is not None:
        os.close(child.stdin)
    ended = take(child)
    try:
        yield
    finally:
        ended()


@contextmanager
def _reading(child: Child, output: bytearray, most: int) -> Iterator[None]:
    """Keep the end of its output during the `with` block."""
    loop = asyncio.get_running_loop()
    if child.stdin is not None:
        os.close(child.stdin)
    pipes = [fd for fd in (child.stdout, child.stderr) if fd is not None]
    for fd in pipes:
        loop.add_reader(fd, partial(_read, loop, fd, output, most))
    try:
        yield
    finally:
        for fd in pipes:
            reads = 0
            while reads < _READS_AT_END and _read(loop, fd, output, most):
                reads += 1
            loop.remove_reader(fd)
            os.close(fd)


def _read(loop: asyncio.AbstractEventLoop, fd: int, output: bytearray, most: int) -> bool:
    """Read once; returns whether there may be more."""
    try:
        data = os.read(fd, _READ)
    except BlockingIOError:
        return False
    if not data:
        loop.remove_reader(fd)
        return False
    output += data
    del output[: max(0, len(output) - most)]
    return True
