"""The file of metrics on a disk that is full, read-only or silent: programs, clients and the end go on."""

import os
from pathlib import Path

import pytest

from tests.support.fault_programs import on_tmpfs
from tests.support.faulty_master import assert_well, program
from tests.support.metric_readings import series, value
from tests.support.running_master import SLEEPER

pytestmark = pytest.mark.slow


def missed(master):
    return value(series(master.ctl("metrics").stdout), "procman_metrics_file_missed_writes_total")


def start(start_master, tmp_path, wrapper, **more):
    """A master with a folder of its own for the file, and that folder as it sees it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    master = start_master(
        program("web", SLEEPER),
        master=f"metrics_file={disk}/procman.prom",
        wrapper=(*wrapper, str(disk)),
        **more,
    )
    return master, disk, lambda: sorted(os.listdir(Path(f"/proc/{master.pid}/root{disk}")))


@pytest.mark.parametrize(
    ("options", "reason"), [("size=4k", "the disk is full"), ("ro", "the file system is read-only")]
)
def test_the_disk_of_the_metrics_takes_nothing(start_master, mount_namespace, tmp_path, options, reason):
    """One line and a count; nothing half written is left there."""
    mount = f'mount -t tmpfs -o {options} none "$0" && exec "$@"'
    master, disk, entries = start(start_master, tmp_path, ("unshare", "--mount", "sh", "-c", mount))
    master.wait_for(f"cannot write metrics_file {disk}/procman.prom: {reason}; it is tried again every 15 s")
    master.wait_until_up("web")
    assert missed(master) >= 1
    assert entries() == []
    assert_well(master)
    assert master.log().count("cannot write metrics_file") == 1


def test_the_disk_of_the_metrics_does_not_answer(start_master, mount_namespace, injection, tmp_path):
    """What is due meanwhile is missed; the master serves, and leaves in time."""
    master, disk, entries = start(start_master, tmp_path, on_tmpfs("1m"), **injection.environ)
    master.wait_until_up("web")
    master.wait_until(lambda: entries() == ["procman.prom"], lambda: None)
    injection.say("hang", disk)
    master.wait_for(f"cannot write metrics_file {disk}/procman.prom: its disk does not answer")
    assert missed(master) >= 1
    refused = master.ctl("upgrade")
    assert refused.returncode == 1
    assert f"cannot upgrade: metrics_file {disk}/procman.prom is being written" in refused.stdout
    master.assert_serves()
    master.assert_stops()
