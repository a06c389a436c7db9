"""The workers of all disks: which disk has which, and what they do together."""

import os
from functools import partial

import pytest

from procman.logs import disk_health as module
from procman.logs.disk_call import DiskTimeout
from tests.support.silent_disk import hurried, thread_name


class User:
    """Has given something to a disk."""

    def __init__(self):
        self.told = []

    def abandon(self):
        self.told.append("abandoned")


def test_two_folders_of_one_device_share_a_worker(run_with_disk, tmp_path):
    """A folder of an unknown device has a worker of its own until the device is known."""

    async def steps(held):
        first, second = tmp_path / "first", tmp_path / "second"
        first.mkdir()
        disk = held.disks.for_path(f"{first}/web.log")
        guess = held.disks.for_path(f"{second}/db.log")
        assert guess is not disk
        second.mkdir()
        assert held.disks.for_path(f"{second}/db.log") is disk
        assert held.disks.for_device("/third", os.stat(first).st_dev) is disk
        assert held.disks.for_device("/fourth", -1) is not disk

    run_with_disk(steps)


def test_a_discarded_worker_is_not_reported_as_silent(run_with_disk, tmp_path):
    """The thread of a folder ends when its device turns out to have a worker already."""

    async def steps(held):
        held.monkeypatch.setattr(module, "REPORT_AFTER", 0)
        delays, checked = held.count_checks()
        held.disks.for_path(f"{tmp_path}/web.log")
        await checked.wait()
        (tmp_path / "second").mkdir()
        held.disks.for_path(f"{tmp_path}/second/db.log")
        for _ in range(3):
            checked.clear()
            held.disks.for_path(f"{tmp_path}/web.log").call(lambda: None)
            await checked.wait()
        assert len(delays) >= 3
        assert held.reports == []

    run_with_disk(steps)


def test_a_folder_with_an_open_log_keeps_its_worker(run_with_disk, tmp_path):
    """What was given to that worker must be done before what follows."""

    async def steps(held):
        held.disks.for_path(f"{tmp_path}/x")
        guess = held.disks.for_path(f"{tmp_path}/late/db.log")
        guess.users[guess] = None
        (tmp_path / "late").mkdir()
        assert held.disks.for_path(f"{tmp_path}/late/web.log") is guess

    run_with_disk(steps)


def test_the_end_waits_for_a_disk_up_to_a_limit(run_with_disk):
    """The users of a disk that does not answer by then are told to abandon it."""

    async def steps(held):
        done = []
        held.disk.post(partial(done.append, "in time"))
        held.disks.finish(30)
        assert done == ["in time"]
        call, user = held.silence(), User()
        held.disk.users[user] = None
        held.disks.finish(0)
        assert user.told == ["abandoned"]
        call.answer()

    run_with_disk(steps)


def test_a_paused_disk_does_nothing(run_with_disk):
    """Everything given before is done, and what comes later waits until the disk is resumed."""

    async def steps(held):
        other = held.disks.for_path("/other/web.log")
        done = []
        held.disk.post(partial(done.append, "before"))
        assert held.disks.pause() is None
        assert done == ["before"]
        held.disk.post(partial(done.append, "meanwhile"))
        with hurried(held.disks), pytest.raises(DiskTimeout):
            held.disk.call(lambda: None)
        assert done == ["before"]
        held.disks.resume()
        await held.answered.wait()
        assert thread_name(held.disk) == thread_name(other) == "procman-disk"
        assert done == ["before", "meanwhile"]

    run_with_disk(steps)


def test_no_disk_is_paused_if_one_cannot_be(run_with_disk):
    """The one that does not answer is named."""

    async def steps(held):
        other = held.disks.for_path("/other/web.log")
        thread_name(other)
        call = held.silence()
        assert held.disks.pause() == "the disk of /logs does not answer"
        assert held.disks.silent == ["the disk of /logs does not answer"]
        assert thread_name(other) == "procman-disk"
        await held.answer(call)
        assert thread_name(held.disk) == "procman-disk"

    run_with_disk(steps)
