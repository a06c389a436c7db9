"""What tests of logs share."""

import asyncio

import pytest

from procman.logs.disk_worker import Disks
from tests.support.fake_clock import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def said():
    """What somebody was told."""
    return []


@pytest.fixture
def disks():
    """Of a loop that does not run: all that is needed while every disk answers."""
    loop = asyncio.new_event_loop()
    made = Disks(loop)
    yield made
    made.settle(60)
    made.close()
    loop.close()
