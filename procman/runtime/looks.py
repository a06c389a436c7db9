"""How a condition of a program is looked at: a connection, a request, a command. The looks of readiness and of health.

Commands are helpers of their program: they run as its user, in its directory, and are killed as a tree when their time
is over. Of all programs together, `most_commands` run at the same time. While procman is being replaced by new code, no
look has one running: what was interrupted for that begins again, here or there.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from procman.config.schema.kinds.readiness import target_of
from procman.config.schema.programs import Program
from procman.core.spec import Condition, ReadyKind
from procman.logs.lines import last_line
from procman.runtime.command_runner import CommandRunner, TakePipes
from procman.runtime.process_trees import Trees
from procman.system.commands import CannotSpawn
from procman.system.proc import CannotLook
from procman.system.shell_split import split_words
from procman.system.spawn import LaunchSpec

# Of the output of a command that fails, so many bytes are read back, and so many characters of the last line are told.
MOST_OUTPUT = 4096
LONGEST_LINE = 200


class Seen(NamedTuple):
    """What one look has shown."""

    ok: bool
    words: str  # with what was looked at, such as "tcp:5432 refused"
    timed_out: bool = False


class Looks:
    """Makes looks on the running loop."""

    def __init__(
        self,
        trees: Trees,
        commands: CommandRunner,
        *,
        launch: Callable[[Program], LaunchSpec],
        most_commands: int,
        mask: Callable[[str, str], str] = lambda _, text: text,
        on_quiet: Callable[[], object] = lambda: None,
    ) -> None:
        """What it looks with.

        Args:
            trees: of all processes.
            commands: runs what exec: names.
            launch: how to start a command that is not the program's own; raises CannotSpawn.
            most_commands: how many of them run at the same time.
            mask: gets a namespec and a text, and returns that without secrets.
            on_quiet: is called when no command of a look runs any more.
        """
        self._trees = trees
        self._commands = commands
        self._launch = launch
        self._mask = mask
        self._on_quiet = on_quiet
        self._room = asyncio.Semaphore(most_commands)
        self._may_begin = asyncio.Event()
        self._may_begin.set()
        self._commands_of_looks: set[asyncio.Task[tuple[bool, str]]] = set()
        self.failing: dict[str, str] = {}  # by namespec: each look at it fails, and why

    async def look(self, program: Program, condition: Condition, *, within: float) -> Seen:
        """Whether the condition holds for the process of that definition; it raises nothing but CancelledError."""
        label = label_of(condition)
        if (why := self.failing.get(program.namespec)) is not None:
            return Seen(ok=False, words=f"{label} {why}")
        try:
            ok, words = await self._answer(program, condition, within)
        except TimeoutError:
            what = "did not end" if condition.kind is ReadyKind.EXEC else "no answer"
            return Seen(ok=False, words=f"{label} {what} within {within:g} s", timed_out=True)
        except (OSError, CannotLook, ValueError) as error:
            ok, words = False, str(error)
        return Seen(ok, f"{label} {words}" if words else label)

    def hold(self) -> None:
        """Let no command of a look begin until `go_on`, and interrupt those that run."""
        self._may_begin.clear()
        for task in self._commands_of_looks:
            task.cancel()

    def go_on(self) -> None:
        """Begin again what was interrupted, and what has waited."""
        self._may_begin.set()

    @property
    def is_held(self) -> bool:
        """Between `hold` and `go_on`."""
        return not self._may_begin.is_set()

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen at this moment: a command of a look was interrupted, and has not ended yet."""
        return "a command that checks a program is being ended" if self.is_held and self._commands_of_looks else None

    async def run(
        self,
        program: Program,
        command: str,
        *,
        within: float,
        take: TakePipes | None = None,
        leaves_nothing: bool = False,
    ) -> tuple[bool, str]:
        """Run a command of the program, with its user, directory and environment; TimeoutError if it takes longer.

        `take` has its output; without it, the last line is in the words of a failure. With `leaves_nothing`, what it
        has started ends with it.
        """
        async with self._room:
            try:
                merged = take is None or program.redirect_stderr
                spec = self._launch(replace(program, command=command, redirect_stderr=merged))
                result = await self._commands.run(
                    spec, within=within, most_output=MOST_OUTPUT, take=take, leaves_nothing=leaves_nothing
                )
            except CannotSpawn as why:
                return False, str(why)
        if result.how is None:
            raise TimeoutError
        if result.succeeded:
            return True, f"exit status {result.how.code}"
        how = result.how
        words = f"exit status {how.code}" if how.signal is None else f"was killed by signal {how.signal}"
        line = self._mask(program.namespec, last_line(result.output))[:LONGEST_LINE]
        return False, f"{words}: {line}" if line else words

    async def _run_between_holds(self, program: Program, command: str, within: float) -> tuple[bool, str]:
        while True:
            await self._may_begin.wait()
            task = asyncio.create_task(self.run(program, command, within=within, leaves_nothing=True))
            self._commands_of_looks.add(task)
            try:
                return await task
            except asyncio.CancelledError:
                me = asyncio.current_task()
                if me is not None and me.cancelling():
                    raise  # nobody wants the answer any more
            finally:
                self._commands_of_looks.discard(task)
                if not self._commands_of_looks:
                    self._on_quiet()

    async def _answer(self, program: Program, condition: Condition, within: float) -> tuple[bool, str]:
        # A whole feature: most masters have no such condition, and h11 comes after the boot.
        from procman.runtime import probe_looks  # noqa: PLC0415

        target = target_of(condition)
        if condition.kind is ReadyKind.EXEC:
            return await self._run_between_holds(program, target.command, within)
        async with asyncio.timeout(within):
            match condition.kind:
                case ReadyKind.TCP | ReadyKind.UNIX:
                    return await probe_looks.connects(target)
                case ReadyKind.HTTP | ReadyKind.HTTP_UNIX:
                    return await probe_looks.answers(target, program.probe_http_status)
            tree = self._trees.tree_of(program.namespec)
            root, tag = (None, None) if tree is None else (tree.root, tree.tag)
            match condition.kind:
                case ReadyKind.LISTEN:
                    return await probe_looks.listens(target, root, tag)
                case ReadyKind.FILE if root is not None:
                    return await probe_looks.is_newer(target.path, root.start)
                case _:
                    return False, "cannot be looked at"


def label_of(condition: Condition) -> str:
    """What the words are about; of a command only its name, as its arguments may be secret."""
    text = condition.text
    if condition.kind is not ReadyKind.EXEC:
        return text.partition("?")[0]
    try:
        return f"exec:{os.path.basename(split_words(target_of(condition).command)[0])}"
    except (ValueError, IndexError):
        return "exec"
