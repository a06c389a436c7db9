"""A real master is recorded, and the replay decides the same: starts, ends, stops, updates, an upgrade, a shutdown."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from procman.core.events import Event
from procman.core.replay import Decision, Part, Replay
from tests.support.log_lines import PATIENCE
from tests.support.master_process import ROOT
from tests.support.recorded_run import check_recording, read_entries
from tests.support.running_master import OBEDIENT, SLEEPER, STUBBORN, RunningMaster

LOOPS = (
    "[program:crash]\ncommand=/bin/false\nstartretries=2\n"
    "[program:loop]\ncommand=/bin/false\nstartsecs=0\nautorestart=true\n"
    "[program:none]\ncommand=/usr/bin/nothing-of-that-name\n"
)
WEB = "[program:web]\ncommand={command}\nstartsecs=0\nnumprocs=2\nprocess_name=%(program_name)s%(process_num)d\n"
ODD = (
    f"[program:odd]\ncommand={OBEDIENT}\nstartsecs=0\nautorestart=true\n"
    f"[program:hard]\ncommand={STUBBORN}\nstartsecs=0\nstopwaitsecs=0\n"
)


@pytest.fixture
def record(tmp_path):
    return tmp_path / "record"


@pytest.fixture
def running(tmp_path, record):
    """Starts a master that records."""
    started = []

    def run(programs, **more):
        started.append(RunningMaster(tmp_path, programs, master=f"record={record}\n{more.pop('master', '')}", **more))
        return started[-1]

    yield run
    for master in started:
        master.close()


def wait_until(master: RunningMaster, condition) -> None:
    """Look again and again until it is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert master.process.poll() is None
        assert time.monotonic() < deadline, master.text
        os.sched_yield()


def held(master: RunningMaster, file: Path) -> int:
    """How many descriptors of the master are of that file."""
    place = f"/proc/{master.pid}/fd"
    count = 0
    for fd in os.listdir(place):
        with contextlib.suppress(FileNotFoundError):  # of a request that has ended
            count += os.readlink(f"{place}/{fd}") == str(file)
    return count


def replayed(record: Path) -> tuple[list[Part], list[Decision]]:
    replay = Replay()
    steps = [replay.take(entry) for _, entry in read_entries(str(record)).numbered]
    parts = [step for step in steps if isinstance(step, Part)]
    return parts, [step for step in steps if isinstance(step, Decision)]


def assert_decides_the_same(record: Path) -> tuple[list[Part], list[Event]]:
    """In the replay, and with all invariants of the simulation."""
    parts, decisions = replayed(record)
    assert [step for step in decisions if not step.same] == []
    assert all(part.same for part in parts)
    assert all(world.differs is None for world in check_recording(record))
    return parts, [step.event for step in decisions]


@pytest.mark.slow
def test_the_replay_of_a_master_decides_as_it_did(running, record):
    """From its boot over an update and an upgrade to its end; the file is for its user alone."""
    master = running(LOOPS + ODD + WEB.format(command=SLEEPER))
    master.wait_for("gave up: crash")
    assert record.stat().st_mode & 0o777 == 0o600
    master.ctl("stop", "web:web0")
    master.ctl("restart", "web:*")
    master.ctl("signal", "USR1", "odd")
    master.wait_for("exited: odd")
    master.write(ODD + WEB.format(command=f"{SLEEPER}0") + "environment=A=1\n")
    master.ctl("update")
    ran = master.ctl("upgrade")
    assert ran.returncode == 0, ran
    master.wait_for("upgraded: procman")
    master.ctl("start", "web:web0")
    assert master.stop() == 0
    parts, events = assert_decides_the_same(record)
    assert [(part.why, part.goes_on) for part in parts] == [("boot", False), ("upgrade", True)]
    assert {type(event).__name__ for event in events} >= {
        "BootRequested",
        "Spawned",
        "SpawnFailed",
        "Exited",
        "DeadlineReached",
        "StopRequested",
        "StartRequested",
        "SignalRequested",
        "GroupRemoved",
        "GroupChanged",
        "ShutdownRequested",
    }


