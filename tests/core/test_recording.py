"""Events and decisions as plain data: all of them can be written, and a fleet that takes them in decides the same."""

import json
from dataclasses import replace
from functools import partial
from random import Random
from typing import get_args

import pytest

from procman.config.schema.groups import ListenerOptions
from procman.config.schema.master import Master
from procman.core.actions import Action
from procman.core.described_decisions import describe
from procman.core.events import (
    BootRequested,
    Event,
    Exited,
    ExitStatus,
    GroupAdded,
    GroupChanged,
    Spawned,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.recording import (
    VERSION,
    WORDS,
    Definitions,
    UnknownEvent,
    read_event,
    read_policy,
    write_event,
    write_policy,
)
from procman.core.replay import CannotReplay, Decision, Part, Replay, as_entry, described_bug
from procman.core.spec import ShutdownWhen
from tests.simulation.fake_kernel import World
from tests.simulation.health_scenarios import health_scenario
from tests.simulation.hook_scenarios import hook_scenario
from tests.simulation.hook_world import HookWorld
from tests.simulation.renewal_rules import renewal_scenario
from tests.simulation.rolling_rules import rolling_scenario
from tests.simulation.scenarios import scenario
from tests.simulation.socket_world import SocketWorld, socket_scenario
from tests.simulation.watch_rules import watch_scenario
from tests.support.driven_fleet import Drive
from tests.support.programs import group, program


class Taped:
    """Watches one world, and records it from the `first` event on, in parts of `length` events."""

    def __init__(self, world: World, first: int = 0, length: int = 10_000) -> None:
        self.world, self.first, self.length = world, first, length
        self.lines: list[str] = []
        self.count = 0
        if not first:
            self.begin()

    def begin(self) -> None:
        self.definitions = Definitions()
        self.lines.append(json.dumps(head(self.world.fleet, self.world.scenario.master, self.definitions)))

    def decided(self, event: Event, actions: list[Action]) -> None:
        self.count += 1
        if self.count > self.first:
            plain = write_event(event, self.definitions)
            self.lines.append(json.dumps(as_entry(plain, self.world.now, describe(actions))))
        if self.count == self.first or (self.count > self.first and (self.count - self.first) % self.length == 0):
            self.begin()

    def _nothing(self, *_) -> None:
        """It only listens."""

    event_comes = refused = carried_out = spawning = killing = reaped = at_rest = _nothing


def head(fleet: Fleet, policy: Master, definitions: Definitions, why: str = "boot") -> dict:
    return {
        "recording": VERSION,
        "procman": "1.0",
        "why": why,
        "time": 1_800_000_000.0,
        "now": 0.0,
        "policy": write_policy(policy),
        "fleet": fleet.snapshot(definitions.write),
    }


def replayed(lines: list[str]) -> list[Part | Decision]:
    replay = Replay()
    return [replay.take(json.loads(line)) for line in lines]


def test_every_event_has_a_word():
    """An event that is added to the core cannot be forgotten here."""
    assert set(WORDS.values()) == set(get_args(Event))


@pytest.mark.parametrize("first", [0, 1, 5, 17])
def test_a_replay_decides_the_same_from_wherever_it_begins(first):
    """In any scenario, also from the middle of a shutdown, and over each new part."""
    for seed in range(24):
        tapes = []
        imagine = scenario if seed % 3 else health_scenario
        World(imagine(Random(seed)), lambda world, into=tapes: into.append(Taped(world, first, 7)) or into[0]).run()
        steps = replayed(tapes[0].lines)
        assert [step for step in steps if isinstance(step, Decision) and not step.same] == [], seed
        assert len(steps) == len(tapes[0].lines), seed


@pytest.mark.slow
def test_the_scenarios_have_every_event():
    """So the test above has replayed each of them."""
    seen = set()
    for seed in range(400):
        tapes = []
        imagined = renewal_scenario if seed < 20 else scenario if seed % 10 else health_scenario
        imagined = watch_scenario if 20 <= seed < 40 else rolling_scenario if 40 <= seed < 60 else imagined
        World(imagined(Random(seed)), lambda world, tapes=tapes: tapes.append(Taped(world)) or tapes[0]).run()
        seen |= {json.loads(line).get("in") for line in tapes[0].lines}
    for seed in range(100):
        tapes = []
        World(rolling_scenario(Random(seed)), lambda world, tapes=tapes: tapes.append(Taped(world)) or tapes[0]).run()
        seen |= {json.loads(line).get("in") for line in tapes[0].lines}
    for seed in range(60):
        tapes = []
        HookWorld(hook_scenario(Random(seed)), lambda world, tapes=tapes: tapes.append(Taped(world)) or tapes[0]).run()
        seen |= {json.loads(line).get("in") for line in tapes[0].lines}
    for seed in range(30):
        tapes = []
        imagined = socket_scenario(Random(seed))
        SocketWorld(imagined, lambda world, tapes=tapes: tapes.append(Taped(world)) or tapes[0]).run()
        seen |= {json.loads(line).get("in") for line in tapes[0].lines}
    of_schedules = {"schedule-due", "schedule-remembered", "clock-stepped"}  # which these scenarios have not
    assert seen - {None} == set(WORDS) - of_schedules


@pytest.mark.parametrize("seed", range(12))
def test_what_is_recorded_of_hooks_decides_the_same_again(seed):
    """Also from the middle of a hook; no command and no output is in it."""
    tapes = []
    for first in (0, 25, 60):
        make = partial(Taped, first=first, length=20)
        HookWorld(hook_scenario(Random(seed)), lambda world, make=make: tapes.append(make(world)) or tapes[-1]).run()
    for tape in tapes:
        steps = replayed(tape.lines)
        assert [step for step in steps if isinstance(step, Decision) and not step.same] == []
        assert "command-" not in "".join(tape.lines)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_recorded_of_sockets_decides_the_same_again(seed):
    """Also from the middle of a wait for a connection; no address is in it."""
    tapes = []
    for first in (0, 1, 9, 30):
        make = partial(Taped, first=first, length=20)
        imagined = socket_scenario(Random(seed))
        SocketWorld(imagined, lambda world, make=make: tapes.append(make(world)) or tapes[-1]).run()
    for tape in tapes:
        steps = replayed(tape.lines)
        assert [step for step in steps if isinstance(step, Decision) and not step.same] == []
        assert "tcp://" not in "".join(tape.lines)


def test_no_command_environment_or_path_is_written():
    """A recording can be handed on: what a program is told is not in it."""
    secret = program(
        command="/bin/server --token hunter2",
        environment={"PASSWORD": "hunter2"},
        directory="/home/hunter2",
        stdout_logfile="/var/hunter2",
        user="hunter2",
    )
    listener = replace(group("web", secret), listener=ListenerOptions(events=("hunter2",)))
    fleet, definitions = Fleet((listener,)), Definitions()
    written = [fleet.snapshot(definitions.write), write_event(GroupAdded(listener), definitions)]
    written.append(write_event(GroupChanged(listener, frozenset({"web"})), definitions))
    assert "hunter2" not in json.dumps(written)


def test_definitions_that_differ_in_anything_have_other_numbers():
    """A new value of a variable changes a program in place, in the replay, too, though it is not written."""
    drive, definitions = Drive(group("web", environment={"A": "1"})), Definitions()
    replay = Replay()
    replay.take(json.loads(json.dumps(head(drive.fleet, Master(), definitions))))
    for value, expected in (
        ("1", []),
        ("2", ["web changed in place", "group web changed"]),
        ("2", []),
        ("1", ["web changed in place", "group web changed"]),
    ):
        event = GroupChanged(group("web", environment={"A": value}), frozenset())
        plain = json.loads(json.dumps(as_entry(write_event(event, definitions), 70.0, describe(drive.says(event)))))
        decision = replay.take(plain)
        assert (decision.decided, decision.same) == (expected, True)


def test_a_listener_does_not_count_in_a_replay_either():
    """`shutdown_when=all_done` looks at the groups that count."""
    listener = replace(group("ears"), listener=ListenerOptions(events=("TICK",)))
    fleet, definitions = Fleet((listener, group("web")), Master(shutdown_when=ShutdownWhen.ALL_DONE)), Definitions()
    replay = Replay()
    policy = Master(shutdown_when=ShutdownWhen.ALL_DONE)
    replay.take(json.loads(json.dumps(head(fleet, policy, definitions))))
    assert [members.spec.counts for members in replay.fleet.groups.values()] == [False, True]


def test_a_replay_shows_where_it_decides_otherwise():
    """What was recorded and what this procman decides stand side by side."""
    fleet, definitions = Fleet((group("web"),)), Definitions()
    lines = [head(fleet, Master(), definitions)]
    lines.append(as_entry(write_event(BootRequested(), definitions), 1.0, ["web STOPPED -> RUNNING"]))
    _, decision = replayed([json.dumps(line) for line in lines])
    assert not decision.same
    assert decision.decided == ["web STOPPED -> STARTING", "spawn web #1"]
    assert decision.recorded == ["web STOPPED -> RUNNING"]


def test_a_fault_of_the_core_is_replayed_as_one():
    """The master has gone on after it, and the replay does, too."""
    fleet, definitions = Fleet((group("web"),)), Definitions()
    spawned = as_entry(write_event(Spawned("gone", 7), definitions), 1.0, [described_bug(KeyError("gone"))])
    _, decision = replayed([json.dumps(head(fleet, Master(), definitions)), json.dumps(spawned)])
    assert decision.same


def test_an_upgrade_goes_on_with_the_same_fleet():
    """The state that the new code begins with is compared with that of the replay."""
    drive, definitions = Drive(group("web"), boot=False), Definitions()
    lines = [head(drive.fleet, Master(), definitions)]
    boot = BootRequested()
    lines.append(as_entry(write_event(boot, definitions), 0.0, describe(drive.fleet.handle(boot, 0.0))))
    lines.append(head(drive.fleet, Master(), Definitions(), "upgrade"))
    drive.says(StopRequested("web"))
    lines.append(head(drive.fleet, Master(), Definitions(), "upgrade"))
    _, _, same, other = replayed([json.dumps(line) for line in lines])
    assert (same.goes_on, same.same) == (True, True)
    assert (other.goes_on, other.same) == (True, False)


def test_a_policy_is_read_as_it_was_written():
    """For recordings, the rules for the end of the master are plain data, too."""
    policy = Master(shutdown_timeout=3.5, shutdown_when=ShutdownWhen.ANY_EXIT, exit_code_from="web")
    read = read_policy(json.loads(json.dumps(write_policy(policy))))
    assert (read.shutdown_timeout, read.shutdown_when, read.exit_code_from) == (3.5, ShutdownWhen.ANY_EXIT, "web")


def test_an_event_that_is_not_known_is_named():
    """A newer procman may have more of them."""
    with pytest.raises(UnknownEvent, match="teleported"):
        read_event({"in": "teleported", "name": "web"})


HEAD = json.loads(json.dumps(head(Fleet((group("web"),)), Master(), Definitions())))


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([{"at": 1.0, "in": "boot", "out": []}], "begins with an event"),
        ([{"recording": VERSION + 1, "procman": "9.9"}], "version 2, written by procman 9.9"),
        ([{"recording": "x"}], "version x"),
        ([{"recording": VERSION}], "makes no sense"),
        ([{**HEAD, "fleet": {}}], "makes no sense"),
        ([{**HEAD, "fleet": {"version": 99}}], "newer"),
        ([HEAD, {"at": 1.0, "in": "start", "out": []}], "cannot read the event start"),
        ([HEAD, {"at": 1.0, "in": "exited", "pid": 1, "status": 3, "descendants": [], "out": []}], "event exited"),
        ([HEAD, {"in": "boot", "out": []}], "at"),
        ([HEAD, {"at": "noon", "in": "boot", "out": []}], "noon"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(entries, says):
    """And nothing is taken in by halves."""
    replay = Replay()
    for entry in entries[:-1]:
        replay.take(entry)
    with pytest.raises(CannotReplay, match=says):
        replay.take(entries[-1])
    assert replay.begun is (len(entries) > 1)


def test_what_was_decided_is_described_without_definitions():
    """One short text for each action."""
    drive = Drive(group("web"), boot=False)
    assert describe(drive.fleet.handle(StartRequested("web"), 0.0)) == ["web STOPPED -> STARTING", "spawn web #1"]
    drive.fleet.handle(Spawned("web", 41), 0.0)
    assert describe(drive.fleet.handle(StopRequested("web"), 0.5)) == [
        "web STARTING -> STOPPING pid=41",
        "signal web SIGTERM pid=41 scope=PROCESS",
    ]
    ended = drive.fleet.handle(Exited(41, ExitStatus(-1, 15)), 0.6)
    assert describe(ended) == ["web STOPPING -> STOPPED pid=41 killed=SIGTERM"]
