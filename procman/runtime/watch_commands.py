"""Runs the commands of watch_action=exec:…, one at a time for a process, with their output in its logs."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from procman.config.schema.programs import Program
from procman.core.actions import RunWatchCommand
from procman.core.fleet import Fleet
from procman.runtime.definitions import program_of
from procman.runtime.hooks import HookOutputs
from procman.runtime.looks import Looks
from procman.system.spawn import Child

# How long a command may take, in seconds: it may well build something.
LONGEST = 600.0


class WatchCommands:
    """Those of one run of the master."""

    def __init__(self, fleet: Fleet, looks: Looks, outputs: HookOutputs, remark: Callable[[str], object]) -> None:
        """`fleet` is only read; `remark` takes a line about a command that has not succeeded."""
        self._fleet = fleet
        self._looks = looks
        self._outputs = outputs
        self._remark = remark
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, RunWatchCommand] = {}  # what has changed while one runs

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen at this moment."""
        name = next(iter(self._under_way), None)
        return None if name is None else f"the command of watch_action of {name} runs"

    def run(self, order: RunWatchCommand) -> None:
        """Run it; if that of an earlier change has not ended, afterwards."""
        if order.name in self._under_way:
            self._again[order.name] = order
            return
        task = asyncio.get_running_loop().create_task(self._run(order))
        self._under_way[order.name] = task
        task.add_done_callback(lambda _: self._ended(order.name))

    def close(self) -> None:
        """End all of it."""
        self._again.clear()
        for task in self._under_way.values():
            task.cancel()

    def _ended(self, name: str) -> None:
        del self._under_way[name]
        if (order := self._again.pop(name, None)) is not None and name in self._fleet.processes:
            self.run(order)

    async def _run(self, order: RunWatchCommand) -> None:
        program = program_of(self._fleet.processes[order.name].program)
        told = {"PROCMAN_CHANGED": order.words, "PROCMAN_PID": str(order.pid)}
        spec = replace(program, environment={**program.environment, **told})
        try:
            take = partial(self._take, program)
            ok, words = await self._looks.run(spec, program.watch_action.command, within=LONGEST, take=take)
        except TimeoutError:
            ok, words = False, f"did not end within {LONGEST:g} s and was killed"
        if not ok:
            self._remark(f"{order.name}: the command of watch_action has failed: {words}")

    def _take(self, program: Program, child: Child) -> Callable[[], object]:
        name = program.namespec
        self._outputs.attach_hook(name, program, child, lambda _: None)
        return lambda: self._outputs.hook_ended(name, child.pid)
