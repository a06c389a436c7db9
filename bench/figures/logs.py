"""How fast output reaches its destination, and what that costs the master."""

import tempfile
import time
from collections.abc import Collection
from functools import partial
from typing import Any

from figure import Case, Effort, Figure, Values
from lifetime import PATIENCE, Life
from shared_events import Event
from supervisors import Peer
from workload import Log, Programs

_GIB = 1024
_ROTATED = 50 * 1000 * 1000


def _flood(key: str, programs: Programs, mib: int, peer: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    """The rate from the opening of the gate to the last byte of the last program."""
    mib = effort.of(mib, max(mib // 4, 1))
    some = Programs(f"flood {mib}", programs.count, 1, programs.log, programs.maxbytes, programs.backups)
    with Life(peer, some) as life:
        life.boot_and_settle()
        _have_memory(life.folder, mib * some.count)
        meter, seen = life.meter(), life.events.count
        opened = life.events.open_gate()
        life.events.wait_for(seen + some.count, PATIENCE)
        used = meter.read()
        written = max(record.time for record in life.events.records(seen) if record.event is Event.WRITTEN)
        total = mib * some.count
    return {key: [total / (written - opened)], f"{key} cpu": [used.cpu / total * _GIB]}


def _have_memory(folder: str, mib: int) -> None:
    """Make that much free memory available.

    The host of a virtual machine takes back free memory after some seconds, and the next program that writes then does
    so at a third of the speed.
    """
    block = bytes(1 << 20)
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(mib):
            file.write(block)


def _lines(peer: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    some = Programs("lines 10", 100, log=Log.FILE)
    with Life(peer, some) as life:
        life.boot_and_settle()
        meter, began = life.meter(), time.monotonic()
        time.sleep(effort.of(5, 2))
        used, took = meter.read(), time.monotonic() - began
    return {"lines": [used.cpu / took * 1000]}


def _case(
    key: str, label: str, programs: Programs, mib: int, target: float, *, cpu: float | None = None, **more: Any
) -> Case:
    name = key.split(maxsplit=1)[0]
    figures = (
        Figure(key, name, label, "MiB/s", target, True, 0),
        Figure(f"{key} cpu", name, f"{label}: CPU", "s/GiB", cpu, digits=2),
    )
    moves_output = programs.log is Log.FILE
    return Case(figures, partial(_flood, key, programs, mib), moves_output=moves_output, **more)


CASES = (
    _case("log", "log to a file, one program", Programs("", log=Log.FILE), 1024, 1600, cpu=0.45),
    _case("rotated", "log to a file, rotated at 50 MB", Programs("", log=Log.FILE, maxbytes=_ROTATED), 1024, 1300),
    _case("many", "log to files, 50 programs at once", Programs("", 50, log=Log.FILE, maxbytes=_ROTATED), 32, 2000),
    _case("console", "log to the console, a pipe, raw", Programs("", log=Log.CONSOLE), 1024, 800),
    _case(
        "console prefixed",
        "log to the console, a pipe, prefixed",
        Programs("", log=Log.PREFIXED),
        512,
        400,
        can=lambda peer: peer.prefixes,
    ),
    Case((Figure("lines", "lines", "100 programs, 10 lines a second each: CPU", "ms/s", 40),), _lines),
)
