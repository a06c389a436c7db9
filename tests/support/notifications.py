"""A bus for tests: it publishes what the test passes, and an exception of a subscriber fails the test."""

from itertools import count

import pytest

from procman.runtime.bus import Bus, BusEvent, Notification, Sequence

_numbers = count(1)


def new_bus() -> Bus:
    """A bus without subscribers."""
    return Bus(Sequence(), pytest.fail)


def notify(event: BusEvent) -> Notification:
    """The event as a subscriber gets it."""
    return Notification(next(_numbers), event)
