"""A journal on a disk that may be silent: nothing waits for it, nothing is lost unsaid, no number is used twice."""

import asyncio
import contextlib
import json
import math
import threading
import time

import pytest

from procman.logs.disk_workers import DiskWorkers
from procman.runtime.bus import Sequence
from procman.runtime.journal import file as module
from procman.runtime.journal.disk_file import BLOCK
from procman.runtime.journal.file import JournalFile
from tests.support.journal_records import record
from tests.support.log_lines import PATIENCE


class Site:
    """The file, the thread of its disk, and the numbers of a master."""

    def __init__(self, path):
        self.path = path
        self.reports = []
        self.sequence = Sequence()
        self.answered = asyncio.Event()
        # The loop waits for a disk that works, however busy the machine is.
        self.disks = DiskWorkers(
            asyncio.get_running_loop(),
            self.reports.append,
            on_answer=self.answered.set,
            turn_limit=math.inf,
            call_limit=PATIENCE,
        )
        self.disk = self.disks.for_path(str(path))
        self.file = self.again()

    def again(self):
        self.file = JournalFile(
            self.disks, str(self.path), 0, self.sequence, report=self.reports.append, remark=self.reports.append
        )
        return self.file

    def write(self, count=1):
        for _ in range(count):
            seq = self.sequence.next()
            self.file.write(record(seq))
            self.file.used(seq)

    async def settled(self):
        """All is done that was given to the disk."""
        while self.disk.is_stuck:
            await self.answered.wait()
            self.answered.clear()
        await self.disk.call_async(lambda: None)

    async def lines(self):
        await self.settled()
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    @contextlib.contextmanager
    def silent(self):
        """The disk does not answer meanwhile."""
        self.disks._side.call_limit = 0.02
        goes_on, has_begun = threading.Event(), threading.Event()

        def hang():
            has_begun.set()
            assert goes_on.wait(30)

        self.disk.post(hang)
        self.disk._wake()
        assert has_begun.wait(30)
        try:
            yield
        finally:
            goes_on.set()
            self.disks._side.call_limit = PATIENCE


def on_loop(steps):
    """Run the steps on a loop; what they are told of is a folder."""

    def test(tmp_path, monkeypatch):
        async def run():
            site = Site(tmp_path / "journal")
            try:
                await steps(site, monkeypatch)
            finally:
                site.disks.close()

        asyncio.run(run())

    test.__doc__ = steps.__doc__
    return test


async def _goes_on(site, _):
    """After a clean end the next master goes on with the next number, and nothing is missing."""
    assert site.file.begin() is None
    site.write(3)
    site.file.close()
    await site.settled()
    site.sequence.last = 0
    assert site.again().begin() is None
    assert site.sequence.last == 3
    site.write()
    seqs = [line["seq"] for line in await site.lines() if "seq" in line]
    assert seqs == [1, 2, 3, 4]


test_numbers_go_on_after_a_clean_end = on_loop(_goes_on)


async def _killed(site, _):
    """After a kill all numbers that may have been used are left out, and a record says what is missing."""
    site.file.begin()
    site.write(3)
    lines = await site.lines()
    reserved = max(line.get("reserved", 0) for line in lines)
    assert reserved >= 3 + BLOCK // 2
    site.disk.call(site.file._file._close_fd)
    site.sequence.last = 0
    gap = site.again().begin()
    assert gap.data == {"from": 4, "to": reserved, "reason": module.KILLED}
    assert gap.seq == site.sequence.last == reserved + 1


test_no_number_is_used_again_after_a_kill = on_loop(_killed)


async def _ahead(site, _):
    """Numbers are reserved before they are used, however many are used in one turn of the loop."""
    site.file.begin()
    for _ in range(3):
        for _ in range(BLOCK):
            site.file.used(site.sequence.next())
            assert site.sequence.last < site.file._file.reserved
    assert site.sequence.last == 3 * BLOCK


test_a_number_is_reserved_before_it_is_used = on_loop(_ahead)


