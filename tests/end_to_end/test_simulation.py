"""A simulation agrees with a real master: the same events in the same order, whenever they come."""

import os
import re
import signal

from procman.config.load import load
from procman.simulator.notation import Given
from procman.simulator.scenario import scenario_of, simulate
from tests.support.running_master import RunningMaster

# Each step follows from the one before, so that there is one order only.
STACK = (
    "[program:db]\ncommand=sh -c 'echo up; exec sleep 1000'\nready=log:up\nstartsecs=0\n"
    "[program:migrate]\ntype=oneshot\ncommand=true\ndepends_on=db\n"
    "[program:web]\ncommand=sleep 1000\ndepends_on=db,migrate@done\non_dependency_restart=restart\nstartsecs=0\n"
)


def told(record):
    """What a record says, without times, pids and numbers."""
    data = record.get("data", {})
    ending = data.get("signal", data.get("code"))
    actor = record.get("actor", {}).get("kind", "")
    return record["name"], record["kind"], record.get("from", ""), record.get("to", ""), ending, actor


def from_real(master):
    return [told(one) for one in master.call("GET", "/v1/journal?limit=500")["records"] if one.get("name")]


def test_a_boot_and_a_crash_happen_as_simulated(tmp_path):
    """Starts, waits, the end by a signal, and the restart of what depends on it, with the same actors."""
    with RunningMaster(tmp_path, STACK, master="restart_brake=false") as master:
        at = master.wait_for("success: web")
        pid = next(one["pid"] for one in master.call("GET", "/v1/processes")["processes"] if one["name"] == "db")
        os.kill(pid, signal.SIGKILL)
        master.wait_for("success: web", after=at)
        found = from_real(master)
        master.process.send_signal(signal.SIGTERM)
        master.wait_for("stopped: db")
        stops = re.findall(r"stopped: (\w+)", master.text)
    simulation = simulate(scenario_of(load(str(master.file)), given=(Given("kill", "db", 10.0),)))
    expected = [
        told(entry.record.to_json())
        for entry in simulation.entries[: simulation.shutdown]
        if entry.record is not None and entry.name
    ]
    assert found == expected
    shutdown = simulation.entries[simulation.shutdown :]
    down = [entry.name for entry in shutdown if entry.record is not None and entry.record.after == "STOPPED"]
    assert stops[-2:] == down == ["web", "db"]
