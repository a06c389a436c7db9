"""A log is rotated or compressed on a disk that does not answer: all else goes on, and no byte is lost or doubled."""

import contextlib
import gzip
import os

import pytest

from tests.faults.test_faulty_places import hang_disk, master_on_a_disk
from tests.support.faulty_master import assert_well, program

pytestmark = pytest.mark.slow

# Incompressible, so that compressing it takes a while.
SIZE = 4_000_000
HEAVY = f"/bin/sh -c 'head -c {SIZE} /dev/urandom; echo; echo written; exec cat'"


def hear(master, name, end):
    """Until the program has written that."""
    with contextlib.closing(master.follow(name)) as said:
        heard = b""
        while not heard.endswith(end):
            heard += next(said)


def in_order(there, name):
    """What the log and all that it was rotated to contain, the oldest first."""
    found = [file for file in there.iterdir() if file.name.startswith(f"{name}.")]
    numbers = sorted(found, key=lambda file: -int(file.name.split(".")[2]))
    pieces = [gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes() for file in numbers]
    return b"".join(pieces) + (there / name).read_bytes()


def test_a_disk_hangs_while_a_log_is_to_be_rotated(start_master, mount_namespace, injection, tmp_path):
    """By its size and by hand: a request says why not, and what was due is done when the disk answers."""
    told = program("told", "/bin/cat", stdout_logfile="{disk}/told.log", stdout_logfile_maxbytes=64)
    told += "stdout_logfile_backups=1000\nstdout_logfile_max_total=1MB\n"
    master, disk, there = master_on_a_disk(start_master, injection, tmp_path, told)
    master.wait_until_up("told")
    lines = []

    def say():
        lines.append(f"{len(lines):031}\n")
        master.say("told", lines[-1])

    say()
    hang_disk(master, injection, disk, say, "tail", "told")
    for _ in range(5):
        say()
    there_is = sorted(os.listdir(there))
    shown = master.ctl("logs", "rotate", "told").stdout
    assert "its disk does not answer" in shown
    assert "told: rotated" not in shown
    master.assert_serves()
    assert sorted(os.listdir(there)) == there_is
    injection.end("hang")
    master.wait_for(f"the disk of {disk} answers again")
    lines.append("end\n")
    master.say("told", "end\n")
    hear(master, "told", b"end\n")
    assert master.ctl("logs", "rotate", "told").stdout == "told: rotated\n"
    assert in_order(there, "told.log").decode() == "".join(lines)
    assert len(os.listdir(there)) > len(there_is)
    assert master.info("told")["lost"] == 0
    assert_well(master)


def test_a_disk_hangs_while_a_log_is_compressed(start_master, mount_namespace, injection, tmp_path):
    """The helper waits for the disk, nobody for the helper; then the compressed file is whole."""
    heavy = program("heavy", HEAVY, stdout_logfile="{disk}/heavy.log", stdout_logfile_maxbytes=0)
    heavy += "stdout_logfile_compress=gzip\n"
    master, disk, there = master_on_a_disk(start_master, injection, tmp_path, heavy)
    master.wait_until_up("heavy")
    hear(master, "heavy", b"written\n")
    before = (there / "heavy.log").read_bytes()
    assert len(before) > SIZE
    assert master.ctl("logs", "rotate", "heavy").stdout == "heavy: rotated\n"
    master.wait_until(lambda: any(".compressing" in name for name in os.listdir(there)))
    injection.say("hang", disk)
    master.assert_serves()
    names = os.listdir(there)
    assert "heavy.log.1" in names
    assert "heavy.log.1.gz" not in names
    injection.end("hang")
    master.wait_until(lambda: "heavy.log.1.gz" in os.listdir(there))
    assert gzip.decompress((there / "heavy.log.1.gz").read_bytes()) == before
    master.say("heavy", "after\n")
    hear(master, "heavy", b"after\n")
    master.wait_until(lambda: sorted(os.listdir(there)) == ["heavy.log", "heavy.log.1.gz"])
    assert (there / "heavy.log").read_bytes() == b"after\n"
    assert master.info("heavy")["lost"] == 0
    assert_well(master)
