"""Reads a file of tests: `[program.NAME]` has what is assumed, `[test.NAME]` what happens and what is expected.

The content comes parsed; every mistake in it is a `Problem` with its line.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from procman.config.problems import Problem
from procman.config.spelling import did_you_mean
from procman.errors import BadRequest
from procman.simulator.expectations import EXPECTATIONS, Check, Failure, outcome_of
from procman.simulator.notation import (
    HAPPENINGS,
    OPTIONS,
    Behaviour,
    Given,
    clock_of,
    processes_named,
    read_behaviour,
    read_given,
    seconds_of,
)
from procman.simulator.scenario import Scenario, Simulation, simulate

Lines = Mapping[tuple[str, ...], int]
Path = tuple[str, ...]

_OTHERS = ("about", "until", "seed", "clock", "program")
_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of a test."""

    name: str
    line: int | None
    check: Check


@dataclass(slots=True)
class Case:
    """One test."""

    name: str
    line: int | None
    about: str = ""
    given: list[Given] = field(default_factory=list)
    assumed: dict[str, Behaviour] = field(default_factory=dict)
    until: float | None = None
    clock: float | None = None
    seed: int = 0
    expectations: list[Expectation] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has come of one test."""

    case: Case
    simulation: Simulation
    failures: tuple[tuple[Expectation | None, Failure], ...]  # None: what was given could not happen

    @property
    def passed(self) -> bool:
        """Is everything as expected?"""
        return not self.failures


def read_tests(
    content: Mapping[str, Any], lines: Lines, file: str, known: Mapping[str, Collection[str]]
) -> tuple[list[Case], list[Problem]]:
    """The tests of a file, and its problems; `known` has the processes of each group of the configuration."""
    reader = _Reader(lines, file, known)
    for name, value in content.items():
        if name not in ("test", "program") or not isinstance(value, dict):
            reader.complain(
                (name,),
                f"there is no such section{did_you_mean(name, ('test', 'program'))}: expected [test.NAME] or "
                "[program.NAME]",
            )
    common = reader.assumptions(("program",), content.get("program", {}), {})
    tests = content.get("test", {})
    cases = [reader.case(name, value, common) for name, value in tests.items()] if isinstance(tests, dict) else []
    if not cases and not reader.problems:
        reader.complain((), "there is no test in it: write [test.NAME], and what is expected below")
    return cases, reader.problems


class _Reader:
    def __init__(self, lines: Lines, file: str, known: Mapping[str, Collection[str]]) -> None:
        self.problems: list[Problem] = []
        self._lines = lines
        self._file = file
        self._known = known

    def complain(self, path: Path, message: str) -> None:
        section, option = (path[:2], path[2:]) if len(path) > 1 else (path, ())
        self.problems.append(
            Problem(self._file, self._line(path), ".".join(section) or None, ".".join(option) or None, message)
        )

    def _line(self, path: Path) -> int | None:
        # A key of a table in one line may not have a line of its own.
        return next((self._lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._lines), None)

    def assumptions(self, path: Path, tables: Any, before: Mapping[str, Behaviour]) -> dict[str, Behaviour]:
        """What the tables of programs say, on top of what was said before."""
        found = dict(before)
        if not isinstance(tables, dict):
            self.complain(path, "expected tables: write [program.NAME]")
            return found
        for word, options in tables.items():
            try:
                names = processes_named(word, self._known)
                if not isinstance(options, dict):
                    raise BadRequest(f"expected a table: write [{'.'.join(path)}.{word}], and {_or(OPTIONS)} below")  # noqa: TRY301 - one kind of complaint
            except BadRequest as error:
                self.complain((*path, word), str(error))
                continue
            for option, value in options.items():
                try:
                    for name in names:
                        found[name] = read_behaviour(option, value, found.get(name, Behaviour()))
                except BadRequest as error:
                    self.complain((*path, word, option), str(error))
        return found

    def case(self, name: str, table: Any, common: Mapping[str, Behaviour]) -> Case:
        """One test."""
        path = ("test", name)
        case = Case(name, self._line(path), assumed=dict(common))
        if not isinstance(table, dict):
            self.complain(path, f"expected a table: write [test.{name}], and its lines below")
            return case
        before = len(self.problems)
        for key, value in table.items():
            try:
                self._take(case, key, value)
            except BadRequest as error:
                self.complain((*path, key), str(error))
        if not case.expectations and len(self.problems) == before:
            self.complain(path, f"nothing is expected: write {_or(tuple(EXPECTATIONS))}")
        return case

    def _take(self, case: Case, key: str, value: Any) -> None:
        if key in EXPECTATIONS:
            check = EXPECTATIONS[key](value, self._known)
            case.expectations.append(Expectation(key, self._line(("test", case.name, key)), check))
            return
        what = next((one for one in HAPPENINGS if one == key), None)
        if what is not None:
            for text in value if isinstance(value, list) else [value]:
                case.given += read_given(what, text, self._known)
            return
        match key:
            case "about":
                case.about = str(value)
            case "until":
                case.until = seconds_of(value)
            case "clock":
                case.clock = clock_of(value)
            case "seed" if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_SEED:
                case.seed = value
            case "seed":
                raise BadRequest(f"cannot read {value!r}: expected a number from 0 to {_LARGEST_SEED}")
            case "program":
                case.assumed = self.assumptions(("test", case.name, "program"), value, case.assumed)
            case _:
                every = (*HAPPENINGS, *EXPECTATIONS, *_OTHERS)
                meant = did_you_mean(key, every) or f"; there are {', '.join(every)}"
                raise BadRequest(f"there is no such line in a test{meant}")


def run_case(case: Case, scenario: Scenario) -> Verdict:
    """Simulate it; `scenario` has the configuration."""
    simulation = simulate(
        replace(
            scenario, given=tuple(case.given), assumed=case.assumed, until=case.until, clock=case.clock, seed=case.seed
        )
    )
    oneshots = {program.namespec for program in scenario.programs if program.is_oneshot}
    outcome = outcome_of(simulation, oneshots)
    failures: list[tuple[Expectation | None, Failure]] = [(None, Failure(words)) for words in simulation.impossible]
    failures += [(one, failure) for one in case.expectations for failure in one.check(outcome)]
    return Verdict(case, simulation, tuple(failures))


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
