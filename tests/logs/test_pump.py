"""From a pipe to the sinks, on the loop."""

import asyncio
import itertools
import os
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from procman.logs.disk_workers import DiskWorkers
from procman.logs.fair_scheduler import SLICE, FairScheduler
from procman.logs.filters import StreamFilter
from procman.logs.followers import RingFollower
from procman.logs.log_file import LogFile
from procman.logs.pump import READ_SIZE, READS_PER_TURN, Pump
from procman.logs.ring import Ring


class Collector:
    """A sink that takes `appetite` chunks and then has enough until `feed` is called."""

    path = None
    problem = None
    lost = 0

    def __init__(self, appetite=None):
        self.appetite = appetite
        self.chunks = []
        self.waiting = []
        self.ended = 0

    @property
    def data(self):
        return b"".join(self.chunks)

    @property
    def ready(self):
        return self.appetite != 0

    def write(self, data):
        self.chunks.append(data)
        if self.appetite is not None:
            self.appetite -= 1
        return self.ready

    def on_ready(self, callback):
        self.waiting.append(callback)

    def feed(self, appetite=None):
        self.appetite = appetite
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()

    def end(self):
        self.ended += 1

    def reopen(self):
        pass

    def clear(self):
        pass

    def close(self):
        pass


class Piped:
    """A pump on a pipe whose write end the test holds."""

    def __init__(self, *sinks, clock=time.monotonic, **options):
        self.loop = asyncio.get_running_loop()
        reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.eof = self.loop.create_future()
        self.ring = Ring()
        self.pump = Pump(
            FairScheduler(self.loop, clock),
            reader,
            sinks,
            self.ring,
            on_eof=lambda: self.eof.set_result(None),
            **options,
        )

    def write(self, data):
        return os.write(self.writer, data)

    async def close(self):
        os.close(self.writer)
        await self.eof


def running(test):
    """Run an async test as a plain one."""

    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


@running
async def test_all_bytes_go_to_every_sink_until_the_end():
    """What was written is in each sink and the ring, and the end is told once."""
    one, two = Collector(), Collector()
    piped = Piped(one, two)
    piped.write(b"hello ")
    piped.write(b"world")
    await piped.close()
    assert one.data == two.data == piped.ring.tail(100) == b"hello world"
    assert (one.ended, two.ended) == (1, 1)
    assert piped.pump.closed
    assert piped.pump.bytes_in == 11
    piped.pump.close()
    piped.pump.drain()
    assert piped.pump.unread == 0


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=30), st.integers(1, 3), st.just("drain"), st.just("sink"))),
    st.integers(0, 3),
)
def test_no_byte_is_lost_or_doubled_by_waiting(steps, appetite):
    """Whenever sinks have enough, are ready again or are replaced, the bytes arrive once and in order."""

    async def run():
        steady, slow = Collector(), Collector(appetite)
        slow_parts = [slow]
        piped = Piped(steady, slow)
        written = b""
        for step in steps:
            match step:
                case bytes():
                    piped.write(step)
                    written += step
                case int():
                    slow_parts[-1].feed(step)
                case "drain":
                    piped.pump.drain()
                case _:
                    slow_parts.append(Collector(appetite))
                    piped.pump.set_sinks([steady, slow_parts[-1]])
        slow_parts[-1].feed()
        await piped.close()
        assert steady.data == b"".join(sink.data for sink in slow_parts) == written
        assert piped.pump.bytes_in == len(written)

    asyncio.run(run())


@running
async def test_a_sink_that_has_enough_stops_only_its_own_pipe():
    """The pipe of one program fills; another's is read on."""
    full = Piped(Collector(0))
    taken = 0
    try:
        while True:
            taken += full.write(b"x" * 65536)
    except BlockingIOError:
        pass
    free = Piped(Collector())
    free.write(b"free")
    await free.close()
    assert full.pump.bytes_in == 0
    full.pump.close()
    assert full.pump.unread == taken
    assert not full.eof.done()
    os.close(full.writer)


@running
async def test_drain_reads_what_a_dead_program_wrote():
    """No turn of the loop is needed: when drain returns it is in the log."""
    sink = Collector()
    piped = Piped(sink)
    data = os.urandom(200_000)
    assert piped.write(data) == len(data)
    piped.pump.drain()
    assert sink.data == data
    await piped.close()


@running
async def test_a_grandchild_that_goes_on_writing_does_not_hold_the_loop():
    """Drain reads what the pipe can hold, no more, though it is filled again behind its back."""
    sink = Collector()

    def refill(data):
        piped.write(b"y" * len(data))

    piped = Piped(sink, stream_filter=StreamFilter(on_raw=refill), pipe_size=1 << 17)
    piped.write(b"x" * (1 << 17))
    piped.pump.drain()
    assert piped.pump.bytes_in == 1 << 17
    piped.pump.close()
    os.close(piped.writer)


def slow_clock(share):
    """A clock by which each reading takes that share of a slice."""
    return map(SLICE.__mul__, itertools.count(0, share)).__next__


@running
async def test_one_turn_is_bounded():
    """However much there is, the loop gets its turn back after a few reads."""
    piped = Piped(Collector(), pipe_size=1 << 20, clock=slow_clock(1))
    total = piped.write(b"x" * (1 << 20))
    turns = []

    def watch():
        turns.append(piped.pump.bytes_in)
        if piped.pump.bytes_in < total:
            piped.loop.call_soon(watch)

    watch()
    await piped.close()
    steps = [after - before for before, after in itertools.pairwise(turns)]
    assert max(steps) <= READ_SIZE * READS_PER_TURN


