"""What the real master takes down: who, what and why, from a request to the last thing that it leads to."""

import base64
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from procman.client.api_client import Client, Unreachable
from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.masters_in_turn import MastersInTurn
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster

WEB = f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n"


@pytest.fixture
def running(tmp_path):
    """Starts masters; stops those that a test has left running."""
    masters = []

    def start(programs=WEB, **options):
        masters.append(RunningMaster(tmp_path, programs, **options))
        masters[-1].wait_for("procman started")
        return masters[-1]

    yield start
    for master in masters:
        master.close()


class Journal:
    """All records of a master."""

    def __init__(self, master):
        self.records = master.call("GET", "/v1/journal?limit=10000")["records"]
        self.by_seq = {one["seq"]: one for one in self.records}

    def last(self, kind, name="web", **fields):
        """The latest of that kind with those fields."""
        for one in reversed(self.records):
            if one["kind"] == kind and one.get("name", "") == name and fields.items() <= one.items():
                return one
        raise AssertionError(f"no {kind} of {name} with {fields}: {self.records}")

    def chain(self, one):
        """From the record to its root, in short."""
        found = [one]
        while "cause" in found[-1]:
            found.append(self.by_seq[found[-1]["cause"]])
        return found

    def story(self, one):
        """The kinds of its chain, states as what they became."""
        return [each.get("to") or each["kind"] for each in self.chain(one)]


def until(master, text, after=0):
    """Wait for a line of the log; what it tells of is in the journal then."""
    return master.wait_for(text, after=after)


def test_a_stop_is_of_the_client_from_its_request_to_the_end(running):
    """The command, its pid and its user; the signal, the end and STOPPED follow from it, in one operation."""
    master = running()
    until(master, "success: web")
    asked = subprocess.Popen(
        [sys.executable, "-m", "procman.cli.procmanctl", "-c", str(master.config), "stop", "web"],
        cwd=master.cwd,
        env=master.environ,
        stdout=subprocess.DEVNULL,
    )
    assert asked.wait(PATIENCE) == 0
    journal = Journal(master)
    stopped = journal.last("state", to="STOPPED")
    assert journal.story(stopped) == ["STOPPED", "exit", "signal", "STOPPING", "op-begin"]
    root = journal.chain(stopped)[-1]
    assert (root["reason"], root["data"]) == ("stop", {"targets": ["web"]})
    # It has gone since: what it was called was looked up when it connected.
    assert root["actor"]["kind"] == "client"
    assert (root["actor"]["uid"], root["actor"]["pid"]) == (os.getuid(), asked.pid)
    assert root["actor"]["command"]
    assert len({one["op"] for one in journal.chain(stopped)}) == 1
    operation = master.call("GET", f"/v1/operations/{root['op']}")
    assert (
        operation["actor"]
        == f"uid {os.getuid()} ({root['actor']['user']}, {root['actor']['command']}, pid {asked.pid})"
    )
    shown = master.ctl("events", "web", "--kind", "state").stdout.splitlines()[-1]
    assert f"STOPPING -> STOPPED, by uid {os.getuid()} ({root['actor']['user']}, " in shown
    (run,) = master.call("GET", "/v1/processes/web/runs")["runs"]
    assert (run["start"], run["ending"]) == ("boot", "terminated by SIGTERM")
    assert f"stop web, pid {asked.pid}" in run["stop"]


def test_a_crash_is_a_root_and_the_restart_is_policy(running, tmp_path):
    """Nobody is behind the end; what follows has the actor policy, and no operation."""
    once = f"sh -c 'test -e {tmp_path}/failed && exec sleep 1000; touch {tmp_path}/failed; exit 3'"
    master = running(f"[program:web]\ncommand={once}\nautorestart=true\nstartsecs=0\n")
    until(master, "spawned: 'web'", until(master, "exited: web"))
    journal = Journal(master)
    spawned = journal.last("spawn")
    assert journal.story(spawned)[:3] == ["spawn", "STARTING", "EXITED"]
    end = journal.chain(spawned)[-1]
    assert (end["kind"], end.get("actor"), end["data"]["code"]) == ("exit", None, 3)
    assert {one["actor"]["kind"] for one in journal.chain(spawned)[:-1]} == {"policy"}
    assert not any("op" in one for one in journal.chain(spawned))


