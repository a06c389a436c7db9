"""Configurations as texts, and what a simulation of them has come to, as short lines."""

import textwrap
from pathlib import Path

from procman.config.load import load
from procman.simulator.notation import HAPPENINGS, Behaviour, read_behaviour, read_given
from procman.simulator.scenario import Entry, Scenario, Simulation, scenario_of, simulate


def scenario(folder: Path, text: str, assumed: dict[str, str] | None = None, **given: str | float) -> Scenario:
    """The scenario of a TOML text; `assumed` has "ready 3s" by name, and the others are as on a command line."""
    file = folder / "procman.toml"
    file.write_text(textwrap.dedent(text))
    config = load(str(file), environ={})
    known = {group.name: [program.namespec for program in group.programs] for group in config.groups}
    behaviours = {name: read_behaviour(*words.split(), Behaviour()) for name, words in (assumed or {}).items()}
    events = [one for what in HAPPENINGS if what in given for one in read_given(what, given.pop(what), known)]
    return scenario_of(config, given=tuple(events), assumed=behaviours, **given)


def simulated(*arguments, **given) -> Simulation:
    return simulate(scenario(*arguments, **given))


def short(entry: Entry) -> str:
    """Such as "2 web RUNNING", "2 web started", "2 web signal SIGTERM"."""
    record, at = entry.record, f"{entry.at:g} {entry.name or 'master'}"
    if record is None:
        return f"{at} {entry.words}"
    data = record.data or {}
    match record.kind:
        case "spawn":
            return f"{at} started"
        case "exit":
            return f"{at} ended {data.get('signal', data.get('code'))}"
        case "signal":
            return f"{at} gets {data['signal']}"
        case _:
            return f"{at} {record.after or record.reason}".rstrip()


def lines(simulation: Simulation, *names: str) -> list[str]:
    """Those about the processes, up to the shutdown."""
    return [short(entry) for entry in simulation.entries[: simulation.shutdown] if entry.name in names]


def shutdown(simulation: Simulation) -> list[str]:
    """What comes with the shutdown, with times from its beginning."""
    return [
        short(entry._replace(at=round(entry.at - simulation.until, 6)))
        for entry in simulation.entries[simulation.shutdown :]
    ]
