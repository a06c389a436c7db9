"""A deployment that is under way goes on from what a master of this version has handed over."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from procman.core.events import RollingAborted
from procman.daemon.client_services import UPDATE_READERS
from procman.daemon.snapshot import VERSION, read, restored_fleet
from procman.services.operations import Operations
from procman.services.update_state import read_under_way

FILE = Path(__file__).parent / "golden" / f"deployment-{VERSION}.json"


@pytest.fixture
def snapshot():
    """`python -m tests.daemon.golden.make` makes one of each version."""
    return read(json.loads(FILE.read_text()))


def test_one_rolling_restart_goes_on_and_one_has_stopped(snapshot):
    """With the definitions that are to come, and those that an abort puts back."""
    fleet = restored_fleet(snapshot)
    web, api = fleet.rollings.by_program["web"], fleet.rollings.by_program["api"]
    assert (web.state, list(web.under_way), web.coming) == ("going", ["web:web_0"], ["web:web_1", "web:web_2"])
    assert {name: spec.ready != () for name, spec in web.targets.items()} == {"web:web_1": True, "web:web_2": True}
    assert not any(spec.ready for spec in web.previous.values())
    assert (api.state, api.failed, api.coming, api.batch) == ("stopped", "api:api_0", ["api:api_1"], 1)
    assert api.reason == "can't find command '/nonexistent/api'"
    fleet.handle(RollingAborted("api", 9), 0.0)
    assert fleet.processes["api:api_0"].state.name == "STARTING"
    assert not fleet.rollings.is_going("api") or fleet.rollings.by_program["api"].aborting


def test_an_update_waits_for_its_confirmation(snapshot):
    """With what a roll-back makes of it, and what is left of its time."""
    operations = Operations(9, lambda: None)
    operations.use(SimpleNamespace())
    under = read_under_way(snapshot.updates["under_way"], UPDATE_READERS, operations, now=1000.0)
    assert (under.operation.id, under.stage, under.names, under.confirm) == (3, "waiting", frozenset({"web"}), 3600)
    assert under.confirmation.watched == ("web:web_0", "web:web_1", "web:web_2")
    assert 4500 < under.confirmation.deadline <= 4600
    assert not any(program.ready for program in under.previous["web"].programs)


def test_a_scaled_program_and_a_lazy_one_are_what_they_were(snapshot):
    fleet = restored_fleet(snapshot)
    assert snapshot.source.scales == {"program:worker": [2, 1]}
    assert {"worker:worker_0", "worker:worker_1"} < fleet.processes.keys()
    assert fleet.processes["lazy"].listens
