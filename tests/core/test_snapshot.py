"""What a fleet is, as plain data: written, read back, and read where an older procman has written it."""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from procman.config.schema.groups import Group, ListenerOptions
from procman.config.snapshot import read_group, read_program
from procman.core.deadlines import Deadlines
from procman.core.events import ExitStatus, GroupChanged, GroupRemoved
from procman.core.exit_policy import DEFAULT_POLICY
from procman.core.fleet import Fleet
from procman.core.process import PendingEnd
from procman.core.snapshot import VERSION, DefinitionReaders
from procman.core.spec import Leftovers, Scope
from procman.core.states import State
from tests.simulation.fake_kernel import World
from tests.simulation.health_rules import HealthRules
from tests.simulation.health_scenarios import health_scenario
from tests.simulation.invariants import Invariants
from tests.simulation.scenarios import scenario
from tests.support.driven_fleet import OK, Drive
from tests.support.programs import group, program

READERS = DefinitionReaders(read_group, read_program)


def restored(data, policy=DEFAULT_POLICY) -> Fleet:
    """Another fleet that goes on from that data, which went through a file."""
    fleet = Fleet(policy=policy)
    fleet.restore(json.loads(json.dumps(data)), READERS)
    return fleet


def facts(fleet: Fleet) -> dict:
    """All that there is of it."""
    return {
        "groups": {name: asdict(members) for name, members in fleet.groups.items()},
        "processes": {name: asdict(process) for name, process in fleet.processes.items()},
        "due": fleet.next_deadline(),
        "state": fleet.state,
        "left": fleet.time_left(0.0),
    }


class Same(HealthRules):
    """After each step a fleet that goes on from a snapshot is the same in everything, also in health."""

    def carried_out(self) -> None:
        super().carried_out()
        fleet = self.world.fleet
        assert facts(restored(fleet.snapshot(), self.world.scenario.master)) == facts(fleet)


class Restored(Invariants):
    """After each step a fleet that goes on from a snapshot is the same in everything."""

    def carried_out(self) -> None:
        super().carried_out()
        assert facts(restored(self.fleet.snapshot(), self.world.scenario.master)) == facts(self.fleet)


@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 24))])
def test_what_is_read_is_what_was_written(seed):
    """Nothing is lost, wherever a scenario has led a fleet."""
    World(scenario(Random(seed)), Restored).run()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_what_is_known_of_health_is_read_as_it_was_written(seed):
    """Verdicts, looks under way, pauses: an upgrade loses none of it."""
    World(health_scenario(Random(seed)), Same).run()


def test_a_fleet_goes_on_in_the_middle_of_everything():
    """A stop, an update, a back-off and a wait for descendants go on where they were."""
    whole = program("tree", stop_scope=Scope.TREE, kill_scope=Scope.TREE, leftovers=Leftovers.STOP)
    listener = Group(name="listener", programs=(program("listener"),), listener=ListenerOptions(events=("TICK",)))
    drive = Drive(group("stops"), group("tree", whole), group("updated", command="/bin/old"), group("gone"), listener)
    drive.ends("tree", OK, (77,))
    drive.says(GroupChanged(group("updated", command="/bin/new"), frozenset({"updated"})))
    drive.says(GroupRemoved("gone"))
    fleet = restored(drive.fleet.snapshot())
    assert facts(fleet) == facts(drive.fleet)
    drive.fleet = fleet
    drive.ends("updated")
    assert fleet.processes["updated"].program.command == "/bin/new"
    drive.ends("gone")
    assert "gone" not in fleet.groups


@pytest.mark.parametrize("data", [{}, {"version": VERSION + 1}, {"version": VERSION, "groups": [{}], "failed": {}}, []])
def test_what_is_no_fleet_is_refused(data):
    """Nothing is taken over by halves."""
    with pytest.raises(ValueError, match=r"cannot go on|newer"):
        Fleet().restore(data, READERS)


# ---- files of each version: read for as long as an upgrade from that version has to work

SNAPSHOTS = Path(__file__).parent / "snapshots"
# Version 0 is what procman wrote at commit 390c039, before a fleet had versions.
OLD = range(VERSION + 1)


@pytest.mark.parametrize("version", OLD)
def test_a_fleet_of_each_version_goes_on(version):
    """What was written then means the same today."""
    fleet = restored(json.loads((SNAPSHOTS / f"version_{version}.json").read_text()))
    assert {name: process.state.name for name, process in fleet.processes.items()} == {
        "never": "STOPPED",
        "running": "RUNNING",
        "starting": "STARTING",
        "backing_off": "BACKOFF",
        "given_up": "FATAL",
        "exited": "EXITED",
        "stopping": "STOPPING",
        "leaving": "STOPPING",
        "updated:one": "STOPPING",
        "updated:two": "RUNNING",
        "unknown": "UNKNOWN",
        "listener": "RUNNING",
        "fcgi": "RUNNING",
    }
    process = fleet.processes
    assert process["starting"].deadlines == Deadlines(start=110.0)
    assert process["backing_off"].deadlines == Deadlines(retry=101.0)
    assert process["stopping"].deadlines == Deadlines(stop=210.0)
    assert process["stopping"].stop_reached is Scope.TREE
    assert process["leaving"].pending_end == PendingEnd(207, ExitStatus(-1, 15), State.STOPPING)
    assert process["leaving"].leaving
    assert fleet.groups["leaving"].leaving
    assert (process["exited"].exit_code, process["exited"].exit_status) == (3, ExitStatus(3))
    assert (process["given_up"].reason, process["unknown"].reason) == ("no such file", "Operation not permitted")
    assert [process["updated:one"].program.command, process["updated:one"].successor.command] == [
        "/bin/old",
        "/bin/new",
    ]
    assert process["updated:two"].program.stopwaitsecs == 3
    assert fleet.groups["listener"].spec.listener.events == ("TICK_5",)
    assert fleet.groups["fcgi"].spec.socket.port == 9000
    assert [name for name, one in process.items() if one.wanted] == [
        "running",
        "starting",
        "backing_off",
        "given_up",
        "updated:one",
        "updated:two",
        "listener",
        "fcgi",
    ]
    assert fleet.owner(206) is process["stopping"]


def test_what_is_written_today_is_the_newest_of_the_files():
    """Where this fails the format has changed: raise VERSION, and write a file for it. A new option has its default."""
    newest = json.loads((SNAPSHOTS / f"version_{VERSION}.json").read_text())
    assert without_definitions(restored(newest).snapshot()) == without_definitions(newest)


def without_definitions(data):
    if isinstance(data, dict):
        return {key: without_definitions(item) for key, item in data.items() if key not in ("definition", "successor")}
    return [without_definitions(item) for item in data] if isinstance(data, list) else data