def test_a_retry_follows_from_the_failed_start(running):
    """From BACKOFF to BACKOFF, and to the start at boot."""
    master = running("[program:web]\ncommand=/no/such/file\nstartretries=1\n")
    until(master, "gave up: web")
    journal = Journal(master)
    fatal = journal.last("state", to="FATAL")
    assert journal.story(fatal) == ["FATAL", "BACKOFF", "spawn", "STARTING", "BACKOFF", "spawn", "STARTING"]
    assert journal.chain(fatal)[-1]["actor"] == {"kind": "boot"}
    assert "/no/such/file" in journal.last("spawn")["reason"]


def test_a_signal_of_a_client_that_kills_is_the_cause_of_the_end(running):
    """And a signal from elsewhere is nobody's."""
    master = running()
    until(master, "success: web")
    master.call("POST", "/v1/processes/web/signal", {"signal": "KILL"})
    after = until(master, "exited: web")
    journal = Journal(master)
    assert journal.story(journal.last("exit")) == ["exit", "signal", "op-begin"]
    master.call("POST", "/v1/processes/web/start")
    os.kill(master.info("web")["pid"], signal.SIGKILL)
    until(master, "exited: web", after)
    journal = Journal(master)
    assert journal.story(journal.last("exit")) == ["exit"]


