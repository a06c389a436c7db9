"""A journal whose disk is full, silent, read-only or removed; readers that are behind or gone; masters that are killed.

In each of them everything else goes on, nothing is lost unsaid, and no number is used twice.
"""

import contextlib
import itertools
import json
import os
import random
import socket
import subprocess
from pathlib import Path

import pytest

from procman.client.api_client import ApiError, Unreachable
from procman.runtime.journal.file import MOST_WAITING
from tests.support.fault_programs import on_tmpfs
from tests.support.faulty_master import FaultyMaster, assert_well, program
from tests.support.log_lines import PATIENCE
from tests.support.masters_in_turn import MastersInTurn
from tests.support.running_master import SLEEPER, python

pytestmark = pytest.mark.slow

LOOP = program("loop", "/bin/true", autorestart="true")
# Its restarts are not spread out: records come as fast as they can.
RESTLESS = "restart_brake=false"
MISSING = "everything goes on, and records are missing in it"


def lines(path: Path) -> list[dict]:
    """What is in a file of a journal, to its last whole line: another one may be on its way."""
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]


def seqs(found: list[dict]) -> list[int]:
    return [line["seq"] for line in found if "seq" in line]


def gaps(found: list[dict]) -> list[dict]:
    return [line["data"] for line in found if line.get("kind") == "gap"]


def assert_nothing_is_missing_unsaid(told: list[dict], found: list[dict]) -> None:
    """Each record that a reader was told is in the file, or in a gap of it; no number is there twice."""
    there = seqs(found)
    assert len(set(there)) == len(there), "a number was used twice"
    said = set(there)
    missing = [one for one in told if one["kind"] != "gap" and one["seq"] not in said]
    unsaid = [one for one in missing if not any(gap["from"] <= one["seq"] <= gap["to"] for gap in gaps(found))]
    assert not unsaid, unsaid[:3]


