"""Rolling restarts and applied plans while the master is killed or upgraded: they go on, or are said to have ended."""

import contextlib
import os
import signal
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from procman.client.api_client import ApiError, Unreachable
from tests.end_to_end.test_rolling import Clients, web
from tests.support.master_process import PROGRAMS, Master
from tests.support.masters_in_turn import MastersInTurn

pytestmark = pytest.mark.slow
ROUNDS = 10
# In the middle of a batch, and between two.
MOMENTS = ("waiting for web_1 to stop", "stopped: web_2", "spawned: 'web_3'", "web_0 is ready, 1 of")


@pytest.fixture
def masters(tmp_path):
    made = MastersInTurn(tmp_path, web("v0"))
    try:
        made.start().expect_all([f"success: web_{number} entered" for number in range(4)])
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def held_up(masters: MastersInTurn, name: str) -> Generator[None]:
    """That process does not become ready meanwhile."""
    gate = masters.folder / f"{name}.gate"
    os.mkfifo(gate)
    yield
    gate.open("w").close()
    gate.unlink()


class Asked(threading.Thread):
    """Ask for what is cut off: by a kill, there is no answer."""

    def __init__(self, masters: MastersInTurn, path: str, body: object) -> None:
        super().__init__()
        self._masters, self._asked = masters, (path, body)
        self.start()

    def run(self) -> None:
        try:
            self._masters.call("POST", *self._asked)
        except (Unreachable, ApiError):
            pass


class Commanded(threading.Thread):
    """`restart --rolling`, which asks the next master for the end."""

    def __init__(self, master: Master) -> None:
        super().__init__()
        self._ctl = master.ctl
        self.said = ""
        self.start()

    def run(self) -> None:
        self.said = self._ctl("restart", "web", "--rolling").stdout

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        assert self.said == "the connection was lost; asking the next master\nweb: the rolling restart is over\n"


def running(masters: MastersInTurn) -> list[int]:
    """The processes of the program, whoever knows of them."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                ours = f"XDG_RUNTIME_DIR={masters.runtime_dir}".encode() in (folder / "environ").read_bytes().split(
                    b"\0"
                )
            except OSError:
                continue
            if ours and f"{PROGRAMS}/versioned.py".encode() in words:
                found.append(int(folder.name))
    return sorted(found)


def is_whole(masters: MastersInTurn, version: str) -> None:
    """Each slot runs once, with this version."""
    known = masters.call("GET", "/v1/processes")["processes"]
    assert {one["statename"] for one in known} == {"RUNNING"}
    pids = sorted(one["pid"] for one in known if one["group"] == "web")
    assert running(masters) == pids
    assert len(pids) == 4
    for pid in pids:
        assert version.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def test_a_rolling_restart_goes_on_over_kills_and_upgrades(masters):
    """At whatever moment: nobody is refused, no slot runs twice, and its client is told of the end."""
    with Clients(1) as clients:
        for moment in MOMENTS:
            with held_up(masters, "web_3"):  # so that it is not over before the kill
                asked = Commanded(masters.master)
                masters.master.expect(moment)
                masters.kill()
                masters.start().expect("web is restarted one batch after the other: a rolling restart was cut off")
            masters.master.expect("rolling restart is done")
            asked.join()
            is_whole(masters, "v0")
        for name in ("web_0", "web_2"):
            with held_up(masters, name):
                asked = Commanded(masters.master)
                masters.master.expect(f"spawned: '{name}'")
                masters.upgrade()
                assert masters.call("GET", "/v1/rolling")["rolling"][0]["under_way"] == [f"web:{name}"]
            masters.master.expect("rolling restart is done, 4 of 4")
            asked.join()
            is_whole(masters, "v0")
    assert set(clients.outcomes) == {"answered"}, clients.outcomes


def test_after_a_bad_version_three_of_four_go_on_whatever_is_killed(masters):
    """The next master tries the one that has failed, and leaves the others alone, as the master before did."""
    masters.write(web("bad", "startretries=0"))
    Asked(masters, "/v1/config/update", {}).join()
    before = running(masters)
    assert len(before) == 3
    masters.kill()
    masters.start().expect("3 are left|4 are left", "rolling restart stopped: web_0 is not ready")
    assert running(masters) == before


def test_a_scale_survives_an_upgrade_and_a_kill_and_ends_with_a_reload(masters):
    """The highest numbers have left, and the others keep their pids."""
    kept = [one["pid"] for one in masters.call("GET", "/v1/processes")["processes"]][:2]
    masters.call("POST", "/v1/scale", {"scale": "web=2"})
    masters.upgrade()
    assert running(masters) == sorted(kept)
    masters.kill()
    masters.start().expect("success: web_1 entered")
    assert running(masters) == sorted(kept)
    [scale] = masters.call("GET", "/v1/scale")["scales"]
    assert (scale["numprocs"], scale["in_file"]) == (2, 4)
    masters.master.signal(signal.SIGHUP)
    masters.master.expect_all([f"success: web_{number} entered" for number in range(4)])


def with_job(number: int) -> str:
    """Beside it, a program that does not end when it is asked to."""
    job = f"command=sleep {1000 + number}\nstartsecs=0\nstopsignal=CHLD\nstopwaitsecs=3600\n"
    return f"{web(f'v{number}')}[program:job]\n{job}"


@contextlib.contextmanager
def unfinished(masters: MastersInTurn) -> Generator[None]:
    """That program goes on meanwhile, and then ends."""
    pid = masters.call("GET", "/v1/processes/job")["processes"][0]["pid"]
    yield
    os.kill(pid, signal.SIGKILL)


def apply(masters: MastersInTurn, number: int) -> Asked:
    """A plan of all that is restarted; it is in the middle of that when this returns."""
    masters.write(with_job(number))
    plan = masters.call("GET", "/v1/config/plan")
    asked = Asked(masters, "/v1/config/apply", {"plan": plan})
    masters.master.expect_all(["waiting for job to stop", f"spawned: 'web_{number % 4}'"])
    return asked


def is_applied(masters: MastersInTurn, number: int) -> None:
    masters.master.expect_all(["spawned: 'job'", "rolling restart is done"])
    is_whole(masters, f"v{number}")
    [job] = masters.call("GET", "/v1/processes/job")["processes"]
    assert Path(f"/proc/{job['pid']}/cmdline").read_bytes() == f"sleep\0{1000 + number}\0".encode()
    assert masters.call("GET", "/v1/config/plan")["changes"] == []


def test_an_applied_plan_goes_on_over_ten_upgrades_and_is_said_to_have_ended_after_ten_kills(masters):
    """So does the rolling restart in it: the processes get their definitions, each slot once, and nobody is refused."""
    masters.write(with_job(0))
    masters.call("POST", "/v1/config/update", {})
    masters.master.expect("spawned: 'job'")
    with Clients(1) as clients:
        for number in range(1, 1 + ROUNDS):
            with unfinished(masters), held_up(masters, f"web_{number % 4}"):
                asked = apply(masters, number)
                masters.kill()
                asked.join()
                masters.start().expect(r"update \d+ was under way when procman was killed .*: it has ended without a ")
            is_applied(masters, number)
        for number in range(1 + ROUNDS, 1 + 2 * ROUNDS):
            with unfinished(masters), held_up(masters, f"web_{number % 4}"):
                asked = apply(masters, number)
                masters.upgrade()
            is_applied(masters, number)
            asked.join()
    assert set(clients.outcomes) == {"answered"}, clients.outcomes
    ends = masters.call("GET", "/v1/journal?kind=op-end")["records"]
    assert [one["reason"] for one in ends].count("update") == ROUNDS, ends
