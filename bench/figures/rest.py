"""What an idle master uses: CPU time, wake-ups, memory."""

import subprocess
import sys
import time
from collections.abc import Collection
from functools import partial

import processes
from figure import Case, Effort, Figure, Values
from lifetime import Life
from supervisors import Peer
from workload import Programs

# Measured with: python3 -c 'import asyncio, h11, subprocess, json, http, glob, ctypes, shlex'
_MEMORY = (
    "Of it 11.1 MiB USS and 20.4 RSS are the interpreter with asyncio (which imports ssl, about 6), h11 and the "
    "modules of the standard library that they and the master take; the rest is procman's own code."
)


def _figures(count: int, rss: float, uss: float) -> tuple[Figure, ...]:
    programs = "1 program" if count == 1 else f"{count} programs"
    return (
        Figure(f"idle cpu {count}", "idle", f"idle, {programs}: CPU", "ms/s", 0, digits=2),
        Figure(f"wakeups {count}", "idle", f"idle, {programs}: wake-ups", "1/s", 0, digits=2),
        Figure(f"rss {count}", "memory", f"memory of the master, {programs}: RSS", "MiB", rss, why=_MEMORY),
        Figure(f"uss {count}", "memory", f"memory of the master, {programs}: USS", "MiB", uss, why=_MEMORY),
    )


def _idle(count: int, peer: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    if peer.name == "floor":
        # One in C would be the least of memory that there is, and no measure for something in Python.
        return _bare_interpreter(count, effort)
    with Life(peer, Programs("stay", count)) as life:
        # What a master still has to do a second after its programs were started is done by then.
        life.boot_and_settle(2)
        return _read(count, life.overseers(), effort)


def _bare_interpreter(count: int, effort: Effort) -> Values:
    code = "import os, signal; os.write(1, b'.'); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        values = _read(count, [process.pid], effort)
        process.kill()
    return values


def _read(count: int, masters: list[int], effort: Effort) -> Values:
    memory = processes.memory(masters)
    meter, began = processes.Meter(masters), time.monotonic()
    time.sleep(effort.of(5, 2))
    took, used = time.monotonic() - began, meter.read()
    return {
        f"rss {count}": [memory.rss],
        f"uss {count}": [memory.uss],
        f"idle cpu {count}": [used.cpu / took * 1000],
        f"wakeups {count}": [used.wakeups / took],
    }


CASES = (
    Case(_figures(1, 22, 11), partial(_idle, 1), most_rounds=2),
    Case(_figures(100, 22.5, 12.5), partial(_idle, 100), most_rounds=2),
)