@running
async def test_pumps_share_a_turn_and_are_served_in_turn():
    """Of many that always have something, as many read on one turn as a slice has room for; and nobody is forgotten."""
    loop = asyncio.get_running_loop()
    rota = FairScheduler(loop, slow_clock(0.4))
    served, pumps = [], {}
    for name in "abcdefg":
        reader, writer = os.pipe()
        os.write(writer, b"x")

        def heard(data, name=name, writer=writer):
            served.append(name)
            os.write(writer, data)

        pumps[name] = Pump(rota, reader, [Collector()], Ring(), stream_filter=StreamFilter(on_raw=heard)), writer
    turns = []
    while len(served) < 100:
        before = len(served)
        await asyncio.sleep(0)
        turns.append(len(served) - before)
    assert max(turns[1:]) == 3
    # In what order the loop finds them is its own affair, within a slice.
    for name in pumps:
        for meanwhile in "".join(served).split(name)[:-1]:
            assert all(meanwhile.count(other) <= 2 for other in pumps)
    assert set(served) == set(pumps)
    for pump, writer in pumps.values():
        pump.close()
        os.close(writer)


@running
async def test_a_pump_that_was_closed_while_it_waited_for_its_turn_reads_no_more():
    """Its descriptor may be somebody else's by then."""
    rota = FairScheduler(asyncio.get_running_loop(), slow_clock(1))
    first, second = Collector(), Collector()
    pipes = [os.pipe(), os.pipe()]
    pumps = [Pump(rota, reader, [sink], Ring()) for (reader, _), sink in zip(pipes, (first, second), strict=True)]
    for _, writer in pipes:
        os.write(writer, b"x")
    for pump in pumps:
        rota.ready(pump)
    assert (first.data, second.data) == (b"x", b"")
    pumps[1].close()
    await asyncio.sleep(0)
    assert (second.data, pumps[1].unread) == (b"", 1)
    pumps[0].close()
    for _, writer in pipes:
        os.close(writer)


@running
async def test_colours_are_stripped_across_reads():
    """What reaches ring, sinks and listeners has no escape sequence, also where a read ends inside one."""
    sink = Collector()
    seen = []
    piped = Piped(sink, stream_filter=StreamFilter(strip_ansi=True, on_text=seen.append))
    for part in (b"\x1b[3", b"1mred\x1b", b"[0m \x1b["):
        piped.write(part)
        piped.pump.drain()
    await piped.close()
    assert sink.data == piped.ring.tail(100) == b"".join(seen) == b"red \x1b["


@running
async def test_a_program_that_only_colours_does_not_pass_a_sink_that_has_enough():
    """Chunks that strip to nothing do not take a sink for ready that is not."""
    sink = Collector(1)
    piped = Piped(sink, stream_filter=StreamFilter(strip_ansi=True))
    piped.write(b"text")
    piped.pump.drain()
    assert piped.pump.is_blocked
    piped.write(b"\x1b[0m")
    piped.pump.drain()
    assert piped.pump.bytes_in == 4
    sink.feed()
    await piped.close()
    assert sink.data == b"text"


@running
async def test_a_pump_may_be_closed_by_who_hears_of_its_data():
    """Its descriptor may be somebody else's a moment later, and is not touched again."""
    piped = Piped(Collector(), stream_filter=StreamFilter(on_raw=lambda _data: piped.pump.close()))
    piped.write(b"x" * (2 * READ_SIZE))
    piped.pump.drain()
    assert piped.pump.bytes_in == piped.pump.unread == READ_SIZE
    assert not piped.eof.done()
    os.close(piped.writer)


@running
async def test_what_is_in_no_log_is_counted():
    """Bytes in are bytes in the file plus bytes lost, also when the disk is full at times."""
    disks = DiskWorkers(asyncio.get_running_loop())
    sink = LogFile(disks, "/dev/full")
    piped = Piped(sink)
    piped.write(b"x" * 1000)
    await piped.close()
    assert (piped.pump.unread, sink.lost, piped.pump.bytes_in) == (0, 1000, 1000)
    sink.close()
    disks.finish(60)
    disks.close()


@running
async def test_a_pipe_that_cannot_be_enlarged_is_read_as_it_is():
    """More than the limit of the system: refused by the kernel, not a problem of ours."""
    sink = Collector()
    piped = Piped(sink, pipe_size=1 << 31 - 1)
    piped.write(b"x")
    await piped.close()
    assert sink.data == b"x"


@running
async def test_a_follower_reads_as_slowly_as_it_likes():
    """It gets what is new, is told what it missed, and learns of the end."""
    ring = Ring(4)
    ring.append(b"old")
    follower = RingFollower(ring)
    waiting = asyncio.ensure_future(follower.read())
    await asyncio.sleep(0)  # lets it wait
    ring.append(b"new")
    assert await waiting == (b"new", 0)
    ring.append(b"123456")
    ring.append(b"78")
    assert await follower.read() == (b"5678", 4)
    ring.close()
    assert await follower.read() == (b"", 0)
    follower.close()


@running
async def test_a_follower_may_begin_in_the_past():
    """From a position of the ring, as `tail -f` does."""
    ring = Ring(10)
    ring.append(b"0123456789ab")
    follower = RingFollower(ring, ring.end - 3)
    assert await follower.read() == (b"9ab", 0)
    follower.close()
    other = RingFollower(ring, 0)
    assert await other.read() == (b"23456789ab", 2)
    other.close()
