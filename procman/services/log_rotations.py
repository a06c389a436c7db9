"""When the log files of each process are rotated, and how that went."""

from collections.abc import Mapping
from dataclasses import dataclass

from procman.config.schema.options import options_of, shown
from procman.config.schema.programs import Program
from procman.core.fleet import Fleet
from procman.runtime.definitions import program_of
from procman.runtime.written_output import LogFiles, WrittenOutput
from procman.services.metrics.counters import Counters
from procman.services.metrics.process_counts import RotationCounts
from procman.services.selectors import ALL, Narrowable, Selectors

_ALWAYS = ("maxbytes", "backups")
_BESIDES = ("rotate", "compress", "max_age", "max_total", "name")
_OPTIONS = options_of(Program)


@dataclass(frozen=True, slots=True)
class RotationsOfLog:
    """Of the files of one channel of a process."""

    namespec: str
    files: LogFiles
    options: Mapping[str, str]  # as a file has them, without what stands for the channel in their names
    counts: RotationCounts


class LogRotations(Narrowable):
    """Reads them when somebody asks."""

    def __init__(self, fleet: Fleet, written: WrittenOutput, counters: Counters) -> None:
        """`written` has the files that are open, `counters` what has become of them."""
        self._fleet = fleet
        self._written = written
        self._counters = counters
        self._selectors = Selectors(fleet)

    def of(self, spec: str) -> list[RotationsOfLog]:
        """Those of the processes that are meant, in the order in which these start; raises UnknownProcess."""
        meant = self._selectors.matching(spec)
        if spec != ALL and not meant:
            raise self._selectors.unknown(spec)
        return [
            RotationsOfLog(
                process.name,
                files,
                _options(program_of(process.definition), files.channel),
                self._counters.of(process.name).rotations.get(files.channel, RotationCounts()),
            )
            for process in meant
            for files in self._written.files(process.name)
        ]


def _options(program: Program, channel: str) -> dict[str, str]:
    prefix = f"{channel}_logfile_"
    always = {name: _OPTIONS[prefix + name].kind.show(getattr(program, prefix + name)) for name in _ALWAYS}
    besides = shown(program, {prefix + name: _OPTIONS[prefix + name] for name in _BESIDES})
    return {**{name.removeprefix(prefix): value for name, value in besides.items()}, **always}