def test_what_an_update_does_is_told_by_steps(running):
    """Each with what it was done to; what is stopped and started follows from the update."""
    master = running()
    until(master, "success: web")
    master.write(f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\nenvironment=A=1\n[program:new]\ncommand={SLEEPER}\n")
    master.call("POST", "/v1/config/update", {})
    journal = Journal(master)
    steps = [one for one in journal.records if one["kind"] == "update-step"]
    assert [(one["group"], one.get("name"), one["reason"]) for one in steps] == [
        ("web", None, "stopped"),
        ("web", "web", "replaced"),
        ("web", None, "updated"),
        ("new", None, "added"),
    ]
    assert steps[1]["data"] == {"options": ["environment"]}
    for one in (*steps, journal.last("state", to="STOPPING"), journal.last("state", "new", to="STARTING")):
        root = journal.chain(one)[-1]
        assert (root["kind"], root["reason"], root["actor"]["kind"]) == ("op-begin", "update", "update")


def test_a_shutdown_is_of_the_signal_to_the_last_sigkill(running, tmp_path):
    """What each wave stops follows from it; with a file, this can be read afterwards."""
    master = running(
        f"[program:web]\ncommand={STUBBORN}\nstartsecs=0\nstopwaitsecs=1\nstdout_logfile={tmp_path}/out\n",
        master=f"journal={tmp_path}/journal",
    )
    until(master, "success: web")
    master.hear("web", "armed")
    master.signal(signal.SIGTERM)
    master.to_the_end()
    records = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    assert "ended" in records[-1]
    journal = Journal.__new__(Journal)
    journal.records = [one for one in records if "kind" in one]
    journal.by_seq = {one["seq"]: one for one in journal.records}
    end = journal.last("exit")
    assert journal.story(end) == ["exit", "signal", "signal", "STOPPING", "SHUTDOWN", "op-begin"]
    assert journal.chain(end)[-1]["actor"] == {"kind": "signal", "via": "SIGTERM"}
    assert journal.last("signal", reason="overdue")["data"]["signal"] == "SIGKILL"
    assert journal.last("master", "", reason="quit")["data"]["code"] == 0


def test_an_adopted_program_is_of_the_boot(tmp_path):
    """A killed master's journal goes on in the next one, which says what is missing and what it took over."""
    turns = MastersInTurn(tmp_path, WEB, master=f"journal={tmp_path}/journal")
    try:
        turns.start().expect("success: web")
        wait_until(lambda: Journal(turns).records)
        before = Journal(turns).records
        turns.kill()
        turns.start().expect("adopted: 'web'")
        wait_until(lambda: len(Journal(turns).records) > len(before))
        journal = Journal(turns)
        assert [one["seq"] for one in journal.records[: len(before)]] == [one["seq"] for one in before]
        gap = next(one for one in journal.records if one["kind"] == "gap")
        assert gap["data"]["from"] == before[-1]["seq"] + 1
        assert gap["seq"] > gap["data"]["to"] > before[-1]["seq"]
        adopted = journal.last("spawn", reason="adopted")
        assert adopted["actor"] == {"kind": "boot"}
        assert journal.story(journal.last("state", to="RUNNING")) == ["RUNNING", "STARTING", "spawn"]
        began = journal.last("master", "", reason="began")
        assert began["data"]["pid"] == turns.master.pid
        assert "taken over from a killed master at" in turns.master.ctl("why", "web").stdout
        assert began["data"]["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    finally:
        turns.close()


def wait_until(condition):
    """For what is told beside the log: that a master answers, that a file has been read."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(Unreachable):
            if condition():
                return
        assert time.monotonic() < deadline, "it never came true"
        os.sched_yield()


def test_a_client_over_tcp_is_its_login_and_address(running):
    """A refused one is taken down, too: once, however often it comes."""
    port = free_port()
    server = f"[inet_http_server]\nport=127.0.0.1:{port}\nusername=me\npassword=secret\n"
    server += "readonly_username=guest\nreadonly_password=guess\n"
    master = running(server + WEB)
    until(master, "success: web")

    def ask(login, path, method="POST"):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            token = base64.b64encode(login.encode()).decode()
            connection.request(method, path, headers={"Authorization": f"Basic {token}"})
            return connection.getresponse().status

    assert ask("me:secret", "/v1/processes/web/restart") == 200
    for _ in range(50):
        assert ask("me:wrong", "/v1/processes/web/stop") == 401
    assert ask("guest:guess", "/v1/processes/web/stop") == 403
    journal = Journal(master)
    asked = journal.last("op-begin", "")
    assert (asked["actor"]["kind"], asked["actor"]["user"]) == ("client", "me")
    assert asked["actor"]["via"].endswith(" 127.0.0.1")
    operation = master.call("GET", "/v1/operations")["operations"][0]
    assert operation["actor"] == f"a client of {asked['actor']['via']} (me)"
    denied = [one for one in journal.records if one["kind"] == "access-denied"]
    assert [(one["reason"], one["data"]["status"], one["actor"]["user"]) for one in denied] == [
        ("wrong name or password", 401, "me"),
        ("this account is read-only: log in with one that may make changes", 403, "guest"),
    ]
    assert "secret" not in json.dumps(journal.records)
    assert "wrong:" not in json.dumps(journal.records)


def test_an_upgrade_goes_on_with_numbers_records_and_operations(running):
    """Those of before are there, the new code says that it has taken over, and no number comes again."""
    master = running()
    until(master, "success: web")
    before = Journal(master).records
    operation = master.call("POST", "/v1/master/upgrade")["operation"]
    until(master, "upgraded: procman")
    journal = Journal(master)
    assert [one["seq"] for one in journal.records][: len(before)] == [one["seq"] for one in before]
    upgraded = journal.last("master", "", reason="upgraded")
    assert upgraded["seq"] > before[-1]["seq"]
    assert upgraded["actor"] == {"kind": "upgrade"}
    master.call("POST", "/v1/processes/web/stop")
    stopped = Journal(master).last("op-begin", "")
    assert stopped["op"] > operation
    exit_ = Journal(master).last("exit")
    assert exit_["run"] == 1


def test_a_reload_goes_on_with_the_journal(running):
    """The same memory, and the numbers go on."""
    master = running()
    until(master, "success: web")
    first = Journal(master).records[0]
    master.signal(signal.SIGHUP)
    after = until(master, "received SIGHUP")
    until(master, "success: web", after)
    journal = Journal(master)
    assert journal.records[0] == first
    assert len({one["seq"] for one in journal.records}) == len(journal.records)
    assert [one["reason"] for one in journal.records if one["kind"] == "master" and "reason" in one].count("began") == 2


def test_events_follows_what_happens(running):
    """A line for each record as it comes, until the master ends."""
    master = running()
    until(master, "success: web")
    with Client(f"unix://{master.socket}").stream("GET", "/v1/journal?follow=1&name=web&kind=state") as stream:
        assert next(stream) == b"\n"
        master.call("POST", "/v1/processes/web/stop")
        said = b""
        while len(said.split()) < 2 or not said.endswith(b"\n"):
            said += next(stream)
        assert [json.loads(line)["to"] for line in said.splitlines() if line] == ["STOPPING", "STOPPED"]
        master.signal(signal.SIGTERM)
        assert list(stream) in ([], [b"\n"])
    master.to_the_end()


def test_a_journal_that_cannot_be_is_a_clear_error(tmp_path):
    """A misspelt word, a folder that is not there."""
    for value, why in (("memroy", "did you mean memory?"), ("/no/such/folder/journal", "does not exist")):
        file = tmp_path / "x.toml"
        file.write_text(f'[procman]\njournal = "{value}"\n')
        ran = subprocess.run(
            [sys.executable, "-m", "procman", "check", "-c", str(file)], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 2
        assert "journal" in ran.stdout + ran.stderr
        assert why in ran.stdout + ran.stderr
