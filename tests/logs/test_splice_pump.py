"""From a pipe straight into a file, past the master's memory."""

import asyncio
import os
import resource

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.logs.disk_workers import DiskWorkers
from procman.logs.fair_scheduler import FairScheduler
from procman.logs.followers import RingFollower
from procman.logs.log_file import LogFile
from procman.logs.pump import Pump
from procman.logs.ring import Ring
from procman.logs.rotating_file import RotatingFile
from procman.logs.sink import Null
from tests.support.log_lines import PATIENCE


class Straight:
    """A pump from a pipe, whose write end the test holds, into one file; `read` counts what was read in the master."""

    def __init__(self, path, **options):
        self.path = path
        self.said = []
        reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        loop = asyncio.get_running_loop()
        self.disks = DiskWorkers(loop, turn_limit=PATIENCE, call_limit=PATIENCE)
        self.sink = LogFile(self.disks, str(path), on_problem=self.said.append, **options)
        self.written = 0
        write = self.sink.write

        def count(data):
            self.written += len(data)
            return write(data)

        self.sink.write = count
        self.ring = Ring()
        self.pump = Pump(FairScheduler(loop), reader, [self.sink], self.ring)

    def write(self, data):
        os.write(self.writer, data)
        self.pump.drain()
        assert self.sink.sync()

    def close(self):
        os.close(self.writer)
        self.pump.close()
        self.sink.close()
        self.disks.finish(60)
        self.disks.close()


@pytest.fixture
def straight(tmp_path):
    """Runs a test's steps on a loop, with a pump into `log` of the test's folder."""

    def run(steps, **options):
        async def live():
            made = Straight(tmp_path / "log", **options)
            try:
                await steps(made)
            finally:
                made.close()

        asyncio.run(live())

    return run


def test_bytes_are_spliced_past_the_master(straight):
    """The file has all of them, and none was written by the master."""

    async def steps(made):
        made.write(b"one\n")
        made.write(b"two\n")
        assert made.path.read_bytes() == b"one\ntwo\n"
        assert (made.written, made.pump.bytes_in, made.ring.tail(100)) == (0, 8, b"")

    straight(steps)


def test_a_follower_sees_spliced_bytes(straight):
    """All that come after its look at the file, and the file stays whole."""

    async def steps(made):
        made.write(b"before\n")
        seen, follower = await follow(made)
        made.write(b"while\n")
        assert (seen, await follower.read()) == (b"before\n", (b"while\n", 0))
        follower.close()
        made.write(b"after\n")
        assert made.path.read_bytes() == b"before\nwhile\nafter\n"
        assert (made.written, made.ring.end) == (0, 6)
        seen, follower = await follow(made)
        made.write(b"again\n")
        assert (seen, await follower.read()) == (b"before\nwhile\nafter\n", (b"again\n", 0))
        follower.close()

    straight(steps)


def test_a_second_follower_sees_what_is_new_since_its_own_look(straight):
    """Nothing twice and nothing missing, whatever is on its way to the first one."""

    async def steps(made):
        _, first = await follow(made)
        # What the thread has heard by now the loop will hear of later.
        made.write(b"one\n")
        asked = asyncio.ensure_future(follow(made))
        await asyncio.sleep(0)
        made.write(b"two\n")
        seen, second = await asked
        made.write(b"three\n")
        assert seen + (await read_all(second, len(b"one\ntwo\nthree\n") - len(seen))) == b"one\ntwo\nthree\n"
        assert await read_all(first, len(b"one\ntwo\nthree\n")) == b"one\ntwo\nthree\n"
        second.close()
        made.write(b"four\n")
        assert await read_all(first, len(b"four\n")) == b"four\n"
        first.close()

    straight(steps)


def test_a_follower_sees_all_bytes_however_they_are_moved(straight):
    """Spliced, through the master, and into another file: in order."""

    async def steps(made):
        _, follower = await follow(made)
        other = LogFile(made.disks, f"{made.path}.other")
        made.write(b"alone ")
        made.pump.set_sinks([made.sink, Null()])
        made.write(b"both ")
        made.pump.set_sinks([other])
        made.write(b"other ")
        assert other.sync()
        made.pump.set_sinks([made.sink])
        made.write(b"alone again")
        assert await read_all(follower, len(b"alone both other alone again")) == b"alone both other alone again"
        follower.close()
        other.close()

    straight(steps)


