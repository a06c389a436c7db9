"""`drift`: what running programs have otherwise than a start now would give them. An optional feature.

That is their options, what they are given from files, and their binaries. Only names are told, never a value.
"""

from collections.abc import Callable
from dataclasses import dataclass

from procman.core.process import Process
from procman.core.spec import ProgramTemplate
from procman.runtime.definitions import program_of
from procman.services.explain_config import Definitions
from procman.services.explain_parts import Parts
from procman.services.selectors import ALL
from procman.system.binary_drift import Binary, look_at_binary


@dataclass(frozen=True, slots=True)
class Drift:
    """One process that runs."""

    name: str  # namespec
    pid: int
    options: tuple[str, ...]  # that the file has otherwise now; of variables their names
    is_gone: bool  # the file has no such process any more
    variables: tuple[str, ...]  # whose files have other values now
    credentials: tuple[str, ...]
    trouble: str  # why it could not be started now
    binary: Binary

    @property
    def has_any(self) -> bool:
        """Whether anything differs."""
        return bool(
            self.options
            or self.is_gone
            or self.variables
            or self.credentials
            or self.trouble
            or self.binary.sentence
            or self.binary.libraries
        )


@dataclass(frozen=True, slots=True)
class DriftAnswer:
    """Those that were looked at; and why the configuration could not be."""

    drifts: tuple[Drift, ...]
    file_problems: tuple[str, ...]
    scaled: tuple[ProgramTemplate, ...] = ()  # programs with another number of processes than the file says


async def drifts(parts: Parts, spec: str, may: Callable[[str], bool] | None = None) -> DriftAnswer:
    """Look at the running processes that `spec` names; raises UnknownProcess."""
    fleet = parts.engine.fleet
    table = parts.processes.among(may)
    if table.is_active(spec) and spec not in fleet.processes:
        spec = f"{spec}:*"
    names = [status.namespec for status in table.statuses(spec)]
    config, problems = await parts.master.look_at_file()
    definitions = Definitions(config if config is not None else parts.configuration.config)
    found = []
    for name in names:
        process = fleet.processes.get(name)
        if process is not None and process.pid is not None:
            found.append(await _drift(parts, process, process.pid, definitions))
    programs = {process.program.program for name in names if (process := fleet.processes.get(name)) is not None}
    scaled = (one for one in parts.configuration.config.templates if one.numprocs != one.file_numprocs)
    meant = tuple(one for one in scaled if one.program in programs or (spec == ALL and may is None))
    return DriftAnswer(tuple(found), tuple(problems), meant)


async def _drift(parts: Parts, process: Process, pid: int, definitions: Definitions) -> Drift:
    program = program_of(process.program)
    differences = await parts.engine.sources.differences(program)
    binary = await parts.engine.sources.look(lambda: look_at_binary(pid), Binary())
    return Drift(
        process.name,
        pid,
        definitions.changed(program),
        definitions.is_gone(program),
        differences.variables,
        differences.credentials,
        differences.trouble,
        binary,
    )
