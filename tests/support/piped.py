"""A pump on a pipe that the test writes to, and a sink that the test can fill."""

import asyncio
import fcntl
import itertools
import os
import time

from procman.logs.fair_scheduler import SLICE, FairScheduler
from procman.logs.pump import Pump
from procman.logs.ring import Ring


class Collector:
    """A sink that takes `appetite` chunks and is then full until `feed` is called."""

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

    def __init__(self, *sinks, clock=time.monotonic, holds=None, **options):
        """The pipe holds so many bytes from the beginning, if that is given."""
        self.loop = asyncio.get_running_loop()
        reader, self.writer = os.pipe()
        if holds is not None:
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, holds)
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


def slow_clock(share):
    """A clock by which each reading takes that share of a slice."""
    return map(SLICE.__mul__, itertools.count(0, share)).__next__
