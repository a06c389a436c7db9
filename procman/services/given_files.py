"""What programs are given from files, and which variables of the master they get: names and paths, never a value."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from procman.config.schema.options import options_of, shown
from procman.config.schema.programs import Program
from procman.core.fleet import Fleet
from procman.runtime.definitions import program_of
from procman.services.selectors import ALL, Narrowable, Selectors

_NAMES = ("env_file", "env_from", "credentials", "environment_inherit", "environment_unset", "user_env")
_OPTIONS = {name: known for name, known in options_of(Program).items() if name in _NAMES}


@dataclass(frozen=True, slots=True)
class GivenToProcess:
    """Of one process."""

    namespec: str
    options: Mapping[str, str]  # that are set, as a file has them
    variables: tuple[str, ...]  # the names of those that its present run has from files


class GivenFiles(Narrowable):
    """Reads them when somebody asks."""

    def __init__(self, fleet: Fleet, names: Callable[[str], Iterable[str]]) -> None:
        """`names` has the variables that the run of a namespec was given from files."""
        self._fleet = fleet
        self._names = names
        self._selectors = Selectors(fleet)

    def of(self, spec: str) -> list[GivenToProcess]:
        """Of those that are meant and have any, in the order in which they start; raises UnknownProcess."""
        meant = self._selectors.matching(spec)
        if spec != ALL and not meant:
            raise self._selectors.unknown(spec)
        found = []
        for process in meant:
            options = shown(program_of(process.program), _OPTIONS)
            if options:
                variables = self._names(process.name) if process.pid is not None else ()
                found.append(GivenToProcess(process.name, options, tuple(sorted(variables))))
        return found
