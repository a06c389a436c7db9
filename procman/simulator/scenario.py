"""One simulation: a configuration from its boot, what happens to it, and its shutdown; and the timeline of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from procman.config.schema.configuration import Config
from procman.config.schema.kinds.durations import show_seconds
from procman.core.attribution import BOOT, NOBODY, Actor, Origin
from procman.core.events import (
    BootRequested,
    ConnectionSeen,
    ExitStatus,
    RestartRequested,
    ShutdownRequested,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.spec import GroupSpec, Hook, MasterPolicy, ProcessSpec
from procman.core.states import Phase, State
from procman.runtime.journal.record import Record
from procman.simulator.notation import (
    HOOK_TAKES,
    NEVER,
    ONESHOT_TAKES,
    READY_AFTER,
    Behaviour,
    Given,
)
from procman.simulator.world import TooManyEvents, World

# When nothing has happened for so long after the last event, nothing more is expected; in seconds.
CALM = 60.0
# But what never comes to rest is not looked at for longer than that.
MOST = 240.0

_CLIENT = Actor("client", via="the simulation")
_SIGTERM = Actor("signal", via="SIGTERM")
_CHANGING = frozenset({State.STARTING, State.STOPPING, State.BACKOFF})


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to be simulated."""

    groups: tuple[GroupSpec, ...]
    policy: MasterPolicy
    given: tuple[Given, ...] = ()
    assumed: Mapping[str, Behaviour] = field(default_factory=dict)  # by namespec
    clock: float | None = None  # what the wall clock shows at the beginning; None: there is none
    until: float | None = None  # when it is shut down; None: when nothing changes any more
    seed: int = 0

    @property
    def programs(self) -> Iterator[ProcessSpec]:
        """All of them, in the order of the configuration."""
        return (program for group in self.groups for program in group.programs)


class Entry(NamedTuple):
    """A line of the timeline: a record as the journal has it, or what is said beside that."""

    at: float  # seconds from the beginning
    name: str  # the process that it is about; "" for the master
    record: Record | None
    words: str = ""  # of what stands beside the records
    is_given: bool = False  # it comes from outside

    def to_json(self) -> dict[str, Any]:
        """As a record of the journal, with the time from the beginning; two kinds are not of the journal."""
        if self.record is None:
            kind = "simulated" if self.is_given else "waits"
            return {"at": round(self.at, 3), "kind": kind, "name": self.name, "reason": self.words}
        plain = self.record.to_json()
        return {"at": round(self.at, 3), **{key: plain[key] for key in plain if key not in ("time", "mono")}}


@dataclass(slots=True)
class Simulation:
    """What has come of a scenario."""

    entries: list[Entry]
    shutdown: int  # the place of the first entry of the shutdown
    until: float  # when the shutdown began, or the master ended by itself
    end: float  # when all was over
    why: str  # it was ended then
    states: dict[str, str]  # of each process before the shutdown
    by_itself: bool  # the master has ended before it was asked to
    exit_status: int | None  # None: it has not ended
    impossible: list[str]  # what was given, and could not happen


def scenario_of(config: Config, **rest: Any) -> Scenario:
    """Of a whole configuration."""
    return Scenario(config.groups, config.master, **rest)


def assumptions(scenario: Scenario) -> list[str]:
    """What is assumed of the programs, in words."""
    lines: list[str] = []
    ready: dict[str, list[str]] = {}
    for program in scenario.programs:
        name, told = program.namespec, scenario.assumed.get(program.namespec, Behaviour())
        asked = [one.text or one.kind.value for one in program.ready if one.text.partition(":")[0] != "delay"]
        if asked:
            after = READY_AFTER if told.ready is None else told.ready
            how = "never ready" if after == NEVER else f"ready {show_seconds(after)} after its start"
            ready.setdefault(how, []).append(name)
        elif told.ready is not None:
            lines.append(f"{name} has no option ready to wait for: it is RUNNING after its startsecs")
        ends = told.ends if told.ends is not None else ONESHOT_TAKES if program.is_oneshot else NEVER
        if ends < NEVER:
            lines.append(f"{name} ends {show_seconds(ends)} after its start, with exit status {told.code}")
        if told.stop:
            how = (
                "does not end on its stop signal" if told.stop == NEVER else f"takes {show_seconds(told.stop)} to stop"
            )
            lines.append(f"{name} {how}")
        if program.schedule is not None and program.schedule.every is None and scenario.clock is None:
            what = f"{name} ({program.schedule.text})"
            lines.append(f"the clock does not start {what}; --clock 2026-11-29T02:59 or --start {name}@10s does")
        if program.lazy:
            lines.append(f"nobody connects to {name}; --connect {name}@10s does")
    lines[:0] = [f"{_some(names)}: {how}" for how, names in ready.items()]
    if any(program.commands_of(hook) for program in scenario.programs for hook in Hook):
        lines.append(f"each command of a hook succeeds after {show_seconds(HOOK_TAKES)}")
    return lines


def simulate(scenario: Scenario) -> Simulation:
    """Boot, let what is given happen, and shut down."""
    return _Run(scenario).go()


