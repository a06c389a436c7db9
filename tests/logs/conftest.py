"""What tests of logs share."""

import asyncio

import pytest

from procman.logs.disk_workers import DiskWorkers
from tests.support.fake_clock import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def said():
    """What somebody was told."""
    return []


@pytest.fixture
def loop():
    """A loop that a test may run; it need not, as long as every disk answers."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def disks(loop):
    made = DiskWorkers(loop)
    yield made
    made.finish(60)
    made.close()