def test_a_reload_and_a_killed_master_are_parts_of_one_file(running, record, tmp_path):
    """Each begins with the state then; what the next master adopts is recorded, too."""
    master = running(WEB.format(command=SLEEPER))
    master.wait_for("success: web1")
    master.signal(signal.SIGHUP)
    master.wait_for("success: web1", after=master.wait_for("received SIGHUP"))
    # What the thread of the disk has not written yet, a kill loses.
    wait_until(master, lambda: b'"why":"reload"' in record.read_bytes())
    assert held(master, record) == 1
    master.signal(signal.SIGKILL)
    master.process.wait()
    master.close()
    with record.open("ab") as file:
        file.write(b'{"at":1')
    again = running(WEB.format(command=SLEEPER), cwd=tmp_path)
    again.wait_for("success: web1")
    assert again.stop() == 0
    parts, _ = assert_decides_the_same(record)
    assert [part.why for part in parts] == ["boot", "reload", "boot"]


@pytest.mark.slow
def test_a_recording_is_bounded_and_each_of_its_files_is_replayed_by_itself(running, record):
    """Many requests fill it; the file before it has its end."""
    master = running(LOOPS + WEB.format(command=SLEEPER), master="record_maxbytes=64KB\n")
    master.wait_for("success: web1")
    older = record.with_name("record.1")

    def after_a_restart(condition):
        master.call("POST", "/v1/processes/web:*/restart")
        return condition()

    wait_until(master, lambda: after_a_restart(older.exists))
    inode = older.stat().st_ino
    wait_until(master, lambda: after_a_restart(lambda: older.stat().st_ino != inode))
    assert master.stop() == 0
    for file in (record, older):
        parts, _ = assert_decides_the_same(file)
        assert parts[0].why == "rotation"
        assert file.stat().st_size <= 64 * 1024 + 1000


def test_procman_replay_shows_it(running, record):
    """With the exit status of a replay that decides the same."""
    master = running(WEB.format(command=SLEEPER))
    master.wait_for("success: web1")
    assert master.stop() == 0
    command = [sys.executable, "-m", "procman", "replay", str(record), "web"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "web:web0 STOPPED -> STARTING" in ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_random_requests_are_decided_alike_in_the_replay(running, record, seed):
    """Ten masters, each with other requests, signals, updates and upgrades."""
    chance = Random(seed)
    master = running(LOOPS + ODD + WEB.format(command=SLEEPER), master="shutdown_timeout=5s\n")
    master.wait_for("success: web1")
    names = ["web:web0", "web:*", "odd", "hard", "loop", "crash", "none", "all"]
    for step in range(chance.randint(5, 15)):
        match chance.choice(["stop", "start", "restart", "signal", "kill", "update", "upgrade", "add", "remove"]):
            case "signal":
                master.ctl("signal", chance.choice(["USR1", "HUP", "KILL"]), chance.choice(names))
            case "kill":
                for info in master.call("GET", "/v1/processes")["processes"]:
                    if info["pid"] and chance.random() < 0.5:
                        with contextlib.suppress(ProcessLookupError):  # it was faster
                            os.kill(info["pid"], signal.SIGKILL)
            case "update":
                parts = [WEB.format(command=f"{SLEEPER}{step}"), ODD, LOOPS]
                master.write("".join(part for part in parts if chance.random() < 0.8))
                master.ctl("update")
            case "upgrade":
                master.ctl("upgrade")
            case "add" | "remove" as word:
                master.ctl(word, chance.choice(["odd", "loop", "web"]))
            case word:
                master.ctl(word, chance.choice(names))
    master.signal(chance.choice([signal.SIGTERM, signal.SIGINT]))
    master.to_the_end()
    assert_decides_the_same(record)
