"""Which options decide about a process, where each was set, and what the file says differently by now."""

from typing import Any

from procman.config.diff import PROGRAM
from procman.config.schema.configuration import Config
from procman.config.schema.master import Master
from procman.config.schema.options import options_of
from procman.config.schema.programs import Program
from procman.config.settings import origin_of
from procman.core.process import Process
from procman.runtime.definitions import program_of
from procman.services.explain_facts import Setting

MASTER = "supervisord"


class Definitions:
    """The file as it was last read."""

    def __init__(self, config: Config) -> None:
        """It is only read."""
        self._config = config
        self._read = {program.namespec: program for group in config.groups for program in group.programs}
        self._folder = config.here

    def setting(self, process: Process, option: str) -> Setting:
        """An option of the process, as it goes by it."""
        program = program_of(process.program)
        value = getattr(program, option)
        read = self._read.get(process.name)
        if read is not None and getattr(read, option) != value:
            return Setting(option, _shown(PROGRAM, option, value), "earlier", place="before the file was changed")
        return self._placed(option, _shown(PROGRAM, option, value), program.section)

    def priority(self, process: Process, priority: int) -> Setting:
        """The priority of its group."""
        found = self._placed("priority", str(priority), f"group:{process.program.group}")
        return found if found.file else self._placed("priority", str(priority), program_of(process.program).section)

    def of_master(self, option: str, value: object) -> Setting:
        """An option of the master."""
        return self._placed(option, _shown(options_of(Master), option, value), MASTER)

    def defined(self, program: Program) -> str:
        """Where its command stands; "": in no file."""
        placed = self._placed("command", "", program.section)
        return placed.place if placed.file is not None and program.namespec in self._read else ""

    def is_gone(self, program: Program) -> bool:
        """Whether the file has no such process any more."""
        return program.namespec not in self._read

    def changed(self, program: Program) -> tuple[str, ...]:
        """The options in which the file differs from what the process goes by; of variables their names."""
        read = self._read.get(program.namespec)
        if read is None or read is program:
            return ()
        return tuple(
            text
            for option in PROGRAM
            if getattr(read, option) != getattr(program, option)
            for text in _named(option, getattr(program, option), getattr(read, option))
        )

    def _placed(self, option: str, shown: str, section: str) -> Setting:
        origin = origin_of(self._config, section, option)
        file, line = origin["file"], origin["line"]
        place = origin["source"] if file is None else f"{self._short(file)}:{line}" if line else self._short(file)
        return Setting(option, shown, origin["source"], file, line, place)

    def _short(self, file: str) -> str:
        """Relative to the main file's folder, where it is below that."""
        below = f"{self._folder.rstrip('/')}/"
        return file.removeprefix(below) if self._folder else file


def _shown(table: Any, option: str, value: object) -> str:
    return "none" if value is None else str(table[option].kind.show(value))


def _named(option: str, before: object, after: object) -> list[str]:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [option]
    return [f"{option} {key}" for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