def on_a_disk(start_master, tmp_path, size: str, programs: str = LOOP, **options):
    """A master whose journal is on a file system of its own: the master, and that folder as the test sees it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    master = start_master(
        programs, master=f"{RESTLESS}\njournal={disk}/journal", wrapper=(*on_tmpfs(size), str(disk)), **options
    )
    master.wait_until_up()
    return master, disk, Path(f"/proc/{master.pid}/root{disk}")


def told_until(master, condition) -> list[dict]:
    """All that a reader is told from the beginning until a record for which the condition holds."""
    told = []
    with contextlib.closing(master.client()) as client, client.stream("GET", "/v1/journal?since=1&follow=1") as stream:
        rest = b""
        for piece in stream:
            *whole, rest = (rest + piece).split(b"\n")
            for line in filter(None, whole):
                told.append(json.loads(line))
                if condition(told[-1]):
                    return told
    raise AssertionError("the stream has ended")


def test_the_journal_is_on_a_full_disk(start_master, mount_namespace, tmp_path):
    """One line of log, and a gap with the reason as soon as there is room; the programs notice nothing."""
    master, disk, there = on_a_disk(start_master, tmp_path, "64k")
    after = master.wait_for(f"cannot write journal {disk}/journal: No space left on device; {MISSING}")
    # Now: each look at the witness is a signal, and the records of those push older ones out of the ring.
    trouble = master.call("GET", "/v1/journal?kind=log-trouble")["records"]
    said = [one["reason"].split(":")[0] for one in trouble if one["kind"] == "log-trouble"]
    assert said == [f"cannot write journal {disk}/journal"]
    master.assert_serves()
    # With it, the disk might soon be full again.
    master.call("POST", "/v1/processes/loop/stop")
    os.truncate(there / "journal", 0)
    again = f"journal {disk}/journal can be written again;"
    master.wait_until(lambda: again in master.log(), lambda: master.has_written("witness"))
    master.wait_for(again, after=after)
    found = lines(there / "journal")
    assert gaps(found)[0]["reason"] == "No space left on device"
    assert_well(master)
    assert sum("cannot write journal" in line for line in master.lines) == 1


def test_the_disk_of_the_journal_becomes_read_only(start_master, mount_namespace, tmp_path):
    """It is said once, and it goes on by itself when the disk can be written again."""
    master, disk, there = on_a_disk(start_master, tmp_path, "16m")

    # A disk with a file that is open for writing cannot become read-only, but a mount of it can.
    master.wait_until((there / "journal").exists)
    inside = ("nsenter", "-t", str(master.pid), "-m")
    below = os.open(there, os.O_PATH)
    subprocess.run([*inside, "mount", "--bind", disk, disk], check=True)
    subprocess.run([*inside, "mount", "-o", "remount,bind,ro", disk], check=True)
    # Not before: the master makes it anew at once, and could write on to that one.
    os.unlink("journal", dir_fd=below)
    os.close(below)
    after = master.wait_for(f"cannot write journal {disk}/journal: Read-only file system; {MISSING}")
    master.assert_serves()
    subprocess.run([*inside, "umount", disk], check=True)
    master.wait_for(f"journal {disk}/journal can be written again;", after=after)
    master.call("POST", "/v1/processes/loop/stop")
    assert {gap["reason"] for gap in gaps(lines(there / "journal"))} & {"Read-only file system", "the file was removed"}
    assert_well(master)


def test_the_folder_of_the_journal_is_removed(start_master, tmp_path):
    """The master makes the file again as soon as it can, and says what is missing."""
    folder = tmp_path / "gone"
    folder.mkdir()
    master = start_master(LOOP, master=f"{RESTLESS}\njournal={folder}/journal").wait_until_up()
    (folder / "journal").unlink()
    folder.rmdir()
    after = master.wait_for(f"cannot write journal {folder}/journal: No such file or directory")
    folder.mkdir()
    master.wait_for(f"journal {folder}/journal can be written again;", after=after)
    master.call("POST", "/v1/processes/loop/stop")
    told = master.call("GET", "/v1/journal?limit=10000")["records"]
    assert_nothing_is_missing_unsaid(told, lines(folder / "journal"))
    assert_well(master)


def test_the_disk_of_the_journal_does_not_answer(start_master, mount_namespace, injection, tmp_path):
    """Nothing waits for it; what it did not take in time is a gap, and the rest is there when it answers again."""
    master, disk, there = on_a_disk(start_master, tmp_path, "16m", **injection.environ)
    injection.say("hang", disk)
    master.wait_for(f"the disk of {disk} does not answer; what is to be written there waits")
    master.assert_serves()
    position = master.call("GET", "/v1/journal?limit=1")["next"]
    # More than may wait for the disk; meanwhile the numbers may leap, so the records are counted.
    beyond = itertools.count()
    told = told_until(master, lambda one: one["seq"] > position and next(beyond) > 2 * MOST_WAITING)
    injection.end("hang")
    master.wait_for(f"the disk of {disk} answers again")
    master.call("POST", "/v1/processes/loop/stop")
    last = master.call("GET", "/v1/journal?limit=1")["records"][0]
    master.wait_until(
        lambda: seqs(lines(there / "journal"))[-1] >= last["seq"], lambda: master.call("GET", "/v1/master")
    )
    found = lines(there / "journal")
    assert "its disk does not answer" in {gap["reason"] for gap in gaps(found)}
    assert_nothing_is_missing_unsaid(told, found)
    assert_well(master)


def test_a_reader_that_is_behind_is_told_what_it_has_missed(start_master):
    """It costs the master no memory: what has given way meanwhile is a gap to that reader."""
    master = start_master(LOOP, master=RESTLESS).wait_until_up()
    reader = socket.socket(socket.AF_UNIX)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(master.socket)
    reader.sendall(b"GET /v1/journal?since=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    begun = master.call("GET", "/v1/journal?limit=1")["next"]
    told_until(master, lambda one: one["seq"] > begun + 8000)
    reader.settimeout(PATIENCE)
    heard = b""
    while b'"kind": "gap", "name": "loop"' not in heard:
        heard = heard[-100_000:] + reader.recv(65536)
    reader.close()
    master.call("POST", "/v1/processes/loop/stop")
    assert_well(master)


def test_readers_that_leave_leave_nothing_behind(start_master):
    """A hundred of them, in the middle of a stream, and whoever comes when there are too many is refused."""
    master = start_master(LOOP, master=RESTLESS).wait_until_up()
    readers = []
    for _ in range(100):
        reader = socket.socket(socket.AF_UNIX)
        reader.connect(master.socket)
        reader.sendall(b"GET /v1/journal?since=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in reader.recv(100)
        readers.append(reader)
    with contextlib.closing(master.client()) as client, pytest.raises((ApiError, Unreachable)):
        client.stream("GET", "/v1/journal?follow=1")
    for reader in readers:
        reader.close()
    master.call("POST", "/v1/processes/loop/stop")
    assert_well(master)


def test_what_programs_write_does_not_get_into_the_lines_of_events(start_master):
    """Control characters and lines of a megabyte: each record is one short line that acts on no terminal."""
    writes = "sys.stdout.write('x' * 1000000 + '\\n')\nsys.stderr.write('\\x1b[2J\\x07' * 1000 + '\\n')"
    loud = python(f"import sys\n{writes}\nsys.exit(3)")
    odd = "/no/such/\x1b[2J" + "y" * 5000
    sections = [
        program(name, command, startretries=0, startsecs=1000) for name, command in (("loud", loud), ("odd", odd))
    ]
    master = start_master("".join(sections)).wait_until_up()
    master.wait_for("gave up: odd")
    master.wait_for("gave up: loud")
    shown = master.ctl("events", "-n", "100").stdout
    assert "odd" in shown
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) < 2000
    assert_well(master)


@pytest.mark.parametrize("seed", [4711, 4712])
def test_kills_and_upgrades_at_random_moments_use_no_number_twice(tmp_path, seed):
    """Ten of each, with a program that never rests: every record that was told is there or said to be missing.

    Twice: twenty of each take five minutes on a busy machine, which is as long as a test may take.
    """
    chance = random.Random(seed)
    told: dict[int, dict] = {}
    turns = MastersInTurn(
        tmp_path,
        LOOP + program("calm", SLEEPER),
        master=f"{RESTLESS}\nsilent=true\njournal={tmp_path}/journal\njournal_maxbytes=100MB",
    )
    turns.start()
    try:
        for deed in chance.sample(["kill", "upgrade"] * 10, 20):
            enough = len(told) + chance.randrange(10, 100)
            FaultyMaster.wait_until(lambda: _look(turns, told) > enough)  # noqa: B023 - it is over when this is
            if deed == "upgrade":
                FaultyMaster.wait_until(lambda: _is_upgraded(turns, told))
            else:
                turns.kill()
                turns.start()
        FaultyMaster.wait_until(lambda: _look(turns, told))
    finally:
        turns.close()
    found = lines(tmp_path / "journal")
    assert_nothing_is_missing_unsaid(list(told.values()), found)
    assert sum(one["reason"] == "upgraded" for one in told.values() if one["kind"] == "master") >= 10
    # Some were killed before they could write that.
    assert sum("without notice" in gap["reason"] for gap in gaps(found)) > 5


def _is_upgraded(turns, told: dict[int, dict]) -> bool:
    """Ask for an upgrade; whether one has taken place since. It may be refused while programs are being started."""

    def refusals() -> int:
        return (turns.file.parent / "master.log").read_text().count("not upgraded")

    def upgrades() -> int:
        _look(turns, told)
        return sum(one["kind"] == "master" and one["reason"] == "upgraded" for one in told.values())

    before, refused = upgrades(), refusals()
    try:
        turns.call("POST", "/v1/master/upgrade")
    except (ApiError, Unreachable):
        return False
    FaultyMaster.wait_until(lambda: upgrades() > before or refusals() > refused)
    return upgrades() > before


def _look(turns, told: dict[int, dict]) -> int:
    """Take in all that the master tells, and return how much that is; a number for two things is an error."""
    with contextlib.suppress(Unreachable, ApiError):
        for one in turns.call("GET", "/v1/journal?limit=10000")["records"]:
            if one["kind"] != "gap":
                known = told.setdefault(one["seq"], one)
                assert known == one, "a number was used twice"
    return len(told)
