"""Carries out the core's looks whether a process is ready: one at a time for each process, `LONGEST` seconds at most.

A look ends with its process's STARTING: its answer would be void.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace

from procman.config.schema.kinds.readiness import target_of
from procman.config.schema.programs import Program
from procman.core.actions import Announce, Probe, ProcessRemoved
from procman.core.events import ProbeResult
from procman.core.fleet import Fleet
from procman.core.spec import ReadyKind
from procman.core.states import TRANSITIONS, State
from procman.runtime.bus import Interest, Notification
from procman.runtime.command_runner import CommandRunner
from procman.runtime.definitions import program_of
from procman.runtime.process_trees import Trees
from procman.system.commands import CannotSpawn
from procman.system.proc import CannotLook
from procman.system.shell_split import split_words
from procman.system.spawn import LaunchSpec

# Shorter than what the core waits for an answer.
LONGEST = 3.0
# So many commands run at the same time, of all programs.
MOST_COMMANDS = 16


class Probes:
    """Subscribe `hear` to the bus."""

    hears: tuple[Interest, ...] = (*TRANSITIONS[State.STARTING], ProcessRemoved)

    def __init__(
        self,
        fleet: Fleet,
        trees: Trees,
        commands: CommandRunner,
        *,
        launch: Callable[[Program], LaunchSpec],
        post: Callable[[ProbeResult], None],
    ) -> None:
        """What it looks at.

        Args:
            fleet: only read.
            trees: of all processes.
            commands: runs what exec: names.
            launch: how to start a command that is not the program's own; raises CannotSpawn.
            post: takes the answers.
        """
        self._fleet = fleet
        self._trees = trees
        self._commands = commands
        self._launch = launch
        self._post = post
        self._looks: dict[str, tuple[Probe, asyncio.Task[None]]] = {}
        self._room = asyncio.Semaphore(MOST_COMMANDS)

    def look(self, order: Probe) -> None:
        """Look, and post what comes of it; the same look that is under way goes on."""
        known = self._looks.get(order.name)
        if known is not None and known[0] == order:
            return
        self.forget(order.name)
        task = asyncio.get_running_loop().create_task(self._look(order))
        self._looks[order.name] = order, task

    def forget(self, name: str) -> None:
        """Nobody waits for the answer any more."""
        known = self._looks.pop(name, None)
        if known is not None:
            known[1].cancel()

    def hear(self, notification: Notification) -> None:
        """End the look of a process that is not STARTING any more."""
        match notification.event:
            case Announce(name=name, before=State.STARTING) | ProcessRemoved(name=name):
                self.forget(name)
            case _:
                pass

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen at this moment: commands that look are given up, and have to end first."""
        running = [name for name, (order, _) in self._looks.items() if order.condition.kind is ReadyKind.EXEC]
        for name in running:
            self.forget(name)
        return "a command that looks whether a program is ready has just been given up" if running else None

    def close(self) -> None:
        """End all looks."""
        for name in list(self._looks):
            self.forget(name)

    async def _look(self, order: Probe) -> None:
        words = ""
        try:
            ok, words = await self._answer(order)
        except TimeoutError:
            ok, words = False, f"no answer within {LONGEST:g} s"
        except (OSError, CannotLook, ValueError) as error:
            ok, words = False, str(error)
        known = self._looks.get(order.name)
        if known is not None and known[0] == order:
            del self._looks[order.name]
            label = _label(order)
            self._post(ProbeResult(order.name, order.run, order.number, ok, f"{label} {words}" if words else label))

    async def _answer(self, order: Probe) -> tuple[bool, str]:
        # A whole feature: most masters have no such condition, and h11 comes after the boot.
        from procman.runtime import probe_looks  # noqa: PLC0415

        program, target = program_of(self._fleet.processes[order.name].program), target_of(order.condition)
        if order.condition.kind is ReadyKind.EXEC:
            return await self._run(program, target.command)
        tree = self._trees.tree_of(order.name)
        root, tag = (None, None) if tree is None else (tree.root, tree.tag)
        async with asyncio.timeout(LONGEST):
            match order.condition.kind:
                case ReadyKind.TCP | ReadyKind.UNIX:
                    return await probe_looks.connects(target)
                case ReadyKind.HTTP | ReadyKind.HTTP_UNIX:
                    return await probe_looks.answers(target, program.probe_http_status)
                case ReadyKind.LISTEN:
                    return await probe_looks.listens(target, root, tag)
                case ReadyKind.FILE if root is not None:
                    return await probe_looks.is_newer(target.path, root.start)
                case _:
                    return False, "cannot be looked at"

    async def _run(self, program: Program, command: str) -> tuple[bool, str]:
        """A command of the program: with its user, directory and environment."""
        async with self._room:
            try:
                spec = self._launch(replace(program, command=command, redirect_stderr=True))
                result = await self._commands.run(spec, within=LONGEST, most_output=0)
            except CannotSpawn as why:
                return False, str(why)
        if result.how is None:
            return False, f"did not end within {LONGEST:g} s"
        if result.how.signal is not None:
            return False, f"was killed by signal {result.how.signal}"
        return result.how.code == 0, f"exit status {result.how.code}"


def _label(order: Probe) -> str:
    """What the words are about; of a command only its name, as its arguments may be secret."""
    text = order.condition.text
    if order.condition.kind is not ReadyKind.EXEC:
        return text.partition("?")[0]
    try:
        return f"exec:{os.path.basename(split_words(target_of(order.condition).command)[0])}"
    except (ValueError, IndexError):
        return "exec"
