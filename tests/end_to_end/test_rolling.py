"""Rolling restarts and scale with a real master. What cuts them off is in test_interrupted_deployments."""

import os
import socket
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import pytest

from tests.support.master_process import PROGRAMS
from tests.support.running_master import SLEEPER, RunningMaster

HOST = "127.2." + ".".join(map(str, os.getpid().to_bytes(3, "big")[1:]))  # that no other test process has
PORT = 9000
NAMES = [f"web:web_{number}" for number in range(4)]


def web(version: str, *lines: str, numprocs: object = 4) -> str:
    """Four processes that share a socket, and are restarted one after the other."""
    return (
        f"[socket:http]\nlisten=tcp://{HOST}:{PORT}\nbacklog=4096\n"
        f"[program:web]\ncommand={sys.executable} -S {PROGRAMS}/versioned.py {version}\nnumprocs={numprocs}\n"
        "process_name=web_%(process_num)d\nsockets=http\nready=notify\nstart_timeout=20\n"
        "restart_strategy=rolling\n" + "\n".join(lines) + "\n"
    )


class Clients:
    """Connect again and again, from several threads, while the program is restarted."""

    def __init__(self, threads: int = 4) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._connect) for _ in range(threads)]
        self.outcomes: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _connect(self) -> None:
        while not self._over.wait(0.002):
            try:
                with socket.create_connection((HOST, PORT), timeout=20) as client:
                    answer = client.recv(64)
                self.outcomes["answered" if answer else "reset"] += 1
                self.versions[answer.decode().partition(" ")[0]] += 1
            except ConnectionRefusedError:
                self.outcomes["refused"] += 1
            except OSError:
                self.outcomes["reset"] += 1


@pytest.fixture
def start_master(tmp_path):
    masters = []

    def start(programs: str, **more: str) -> RunningMaster:
        masters.append(RunningMaster(tmp_path, programs, **more))
        masters[-1].wait_for("procman started")
        seen = 0
        for _ in range(4):
            seen = masters[-1].wait_for("success: web", after=seen)
        return masters[-1]

    yield start
    for master in masters:
        master.close()


def pids(master: RunningMaster) -> dict[str, int]:
    return {one["namespec"]: one["pid"] for one in master.call("GET", "/v1/processes")["processes"]}


def test_a_bad_version_reaches_one_process_and_abort_brings_that_back(start_master):
    """Three of four old ones go on; exit status 7 says so, and where it has stopped."""
    master = start_master(web("old", "startretries=0"))
    before = pids(master)
    master.write(web("bad", "startretries=0"))
    updated = master.ctl("update")
    assert updated.returncode == 7
    assert "web: rolling restart stopped: web_0 is not ready" in updated.stdout
    assert "0 of 4 have the new definition" in updated.stdout
    assert {name: pid for name, pid in pids(master).items() if name != NAMES[0]} == {
        name: pid for name, pid in before.items() if name != NAMES[0]
    }
    (known,) = master.call("GET", "/v1/rolling")["rolling"]
    assert (known["state"], known["failed"], known["coming"]) == ("stopped", NAMES[0], NAMES[1:])
    second = master.ctl("restart", "web", "--rolling")
    assert second.returncode == 1
    assert f"operation {known['operation']}" in second.stdout
    aborted = master.ctl("restart", "web", "--rolling", "--abort")
    assert (aborted.returncode, aborted.stdout) == (0, "web:web_0: restarted\n")
    with Clients(1) as clients:
        master.ctl("restart", "web", "--rolling", "--batch", "50%")
    assert set(clients.versions) == {"old"}


def test_an_update_that_somebody_aborts_says_so(start_master):
    """Its exit status is that of one that has stopped: what it should have brought is not there."""
    good = web("old").replace("start_timeout=20", "start_timeout=1000")
    master = start_master(good)
    master.write(good.replace(f"{sys.executable} -S {PROGRAMS}/versioned.py old", SLEEPER))  # it is never ready
    with ThreadPoolExecutor() as pool:
        updated = pool.submit(master.ctl, "update")
        master.wait_for("rolling restart of 4 processes began")
        aborted = master.ctl("restart", "web", "--rolling", "--abort")
        assert (aborted.returncode, aborted.stdout) == (0, "web:web_0: restarted\n")
        assert updated.result().returncode == 7
    assert "web: rolling restart ended: it was aborted; 0 of 4 have the new definition" in updated.result().stdout


def test_scale_survives_an_update_and_ends_with_another_number_in_the_file(start_master):
    """The highest numbers leave, and the others are left alone."""
    master = start_master(web("old", "numprocs_max=5"))
    before = pids(master)
    assert master.ctl("scale", "web=5").stdout == "web: from 4 to 5 (the file says 4)\n"
    assert "numprocs_max is 5" in master.ctl("scale", "web+1").stdout
    assert master.ctl("scale", "web=2").stdout == "web: from 5 to 2 (the file says 4)\n"
    assert pids(master) == {name: pid for name, pid in before.items() if name in NAMES[:2]}
    master.ctl("update")
    assert list(pids(master)) == NAMES[:2]
    assert "numprocs" in master.ctl("config", "--drift").stdout
    for name in ("web:web_0", "procman"):
        assert "web was scaled to 2 processes, the file says 4" in master.ctl("why", name).stdout
    assert "\nprocman_programs_scaled 1\n" in master.ctl("metrics").stdout
    master.write(web("old", "numprocs_max=5", numprocs=3))
    master.ctl("update")
    assert list(pids(master)) == NAMES[:3]
    assert master.call("GET", "/v1/scale")["scales"][0]["in_file"] == 3


def test_a_dependent_needs_all_present_processes_of_a_scaled_program(tmp_path):
    """Without any, nothing is waited for; nothing is left for an update to do."""
    programs = (
        f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\nnumprocs=2\nprocess_name=web_%(process_num)d\n"
        f"[program:api]\ncommand={SLEEPER}\nstartsecs=0\nautostart=false\ndepends_on=web@ready\n"
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("success: web_1")
        for asked, names in (("web=3", ["web:web_0", "web:web_1", "web:web_2"]), ("web=0", [])):
            assert master.ctl("scale", asked).returncode == 0
            edges = {one["namespec"]: one["edges"] for one in master.call("GET", "/v1/graph")["processes"]}
            assert [edge["processes"] for edge in edges["api"]] == [names]
        assert master.ctl("start", "api").stdout == "api: started\n"
        assert master.call("GET", "/v1/config/plan")["changes"] == []
        assert "expected a program and a number" in master.ctl("scale", "web=-1").stdout
