"""Other numbers of processes than the file says: `procmanctl scale web=4`. It is an update of that number alone."""

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from procman.config.diff import GroupChange
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.numbers import MOST_PROCESSES
from procman.core.actions import AnnounceRolling
from procman.core.attribution import Actor
from procman.core.spec import ProgramTemplate
from procman.errors import BadRequest, OperationFailed, Reason, UnknownProcess, WrongState
from procman.runtime.engine import Engine
from procman.services.configuration import ConfigService
from procman.services.master import MasterService
from procman.services.operations import Operation
from procman.services.rolling_words import operation_of, why_stopped
from procman.services.update_service import UpdateService
from procman.services.updates import Update

_ASKED = re.compile(r"(?P<program>[^=+]*?)(?:=|(?P<sign>[+-]))(?P<number>\d{1,7})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scale:
    """A program whose number of processes can be changed."""

    program: str
    numprocs: int
    in_file: int
    most: int | None  # numprocs_max
    processes: tuple[str, ...]  # namespecs, as they are now


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, such as web=4 or web+1."""

    program: str
    sign: str
    number: int

    @classmethod
    def read(cls, text: str) -> "Wish":
        """Raises BadRequest."""
        found = _ASKED.fullmatch(text.strip())
        if found is None or not found["program"]:
            raise BadRequest(f"cannot read {text[:40]}: expected a program and a number, such as web=4, web+1 or web-1")
        return cls(found["program"], found["sign"] or "", int(found["number"]))

    def number_from(self, present: int) -> int:
        """How many there are to be."""
        if not self.sign:
            return self.number
        return max(0, present + self.number if self.sign == "+" else present - self.number)


class ScaleService:
    """Scales programs, one at a time."""

    def __init__(
        self, engine: Engine, master: MasterService, configuration: ConfigService, updates: UpdateService
    ) -> None:
        """`configuration` reads the file, and no one of the `updates` is carried out meanwhile."""
        self._engine = engine
        self._updates = updates
        self._fleet = engine.fleet
        self._master = master
        self._configuration = configuration
        self.operations = master.operations

    def scales(self) -> list[Scale]:
        """Of all programs that may have several processes, as the file was last read."""
        config = self._configuration.config
        return [self._scale(template) for template in config.templates if is_scalable(template)]

    def one(self, program: str) -> Scale:
        """Of one program; raises UnknownProcess."""
        return self._scale(template_of(self._configuration.config, program))

    def begin(self, wish: Wish, actor: Actor | None = None) -> Operation:
        """It ends when what leaves has stopped; with restart_strategy=rolling, one leaves after the other."""
        self._master.refuse_while_ending()
        scale = self.one(wish.program)
        number = wish.number_from(scale.numprocs)
        template = template_of(self._configuration.config, wish.program)
        _refuse(template, number)
        rolling = self._fleet.rollings.by_program.get(wish.program)
        if rolling is not None and rolling.is_unfinished:
            what = "is under way" if rolling.state == "going" else "has stopped"
            text = f"a rolling restart of it {what}{operation_of(rolling.operation)}"
            raise WrongState(f"cannot scale {wish.program}: {text}", Reason.ROLLING)
        operation = self.operations.begin("scale", [f"{wish.program}={number}"], actor)

        async def work() -> None:
            def numbers(now: ProgramTemplate) -> Iterable[int]:
                _refuse(now, number)
                leave_in_turn = self._is_rolling(wish.program) and number < now.numprocs
                return range(now.numprocs - 1, number - 1, -1) if leave_in_turn else [number]

            ends = await self._carry_out(operation, wish.program, numbers)
            stopped = [text for end in ends if (text := why_stopped(await end))]
            if stopped:
                raise OperationFailed("; ".join(stopped), Reason.ROLLING)
            operation.accept()

        self.operations.do(operation, work())
        return operation

    async def _carry_out(
        self, operation: Operation, program: str, numbers: Callable[[ProgramTemplate], Iterable[int]]
    ) -> list[asyncio.Future[AnnounceRolling]]:
        rolling: list[asyncio.Future[AnnounceRolling]] = []
        configuration = self._configuration
        async with self._updates.confirming.one_at_a_time:
            self._updates.confirming.refuse()
            config = await configuration.look()
            template = template_of(config, program)
            pending = {change.name for change in configuration.difference_from(config).changed}
            if template.group in pending:
                group = template.group
                text = f"the file has other changes of {group}, which are not active: procmanctl update {group} first"
                raise WrongState(f"cannot scale {program}: {text}", Reason.FAILED)
            for number in numbers(template):
                config = await configuration.scale(template, number)
                difference = configuration.difference_from(config)
                update = Update(self._engine, config, difference, operation.steps.extend, operation.origin)
                # What depends on the program depends on all of its present processes.
                dependents = {change.name for change in difference.changed if _is_of_dependents(change)} - pending
                await update.run({template.group, *dependents})
                rolling += update.rolling
            configuration.drop_scales()
        return rolling

    def _is_rolling(self, program: str) -> bool:
        return any(
            process.program.program == program and process.program.restart_strategy == "rolling"
            for process in self._fleet.processes.values()
        )

    def _scale(self, template: ProgramTemplate) -> Scale:
        return Scale(
            template.program,
            template.numprocs,
            template.file_numprocs,
            template.numprocs_max,
            tuple(one.name for one in self._fleet.processes.values() if one.program.program == template.program),
        )


def template_of(config: Config, program: str) -> ProgramTemplate:
    """What the processes of a program are made of; raises UnknownProcess."""
    for template in config.templates:
        if template.program == program:
            return template
    raise UnknownProcess(f"no such program: {program}")


def is_scalable(template: ProgramTemplate) -> bool:
    """Whether its processes can be told apart."""
    return "%(process_num)" in template.process_name


# The other two are implied for an event listener that a program needs ready.
_OF_EDGES = frozenset({"depends_on", "ready", "start_timeout"})


def _is_of_dependents(change: GroupChange) -> bool:
    """Whether nothing but their dependencies differs, which is changed in place."""
    if change.options or change.programs_added or change.programs_removed:
        return False
    return all(_OF_EDGES.issuperset(program.options) for program in change.programs_changed)


def _refuse(template: ProgramTemplate, number: int) -> None:
    if not is_scalable(template):
        text = "its processes could not be told apart: set process_name = %(program_name)s_%(process_num)02d"
        raise WrongState(f"cannot scale {template.program}: {text}", Reason.FAILED)
    most = MOST_PROCESSES if template.numprocs_max is None else template.numprocs_max
    if number > most:
        text = f"numprocs_max is {most}" if template.numprocs_max is not None else f"no machine has more than {most}"
        raise WrongState(f"cannot scale {template.program} to {number}: {text}", Reason.FAILED)
