"""The forms of program output on the master's stdout, and what happens when nothing reads it."""

import contextlib
import json
import re

import pytest

from procman.client.api_client import Client
from tests.support.running_master import RunningMaster, python

SAYS = python("import sys, time; print('one'); print('two', file=sys.stderr); time.sleep(1000)")
FLOODS = python("import sys; sys.stdout.write(('x' * 99 + chr(10)) * 60_000)")


@pytest.fixture
def start_master(tmp_path):
    masters = []

    def start_master(programs: str, master: str = "") -> RunningMaster:
        masters.append(RunningMaster(tmp_path, programs, master=master))
        return masters[-1]

    yield start_master
    for master in masters:
        master.close()


def says(name: str, *lines: str) -> str:
    head = f"[program:{name}]\ncommand={SAYS}\nstdout_logfile=-\nstderr_logfile=-"
    return "\n".join([head, *lines, ""])


def test_lines_stand_behind_the_names_of_their_programs(start_master):
    """Lines have the name of their program in front, padded to the longest; the master's own say procman."""
    master = start_master(says("web") + says("database"), "log_format=prefix")
    for line in ("web      | one", "web      | two", "database | one", "procman  | "):
        master.wait_for(line)


def test_short_names_are_padded_to_the_masters_own(start_master):
    """Short names are padded to the master's own, whose lines are among them."""
    master = start_master(says("web"), "log_format=prefix")
    for line in ("procman | ", "web     | one", "web     | two"):
        master.wait_for(line)


def test_a_name_that_is_too_long_makes_no_room_that_nobody_fills(start_master):
    """A very long name sticks out, and the other names are padded to each other."""
    long = "x" * 33
    master = start_master(says(long) + says("web-server"), "log_format=prefix")
    for line in (f"{long} | one", "web-server | one", "procman    | "):
        master.wait_for(line)


def test_json_is_for_machines_and_each_program_may_differ(start_master):
    """With JSON, every line is a record, except those of a program with another format."""
    master = start_master(
        says("web") + says("plain", "log_format=raw", "log_timestamp=none"), "log_format=json\nlog_timestamp=iso"
    )
    for said in ("one", "two"):
        master.wait_for(said, after=master.wait_for(said))
    master.stop()
    records = [json.loads(line) for line in master.lines if line.rstrip() not in ("one", "two")]
    web = [record for record in records if record["program"] == "web"]
    assert {(record["stream"], record["message"]) for record in web} == {("stdout", "one"), ("stderr", "two")}
    assert all(record["time"].endswith("Z") for record in records)
    assert any(record["program"] == "procman" and "received SIGTERM" in record["message"] for record in records)
    assert sum(line.rstrip() in ("one", "two") for line in master.lines) == 2


def test_a_log_goes_to_a_file_and_to_the_console(start_master, tmp_path):
    """Output to a file and the console is in both, and `tail` reads the file."""
    master = start_master(f"[program:web]\ncommand={SAYS}\nstdout_logfile={tmp_path}/web.log, -\n")
    master.wait_for("one")
    assert master.ctl("tail", "web").stdout.strip() == "one"
    assert (tmp_path / "web.log").read_text() == "one\n"


def test_tail_reads_what_went_to_the_console(start_master):
    """`tail` of a console log comes from the master's memory."""
    master = start_master(says("web"))
    master.wait_for("one")
    assert master.ctl("tail", "web").stdout.strip() == "one"


def test_the_masters_own_log_is_read_back_from_the_console(start_master):
    """`maintail` shows the part of a console log that is in memory."""
    master = start_master(says("web"), "logfile=/dev/stdout")
    spawned = master.lines[master.wait_for("spawned: 'web'") - 1]
    assert spawned.strip() in master.ctl("maintail").stdout


def test_a_program_may_drop_its_lines_rather_than_wait(start_master):
    """With log_overflow=drop, a program ends although nothing reads its 6 MB; the loss is logged and counted."""
    lines = ["stdout_logfile=-", "log_overflow=drop", "autorestart=false", "startsecs=0"]
    master = start_master("\n".join([f"[program:web]\ncommand={FLOODS}", *lines, ""]))
    master.wait_for("procman started")
    # Not from its stdout, which nothing reads until the program has ended.
    log = b""
    with (
        contextlib.closing(Client(f"unix://{master.socket}")) as client,
        client.stream("GET", "/v1/log?follow=1&tail=100000") as stream,
    ):
        for piece in stream:
            log += piece
            if b"exited: web (exit status 0; expected)" in log:
                break
    lost = master.info("web")["lost"]
    assert lost > 1_000_000
    # Read from here on: at its end the master waits half a second for a reader, which a busy machine may not have.
    master.wait_for("of web were not written")
    assert master.stop() == 0
    (dropped,) = re.findall(r"(\d+) lines of web were not written: nobody read the console", master.text)
    assert int(dropped) * 100 == lost
    assert sum(line == "x" * 99 for line in master.lines) == 60_000 - int(dropped)
