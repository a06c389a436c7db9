"""`procmanctl upgrade`: the master executes new code in the same process, and programs do not notice.

First comes a rehearsal: a process of the new code reads the snapshot, and reports whether it understands it. Only then,
and if nothing is in progress that cannot be handed over, the master executes the new code. Its children stay its
children, and all pipes and listening sockets stay open; connections of clients end. On any doubt the old code goes on.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from procman.core.states import MasterState
from procman.daemon.handover import VARIABLE, to_file
from procman.errors import OperationFailed
from procman.logs.protocol import Log
from procman.runtime.command_runner import CommandRunner
from procman.runtime.ending import ending
from procman.runtime.engine import Engine
from procman.system.commands import CannotSpawn, Command
from procman.system.signals import STOP
from procman.system.spawn import LaunchSpec, Stdio

# How long an obstacle may last, and a rehearsal take, in seconds.
PATIENCE = 10.0
REHEARSAL = 30.0
# How long the answer to the client may take to leave, in seconds.
ANSWERED = 0.02
# Bytes of the output of a rehearsal, as many as a pipe holds. Its last line is what matters.
MOST_SAID = 65536

# None of them may arrive between the old code and the new: there would be no handler.
_SIGNALS = (*STOP, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD)

# A place in a traceback; "<frozen importlib._bootstrap>" does not help.
_PLACE = r' *File "([^<"][^"]*)", line (\d+)'


@dataclass(frozen=True, slots=True)
class Start:
    """How to execute this program again.

    `python -m` and a relative PYTHONPATH look for code where they are started, and a program's user may own the folder
    that the master stands in by now (`directory`). So it is executed where it was started.
    """

    argv: tuple[str, ...]
    folder: str

    @property
    def place(self) -> str:
        """That folder, or / if it is gone or may not be entered."""
        return self.folder if os.access(self.folder, os.X_OK) else "/"


def how_started() -> Start:
    """Must be called before the working folder is changed."""
    given = list(sys.orig_argv)
    for place, word in enumerate(given):
        if word == sys.argv[0] and os.path.exists(word):
            given[place] = os.path.abspath(word)
            break
    # Python finds its own environment by its name.
    argv = (sys.executable, *given[1:])
    try:
        return Start(argv, os.getcwd())
    except FileNotFoundError:
        return Start(argv, "/")


def stand_again(folder: int | None) -> None:
    """Go on in the folder that a master stood in before it executed this, by its descriptor; older ones have none."""
    if folder is not None:
        os.fchdir(folder)
        os.close(folder)


class Upgrade:
    """The upgrades of one run of a master."""

    def __init__(
        self,
        engine: Engine,
        log: Log,
        commands: CommandRunner,
        start: Start,
        *,
        number: int,
        obstacle: Callable[[], str | None],
        snapshot: Callable[[], dict[str, Any]],
        environment: Callable[[], Mapping[str, str]],
        deliver: Callable[[], None],
        hold: Callable[[], str | None],
        go_on: Callable[[], None],
        hold_checks: Callable[[], None],
        check_again: Callable[[], None],
        leaving: Callable[[], None],
    ) -> None:
        """Take what it needs from others.

        Args:
            engine: what drives the processes.
            log: the master's own.
            commands: runs the rehearsal.
            start: what is executed, and where.
            number: which upgrade it would be.
            obstacle: why the new code could not go on from here just now, or None. It is asked again after
                each notification, and each `nudge` of the bus.
            snapshot: all that is to be handed over.
            environment: the variables that the master has taken out of its environment.
            deliver: handles the signals that have been noted.
            hold: pauses all writing between two pieces, or returns why that is not possible.
            go_on: ends that.
            hold_checks: lets no command begin that checks a program, and interrupts those that run.
            check_again: ends that.
            leaving: is called right before the end of this code.
        """
        self._engine = engine
        self._log = log
        self._commands = commands
        self._start = start
        self._obstacle = obstacle
        self._snapshot = snapshot
        self._environment = environment
        self._deliver = deliver
        self._hold = hold
        self._go_on = go_on
        self._hold_checks = hold_checks
        self._check_again = check_again
        self._leaving = leaving
        self._number = number
        self._under_way = False

    async def prepare(self) -> int:
        """Rehearse it, and carry it out right after the answer, which is the number of this upgrade.

        Raises OperationFailed with the reason why not.
        """
        if self._under_way:
            self._refuse("another upgrade is under way")
        self._under_way = True
        self._hold_checks()
        try:
            await self._settle()
            await self._rehearse()
            await self._settle()  # what has begun meanwhile
        except BaseException:
            self._under_way = False
            self._check_again()
            raise
        asyncio.get_running_loop().call_later(ANSWERED, self._execute)
        return self._number

    def _refuse(self, reason: str) -> NoReturn:
        self._log.warn(f"not upgraded: {reason}; everything goes on as it was")
        raise OperationFailed(f"cannot upgrade: {reason}; everything goes on as it was")

    def _in_the_way(self) -> str | None:
        if self._engine.fleet.state is not MasterState.RUNNING:
            return "procman is shutting down"
        if not self._engine.is_quiet:
            return "programs are still being started for the first time"
        return self._obstacle()

    async def _settle(self) -> None:
        bus = self._engine.bus
        if not self._engine.is_quiet:
            self._engine.caught_up().add_done_callback(lambda _: bus.nudge())
        reason: str | None = None

        def nothing_in_the_way() -> bool:
            nonlocal reason
            reason = self._in_the_way()
            return reason is None

        if not await bus.until(nothing_in_the_way, PATIENCE):
            assert reason is not None
            self._refuse(reason)

    async def _rehearse(self) -> None:
        try:
            file = to_file(self._snapshot())
        except (TypeError, ValueError, OSError) as error:
            self._refuse(f"this cannot be handed over ({error})")
        argv, place = self._start.argv, self._start.place
        environment = {os.fsencode(name): os.fsencode(value) for name, value in self._env(f"{file} check").items()}
        rehearsal = LaunchSpec(
            name="the new code",
            command=Command(argv[0], list(argv)),
            environment=environment,
            directory=place,
            stdin=Stdio.NULL,
            stdout=Stdio.NULL,
            pass_fds=(file,),
            spare_fds=0,
        )
        try:
            result = await self._commands.run(rehearsal, within=REHEARSAL, most_output=MOST_SAID)
        except CannotSpawn as why:
            reason = why.__cause__.strerror if isinstance(why.__cause__, OSError) else why
            self._refuse(f"the new code cannot be executed ({reason})")
        finally:
            os.close(file)
        if result.how is None:
            self._refuse("the new code does not answer")
        said = result.output.decode(errors="replace").strip()
        if not result.succeeded:
            self._refuse(_last_words(said) or f"the new code fails ({ending(result.how)})")

    def _execute(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self._deliver()
        reason = self._in_the_way() or self._hold()
        fds: list[int] = []
        here: int | None = None
        if reason is None:
            try:
                here = _folder_we_stand_in()
                snapshot = self._snapshot()
                file = to_file({**snapshot, "here": here})
                fds = [file, *snapshot["descriptors"], *([] if here is None else [here])]
                for fd in fds:
                    os.set_inheritable(fd, True)
                self._leaving()
                if here is not None:
                    os.chdir(self._start.place)
                argv, env = self._start.argv, self._env(str(fds[0]))
                os.execve(argv[0], argv, env)  # noqa: S606 - that is the purpose
            except (OSError, TypeError, ValueError) as error:
                reason = str(error)
        for fd in fds:
            os.set_inheritable(fd, False)
        if fds:
            os.close(fds[0])
        if here is not None:
            os.fchdir(here)
            os.close(here)
        self._go_on()
        self._check_again()
        self._under_way = False
        self._log.critical(f"not upgraded: {reason}; everything goes on as it was")
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _env(self, value: str) -> dict[str, str]:
        return {**os.environ, **self._environment(), VARIABLE: value}


def _folder_we_stand_in() -> int | None:
    """A descriptor of it, as it may have been removed; None if this user may not enter it.

    That is so if root has started the master in its home, with `user=`. No code is found there either.
    """
    try:
        return os.open(".", os.O_PATH | os.O_DIRECTORY)
    except PermissionError:
        return None


def _last_words(said: str) -> str:
    """The last line; of a traceback, with the place of the error."""
    lines = said.splitlines()
    places = [found for line in lines if (found := re.match(_PLACE, line))]
    if not places:
        return lines[-1] if lines else ""
    return f"{lines[-1]} ({places[-1][1]}, line {places[-1][2]})"
