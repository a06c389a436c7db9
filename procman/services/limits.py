"""The limits of each process: what its definition sets, what was left out, and what its cgroup counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from procman.config.schema.limits import LimitedProcess
from procman.config.schema.options import options_of, shown
from procman.config.schema.programs import Program
from procman.core.fleet import Fleet
from procman.runtime.definitions import program_of
from procman.runtime.process_trees import Trees
from procman.services.selectors import ALL, Narrowable, Selectors
from procman.system.cgroup_limits import CgroupUse, use_of

# Those that only say how another one works.
_SUBORDINATE = frozenset({"memory_measure", "memory_interval", "max_age_jitter"})
_OPTIONS = {
    name: known
    for name, known in options_of(LimitedProcess).items()
    if name in LimitedProcess.__annotations__ and name not in _SUBORDINATE
}


@dataclass(frozen=True, slots=True)
class LimitsOfProcess:
    """All about the limits of one process."""

    namespec: str
    options: Mapping[str, str]  # that are set, as a file has them
    left_out: tuple[str, ...]  # what could not be set for its present or its last run, with the reasons
    cgroup: str  # the folder of its own cgroup; "": it has none
    use: CgroupUse | None  # what that counts; None: there is none
    measured: int | None  # bytes, as memory_restart has found them last


class Limits(Narrowable):
    """Reads them when somebody asks."""

    def __init__(self, fleet: Fleet, trees: Trees, left_out: Callable[[str], tuple[str, ...]]) -> None:
        """`left_out` has what could not be set, by namespec."""
        self._fleet = fleet
        self._trees = trees
        self._left_out = left_out
        self._selectors = Selectors(fleet)

    def of(self, spec: str) -> list[LimitsOfProcess]:
        """Of those that are meant and have any, in the order in which they start; raises UnknownProcess."""
        meant = self._selectors.matching(spec)
        if spec != ALL and not meant:
            raise self._selectors.unknown(spec)
        found = []
        for process in meant:
            program = program_of(process.program)
            options = options_set(program)
            if not options:
                continue
            tree = self._trees.tree_of(process.name)
            folder = (tree.cgroup if tree is not None else None) or ""
            found.append(
                LimitsOfProcess(
                    process.name,
                    options,
                    self._left_out(process.name),
                    folder,
                    use_of(folder) if folder else None,
                    process.wear.used if process.pid is not None else None,
                )
            )
        return found


def options_set(program: Program) -> dict[str, str]:
    """The limits of a program, as a file has them."""
    return shown(program, _OPTIONS)
