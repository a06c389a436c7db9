"""Many pumps share the time of the loop."""

import asyncio
import os

from procman.logs.fair_scheduler import FairScheduler
from procman.logs.filters import StreamFilter
from procman.logs.pump import Pump
from procman.logs.ring import Ring
from tests.support.piped import Collector, running, slow_clock


@running
async def test_pumps_share_a_slice_of_each_turn():
    """Of many busy pumps, as many read in one turn as the slice has room for, and none is forgotten."""
    loop = asyncio.get_running_loop()
    scheduler = FairScheduler(loop, slow_clock(0.4))
    served, pumps = [], {}
    for name in "abcdefg":
        reader, writer = os.pipe()
        os.write(writer, b"x")

        def heard(data, name=name, writer=writer):
            served.append(name)
            os.write(writer, data)

        pumps[name] = Pump(scheduler, reader, [Collector()], Ring(), stream_filter=StreamFilter(on_raw=heard)), writer
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
async def test_a_pump_closed_while_waiting_for_its_turn_reads_no_more():
    """Its descriptor may have been reused by then."""
    scheduler = FairScheduler(asyncio.get_running_loop(), slow_clock(1))
    first, second = Collector(), Collector()
    pipes = [os.pipe(), os.pipe()]
    pumps = [Pump(scheduler, reader, [sink], Ring()) for (reader, _), sink in zip(pipes, (first, second), strict=True)]
    for _, writer in pipes:
        os.write(writer, b"x")
    for pump in pumps:
        scheduler.ready(pump)
    assert (first.data, second.data) == (b"x", b"")
    pumps[1].close()
    await asyncio.sleep(0)
    assert (second.data, pumps[1].unread) == (b"", 1)
    pumps[0].close()
    for _, writer in pipes:
        os.close(writer)