async def _silent(site, monkeypatch):
    """What finds too many waiting is a gap; what was accepted is written when the disk answers."""
    monkeypatch.setattr(module, "MOST_WAITING", 5)
    site.file.begin()
    await site.lines()
    with site.silent():
        site.write(20)
    await site.lines()
    site.write(2)
    lines = [line for line in await site.lines() if "seq" in line]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5, 20, 21, 22]
    assert lines[5]["data"] == {"from": 6, "to": 20, "records": 15, "reason": "its disk does not answer"}


test_a_silent_disk_is_a_gap = on_loop(_silent)


async def _used_up(site, _):
    """Where the disk lets it reserve no more, it goes on with a number that no counting has reached."""
    site.file.begin()
    await site.lines()
    with site.silent():
        for _ in range(2 * BLOCK):
            site.file.used(site.sequence.next())
        leapt = site.sequence.last
        assert leapt > (time.time() - 60) * 1000
        site.write(3)
        assert site.sequence.last == leapt + 3
    reserved = max(line.get("reserved", 0) for line in await site.lines())
    assert reserved > site.sequence.last


test_numbers_leap_when_none_can_be_reserved = on_loop(_used_up)


async def _silent_at_first(site, _):
    """A disk that is silent at the start is not waited for, and what was there is gone on with later."""
    site.path.write_text(json.dumps(record(900).to_json()) + "\n")
    with site.silent():
        assert site.file.begin() is None
        assert site.sequence.last > (time.time() - 60) * 1000
        site.write()
    assert [line["seq"] for line in await site.lines() if "seq" in line] == [900, site.sequence.last]


test_a_disk_that_is_silent_at_the_start = on_loop(_silent_at_first)


async def _tail(site, _):
    """The records of an earlier master come beside the loop, and a line that makes no sense is told."""
    site.path.write_text("".join(json.dumps(record(seq).to_json()) + "\n" for seq in (1, 2)) + "nonsense\n")
    site.file.begin()
    loaded = asyncio.get_running_loop().create_future()
    site.file.load(loaded.set_result)
    assert await loaded == [record(1), record(2)]
    await site.settled()
    await asyncio.sleep(0)
    assert f"cannot understand 1 line of journal {site.path}; left out" in site.reports


test_the_records_of_an_earlier_master_are_read = on_loop(_tail)


async def _upgrade(site, _):
    """The file goes on where it was, with what could not be written so far."""
    site.file.begin()
    site.write(2)
    await site.lines()
    with site.silent():
        site.write(2)
        handed = site.file.snapshot()
        site.file._queue.clear()  # that thread rests until its process is another one
    await site.settled()
    site.disk.call(site.file._file._close_fd)
    assert site.again().restore(handed)
    site.write()
    assert [line["seq"] for line in await site.lines() if "seq" in line] == [1, 2, 3, 4, 5]
    assert not site.file.restore({**handed, "path": "/other"})


test_an_upgrade_goes_on_with_the_file = on_loop(_upgrade)


async def _abandoned(site, _):
    """A master that ends does not wait for a silent disk, and says how many were not written."""
    site.file.begin()
    await site.lines()
    with site.silent():
        site.write(4)
        site.disks.finish(0.0)
        assert site.reports == [f"4 records were not written to journal {site.path}: its disk does not answer"]


test_what_a_silent_disk_has_not_got_at_the_end_is_said = on_loop(_abandoned)


@pytest.mark.parametrize("path", ["missing/journal", ""])
def test_a_path_that_cannot_be_opened_is_one_line_of_log(tmp_path, path):
    """The master goes on, and its numbers are none that may be in the file."""

    async def run():
        site = Site(tmp_path / path)
        assert site.file.begin() is None
        site.write(2)
        await site.settled()
        await asyncio.sleep(0)
        assert site.sequence.last > (time.time() - 60) * 1000
        (report,) = {text.partition(":")[0] for text in site.reports}
        assert report.startswith("cannot write journal")
        assert len(site.reports) == 1
        site.disks.close()

    asyncio.run(run())
