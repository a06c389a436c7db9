"""A recording whose disk is full, silent, read-only or gone: it pauses, which is said once, and the master goes on."""

from pathlib import Path

import pytest

from procman.cli.procman_commands.replay import read_entries
from procman.core.replay import Decision, Part, Replay
from procman.runtime import recorder
from tests.support.fault_programs import on_tmpfs
from tests.support.faulty_master import assert_well
from tests.support.running_master import SLEEPER

pytestmark = pytest.mark.slow

WEB = f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n"


def start(start_master, injection, tmp_path):
    """A master that records on a disk of 16 MiB; the folder, and where it is seen from here."""
    disk = tmp_path / "disk"
    disk.mkdir()
    wrapper = (*on_tmpfs("16m"), str(disk))
    master = start_master(WEB, master=f"record={disk}/record", wrapper=wrapper, **injection.environ)
    return master.wait_until_up("web"), disk, Path(f"/proc/{master.pid}/root{disk}")


def restart_until(master, text):
    """Give the core something to decide until the log has that line."""
    master.wait_until(lambda: text in master.log(), lambda: master.ctl("restart", "web"))


def replayed(path: Path):
    """The steps of a recording; the last line may be torn."""
    replay = Replay()
    return [replay.take(entry) for _, entry in read_entries(str(path)).numbered]


def assert_replays(path: Path, *, parts: list[str]):
    steps = replayed(path)
    assert [step for step in steps if isinstance(step, Decision) and not step.same] == []
    assert [step.why for step in steps if isinstance(step, Part)] == parts


def test_the_disk_of_a_recording_is_full(start_master, mount_namespace, injection, tmp_path):
    """It pauses at the last whole line, and begins anew with the state then, once there is room."""
    master, disk, there = start(start_master, injection, tmp_path)
    filler = there / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    restart_until(master, f"recording to {disk}/record pauses: No space left on device; it starts again")
    assert (there / "record").read_bytes().endswith(b"\n")
    master.assert_serves()
    filler.unlink()
    restart_until(master, f"recording to {disk}/record has started again")
    assert_replays(there / "record", parts=["boot", "resumed"])
    assert master.log().count("pauses") == 1
    assert_well(master)


def test_the_disk_of_a_recording_does_not_answer(start_master, mount_namespace, injection, tmp_path):
    """Nothing waits for it; what it was given before is recorded when it answers."""
    master, disk, _ = start(start_master, injection, tmp_path)
    injection.say("hang", disk)
    restart_until(master, f"the disk of {disk} does not answer")
    master.assert_serves()
    injection.end("hang")
    master.wait_for(f"the disk of {disk} answers again")
    master.assert_serves()
    master.call("POST", "/v1/processes/web/restart")
    assert_well(master)


def test_a_recording_that_cannot_be_begun(start_master, tmp_path):
    """A directory of that name is one line of the log, and everything else works."""
    (tmp_path / "record").mkdir()
    master = start_master(WEB, master=f"record={tmp_path}/record").wait_until_up("web")
    master.wait_for(f"recording to {tmp_path}/record pauses: Is a directory")
    assert_well(master)


def test_a_pause_is_no_shorter_than_the_file_system_needs():
    """A full disk is tried a few times a minute, not at each event."""
    assert recorder.RETRY_AFTER >= 5