def test_a_follower_slower_than_a_flood_learns_what_it_missed(straight):
    """No more is kept for the loop than the ring has room for."""

    async def steps(made):
        _, follower = await follow(made)
        block = b"x" * 65535 + b"\n"
        for _ in range(5):
            made.write(block)
        assert await follower.read() == (block, 4 * len(block))
        follower.close()

    straight(steps)


def test_a_log_without_followers_keeps_no_copy(straight):
    """The memory of an earlier follower is freed."""

    async def steps(made):
        _, follower = await follow(made)
        made.write(b"x" * 1000)
        assert await read_all(follower, 1000) == b"x" * 1000
        made.write(b"y" * 1000)
        follower.close()
        made.sink.spliced.deliver()
        made.sink.spliced.stop(made.ring)
        made.write(b"z" * 1000)
        await asyncio.sleep(0)
        assert made.ring.tail(5000) == b""
        assert made.sink.spliced._on_loop._pending.tail(5000) == b""

    straight(steps)


async def follow(made):
    """What is in the file now, and a follower of everything after it."""
    follower = RingFollower(made.ring)
    seen, position = await made.sink.spliced.start(made.ring, made.path.read_bytes)
    follower.seek(position)
    return seen, follower


async def read_all(follower, count):
    """So many bytes; that none were missed is a part of it."""
    data = b""
    while len(data) < count:
        more, missed = await asyncio.wait_for(follower.read(), 60)
        assert missed == 0
        data += more
    return data


def test_lines_appended_by_others_are_not_overwritten(straight):
    """With a second writer the file is written with O_APPEND, and has all lines of both."""

    async def steps(made):
        made.write(b"ours\n")
        with made.path.open("ab") as other:
            other.write(b"theirs\n")
        made.write(b"ours again\n")
        with made.path.open("ab") as other:
            other.write(b"theirs again\n")
        made.write(b"the last\n")
        assert made.path.read_bytes() == b"ours\ntheirs\nours again\ntheirs again\nthe last\n"

    straight(steps)


def test_a_truncated_file_is_continued_without_a_hole(straight):
    """As logrotate's copytruncate needs it."""

    async def steps(made):
        made.write(b"x" * 1000)
        os.truncate(made.path, 0)
        made.write(b"new\n")
        assert made.path.read_bytes() == b"new\n"

    straight(steps)


def test_bytes_that_do_not_fit_are_counted_and_later_ones_written(straight):
    """The pipe is read meanwhile."""

    async def steps(made):
        made.write(b"x" * 900)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            made.write(b"y" * 300)
            made.write(b"z" * 50)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert made.path.read_bytes() == b"x" * 900 + b"y" * 100
        assert made.sink.lost == 250
        assert len(made.said) == 1
        made.sink.reopen()
        made.write(b"back\n")
        assert made.path.read_bytes().endswith(b"yback\n")

    straight(steps)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.binary(min_size=1, max_size=4000), min_size=1, max_size=40), st.integers(1, 9000), st.integers(0, 3))
def test_rotation_of_spliced_bytes_keeps_order_and_every_byte(tmp_path_factory, chunks, maxbytes, backups):
    """With enough backups, the files joined are what was written."""
    folder = tmp_path_factory.mktemp("logs")

    async def live():
        made = Straight(folder / "log", maxbytes=maxbytes, backups=len(chunks) + backups)
        for chunk in chunks:
            made.write(chunk)
        made.close()

    asyncio.run(live())
    names = sorted(os.listdir(folder), key=lambda name: -int(name.partition(".")[2] or 0))
    assert b"".join((folder / name).read_bytes() for name in names) == b"".join(chunks)


def test_a_fifo_is_not_opened_for_reading(tmp_path):
    """Its reader stays the only one."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = RotatingFile(str(path))
    sink.write(b"hello")
    assert os.read(reader, 100) == b"hello"
    os.close(reader)
    sink.write(b"nobody is there")
    assert sink.lost == len(b"nobody is there")
    sink.close()


def test_with_a_second_sink_bytes_go_through_the_master(straight):
    """Both sinks have them, whenever the second one comes and goes."""

    async def steps(made):
        made.write(b"alone ")
        made.pump.set_sinks([made.sink, Null()])
        made.write(b"both ")
        assert made.ring.tail(100) == b"both "
        made.pump.set_sinks([made.sink])
        made.write(b"alone again")
        assert made.ring.tail(100) == b""
        assert made.path.read_bytes() == b"alone both alone again"
        assert made.written == len(b"both ")

    straight(steps)
