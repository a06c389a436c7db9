"""Fixtures for tests of logs."""

import asyncio
import os

import pytest

from tests.support.fake_clock import Clock
from tests.support.silent_disk import SilentDisk, patient_disks
from tests.support.small_pipes import small_pipe


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def said():
    """The reports of problems."""
    return []


@pytest.fixture
def loop():
    """A loop that a test may run; it need not, as long as every disk answers."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def disks(loop):
    made = patient_disks(loop)
    yield made
    made.finish(60)
    made.close()


@pytest.fixture
def pipe():
    """A small pipe, as the console; its read end does not block."""
    reader, writer = small_pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            pass


@pytest.fixture
def run_with_disk(monkeypatch):
    """Runs the steps of a test on a loop, with a disk that can be made silent."""

    def run(steps):
        async def whole():
            held = SilentDisk(monkeypatch)
            await asyncio.wait_for(steps(held), 30)
            held.disks.close()

        asyncio.run(whole())

    return run
