"""Crash reports on a disk that is full, read-only or silent: they are in memory, and all else goes on."""

import os
from pathlib import Path

import pytest

from tests.support.fault_programs import on_tmpfs
from tests.support.faulty_master import assert_well, program
from tests.support.running_master import python

pytestmark = pytest.mark.slow

FAILS = python("import sys; sys.exit(int(input()))")


def start(start_master, tmp_path, wrapper, **more):
    """A master whose program ends when it is told how, and the folder of its reports as it sees it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    master = start_master(
        program("web", FAILS, startsecs=0, autorestart="true"),
        master=f"reports_dir={disk}/reports",
        wrapper=(*wrapper, str(disk)),
        **more,
    )
    master.wait_until_up("web")

    def entries():
        folder = Path(f"/proc/{master.pid}/root{disk}/reports")
        return os.listdir(folder) if folder.exists() else []

    return master, disk, entries


def kinds(master):
    return [(info["how"], info["times"]) for info in master.call("GET", "/v1/crashes")["crashes"]]


@pytest.mark.parametrize(
    ("options", "reason"), [("size=4k", "No space left on device"), ("ro", "Read-only file system")]
)
def test_the_disk_of_the_reports_takes_nothing(start_master, mount_namespace, tmp_path, options, reason):
    """One line, however many there are; nothing half written is left there."""
    mount = f'mount -t tmpfs -o {options} none "$0" && exec "$@"'
    master, disk, entries = start(start_master, tmp_path, ("unshare", "--mount", "sh", "-c", mount))
    master.say("web", "3\n")
    at = master.wait_for("success: web", after=master.wait_for("exited: web"))
    # The first one has room on the small disk.
    master.say("web", "4\n")
    master.wait_for("exited: web", after=at)
    master.wait_for(f"cannot keep crash reports in {disk}/reports (reports_dir): {reason}; they are kept in memory")
    assert not [name for name in entries() if name.startswith(".")]
    assert kinds(master) == [("exit status 4", 1), ("exit status 3", 1)]
    assert_well(master)
    assert master.log().count("cannot keep crash reports") == 1


def test_the_disk_of_the_reports_does_not_answer(start_master, mount_namespace, injection, tmp_path):
    """What is kept in memory is shown, with a note; the master serves, and leaves in time."""
    master, disk, entries = start(start_master, tmp_path, on_tmpfs("1m"), **injection.environ)
    master.say("web", "3\n")
    master.wait_until(lambda: len(entries()) == 1, lambda: None)
    injection.say("hang", disk)
    at = master.wait_for("success: web", after=master.wait_for("exited: web"))
    master.say("web", "4\n")
    master.wait_for("exited: web", after=at)
    master.wait_for(f"cannot keep crash reports in {disk}/reports (reports_dir): its disk does not answer")
    answer = master.call("GET", "/v1/crashes")
    assert [info["how"] for info in answer["crashes"]] == ["exit status 4", "exit status 3"]
    assert answer["note"] == f"{disk}/reports: its disk does not answer"
    refused = master.ctl("upgrade")
    assert f"cannot upgrade: crash reports are being written to {disk}/reports" in refused.stdout
    master.assert_serves()
    master.assert_stops()
