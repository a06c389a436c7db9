"""How fast an ended program is restarted, and what that costs the master."""

import os
import signal
import statistics
import time
from collections.abc import Collection
from functools import partial

from figure import Case, Effort, Figure, Values
from lifetime import PATIENCE, Life
from shared_events import Event
from supervisors import Peer, Procman, Recording
from workload import Programs

_KILLED = (
    Figure("restart p50", "restart", "restart after SIGKILL of a program, p50", "ms", 3, digits=2),
    Figure("restart p99", "restart", "restart after SIGKILL of a program, p99", "ms", 8, digits=2),
)


def _killed(peer: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    took = []
    with Life(peer, Programs("stay", startsecs=0)) as life:
        life.boot_and_settle()
        (first,) = life.events.records()
        pid = first.pid
        deadline = time.monotonic() + effort.of(6, 2)
        while len(took) < effort.of(300, 50) and time.monotonic() < deadline:
            seen = life.events.count
            killed = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            life.events.wait_for(seen + 1, PATIENCE)
            (record,) = life.events.records(seen)
            took.append((record.time - killed) * 1000)
            pid = record.pid
            time.sleep(0.002)  # for what the master still has to write down
    return {"restart p50": [statistics.median(took)], "restart p99": [percentile(took, 99)]}


def percentile(values: list[float], part: float) -> float:
    """The smallest value that the given percentage of values does not exceed."""
    values = sorted(values)
    return values[min(int(len(values) * part / 100), len(values) - 1)]


def restart_figures(count: int, peer: Peer, effort: Effort) -> dict[str, float]:
    """Of programs that exit at once: `restarts` per second, and the master's `CPU per restart` in milliseconds."""
    with Life(peer, Programs("exit", count, startsecs=0)) as life:
        life.events.wait_for(count, PATIENCE)
        time.sleep(1)
        seen, meter, began = life.events.count, life.meter(), time.monotonic()
        time.sleep(effort.of(4, 2))
        until, used = time.monotonic(), meter.read()
        restarts = sum(
            began <= record.time < until and record.event is Event.STARTED for record in life.events.records(seen)
        )
    values = {"restarts": restarts / (until - began)}
    if restarts:
        values["CPU per restart"] = used.cpu / restarts * 1000
    return values


def _rate(count: int, peer: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    keys = {"restarts": f"rate {count}", "CPU per restart": f"cpu per restart {count}"}
    return {keys[figure]: [value] for figure, value in restart_figures(count, peer, effort).items()}


def _recorded(_: Peer, effort: Effort, wanted: Collection[str]) -> Values:
    values = _rate(50, Recording(), effort, wanted)
    return {f"{key} recorded": found for key, found in values.items()}


CASES = (
    Case(_KILLED, _killed),
    Case(
        (Figure("rate 1", "rate", "restarts per second, 1 program that exits at once", "1/s", 600, True),),
        partial(_rate, 1),
    ),
    Case(
        (
            Figure("rate 50", "rate", "restarts per second, 50 programs that exit at once", "1/s", 900, True),
            Figure("cpu per restart 50", "rate", "the master's CPU per restart (50 programs)", "ms", 0.6, digits=2),
        ),
        partial(_rate, 50),
    ),
    Case(
        (
            Figure("rate 50 recorded", "recorded", "restarts per second, 50 programs, with record=", "1/s", 900, True),
            Figure(
                "cpu per restart 50 recorded",
                "recorded",
                "the master's CPU per restart, with record=",
                "ms",
                0.65,
                digits=2,
            ),
        ),
        _recorded,
        can=lambda peer: isinstance(peer, Procman),
    ),
)
