"""How a client names processes: "web", "group:name", "group:*", "all", or a glob such as "web*"."""

from collections.abc import Callable
from copy import copy
from fnmatch import fnmatchcase
from typing import Self

from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.errors import BadRequest, UnknownProcess
from procman.services.explain_texts import names

ALL = "all"
_GLOB = "*?["


def split_namespec(namespec: str) -> tuple[str, str | None]:
    """("group", "name"); the name is None for "group:*" and "group:"."""
    group, colon, name = namespec.partition(":")
    if not colon:
        return namespec, namespec
    return group, None if name in ("", "*") else name


def names_it(spec: str, namespec: str) -> bool:
    """Whether a spec names the process of that namespec."""
    group, _, name = namespec.rpartition(":")
    return selects(spec, group or name, name)


def is_plain(spec: str) -> bool:
    """Whether it names exactly one process."""
    return spec != ALL and split_namespec(spec)[1] is not None and not any(char in spec for char in _GLOB)


def selects(spec: str, group: str, name: str) -> bool:
    """Whether it names that process of that group; the same rules as `Selectors.matching`."""
    if spec == ALL:
        return True
    wanted_group, wanted = split_namespec(spec)
    if wanted is None:
        return wanted_group == group
    if is_plain(spec):
        return (wanted_group, wanted) == (group, name)
    namespec = name if group == name else f"{group}:{name}"
    return fnmatchcase(namespec, spec) or fnmatchcase(f"{group}:{name}", spec)


class Narrowable:
    """A service that has fewer processes for clients that may not know of all, or not use all."""

    _selectors: "Selectors"

    def among(self, may: Callable[[str], bool] | None) -> Self:
        """The same service, to which only processes that `may` takes, by namespec, exist; None: all do."""
        if may is None:
            return self
        service = copy(self)
        service._narrow(may)  # noqa: SLF001 - it is a copy of this one
        return service

    def _narrow(self, may: Callable[[str], bool]) -> None:
        self._selectors = self._selectors.among(may)


class Selectors:
    """Finds the processes of a fleet."""

    def __init__(self, fleet: Fleet, may: Callable[[str], bool] | None = None) -> None:
        """`fleet` may change between the calls. Processes that `may` does not take, by namespec, are not there."""
        self._fleet = fleet
        self._may = may

    def among(self, may: Callable[[str], bool]) -> "Selectors":
        """The same with only the processes that `may` takes, by namespec."""
        return Selectors(self._fleet, may)

    def matching(self, spec: str) -> list[Process]:
        """All that it names, in the order in which they start; none where there is no such process or group."""
        found = self._matching(spec)
        return found if self._may is None else [process for process in found if self._may(process.name)]

    def _matching(self, spec: str) -> list[Process]:
        if spec == ALL:
            return list(self._fleet.in_start_order())
        group, name = split_namespec(spec)
        if name is None:
            members = self._fleet.groups.get(group)
            return list(members.processes.values()) if members else []
        if is_plain(spec):
            process = self._find(group, name)
            return [process] if process else []
        return [
            process
            for process in self._fleet.in_start_order()
            if selects(spec, process.program.group, process.program.name)
        ]

    def one(self, spec: str) -> Process:
        """The one process of that name; raises UnknownProcess."""
        group, name = split_namespec(spec)
        process = self._find(group, name) if name is not None else None
        if process is None or (self._may is not None and not self._may(process.name)):
            raise UnknownProcess(spec)
        return process

    def only(self, spec: str) -> Process:
        """The one process that it names; raises UnknownProcess, or BadRequest if there are several."""
        found = self.matching(spec)
        if not found:
            raise self.unknown(spec)
        if len(found) > 1:
            raise BadRequest(f"{spec} is {names([one.name for one in found])}: name one of them")
        return found[0]

    def unknown(self, spec: str) -> UnknownProcess:
        """The error for a spec that names nothing; for a group without its `:*` it says so."""
        if ":" not in spec and self.matching(f"{spec}:*"):
            return UnknownProcess(f"no such process: {spec} is a group, and {spec}:* names what is in it")
        return UnknownProcess(f"no such process or group: {spec}")

    def _find(self, group: str, name: str) -> Process | None:
        members = self._fleet.groups.get(group)
        # A program whose process_name differs is "group:name", so the key follows from both.
        return members.processes.get(group if group == name else f"{group}:{name}") if members else None