class _Run:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.entries: list[Entry] = []
        self.impossible: list[str] = []
        fleet = Fleet(scenario.groups, scenario.policy, scenario.seed)
        self.world = World(fleet, scenario.assumed, self._hear, clock=scenario.clock)
        self.changed = 0.0

    def go(self) -> Simulation:
        world = self.world
        for given in self.scenario.given:
            world.at(given.at, happening(world, given, self._note))
        try:
            world.post(BootRequested(), Origin(BOOT))
            why = self._until_calm()
            until, by_itself = world.now, world.quit is not None or world.fleet.state.value != "running"
            states = {name: process.state.name for name, process in world.fleet.processes.items()}
            shutdown = len(self.entries)
            if world.quit is None:
                if not by_itself:
                    world.post(ShutdownRequested(), Origin(_SIGTERM))
                while world.quit is None and world.next() is not None:
                    world.step()
        except TooManyEvents:
            return self._too_many()
        code = world.quit.code if world.quit is not None else None
        return Simulation(self.entries, shutdown, until, world.now, why, states, by_itself, code, self.impossible)

    def _until_calm(self) -> str:
        """Go on until the time that is said, or until nothing is expected any more; returns why that is the end."""
        world, until = self.world, self.scenario.until
        last = max((given.at + (given.lasts or 0) for given in self.scenario.given), default=0.0)
        calm = CALM + max(map(longest_judgement, self.scenario.programs), default=0.0)
        while world.quit is None and world.fleet.state.value == "running":
            when = world.next()
            if until is not None and (when is None or when > until):
                world.now = until
                return ""
            if until is None and world.now >= last:
                quiet = not any(p.state in _CHANGING for p in world.fleet.processes.values())
                if when is None or (quiet and when > max(last, self.changed) + calm):
                    return "nothing changes any more"
                if when > last + MOST + calm:
                    return f"it does not come to rest in {show_seconds(MOST + calm)}; --until shows more"
            if when is None:
                return "nothing changes any more"
            world.step()
        return "the master ends by itself"

    def _hear(self, at: float, record: Record) -> None:
        self.changed = at
        self.entries.append(Entry(at, record.name, record))
        process = self.world.fleet.processes.get(record.name)
        if record.after == "STARTING" and process is not None and process.phase is Phase.WAITING:
            needs = dict.fromkeys(need.written for need in self.world.fleet.dependencies.unmet(process))
            what = ", ".join(needs) or "its turn (start_concurrency)"
            self.entries.append(Entry(at, record.name, None, f"waits for {what}"))

    def _note(self, given: Given, words: str, *, possible: bool) -> None:
        self.entries.append(Entry(self.world.now, given.name, None, words, is_given=True))
        if not possible:
            self.impossible.append(f"at {show_seconds(given.at)}: {words}")

    def _too_many(self) -> Simulation:
        states = {name: process.state.name for name, process in self.world.fleet.processes.items()}
        now = self.world.now
        why = f"too much happens: {self.world.steps} events by {now:.0f} s; --until ends it earlier"
        return Simulation(self.entries, len(self.entries), now, now, why, states, False, None, [why])


def happening(world: World, given: Given, note: Callable[..., None]) -> Callable[[], None]:
    """What makes it happen; `note` is told of it before."""

    def happen() -> None:
        process = world.fleet.processes.get(given.name)
        program = process.program if process is not None else None
        runs = given.name in world.children
        state = process.state.name if process is not None else "gone"
        match given.what:
            case "kill" | "exit" | "hang" if not runs:
                verb = "hang" if given.what == "hang" else "be ended"
                note(given, f"{given.name} cannot {verb}: it is not running ({state})", possible=False)
            case "hang":
                length = given.lasts or 0.0
                note(given, f"{given.name} hangs for {show_seconds(length)}, as with SIGSTOP", possible=True)
                world.hang(given.name, length)
            case "kill":
                note(given, f"{given.name} is killed from outside, by SIGKILL", possible=True)
                world.end(given.name, ExitStatus(-1, 9))
            case "exit":
                note(given, f"{given.name} ends by itself, with exit status {given.code}", possible=True)
                world.end(given.name, ExitStatus(given.code))
            case "unready" if given.lasts is None and not runs:
                note(given, f"{given.name} cannot become unready: it is not running ({state})", possible=False)
            case "unready":
                lasts = "until its run ends" if given.lasts is None else f"for {show_seconds(given.lasts)}"
                seen = "" if _is_watched(program, state) else "; nothing looks at it"
                note(given, f"{given.name} is not ready {lasts}{seen}", possible=True)
                world.unready(given.name, given.lasts)
            case "connect" if given.name not in world.awaiting:
                note(
                    given,
                    f"a connection does not start {given.name}: it does not wait for one ({state})",
                    possible=False,
                )
            case "connect":
                note(given, f"somebody connects to {given.name}", possible=True)
                world.post(ConnectionSeen(given.name, 0), NOBODY)
            case "start" | "stop" | "restart":
                note(given, f"{given.what} {given.name} is asked for", possible=True)
                world.post(_requested(given, program), Origin(_CLIENT))

    return happen


def _requested(given: Given, program: ProcessSpec | None) -> StartRequested | StopRequested | RestartRequested:
    if given.what == "start":
        return StartRequested(given.name, run=program is not None and program.schedule is not None)
    return StopRequested(given.name) if given.what == "stop" else RestartRequested(given.name)


def _is_watched(program: ProcessSpec | None, state: str) -> bool:
    """Does anything notice that it is not ready?"""
    if program is None:
        return False
    is_checked = program.health is not None or program.watchdog is not None
    return is_checked or (bool(program.ready) and state != "RUNNING")


def longest_judgement(program: ProcessSpec) -> float:
    """How long it may take until a program is found to be unhealthy."""
    if program.health is None and program.watchdog is None:
        return 0.0
    looks = (program.health_interval + program.health_timeout) * (program.health_retries + 1)
    return looks + program.health_start_period + (program.watchdog or 0.0)


def _some(names: Sequence[str]) -> str:
    most = 8
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
