"""`procman simulate`: prints what a master would do with a configuration."""

import json
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from procman.cli.journal_text import record_words
from procman.cli.procman_commands.config_file import assumptions as assumed_machine
from procman.cli.procman_commands.config_file import config_file
from procman.cli.terminal_text import safe
from procman.config.load import load
from procman.config.schema.configuration import Config
from procman.config.stop_plan import show_duration, stop_plan
from procman.errors import BadRequest
from procman.simulator.notation import (
    HAPPENINGS,
    Behaviour,
    Given,
    clock_of,
    processes_named,
    read_behaviour,
    read_given,
    seconds_of,
)
from procman.simulator.scenario import Entry, Scenario, Simulation, assumptions, scenario_of
from procman.simulator.scenario import simulate as simulated

if TYPE_CHECKING:
    from procman.api.shapes.journal import JournalRecord

OK = 0
IMPOSSIBLE = 1
_LARGEST_SEED = 2**31 - 1

# Of lines that repeat themselves so often, or oftener, only the first rounds are shown.
_WORTH_FOLDING = 4
_SHOWN = 2
_LONGEST_ROUND = 12
_NUMBERS = re.compile(r"#\d+( <- #\d+)?$|pid \d+|try \d+")


def simulate(given: dict[str, str]) -> int:
    """Print the timeline; status 1 if something that was to happen could not."""
    config = load(config_file(given.get("configuration")), assume=assumed_machine(given.get("assume")))
    known = processes_of(config)
    scenario = scenario_of(
        config,
        given=_given(given, known),
        assumed=_assumed(given, known),
        until=_read("--until", seconds_of, given["until"]) if "until" in given else None,
        clock=_read("--clock", clock_of, given["clock"]) if "clock" in given else None,
        seed=_seed(given.get("seed", "0")),
    )
    result = simulated(scenario)
    if "json" in given:
        print(json.dumps(as_json(config, scenario, result)))
    else:
        _print(config, scenario, result)
    return IMPOSSIBLE if result.impossible else OK


def processes_of(config: Config) -> dict[str, list[str]]:
    """The namespecs of each group."""
    return {group.name: [program.namespec for program in group.programs] for group in config.groups}


def lines_of(entries: list[Entry], width: int) -> list[str]:
    """The lines of a timeline; names take `width` columns. What repeats itself is shown twice."""
    words = [safe(_words(entry, width)) for entry in entries]
    alike = [_NUMBERS.sub("", text) for text in words]
    lines: list[str] = []
    place = 0
    while place < len(entries):
        length, times = _repeated(alike, place)
        shown = place + length * min(times, _SHOWN)
        lines += [f"{entries[at].at:10.3f} s  {words[at]}" for at in range(place, shown)]
        place += length * times
        if times > _SHOWN:
            lines.append(f"{entries[place - 1].at:10.3f} s  … the last {length} lines {times - _SHOWN} times more")
    return lines


def _repeated(alike: list[str], place: int) -> tuple[int, int]:
    """How many lines from there on are repeated, and how often they stand there; 1, 1 if they are not."""
    for length in range(1, _LONGEST_ROUND + 1):
        times, at = 1, place + length
        first = alike[place:at]
        while len(first) == length and alike[at : at + length] == first:
            times, at = times + 1, at + length
        if times >= _WORTH_FOLDING:
            return length, times
    return 1, 1


def name_width(config: Config) -> int:
    """Columns for the names."""
    return min(24, max([len("procman"), *(len(name) for names in processes_of(config).values() for name in names)]))


def as_json(config: Config, scenario: Scenario, result: Simulation) -> dict[str, object]:
    """The whole simulation."""
    return {
        "file": config.file,
        "seed": scenario.seed,
        "assumed": assumptions(scenario),
        "records": [entry.to_json() for entry in result.entries],
        "states": result.states,
        "shutdown_at": None if result.by_itself else round(result.until, 3),
        "end": round(result.end, 3),
        "exit_status": result.exit_status,
        "impossible": result.impossible,
    }


def _print(config: Config, scenario: Scenario, result: Simulation) -> None:
    count = sum(1 for _ in scenario.programs)
    print(f"{config.file}: {count} {'process' if count == 1 else 'processes'}, simulated; nothing is run")
    for line in assumptions(scenario):
        print(f"assumed: {safe(line)}")
    width = name_width(config)
    print("\n".join(lines_of(result.entries[: result.shutdown], width)))
    why = f": {result.why}" if result.why else ""
    states = ", ".join(f"{name} {state}" for name, state in list(result.states.items())[:20])
    print(f"{result.until:10.3f} s  ---- {safe(states)}{why}")
    if not result.by_itself:
        most = show_duration(stop_plan(config).needed)
        print(f"{result.until:10.3f} s  ---- the shutdown begins; by its plan it may take {most} at most")
    for line in lines_of(result.entries[result.shutdown :], width):
        print(line)
    if result.exit_status is not None:
        took = f"; the shutdown took {result.end - result.until:.3f} s" if not result.by_itself else ""
        print(f"{result.end:10.3f} s  ---- the master ends with exit status {result.exit_status}{took}")
    sys.stdout.flush()
    for text in result.impossible:
        print(f"procman simulate: {safe(text)}", file=sys.stderr)


def _words(entry: Entry, width: int) -> str:
    if entry.record is None:
        return f"---- {entry.words}" if entry.is_given else f"{entry.name:<{width}}  {entry.words}"
    return record_words(cast("JournalRecord", entry.record.to_json()), width)


def _given(given: dict[str, str], known: dict[str, list[str]]) -> tuple[Given, ...]:
    found: list[Given] = []
    for what in HAPPENINGS:
        for text in given[what].split("\0") if what in given else ():
            try:
                found += read_given(what, text, known)
            except BadRequest as error:
                raise BadRequest(f"--{what}: {error}") from None
    return tuple(found)


def _assumed(given: dict[str, str], known: dict[str, list[str]]) -> dict[str, Behaviour]:
    found: dict[str, Behaviour] = {}
    for key, option in (("ready", "ready"), ("ends", "ends"), ("slow_stop", "stop")):
        for text in given[key].split("\0") if key in given else ():
            word, equals, value = text.partition("=")
            flag = f"--{key.replace('_', '-')}"
            if not equals and option != "stop":
                raise BadRequest(f"{flag}: cannot read {text!r}: expected NAME=TIME, such as web=3s")
            try:
                for name in processes_named(word, known):
                    found[name] = read_behaviour(option, value or "never", found.get(name, Behaviour()))
            except BadRequest as error:
                raise BadRequest(f"{flag}: {error}") from None
    return found


def _read(flag: str, read: Callable[[str], float], text: str) -> float:
    try:
        return read(text)
    except BadRequest as error:
        raise BadRequest(f"{flag}: {error}") from None


def _seed(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) > _LARGEST_SEED:
        raise BadRequest(f"--seed: cannot read {text!r}: expected a number from 0 to {_LARGEST_SEED}")
    return int(text)
