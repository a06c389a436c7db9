"""Recordings of real masters, replayed with the invariants of the simulation.

A bug of the field comes here as the file of `record=`: see "a recording" in CONTRIBUTING.md.
"""

import json
from pathlib import Path
from random import Random

import pytest

from procman.core.states import MasterState
from tests.core.test_recording import Taped
from tests.simulation.fake_kernel import World
from tests.simulation.invariants import Violation
from tests.simulation.scenarios import scenario
from tests.support.recorded_run import check_recording

RECORDS = sorted((Path(__file__).parent / "records").glob("*.jsonl"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_recording_breaks_no_invariant_and_is_decided_as_it_was(record):
    """Where a decision has changed on purpose, record it anew; where it was the bug, this is the regression test."""
    worlds = check_recording(record)
    assert worlds
    assert [world.differs for world in worlds] == [None] * len(worlds)


@pytest.mark.parametrize("first", [0, 3, 11])
def test_what_the_simulation_does_passes_as_a_recording(first, tmp_path):
    """From wherever it begins: so what fails on a recording is a fault of the core."""
    for seed in range(100):
        passes_as_a_recording(seed, first, tmp_path / f"record-{seed}")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 800, 100))
def test_much_of_what_the_simulation_does_passes_as_a_recording(seed, tmp_path):
    """The same for more scenarios, and other beginnings."""
    for more in range(100):
        for first in (2, 7, 15):
            passes_as_a_recording(seed + more, first, tmp_path / "record")


def passes_as_a_recording(seed, first, file):
    tapes = []
    World(scenario(Random(seed)), lambda world: tapes.append(Taped(world, first)) or tapes[0]).run()
    if tapes[0].lines:
        file.write_text("".join(f"{line}\n" for line in tapes[0].lines))
        worlds = check_recording(file)
        assert [world.differs for world in worlds] == [None] * len(worlds)


def test_a_recording_that_breaks_an_invariant_is_told_with_its_history(tmp_path):
    """Here the end of a process is missing, so that its next start is one that was not ordered."""
    lines = RECORDS[0].read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if json.loads(line).get("in") == "exited")
    file = tmp_path / "record"
    file.write_text("".join(lines[:at] + lines[at + 1 :]))
    with pytest.raises(Violation, match="crash is spawned without an order"):
        check_recording(file)


def test_the_sample_is_of_a_master_that_did_everything():
    """A crash-looper, an update, an upgrade, leftovers and a shutdown are in it."""
    events = {json.loads(line).get("in", "head") for line in RECORDS[0].read_text().splitlines()}
    assert events >= {"boot", "exited", "deadline", "group-changed", "stop", "descendants-gone", "shutdown", "head"}
    assert check_recording(RECORDS[0])[-1].fleet.state is MasterState.SHUTDOWN
