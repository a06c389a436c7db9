"""Scenarios in which programs depend on each other: those of `scenarios`, with edges that never make a circle."""

from dataclasses import replace
from random import Random

from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.events import Event, GroupChanged, StartRequested
from procman.core.spec import Edge
from tests.simulation.fake_kernel import Scenario
from tests.simulation.scenarios import MEMBERS, Imagination

CONDITIONS = ("ready", "ready", "ready", "started", "exited")


def dependency_scenario(random: Random) -> Scenario:
    """Something that may happen in half a minute to programs that depend on each other."""
    return DependentPrograms(random).scenario()


class DependentPrograms(Imagination):
    """Programs with edges between them."""

    def _program(self, group: str, name: str) -> Program:
        program = super()._program(group, name)
        return replace(program, **self._ties(program.namespec))

    def _ties(self, namespec: str) -> dict:
        """Edges to what comes before it, by name of the group and number of the member."""
        below = [name for name in sorted(self._behaviours) if _rank(name) < _rank(namespec)]
        count = min(len(below), self._pick(0, 1, 1, 2, 3))
        names = {self._pick(*below) for _ in range(count)}
        return {
            "depends_on": tuple(
                Edge(name, self._pick(*CONDITIONS), self._chance(0.2), (name,)) for name in sorted(names)
            ),
            "depends_timeout": self._pick(None, None, None, 0.5, 4),
            "on_dependency_restart": self._pick(("ignore", 0), ("restart", 0), ("restart", 0), ("signal", 1)),
            "on_dependency_stop": self._pick("ignore", "stop"),
        }

    def _master(self) -> Master:
        return replace(super()._master(), start_concurrency=self._pick(None, None, None, 1, 2))

    def _change(self) -> Event:
        event = super()._change()
        assert isinstance(event, GroupChanged)
        programs = tuple(
            replace(program, **self._ties(program.namespec)) if self._chance(0.3) else program
            for program in event.group.programs
        )
        group = replace(event.group, programs=programs)
        if group.name in self._config:
            self._config[group.name] = group
        return GroupChanged(group, event.replace)

    def _request(self, *kinds) -> Event:
        event = super()._request(*kinds)
        if isinstance(event, StartRequested) and self._chance(0.2):
            return replace(event, alone=True)
        return event


def _rank(namespec: str) -> tuple[str, int]:
    group, _, name = namespec.partition(":")
    return group, MEMBERS.index(name) if name else -1
