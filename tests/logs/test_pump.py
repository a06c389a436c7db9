"""From a pipe to the sinks, on the loop."""

import asyncio
import fcntl
import itertools
import os

from hypothesis import given, settings
from hypothesis import strategies as st

from procman.logs.filters import StreamFilter
from procman.logs.log_file import LogFile
from procman.logs.pipe_io import PIPE_SIZE, USUAL_SIZE
from procman.logs.pump import READ_SIZE, READS_PER_TURN
from tests.support.piped import Collector, Piped, running, slow_clock
from tests.support.silent_disk import patient_disks


@running
async def test_all_bytes_go_to_every_sink_until_the_end():
    """Each sink and the ring have all bytes, and the end is announced once."""
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
    """Whenever sinks are full, ready again or replaced, the bytes arrive once and in order."""

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
async def test_a_full_sink_stops_only_its_own_pipe():
    """The pipe of one program fills; that of another is read."""
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
    """It needs no turn of the loop: when drain returns, the bytes are in the log."""
    sink = Collector()
    piped = Piped(sink, holds=PIPE_SIZE)
    data = os.urandom(200_000)
    assert piped.write(data) == len(data)
    piped.pump.drain()
    assert sink.data == data
    await piped.close()


@running
async def test_a_descendant_that_keeps_writing_does_not_hold_the_loop():
    """Drain reads what the pipe holds and a byte, even if it is filled again meanwhile."""
    sink = Collector()

    def refill(data):
        piped.write(b"y" * len(data))

    piped = Piped(sink, stream_filter=StreamFilter(on_raw=refill), holds=1 << 17)
    piped.write(b"x" * (1 << 17))
    piped.pump.drain()
    assert piped.pump.bytes_in == (1 << 17) + 1
    piped.pump.close()
    os.close(piped.writer)


@running
async def test_one_turn_is_bounded():
    """However much there is, the loop gets its turn back after a few reads."""
    piped = Piped(Collector(), holds=1 << 20, clock=slow_clock(1))
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
async def test_colours_are_stripped_across_reads():
    """Ring, sinks and receivers get no escape sequence, even if a read ends inside one."""
    sink = Collector()
    seen = []
    piped = Piped(sink, stream_filter=StreamFilter(strip_ansi=True, on_text=seen.append))
    for part in (b"\x1b[3", b"1mred\x1b", b"[0m \x1b["):
        piped.write(part)
        piped.pump.drain()
    await piped.close()
    assert sink.data == piped.ring.tail(100) == b"".join(seen) == b"red \x1b["


@running
async def test_output_of_colours_alone_does_not_pass_a_full_sink():
    """A chunk that becomes empty does not make a full sink count as ready."""
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
async def test_a_receiver_of_the_data_may_close_the_pump():
    """Its descriptor may be reused at once, and is not touched again."""
    piped = Piped(Collector(), stream_filter=StreamFilter(on_raw=lambda _data: piped.pump.close()), holds=PIPE_SIZE)
    piped.write(b"x" * (2 * READ_SIZE))
    piped.pump.drain()
    assert piped.pump.bytes_in == piped.pump.unread == READ_SIZE
    assert not piped.eof.done()
    os.close(piped.writer)


@running
async def test_bytes_that_cannot_be_written_are_counted():
    """Bytes in are bytes in the file plus bytes lost."""
    disks = patient_disks(asyncio.get_running_loop())
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
    """The kernel refuses sizes above the system's limit."""
    sink = Collector()
    piped = Piped(sink, pipe_size=1 << 31 - 1)
    piped.write(b"x" * USUAL_SIZE)
    await piped.close()
    assert sink.data == b"x" * USUAL_SIZE


@running
async def test_a_pipe_is_enlarged_when_it_is_found_full():
    """A program that writes little, or nothing, leaves it as it is."""
    piped = Piped(Collector())
    piped.write(b"x" * (USUAL_SIZE - 1))
    piped.pump.read_turn()
    assert fcntl.fcntl(piped.pump.fd, fcntl.F_GETPIPE_SZ) == USUAL_SIZE
    piped.write(b"x" * USUAL_SIZE)
    piped.pump.read_turn()
    assert fcntl.fcntl(piped.pump.fd, fcntl.F_GETPIPE_SZ) == PIPE_SIZE
    await piped.close()
