"""The names of the processes and groups of a file, for sections that are about some of them."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.groups import Group


class Names:
    """The names of all processes and groups, as a section may write them."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups: set[str] = set()
        self.processes: set[str] = set()
        self._by_short: dict[str, str] = {}  # a process without its group
        for group in groups:
            self.groups.add(group.name)
            for program in group.programs:
                whole = f"{program.group}:{program.name}"
                self.processes |= {program.namespec, whole}
                self._by_short.setdefault(program.name, whole)

    def have(self, spec: str) -> bool:
        """Whether it names one of them; the rules are those of procmanctl."""
        if spec == "all" or spec in self.processes:
            return True
        if spec.endswith((":", ":*")):
            return _group_of(spec) in self.groups
        return any(char in spec for char in "*?[") and any(fnmatchcase(name, spec) for name in self.processes)

    def meant_by(self, spec: str) -> str | None:
        """The whole name of something that is called so."""
        return f"{spec}:*" if spec in self.groups else self._by_short.get(spec)

    def hint(self, reading: OptionReader, spec: str) -> str:
        """What a message says of a name that nothing has."""
        whole = self.meant_by(spec)
        meant = f"; did you mean {whole}?" if whole else self._similar(reading, spec)
        return meant or ": correct it, or take it out"

    def _similar(self, reading: OptionReader, spec: str) -> str:
        if spec.endswith((":", ":*")):
            return reading.did_you_mean(_group_of(spec), lambda: self.groups).replace("?", ":*?")
        return reading.did_you_mean(spec, lambda: sorted(self.processes))


def _group_of(spec: str) -> str:
    return spec.removesuffix("*").removesuffix(":")
