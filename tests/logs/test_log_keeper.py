"""Logs that are looked at when the clock says so, and what they were rotated to, compressed one at a time."""

import asyncio
import gzip
import os

from procman.logs.log_file import LogFile
from procman.logs.log_keeper import LogKeeper
from procman.logs.rotation import HOUR, PLAIN, Every, Keeping
from tests.support.fake_clock import Clock
from tests.support.silent_disk import patient_disks


class Compressor:
    """Compresses when the test says so."""

    pid = None

    def __init__(self):
        self.begun = []
        self.ended = False

    def begin(self, job, on_end):
        self.begun.append((job, on_end))

    def leave(self, pid):
        self.pid = pid

    def end(self):
        self.ended = True
        for _, on_end in self.begun:
            on_end("terminated by SIGKILL")
        self.begun = []

    def finish(self, why=None):
        job, on_end = self.begun.pop(0)
        os.write(job.target, gzip.compress(os.pread(job.source, 1 << 20, 0)))
        on_end(why)


class Kept:
    """A log that is kept, as the keeper sees it."""

    path = "log"

    def __init__(self, keeping, due):
        self.keeping, self.due = keeping, due
        self.looked = 0

    def look(self):
        self.looked += 1
        self.due += HOUR


class Timers:
    """A loop that only keeps the latest timer."""

    def __init__(self):
        self.wait = None

    def call_later(self, wait, call):
        self.wait, self.call = wait, call
        return self

    def cancel(self):
        self.wait = None


def test_there_is_one_timer_and_only_where_a_log_wants_it():
    """At the earliest moment, and once an hour at least, as the clock may step."""
    timers, wall = Timers(), Clock()
    keeper = LogKeeper(timers, wall)
    plain = Kept(PLAIN, float("inf"))
    keeper.watch(plain)
    assert timers.wait is None
    hourly, daily = Kept(Keeping(every=Every("hourly")), 1000.0), Kept(Keeping(every=Every("daily")), 50_000.0)
    keeper.watch(daily)
    assert HOUR <= timers.wait < HOUR + 1
    keeper.watch(hourly)
    assert 900 <= timers.wait < 901
    wall.now = 1000.0
    timers.call()
    assert (hourly.looked, daily.looked, plain.looked) == (1, 1, 0)
    assert HOUR <= timers.wait < HOUR + 1
    keeper.forget(hourly)
    keeper.forget(daily)
    assert timers.wait is None


def test_what_could_not_be_rotated_is_looked_at_again_soon():
    """A folder that is gone may come back in a minute."""
    timers, wall = Timers(), Clock()
    keeper = LogKeeper(timers, wall)
    late = Kept(Keeping(every=Every("daily")), wall.now - 1)
    keeper.watch(late)
    assert 60 <= timers.wait < 61


def run(tmp_path, steps):
    """The steps of a test with a disk, a keeper and a compressor."""

    async def whole():
        said = []
        disks = patient_disks(asyncio.get_running_loop())
        keeper = LogKeeper(asyncio.get_running_loop())
        keeper.compressor = Compressor()
        keeping = Keeping(compress="gzip")

        def open_log():
            return LogFile(disks, str(tmp_path / "log"), on_problem=said.append, keeping=keeping, keeper=keeper)

        async def until(condition):
            async with asyncio.timeout(30):
                while not condition():  # noqa: ASYNC110 - files, and what another thread does, make no event
                    await asyncio.sleep(0.001)

        await steps(open_log, keeper, until, said)
        disks.finish(60)
        disks.close()

    asyncio.run(whole())


def test_rotated_files_are_compressed_in_turn(tmp_path):
    """One process at a time, the newest first."""

    async def steps(open_log, keeper, until, said):
        file = open_log()
        for number in range(3):
            file.write(b"%d\n" % number)
            await file.call_async(file.kept.rotate)
        for _ in range(3):
            await until(lambda: keeper.compressor.begun)
            assert len(keeper.compressor.begun) == 1
            keeper.compressor.finish()
        await until(lambda: set(os.listdir(tmp_path)) == {"log", "log.1.gz", "log.2.gz", "log.3.gz"})
        assert gzip.decompress((tmp_path / "log.1.gz").read_bytes()) == b"2\n"
        assert said == []

    run(tmp_path, steps)


def test_a_compression_that_fails_is_said_and_the_file_stays(tmp_path):
    """It is tried again at the next rotation."""

    async def steps(open_log, keeper, until, said):
        file = open_log()
        file.write(b"one\n")
        await file.call_async(file.kept.rotate)
        await until(lambda: keeper.compressor.begun)
        keeper.compressor.finish("No space left on device")
        await until(lambda: said)
        assert "No space left on device; it is tried again" in said[0]
        assert file.problem is not None
        assert set(os.listdir(tmp_path)) == {"log", "log.1"}
        file.write(b"two\n")
        await file.call_async(file.kept.rotate)
        for _ in range(2):
            await until(lambda: keeper.compressor.begun)
            keeper.compressor.finish()
        await until(lambda: len(said) == 2)
        assert "compressed and removed again" in said[1]
        assert file.problem is None

    run(tmp_path, steps)


def test_the_end_leaves_no_half_compressed_file(tmp_path):
    """What is under way is ended, and its file removed; the log is not lost."""

    async def steps(open_log, keeper, until, said):
        file = open_log()
        file.write(b"one\n")
        await file.call_async(file.kept.rotate)
        await until(lambda: keeper.compressor.begun)
        keeper.close()
        file.close()
        await file.disk.flush()
        assert set(os.listdir(tmp_path)) == {"log", "log.1"}
        assert said == []

    run(tmp_path, steps)


def test_two_programs_with_one_file_go_on_together(tmp_path):
    """A rotation by hand, of one of them, is one of the file."""

    async def steps(open_log, keeper, until, said):
        first, second = open_log(), open_log()
        first.write(b"one\n")
        second.write(b"two\n")
        await second.call_async(second.kept.rotate)
        first.write(b"three\n")
        first.sync()
        assert (tmp_path / "log.1").read_bytes() == b"one\ntwo\n"
        assert (tmp_path / "log").read_bytes() == b"three\n"
        assert said == []

    run(tmp_path, steps)
