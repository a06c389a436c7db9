"""Runs the commands of hooks: as their program would run, with their output in its logs.

- A command belongs to its program and is not the program's process: it has a tag, a process group and pipes of its own.
- At its end, whatever it has started is killed, but for what a post_start leaves behind where leftovers are kept.
- Of each process one runs at a time, beside those of on_failure: the next one begins when one that was killed has gone.
- The core has the deadlines. What was killed on its order answers nothing more.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from procman.config.schema.programs import Program
from procman.core.actions import EndHook, RunHook
from procman.core.attribution import Origin
from procman.core.events import ExitStatus, HookEnded
from procman.core.fleet import Fleet
from procman.core.spec import Hook, Leftovers
from procman.core.states import MasterState
from procman.logs.lines import last_lines
from procman.runtime.bus import HookRan
from procman.runtime.children import Children
from procman.runtime.definitions import program_of
from procman.runtime.hook_environment import hook_environment
from procman.runtime.hook_words import short_command
from procman.runtime.ledger import Ledger
from procman.runtime.process_trees import Trees
from procman.system.commands import CannotSpawn
from procman.system.proc import Identity, identify
from procman.system.reaper import Reaped
from procman.system.signals import signal_name
from procman.system.spawn import Child, LaunchSpec, Stdio, spawn
from procman.system.tree import TAG, Tree, kill_tree

# So many of the last lines of one that has failed are kept, from so many bytes, and so much of each.
LINES = 20
_KEPT = 16384
_LONGEST_LINE = 300
# The exit status of a shell that cannot execute a command, or cannot find it.
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127


class HookOutputs(Protocol):
    """Where their output goes."""

    def attach_hook(self, name: str, program: Program, child: Child, hear: Callable[[bytes], None]) -> None:
        """A command has started: take its pipes; `hear` gets a copy."""

    def hook_ended(self, name: str, pid: int) -> None:
        """It has ended: its pipes contain the last output."""


@dataclass(eq=False, slots=True)
class _Running:
    """One command that was started."""

    order: RunHook
    program: Program
    tag: str
    child: Child
    root: Identity | None
    began: float
    ended_for: str = ""  # it was killed on the core's order, for that
    late: bool = False  # as its time was over
    tail: bytearray = field(default_factory=bytearray)  # the end of its output


class Hooks:
    """Those of one master."""

    def __init__(
        self,
        fleet: Fleet,
        trees: Trees,
        outputs: HookOutputs,
        *,
        children: Children,
        ledger: Ledger,
        launch: Callable[[Program], LaunchSpec],
        tell: Callable[[HookRan, HookEnded | None], None],
        oom: Callable[[str, int, ExitStatus], bool] = lambda _name, _pid, _status: False,
        ready: Callable[[RunHook, Program], bool] = lambda _order, _program: True,
        masked: Callable[[str, str], str] = lambda _name, text: text,
    ) -> None:
        """What it needs of others.

        Args:
            fleet: only read.
            trees: of all processes.
            outputs: take the output.
            children: the registry of what runs.
            ledger: records them for the next master.
            launch: how to start a command of a program; raises CannotSpawn.
            tell: takes what has become of a command, and the answer for the core, if it still wants one.
            oom: whether the process of that namespec and pid has ended for want of memory.
            masked: takes what the process of a namespec was given from files out of a text.
            ready: whether all is read that the command gets; `go_on` is called when that may have changed.
        """
        self._fleet = fleet
        self._trees = trees
        self._outputs = outputs
        self._children = children
        self._ledger = ledger
        self._launch = launch
        self._tell = tell
        self._oom = oom
        self._ready = ready
        self._masked = masked
        self._running: list[_Running] = []
        self._waiting: deque[tuple[RunHook, Origin]] = deque()

    def carry_out(self, order: RunHook | EndHook, origin: Origin) -> None:
        """Run a command as soon as no other one of its process runs, or kill it."""
        if isinstance(order, EndHook):
            self._end(order)
            return
        self._waiting.append((order, origin))
        self.go_on()

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen at this moment."""
        one = next(iter(self._running), None)
        return None if one is None else f"{one.order.hook.value} of {one.order.name} runs"

    def close(self) -> None:
        """Kill all that run: the master ends."""
        self._waiting.clear()
        for one in self._running:
            self._kill(one)
        self._running.clear()

    # ---- one of them

    def go_on(self) -> None:
        """Start those that need not wait any more."""
        for entry in list(self._waiting):
            order, origin = entry
            process = self._fleet.processes.get(order.name)
            if process is not None and not self._ready(order, program_of(process.program)):
                continue
            if not any(self._is_in_the_way(one.order, order) for one in self._running):
                self._waiting.remove(entry)
                self._start(order, origin)

    @staticmethod
    def _is_in_the_way(running: RunHook, order: RunHook) -> bool:
        return running.name == order.name and (running.hook is Hook.ON_FAILURE) is (order.hook is Hook.ON_FAILURE)

    def _start(self, order: RunHook, origin: Origin) -> None:
        process = self._fleet.processes.get(order.name)
        if process is None:
            return
        program = program_of(process.program)
        tag = self._trees.tag(order.name)
        try:
            self._ledger.hook_starting(order.name, order.hook.value, tag)
            child = spawn(self._spec(order, program, tag, origin))
        except CannotSpawn as why:
            self._ledger.hook_ended(tag)
            code = _NOT_FOUND if why.not_found else _NOT_EXECUTABLE
            ran = self._ran(order, str(why), code, 0.0, ())
            answer = HookEnded(order.name, order.number, ok=False, words=str(why), code=code)
            asyncio.get_running_loop().call_soon(self._tell, ran, answer)
            return
        one = _Running(order, program, tag, child, _identify(child.pid), asyncio.get_running_loop().time())
        self._running.append(one)
        self._children.command_started(child, partial(self._ended, one))
        self._outputs.attach_hook(order.name, program, child, partial(_keep, one.tail))

    def _spec(self, order: RunHook, program: Program, tag: str, origin: Origin) -> LaunchSpec:
        uid = None if order.command.as_master else program.uid
        command = replace(program, command=order.command.text, uid=uid)
        if order.command.as_master:  # it sees the file system as the master does
            command = replace(command, private_tmp=None, read_only_paths=(), read_write_paths=(), inaccessible_paths=())
        try:
            spec = self._launch(command)
        except CannotSpawn:
            if order.hook is not Hook.ON_FAILURE or not program.is_given:
                raise
            # What could not be read may be why it has failed, and that is what somebody is to be told.
            spec = self._launch(replace(command, env_file=(), env_from=(), credentials=(), user_env=False))
        if order.hook is Hook.ON_FAILURE:
            # The run is over; and what this command leaves in its /tmp is not for the next one.
            spec = replace(spec, namespace=None)
        status = order.status
        oom = order.by_itself and status is not None and self._oom(order.name, order.pid, status)
        ending = self._fleet.state is not MasterState.RUNNING
        told = hook_environment(order, origin, ending=ending, oom=oom)
        added = {os.fsencode(name): os.fsencode(value) for name, value in {**told, TAG: tag}.items()}
        return replace(spec, environment={**spec.environment, **added}, stdin=Stdio.NULL)

    def _end(self, order: EndHook) -> None:
        self._waiting = deque(
            entry for entry in self._waiting if (entry[0].name, entry[0].number) != (order.name, order.number)
        )
        for one in self._running:
            if (one.order.name, one.order.number) == (order.name, order.number):
                if not one.ended_for:
                    one.ended_for, one.late = order.reason, order.late
                self._kill(one)

    def _kill(self, one: _Running) -> None:
        kill_tree(one.child.pid, None if one.root is None else Tree(one.root, one.tag))

    def _ended(self, one: _Running, how: Reaped) -> None:
        order = one.order
        # Its last words come before the news of its end.
        self._outputs.hook_ended(order.name, one.child.pid)
        keeps = order.hook is Hook.POST_START and one.program.leftovers is Leftovers.KEEP and not one.ended_for
        if one.root is not None and not keeps:
            self._trees.kill_rest(Tree(one.root, one.tag))
        if one not in self._running:
            return  # the master ends
        self._running.remove(one)
        self._ledger.hook_ended(one.tag)
        code = 128 + how.signal if how.signal is not None else how.code if how.known else 1
        said = last_lines(bytes(one.tail), LINES, _LONGEST_LINE)
        lines = tuple(self._masked(order.name, line) for line in said)
        words = self._words(order, how)
        took = asyncio.get_running_loop().time() - one.began
        ran = self._ran(order, (one.ended_for and f"was killed: {one.ended_for}") or words, code, took, lines)
        ran = replace(ran, broken_off=bool(one.ended_for) and not one.late)
        answer = HookEnded(
            order.name, order.number, ok=code == 0, words=words, said=lines[-1] if lines else "", code=code
        )
        self._tell(ran, None if one.ended_for else answer)
        self.go_on()

    @staticmethod
    def _words(order: RunHook, how: Reaped) -> str:
        name = short_command(order.command)
        if not how.known:
            return f"{name} has ended"
        if how.signal is not None:
            return f"{name} was killed by {signal_name(how.signal)}"
        return f"{name} exited {how.code}"

    @staticmethod
    def _ran(order: RunHook, words: str, code: int, seconds: float, lines: tuple[str, ...]) -> HookRan:
        ok = code == 0
        return HookRan(
            name=order.name,
            hook=order.hook,
            command=short_command(order.command),
            ok=ok,
            ignored=not ok and order.command.may_fail,
            words=words,
            code=code,
            seconds=seconds,
            lines=() if ok else lines,
        )


def _keep(tail: bytearray, data: bytes) -> None:
    tail += data
    del tail[:-_KEPT]


def _identify(pid: int) -> Identity | None:
    """None without /proc or a free descriptor: then only its process group is found."""
    try:
        return identify(pid)
    except OSError:
        return None
